import stableStringify from 'fast-json-stable-stringify';
import type { ResourceType } from '../catalogue/types.ts';
import {
  type ApiClient,
  type ApiRequest,
  type ApiResponse,
  hasBody,
  MOST_OF_DOCUMENT,
  nothingParsed,
  ownUrl,
  parseJson,
} from '../celigo/client.ts';
import { ApiError } from '../celigo/errors.ts';
import { FAILURES, nextPageUrlOf } from '../celigo/paging.ts';
import { collectionBelow, placedBelow, readBelow } from '../core/below.ts';
import { credentialsIn } from '../core/credential-text.ts';
import { partOf } from '../core/cut.ts';
import { digestOf } from '../core/digest.ts';
import { isEntry } from '../core/documents.ts';
import { type InexactNumber, inexactNumbers, TooManyInexact } from '../core/exact-numbers.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject, TOO_DEEP } from '../core/json.ts';
import type { Normalised } from '../core/normalise.ts';
import { compareCodePoints } from '../core/order.ts';
import { placeText } from '../core/places.ts';

/** Most pages of one lookup cache: 1,000 keys each, 50 MB at most (api-notes#lookup-data). */
const MOST_DATA_PAGES = 100_000;
/** Characters of all pages: written as JSON they are longer than the API counts. */
const MOST_DATA = 64 * 2 ** 20;
const FINAL = { transient: false } as const;

/** Prefix of the ids of keys that must stay secret: hexadecimal ids never have it. */
const HIDDEN = 'hidden-';

/**
 * The id under which the mirror keeps a key: its bytes in hexadecimal, or a fingerprint if it contains a credential,
 * which could be read back from the name of the file.
 */
export function idOfKey(key: string, fingerprint: (secret: string) => string): string {
  return credentialsIn(key).length > 0 ? `${HIDDEN}${fingerprint(key)}` : Buffer.from(key, 'utf8').toString('hex');
}

/** Whether the key cannot be read from its id. Only for types whose lists are keys. */
export function isHidden(type: ResourceType, id: string): boolean {
  return (readBelow(type, id)?.own ?? id).startsWith(HIDDEN);
}

/** @throws ApiError for a key that only the account knows */
function keyOfId(id: string): string {
  if (!id.startsWith(HIDDEN)) return Buffer.from(id, 'hex').toString('utf8');
  throw new ApiError(`the key ${id} contains a credential and is not in the mirror: restore its value manually`, {
    transient: false,
  });
}

/** Path of one resource below the base URL. `collection`: the spelling that the server answers to. @throws ApiError */
export function itemPath(type: ResourceType, collection: string, id: string, key?: string): string {
  const { path, own } = addressOf(type, collection, id);
  const last = type.list.shape === 'keys' ? (key ?? keyOfId(own)) : own;
  return `${path}/${encodeURIComponent(last)}`;
}

/** The collection of one resource, and what names it there. @throws ApiError for an id that is not of the type */
export function addressOf(type: ResourceType, collection: string, id: string): { path: string; own: string } {
  if (!type.list.below) return { path: collection, own: id };
  const below = readBelow(type, id);
  if (!below) throw new ApiError(`${type.name}/${id} does not name what it belongs to`, { transient: false });
  return { path: collectionBelow(type, below.parent.name, below.parentId), own: below.own };
}

/** A document as it came, with the numbers that could not be taken over as they are. */
export interface Fetched {
  readonly doc: JsonObject;
  readonly inexact: readonly InexactNumber[];
}

/** Why a document with such a number is not used. `where` names the document. */
export function inexactError(where: string, [first]: readonly InexactNumber[]): ApiError {
  const place = first && first.place.length > 0 ? `, ${placeText(first.place)}` : '';
  return new ApiError(
    `${where}${place}: the number ${(first?.text ?? '').slice(0, 60)} cannot be stored exactly; ` +
      'the mirror keeps its previous version. Written as text in quotes, it could be stored',
    { transient: false },
  );
}

/** A normaliser whose error for a document that is nested too deep names the resource. @throws ApiError */
export function refusingDepth(
  { name }: ResourceType,
  normalise: (doc: JsonObject) => Normalised,
): (doc: JsonObject) => Normalised {
  return (doc) => {
    try {
      return normalise(doc);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new ApiError(`${name}/${String(doc._id)}: ${TOO_DEEP}, which is too deep to be mirrored`, {
        transient: false,
        cause,
      });
    }
  };
}

/** As {@link fetchDocument}, leaving inexact numbers to the caller. */
export async function readDocument(
  client: ApiClient,
  type: ResourceType,
  collection: string,
  id: string,
  signal: AbortSignal,
  known?: string,
): Promise<Fetched | undefined> {
  const query = new URLSearchParams(type.hydrate?.query ?? {}).toString();
  const { own } = addressOf(type, collection, id);
  const url = itemPath(type, collection, id, known) + (query === '' ? '' : `?${query}`);
  let body: Json | undefined;
  let inexact: readonly InexactNumber[] = [];
  try {
    ({ found: body, inexact } = await exactJson(client, { url, signal }, (answer) => answer, MOST_OF_DOCUMENT));
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 410)) return undefined;
    throw error;
  }
  if (type.list.shape === 'keys') {
    const key = known ?? keyOfId(own);
    const held = placedBelow(type, id, { _id: id, key, value: body ?? null });
    return { doc: held, inexact: within(inexact, 'value') };
  }
  const [only, ...others] = isArray(body) ? body : [];
  const wrapped = only !== undefined && others.length === 0;
  const doc = wrapped ? only : body;
  if (!isObject(doc)) throw new ApiError(`${url} answered with something that is not a document`, { transient: false });
  if (doc._id !== own) {
    const which = typeof doc._id === 'string' ? partOf(doc._id, 0, 60) : 'without a usable _id';
    throw new ApiError(`${url} answered with another document (${which})`, { transient: false });
  }
  if (getOwn(doc, 'deletedAt')) return undefined;
  const placed = placedBelow(type, id, doc);
  return {
    doc: placed,
    inexact: wrapped ? inexact.map(({ place, text }) => ({ place: place.slice(1), text })) : inexact,
  };
}

function within(inexact: readonly InexactNumber[], key: string): readonly InexactNumber[] {
  return inexact.map(({ place, text }) => ({ place: [key, ...place], text }));
}

/** @throws ApiError for more numbers that JavaScript cannot hold than can be looked at */
function exactlyOrListed({ body, url }: ApiResponse): readonly InexactNumber[] {
  try {
    return inexactNumbers(body.toString('utf8'));
  } catch (cause) {
    if (!(cause instanceof TooManyInexact)) throw cause;
    throw new ApiError(`${url.pathname}: ${cause.message}`, { transient: false, cause });
  }
}

/**
 * What `read` makes of a body, with its numbers that JavaScript cannot hold. `read` gets `undefined` for 204; after a
 * transient ApiError of it the request is repeated.
 * @throws ApiError as `ApiClient.json` does, and for another answer without a body
 */
async function exactJson<T>(
  client: ApiClient,
  request: ApiRequest,
  read: (body: Json | undefined) => T,
  most?: Parameters<typeof parseJson>[2],
): Promise<{ found: T | undefined; inexact: readonly InexactNumber[] }> {
  let found: T | undefined;
  let inexact: readonly InexactNumber[] = [];
  await client.send({
    ...request,
    accept: (answer) => {
      const json = hasBody(answer) ? parseJson(answer, nothingParsed(), most) : undefined;
      found = read(json);
      inexact = json === undefined ? [] : exactlyOrListed(answer);
    },
  });
  return { found, inexact };
}

/**
 * `GET /{id}`: the document, or `undefined` when the resource is gone (404, 410, or marked deleted).
 * @param known the key of a resource that has one, where its id does not contain it
 * @throws ApiError when the answer says neither, or holds a number that cannot be kept exactly
 */
export async function fetchDocument(
  client: ApiClient,
  type: ResourceType,
  collection: string,
  id: string,
  signal: AbortSignal,
  known?: string,
): Promise<JsonObject | undefined> {
  const fetched = await readDocument(client, type, collection, id, signal, known);
  if (fetched && fetched.inexact.length > 0) throw inexactError(`${type.name}/${id}`, fetched.inexact);
  return fetched?.doc;
}

/** One page of `POST …/getData`: its entries, and the URL of the next page. */
interface DataPage {
  readonly entries: readonly JsonObject[];
  readonly next: string | undefined;
}

const NO_ENTRIES: DataPage = { entries: [], next: undefined };

/** @throws ApiError (transient) for anything else */
function dataPage(body: Json | undefined, url: string): DataPage {
  if (body === undefined) return NO_ENTRIES;
  const data = isObject(body) ? body.data : body;
  const failed = isObject(body) && FAILURES.some((name) => getOwn(body, name));
  if (failed || !isArray(data) || !data.every(isEntry))
    throw new ApiError(`${url} answered with something that is not cache data`, { transient: true });
  return { entries: data, next: isObject(body) ? nextPageUrlOf(body, url) : undefined };
}

/**
 * All entries of a resource as one JSON text a line, sorted by key (api-notes#lookup-data).
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
  let length = 0;
  let url = first;
  for (let page = 0; page < MOST_DATA_PAGES; page++) {
    seen.add(digestOf(url));
    const request: ApiRequest = { method: 'POST', url, body: {}, repeatable: true, signal };
    const { found = NO_ENTRIES, inexact } = await exactJson(client, request, (body) => dataPage(body, first));
    if (inexact.length > 0) throw inexactError(first, inexact);
    const { entries, next } = found;
    for (const entry of entries) {
      const line = stableStringify(entry);
      length += line.length;
      if (length > MOST_DATA) throw new ApiError(`${first}: the cache holds more than ${MOST_DATA} characters`, FINAL);
      lines.set(String(entry.key), line);
    }
    if (!next) {
      const keys = [...lines.keys()].sort(compareCodePoints);
      return keys.map((key) => `${lines.get(key)}\n`).join('');
    }
    const path = /^[a-z]+:/i.test(next) || /^\/?v1\//i.test(next) ? next : `/v1/${next.replace(/^\//, '')}`;
    url = ownUrl(client.baseUrl, path.startsWith('v1/') ? `/${path}` : path).href;
    if (seen.has(digestOf(url))) break;
  }
  throw new ApiError(`${first}: the next page is one that was already read`, { transient: false });
}
