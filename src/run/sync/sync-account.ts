import { setImmediate } from 'node:timers/promises';
import type { AccountConfig } from '../../config/schema.ts';
import { EXIT } from '../../core/errors.ts';
import { AlreadyThere } from '../../mirror/check-commits.ts';
import { FolderMoved } from '../../mirror/commit.ts';
import type { Repository } from '../../mirror/repository.ts';
import type { CommitReport, SyncReport } from '../report.ts';
import { type AccountRun, beginRun, endRun } from './account-run.ts';
import { removeCache } from './cache.ts';
import { CacheDamaged } from './cache-file.ts';
import { collectAll } from './collect/all.ts';
import { commitChanges } from './commit-changes.ts';
import { type Decision, decide } from './decide.ts';
import { readPutBack, staysAsEdited } from './put-back.ts';
import { renewDocuments } from './renew-documents.ts';
import { saveCache } from './save-cache.ts';
import { readStartingPoint, type StartingPoint } from './starting-point.ts';
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
    if (error instanceof FolderMoved) return runOnce(deps, account, options, opened);
    if (!(error instanceof CacheDamaged || error instanceof AlreadyThere)) throw error;
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
    const first = await readStartingPoint(run, opened);
    if (first.headState.edits) options.unedited?.(await first.headState.files());
    const renewed = await renewDocuments(run, first).finally(first.objects.discard);
    const start = renewed.length > 0 ? { ...(await readStartingPoint(run, opened)), newRules: true } : first;
    return await mirrorAccount(run, start, renewed).finally(start.objects.discard);
  } finally {
    await endRun(run);
  }
}

/** The stages of a run, each taking what those before it gave. */
async function mirrorAccount(
  run: AccountRun,
  start: StartingPoint,
  renewed: readonly CommitReport[],
): Promise<SyncReport> {
  const collected = await collectAll(run, start);
  if (start.isLarge()) run.deps.spareMemory();
  const decision = await decide(run, start, collected);
  if (staysAsEdited(run, start, decision)) return reportOf(run, decision, renewed, true);
  const putBack = await readPutBack(run, start, decision.changes);
  if (putBack?.notice) run.notice(putBack.notice);
  if (run.options.dryRun) return reportOf(run, decision, [], true, putBack !== undefined);
  const { commits, folder, following } = await commitChanges(run, start, decision, putBack);
  // Git begins first, and works meanwhile.
  await setImmediate();
  saveCache(run, start, collected, decision, folder ?? start.headState.tree ?? '');
  const followed = await following;
  return reportOf(run, decision, [...renewed, ...commits], followed);
}

/**
 * @param followed the files of the work tree are those of the last commit
 * @param pending a run that is not a dry one would make a commit besides those of its changes
 */
function reportOf(
  run: AccountRun,
  decision: Decision,
  commits: readonly CommitReport[],
  followed: boolean,
  pending = false,
): SyncReport {
  const { account, deps, options, client } = run;
  const { changes, generated, types, incomplete, held } = decision;
  const partial = incomplete.length > 0 || !followed;
  const changed = pending || commits.length + changes.length + generated.put.length + generated.remove.length > 0;
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
