import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { fetchUserId } from '../../celigo/audit.ts';
import { type ApiClient, clientOf } from '../../celigo/client.ts';
import { type ValuesByResource, valuesFor } from '../../config/secrets-file.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { BINDING_FILE, slugOf } from '../../core/layout.ts';
import { covers, placeOf, placeText } from '../../core/places.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import { parseYaml } from '../../core/yaml.ts';
import type { Journal } from '../../mirror/journal.ts';
import type { Repository } from '../../mirror/repository.ts';
import { pathsOf, selectAt } from '../../mirror/selection.ts';
import { type MirrorState, readDocuments } from '../../mirror/state.ts';
import { planRestore } from '../../plan/planner.ts';
import type { Live, Plan, Wanted } from '../../plan/types.ts';
import { type Binding, readBinding } from '../binding.ts';
import { idMapPath, lastIds, readIdMaps } from '../idmaps.ts';
import { normalisingFor } from '../sync/clear-credentials.ts';
import { coreVersionOf, type LiveAccount, observe, versionOf } from './live.ts';
import { lookUp } from './lookup.ts';
import { documentsWith, extraneousDocuments, guardDeletions, idsToFind, replacedIds } from './out-of-scope.ts';
import type { RestoreDeps, RestoreRequest } from './request.ts';
import { adopt, createdKeys, touchedKeys, undeletedKeys } from './resume.ts';
import { differing, learnParts, referredOwn, withOverrides, withoutPublic } from './wanted.ts';
import { createWriter, type Writer } from './writer.ts';

export interface Match {
  readonly key: Key;
  readonly id: string;
}

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
  /** Resources of the target that were found, or chosen by somebody, to stand for others. */
  readonly matches: readonly Match[];
  /** The journal to go on with. */
  readonly journal: Journal | undefined;
}

function checkSelectors(secrets: ValuesByResource, state: MirrorState, slug: (name: string) => string): void {
  if (secrets.size === 0) return;
  const known = new Set<string>(state.documents.keys());
  for (const { type, slug } of state.documents.values()) known.add(`${type}/${slug}`);
  for (const selector of secrets.keys()) {
    const slash = selector.indexOf('/');
    const [typeName, name] = [selector.slice(0, slash), selector.slice(slash + 1)];
    if (name === '*' || known.has(selector) || known.has(`${typeName}/${slug(name)}`)) continue;
    throw new AppError('USAGE', `--secrets: the mirror${state.commit ? ` at ${state.label}` : ''} has no ${selector}`, {
      hint: `Name a ${findType(typeName)?.noun ?? 'resource'} by its id or its exact name`,
    });
  }
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
  const { state, selection: scope } = await selectAt(repository.git, request.from, request.what, {
    at: journal?.head.commit ?? request.at,
    now: deps.now(),
    withDependencies: request.withDependencies,
    transliterate: deps.transliterate,
  });
  if (request.prune && !scope.all) {
    throw new AppError('USAGE', '--prune goes with "all" only: it deletes what the state does not have', {
      hint: 'celigo-mirror restore all --prune',
    });
  }
  checkSelectors(request.secrets, state, (name) => slugOf(name, deps.transliterate));

  const client = clientOf(target, deps.env, {
    userAgent: deps.userAgent,
    onRetry: (event) => deps.report({ name: 'request.retried', account: target.name, ...event }),
  });
  try {
    const operator = journal?.head.operator;
    const live = await observe(deps, target, repository, {
      known: state,
      dryRun: request.dryRun,
      ...(journal && operator
        ? {
            restore: {
              id: journal.head.id,
              operator,
              touched: touchedKeys(journal),
              undeleted: undeletedKeys(journal),
              files: [],
            },
          }
        : {}),
    });
    const [binding, maps] = await Promise.all([
      bindingOf(repository, target.name),
      readIdMaps(repository.git, idMapPath(request.from, target.name)),
    ]);
    // The look at the account has made sure that the token is that of the folder.
    const userId = binding?.userId ?? (await fetchUserId(client, deps.signal));
    const normalise = normalisingFor(target, binding?.fingerprintKey ?? '');
    const writer = createWriter({
      client,
      normalise,
      lookupCacheData: target.lookupCacheData,
      signal: deps.signal,
    });
    const known = new Map([...maps.values()].flatMap((map) => [...map]));
    const ids = sameAccount ? lastIds(known) : known;
    if (journal)
      await adopt({
        journal,
        state,
        live,
        ids,
        repository,
        overrides: sameAccount ? new Map() : request.overrides,
        dryRun: request.dryRun,
      });

    const supplied = (document: MirrorDocument): ReadonlyMap<string, Json> =>
      valuesFor(request.secrets, document.type.name, document.id, document.title);
    const toRead = sameAccount ? differing(state, live, scope.selected) : pathsOf(state, scope.selected);
    const stateKeys = new Set(state.documents.keys());
    const notes: string[] = [];
    const wanted = (await readDocuments(state, toRead)).map((document): Wanted => {
      if (sameAccount) return { ...document, selected: true };
      const { document: own, dropped } = withoutPublic(withOverrides(document, request.overrides), stateKeys, ids);
      if (dropped.length > 0)
        notes.push(
          `${keyOf(document.type.name, document.id)} "${document.title}": ${dropped.join(', ')} is a client of Celigo's own; choose it by hand`,
        );
      return { ...own, selected: true };
    });
    // Resources of the target that are only referred to are matched too, but never changed.
    const referred = sameAccount ? [] : await referredOwn(state, wanted, scope.selected);
    const matches: Match[] = [];
    const found = await lookUp([...wanted, ...referred], {
      deps,
      client,
      writer,
      live,
      sameAccount,
      ids,
      hasSecrets: (document) => supplied(document).size > 0,
      made: journal ? createdKeys(journal) : new Set(),
      matched: (key, id) => matches.push({ key, id }),
    });
    for (const document of wanted) learnParts(document, found.get(keyOf(document.type.name, document.id)), ids);
    const own = journal ? touchedKeys(journal) : new Set<Key>();
    for (const [key, entry] of found) {
      if (entry.state === 'live' && (own.has(key) || own.has(keyOf(key.slice(0, key.indexOf('/')), entry.id))))
        found.set(key, { ...entry, changed: changedByOthers(journal, key, entry.doc) });
    }

    for (const document of wanted)
      checkPlaces(document, found.get(keyOf(document.type.name, document.id)), supplied(document));
    const gone = wanted.filter((document) => found.get(keyOf(document.type.name, document.id))?.state === 'gone');
    const moved = new Set(sameAccount ? [...gone.map(({ id }) => id), ...idsToFind(live, ids)] : []);
    const followers = (await documentsWith(live, moved)).map((document) =>
      own.has(keyOf(document.type.name, document.id)) ? { ...document, changed: false } : document,
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
      inState: (typeName, id) => stateKeys.has(keyOf(typeName, id)),
      supplied,
      enableFlows: request.enableFlows,
      sampleData: target.sampleData,
      deletions: request.prune ? await extraneousDocuments(live, stateKeys, ids, sameAccount, maps) : [],
      followers,
      replaced: sameAccount ? replacedIds(live, ids, followers) : new Map(),
      versionOf,
    });
    const documents = new Map<Key, MirrorDocument>();
    for (const document of followers) documents.set(keyOf(document.type.name, document.id), document);
    for (const document of wanted) documents.set(keyOf(document.type.name, document.id), document);
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
    // Chosen, but as wanted without a look; those that follow a new id have steps of their own.
    const looked = new Set([
      ...wanted.map(({ type, id }) => keyOf(type.name, id)),
      ...plan.steps.map(({ key }) => key),
    ]);
    const passedOver = [...scope.selected].filter((key) => !looked.has(key));
    return {
      request,
      plan: {
        ...plan,
        unchanged: plan.unchanged + passedOver.length,
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
      matches,
      journal,
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/**
 * Refuses values for places that hold no credential: they would be written without a word in the plan.
 * @throws AppError `USAGE`
 */
function checkPlaces(document: MirrorDocument, live: Live | undefined, supplied: ReadonlyMap<string, Json>): void {
  if (supplied.size === 0) return;
  const held = live?.state === 'live' || live?.state === 'binned' ? secretPlaces(live.doc) : [];
  const known = [...secretPlaces(document.doc), ...held].map(({ place }) => placeText(place));
  for (const place of supplied.keys()) {
    const fits = known.some((path) => path === place || place.startsWith(`${path}.`));
    if (fits || (document.type.secrets ?? []).some((path) => covers(path, placeOf(place)))) continue;
    throw new AppError(
      'USAGE',
      `--secrets: ${keyOf(document.type.name, document.id)} "${document.title}" has no credential at ${place}`,
      {
        hint:
          known.length > 0
            ? `It has: ${known.join(', ')}`
            : 'It has none; other values are set by overrides in the configuration',
      },
    );
  }
}

/** What the account's folder in HEAD is bound to; `undefined` for an account that was never mirrored. */
async function bindingOf(repository: Repository, account: string): Promise<Binding | undefined> {
  const path = `${account}/${BINDING_FILE}`;
  const text = await repository.git.ask(['cat-file', 'blob', `HEAD:${path}`]);
  return text === undefined ? undefined : readBinding(parseYaml(text), path);
}

/**
 * Whether a resource that the interrupted restore wrote, or was about to, was changed by somebody else since. What it is
 * when the write came through unheard is what is wanted, so that nothing is left to be done with it.
 */
function changedByOthers(journal: Journal | undefined, key: Key, doc: JsonObject): boolean {
  const own = journal?.entries.filter((entry) => 'key' in entry && entry.key === key) ?? [];
  const last = own.findLast((entry) => entry.kind === 'done');
  if (last?.kind === 'done') {
    const type = findType(key.slice(0, key.indexOf('/'))) as ResourceType;
    return last.to !== undefined && last.to !== coreVersionOf(type, doc);
  }
  const known = own.flatMap((entry) =>
    entry.kind === 'intent' && entry.action === 'update' && entry.from !== undefined ? [entry.from] : [],
  );
  return known.length > 0 && known.at(-1) !== versionOf(doc);
}
