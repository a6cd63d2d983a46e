import { existsSync, rmSync, writeFileSync } from 'node:fs';
import type { AccountConfig } from '../../config/schema.ts';
import { EXIT } from '../../core/errors.ts';
import { CacheDamaged, removeCache } from '../../mirror/cache.ts';
import { repairFolder } from '../../mirror/repair-folder.ts';
import type { Repository } from '../../mirror/repository.ts';
import { type Staging, writeAlongside } from '../../mirror/staging.ts';
import type { CommitReport, SyncReport } from '../report.ts';
import { type AccountRun, beginRun, endRun } from './account-run.ts';
import { collectAll } from './collect/all.ts';
import { commitChanges } from './commit-changes.ts';
import { coveredTypes, type Decision, decide } from './decide.ts';
import { saveCache } from './save-cache.ts';
import { markerOf, readStartingPoint, type StartingPoint } from './starting-point.ts';
import type { RunDeps, SyncOptions } from './sync-deps.ts';

/**
 * One run of one account: list, compare, decide, commit. Pushing is the caller's.
 * @throws AppError, ApiError, GitFailure: nothing was committed then
 */
export async function runAccount(
  deps: RunDeps,
  account: AccountConfig,
  options: SyncOptions,
  opened: Promise<Repository>,
): Promise<SyncReport> {
  try {
    return await runOnce(deps, account, options, opened);
  } catch (error) {
    if (!(error instanceof CacheDamaged)) throw error;
    deps.report({ name: 'notice', account: account.name, message: 'the cache was damaged and has been rebuilt' });
    removeCache((await opened).stateDir, account.name);
    return runOnce(deps, account, options, opened);
  }
}

async function runOnce(
  deps: RunDeps,
  account: AccountConfig,
  options: SyncOptions,
  opened: Promise<Repository>,
): Promise<SyncReport> {
  const run = beginRun(deps, account, options);
  try {
    const start = await readStartingPoint(run, opened);
    return await mirrorAccount(run, start).finally(() => clearStaging(start.staging));
  } catch (error) {
    await undoPartial(opened, account.name, deps.signal);
    throw error;
  } finally {
    await endRun(run);
  }
}

/** The stages of a run, each taking what those before it gave. */
async function mirrorAccount(run: AccountRun, start: StartingPoint): Promise<SyncReport> {
  const { headState, context } = start;
  const collected = await collectAll(run.deps, run.account, {
    context,
    headState,
    covered: coveredTypes(headState),
    started: run.startedMs,
    stop: run.stop,
  });
  const decision = await decide(run, start, collected);
  const commits = run.options.dryRun ? [] : await commitDecision(run, start, decision);
  if (!run.options.dryRun) {
    const { changes, incomplete, serverTime } = decision;
    await saveCache(start.repository, run.account.name, headState, collected, changes, {
      lastRun: incomplete.length === 0 ? serverTime.toISOString() : headState.cache?.lastRun,
      // Also when a type could not be read: otherwise a type that never can would make every run a sweep.
      full: start.full,
      serverTime,
    });
  }
  return reportOf(run, decision, commits);
}

/**
 * Puts the files in place and commits them. A marker next to the cache shows the next run that this one was killed in
 * between.
 */
async function commitDecision(
  run: AccountRun,
  start: StartingPoint,
  decision: Decision,
): Promise<readonly CommitReport[]> {
  const { deps, account, options, client, notice } = run;
  const { repository, headState, marker, crashed, staging, userId } = start;
  const { changes, generated, incomplete, foreign, serverTime } = decision;
  const settings = [...generated.put.map(({ path }) => path), ...generated.remove];
  const alongside = options.restore?.files ?? [];
  if (changes.length + settings.length + alongside.length === 0) {
    if (crashed) rmSync(marker, { force: true });
    return [];
  }
  for (const file of generated.put) staging.put(file);
  writeFileSync(marker, '');
  const commits = await commitChanges({
    deps,
    client,
    repository,
    account,
    changes,
    settings,
    incomplete,
    first: headState.binding === undefined,
    runId: deps.runId,
    serverTime,
    lastRun: headState.lastRun,
    userId,
    foreign,
    notice,
    ...(options.restore ? { restore: options.restore } : {}),
    apply() {
      staging.apply(
        [...changes.flatMap(({ put }) => put), ...generated.put.map(({ path }) => path)],
        [...changes.flatMap(({ remove }) => remove), ...generated.remove],
      );
      writeAlongside(repository.path, alongside);
    },
  });
  rmSync(marker, { force: true });
  return commits;
}

function reportOf(run: AccountRun, decision: Decision, commits: readonly CommitReport[]): SyncReport {
  const { account, deps, options, client } = run;
  const { changes, generated, types, incomplete, held } = decision;
  const partial = incomplete.length > 0;
  const changed = changes.length + generated.put.length + generated.remove.length > 0;
  return {
    account: account.name,
    runId: deps.runId,
    verdict: partial ? 'partial' : changed ? 'changed' : 'unchanged',
    exitCode: partial ? EXIT.partial : EXIT.done,
    dryRun: options.dryRun,
    types,
    changes,
    commits,
    incomplete,
    unavailable: types.filter(({ state }) => state === 'unavailable').map(({ type }) => type),
    ...(held.length > 0 ? { held } : {}),
    remote: { state: 'skipped' },
    notices: run.notices,
    requests: client.stats.requests,
    retries: client.stats.retries,
    throttledMs: Math.round(client.stats.throttledMs),
    durationMs: Math.round(performance.now() - run.startedMs),
  };
}

/** Puts the folder back to HEAD when a run failed between its files and its last commit. */
async function undoPartial(opened: Promise<Repository>, account: string, signal: AbortSignal): Promise<void> {
  const repository = await opened.catch(() => undefined);
  if (!repository || signal.aborted) return;
  const marker = markerOf(repository, account);
  if (!existsSync(marker)) return;
  try {
    await repairFolder(repository, account, true);
    rmSync(marker, { force: true });
  } catch {
    // The marker stays: the next run repairs before it does anything else.
  }
}

function clearStaging(staging: Staging): void {
  try {
    staging.clear();
  } catch {
    // The next run empties the folder before it uses it.
  }
}
