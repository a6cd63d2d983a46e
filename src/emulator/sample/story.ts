import type { JsonObject } from '../../core/json.ts';

/** One piece of the account's work: its flows and the steps they are made of. */
export interface Story {
  readonly flows: readonly JsonObject[];
  readonly exports: readonly JsonObject[];
  readonly imports: readonly JsonObject[];
}
