import type { ResourceType } from '../../catalogue/types.ts';
import type { JsonObject } from '../../core/json.ts';

/** A document on its way into the store. */
export interface Draft {
  readonly type: ResourceType;
  readonly id: string;
  readonly doc: JsonObject;
  /** As it was sent: what the server then fills in by itself is not there yet. */
  readonly sent: JsonObject;
  /** What is replaced; absent when the document is new. */
  readonly stored: JsonObject | undefined;
}
