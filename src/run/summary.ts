import type { SyncReport } from './report.ts';

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

/** How an account fares after a run with this verdict. */
export function healthOf(verdict: SyncReport['verdict']): Health {
  return verdict === 'changed' || verdict === 'unchanged' ? 'ok' : verdict;
}
