import { setMaxListeners } from 'node:events';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { AppError, EXIT, messageOf } from '../../core/errors.ts';
import { createGit, GitFailure } from '../../mirror/git.ts';
import { ensureBranch, pullRemote, type RemoteState } from '../../mirror/remote.ts';
import { repairClone, saysDamage } from '../../mirror/repair-clone.ts';
import { openRepository, type Repository } from '../../mirror/repository.ts';
import { measure, tidyUp } from '../../mirror/upkeep.ts';
import { knownFailure } from '../failures.ts';
import { IDMAPS } from '../idmaps.ts';
import type { SyncReport } from '../report.ts';
import { accountRuns } from './account-runs.ts';
import { pushAccounts } from './push-accounts.ts';
import type { SyncDeps, SyncOptions } from './sync-deps.ts';

/** Folders at the top of the repository that are the mirror's. */
export function ownFolders(config: Config): string[] {
  return [...config.accounts.map(({ name }) => name), IDMAPS];
}

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
  const startedMs = performance.now();
  const folders = ownFolders(deps.config);
  const { remote, stateless } = deps.config.repository;
  if (stateless && !remote) {
    throw new AppError('USAGE', 'a stateless run needs a remote: without one its commits would be lost', {
      hint: 'Set repository.remote (or $MIRROR_REMOTE), or keep the clone and leave out stateless',
    });
  }
  const lost = new AbortController();
  const signal = AbortSignal.any([deps.signal, lost.signal]);
  setMaxListeners(0, signal);
  const runs = accountRuns({ ...deps, signal }, accounts, options);
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
  // Awaited below; until then a failure must not count as unhandled.
  opening.catch(() => undefined);

  const prepare = () => {
    const preparing = prepareClone(opening, remote, folders, deps.now, options.dryRun);
    preparing.catch(() => undefined);
    return preparing;
  };
  const mendable = !options.dryRun && !stateless;
  const mended = async (): Promise<boolean> => {
    const repository = signal.aborted ? undefined : await opening.catch(() => undefined);
    const did = repository && (await mend({ ...deps, signal }, repository));
    if (did) runs.notice(`the clone was damaged and is mended: ${did}`);
    return Boolean(did);
  };

  try {
    let preparing = prepare();
    let reports = await runs.mirror(preparing.then(({ repository }) => repository));
    let prepared = await preparing.catch(() => undefined);
    if ((runs.damaged() || isDamage(prepared?.pulled)) && mendable && (await mended())) {
      preparing = prepare();
      reports = await runs.mirror(preparing.then(({ repository }) => repository));
      prepared = await preparing.catch(() => undefined);
    }
    let state: RemoteState = prepared?.pulled ?? { state: 'none' };
    const pushing = remote !== undefined && options.push && !options.dryRun;
    if (prepared && pushing && state.state !== 'behind') {
      const { repository, head: since } = prepared;
      const { now } = deps;
      ({ state, reports } = await pushAccounts({ repository, remote, since, folders, runs, now, signal }, reports));
    }
    // The next run pushes.
    if (isDamage(state) && mendable && !signal.aborted) await mended();
    if (prepared && options.upkeep && !signal.aborted) await lookAfter(prepared.repository, deps);
    const shown: RemoteState | { state: 'skipped' } = pushing ? state : { state: remote ? 'skipped' : 'none' };
    return reports.map((report) => {
      const final = finishReport(report, shown, runs.notices, {
        startedMs,
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

/** The clone on its branch, with what others pushed, and where it stands then. `dryRun`: as it is. */
async function prepareClone(
  opening: Promise<Repository>,
  remote: string | undefined,
  folders: readonly string[],
  now: () => Date,
  dryRun: boolean,
) {
  const repository = await opening;
  // A look leaves the clone where it stands; only where there is none yet has it to be made.
  if (dryRun && (await repository.head()) !== undefined)
    return { repository, pulled: { state: 'none' } satisfies RemoteState, head: undefined };
  await ensureBranch(repository);
  const pulled = await pullRemote(repository, remote, folders, now());
  return { repository, pulled, head: remote ? await repository.head() : undefined };
}

/** Whether the exchange with the remote failed over objects of the clone. */
function isDamage(state: RemoteState | undefined): boolean {
  return state?.state === 'behind' && saysDamage(state.reason);
}

/** Mends a damaged clone. Gives what was done; nothing when it cannot be mended: then the first failure is told. */
async function mend(deps: SyncDeps, repository: Repository): Promise<string | undefined> {
  const { config, env, signal } = deps;
  try {
    return await repairClone({
      repository,
      remote: config.repository.remote,
      folders: ownFolders(config),
      gitIn: (cwd) => createGit({ cwd, config: config.repository, env, helperDir: repository.stateDir, signal }),
    });
  } catch (error) {
    if (signal.aborted || !knownFailure(error)) throw error;
    return undefined;
  }
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
