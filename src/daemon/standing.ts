import type { SyncReport } from '../run/report.ts';

/** How an account fares, going by its last run. */
export type Health = 'unknown' | 'ok' | 'partial' | 'refused' | 'failed';

/** What is kept of a run. Times are ISO 8601. */
export interface RunSummary {
  readonly runId: string;
  readonly verdict: SyncReport['verdict'];
  readonly exitCode: number;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly durationMs: number;
  readonly changes: number;
  readonly commits: SyncReport['commits'];
  readonly incomplete: readonly string[];
  readonly remote: SyncReport['remote'];
  readonly error?: NonNullable<SyncReport['error']>;
}

/** An account as the daemon knows it. Times are ISO 8601. */
export interface Standing {
  readonly health: Health;
  /** Since when it is so. */
  readonly since?: string;
  /** End of the last run that ended with exit code 0. */
  readonly lastSuccess?: string;
  /** Runs in a row that failed or were refused. */
  readonly failures: number;
  /** No scheduled run before this time. */
  readonly pausedUntil?: string;
  readonly lastRun?: RunSummary;
}

/** What is known of an account that was never run. */
export const UNKNOWN: Standing = { health: 'unknown', failures: 0 };

/** When an account that fails is left alone for a while. */
export interface BackoffPolicy {
  /** Failures in a row from which on it is. */
  readonly after: number;
  readonly intervalMs: number;
  readonly longestMs: number;
}

export function summaryOf(report: SyncReport, startedAt: Date, endedAt: Date): RunSummary {
  return {
    runId: report.runId,
    verdict: report.verdict,
    exitCode: report.exitCode,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    durationMs: endedAt.getTime() - startedAt.getTime(),
    changes: report.changes.length,
    commits: report.commits,
    incomplete: report.incomplete,
    remote: report.remote,
    ...(report.error ? { error: report.error } : {}),
  };
}

function healthOf(verdict: SyncReport['verdict']): Health {
  return verdict === 'changed' || verdict === 'unchanged' ? 'ok' : verdict;
}

/** How long an account pauses after so many failures in a row, in milliseconds. */
export function pauseMs(failures: number, policy: BackoffPolicy): number {
  if (failures < policy.after) return 0;
  return Math.min(policy.intervalMs * 2 ** (failures - policy.after), policy.longestMs);
}

/** The standing after one more run. */
export function standingAfter(before: Standing, run: RunSummary, policy: BackoffPolicy): Standing {
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

/** The standing without its pause: a person, or a new configuration, may have mended the cause. */
export function resumed({ pausedUntil: _over, ...standing }: Standing): Standing {
  return standing;
}
