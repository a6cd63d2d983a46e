import type { ResourceType } from '../../catalogue/types.ts';
import type { ApiClient, ApiResponse } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { readBin, undelete } from '../../celigo/recycle-bin.ts';
import { toData } from '../../core/documents.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Key } from '../../core/keys.ts';
import type { PatchOperation } from '../../plan/body.ts';
import { assertNoPlaceholder } from '../../plan/secrets.ts';
import { createReader, type LivePair, type Reader, type ReaderOptions } from './reader.ts';
import { writeBelow } from './write-below.ts';

export type { LivePair } from './reader.ts';

/** Something was created, its id is known, and it cannot be read. */
export class Unread extends ApiError {
  readonly id: string;
  constructor(id: string, cause: ApiError) {
    super(`created as ${id}, but it cannot be read: ${cause.message}`, {
      status: cause.status,
      transient: false,
      cause,
    });
    this.name = 'Unread';
    this.id = id;
  }
}

/** Everything that a restore writes goes through here; no body with a placeholder leaves. */
export interface Writer extends Pick<Reader, 'read' | 'pair' | 'list'> {
  /** POST. @throws Unread, or another ApiError; without a status its outcome is unknown */
  readonly create: (type: ResourceType, body: JsonObject) => Promise<LivePair>;
  /** What was created earlier. @throws Unread where it cannot be read, or is gone */
  readonly reread: (type: ResourceType, id: string) => Promise<LivePair>;
  readonly replace: (type: ResourceType, id: string, body: JsonObject) => Promise<LivePair>;
  readonly patch: (type: ResourceType, id: string, operations: readonly PatchOperation[]) => Promise<LivePair>;
  readonly remove: (type: ResourceType, id: string) => Promise<void>;
  /** Out of the recycle bin; with `cascade`, what it uses as well. */
  readonly undelete: (type: ResourceType, id: string, cascade: boolean) => Promise<LivePair>;
  /** What the recycle bin holds now, by key. */
  readonly bin: () => Promise<ReadonlyMap<Key, JsonObject>>;
  /** Names of what needs a resource, by id: also of what is not mirrored. Empty where the server does not say. */
  readonly usersOf: (type: ResourceType, id: string) => Promise<ReadonlyMap<string, string>>;
  /** A call below a resource (`path`), which may be repeated. What a DELETE names may be gone already. */
  readonly callOf: (type: ResourceType, id: string, method: Method, path: string, body?: Json) => Promise<void>;
  /** A PUT below a resource (`path`), without a body, that must not be repeated. */
  readonly turnOver: (type: ResourceType, id: string, path: string) => Promise<void>;
  /** A PUT to the collection. */
  readonly putAll: (type: ResourceType, body: Json) => Promise<void>;
}

type Method = 'POST' | 'PUT' | 'DELETE';

/** Statuses of an answer that shows what a write made; others promise it, or show a part. */
const SHOWING: ReadonlySet<number> = new Set([200, 201]);

/** Whether everything that was sent has a counterpart in the answer, at every depth. What it became is the server's. */
function hasAll(sent: Json, answer: Json | undefined): boolean {
  if (answer === undefined) return false;
  if (isArray(sent) && isArray(answer))
    return answer.length >= sent.length && sent.every((item, i) => hasAll(item, answer[i]));
  if (!isObject(sent) || !isObject(answer)) return true;
  return Object.keys(sent).every((key) => hasAll(sent[key] as Json, getOwn(answer, key)));
}

/**
 * Whether an answer is the complete document, as a GET shows it. Some servers answer with the id alone, with a part, or
 * with what was sent before they filled in their own: without a member that was sent, or the mark of this write, it is
 * ignored.
 */
function isComplete(type: ResourceType, sent: JsonObject, body: JsonObject): boolean {
  // Some members come only when asked for; entries have a call of their own.
  if (type.hydrate?.query || type.entries) return false;
  const { lastModified } = body;
  return (
    typeof lastModified === 'string' &&
    lastModified !== sent.lastModified &&
    hasAll(sent, body) &&
    (type.hydrate?.fields ?? []).every((key) => getOwn(body, key) !== undefined)
  );
}

/** What is gone was deleted: by us, when the answer got lost, or by someone else. */
async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
}

/** What a list of dependencies names (api-notes#dependencies); nothing where it cannot be had. */
async function usersOf(client: ApiClient, url: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const users = new Map<string, string>();
  let answer: Json | undefined;
  try {
    answer = await client.json({ url, signal });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
  for (const [plural, list] of isObject(answer) ? Object.entries(answer) : [])
    for (const user of isArray(list) ? list.filter(isObject) : [])
      users.set(String(user.id), `${plural}/${String(user.id)} "${String(user.name ?? user.id)}"`);
  return users;
}

/** Sends bodies, and gives those of the answers; `null` for one that shows nothing. */
function createSender({ client, signal }: Pick<ReaderOptions, 'client' | 'signal'>) {
  return async function write(
    method: 'POST' | 'PUT' | 'PATCH',
    url: string,
    body: Json,
    { repeatable = false, maskKeeps = [] }: { repeatable?: boolean; maskKeeps?: readonly string[] } = {},
  ): Promise<Json> {
    assertNoPlaceholder(body, `${method} ${url}`, maskKeeps);
    let shown: Json = null;
    const accept = (response: ApiResponse): void => {
      if (!SHOWING.has(response.status)) return;
      try {
        shown = JSON.parse(response.body.toString('utf8')) as Json;
      } catch {
        // Some answers are empty, or plain text (api-notes#plain-text).
      }
    };
    await client.send({ method, url, body: toData(body), repeatable, signal, accept });
    return shown;
  };
}

/** What was just created as `id`. @throws Unread where it cannot be read */
async function created(id: string, reading: Promise<LivePair>): Promise<LivePair> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof ApiError ? new Unread(id, error) : error;
  }
}

export function createWriter(options: ReaderOptions): Writer {
  const { client, signal } = options;
  const reader = createReader(options);
  const { read, pair, list, collectionOf, urlOf } = reader;
  const write = createSender(options);

  /** The document in the answer to `sent`, or from a GET where the answer is not complete. */
  async function answered(type: ResourceType, id: string, sent: JsonObject, body: Json): Promise<LivePair> {
    if (isObject(body) && body._id === id && isComplete(type, sent, body)) return pair(type, body);
    return readBack(type, id);
  }

  async function readBack(type: ResourceType, id: string): Promise<LivePair> {
    const live = await read(type, id);
    if (live) return { ...live, readBack: true };
    throw new ApiError(`${type.list.path}/${id} is gone right after it was written`, { transient: false });
  }

  const below = writeBelow(reader, (url, body) => write('PUT', url, body));

  return {
    read,
    pair,
    list,
    async create(type, body) {
      if (type.list.below) {
        const id = await below.create(type, body);
        return created(id, readBack(type, id));
      }
      const answer = await write('POST', await collectionOf(type), body);
      const id = isObject(answer) && typeof answer._id === 'string' ? answer._id : undefined;
      if (id === undefined)
        throw new ApiError(`POST ${type.list.path} answered without the id of what it created`, { transient: true });
      return created(id, answered(type, id, body, answer));
    },
    reread: (type, id) => created(id, readBack(type, id)),
    async replace(type, id, body) {
      if (await below.replace(type, id, body)) return readBack(type, id);
      const value = type.list.shape === 'keys' ? (body.value ?? null) : body;
      const { maskKeeps = [] } = type.restore;
      return answered(type, id, body, await write('PUT', await urlOf(type, id), value, { maskKeeps }));
    },
    async patch(type, id, operations) {
      await write('PATCH', await urlOf(type, id), operations as unknown as Json);
      return readBack(type, id);
    },
    async remove(type, id) {
      await unlessGone(client.send({ method: 'DELETE', url: await urlOf(type, id), signal }));
    },
    async undelete(type, id, cascade) {
      try {
        await undelete(client, type, id, { cascade, signal });
      } catch (error) {
        // An answer that got lost, or someone else who brought it back in the meantime.
        const live = error instanceof ApiError ? await read(type, id) : undefined;
        if (live) return live;
        throw error;
      }
      const live = await read(type, id);
      if (!live) throw new ApiError(`${type.name}/${id} did not come back from the recycle bin`, { transient: false });
      return live;
    },
    bin: () => readBin(client, signal),
    usersOf: async (type, id) => usersOf(client, `${await urlOf(type, id)}/dependencies`, signal),
    async callOf(type, id, method, path, body) {
      const url = `${await urlOf(type, id)}/${path}`;
      if (method !== 'DELETE') await write(method, url, body ?? null, { repeatable: true });
      else if (body !== undefined) await client.send({ method, url, body, signal });
      else await unlessGone(client.send({ method, url, signal }));
    },
    async turnOver(type, id, path) {
      await client.send({ method: 'PUT', url: `${await urlOf(type, id)}/${path}`, repeatable: false, signal });
    },
    async putAll(type, body) {
      await write('PUT', await collectionOf(type), body);
    },
  };
}
