import { ApiError } from '../celigo/errors.ts';
import { AppError, CODES, type Code, EXIT, messageOf } from '../core/errors.ts';
import { GitFailure, isTidiedAway } from '../git/git.ts';
import type { SyncReport } from './report.ts';

/** The worst exit code of several runs: failed before refused before partial. */
export function worstExit(reports: readonly Pick<SyncReport, 'exitCode'>[]): number {
  const order = [EXIT.usage, EXIT.failed, EXIT.refused, EXIT.partial];
  return order.find((code) => reports.some(({ exitCode }) => exitCode === code)) ?? EXIT.done;
}

/** A failure that a user can meet, in the form of the report. */
export interface KnownFailure {
  readonly code: Code;
  readonly message: string;
  readonly hint?: string;
}

/** What a system refuses, whatever the program does (`errno`), and the remedy. */
const SURROUNDINGS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['ENOSPC', 'EROFS', 'EACCES', 'EDQUOT', 'EPERM', 'ENOTDIR', 'ELOOP'].map((code) => [
      code,
      'Check free space and write access of the mirror folder',
    ]),
  ),
  EIO: 'Check the disk: it cannot be read or written there',
  EMFILE: 'Raise the limit of open files (ulimit -n)',
  ENFILE: 'Raise the limit of open files of this machine',
};

/** A failure in the form of the report, or `undefined` for a fault of the program itself. */
export function knownFailure(error: unknown): KnownFailure | undefined {
  if (error instanceof AppError) {
    return { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) };
  }
  if (error instanceof ApiError) {
    return {
      code: 'API',
      message: error.message,
      hint: 'Check region or baseUrl, the network and the status page of the service; nothing was committed',
    };
  }
  if (error instanceof GitFailure) {
    const full = /no space left|out of diskspace|disk quota/i.test(error.message);
    const hint = full
      ? 'Free some space; the next run finds again what was not committed'
      : 'Check the repository with: celigo-mirror doctor';
    if (!full && isTidiedAway(error)) {
      return {
        code: 'REPOSITORY',
        message: `another program removed from the clone what this run had just written: ${error.message}`,
        hint: 'Run again, and run neither git gc --prune=now nor git prune in the clone while a run is in progress',
      };
    }
    return { code: 'REPOSITORY', message: error.message, hint };
  }
  const hint = SURROUNDINGS[(error as NodeJS.ErrnoException | undefined)?.code ?? ''];
  return hint === undefined ? undefined : { code: 'REPOSITORY', message: messageOf(error), hint };
}

/** What a run asked of the API. */
export type RequestCounts = Pick<SyncReport, 'requests' | 'retries' | 'throttledMs'>;

/** A report of a run that did nothing, to be filled in. */
export function emptyReport(account: string): SyncReport {
  return {
    account,
    runId: '',
    verdict: 'unchanged',
    exitCode: EXIT.done,
    dryRun: false,
    types: [],
    changes: [],
    commits: [],
    incomplete: [],
    unavailable: [],
    remote: { state: 'skipped' },
    notices: [],
    requests: 0,
    retries: 0,
    throttledMs: 0,
    durationMs: 0,
  };
}

/** The report of a run that failed before it did anything. @throws the error itself, unless it is a known one */
export function failedReport(
  account: string,
  error: unknown,
  run: {
    readonly runId: string;
    readonly dryRun: boolean;
    readonly startedMs: number;
    readonly requests: RequestCounts;
  },
): SyncReport {
  const failure = knownFailure(error);
  if (!failure) throw error;
  const exitCode = CODES[failure.code].exit;
  return {
    ...emptyReport(account),
    ...run.requests,
    runId: run.runId,
    verdict: exitCode === EXIT.refused ? 'refused' : 'failed',
    exitCode,
    dryRun: run.dryRun,
    durationMs: Math.round(performance.now() - run.startedMs),
    error: failure,
  };
}

/** The report of a run that was stopped after it had committed. */
export function abandoned(report: SyncReport, failure: KnownFailure): SyncReport {
  return { ...report, verdict: 'failed', exitCode: CODES[failure.code].exit, error: failure };
}
