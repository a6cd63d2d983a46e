import type { Catalogue } from '../../catalogue/index.ts';
import type { ListRule, ResourceType } from '../../catalogue/types.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { listRecords } from '../../celigo/paging.ts';
import { belowId, collectionBelow, parentIn, placedBelow } from '../../core/below.ts';
import type { JsonObject } from '../../core/json.ts';
import { createNormaliser, createRenewer, type NormaliseOptions } from '../../core/normalise.ts';
import { fetchCacheData, fetchDocument, itemPath, refusingDepth } from '../fetch-document.ts';

/** A document of the target, as the API shows it and as the mirror would hold it. */
export interface LivePair {
  readonly raw: JsonObject;
  readonly doc: JsonObject;
  /** What the mirror takes out of it: fingerprint → credential. */
  readonly taken: ReadonlyMap<string, string>;
  /** Fetched after a write whose answer did not show it: it may hold an edit that others made since. */
  readonly readBack?: true;
}

export interface ReaderOptions {
  readonly client: ApiClient;
  /** That of the target. */
  readonly catalogue: Catalogue;
  readonly normalise: NormaliseOptions;
  readonly lookupCacheData: boolean;
  readonly signal: AbortSignal;
}

/** Single resources of the target, as they are now. */
export interface Reader {
  /** The resource as it is now; `undefined` when it is gone. @throws ApiError */
  readonly read: (type: ResourceType, id: string) => Promise<LivePair | undefined>;
  /** What the server says a resource is, in both forms. */
  readonly pair: (type: ResourceType, raw: JsonObject) => LivePair;
  /**
   * All resources of a type as their list shows them, by id; of a type below others, those next to `doc`.
   * @throws ApiError when it cannot be read completely
   */
  readonly list: (type: ResourceType, doc?: JsonObject) => Promise<ReadonlyMap<string, JsonObject>>;
  /** Path of the collection, in the spelling that the server answers to. */
  readonly collectionOf: (type: ResourceType) => Promise<string>;
  readonly urlOf: (type: ResourceType, id: string) => Promise<string>;
}

/** All records of a collection by `_id`. @throws ApiError when it cannot be read completely */
export async function listAll(
  client: ApiClient,
  { path, query, paged }: ListRule,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, JsonObject>> {
  const options = { path, optional: query ?? {}, paged: paged !== false, signal };
  return listRecords(client, options, ({ _id }) => (typeof _id === 'string' ? _id : undefined));
}

/** A document of a mirror in the form of today: older versions and other settings keep more. */
export type Renew = (type: ResourceType, doc: JsonObject) => JsonObject;

/** What brings documents of a mirror into the form that these settings give them. */
export function renewing(catalogue: Catalogue, normalise: NormaliseOptions): Renew {
  const renewers = new Map<string, ReturnType<typeof createRenewer>>();
  return (type, doc) => {
    const known = renewers.get(type.name) ?? createRenewer(catalogue.find(type.name) ?? type, normalise);
    renewers.set(type.name, known);
    return known(doc).doc;
  };
}

export function createReader({ client, catalogue, normalise, lookupCacheData, signal }: ReaderOptions): Reader {
  const normalisers = new Map<string, ReturnType<typeof createNormaliser>>();
  let taken = new Map<string, string>();
  const noting: NormaliseOptions = {
    ...normalise,
    fingerprint(secret) {
      const print = normalise.fingerprint(secret);
      taken.set(print, secret);
      return print;
    },
  };
  const collections = new Map<string, string>();

  function pair(type: ResourceType, raw: JsonObject): LivePair {
    const known =
      normalisers.get(type.name) ?? refusingDepth(type, createNormaliser(catalogue.find(type.name) ?? type, noting));
    normalisers.set(type.name, known);
    taken = new Map();
    return { raw, doc: known(raw).doc, taken };
  }

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
    if (!type.entries || !lookupCacheData) return pair(type, raw);
    return pair(type, { ...raw, [type.entries]: await fetchCacheData(client, collection, id, signal) });
  }

  return {
    read,
    pair,
    async list(type, doc) {
      const above = doc && parentIn(type, doc);
      if (!above) return listAll(client, { ...type.list, path: await collectionOf(type) }, signal);
      const path = collectionBelow(type, above.parent.name, above.parentId);
      const own = await listAll(client, { ...type.list, path }, signal);
      const idOf = (id: string): string => belowId(above.parent.name, above.parentId, id);
      return new Map([...own].map(([id, record]) => [idOf(id), placedBelow(type, idOf(id), record)]));
    },
    collectionOf,
    urlOf: async (type, id) => itemPath(type, await collectionOf(type), id),
  };
}
