import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { fetchUserId, fetchUsers } from '../../celigo/audit.ts';
import { type ApiClient, clientOf } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { type ValuesByResource, valuesFor } from '../../config/secrets-file.ts';
import { createFingerprint } from '../../core/digest.ts';
import { isAppPart, type MirrorDocument } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { readPath, slugOf } from '../../core/layout.ts';
import { setSteps } from '../../core/paths.ts';
import { placeOf } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import { parseYaml } from '../../core/yaml.ts';
import type { Git } from '../../mirror/git.ts';
import { interrupted, type Journal } from '../../mirror/journal.ts';
import type { Repository } from '../../mirror/repository.ts';
import {
  documentPaths,
  type MirrorState,
  type NamedCommit,
  readDocuments,
  readState,
  resolveAt,
} from '../../mirror/state.ts';
import { pairInnerIds } from '../../plan/ids.ts';
import { planRestore } from '../../plan/planner.ts';
import { type Key, keyOf, type Live, type LiveDocument, type Plan, type Wanted } from '../../plan/types.ts';
import { readBinding } from '../binding.ts';
import { idMapPath, readIdMaps } from '../idmaps.ts';
import { groupFiles, sameFiles } from '../knowledge.ts';
import { coreVersionOf, type LiveAccount, observe, versionOf } from './live.ts';
import { lookUp } from './lookup.ts';
import type { RestoreDeps, RestoreRequest } from './request.ts';
import { adopt, touchedKeys } from './resume.ts';
import { NotInState, type Scope, selectScope } from './scope.ts';
import { createWriter, type Writer } from './writer.ts';

/** A restore that is thought through, but not begun. */
export interface Prepared {
  readonly request: RestoreRequest;
  readonly plan: Plan;
  /** Why it must not be applied as it is, with the way on; empty when it may. */
  readonly refusals: readonly AppError[];
  readonly documents: ReadonlyMap<Key, MirrorDocument>;
  readonly wanted: readonly Wanted[];
  readonly state: MirrorState;
  readonly live: LiveAccount;
  readonly ids: Map<string, string>;
  readonly client: ApiClient;
  readonly writer: Writer;
  readonly repository: Repository;
  readonly supplied: (document: MirrorDocument) => ReadonlyMap<string, Json>;
  readonly userId: string;
  /** The journal to go on with. */
  readonly journal: Journal | undefined;
}

/** Commit of the state: `--at`, or HEAD; for what HEAD no longer holds, the last one that did. */
async function chooseState(
  repository: Repository,
  deps: RestoreDeps,
  request: RestoreRequest,
  commit: string | undefined,
): Promise<{ state: MirrorState; scope: Scope }> {
  const { git } = repository;
  const options = { withDependencies: request.withDependencies, transliterate: deps.transliterate };
  const named: NamedCommit | undefined =
    commit !== undefined || request.at !== undefined
      ? await resolveAt(git, commit ?? request.at ?? '', deps.now())
      : await resolveAt(git, 'HEAD', deps.now()).catch(() => undefined);
  if (!named) {
    throw new AppError('USAGE', `the repository ${repository.path} holds no mirror yet`, {
      hint: 'Make one with: celigo-mirror sync',
    });
  }
  const state = await readState(git, request.from, named);
  try {
    return { state, scope: await selectScope(state, request.what, options) };
  } catch (error) {
    if (!(error instanceof NotInState) || commit !== undefined || request.at !== undefined) throw error;
    const earlier = await lastWith(git, request.from, error.selector, deps);
    if (!earlier) throw error;
    const then = await readState(git, request.from, earlier);
    return { state: then, scope: await selectScope(then, request.what, options) };
  }
}

/** The last commit before the one that deleted what the selector means. */
export async function lastWith(
  git: Git,
  account: string,
  selector: string,
  deps: Pick<RestoreDeps, 'transliterate' | 'now'>,
): Promise<NamedCommit | undefined> {
  const inside = selector.startsWith(`${account}/`) ? selector.slice(account.length + 1) : selector;
  const slash = inside.indexOf('/');
  const word = inside.slice(0, Math.max(0, slash));
  const dir = word.toLowerCase() === 'integration' ? 'integrations' : word;
  const name = inside.slice(slash + 1);
  const id = readPath(`${dir}/${name}`)?.id ?? name;
  const patterns = [`${dir || '*'}/*.${id}.yaml`, `${dir || '*'}/${slugOf(name, deps.transliterate)}.*.yaml`];
  const out = await git.ask([
    'log',
    '-1',
    '--first-parent',
    '--diff-filter=D',
    '--no-renames',
    '--format=%H',
    '--',
    ...patterns.map((pattern) => `:(glob)${account}/${pattern}`),
  ]);
  const commit = out?.trim();
  return commit ? resolveAt(git, `${commit}~1`, deps.now()) : undefined;
}

/** The target's way with what is different there. Only for another account. */
function withOverrides(document: MirrorDocument, overrides: ValuesByResource): MirrorDocument {
  const values = valuesFor(overrides, document.type.dir, document.id, document.title);
  if (values.size === 0) return document;
  let doc: Json = document.doc;
  for (const [place, value] of values) doc = setSteps(doc, placeOf(place), value);
  return { ...document, doc: doc as JsonObject };
}

/**
 * Celigo's own OAuth clients are referred to but in no listing; in another account they are left out, since nothing tells
 * whether the same one is there (celigo-models 6.8).
 */
function withoutGlobalClients(
  document: MirrorDocument,
  stateKeys: ReadonlySet<Key>,
  ids: ReadonlyMap<string, string>,
): { document: MirrorDocument; dropped: string[] } {
  const dropped: string[] = [];
  let doc: Json = document.doc;
  for (const { dir, id, place } of referencesOf(document.type, document.doc)) {
    if (dir !== 'iclients' || stateKeys.has(keyOf(dir, id)) || ids.has(id)) continue;
    doc = setSteps(doc, placeOf(place), undefined);
    dropped.push(place);
  }
  return dropped.length === 0
    ? { document, dropped }
    : { document: { ...document, doc: doc as JsonObject }, dropped };
}

/** Live documents that hold one of these ids. All texts are searched, few are parsed. */
async function documentsWith(live: LiveAccount, known: ReadonlySet<string>): Promise<LiveDocument[]> {
  if (known.size === 0) return [];
  const likely = new Set<Key>();
  const ids = /[0-9a-f]{24}/g;
  if (live.base) {
    // Side files too: code may hold ids, though it is never rewritten.
    const paths = [...live.base.files.keys()].filter((path) => readPath(path) !== undefined);
    for (let from = 0; from < paths.length; from += 2_000) {
      const some = paths.slice(from, from + 2_000);
      for (const [i, text] of (await live.base.texts(some)).entries()) {
        const parts = readPath(some[i] ?? '');
        if (parts && text.match(ids)?.some((id) => known.has(id) && id !== parts.id))
          likely.add(keyOf(parts.dir, parts.id));
      }
    }
  }
  for (const { dir, id } of live.report.changes) likely.add(keyOf(dir, id));
  const found = await live.documents([...likely]);
  return [...found].map(([key, document]) => ({ ...document, changed: live.isChanged(key) }));
}

function guardDeletions(plan: Plan, live: LiveAccount, deps: RestoreDeps): AppError | undefined {
  const { maxDeletions, maxDeletionShare } = deps.config.guards;
  const counts = new Map<string, number>();
  for (const { action, dir } of plan.steps)
    if (action === 'delete') counts.set(dir, (counts.get(dir) ?? 0) + 1);
  for (const [dir, count] of counts) {
    const all = live.keys().filter((key) => key.startsWith(`${dir}/`)).length;
    if (count <= maxDeletions || count <= all * maxDeletionShare) continue;
    return new AppError(
      'GUARD',
      `${plan.account}: ${count} of ${all} ${dir} would be deleted; the guard allows ${maxDeletions} or ${Math.round(maxDeletionShare * 100)} % (guards.maxDeletions, guards.maxDeletionShare)`,
      { hint: 'Look at the list of deletions; if they are meant, add --force' },
    );
  }
  return undefined;
}

function checkSelectors(secrets: ValuesByResource, state: MirrorState, slug: (name: string) => string): void {
  const known = new Set<string>();
  for (const path of documentPaths(state)) {
    const parts = readPath(path);
    if (parts) known.add(`${parts.dir}/${parts.id}`).add(`${parts.dir}/${parts.slug}`);
  }
  for (const selector of secrets.keys()) {
    const slash = selector.indexOf('/');
    const [dir, name] = [selector.slice(0, slash), selector.slice(slash + 1)];
    if (name === '*' || known.has(selector) || known.has(`${dir}/${slug(name)}`)) continue;
    throw new AppError(
      'USAGE',
      `--secrets: the mirror${state.commit ? ` at ${state.label}` : ''} has no ${selector}`,
      {
        hint: `Name a ${findType(dir)?.noun ?? 'resource'} by its id or its exact name`,
      },
    );
  }
}

/** The journal to go on with, or none. @throws AppError when there is one although nobody asked, or none to go on with */
export function findJournal(
  stateDir: string,
  account: string,
  resume: { readonly id?: string } | undefined,
): Journal | undefined {
  const open = interrupted(stateDir, account);
  const chosen = resume?.id === undefined ? open.at(-1) : open.find(({ head }) => head.id === resume.id);
  for (const journal of open) if (journal !== chosen || !resume) journal.close();
  if (resume && !chosen) {
    throw new AppError(
      'USAGE',
      resume.id === undefined
        ? `no restore into ${account} was interrupted`
        : `no interrupted restore is called ${resume.id}`,
      {
        hint:
          open.length > 0
            ? `Interrupted: ${open.map(({ head }) => head.id).join(', ')}`
            : 'Begin one with: celigo-mirror restore <what>',
      },
    );
  }
  if (!resume && chosen) {
    const { id, startedAt, what } = chosen.head;
    throw new AppError(
      'CONFLICT',
      `a restore into ${account} was interrupted: ${id} (${what.join(' ')}, begun ${startedAt})`,
      {
        hint: `Go on with it first: celigo-mirror restore --resume ${id}`,
      },
    );
  }
  return resume ? chosen : undefined;
}

/**
 * Looks at target and state and plans. With `dryRun` nothing is written anywhere; otherwise the target is mirrored first, so
 * that the restore can itself be undone.
 * @param journal an interrupted restore to go on with
 * @throws AppError, ApiError, GitFailure; nothing was written to the account then
 */
export async function prepare(
  deps: RestoreDeps,
  request: RestoreRequest,
  repository: Repository,
  journal: Journal | undefined,
): Promise<Prepared> {
  const { target } = request;
  const sameAccount = request.from === target.name;
  if (!existsSync(join(repository.gitDir, 'HEAD')))
    throw new AppError('REPOSITORY', `${repository.path} is no repository`, {});
  const { state, scope } = await chooseState(repository, deps, request, journal?.head.commit);
  if (request.prune && !scope.all) {
    throw new AppError('USAGE', '--prune goes with "all" only: it deletes what the state does not have', {
      hint: 'celigo-mirror restore all --prune',
    });
  }
  checkSelectors(request.secrets, state, (name) => slugOf(name, deps.transliterate));
  // Faults in the files of the state come before any request.
  const paths = documentPaths(state).filter((path) => scope.selected.has(keyOfPath(path)));

  const client = clientOf(target, deps.env, {
    userAgent: deps.userAgent,
    onRetry: (event) => deps.report({ name: 'request.retried', account: target.name, ...event }),
  });
  try {
    const operator = journal?.head.operator;
    const live = await observe(deps, target, repository, {
      dryRun: request.dryRun,
      ...(journal && operator
        ? { restore: { id: journal.head.id, operator, touched: touchedKeys(journal), files: [] } }
        : {}),
    });
    const userId = await fetchUserId(client, deps.signal);
    const fingerprint = createFingerprint(await fingerprintKey(repository, target.name));
    const writer = createWriter({
      client,
      normalise: { sampleData: target.sampleData, fingerprint },
      lookupCacheData: target.lookupCacheData,
      signal: deps.signal,
    });
    const maps = await readIdMaps(repository.git, idMapPath(request.from, target.name));
    const ids = new Map([...maps.values()].flatMap((map) => [...map]));
    if (journal)
      await adopt({
        journal,
        state,
        live,
        ids,
        repository,
        overrides: sameAccount ? new Map() : request.overrides,
      });

    const supplied = (document: MirrorDocument): ReadonlyMap<string, Json> =>
      valuesFor(request.secrets, document.type.dir, document.id, document.title);
    const toRead = sameAccount ? differing(state, live, paths) : paths;
    const stateKeys = new Set(documentPaths(state).map(keyOfPath));
    const notes: string[] = [];
    const wanted = (await readDocuments(state, toRead)).map((document): Wanted => {
      if (sameAccount) return { ...document, selected: true };
      const { document: own, dropped } = withoutGlobalClients(
        withOverrides(document, request.overrides),
        stateKeys,
        ids,
      );
      if (dropped.length > 0)
        notes.push(
          `${keyOf(document.type.dir, document.id)} "${document.title}": ${dropped.join(', ')} is a client of Celigo's own; choose it by hand`,
        );
      return { ...own, selected: true };
    });
    // Resources of the target that are only referred to are matched too, but never changed.
    const referred = sameAccount ? [] : await referredOwn(state, wanted, scope.selected);
    const matches: { key: Key; id: string }[] = [];
    const found = await lookUp([...wanted, ...referred], {
      deps,
      client,
      writer,
      live,
      sameAccount,
      ids,
      hasSecrets: (document) => supplied(document).size > 0,
      matched: (key, id) => matches.push({ key, id }),
    });
    for (const document of wanted)
      learnParts(document, found.get(keyOf(document.type.dir, document.id)), ids);
    const own = journal ? touchedKeys(journal) : new Set<Key>();
    for (const [key, entry] of found) {
      if (
        entry.state === 'live' &&
        (own.has(key) || own.has(keyOf(key.slice(0, key.indexOf('/')), entry.id)))
      )
        found.set(key, { ...entry, changed: changedByOthers(journal, key, entry.doc) });
    }

    const gone = wanted.filter(
      (document) => found.get(keyOf(document.type.dir, document.id))?.state === 'gone',
    );
    const moved = new Set(sameAccount ? [...gone.map(({ id }) => id), ...ids.keys()] : []);
    const followers = (await documentsWith(live, moved)).map((document) =>
      own.has(keyOf(document.type.dir, document.id)) ? { ...document, changed: false } : document,
    );
    const plan = planRestore({
      account: target.name,
      from: request.from,
      target: { baseUrl: target.baseUrl, userId },
      state: { commit: state.commit ?? '', date: (state.date ?? deps.now()).toISOString() },
      wanted,
      live: found,
      ids,
      exists: live.has,
      inState: (dir, id) => stateKeys.has(keyOf(dir, id)),
      supplied,
      enableFlows: request.enableFlows,
      sampleData: target.sampleData,
      deletions: request.prune ? await superfluous(live, stateKeys, ids, sameAccount, maps) : [],
      followers,
      versionOf,
    });
    const documents = new Map<Key, MirrorDocument>();
    for (const document of followers) documents.set(keyOf(document.type.dir, document.id), document);
    for (const document of wanted) documents.set(keyOf(document.type.dir, document.id), document);
    const refusals: AppError[] = [];
    const guard = request.force ? undefined : guardDeletions(plan, live, deps);
    if (guard) refusals.push(guard);
    const conflicts = plan.steps.filter((step) => step.conflict && step.action !== 'impossible');
    if (conflicts.length > 0 && !request.force) {
      refusals.push(
        new AppError(
          'CONFLICT',
          `${conflicts.length} ${conflicts.length === 1 ? 'resource was' : 'resources were'} changed live since the mirror's last sync: ${conflicts.map(({ key, title }) => `${key} "${title}"`).join(', ')}`,
          {
            hint: 'Look at what was changed (celigo-mirror diff, git log -p); --force restores all the same, the change stays in the history',
          },
        ),
      );
    }
    return {
      request,
      plan: {
        ...plan,
        unchanged: plan.unchanged + paths.length - wanted.length,
        warnings: [...plan.warnings, ...notes],
      },
      refusals,
      documents,
      wanted,
      state,
      live,
      ids,
      client,
      writer,
      repository,
      supplied,
      userId,
      journal,
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** Ids of a document's parts (groups), which are others where the document itself is another one. */
function learnParts(document: MirrorDocument, live: Live | undefined, ids: Map<string, string>): void {
  if (live?.state !== 'live' || live.id === document.id) return;
  for (const [old, id] of pairInnerIds(document.type, document.doc, live.doc))
    if (!ids.has(old)) ids.set(old, id);
}

function keyOfPath(path: string): Key {
  const parts = readPath(path);
  return parts ? keyOf(parts.dir, parts.id) : path;
}

/** Documents of the state that the mirror does not hold as they are, or that changed since. */
function differing(state: MirrorState, live: LiveAccount, paths: readonly string[]): string[] {
  if (!live.base) return [...paths];
  const [ours, theirs] = [groupFiles(state.files), groupFiles(live.base.files)];
  return paths.filter((path) => {
    const parts = readPath(path);
    if (!parts) return true;
    const key = keyOf(parts.dir, parts.id);
    const [wanted, held] = [ours.get(parts.dir)?.get(parts.id), theirs.get(parts.dir)?.get(parts.id)];
    return (
      !wanted ||
      !held ||
      live.has(parts.dir, parts.id) !== true ||
      live.isChanged(key) ||
      !sameFiles(wanted, held)
    );
  });
}

/** Connections and the like that wanted documents refer to without being wanted themselves. */
async function referredOwn(
  state: MirrorState,
  wanted: readonly MirrorDocument[],
  selected: ReadonlySet<Key>,
): Promise<MirrorDocument[]> {
  const paths = new Map(documentPaths(state).map((path) => [keyOfPath(path), path]));
  const needed = new Set<string>();
  for (const document of wanted) {
    for (const { dir, id } of referencesOf(document.type, document.doc)) {
      const path = dir === null ? undefined : paths.get(keyOf(dir, id));
      if (dir === null || path === undefined || selected.has(keyOf(dir, id))) continue;
      if (findType(dir)?.restore.mode === 'map') needed.add(path);
    }
  }
  return readDocuments(state, [...needed]);
}

/** What the target has and the state has not. In another account only what earlier restores made there. */
async function superfluous(
  live: LiveAccount,
  stateKeys: ReadonlySet<Key>,
  ids: ReadonlyMap<string, string>,
  sameAccount: boolean,
  maps: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Promise<LiveDocument[]> {
  const mapped = new Set(ids.values());
  const keys = sameAccount
    ? live.keys().filter((key) => {
        const [dir = '', id = ''] = key.split('/');
        return !stateKeys.has(key) && !mapped.has(id) && findType(dir)?.restore.onlyWhenNamed !== true;
      })
    : [...maps].flatMap(([dir, pairs]) =>
        [...pairs].filter(([old]) => !stateKeys.has(keyOf(dir, old))).map(([, id]) => keyOf(dir, id)),
      );
  const documents = await live.documents(keys);
  return [...documents]
    .filter(
      ([, { type, doc }]) =>
        !(type.restore.mode === 'manual' || (type.restore.mode === 'map' && !sameAccount) || isAppPart(doc)),
    )
    .map(([key, document]) => ({ ...document, changed: live.isChanged(key) }));
}

async function fingerprintKey(repository: Repository, account: string): Promise<string> {
  const path = `${account}/mirror.yaml`;
  const text = await repository.git.ask(['cat-file', 'blob', `HEAD:${path}`]);
  return text === undefined ? '' : readBinding(parseYaml(text), path).fingerprintKey;
}

/** Whether a resource that the interrupted restore wrote was changed by somebody else since. */
function changedByOthers(journal: Journal | undefined, key: Key, doc: JsonObject): boolean {
  const last = journal?.entries.filter((entry) => entry.kind === 'done' && entry.key === key).at(-1);
  return (
    last?.kind === 'done' &&
    last.to !== undefined &&
    last.to !== coreVersionOf(findType(key.slice(0, key.indexOf('/'))) as ResourceType, doc)
  );
}

/**
 * Refuses a token that cannot write, before the first write.
 * @throws AppError `RIGHTS`
 */
export async function checkRights(client: ApiClient, userId: string, signal: AbortSignal): Promise<void> {
  let body: Json | undefined;
  try {
    await fetchUsers(client, signal);
    body = await client.json({ url: '/v1/ashares?limit=1000', signal });
  } catch (error) {
    // Whoever may not see the users finds out with the first write, which goes alone.
    if (error instanceof ApiError) return;
    throw error;
  }
  const shares = Array.isArray(body) ? (body as JsonObject[]) : [];
  const own = shares.find(({ sharedWithUser }) => (sharedWithUser as JsonObject | undefined)?._id === userId);
  const levels = Array.isArray(own?.integrationAccessLevel)
    ? (own.integrationAccessLevel as JsonObject[])
    : [];
  if (own?.accessLevel !== 'monitor' || levels.some(({ accessLevel }) => accessLevel === 'manage')) return;
  throw new AppError(
    'RIGHTS',
    'the token belongs to a user who may only look (access level monitor). Nothing was changed',
    {
      hint: 'Use the token of an administrator, or of somebody who may manage what is to be restored',
    },
  );
}
