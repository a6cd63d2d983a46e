import stableStringify from 'fast-json-stable-stringify';
import type { ResourceType } from '../catalogue/types.ts';
import type { ApiClient } from '../celigo/client.ts';
import { ownUrl } from '../celigo/client.ts';
import { ApiError } from '../celigo/errors.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { compareCodePoints } from '../core/order.ts';

/** Most pages of one lookup cache: 1,000 keys each, 50 MB at most (celigo-platform 2.2). */
const MOST_DATA_PAGES = 100_000;

/** Path of one resource below the base URL. `collection`: the spelling that the server answers to. */
export function itemPath(type: ResourceType, collection: string, id: string): string {
  const key = type.list.shape === 'keys' ? Buffer.from(id, 'hex').toString('utf8') : id;
  return `${collection}/${encodeURIComponent(key)}`;
}

/**
 * `GET /{id}`: the document, or `undefined` when the resource is gone (404, 410, or marked deleted).
 * @throws ApiError when the answer says neither
 */
export async function fetchDocument(
  client: ApiClient,
  type: ResourceType,
  collection: string,
  id: string,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  const query = new URLSearchParams(type.hydrate?.query ?? {}).toString();
  const url = itemPath(type, collection, id) + (query === '' ? '' : `?${query}`);
  let body: Json | undefined;
  try {
    body = await client.json({ url, signal });
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 410)) return undefined;
    throw error;
  }
  if (type.list.shape === 'keys') {
    return { _id: id, key: Buffer.from(id, 'hex').toString('utf8'), value: body ?? null };
  }
  const doc = isArray(body) && body.length === 1 ? body[0] : body;
  if (!isObject(doc))
    throw new ApiError(`${url} answered with something that is not a document`, { passing: false });
  if (doc._id !== id)
    throw new ApiError(`${url} answered with another document (${String(doc._id)})`, { passing: false });
  return getOwn(doc, 'deletedAt') ? undefined : doc;
}

/** Whether `full` has a field, at any depth, that `listed` lacks: the listing is abridged then. */
export function hasMore(full: Json, listed: Json): boolean {
  if (isArray(full) && isArray(listed))
    return full.some((item, i) => i < listed.length && hasMore(item, listed[i] as Json));
  if (!isObject(full)) return false;
  if (!isObject(listed)) return true;
  return Object.keys(full).some((key) => {
    const other = getOwn(listed, key);
    return other === undefined || hasMore(full[key] as Json, other);
  });
}

/** One page of `POST …/getData`: its entries, and the URL of the next page. */
function dataPage(body: Json | undefined, url: string): { entries: JsonObject[]; next: string | undefined } {
  if (body === undefined) return { entries: [], next: undefined };
  const data = isObject(body) ? body.data : body;
  if (!isArray(data))
    throw new ApiError(`${url} answered with something that is not cache data`, { passing: false });
  const next = isObject(body) ? body.nextPageURL : undefined;
  return { entries: data.filter(isObject), next: typeof next === 'string' && next !== '' ? next : undefined };
}

/**
 * All entries of a lookup cache as one JSON text a line, sorted by key (celigo-platform 2.2).
 * @throws ApiError when a page is missing
 */
export async function fetchCacheData(
  client: ApiClient,
  collection: string,
  id: string,
  signal: AbortSignal,
): Promise<string> {
  const first = `${collection}/${encodeURIComponent(id)}/getData`;
  const lines = new Map<string, string>();
  const seen = new Set<string>();
  let url = first;
  for (let page = 0; page < MOST_DATA_PAGES; page++) {
    seen.add(url);
    const { entries, next } = dataPage(
      await client.json({ method: 'POST', url, body: {}, repeatable: true, signal }),
      first,
    );
    for (const entry of entries) lines.set(String(entry.key), stableStringify(entry));
    if (!next) {
      const keys = [...lines.keys()].sort(compareCodePoints);
      return keys.map((key) => `${lines.get(key)}\n`).join('');
    }
    const path = /^[a-z]+:/i.test(next) || /^\/?v1\//i.test(next) ? next : `/v1/${next.replace(/^\//, '')}`;
    url = ownUrl(client.baseUrl, path.startsWith('v1/') ? `/${path}` : path).href;
    if (seen.has(url)) break;
  }
  throw new ApiError(`${first}: the pages lead back to an earlier one`, { passing: false });
}
