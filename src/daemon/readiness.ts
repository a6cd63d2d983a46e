import type { AccountState } from './account-state.ts';
import { nthAfter, type Timetable } from './schedule.ts';

/** Scheduled times that may go by without a good run. */
const TIMES_ALLOWED = 2;

/** Whether an account's mirror can be relied on, and why not. */
interface Readiness {
  readonly ready: boolean;
  readonly reason?: string;
}

/**
 * Whether the last good run is young enough: younger than `withinMs`, or, without that, at most two scheduled times
 * old.
 */
export function readinessOf(
  { lastSuccess }: AccountState,
  timetable: Timetable,
  withinMs: number | undefined,
  now: Date,
): Readiness {
  if (lastSuccess === undefined) return { ready: false, reason: 'no good run yet' };
  const last = new Date(lastSuccess);
  const until =
    withinMs === undefined ? nthAfter(timetable, last, TIMES_ALLOWED + 1) : new Date(last.getTime() + withinMs);
  if (now < until) return { ready: true };
  return { ready: false, reason: `the last good run ended ${lastSuccess}, too long ago` };
}
