import { setMaxListeners } from 'node:events';
import { ApiError } from '../celigo/errors.ts';
import type { AccountConfig, Config } from '../config/schema.ts';
import type { Person } from '../core/attribution.ts';
import { AppError, CODES, EXIT, messageOf } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { MirrorFile, Transliterate } from '../core/layout.ts';
import { GitFailure } from '../mirror/git.ts';
import { ensureBranch, pullRemote, pushRemote, type RemoteState } from '../mirror/remote.ts';
import { openRepository, type Repository } from '../mirror/repository.ts';
import { IDMAPS } from './idmaps.ts';
import type { Reporter, SyncReport } from './report.ts';
import { runAccount } from './sync-account.ts';

/** What `sync` was asked to do. */
export interface SyncOptions {
  /** Fetch everything again, also what did not change. */
  readonly full: boolean;
  /** Tell what would be committed; touch nothing. */
  readonly dryRun: boolean;
  readonly push: boolean;
  /** Consent to deletions beyond the guards and to an empty account. */
  readonly allowDeletions: boolean;
  /**
   * What to do with more deletions than the guards allow: refuse the run, or hold these deletions back (their files stay)
   * and mirror the rest. `refuse` unless given.
   */
  readonly beyondGuards?: 'refuse' | 'hold';
  /** Told of every resource that is new or changed, with its document in the mirror's form. */
  readonly seen?: (dir: string, id: string, doc: JsonObject) => void;
  /** This run commits what a restore did. */
  readonly restore?: RestoreCommit;
}

/** How the changes of a restore are committed. */
export interface RestoreCommit {
  readonly id: string;
  readonly operator: Person;
  /** Resources that the restore wrote, `<type>/<id>`; changes of others are attributed as ever. */
  readonly touched: ReadonlySet<string>;
  /** Files beside the account folders to commit with it: path from the root of the repository, text. */
  readonly files: readonly MirrorFile[];
}

/** What a run needs from the outside. */
export interface SyncDeps {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  readonly report: Reporter;
  readonly transliterate: Transliterate;
  readonly userAgent: string;
  /** How long to wait for another process that works on the clone, in milliseconds. */
  readonly lockWaitMs: number;
  /** Called once when a run turns out to write very many files: time to spare memory rather than time. */
  readonly onManyFiles: () => void;
  readonly signal: AbortSignal;
}

/** Folders at the top of the repository that are the mirror's. */
export function ownFolders(config: Config): string[] {
  return [...config.accounts.map(({ name }) => name), IDMAPS];
}

/** The worst exit code of several runs: failed before refused before partial. */
export function worstExit(reports: readonly Pick<SyncReport, 'exitCode'>[]): number {
  const order = [EXIT.usage, EXIT.failed, EXIT.refused, EXIT.partial];
  return order.find((code) => reports.some(({ exitCode }) => exitCode === code)) ?? EXIT.done;
}

/** A failure in the form of the report, or `undefined` for a fault of the program itself. */
export function knownFailure(
  error: unknown,
): { code: keyof typeof CODES; message: string; hint?: string } | undefined {
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
    const full = /no space left|disk quota/i.test(error.message);
    const hint = full
      ? 'Free some space; what was not committed is found again by the next run'
      : 'celigo-mirror doctor looks into the repository';
    return { code: 'REPOSITORY', message: error.message, hint };
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EROFS' || code === 'EACCES' || code === 'EDQUOT' || code === 'EPERM') {
    return {
      code: 'REPOSITORY',
      message: messageOf(error),
      hint: 'Check free space and write access of the mirror folder',
    };
  }
  return undefined;
}

/** A report of a run that ended before it could tell anything else. */
function failedReport(account: string, error: unknown, dryRun: boolean, startedMs: number): SyncReport {
  const failure = knownFailure(error);
  if (!failure) throw error;
  const exitCode = CODES[failure.code].exit;
  return {
    account,
    runId: '',
    verdict: exitCode === EXIT.refused ? 'refused' : 'failed',
    exitCode,
    dryRun,
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
    durationMs: Math.round(performance.now() - startedMs),
    error: failure,
  };
}

/**
 * Mirrors the named accounts one after the other into the repository of the configuration. A failure of one account is its
 * report; the others are mirrored all the same.
 * @returns one report an account, in order
 */
export async function syncAccounts(
  deps: SyncDeps,
  accounts: readonly AccountConfig[],
  options: SyncOptions,
): Promise<readonly SyncReport[]> {
  const started = performance.now();
  const names = ownFolders(deps.config);
  const lost = new AbortController();
  const signal = AbortSignal.any([deps.signal, lost.signal]);
  setMaxListeners(0, signal);
  const notices: string[] = [];
  const opening = openRepository({
    config: deps.config.repository,
    env: deps.env,
    lockWaitMs: deps.lockWaitMs,
    signal,
    onNotice: (message) => {
      notices.push(message);
      for (const account of accounts) deps.report({ name: 'notice', account: account.name, message });
    },
    onLost: (error) =>
      lost.abort(
        new AppError('LOCKED', `the lock on the clone was lost: ${messageOf(error)}`, {
          hint: 'Nothing was committed after that; run again',
        }),
      ),
  });
  // Awaited below; until then a failure must not count as unhandled.
  opening.catch(() => undefined);

  const { remote } = deps.config.repository;
  const prepared = (async (): Promise<{ repository: Repository; pulled: RemoteState }> => {
    const repository = await opening;
    await ensureBranch(repository);
    return { repository, pulled: await pullRemote(repository, remote, names, deps.now()) };
  })();
  prepared.catch(() => undefined);

  const reports: SyncReport[] = [];
  try {
    for (const account of accounts) {
      deps.report({ name: 'account.started', account: account.name });
      const begun = performance.now();
      let report: SyncReport;
      try {
        report = await runAccount(
          { ...deps, signal },
          account,
          options,
          prepared.then(({ repository }) => repository),
        );
      } catch (error) {
        report = failedReport(account.name, signal.aborted ? signal.reason : error, options.dryRun, begun);
      }
      reports.push(report);
      if (signal.aborted) break;
    }
    const opened = await prepared.catch(() => undefined);
    let state: RemoteState = opened?.pulled ?? { state: 'none' };
    if (opened && remote && options.push && !options.dryRun && !signal.aborted && state.state !== 'behind') {
      state = await pushRemote(opened.repository, remote, names, deps.now());
    }
    const pushing = remote !== undefined && options.push && !options.dryRun;
    return reports.map((report) => {
      const final = finishReport(
        report,
        pushing ? state : { state: remote ? 'skipped' : 'none' },
        notices,
        started,
        reports.length,
      );
      deps.report({ name: 'account.done', account: final.account, report: final });
      return final;
    });
  } finally {
    const opened = await opening.catch(() => undefined);
    // The lock may be gone already when it was lost; there is nothing left to give back then.
    await opened?.close().catch(() => undefined);
  }
}

function finishReport(
  report: SyncReport,
  remote: SyncReport['remote'],
  notices: readonly string[],
  startedMs: number,
  accounts: number,
): SyncReport {
  const unpushed = remote.state === 'behind' && report.exitCode === EXIT.done;
  return {
    ...report,
    remote,
    notices: [...notices, ...report.notices],
    ...(accounts === 1 ? { durationMs: Math.round(performance.now() - startedMs) } : {}),
    ...(unpushed ? { exitCode: EXIT.partial, verdict: 'partial' as const } : {}),
  };
}
