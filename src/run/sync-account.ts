import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RESOURCE_TYPES } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { fetchUserId } from '../celigo/audit.ts';
import { clientOf } from '../celigo/client.ts';
import type { AccountConfig } from '../config/schema.ts';
import { type Change, countChanges } from '../core/changes.ts';
import { blobOid, createFingerprint } from '../core/digest.ts';
import { AppError, EXIT, messageOf } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { isObject } from '../core/json.ts';
import { ATTRIBUTES_FILE, BINDING_FILE, titleOf } from '../core/layout.ts';
import { parseYaml } from '../core/yaml.ts';
import {
  type Cache,
  CacheDamaged,
  type CachedType,
  readCache,
  removeCache,
  writeCache,
} from '../mirror/cache.ts';
import { type Repository, repairFolder } from '../mirror/repository.ts';
import { createStaging, type Staging } from '../mirror/staging.ts';
import { type Binding, checkBinding, readBinding, renderBinding } from './binding.ts';
import { type CollectContext, type Collected, collectType, rulesDigest } from './collect.ts';
import { commitChanges } from './commit-changes.ts';
import { confirmDeletions, deletionOf, guardDeletions, guardEmptyAccount } from './deletions.ts';
import { knownTypes, NOTHING_KNOWN } from './knowledge.ts';
import type { SyncReport, TypeReport } from './report.ts';
import type { SyncDeps, SyncOptions } from './sync.ts';

/** Raised when the normaliser or the writer changes what a document looks like. */
const FORMAT = 1;
/** Line ends and bytes of the mirror are never converted, whatever attributes stand above the folder. */
const ATTRIBUTES = '* -text -filter -ident -working-tree-encoding\n';
/** Names of deleted resources are read from their last file, one by one; beyond this many the path must do. */
const MOST_TITLES = 200;
/** A run that writes so many files is a first one. */
const MANY_FILES = 2_000;

/** The account's folder when the run begins. */
interface Ground {
  readonly cache: Cache | undefined;
  /** Whether the cache describes exactly what HEAD holds. */
  readonly cacheFits: boolean;
  readonly binding: Binding | undefined;
  readonly known: ReadonlyMap<string, CachedType>;
  /** Our own files beside the documents, as HEAD holds them. */
  readonly settings: ReadonlyMap<string, string>;
  readonly fingerprintKey: string;
  readonly rules: string;
}

/** Types to mirror, in the catalogue's order: opt-in ones only when named. */
export function selectTypes(account: Pick<AccountConfig, 'include' | 'exclude'>): readonly ResourceType[] {
  const all = account.include.includes('*');
  return RESOURCE_TYPES.filter((type) => {
    const named = account.include.includes(type.dir);
    const wanted = named || (all && type.presence !== 'optIn');
    return wanted && !account.exclude.includes(type.dir) && !(account.exclude.includes('*') && !named);
  });
}

async function readGround(repository: Repository, account: AccountConfig): Promise<Ground> {
  const cache = readCache(repository.stateDir, account.name);
  const path = `${account.name}/${BINDING_FILE}`;
  const [tree, text] = await Promise.all([
    repository.folderTree(account.name),
    repository.git.ask(['cat-file', 'blob', `HEAD:${path}`]),
  ]);
  let binding: Binding | undefined;
  if (text !== undefined) {
    let parsed: Json = null;
    try {
      parsed = parseYaml(text);
    } catch {
      // Reported as damaged just below.
    }
    binding = readBinding(parsed, path);
  } else if (tree !== undefined) {
    throw new AppError(
      'BINDING',
      `${account.name}/ of the repository holds files but no ${BINDING_FILE}: it is no mirror. Nothing was committed`,
      {
        hint: 'Choose another name for the account, or move that folder away and commit',
      },
    );
  }
  const fingerprintKey = binding?.fingerprintKey || randomBytes(16).toString('hex');
  const rules = rulesDigest([
    FORMAT,
    RESOURCE_TYPES as unknown as Json,
    account.sampleData,
    account.lookupCacheData,
    fingerprintKey,
  ]);
  const cacheFits = cache !== undefined && tree !== undefined && cache.tree === tree && cache.rules === rules;
  const files = cacheFits || tree === undefined ? undefined : await repository.folderFiles(account.name);
  const settings = new Map<string, string>();
  if (cacheFits) {
    if (binding) settings.set(BINDING_FILE, blobOid(renderBinding(binding), repository.format));
    settings.set(ATTRIBUTES_FILE, blobOid(ATTRIBUTES, repository.format));
  } else {
    for (const name of [BINDING_FILE, ATTRIBUTES_FILE]) {
      const oid = files?.get(name);
      if (oid) settings.set(name, oid);
    }
  }
  return {
    cache,
    cacheFits,
    binding,
    known: files ? knownTypes(files, cache, rules) : cacheFits ? cache.types : new Map(),
    settings,
    fingerprintKey,
    rules,
  };
}

/** Sorts out which missing resources are deleted, and consults the guards. Gives the deletions as changes. */
async function decideDeletions(
  context: CollectContext,
  repository: Repository,
  account: AccountConfig,
  collected: Collected[],
  ground: Ground,
  deps: SyncDeps,
  options: SyncOptions,
): Promise<{ deletions: Change[]; doubts: Map<string, string> }> {
  if (!options.allowDeletions) guardEmptyAccount(collected, account.name);
  const deletions: Change[] = [];
  const doubts = new Map<string, string>();
  for (const entry of collected) {
    if (entry.missing.length === 0) continue;
    const { dir } = entry.type;
    const known = (ground.known.get(dir) ?? NOTHING_KNOWN).details().resources;
    const { deleted, unconfirmed } = await confirmDeletions(context, entry);
    if (unconfirmed[0]) {
      doubts.set(
        dir,
        `${unconfirmed.length} missing ${dir} could not be confirmed as deleted: ${unconfirmed[0].reason}`,
      );
    }
    if (!options.allowDeletions)
      guardDeletions(dir, deleted.length, known.size, deps.config.guards, account.name);
    for (const id of deleted) {
      const files = (known.get(id)?.files ?? []).map(([path]) => path);
      const title =
        deletions.length < MOST_TITLES ? await lastTitle(repository, account.name, entry.type, files) : '';
      deletions.push(deletionOf(dir, id, files, title));
    }
  }
  return { deletions, doubts };
}

async function lastTitle(
  repository: Repository,
  account: string,
  type: ResourceType,
  files: readonly string[],
): Promise<string> {
  const document = files.find((path) => path.endsWith('.yaml'));
  if (!document) return '';
  try {
    const doc = parseYaml(await repository.read(`${account}/${document}`));
    return isObject(doc) ? titleOf(type, doc) : '';
  } catch {
    // A file damaged by hand has no name to tell; the path stands in the message all the same.
    return '';
  }
}

/** The files of our own that differ from HEAD. */
function settingsFiles(
  ground: Ground,
  repository: Repository,
  binding: Binding,
): { path: string; text: string }[] {
  return [
    { path: BINDING_FILE, text: renderBinding(binding) },
    { path: ATTRIBUTES_FILE, text: ATTRIBUTES },
  ].filter((file) => ground.settings.get(file.path) !== blobOid(file.text, repository.format));
}

function reportType(
  collected: Collected,
  deletions: readonly Change[],
  doubt: string | undefined,
): TypeReport {
  const { coverage, type, count } = collected;
  const state = doubt ? 'incomplete' : coverage.state;
  const reason = doubt ?? (coverage.state === 'complete' ? undefined : coverage.reason);
  return {
    type: type.dir,
    state,
    ...(reason === undefined ? {} : { reason }),
    listed: count,
    ...countChanges([...collected.changes, ...deletions.filter(({ dir }) => dir === type.dir)]),
  };
}

/**
 * One run of one account: list, compare, decide, commit. Pushing is the caller's.
 * @throws AppError, ApiError, GitFailure: nothing was committed then
 */
export async function runAccount(
  deps: SyncDeps,
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
  deps: SyncDeps,
  account: AccountConfig,
  options: SyncOptions,
  opened: Promise<Repository>,
): Promise<SyncReport> {
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
    const ground = await readGround(repository, account);
    const userId = await identity;
    if (ground.binding) checkBinding(ground.binding, { baseUrl: account.baseUrl, userId }, account.name);
    const folder = join(repository.path, account.name);
    const aside = createStaging(folder, join(repository.stateDir, `${account.name}.staging`));
    staging = aside;
    let written = 0;
    const context: CollectContext = {
      client,
      userId,
      normalise: { sampleData: account.sampleData, fingerprint: createFingerprint(ground.fingerprintKey) },
      lookupCacheData: account.lookupCacheData,
      full: options.full,
      transliterate: deps.transliterate,
      format: repository.format,
      put: (file) => {
        aside.put(file);
        written += 1;
        if (written === MANY_FILES) deps.onManyFiles();
      },
      drop: (path) => aside.drop(path),
      signal,
    };

    const types = selectTypes(account);
    const covered = new Set(ground.binding?.types);
    let done = 0;
    const collected = await allOrFirstFailure(
      types.map(async (type) => {
        const known = ground.known.get(type.dir) ?? NOTHING_KNOWN;
        const mirrored = covered.has(type.dir) || known.size > 0;
        const insisted = type.presence === 'core' || account.include.includes(type.dir);
        const entry = await collectType(context, type, known, !mirrored && !insisted, !mirrored);
        done += 1;
        deps.report({
          name: 'type.listed',
          account: account.name,
          type: type.dir,
          count: entry.count,
          done,
          total: types.length,
        });
        return entry;
      }),
      stop,
    );
    const { foreign, rescued } = await repairing;
    if (rescued)
      notice(
        `changes made by hand in ${account.name}/ were kept as commit ${rescued.slice(0, 12)} and undone`,
      );
    if (foreign.length > 0) reportForeign(foreign, ground, account.name, notice);

    const { deletions, doubts } = await decideDeletions(
      context,
      repository,
      account,
      collected,
      ground,
      deps,
      options,
    );
    const changes = [...collected.flatMap((entry) => entry.changes), ...deletions];
    const typeReports = collected.map((entry) => reportType(entry, deletions, doubts.get(entry.type.dir)));
    for (const { type, state, reason } of typeReports) {
      if (state === 'incomplete')
        deps.report({ name: 'type.incomplete', account: account.name, type, reason: reason ?? '' });
      if (state === 'unavailable')
        deps.report({ name: 'type.unavailable', account: account.name, type, reason: reason ?? '' });
    }
    const incomplete = typeReports.filter(({ state }) => state === 'incomplete').map(({ type }) => type);
    const binding: Binding = {
      baseUrl: ground.binding?.baseUrl ?? account.baseUrl,
      userId: ground.binding?.userId ?? userId,
      fingerprintKey: ground.fingerprintKey,
      types: [
        ...new Set([
          ...covered,
          ...typeReports.filter(({ state }) => state === 'complete').map(({ type }) => type),
        ]),
      ],
    };
    const settings = settingsFiles(ground, repository, binding);
    const runId = `${startTime.toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`;
    const serverTime = new Date(startTime.getTime() + client.clockSkewMs());
    if (Math.abs(client.clockSkewMs()) > 30_000) {
      notice(
        `this machine's clock differs from the server's by ${Math.round(Math.abs(client.clockSkewMs()) / 1000)} s`,
      );
    }

    let commits: SyncReport['commits'] = [];
    let told: ReadonlyMap<string, string> = ground.cache?.toldEntries ?? new Map();
    if (!options.dryRun && changes.length + settings.length > 0) {
      for (const file of settings) aside.put(file);
      writeFileSync(marker, '');
      ({ commits, told } = await commitChanges({
        deps: { ...deps, signal },
        client,
        repository,
        account,
        changes,
        settings: settings.map(({ path }) => path),
        incomplete,
        first: ground.binding === undefined,
        runId,
        serverTime,
        lastRun: ground.cache?.lastRun,
        told,
        foreign,
        apply: () =>
          aside.apply(
            [...changes.flatMap(({ put }) => put), ...settings.map(({ path }) => path)],
            changes.flatMap(({ remove }) => remove),
          ),
      }));
      rmSync(marker, { force: true });
    }
    if (!options.dryRun) {
      if (crashed && commits.length === 0) rmSync(marker, { force: true });
      await remember(repository, account, ground, collected, changes, {
        told,
        lastRun: incomplete.length === 0 ? serverTime.toISOString() : ground.cache?.lastRun,
        full: options.full && incomplete.length === 0,
        serverTime,
      });
    }

    const partial = incomplete.length > 0;
    return {
      account: account.name,
      runId,
      verdict: partial ? 'partial' : changes.length + settings.length > 0 ? 'changed' : 'unchanged',
      exitCode: partial ? EXIT.partial : EXIT.done,
      dryRun: options.dryRun,
      types: typeReports,
      changes,
      commits,
      incomplete,
      unavailable: typeReports.filter(({ state }) => state === 'unavailable').map(({ type }) => type),
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
    await client.close();
    try {
      staging?.clear();
    } catch {
      // The next run empties the folder before it uses it.
    }
  }
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

/** Waits for all; the first failure stops the others, is waited out and thrown. */
async function allOrFirstFailure<T>(work: readonly Promise<T>[], stop: AbortController): Promise<T[]> {
  let failure: { error: unknown } | undefined;
  const settled = await Promise.allSettled(
    work.map(async (item) => {
      try {
        return await item;
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
        throw error;
      }
    }),
  );
  if (failure) throw failure.error;
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

function reportForeign(
  foreign: readonly string[],
  ground: Ground,
  account: string,
  notice: (message: string) => void,
): void {
  const names =
    foreign.slice(0, 5).join(', ') + (foreign.length > 5 ? ` and ${foreign.length - 5} more` : '');
  if (ground.binding === undefined) {
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

/** Writes down what this run found out, so that the next one need not. */
async function remember(
  repository: Repository,
  account: AccountConfig,
  ground: Ground,
  collected: readonly Collected[],
  changes: readonly Change[],
  run: { told: ReadonlyMap<string, string>; lastRun: string | undefined; full: boolean; serverTime: Date },
): Promise<void> {
  const types = new Map<string, CachedType>(ground.known);
  for (const entry of collected) types.set(entry.type.dir, entry.next);
  const learnt =
    changes.length > 0 || collected.some((entry) => isNews(entry.next, ground.known.get(entry.type.dir)));
  if (!learnt && ground.cacheFits && !run.full && recent(ground.cache?.lastRun, run.serverTime)) return;
  const cache: Cache = {
    rules: ground.rules,
    tree: (await repository.folderTree(account.name)) ?? '',
    lastRun: run.lastRun,
    lastFull: run.full ? run.serverTime.toISOString() : ground.cache?.lastFull,
    toldEntries: run.told,
    types,
  };
  try {
    writeCache(repository.stateDir, account.name, cache);
  } catch (error) {
    // Without a cache the next run is slower, not wrong; a full disk was reported where it mattered.
    if ((error as NodeJS.ErrnoException).code === undefined)
      throw new Error(messageOf(error), { cause: error });
  }
}

/** Whether a type must be remembered anew. */
function isNews(next: CachedType, known: CachedType | undefined): boolean {
  if (next === known) return false;
  if (!known || next.abridged !== known.abridged || next.pageCounts.size !== known.pageCounts.size)
    return true;
  for (const digest of next.pageCounts.keys()) if (!known.pageCounts.has(digest)) return true;
  return false;
}

/** The time of the last run decides where the audit log is read from; a day of it more costs nothing. */
function recent(lastRun: string | undefined, now: Date): boolean {
  return lastRun !== undefined && now.getTime() - Date.parse(lastRun) < 24 * 3_600_000;
}
