import { catalogueWith, findType } from '../../catalogue/index.ts';
import { fetchUserId } from '../../celigo/audit.ts';
import { type ApiClient, clientOf } from '../../celigo/client.ts';
import { idIn, keyOf } from '../../core/keys.ts';
import { titleOf } from '../../core/layout.ts';
import type { PlanInput } from '../../plan/planner.ts';
import { bindingIn } from '../binding.ts';
import { type IdMaps, idMapPath, readIdMaps, recreatedIds } from '../idmaps.ts';
import { anyOf } from '../signals.ts';
import { type Cache, readCache } from '../sync/cache.ts';
import { CacheDamaged } from '../sync/cache-file.ts';
import { type HeldCredentials, normalisingFor } from '../sync/clear-credentials.ts';
import { readHeldCredentials } from '../sync/held-credentials.ts';
import type { GitAuthor, RestoreCommit } from '../sync/sync-deps.ts';
import type { Chosen } from './choose-state.ts';
import { readEditedFiles } from './edited-files.ts';
import { authorsOf, type Edits } from './edits.ts';
import type { Journal } from './journal.ts';
import { type LiveAccount, observe } from './live.ts';
import { type Renew, renewing } from './reader.ts';
import { isSameAccount, type RestoreContext } from './request.ts';
import { adoptCreated, createdIds, touchedKeys, undeletedKeys } from './resume.ts';
import { readServerMade, type ServerMade, writeServerMade } from './server-made.ts';
import { wantsOfUndo } from './undo.ts';
import { type Wants, type WantsInput, wantsOfState } from './wants.ts';
import { wantsOfEdits } from './wants-of-edits.ts';
import { wantsOfRemoval } from './wants-of-removal.ts';
import { createWriter, type Writer } from './writer.ts';

/** The target before the first write. */
export interface Fetched {
  readonly client: ApiClient;
  readonly writer: Writer;
  readonly renew: Renew;
  readonly live: LiveAccount;
  readonly wants: Wants;
  /** The token's user. */
  readonly userId: string;
  /** New ids of earlier restores, by type, as HEAD holds them. */
  readonly idMaps: IdMaps;
  /** Ids of the state → ids of the target. Grows by what is matched and created. */
  readonly ids: Map<string, string>;
  /** What the server made of earlier writes; nothing with `--force`, which tries again. */
  readonly made: PlanInput['made'];
  /** Adds to that, and keeps it for the restores to come. */
  readonly noteMade: (made: ServerMade) => void;
}

/** A client of the target that reports its retries. */
export function openClient({ deps, request: { target } }: RestoreContext): ApiClient {
  return clientOf(target, deps.env, {
    userAgent: deps.userAgent,
    onRetry: (event) => deps.report({ name: 'request.retried', account: target.name, ...event }),
  });
}

/**
 * Mirrors the target. With `dryRun` it is only read, and at once, while the state is still looked for: nothing is
 * written that a wrong selector would make regrettable.
 * @throws AppError, ApiError, GitFailure, and what `choosing` rejects with
 */
export async function observeTarget(
  { deps, request, repository, resumed }: RestoreContext,
  choosing: Promise<Chosen>,
  signal: AbortSignal,
): Promise<LiveAccount> {
  if (!request.dryRun) await choosing;
  const { edits } = request.apply ? await choosing : {};
  const soFar = resumed && edits ? await authorsSoFar(edits, resumed) : {};
  const restore: RestoreCommit | undefined = resumed && {
    id: resumed.head.id,
    operator: resumed.head.operator,
    touched: touchedKeys(resumed),
    undeleted: undeletedKeys(resumed),
    ...(resumed.head.undo ? { undone: resumed.head.undo.map(({ commit }) => commit) } : {}),
    ...soFar,
    files: [],
  };
  return observe({ ...deps, signal: anyOf(deps.signal, signal) }, request.target, repository, {
    known: choosing.then(({ state }) => state),
    dryRun: request.dryRun,
    ...(restore ? { restore } : {}),
    ...(edits ? { applying: { paths: new Set(edits.files.keys()), pending: true } } : {}),
  });
}

/** The cache, unless what it knows of credentials is damaged: a run starts over then, a restore cannot. */
function soundCache(stateDir: string, account: string): Cache | undefined {
  const cache = readCache(stateDir, account);
  try {
    cache?.known?.();
    return cache;
  } catch (error) {
    if (error instanceof CacheDamaged) return undefined;
    throw error;
  }
}

/** What the target's mirror knows to be credentials. @throws GitFailure */
async function heldIn({ deps, request: { target }, repository }: RestoreContext): Promise<HeldCredentials> {
  const cache = soundCache(repository.stateDir, target.name);
  const [folder] = await repository.git.find([`HEAD:${target.name}/`]);
  const tree = folder?.id;
  return readHeldCredentials({ repository, config: deps.config, cache, tree, fits: cache?.tree === tree });
}

/** Who made in Git what an interrupted restore has brought to the account. */
async function authorsSoFar(edits: Edits, resumed: Journal): Promise<Pick<RestoreCommit, 'authors' | 'unheard'>> {
  const { documents } = await readEditedFiles(edits, findType, (_, doc) => doc);
  const created = createdIds(resumed);
  const authors = authorsOf(edits, documents, created);
  const started = resumed.entries
    .filter((entry) => entry.kind === 'intent')
    .filter(({ action }) => action === 'create');
  const open = new Set(started.flatMap(({ key }) => (created.has(idIn(key)) ? [] : [key])));
  const unheard = documents.flatMap(({ type, id, after }): [string, GitAuthor][] => {
    const author = authors.get(keyOf(type.name, id));
    return author && after && open.has(keyOf(type.name, id)) ? [[`${type.name}/${titleOf(type, after)}`, author]] : [];
  });
  return { authors, unheard: new Map(unheard) };
}

async function wantsOf(context: RestoreContext, chosen: Chosen, input: WantsInput, writer: Writer): Promise<Wants> {
  if (context.request.remove) return wantsOfRemoval(context, context.request.remove, input.live, writer);
  if (chosen.undone) return wantsOfUndo(context, chosen.undone, input);
  if (chosen.edits) return wantsOfEdits(context, chosen.edits, input);
  return wantsOfState(context.request, chosen, input);
}

/**
 * What is to be known of the target besides what it holds; takes over what an interrupted restore created.
 * @throws AppError, ApiError, GitFailure
 */
export async function fetchTarget(
  context: RestoreContext,
  chosen: Chosen,
  client: ApiClient,
  observed: LiveAccount,
): Promise<Fetched> {
  const { deps, request, repository, resumed } = context;
  const { target } = request;
  const [binding, held, idMaps] = await Promise.all([
    bindingIn(repository.git, target.name),
    heldIn(context),
    readIdMaps(repository.git, idMapPath(request.from, target.name)),
  ]);
  // The run before has made sure that the token is that of the folder.
  const userId = binding?.userId ?? (await fetchUserId(client, deps.signal));
  const catalogue = catalogueWith(target.ignore);
  const normalise = normalisingFor(target, binding?.fingerprintKey ?? '', held);
  // What the mirror that is restored holds in plain text on purpose is not taken out.
  const { credentials } = deps.config.accounts.find(({ name }) => name === request.from) ?? target;
  const renew = renewing(catalogue, { ...normalise, credentials });
  const { lookupCacheData } = target;
  const writer = createWriter({ client, catalogue, normalise, lookupCacheData, signal: deps.signal });
  const known = new Map([...idMaps.values()].flatMap((map) => [...map]));
  const path = idMapPath(request.from, target.name);
  const ids = isSameAccount(request) ? recreatedIds(known, (id) => observed.typeOf(id) !== undefined, path) : known;
  // A merge takes in what changed since the last sync; of a resumed one, that came after the plan.
  const merges = chosen.undone ?? chosen.edits;
  const live = merges && !resumed ? { ...observed, isChanged: () => false } : observed;
  const input = { live, renew, ids, idMaps };
  const wants = await wantsOf(context, chosen, input, writer);
  if (resumed) await adoptCreated(context, resumed, { wants, live, ids });
  const noted = request.force ? undefined : readServerMade(repository.stateDir, target.name);
  const made: Fetched['made'] = (typeName, id) => new Set(noted?.get(keyOf(typeName, id)));
  const noteMade: Fetched['noteMade'] = (more) => {
    for (const [key, notes] of noted ? more : []) noted?.set(key, notes);
    if (noted && !request.dryRun) writeServerMade(repository.stateDir, target.name, noted);
  };
  return { client, writer, renew, live, wants, userId, idMaps, ids, made, noteMade };
}
