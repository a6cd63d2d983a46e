import type { AccountConfig, Config } from '../../config/schema.ts';
import { AppError, EXIT, messageOf } from '../../core/errors.ts';
import { RECEIPTS } from '../../core/layout.ts';
import { createGit, GitFailure } from '../../git/git.ts';
import { ensureBranch, pullRemote, type RemoteState } from '../../mirror/remote.ts';
import {
  type CloneRepair,
  canExchange,
  isReadable,
  repairClone,
  setAsideBrokenPacks,
} from '../../mirror/repair-clone.ts';
import { openRepository, type Repository } from '../../mirror/repository.ts';
import { measure } from '../../mirror/upkeep.ts';
import { type KnownFailure, knownFailure } from '../failures.ts';
import { IDMAPS } from '../idmaps.ts';
import type { SyncReport } from '../report.ts';
import { anyOf } from '../signals.ts';
import { type AccountRuns, accountRuns } from './account-runs.ts';
import { type Pushed, pushAccounts } from './push-accounts.ts';
import type { SyncDeps, SyncOptions } from './sync-deps.ts';

/** Folders at the top of the repository that are the mirror's. */
export function ownFolders(config: Config): string[] {
  return [...config.accounts.map(({ name }) => name), IDMAPS, RECEIPTS];
}

/** A sync of several accounts, as each of its stages sees it. */
interface SyncRun {
  /** Its `signal` ends the run, also when the lock is lost. */
  readonly deps: SyncDeps;
  readonly options: SyncOptions;
  readonly runs: AccountRuns;
  /** Folders at the top of the repository that are the mirror's. */
  readonly folders: readonly string[];
  readonly opening: Promise<Repository>;
}

/**
 * Mirrors the named accounts one after the other into the repository of the configuration. A failure of one account is
 * its report; the others are mirrored all the same. When another process mirrored one of them meanwhile and pushed
 * first, its commits are taken over and the accounts are read again: what this run read may be older.
 * @returns one report an account, in order
 * @throws AppError `USAGE` for a stateless run without a remote
 */
export async function syncAccounts(
  deps: SyncDeps,
  accounts: readonly AccountConfig[],
  options: SyncOptions,
): Promise<readonly SyncReport[]> {
  const startedMs = performance.now();
  const { remote, stateless } = deps.config.repository;
  if (stateless && !remote) {
    throw new AppError('USAGE', 'a stateless run needs a remote: without one its commits would be lost', {
      hint: 'Set repository.remote (or $MIRROR_REMOTE), or keep the clone and remove stateless',
    });
  }
  const run = beginSync(deps, accounts, options);
  try {
    const mirrored = await mirrorAccounts(run);
    const { state, reports } = await pushMirrored(run, mirrored);
    const { signal } = run.deps;
    if (mirrored.prepared && options.measured && !signal.aborted)
      await reportMeasures(mirrored.prepared.repository, deps);
    const shown: SyncReport['remote'] = isPushing(run) ? state : { state: remote ? 'skipped' : 'none' };
    return reports.map((report) => {
      const final = finishReport(report, shown, run.runs.notices, { startedMs, accounts: reports.length, stateless });
      deps.report({ name: 'account.done', account: final.account, report: final, runId: final.runId });
      return final;
    });
  } finally {
    const opened = await run.opening.catch(() => undefined);
    // The lock may be gone already when it was lost; there is nothing left to give back then.
    await opened?.close().catch(() => undefined);
  }
}

function beginSync(deps: SyncDeps, accounts: readonly AccountConfig[], options: SyncOptions): SyncRun {
  const lost = new AbortController();
  const signal = anyOf(deps.signal, lost.signal);
  const own: SyncDeps = { ...deps, signal };
  const runs = accountRuns(own, accounts, options);
  const folders = ownFolders(deps.config);
  const opening = openRepository({
    config: deps.config.repository,
    folders,
    env: deps.env,
    lockWaitMs: deps.lockWaitMs,
    signal,
    onNotice: runs.notice,
    onLost: (error) =>
      lost.abort(
        new AppError('LOCKED', `the lock on the clone was lost: ${messageOf(error)}`, {
          hint: 'Nothing was committed after that; run again',
        }),
      ),
  });
  // Awaited by each stage; until then a failure must not count as unhandled.
  opening.catch(() => undefined);
  return { deps: own, options, runs, folders, opening };
}

/** The clone on its branch, with what others pushed. */
interface PreparedClone {
  readonly repository: Repository;
  readonly pulled: RemoteState;
  /** The commit that the run begins with, where there is a remote to push to. */
  readonly head: string | undefined;
}

interface Mirrored {
  /** `undefined` for a clone that could not be opened or prepared: that is the failure of every report. */
  readonly prepared: PreparedClone | undefined;
  readonly reports: readonly SyncReport[];
}

/**
 * Mirrors the accounts; where the clone turns out to be damaged, repairs it and mirrors them again, as it does where
 * what was written had been tidied away.
 */
async function mirrorAccounts(run: SyncRun): Promise<Mirrored> {
  const first = await mirrorOnce(run);
  const behind = first.prepared?.pulled.state === 'behind';
  const repair = first.gitFailed
    ? await repairDamage(run, isReadable)
    : behind
      ? await repairDamage(run, canExchange)
      : SOUND;
  if (repair.state !== 'damaged')
    return repair.state === 'repaired' || (first.tidiedAway && !run.deps.signal.aborted) ? mirrorOnce(run) : first;
  const { failure } = repair;
  return { ...first, reports: first.reports.map((report) => (report.error ? { ...report, error: failure } : report)) };
}

async function mirrorOnce(
  run: SyncRun,
): Promise<Mirrored & { readonly gitFailed: boolean; readonly tidiedAway: boolean }> {
  const preparing = prepareClone(run);
  preparing.catch(() => undefined);
  const { reports, ...failed } = await run.runs.mirror(preparing.then(({ repository }) => repository));
  return { reports, ...failed, prepared: await preparing.catch(() => undefined) };
}

/** The clone on its branch, with what others pushed. A dry run leaves it as it is, unless it has to be created. */
async function prepareClone(run: SyncRun): Promise<PreparedClone> {
  const { deps, options, folders, opening } = run;
  const { remote } = deps.config.repository;
  const repository = await opening;
  if (!options.dryRun && setAsideBrokenPacks(repository)) await repairDamage(run, isReadable);
  if (options.dryRun && (await repository.head()) !== undefined)
    return { repository, pulled: { state: 'none' }, head: undefined };
  await ensureBranch(repository);
  const pulled = await pullRemote(repository, remote, folders, deps.now());
  return { repository, pulled, head: remote ? await repository.head() : undefined };
}

function isPushing({ deps, options }: SyncRun): boolean {
  return deps.config.repository.remote !== undefined && options.push && !options.dryRun;
}

/** Pushes what was committed, as far as the remote could be read. A clone that turns out to be damaged is repaired. */
async function pushMirrored(run: SyncRun, { prepared, reports }: Mirrored): Promise<Pushed> {
  const { deps, runs, folders } = run;
  const { remote } = deps.config.repository;
  const { now, signal } = deps;
  let pushed: Pushed = { state: prepared?.pulled ?? { state: 'none' }, reports };
  if (prepared && remote && isPushing(run) && prepared.pulled.state !== 'behind') {
    const { repository, head: since } = prepared;
    pushed = await pushAccounts({ repository, remote, since, folders, runs, now, signal }, reports);
    // The next run pushes.
    if (pushed.state.state === 'behind') await repairDamage(run, canExchange);
  }
  return pushed;
}

type RepairOutcome =
  | { readonly state: 'sound' | 'repaired' }
  /** Why it is not repaired. */
  | { readonly state: 'damaged'; readonly failure: KnownFailure };

const SOUND: RepairOutcome = { state: 'sound' };

/** Repairs the clone if `check` finds it damaged, and reports what became of it. */
async function repairDamage(run: SyncRun, check: (repository: Repository) => Promise<boolean>): Promise<RepairOutcome> {
  const { config, env, signal, now } = run.deps;
  if (run.options.dryRun || config.repository.stateless || signal.aborted) return SOUND;
  const repository = await run.opening.catch(() => undefined);
  if (!repository) return SOUND;
  try {
    if (await check(repository)) return SOUND;
    const repair = await repairClone({
      repository,
      remote: config.repository.remote,
      folders: run.folders,
      gitIn: (cwd) => createGit({ cwd, config: config.repository, env, signal }),
      now: now(),
    });
    run.runs.notice(`the clone was damaged and has been repaired: ${repairText(repair)}`);
    return { state: 'repaired' };
  } catch (error) {
    const known = signal.aborted ? undefined : knownFailure(error);
    if (!known) throw error;
    const failure = { ...known, message: `the clone is damaged and could not be repaired: ${known.message}` };
    run.runs.notice(failure.message);
    return { state: 'damaged', failure };
  }
}

function repairText({ fetched, tip, lost, aside }: CloneRepair): string {
  const from = fetched
    ? 'its history was fetched again from the remote'
    : `it continues from ${tip.slice(0, 12)}, its newest commit that can be read`;
  const gone = lost.length > 0 ? `; could not be read: ${lost.join(', ')}` : '';
  return `${from}${gone}; the damaged data was moved to ${aside}`;
}

/** Reports size and push lag of the clone. If that fails, the run has not failed. */
async function reportMeasures(repository: Repository, deps: SyncDeps): Promise<void> {
  try {
    const measures = await measure(repository, deps.config.repository.remote !== undefined);
    deps.report({ name: 'repository.measured', measures });
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    for (const { name: account } of deps.config.accounts) {
      deps.report({ name: 'notice', account, message: `the clone could not be measured: ${error.message}` });
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
        hint: remote.remedy ?? 'Check repository.remote and its credentials; the next run finds the changes again',
      },
    };
  }
  return report.exitCode === EXIT.done ? { ...all, exitCode: EXIT.partial, verdict: 'partial' } : all;
}
