import { setMaxListeners } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchUserId } from '../../celigo/audit.ts';
import { clientOf } from '../../celigo/client.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { type Change, countChanges } from '../../core/changes.ts';
import { AppError, EXIT } from '../../core/errors.ts';
import { CacheDamaged, removeCache } from '../../mirror/cache.ts';
import { repairFolder } from '../../mirror/repair-folder.ts';
import type { Repository } from '../../mirror/repository.ts';
import { createStaging, type Staging, writeAlongside } from '../../mirror/staging.ts';
import { type Binding, checkBinding } from '../binding.ts';
import type { SyncReport, TypeReport } from '../report.ts';
import { createClearList, normalisingFor } from './clear-credentials.ts';
import { collectAll } from './collect/all.ts';
import type { CollectContext, Collected } from './collect/types.ts';
import { commitChanges } from './commit-changes.ts';
import { decideDeletions } from './deletions.ts';
import { renderGeneratedFiles } from './generated-files.ts';
import { type HeadState, readHeadState, settingsFiles } from './head-state.ts';
import { saveCache } from './save-cache.ts';
import type { RunDeps, SyncOptions } from './sync-deps.ts';

/** A run that writes so many files is a first one. */
const MANY_FILES = 2_000;

function reportType(collected: Collected, deletions: readonly Change[], doubt: string | undefined): TypeReport {
  const { coverage, type, count } = collected;
  const state = doubt ? 'incomplete' : coverage.state;
  const reason = doubt ?? (coverage.state === 'complete' ? undefined : coverage.reason);
  return {
    type: type.name,
    state,
    ...(reason === undefined ? {} : { reason }),
    listed: count,
    ...countChanges([...collected.changes, ...deletions.filter(({ type: typeName }) => typeName === type.name)]),
  };
}

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
    deps.report({
      name: 'notice',
      account: account.name,
      message: 'the cache was damaged and is made again',
    });
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
  const { runId } = deps;
  const started = performance.now();
  const startTime = deps.now();
  const stop = new AbortController();
  const signal = AbortSignal.any([deps.signal, stop.signal]);
  // Every request and git command listens; their number is bounded by the queue, not by ten.
  setMaxListeners(0, signal);
  const client = clientOf(account, deps.env, {
    userAgent: deps.userAgent,
    onRetry: (event) => deps.report({ name: 'request.retried', account: account.name, ...event }),
  });
  const notices: string[] = [];
  const notice = (message: string): void => {
    notices.push(message);
    deps.report({ name: 'notice', account: account.name, message });
  };
  let staging: Staging | undefined;
  try {
    // The two slowest first steps need nothing of each other.
    const identity = fetchUserId(client, signal);
    identity.catch(() => undefined);
    const repository = await opened;
    const marker = join(repository.stateDir, `${account.name}.applying`);
    const crashed = existsSync(marker);
    const repairing = options.dryRun
      ? Promise.resolve({ foreign: [], rescued: undefined })
      : repairFolder(repository, account.name, crashed);
    repairing.catch(() => undefined);
    const headState = await readHeadState(repository, account);
    const full = options.full || dueForSweep(headState.cache?.lastFull, options.fullSweepMs, startTime);
    const userId = await identity;
    if (headState.binding) checkBinding(headState.binding, { baseUrl: account.baseUrl, userId }, account.name);
    const folder = join(repository.path, account.name);
    const aside = createStaging(folder, join(repository.stateDir, `${account.name}.staging`));
    staging = aside;
    let written = 0;
    const clear = createClearList(account.name);
    const normalise = normalisingFor(account, headState.fingerprintKey);
    const context: CollectContext = {
      client,
      userId,
      normalise,
      clear: clear.add,
      notice,
      lookupCacheData: account.lookupCacheData,
      full,
      transliterate: deps.transliterate,
      format: repository.format,
      put: (file) => {
        aside.put(file);
        written += 1;
        if (written === MANY_FILES) deps.onManyFiles();
      },
      drop: (path) => aside.drop(path),
      ...(options.seen ? { seen: options.seen } : {}),
      signal,
    };

    const covered = new Set(headState.binding?.types);
    const collected = await collectAll(deps, account, { context, headState, covered, started, stop });
    const { foreign, rescued } = await repairing;
    if (rescued)
      notice(`changes made by hand in ${account.name}/ were kept as commit ${rescued.slice(0, 12)} and undone`);
    if (foreign.length > 0) reportForeign(foreign, headState, account.name, notice);

    clear.tell(notice);

    const { deletions, doubts, held } = await decideDeletions(
      context,
      repository,
      account.name,
      collected,
      headState,
      options.allowDeletions ? undefined : deps.config.guards,
      { hold: options.beyondGuards === 'hold', expected: options.restore?.touched ?? new Set() },
    );
    if (held.length > 0)
      notice(`${held.length} resources are gone, more than the guards allow: their files were kept (${held[0]}, …)`);
    const changes = [...collected.flatMap((entry) => entry.changes), ...deletions];
    const typeReports = collected.map((entry) => reportType(entry, deletions, doubts.get(entry.type.name)));
    tellGaps(deps, account.name, typeReports);
    const binding: Binding = {
      baseUrl: headState.binding?.baseUrl ?? account.baseUrl,
      userId: headState.binding?.userId ?? userId,
      fingerprintKey: headState.fingerprintKey,
      types: [
        ...new Set([...covered, ...typeReports.filter(({ state }) => state === 'complete').map(({ type }) => type)]),
      ],
    };
    const serverTime = new Date(startTime.getTime() + client.clockSkewMs());
    const beside = options.dryRun
      ? { put: [], remove: [], incomplete: [] }
      : await renderGeneratedFiles({
          client,
          repository,
          account,
          staging,
          changes,
          fingerprint: normalise.fingerprint,
          full,
          serverTime,
          notice,
          signal,
        });
    const incomplete = [
      ...typeReports.filter(({ state }) => state === 'incomplete').map(({ type }) => type),
      ...beside.incomplete,
    ];
    const settings = [...settingsFiles(headState, repository, binding), ...beside.put];
    const ownPaths = [...settings.map(({ path }) => path), ...beside.remove];
    if (Math.abs(client.clockSkewMs()) > 30_000) {
      notice(
        `this machine's clock differs from the server's by ${Math.round(Math.abs(client.clockSkewMs()) / 1000)} s`,
      );
    }

    let commits: SyncReport['commits'] = [];
    const alongside = options.restore?.files ?? [];
    if (!options.dryRun && changes.length + ownPaths.length + alongside.length > 0) {
      for (const file of settings) aside.put(file);
      writeFileSync(marker, '');
      commits = await commitChanges({
        deps: { ...deps, signal },
        client,
        repository,
        account,
        changes,
        settings: ownPaths,
        incomplete,
        first: headState.binding === undefined,
        runId,
        serverTime,
        lastRun: headState.lastRun,
        userId,
        foreign,
        notice,
        ...(options.restore ? { restore: options.restore } : {}),
        apply: () => {
          aside.apply(
            [...changes.flatMap(({ put }) => put), ...settings.map(({ path }) => path)],
            [...changes.flatMap(({ remove }) => remove), ...beside.remove],
          );
          writeAlongside(repository.path, alongside);
        },
      });
      rmSync(marker, { force: true });
    }
    if (!options.dryRun) {
      if (crashed && commits.length === 0) rmSync(marker, { force: true });
      await saveCache(repository, account.name, headState, collected, changes, {
        lastRun: incomplete.length === 0 ? serverTime.toISOString() : headState.cache?.lastRun,
        // Also when a type could not be read: otherwise a type that never can would make every run a sweep.
        full,
        serverTime,
      });
    }

    const partial = incomplete.length > 0;
    return {
      account: account.name,
      runId,
      verdict: partial ? 'partial' : changes.length + ownPaths.length > 0 ? 'changed' : 'unchanged',
      exitCode: partial ? EXIT.partial : EXIT.done,
      dryRun: options.dryRun,
      types: typeReports,
      changes,
      commits,
      incomplete,
      unavailable: typeReports.filter(({ state }) => state === 'unavailable').map(({ type }) => type),
      ...(held.length > 0 ? { held } : {}),
      remote: { state: 'skipped' },
      notices,
      requests: client.stats.requests,
      retries: client.stats.retries,
      throttledMs: Math.round(client.stats.throttledMs),
      durationMs: Math.round(performance.now() - started),
    };
  } catch (error) {
    await undoHalf(opened, account.name, deps.signal);
    throw error;
  } finally {
    stop.abort();
    const { statuses, retries, throttledMs } = client.stats;
    deps.report({ name: 'requests.counted', account: account.name, statuses, retries, throttledMs });
    await client.close();
    try {
      staging?.clear();
    } catch {
      // The next run empties the folder before it uses it.
    }
  }
}

/** Tells of the types that could not be read. */
function tellGaps(deps: RunDeps, account: string, types: readonly TypeReport[]): void {
  for (const { type, state, reason = '' } of types) {
    if (state === 'incomplete') deps.report({ name: 'type.incomplete', account, type, reason });
    if (state === 'unavailable') deps.report({ name: 'type.unavailable', account, type, reason });
  }
}

/** Whether everything is to be fetched again, going by when that was done last. */
function dueForSweep(lastFull: string | undefined, everyMs: number | undefined, now: Date): boolean {
  if (everyMs === undefined) return false;
  return lastFull === undefined || now.getTime() - Date.parse(lastFull) >= everyMs;
}

/** Puts the folder back to HEAD when a run failed between its files and its last commit. */
async function undoHalf(opened: Promise<Repository>, account: string, signal: AbortSignal): Promise<void> {
  const repository = await opened.catch(() => undefined);
  const marker = repository ? join(repository.stateDir, `${account}.applying`) : undefined;
  if (!repository || !marker || !existsSync(marker) || signal.aborted) return;
  try {
    await repairFolder(repository, account, true);
    rmSync(marker, { force: true });
  } catch {
    // The marker stays: the next run repairs before it does anything else.
  }
}

function reportForeign(
  foreign: readonly string[],
  headState: HeadState,
  account: string,
  notice: (message: string) => void,
): void {
  const names = foreign.slice(0, 5).join(', ') + (foreign.length > 5 ? ` and ${foreign.length - 5} more` : '');
  if (headState.binding === undefined) {
    throw new AppError(
      'BINDING',
      `${account}/ holds files that are not the mirror's: ${names}. Nothing was committed`,
      {
        hint: 'Move them away, or choose another name for the account',
      },
    );
  }
  notice(`${account}/ holds files that are not the mirror's; they are left alone: ${names}`);
}
