import { type Health, healthOf, type RunSummary } from '../run/summary.ts';

/** The state of an account. Times are ISO 8601. */
export interface AccountState {
  readonly health: Health;
  /** When it took on this health. */
  readonly since?: string;
  /** End of the last run that ended with exit code 0. */
  readonly lastSuccess?: string;
  /** Runs in a row that failed or were refused. */
  readonly failures: number;
  /** No scheduled run before this time. */
  readonly pausedUntil?: string;
  readonly lastRun?: RunSummary;
}

/** The state of an account that never ran. */
export const UNKNOWN: AccountState = { health: 'unknown', failures: 0 };

/** When and how long an account that keeps failing pauses. */
export interface BackoffPolicy {
  /** Failures in a row before the first pause. */
  readonly after: number;
  readonly intervalMs: number;
  readonly longestMs: number;
}

/** How long an account pauses after so many failures in a row, in milliseconds. */
export function pauseMs(failures: number, policy: BackoffPolicy): number {
  if (failures < policy.after) return 0;
  return Math.min(policy.intervalMs * 2 ** (failures - policy.after), policy.longestMs);
}

/** The state after one more run. */
export function accountStateAfter(before: AccountState, run: RunSummary, policy: BackoffPolicy): AccountState {
  const health = healthOf(run.verdict);
  const failures = health === 'failed' || health === 'refused' ? before.failures + 1 : 0;
  const pause = pauseMs(failures, policy);
  const lastSuccess = health === 'ok' ? run.endedAt : before.lastSuccess;
  return {
    health,
    since: health === before.health ? (before.since ?? run.endedAt) : run.endedAt,
    ...(lastSuccess ? { lastSuccess } : {}),
    failures,
    ...(pause > 0 ? { pausedUntil: new Date(Date.parse(run.endedAt) + pause).toISOString() } : {}),
    lastRun: run,
  };
}

/** The state without its pause: a person, or a new configuration, may have removed the cause. */
export function resumed({ pausedUntil: _over, ...state }: AccountState): AccountState {
  return state;
}
