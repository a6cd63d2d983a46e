import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { AccountConfig, Config } from '../config/schema.ts';
import type { Person } from '../core/attribution.ts';
import { AppError, EXIT, messageOf } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { MirrorFile, Transliterate } from '../core/layout.ts';
import { createGit, GitFailure } from '../mirror/git.ts';
import { mendClone, saysDamage, tellsOfDamage } from '../mirror/mend.ts';
import { pushRun, startOver } from '../mirror/push.ts';
import { ensureBranch, pullRemote, type RemoteState } from '../mirror/remote.ts';
import { openRepository, type Repository } from '../mirror/repository.ts';
import { measure, tidyUp } from '../mirror/upkeep.ts';
import { abandoned, failedReport, knownFailure, type RequestCounts } from './failures.ts';
import { IDMAPS } from './idmaps.ts';
import type { Reporter, RequestsCounted, SyncReport } from './report.ts';
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
  /** Fetch everything again when that was last done so many milliseconds ago, or never. */
  readonly fullSweepMs?: number;
  /** Measure the clone afterwards (`repository.measured`), and tidy it up when git thinks it worth the while. */
  readonly upkeep?: boolean;
  /** This run commits what a restore did. */
  readonly restore?: RestoreCommit;
}

/** How the changes of a restore are committed. */
export interface RestoreCommit {
  readonly id: string;
  readonly operator: Person;
  /** Resources that the restore wrote, `<type>/<id>`; changes of others are attributed as ever. */
  readonly touched: ReadonlySet<string>;
  /** Those of them that came back from the recycle bin with their ids, `<type>/<id>`. */
  readonly undeleted: ReadonlySet<string>;
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

/** What the run of one account needs. */
export interface RunDeps extends SyncDeps {
  /** Told in every event, in the commits and in the report: `<time>-<random>`. */
  readonly runId: string;
}

/** Gives a run its id, and every event of it too. */
export function identified(deps: SyncDeps): RunDeps {
  const runId = `${deps
    .now()
    .toISOString()
    .replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`;
  return { ...deps, runId, report: (event) => deps.report({ ...event, runId }) };
}

/** Folders at the top of the repository that are the mirror's. */
export function ownFolders(config: Config): string[] {
  return [...config.accounts.map(({ name }) => name), IDMAPS];
}

const NO_REQUESTS: RequestCounts = { requests: 0, retries: 0, throttledMs: 0 };

/** How often a run that others overtook is done anew. */
const FRESH_STARTS = 8;

/**
 * Mirrors the named accounts one after the other into the repository of the configuration. A failure of one account is its
 * report; the others are mirrored all the same. When another process mirrored one of them meanwhile and pushed first,
 * its commits are taken over and the accounts are read anew: what this run read may be older.
 * @returns one report an account, in order
 * @throws AppError `USAGE` for a stateless run without a remote
 */
export async function syncAccounts(
  deps: SyncDeps,
  accounts: readonly AccountConfig[],
  options: SyncOptions,
): Promise<readonly SyncReport[]> {
  const started = performance.now();
  const names = ownFolders(deps.config);
  const { remote, stateless } = deps.config.repository;
  if (stateless && !remote) {
    throw new AppError('USAGE', 'a stateless run needs a remote: without one its commits would be lost', {
      hint: 'Set repository.remote (or $MIRROR_REMOTE), or keep the clone and leave out stateless',
    });
  }
  const lost = new AbortController();
  const signal = AbortSignal.any([deps.signal, lost.signal]);
  setMaxListeners(0, signal);
  const notices: string[] = [];
  const counted = new Map<string, RequestCounts>();
  const runs = accounts.map((account) => ({
    account,
    own: identified({
      ...deps,
      signal,
      report: (event) => {
        if (event.name === 'requests.counted') counted.set(event.account, countsOf(event));
        deps.report(event);
      },
    }),
  }));
  const notice = (message: string): void => {
    notices.push(message);
    for (const { account, own } of runs) own.report({ name: 'notice', account: account.name, message });
  };
  const opening = openRepository({
    config: deps.config.repository,
    folders: names,
    env: deps.env,
    lockWaitMs: deps.lockWaitMs,
    signal,
    onNotice: notice,
    onLost: (error) =>
      lost.abort(
        new AppError('LOCKED', `the lock on the clone was lost: ${messageOf(error)}`, {
          hint: 'Nothing was committed after that; run again',
        }),
      ),
  });
  // Awaited below; until then a failure must not count as unhandled.
  opening.catch(() => undefined);

  const prepare = async () => {
    const repository = await opening;
    await ensureBranch(repository);
    const pulled = await pullRemote(repository, remote, names, deps.now());
    return { repository, pulled, head: remote ? await repository.head() : undefined };
  };
  let prepared = prepare();
  prepared.catch(() => undefined);
  let damaged = false;

  const runAll = async (repository: Promise<Repository>): Promise<SyncReport[]> => {
    const reports: SyncReport[] = [];
    for (const { account, own } of runs) {
      counted.delete(account.name);
      own.report({ name: 'account.started', account: account.name });
      const begun = performance.now();
      try {
        reports.push(await runAccount(own, account, options, repository));
      } catch (error) {
        const cause = signal.aborted ? signal.reason : error;
        damaged ||= tellsOfDamage(cause);
        const requests = counted.get(account.name) ?? NO_REQUESTS;
        const { runId } = own;
        const { dryRun } = options;
        reports.push(failedReport(account.name, cause, { runId, dryRun, startedMs: begun, requests }));
      }
      if (signal.aborted) break;
    }
    return reports;
  };

  const mendable = !options.dryRun && !stateless;
  const mended = async (): Promise<boolean> => {
    const repository = signal.aborted ? undefined : await opening.catch(() => undefined);
    const did = repository && (await mend(deps, repository));
    if (did) notice(`the clone was damaged and is mended: ${did}`);
    return Boolean(did);
  };

  try {
    let reports = await runAll(prepared.then(({ repository }) => repository));
    const pulled = (await prepared.catch(() => undefined))?.pulled;
    if ((damaged || isDamage(pulled)) && mendable && (await mended())) {
      prepared = prepare();
      prepared.catch(() => undefined);
      reports = await runAll(prepared.then((again) => again.repository));
    }
    const opened = await prepared.catch(() => undefined);
    let state: RemoteState = opened?.pulled ?? { state: 'none' };
    const pushing = remote !== undefined && options.push && !options.dryRun;
    if (opened && pushing && state.state !== 'behind') {
      const { repository } = opened;
      let since = opened.head;
      try {
        for (let again = 0; !signal.aborted; again++) {
          const outcome = await pushRun(repository, remote, since, names, deps.now());
          if (outcome.state !== 'overtaken') {
            state = outcome;
            break;
          }
          if (again === FRESH_STARTS) {
            state = { state: 'behind', reason: 'others mirrored the same account first, again and again' };
            break;
          }
          notice(
            'another process mirrored the same account meanwhile: its commits are kept, and this run begins anew',
          );
          await startOver(repository, since, names, deps.now());
          since = await repository.head();
          reports = await runAll(Promise.resolve(repository));
        }
      } catch (error) {
        if (!signal.aborted && tellsOfDamage(error)) state = { state: 'behind', reason: messageOf(error) };
        else {
          // Abandoned while pushing: what was committed stays in the clone and goes out with the next run.
          const failure = signal.aborted ? knownFailure(signal.reason) : undefined;
          if (!failure) throw error;
          state = { state: 'behind', reason: failure.message };
          reports = reports.map((report) => (report.error ? report : abandoned(report, failure)));
        }
      }
    }
    // The next run pushes.
    if (isDamage(state) && mendable && !signal.aborted) await mended();
    if (opened && options.upkeep && !signal.aborted) await lookAfter(opened.repository, deps);
    return reports.map((report) => {
      const final = finishReport(report, pushing ? state : { state: remote ? 'skipped' : 'none' }, notices, {
        startedMs: started,
        accounts: reports.length,
        stateless,
      });
      deps.report({ name: 'account.done', account: final.account, report: final, runId: final.runId });
      return final;
    });
  } finally {
    const opened = await opening.catch(() => undefined);
    // The lock may be gone already when it was lost; there is nothing left to give back then.
    await opened?.close().catch(() => undefined);
  }
}

/** Whether the exchange with the remote failed over objects of the clone. */
function isDamage(state: RemoteState | undefined): boolean {
  return state?.state === 'behind' && saysDamage(state.reason);
}

/** Mends a damaged clone. Gives what was done; nothing when it cannot be mended: then the first failure is told. */
async function mend(deps: SyncDeps, repository: Repository): Promise<string | undefined> {
  const { config, env, signal } = deps;
  try {
    return await mendClone({
      repository,
      remote: config.repository.remote,
      folders: ownFolders(config),
      gitIn: (cwd) =>
        createGit({ cwd, config: config.repository, env, helperDir: repository.stateDir, signal }),
    });
  } catch (error) {
    if (signal.aborted || !knownFailure(error)) throw error;
    return undefined;
  }
}

function countsOf({ statuses, retries, throttledMs }: RequestsCounted): RequestCounts {
  const requests = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  return { requests, retries, throttledMs: Math.round(throttledMs) };
}

/** Tidies the clone up and tells its size and push lag. A failure of that is no failure of the run. */
async function lookAfter(repository: Repository, deps: SyncDeps): Promise<void> {
  try {
    await tidyUp(repository);
    const measures = await measure(repository, deps.config.repository.remote !== undefined);
    deps.report({ name: 'repository.measured', measures });
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    for (const { name: account } of deps.config.accounts) {
      deps.report({ name: 'notice', account, message: `the clone could not be tidied up: ${error.message}` });
    }
  }
}

function finishReport(
  report: SyncReport,
  remote: SyncReport['remote'],
  notices: readonly string[],
  run: { readonly startedMs: number; readonly accounts: number; readonly stateless: boolean },
): SyncReport {
  const all = {
    ...report,
    remote,
    notices: [...notices, ...report.notices],
    ...(run.accounts === 1 ? { durationMs: Math.round(performance.now() - run.startedMs) } : {}),
  };
  if (remote.state !== 'behind' || report.error) return all;
  if (run.stateless && report.commits.length > 0) {
    return {
      ...all,
      exitCode: EXIT.failed,
      verdict: 'failed',
      error: {
        code: 'REPOSITORY',
        message: `the commits could not be pushed, and this clone is not kept: ${remote.reason ?? ''}`,
        hint: 'Check repository.remote and its credentials; the next run finds the changes again',
      },
    };
  }
  return report.exitCode === EXIT.done ? { ...all, exitCode: EXIT.partial, verdict: 'partial' } : all;
}
