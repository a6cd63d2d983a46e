import { USERS } from '../../catalogue/index.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { readBin, readBinned } from '../../celigo/recycle-bin.ts';
import { isAppPart, type MirrorDocument } from '../../core/documents.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { oneLine } from '../../core/message.ts';
import { equalJson, valueAt } from '../../core/paths.ts';
import { rewriteIds } from '../../plan/ids.ts';
import type { Live } from '../../plan/types.ts';
import type { LiveAccount } from './live.ts';
import type { RestoreDeps } from './request.ts';
import { subscriptionOf } from './subscriptions.ts';
import type { Writer } from './writer.ts';

export interface LookupInput {
  readonly deps: RestoreDeps;
  readonly client: ApiClient;
  readonly writer: Writer;
  readonly live: LiveAccount;
  readonly sameAccount: boolean;
  /** Ids of the state → ids of the target. Matches found here are added. */
  readonly ids: Map<string, string>;
  /** Whether credentials are handed in for this resource: then even the target's own may be changed. */
  readonly hasSecrets: (document: MirrorDocument) => boolean;
  /** What the interrupted restore made in the target: it is ours, and may not be complete yet. */
  readonly made: ReadonlySet<Key>;
  /** Told of every match that a person or a name decided. */
  readonly matched: (key: Key, id: string) => void;
}

/** The recycle bin, read once and only when needed; by single entries where the whole cannot be read. */
function createBin(client: ApiClient, signal: AbortSignal) {
  let whole: Promise<ReadonlyMap<Key, JsonObject> | undefined> | undefined;
  return async (document: MirrorDocument, id: string): Promise<JsonObject | undefined> => {
    whole ??= readBin(client, signal).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      return undefined;
    });
    const known = await whole;
    return known ? known.get(keyOf(document.type.name, id)) : readBinned(client, document.type, id, signal);
  };
}

/**
 * Finds out what the target holds in the place of each wanted resource.
 * @throws AppError `CONFLICT` where several resources of the target could be meant and nobody can be asked
 */
export async function lookUp(documents: readonly MirrorDocument[], input: LookupInput): Promise<Map<Key, Live>> {
  const { live, ids, sameAccount, writer } = input;
  const found = new Map<Key, Live>();
  const inBin = createBin(input.client, input.deps.signal);
  const liveKeys: { key: Key; document: MirrorDocument; target: string }[] = [];
  const absent: MirrorDocument[] = [];

  for (const document of documents) {
    const { name: typeName } = document.type;
    const mapped = ids.get(document.id);
    const candidates = [...(mapped ? [mapped] : []), ...(sameAccount ? [document.id] : [])];
    const here = candidates.find((id) => live.has(typeName, id) === true);
    if (here !== undefined) liveKeys.push({ key: keyOf(typeName, document.id), document, target: here });
    else absent.push(document);
  }
  const targets = await live.documents(liveKeys.map(({ document, target }) => keyOf(document.type.name, target)));
  const taken = new Set(liveKeys.map(({ document, target }) => keyOf(document.type.name, target)));
  for (const { key, document, target } of liveKeys) {
    const { name: typeName } = document.type;
    const there = targets.get(keyOf(typeName, target));
    if (!there) continue;
    found.set(key, stateOf(document, target, there.doc, live.isChanged(keyOf(typeName, target))));
    if (target !== document.id) ids.set(document.id, target);
  }

  function stateOf(document: MirrorDocument, id: string, doc: JsonObject, changed: boolean): Live {
    const { name: typeName, restore } = document.type;
    const ours = input.hasSecrets(document) || input.made.has(keyOf(typeName, id));
    const own = !sameAccount && restore.mode === 'map' && !ours;
    return own
      ? { state: 'matched', id, title: String(doc.name ?? id) }
      : { state: 'live', id, raw: doc, doc, changed };
  }

  const pools = new Map<string, MirrorDocument[]>();
  async function pool(typeName: string): Promise<MirrorDocument[]> {
    let known = pools.get(typeName);
    if (!known) {
      const keys = live.keys().filter((key) => key.startsWith(`${typeName}/`));
      known = [...(await live.documents(keys)).values()];
      pools.set(typeName, known);
    }
    return known;
  }

  /** A resource of the target that is the same by its unique fields, or by target and person of a notification. */
  async function match(document: MirrorDocument): Promise<MirrorDocument | undefined> {
    const { type } = document;
    const key = keyOf(type.name, document.id);
    if (type.restore.mode === 'bulk') {
      const wanted = subscriptionOf(type, rewriteIds(document.doc, ids));
      const same = ({ doc }: MirrorDocument): boolean => equalJson({ ...subscriptionOf(type, doc) }, { ...wanted });
      return wanted && (await pool(type.name)).find(same);
    }
    const fields = sameAccount ? undefined : type.restore.matchBy;
    if (!fields) return undefined;
    const alike = (await pool(type.name)).filter(
      ({ id, doc }) =>
        !taken.has(keyOf(type.name, id)) &&
        !isAppPart(doc) &&
        fields.every((path) => equalJson(valueAt(doc, path), valueAt(document.doc, path))),
    );
    if (alike.length <= 1) return alike[0];
    const shown = alike.map(({ id, title }) => `${type.name}/${id}  ${oneLine(title)}`);
    const question = `${key} "${oneLine(document.title)}" could be any of ${alike.length} ${type.plural} of the target`;
    const choice = await input.deps.choose?.(question, shown);
    const chosen = choice === undefined ? undefined : alike[choice];
    if (chosen) return chosen;
    throw new AppError('CONFLICT', `${question}:${shown.map((line) => `\n  ${line}`).join('')}`, {
      hint: `Rename all but one, or write the right one into the file of ids: ${type.name}: { ${document.id}: <id> }`,
    });
  }

  for (const document of absent) {
    const { type } = document;
    const key = keyOf(type.name, document.id);
    const twin = await match(document);
    if (twin) {
      taken.add(keyOf(type.name, twin.id));
      ids.set(document.id, twin.id);
      input.matched(key, twin.id);
      found.set(key, stateOf(document, twin.id, twin.doc, live.isChanged(keyOf(type.name, twin.id))));
      continue;
    }
    try {
      found.set(key, await lost(document));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      found.set(key, {
        state: 'unknown',
        reason: `it cannot be told whether it exists: ${messageOf(error)}`,
      });
    }
  }
  return found;

  /** What is not in a listing: there all the same, in the recycle bin, or gone. */
  async function lost(document: MirrorDocument): Promise<Live> {
    const { type } = document;
    const mapped = ids.get(document.id);
    const candidates = [...(mapped ? [mapped] : []), ...(sameAccount ? [document.id] : [])];
    const maker = type.restore.mode === 'create' || type.restore.mode === 'map';
    for (const id of candidates) {
      // Lists may leave something out without a word: what would be made is believed to be gone only when it says so.
      const pair = maker || live.has(type.name, id) === undefined ? await writer.read(type, id) : undefined;
      if (!pair) continue;
      taken.add(keyOf(type.name, id));
      if (id !== document.id) ids.set(document.id, id);
      return stateOf(document, id, pair.doc, false);
    }
    if (type.restore.mode !== 'manual') {
      for (const id of candidates) {
        const doc = await inBin(document, id);
        if (doc) {
          if (id !== document.id) ids.set(document.id, id);
          return { state: 'binned', id, doc: writer.pair(type, doc).doc };
        }
      }
    }
    if (type.restore.mode === 'bulk' && !sameAccount) {
      const email = subscriptionOf(type, document.doc)?.email ?? '';
      const people = [
        ...(await pool(USERS.name)).map(({ doc }) => valueAt(doc, `${USERS.person}.email`)),
        ...(await pool(type.name)).map(({ doc }) => subscriptionOf(type, doc)?.email),
      ];
      if (live.isComplete(USERS.name) && !people.includes(email)) {
        return {
          state: 'impossible',
          reason: `${email} is not a user of the target account: invite them, or subscribe another user`,
        };
      }
    }
    // An id that leads nowhere any more must not be written into what refers to it.
    ids.delete(document.id);
    if (maker && !live.isComplete(type.name)) {
      return {
        state: 'unknown',
        reason: `the ${type.plural} of the account could not be listed whole, so that a new one might be a second one`,
      };
    }
    // Within one account, documents may still name what an earlier restore made of it: they follow what is made now.
    if (sameAccount && mapped !== undefined) {
      for (const [old, id] of ids) if (id === mapped) ids.set(old, document.id);
      ids.set(mapped, document.id);
    }
    return { state: 'gone' };
  }
}
