import {
  type ApiResponse,
  excessOf,
  MOST_OF_DOCUMENT,
  nothingParsed,
  type Parsed,
  parseJson,
} from '../../../celigo/client.ts';
import { ApiError } from '../../../celigo/errors.ts';
import { type Page, recordsOf } from '../../../celigo/paging.ts';
import { partOf } from '../../../core/cut.ts';
import { digestOf } from '../../../core/digest.ts';
import { type InexactNumber, inexactNumbers, TooManyInexact } from '../../../core/exact-numbers.ts';
import { isObject, type Json, type JsonObject, TOO_DEEP } from '../../../core/json.ts';
import { isSafeId } from '../../../core/layout.ts';
import { idAt, splitRecords } from '../../../core/records.ts';
import type { PageMark, Validator } from '../cache.ts';
import type { Chunk, KnownChunk } from '../cached-resources.ts';
import { chunkFinder, chunksOf, plainChunks } from './chunks.ts';

/** One record of a page: known by its bytes, or parsed. */
export type PageRecord =
  | { readonly kind: 'unchanged'; readonly id: string }
  | {
      readonly kind: 'parsed';
      readonly id: string;
      readonly raw: string;
      /** Of its bytes. */
      readonly length: number;
      readonly doc: JsonObject;
      /** Its numbers that `doc` could not take over. */
      readonly inexact: readonly InexactNumber[];
    }
  | { readonly kind: 'unusable'; readonly reason: string };

/** A page of a listing, decoded only as far as its bytes are new. */
export interface RecordPage extends Page {
  /** Digest of the body. */
  readonly digest: string;
  /** The last run read the same body: its records are not read again. */
  readonly unchanged: boolean;
  /** Those of known chunks are not among them. */
  readonly records: readonly PageRecord[];
  /** Chunks of the last run that are on it as they were. */
  readonly known: readonly KnownChunk[];
  /** All of it, for the cache; none where not all records are usable. */
  readonly chunks: readonly Chunk[];
}

/** Bodies and records of the last run. Ids are those of the mirror. */
export interface CachedPages {
  readonly pageMarks: ReadonlyMap<string, PageMark>;
  /** By key of the page. */
  readonly validators: ReadonlyMap<string, Validator>;
  /** The chunk that began with a record. */
  readonly chunkAt: (id: string) => KnownChunk | undefined;
  /** Digest of a record's bytes. */
  readonly rawOf: (id: string) => string | undefined;
}

/** A value of `ETag` as RFC 9110 has it. */
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** Where the records of a page are, other than at the top of a list of their own. */
export interface RecordPlace {
  /** The member of the body that holds them. */
  readonly member?: string | undefined;
  /** Their ids in the mirror, by those in the API; and their documents. */
  readonly idOf?: (own: string) => string;
  readonly placed?: (id: string, doc: JsonObject) => JsonObject;
}

function shownId(id: Json | undefined): string {
  return typeof id === 'object' && id !== null ? 'a collection' : partOf(JSON.stringify(id ?? null), 0, 60);
}

function readRecord(
  bytes: Buffer,
  cached: CachedPages,
  { url, status }: ApiResponse,
  place: RecordPlace,
  parsed: Parsed,
): PageRecord {
  const raw = digestOf(bytes);
  const shown = idAt(bytes, 0);
  const placed = shown === undefined ? undefined : (place.idOf?.(shown) ?? shown);
  if (placed !== undefined && cached.rawOf(placed) === raw) return { kind: 'unchanged', id: placed };
  const excess = excessOf(bytes, MOST_OF_DOCUMENT);
  if (excess !== undefined) return { kind: 'unusable', reason: `a record has more than ${excess} of JSON` };
  const doc = parseJson({ body: bytes, url, status }, parsed) ?? null;
  if (!isObject(doc)) return { kind: 'unusable', reason: 'a record is not an object' };
  const own = isSafeId(doc._id) ? (place.idOf?.(doc._id) ?? doc._id) : undefined;
  if (!isSafeId(own)) return { kind: 'unusable', reason: `a record has no usable _id (${shownId(doc._id)})` };
  if (cached.rawOf(own) === raw) return { kind: 'unchanged', id: own };
  try {
    const inexact = inexactNumbers(bytes.toString('utf8'));
    return { kind: 'parsed', id: own, raw, length: bytes.length, doc: place.placed?.(own, doc) ?? doc, inexact };
  } catch (error) {
    if (!(error instanceof TooManyInexact)) throw error;
    return { kind: 'unusable', reason: `${own}: ${error.message}` };
  }
}

/** The bodies of a listing that need not be sent again (api-notes#etag). */
export interface Validation {
  /** The page of the last run at this address, if the server gave it an `ETag` and all of it is mirrored. */
  readonly known: (url: URL) => Validator | undefined;
  /** Notes the `ETag` of a page that was read. */
  readonly note: (response: ApiResponse, page: RecordPage) => void;
  /** What the next run finds. */
  readonly validators: ReadonlyMap<string, Validator>;
}

export function createValidation(cached: CachedPages, keyOf: (url: URL) => string): Validation {
  const validators = new Map<string, Validator>();
  const known = (url: URL): Validator | undefined => {
    const found = cached.validators.get(keyOf(url));
    return found && !found.useless && cached.pageMarks.has(found.page) ? found : undefined;
  };
  return {
    known,
    validators,
    note({ status, url, headers }, { digest }) {
      const key = keyOf(url);
      const before = cached.validators.get(key);
      const etag = headers.etag ?? (status === 304 ? before?.etag : undefined);
      if (typeof etag !== 'string' || !ETAG.test(etag)) return;
      const linked = status === 304 ? before?.linked : headers.link !== undefined;
      // The answer came although it was asked for only if it changed.
      const asked = known(url) !== undefined || before?.useless === true;
      const useless = status !== 304 && asked && before?.etag === etag && before.page === digest;
      const flags = { ...(linked ? { linked } : {}), ...(useless ? { useless } : {}) };
      validators.set(key, { etag, page: digest, ...flags });
    },
  };
}

/** A page that is as it was. */
function markedPage(digest: string, { count, next }: PageMark): RecordPage {
  return { digest, unchanged: true, records: [], known: [], chunks: [], count, nextPageUrl: next };
}

/** A page whose `ETag` is still the one of the last run. */
export function unchangedPage({ page }: Validator, { pageMarks }: CachedPages): RecordPage {
  return markedPage(page, pageMarks.get(page) ?? { count: 0 });
}

/** The bytes of a record, for its digest. @throws ApiError for one that is nested thousands of levels deep */
function bytesOf(record: Json, { url }: ApiResponse): Buffer {
  try {
    return Buffer.from(JSON.stringify(record));
  } catch (cause) {
    throw new ApiError(`${url.pathname}: a record is ${TOO_DEEP}`, { transient: false, cause });
  }
}

/**
 * Decodes a page. A body with the bytes of the last run costs one digest; otherwise only records with new bytes are
 * parsed.
 * @throws ApiError (transient) for a body that is not JSON, or not a list
 */
export function readPage(response: ApiResponse, cached: CachedPages, place: RecordPlace = {}): RecordPage {
  const digest = digestOf(response.body);
  const mark = cached.pageMarks.get(digest);
  if (mark) return markedPage(digest, mark);
  const { body } = response;
  const parsed = nothingParsed();
  const read = (bytes: Buffer): PageRecord => readRecord(bytes, cached, response, place, parsed);
  const parts =
    place.member === undefined ? splitRecords(body, chunkFinder(body, cached.chunkAt, place.idOf)) : undefined;
  if (!parts) {
    const { records: values, nextPageUrl } = recordsOf(response, place.member);
    const records = values.map((value) => read(bytesOf(value, response)));
    const chunks = plainChunks(records.map(idOf));
    return { digest, unchanged: false, records, known: [], chunks, count: records.length, nextPageUrl };
  }
  const records: PageRecord[] = [];
  const ids: string[] = [];
  for (const { bytes, known } of parts) {
    if (known) {
      for (const id of known.ids) ids.push(id);
      continue;
    }
    const record = read(bytes);
    records.push(record);
    ids.push(idOf(record));
  }
  const known = parts.flatMap((part) => part.known ?? []);
  const chunks = ids.includes('') ? [] : chunksOf(body, parts, ids);
  return { digest, unchanged: false, records, known, chunks, count: ids.length };
}

/** The id of a record, `''` for one that is not usable. */
function idOf(record: PageRecord): string {
  return record.kind === 'unusable' ? '' : record.id;
}
