import type { ResourceType } from '../../catalogue/types.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { undelete } from '../../celigo/recycle-bin.ts';
import { toData } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import { getOwn, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { createNormaliser, type NormaliseOptions } from '../../core/normalise.ts';
import type { PatchOperation } from '../../plan/body.ts';
import { assertNoPlaceholder, type FilledRecords } from '../../plan/secrets.ts';
import { fetchCacheData, fetchDocument, itemPath } from '../fetch-document.ts';
import { listAll } from './find-created.ts';

/** A document of the target, as the API shows it and as the mirror would hold it. */
export interface LivePair {
  readonly raw: JsonObject;
  readonly doc: JsonObject;
}

/** Something was made, its id is known, and it cannot be read. */
export class Unread extends ApiError {
  readonly id: string;
  constructor(id: string, cause: ApiError) {
    super(`made as ${id}, but it cannot be read: ${cause.message}`, {
      status: cause.status,
      transient: false,
      cause,
    });
    this.name = 'Unread';
    this.id = id;
  }
}

/** Entries in one call to a lookup cache, and their size in bytes (api-notes#lookup-data). */
const MOST_ENTRIES = 1_000;
const MOST_BYTES = 4 * 1024 * 1024;

/** Everything that a restore writes goes through here; no body with a placeholder leaves. */
export interface Writer {
  /** The resource as it is now; `undefined` when it is gone. @throws ApiError */
  readonly read: (type: ResourceType, id: string) => Promise<LivePair | undefined>;
  /** What the server says a resource is, in both forms. */
  readonly pair: (type: ResourceType, raw: JsonObject) => LivePair;
  /** All resources of a type as their list shows them, by id. @throws ApiError when it cannot be read whole */
  readonly list: (type: ResourceType) => Promise<ReadonlyMap<string, JsonObject>>;
  /** POST. @throws Unread, or another ApiError; without a status its outcome is unknown */
  readonly create: (type: ResourceType, body: JsonObject) => Promise<LivePair>;
  readonly replace: (type: ResourceType, id: string, body: JsonObject) => Promise<LivePair>;
  readonly patch: (type: ResourceType, id: string, operations: readonly PatchOperation[]) => Promise<LivePair>;
  readonly remove: (type: ResourceType, id: string) => Promise<void>;
  readonly undelete: (type: ResourceType, id: string) => Promise<LivePair>;
  /** Makes the connections registered with an integration those of `wanted`. */
  readonly register: (integration: string, wanted: readonly string[], live: readonly string[]) => Promise<void>;
  readonly unregister: (integration: string, wanted: readonly string[], live: readonly string[]) => Promise<void>;
  /** Makes the entries of a lookup cache those of `wanted` (one JSON text a line); only adds to one that lacks some. */
  readonly fillCache: (id: string, wanted: FilledRecords, live: string) => Promise<void>;
  /** Subscribes somebody; gives the subscription. */
  readonly subscribe: (type: ResourceType, doc: JsonObject) => Promise<JsonObject>;
}

export interface WriterOptions {
  readonly client: ApiClient;
  readonly normalise: NormaliseOptions;
  readonly lookupCacheData: boolean;
  readonly signal: AbortSignal;
}

/** The one target of a notification: field and id. */
export function targetOf(doc: JsonObject): readonly [string, string] | undefined {
  const field = ['_flowId', '_connectionId', '_integrationId'].find((name) => typeof doc[name] === 'string');
  return field ? [field, String(doc[field])] : undefined;
}

export function emailOf(doc: JsonObject): string | undefined {
  const person = doc.subscribedByUser;
  return isObject(person) && typeof person.email === 'string' ? person.email : undefined;
}

function parseEntries(text: string): Map<string, string> {
  return new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => [String((JSON.parse(line) as JsonObject).key), line]),
  );
}

/** Lines in portions that one call takes. */
function* portions(lines: readonly string[]): Generator<Json[]> {
  let some: Json[] = [];
  let bytes = 0;
  for (const line of lines) {
    if (some.length >= MOST_ENTRIES || (some.length > 0 && bytes + line.length * 3 > MOST_BYTES)) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(JSON.parse(line) as Json);
    bytes += line.length * 3;
  }
  if (some.length > 0) yield some;
}

export function createWriter(options: WriterOptions): Writer {
  const { client, signal } = options;
  const normalisers = new Map<string, ReturnType<typeof createNormaliser>>();
  const collections = new Map<string, string>();

  function pair(type: ResourceType, raw: JsonObject): LivePair {
    let normalise = normalisers.get(type.name);
    if (!normalise) {
      normalise = createNormaliser(type, options.normalise);
      normalisers.set(type.name, normalise);
    }
    return { raw, doc: normalise(raw).doc };
  }

  /** The spelling of the collection that the server answers to. */
  async function collectionOf(type: ResourceType): Promise<string> {
    const { path, alternative } = type.list;
    if (!alternative) return path;
    let found = collections.get(type.name);
    if (!found) {
      found = path;
      try {
        await client.send({ url: path, signal });
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        found = alternative;
      }
      collections.set(type.name, found);
    }
    return found;
  }

  async function read(type: ResourceType, id: string): Promise<LivePair | undefined> {
    const collection = await collectionOf(type);
    const raw = await fetchDocument(client, type, collection, id, signal);
    if (!raw) return undefined;
    if (!type.entries || !options.lookupCacheData) return pair(type, raw);
    return pair(type, { ...raw, [type.entries]: await fetchCacheData(client, collection, id, signal) });
  }

  /**
   * Whether an answer is the whole document, as a GET shows it. Some servers answer with the id alone, or with what was
   * sent before they filled in their own: what lacks a field that was sent, or the mark of this write, is not believed.
   */
  function isWhole(type: ResourceType, sent: JsonObject, body: JsonObject): boolean {
    // Some members come only when asked for; the entries of a cache have a call of their own.
    if (type.hydrate?.query || type.name === 'lookupcaches') return false;
    const { lastModified } = body;
    return (
      typeof lastModified === 'string' &&
      lastModified !== sent.lastModified &&
      [...Object.keys(sent), ...(type.hydrate?.fields ?? [])].every((key) => getOwn(body, key) !== undefined)
    );
  }

  /** The document in the answer to `sent`, or from a GET where the answer does not have the whole of it. */
  async function answered(
    type: ResourceType,
    id: string | undefined,
    sent: JsonObject | undefined,
    body: Json | undefined,
  ): Promise<LivePair> {
    const found = isObject(body) && typeof body._id === 'string' ? body._id : id;
    if (found === undefined) throw new ApiError(`POST ${type.list.path} did not say what it made`, { transient: true });
    if (isObject(body) && body._id === found && sent && isWhole(type, sent, body)) return pair(type, body);
    const live = await read(type, found);
    if (!live)
      throw new ApiError(`${type.list.path}/${found} is gone right after it was written`, {
        transient: false,
      });
    return live;
  }

  async function write(
    method: 'POST' | 'PUT' | 'PATCH',
    url: string,
    body: Json,
    repeatable = false,
  ): Promise<Json | undefined> {
    assertNoPlaceholder(body, `${method} ${url}`);
    const response = await client.send({ method, url, body: toData(body), repeatable, signal });
    if (response.body.length === 0) return undefined;
    try {
      return JSON.parse(response.body.toString('utf8')) as Json;
    } catch {
      // Some answers are plain text (api-notes#plain-text).
      return undefined;
    }
  }

  /** What is not there any more was deleted: by us, when the answer got lost, or by somebody else. */
  async function sendDelete(url: string): Promise<void> {
    try {
      await client.send({ method: 'DELETE', url, signal });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  }

  async function urlOf(type: ResourceType, id: string): Promise<string> {
    return itemPath(type, await collectionOf(type), id);
  }

  const self: Writer = {
    read,
    pair,
    async list(type) {
      return listAll(client, type, await collectionOf(type), signal);
    },
    async create(type, body) {
      const answer = await write('POST', await collectionOf(type), body);
      const id = isObject(answer) && typeof answer._id === 'string' ? answer._id : undefined;
      try {
        return await answered(type, undefined, body, answer);
      } catch (error) {
        throw id !== undefined && error instanceof ApiError ? new Unread(id, error) : error;
      }
    },
    async replace(type, id, body) {
      const value = type.list.shape === 'keys' ? (body.value ?? null) : body;
      return answered(type, id, body, await write('PUT', await urlOf(type, id), value));
    },
    async patch(type, id, operations) {
      await write('PATCH', await urlOf(type, id), operations as unknown as Json);
      return answered(type, id, undefined, undefined);
    },
    async remove(type, id) {
      await sendDelete(await urlOf(type, id));
    },
    async undelete(type, id) {
      try {
        await undelete(client, type, id, signal);
      } catch (error) {
        // An answer that got lost, or a parent that brought it back in the meantime.
        const live = error instanceof ApiError ? await read(type, id) : undefined;
        if (live) return live;
        throw error;
      }
      const live = await read(type, id);
      if (!live) throw new ApiError(`${type.name}/${id} did not come back from the recycle bin`, { transient: false });
      return live;
    },
    async register(integration, wanted, live) {
      const more = wanted.filter((id) => !live.includes(id));
      if (more.length > 0) await write('PUT', `/v1/integrations/${integration}/connections/register`, more);
    },
    async unregister(integration, wanted, live) {
      for (const id of live.filter((held) => !wanted.includes(held))) {
        await sendDelete(`/v1/integrations/${integration}/connections/${id}/register`);
      }
    },
    async fillCache(id, wanted, live) {
      const [ours, theirs] = [parseEntries(wanted.text), parseEntries(live)];
      const changed = [...ours].filter(([key, line]) => theirs.get(key) !== line).map(([, line]) => line);
      for (const data of portions(changed)) await write('POST', `/v1/lookupcaches/${id}/data`, { data }, true);
      const extra = wanted.whole ? [...theirs.keys()].filter((key) => !ours.has(key)) : [];
      for (let from = 0; from < extra.length; from += MOST_ENTRIES) {
        const keys = extra.slice(from, from + MOST_ENTRIES);
        await client.send({ method: 'DELETE', url: `/v1/lookupcaches/${id}/data`, body: { keys }, signal });
      }
    },
    async subscribe(type, doc) {
      const target = targetOf(doc);
      const email = emailOf(doc);
      if (!target || !email) {
        throw new AppError('API', `notification ${String(doc._id)} does not say who is told of what`, {
          hint: 'Subscribe by hand',
        });
      }
      const [field, id] = target;
      await write('PUT', '/v1/notifications', [{ [field]: id, subscribed: true, subscribedByUserEmail: email }]);
      const list = await self.list(type);
      const made = [...list.values()].find((item) => item[field] === id && emailOf(item) === email);
      if (!made) throw new ApiError(`the notification of ${email} is not there`, { transient: false });
      return made;
    },
  };
  return self;
}
