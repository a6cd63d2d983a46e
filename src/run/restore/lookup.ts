import { findType, USERS } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { readBin, readBinned } from '../../celigo/recycle-bin.ts';
import { idElsewhere } from '../../core/below.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { messageOf } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { valueAt } from '../../core/paths.ts';
import { shownName } from '../../core/unseen.ts';
import type { Live, Wanted } from '../../plan/types.ts';
import { findMatch } from './find-match.ts';
import { documentOf, type LiveAccount } from './live.ts';
import type { RestoreDeps } from './request.ts';
import { subscriptionOf } from './subscriptions.ts';
import { usedInBin } from './used-in-bin.ts';
import type { Writer } from './writer.ts';

interface LookupInput {
  readonly deps: RestoreDeps;
  readonly client: ApiClient;
  readonly writer: Writer;
  readonly live: LiveAccount;
  readonly sameAccount: boolean;
  /** Ids of the state → ids of the target. What is found here is added. */
  readonly ids: Map<string, string>;
  /** Whether credentials are given for this resource: then even the target's own may be changed. */
  readonly hasSecrets: (document: MirrorDocument) => boolean;
  /** What the interrupted restore created in the target: it may not be complete yet. */
  readonly made: ReadonlySet<Key>;
  /** Called for every match that a person or a name decided. */
  readonly matched: (key: Key, id: string) => void;
}

/** A lookup in progress. */
interface Lookup extends LookupInput {
  /** Resources of the target that are used for one of the state. */
  readonly taken: Set<Key>;
  /** The target's resources of a type. */
  readonly ofType: (type: string) => Promise<readonly MirrorDocument[]>;
  /** A deleted resource, as the API shows it. */
  readonly inBin: (type: ResourceType, id: string) => Promise<JsonObject | undefined>;
  /** Wanted documents that are in the recycle bin, by their keys in the target. */
  readonly binned: Map<Key, { readonly document: MirrorDocument; readonly raw: JsonObject }>;
}

/** What the target holds. */
interface LookedUp {
  /** In the place of each wanted resource. */
  readonly found: Map<Key, Live>;
  /** In the recycle bin, and used by something that comes back from there. */
  readonly along: readonly Wanted[];
}

/** The recycle bin, read once and only when needed; entry by entry where it cannot be read completely. */
function createBin(client: ApiClient, signal: AbortSignal): Lookup['inBin'] {
  let complete: Promise<ReadonlyMap<Key, JsonObject> | undefined> | undefined;
  return async (type, id) => {
    complete ??= readBin(client, signal).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      return undefined;
    });
    const known = await complete;
    return known ? known.get(keyOf(type.name, id)) : readBinned(client, type, id, signal);
  };
}

/** The target's resources by type, each type read once. */
function createPools(live: LiveAccount): Lookup['ofType'] {
  const pools = new Map<string, Promise<readonly MirrorDocument[]>>();
  return (type) => {
    let pool = pools.get(type);
    if (!pool) {
      const keys = live.keys().filter((key) => typeIn(key) === type);
      pool = live.documents(keys).then((documents) => [...documents.values()]);
      pools.set(type, pool);
    }
    return pool;
  };
}

/**
 * Finds out what the target holds in the place of each wanted resource.
 * @param referred what the wanted ones refer to: used where the target has it, never brought back
 * @throws AppError `CONFLICT` where several resources of the target match and no one can choose
 */
export async function lookUp(
  wanted: readonly MirrorDocument[],
  referred: readonly MirrorDocument[],
  input: LookupInput,
): Promise<LookedUp> {
  const lookup: Lookup = {
    ...input,
    taken: new Set(),
    ofType: createPools(input.live),
    inBin: createBin(input.client, input.deps.signal),
    binned: new Map(),
  };
  const [found, absent] = await findListed([...wanted, ...referred], lookup);
  for (const document of absent) found.set(keyOf(document.type.name, document.id), await findAbsent(document, lookup));
  return { found, along: await findAlong(new Set(wanted), found, lookup) };
}

/** What comes back from the recycle bin although it is not wanted. It is added to what was found. */
async function findAlong(
  wanted: ReadonlySet<MirrorDocument>,
  found: Map<Key, Live>,
  { binned, deps, inBin, live, writer }: Lookup,
): Promise<Wanted[]> {
  const inBinOf = async (typeName: string, id: string): Promise<JsonObject | undefined> => {
    const type = findType(typeName);
    // What is wanted has its place already, perhaps under a new id.
    if (!type || found.has(keyOf(typeName, id)) || live.has(keyOf(typeName, id)) === true) return undefined;
    try {
      return await inBin(type, id);
    } catch (error) {
      // Nothing returns that was not seen: the server refuses to bring back what uses it, and names it.
      if (!(error instanceof ApiError)) throw error;
      return undefined;
    }
  };
  const back = [...binned].filter(([, { document }]) => wanted.has(document));
  const returning = new Map(back.map(([key, { raw }]) => [key, raw]));
  const names = new Map(back.map(([key, { document }]) => [key, nameOf(document)]));
  const along: Wanted[] = [];
  for (const { key, doc: raw, by } of await usedInBin(returning, inBinOf)) {
    const type = findType(typeIn(key)) as ResourceType;
    const { doc } = writer.pair(type, raw);
    const document = documentOf(deps, type, idIn(key), doc);
    names.set(key, nameOf(document));
    found.set(key, { state: 'binned', id: document.id, doc });
    along.push({ ...document, neededBy: names.get(by) ?? by });
  }
  return along;
}

function nameOf({ type, id, title }: MirrorDocument): string {
  return `${keyOf(type.name, id)} "${shownName(title)}"`;
}

/** Ids that a resource may have in the target. */
function idsOf({ type, id }: MirrorDocument, { ids, sameAccount }: LookupInput): string[] {
  const mapped = ids.get(id);
  // A key is the same key in any account.
  const same = sameAccount ? [id] : type.list.shape === 'keys' ? [idElsewhere(type, id, ids)] : [];
  return [...(mapped ? [mapped] : []), ...same];
}

/** The resource of the target with this id is used for the document. */
function claim(document: MirrorDocument, id: string, { ids, taken }: Lookup): void {
  taken.add(keyOf(document.type.name, id));
  if (id !== document.id) ids.set(document.id, id);
}

function liveState(document: MirrorDocument, id: string, doc: JsonObject, changed: boolean, input: LookupInput): Live {
  const { name: typeName, restore } = document.type;
  const writable = input.hasSecrets(document) || input.made.has(keyOf(typeName, id));
  return !input.sameAccount && restore.mode === 'map' && !writable
    ? { state: 'matched', id, title: String(doc.name ?? id) }
    : { state: 'live', id, raw: doc, doc, changed };
}

/** What the listings show of the wanted resources, and the documents that none shows. */
async function findListed(
  documents: readonly MirrorDocument[],
  lookup: Lookup,
): Promise<[Map<Key, Live>, MirrorDocument[]]> {
  const { live } = lookup;
  const listed: { document: MirrorDocument; id: string; target: Key }[] = [];
  const absent: MirrorDocument[] = [];
  for (const document of documents) {
    const { name } = document.type;
    const id = idsOf(document, lookup).find((candidate) => live.has(keyOf(name, candidate)) === true);
    if (id === undefined) absent.push(document);
    else listed.push({ document, id, target: keyOf(name, id) });
  }
  const held = await live.documents(listed.map(({ target }) => target));
  const found = new Map<Key, Live>();
  for (const { document, id, target } of listed) {
    lookup.taken.add(target);
    const there = held.get(target);
    if (!there) continue;
    claim(document, id, lookup);
    const state = liveState(document, id, there.doc, live.isChanged(target), lookup);
    found.set(keyOf(document.type.name, document.id), state);
  }
  return [found, absent];
}

/** What is in no listing under a known id: another resource that is the same, or what {@link findUnlisted} finds. */
async function findAbsent(document: MirrorDocument, lookup: Lookup): Promise<Live> {
  const { type } = document;
  const match = await findMatch(document, { ...lookup, choose: lookup.deps.choose });
  if (match) {
    lookup.taken.add(keyOf(type.name, match.id));
    lookup.ids.set(document.id, match.id);
    lookup.matched(keyOf(type.name, document.id), match.id);
    const changed = lookup.live.isChanged(keyOf(type.name, match.id));
    return liveState(document, match.id, match.doc, changed, lookup);
  }
  try {
    return (await findUnlisted(document, lookup)) ?? (await noSubscriber(document, lookup)) ?? forget(document, lookup);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { state: 'unknown', reason: `cannot find out whether it exists: ${messageOf(error)}` };
  }
}

/** Whether a restore creates resources of the type one by one. */
function isCreatable({ type }: MirrorDocument): boolean {
  return type.restore.mode === 'create' || type.restore.mode === 'map';
}

/** In the account although no listing shows it, or in the recycle bin. */
async function findUnlisted(document: MirrorDocument, lookup: Lookup): Promise<Live | undefined> {
  const { type } = document;
  const { live, writer } = lookup;
  const candidates = idsOf(document, lookup);
  for (const id of candidates) {
    // Lists may omit something silently: what would be created counts as gone only when its own URL answers that.
    const ask = isCreatable(document) || live.has(keyOf(type.name, id)) === undefined;
    const pair = ask ? await writer.read(type, id) : undefined;
    if (!pair) continue;
    claim(document, id, lookup);
    return liveState(document, id, pair.doc, false, lookup);
  }
  for (const id of type.restore.mode === 'manual' ? [] : candidates) {
    const doc = await lookup.inBin(type, id);
    if (!doc) continue;
    lookup.binned.set(keyOf(type.name, id), { document, raw: doc });
    if (id !== document.id) lookup.ids.set(document.id, id);
    return { state: 'binned', id, doc: writer.pair(type, doc).doc };
  }
  return undefined;
}

/** A subscription of someone who is not a user of the target. */
async function noSubscriber(
  { type, doc }: MirrorDocument,
  { live, sameAccount, ofType }: Lookup,
): Promise<Live | undefined> {
  if (type.restore.mode !== 'bulk' || sameAccount || !live.isComplete(USERS.name)) return undefined;
  const email = subscriptionOf(type, doc)?.email ?? '';
  const people = [
    ...(await ofType(USERS.name)).map((user) => valueAt(user.doc, `${USERS.person}.email`)),
    ...(await ofType(type.name)).map((other) => subscriptionOf(type, other.doc)?.email),
  ];
  if (people.includes(email)) return undefined;
  const reason = `${email} is not a user of the target account: invite them, or subscribe another user`;
  return { state: 'impossible', reason };
}

/** Nothing in the target is used for the document. An id that no longer exists must not be written into others. */
function forget(document: MirrorDocument, { ids, live, sameAccount }: Lookup): Live {
  const { type } = document;
  const mapped = ids.get(document.id);
  ids.delete(document.id);
  if (isCreatable(document) && !live.isComplete(type.name)) {
    // Why it is unknown decides what helps: a licence, a right, another try, the configuration.
    const why = live.report.types.find((one) => one.type === type.name)?.reason ?? 'the configuration leaves them out';
    const cause = `the ${type.plural} of the account could not be listed completely`;
    const reason = `${cause}, so it might exist already: ${why}`;
    return { state: 'unknown', reason };
  }
  // Within one account, documents may still name what an earlier restore created: they follow what is created now.
  if (sameAccount && mapped !== undefined) {
    for (const [old, id] of ids) if (id === mapped) ids.set(old, document.id);
    ids.set(mapped, document.id);
  }
  return { state: 'gone' };
}
