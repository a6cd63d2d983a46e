import type { ResourceType } from '../../../catalogue/types.ts';
import { type ApiClient, type ApiResponse, hasBody, parseJson } from '../../../celigo/client.ts';
import { ApiError } from '../../../celigo/errors.ts';
import { FAILURES, walkCollection } from '../../../celigo/paging.ts';
import { belowId, collectionBelow, parentTypes, placedBelow } from '../../../core/below.ts';
import { withoutCredentials } from '../../../core/credential-text.ts';
import { partOf } from '../../../core/cut.ts';
import { getOwn, isArray, isObject } from '../../../core/json.ts';
import { idOfKey } from '../../fetch-document.ts';
import type { CachedType } from '../cache.ts';
import {
  type CachedPages,
  createValidation,
  type RecordPage,
  type RecordPlace,
  readPage,
  unchangedPage,
} from './page.ts';
import type { CollectContext } from './types.ts';

/** The longest id that a key may become. */
const LONGEST_KEY_ID = 160;

/** A record below or inside which those of another type are. */
export interface Parent {
  readonly type: ResourceType;
  readonly id: string;
}

/** Takes in what a listing shows, in whatever shape. */
interface Visitor {
  /** A page of records; gives the number of those that no earlier page held. */
  readonly page: (page: RecordPage) => Promise<number>;
  /** A key of a collection that lists keys alone. */
  readonly key: (id: string, key: string) => Promise<void>;
  /** Ids shown so far; a collection of folders is walked by them. */
  readonly shown: () => Iterable<string>;
  /** Called with what is in the list and cannot be mirrored. */
  readonly problem: (text: string) => void;
}

/** The collection of one type, read from its first to its last record. */
export interface Listing {
  /** @throws ApiError when it cannot be read to its end */
  readonly read: () => Promise<void>;
  /** Spelling of the collection that the server answers to. */
  readonly collection: () => string;
  /** Records it showed. */
  readonly count: () => number;
  /** Query parameters that the server does not take. */
  readonly refused: ReadonlySet<string>;
  /** What the next run needs to ask for the pages that changed only. */
  readonly validators: CachedType['validators'];
}

/** A collection that lists keys alone. @throws ApiError */
export async function fetchKeys(
  client: ApiClient,
  collection: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  let keys: readonly string[] = [];
  await client.send({
    url: collection,
    signal,
    accept: (answer) => {
      keys = hasBody(answer) ? keysOf(answer) : [];
    },
  });
  return keys;
}

/** @throws ApiError (transient) for an answer that is not a list of keys */
function keysOf(answer: ApiResponse): readonly string[] {
  const body = parseJson(answer);
  const failed = isObject(body) && FAILURES.some((name) => getOwn(body, name));
  const keys = isObject(body) && !failed ? getOwn(body, 'keys') : undefined;
  if (isArray(keys) && keys.every((key) => typeof key === 'string')) return keys;
  throw new ApiError(`${answer.url.pathname} answered with something that is not a list of keys`, { transient: true });
}

/**
 * Record by record. One that cannot be read makes the listing incomplete; if none can, the type is not offered. Where
 * others show their parts, one without such a member has none (api-notes#connector-parts).
 */
async function readEach(
  parents: readonly Parent[],
  readOf: (parent: Parent) => Promise<void>,
  type: ResourceType,
  visitor: Visitor,
): Promise<void> {
  const failures: ApiError[] = [];
  await Promise.all(
    parents.map(async (parent) => {
      try {
        await readOf(parent);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failures.push(error);
      }
    }),
  );
  const [first] = failures;
  if (first && failures.length === parents.length) throw first;
  const hasNone = ({ status }: ApiError): boolean => type.list.inside !== undefined && status === 404;
  for (const failure of failures) if (!hasNone(failure)) visitor.problem(failure.message);
}

/** Walks collections of records of a type, page by page. */
function createWalk(
  { client, pageKey, signal }: CollectContext,
  type: ResourceType,
  cached: CachedPages,
  visitor: Visitor,
) {
  const refused = new Set<string>();
  const validation = createValidation(cached, pageKey);
  let count = 0;

  function pageOf(response: ApiResponse, place: RecordPlace): RecordPage {
    const known = response.status === 304 ? validation.known(response.url) : undefined;
    const page = known ? unchangedPage(known, cached) : readPage(response, cached, place);
    validation.note(response, page);
    return page;
  }

  return {
    refused,
    validators: validation.validators,
    count: () => count,
    async walk(path: string, query: Readonly<Record<string, string>> = {}, place: RecordPlace = {}): Promise<void> {
      await walkCollection(client, {
        path,
        query,
        optional: type.list.query ?? {},
        refused,
        paged: type.list.paged !== false && place.member === undefined,
        known: validation.known,
        read: (response) => pageOf(response, place),
        visit: (page) => {
          count += page.count;
          return visitor.page(page);
        },
        signal,
      });
    },
  };
}

export function listingOf(
  context: CollectContext,
  type: ResourceType,
  cached: CachedPages,
  visitor: Visitor,
  parents: readonly Parent[] = [],
): Listing {
  const { client, normalise, signal } = context;
  const pages = createWalk(context, type, cached, visitor);
  let collection = type.list.path;
  /** Keys that a collection of keys showed. */
  let keys = 0;
  const count = (): number => pages.count() + keys;
  const walk = (query: Readonly<Record<string, string>> = {}): Promise<void> => pages.walk(collection, query);

  /** Folder by folder, from the root (api-notes#storage). */
  async function walkFolders(): Promise<void> {
    await walk();
    const done = new Set<string>();
    for (;;) {
      const next = [...visitor.shown()].find((id) => !done.has(id));
      if (next === undefined) return;
      done.add(next);
      await walk({ _parentId: next });
    }
  }

  async function readKeys(path = collection, idOf = (own: string): string => own): Promise<void> {
    for (const key of await fetchKeys(client, path, signal)) {
      const own = idOfKey(key, normalise.fingerprint);
      const id = own === '' ? '' : idOf(own);
      keys += 1;
      if (id !== '' && id.length <= LONGEST_KEY_ID) await visitor.key(id, key);
      else {
        const text = JSON.stringify(partOf(withoutCredentials(key), 0, 40));
        visitor.problem(`${path}: the key ${text} is too long or empty`);
      }
    }
  }

  /** What one record above shows of the type. */
  async function readOf(parent: Parent): Promise<void> {
    const { inside, shape } = type.list;
    if (inside) {
      const path = `${parent.type.list.path}/${encodeURIComponent(parent.id)}`;
      await pages.walk(path, parent.type.hydrate?.query, { member: inside.member });
      return;
    }
    const path = collectionBelow(type, parent.type.name, parent.id);
    const idOf = (own: string): string => belowId(parent.type.name, parent.id, own);
    if (shape === 'keys') await readKeys(path, idOf);
    else await pages.walk(path, {}, { idOf, placed: (id, doc) => placedBelow(type, id, doc) });
  }

  const byShape = { keys: () => readKeys(), folders: walkFolders, records: () => walk() };
  const read =
    parentTypes(type).length > 0
      ? () => readEach(parents, readOf, type, visitor)
      : byShape[type.list.shape ?? 'records'];
  return {
    async read() {
      try {
        await read();
      } catch (error) {
        const other = type.list.alternative;
        if (!other || !(error instanceof ApiError) || error.status !== 404 || count() > 0) throw error;
        collection = other;
        await read();
      }
    },
    collection: () => collection,
    count,
    refused: pages.refused,
    validators: pages.validators,
  };
}
