import type { AppError } from '../../core/errors.ts';
import type { Chosen } from './choose-state.ts';
import type { Fetched } from './fetch-target.ts';
import type { Planned } from './make-plan.ts';
import type { Matched } from './match.ts';
import type { RestoreContext } from './request.ts';

/** A restore that is planned, but not started: what the stages before the first write found. */
export interface Prepared extends RestoreContext, Chosen, Fetched, Matched, Planned {
  /** Why the plan must not be applied as it is, with what to do next; empty when it may. */
  readonly refusals: readonly AppError[];
  /** `performance.now()` when the plan was ready. */
  readonly plannedAtMs: number;
}
