import { isOwn, type ResourceType } from '../catalogue/types.ts';
import type { ApiClient } from '../celigo/client.ts';
import { ApiError } from '../celigo/errors.ts';
import { walkCollection } from '../celigo/paging.ts';
import type { Change, Editor } from '../core/changes.ts';
import { blobOid, digestOf, digestOfDocument, type ObjectFormat } from '../core/digest.ts';
import { messageOf } from '../core/errors.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { basePath, type MirrorFile, renderResource, type Transliterate, titleOf } from '../core/layout.ts';
import {
  type ClearCredential,
  createNormaliser,
  type Normalised,
  type NormaliseOptions,
} from '../core/normalise.ts';
import { type CachedResource, type CachedType, cachedType } from '../mirror/cache.ts';
import { fetchCacheData, fetchDocument, hasMore } from './fetch-document.ts';
import { type RecordPage, readPage } from './page.ts';

/** What collecting one type needs of the world and of the configuration. */
export interface CollectContext {
  readonly client: ApiClient;
  /** The token's `_userId`. */
  readonly userId: string;
  readonly normalise: NormaliseOptions;
  readonly lookupCacheData: boolean;
  /** Fetch again what would be fetched only when changed. */
  readonly full: boolean;
  readonly transliterate: Transliterate;
  readonly format: ObjectFormat;
  /** Takes files aside until the run decides to use them. */
  readonly put: (file: MirrorFile) => void;
  readonly drop: (path: string) => void;
  /** Told of every resource that is new or changed. */
  readonly seen?: (dir: string, id: string, doc: JsonObject) => void;
  /** Told of credentials in clear that a new or changed resource holds where none belongs. */
  readonly clear?: (path: string, found: readonly ClearCredential[]) => void;
  readonly signal: AbortSignal;
}

/** Whether a type could be read, and why not. */
export type Coverage =
  | { readonly state: 'complete' }
  | { readonly state: 'incomplete'; readonly reason: string }
  | { readonly state: 'unavailable'; readonly reason: string };

/** One type after its listing. */
export interface Collected {
  readonly type: ResourceType;
  readonly coverage: Coverage;
  /** Records in the listing. */
  readonly count: number;
  readonly changes: readonly Change[];
  /** Known ids that the listing did not show: suspected to be deleted. Empty unless the type is complete. */
  readonly missing: readonly string[];
  /** The type as the next run should remember it, if the changes are applied. */
  readonly next: CachedType;
  /** Takes one more document in, found outside the listing; its changes come on top. */
  readonly takeIn: (doc: JsonObject) => void;
  /** Keeps a missing resource as it is. */
  readonly keep: (id: string) => void;
  /** Spelling of the collection that the server answers to. */
  readonly collection: string;
}

/** The last modifier in either of the shapes that may occur (celigo-platform, open question 6). */
function editorOf(value: Json | undefined): Editor | undefined {
  if (typeof value === 'string' && value !== '') return { id: value };
  if (!isObject(value) || typeof value._id !== 'string') return undefined;
  return {
    id: value._id,
    ...(typeof value.name === 'string' ? { name: value.name } : {}),
    ...(typeof value.email === 'string' ? { email: value.email } : {}),
  };
}

/** Statuses by which the API says "not for you" about a whole collection (celigo-platform, open question 16). */
const NOT_OFFERED: ReadonlySet<number> = new Set([402, 403, 404]);

/**
 * Lists one type to its end, turns every new or changed record into files set aside, and tells what changed.
 * Never throws for a failure of this type alone: that is its coverage.
 * @param mayBeMissing the type was never mirrored and nobody insists on it, so a refusal means "not offered"
 * @param baseline the first listing of this type
 * @throws AppError when the whole run must stop (401, disk), or the signal's reason
 */
export async function collectType(
  context: CollectContext,
  type: ResourceType,
  known: CachedType,
  mayBeMissing: boolean,
  baseline: boolean,
): Promise<Collected> {
  const collector = createCollector(context, type, known, baseline);
  let coverage: Coverage = { state: 'complete' };
  try {
    await collector.list();
    const problem = collector.problems[0];
    if (problem) {
      const more = collector.problems.length > 1 ? ` (and ${collector.problems.length - 1} more)` : '';
      coverage = { state: 'incomplete', reason: `${problem}${more}` };
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    coverage =
      mayBeMissing && error.status !== undefined && NOT_OFFERED.has(error.status)
        ? { state: 'unavailable', reason: messageOf(error) }
        : { state: 'incomplete', reason: messageOf(error) };
    collector.forget();
  }
  return collector.result(coverage);
}

function createCollector(context: CollectContext, type: ResourceType, known: CachedType, baseline: boolean) {
  const { client, signal } = context;
  const normalise = createNormaliser(type, context.normalise);
  const seen = new Set<string>();
  const changes = new Map<string, Change>();
  const resources = new Map<string, CachedResource>();
  const pages = new Map<string, readonly string[]>();
  /** Unchanged pages whose ids were not needed so far. */
  const asBefore = new Set<string>();
  /** Pages stand for the listing only when none of them has to be looked at again. */
  let everyPageWhole = true;
  const problems: string[] = [];
  let abridged = context.full ? undefined : known.abridged;
  let collection = type.list.path;
  let count = 0;

  let byRaw: Map<string, string> | undefined;
  const remembered = {
    pageCounts: context.full ? new Map<string, number>() : known.pageCounts,
    idsByRaw: (): ReadonlyMap<string, string> => {
      if (!byRaw) {
        byRaw = new Map();
        if (!context.full)
          for (const [id, entry] of known.details().resources) if (entry.raw !== '') byRaw.set(entry.raw, id);
      }
      return byRaw;
    },
  };

  function needsFetch(): boolean {
    return (
      type.hydrate !== undefined ||
      abridged === true ||
      (type.dir === 'lookupcaches' && context.lookupCacheData)
    );
  }

  /** Tries once, on the first record of a type, whether `GET /{id}` tells more than the listing. */
  async function probe(doc: JsonObject, id: string): Promise<void> {
    if (type.hydrate || abridged !== undefined) return;
    try {
      const full = await fetchDocument(client, type, collection, id, signal);
      if (full) abridged = hasMore(normalise(full).doc, normalise(doc).doc);
    } catch (error) {
      // Not every type offers GET by id; the listing is then all there is.
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== undefined && !error.passing) abridged = false;
    }
  }

  async function complete(doc: JsonObject, id: string): Promise<JsonObject | undefined> {
    let full: JsonObject | undefined = doc;
    if (type.hydrate || abridged) full = await fetchDocument(client, type, collection, id, signal);
    if (full && type.dir === 'lookupcaches' && context.lookupCacheData) {
      full = { ...full, data: await fetchCacheData(client, collection, id, signal) };
    }
    return full;
  }

  /** Files the document leads to, against those in HEAD. */
  function compare(id: string, raw: string, listed: JsonObject, normalised: Normalised): Change | undefined {
    const before = known.details().resources.get(id);
    const doc = digestOfDocument(normalised);
    const earlier = changes.get(id);
    const title = titleOf(type, normalised.doc);
    const base = basePath(type, id, title, context.transliterate);
    if (normalised.clear.length > 0) context.clear?.(`${base}.yaml`, normalised.clear);
    if (before && before.doc === doc && !earlier) {
      resources.set(id, { ...before, raw });
      return undefined;
    }
    const files = renderResource(base, normalised);
    const oids = new Map(files.map((file) => [file.path, blobOid(file.text, context.format)]));
    const old = new Map(before?.files ?? []);
    const put = files.filter((file) => old.get(file.path) !== oids.get(file.path));
    const remove = [...old.keys()].filter((path) => !oids.has(path));
    if (earlier) for (const path of earlier.put) context.drop(path);
    resources.set(id, { raw, doc, files: [...oids] });
    if (put.length === 0 && remove.length === 0) {
      changes.delete(id);
      return undefined;
    }
    for (const file of put) context.put(file);
    context.seen?.(type.dir, id, normalised.doc);
    const path = `${base}.yaml`;
    const oldPath = [...old.keys()].find((candidate) => candidate.endsWith(`.${id}.yaml`));
    const lastModified = getOwn(listed, 'lastModified');
    const editor = editorOf(getOwn(listed, 'lastModifiedBy'));
    const change: Change = {
      dir: type.dir,
      id,
      kind: before === undefined ? 'added' : oldPath !== path ? 'renamed' : 'changed',
      title,
      path,
      ...(oldPath !== undefined && oldPath !== path ? { oldPath } : {}),
      put: put.map((file) => file.path),
      remove,
      ...(typeof lastModified === 'string' ? { lastModified } : {}),
      ...(editor ? { lastModifiedBy: editor } : {}),
      baseline,
    };
    changes.set(id, change);
    return change;
  }

  function keep(id: string): void {
    const entry = known.details().resources.get(id);
    if (entry && !resources.has(id)) resources.set(id, entry);
  }

  /** One parsed record. `false`: the next run must look at it again. */
  async function visitRecord(id: string, raw: string, listed: JsonObject): Promise<boolean> {
    if (getOwn(listed, 'deletedAt')) return true;
    seen.add(id);
    if ((type.ownOnly && !isOwn(listed, { userId: context.userId })) || listed.draft === true) {
      keep(id);
      return true;
    }
    try {
      const full = await complete(listed, id);
      if (!full) {
        // Listed a moment ago, gone now: whether it was deleted is found out with the other missing ones.
        seen.delete(id);
        return false;
      }
      compare(id, raw, { ...listed, ...full }, normalise(full));
      return true;
    } catch (error) {
      // One document beyond what can be handled (nested thousands deep) must not stop the others.
      const isolated = error instanceof ApiError || error instanceof RangeError;
      if (!isolated) throw error;
      problems.push(error instanceof ApiError ? error.message : `${type.dir}/${id}: ${error.message}`);
      keep(id);
      return false;
    }
  }

  /** Counts the ids of unchanged pages as seen. Put off, since a run without any change never needs them. */
  function takeStock(): void {
    for (const digest of asBefore) {
      if (pages.has(digest)) continue;
      const ids = known.details().pages.get(digest) ?? [];
      pages.set(digest, ids);
      for (const id of ids) {
        seen.add(id);
        keep(id);
      }
    }
  }

  /** Whether the listing was, page by page, the one of the last run. */
  function isAsBefore(): boolean {
    const remembered = known.size === 0 || known.pageCounts.size > 0;
    return remembered && seen.size === 0 && asBefore.size === known.pageCounts.size && problems.length === 0;
  }

  async function visit(page: RecordPage): Promise<number> {
    count += page.count;
    if (page.unchanged) {
      if (asBefore.has(page.digest)) return 0;
      asBefore.add(page.digest);
      return page.count;
    }
    takeStock();
    let fresh = 0;
    const note = (id: string): void => {
      if (!seen.has(id)) fresh += 1;
    };
    const first = page.records.find((record) => record.kind === 'parsed');
    if (first?.kind === 'parsed') await probe(first.doc, first.id);
    let whole = true;
    const ids: string[] = [];
    const pending: Promise<void>[] = [];
    for (const record of page.records) {
      if (record.kind === 'unusable') {
        problems.push(`${collection}: ${record.reason}`);
        whole = false;
        continue;
      }
      ids.push(record.id);
      note(record.id);
      if (record.kind === 'unchanged') {
        seen.add(record.id);
        keep(record.id);
        continue;
      }
      const done = visitRecord(record.id, record.raw, record.doc).then((kept) => {
        whole &&= kept;
      });
      // Fetched one by one they may wait for the network together; otherwise each is done at once.
      if (needsFetch()) {
        seen.add(record.id);
        pending.push(done);
      } else await done;
    }
    await Promise.all(pending);
    if (whole) pages.set(page.digest, ids);
    else everyPageWhole = false;
    return fresh;
  }

  async function walk(query: Readonly<Record<string, string>>): Promise<void> {
    await walkCollection(client, {
      path: collection,
      query,
      paged: type.list.paged !== false,
      read: (response) => readPage(response, remembered),
      visit,
      signal,
    });
  }

  /** Folder by folder, from the root (celigo-models 6.20). */
  async function walkFolders(): Promise<void> {
    await walk({});
    const done = new Set<string>();
    for (;;) {
      takeStock();
      const next = [...seen].find((id) => !done.has(id));
      if (next === undefined) return;
      done.add(next);
      await walk({ _parentId: next });
    }
  }

  async function listKeys(): Promise<void> {
    const body = await client.json({ url: collection, signal });
    const keys = body === undefined ? [] : isObject(body) ? body.keys : undefined;
    if (!isArray(keys) || !keys.every((key) => typeof key === 'string')) {
      throw new ApiError(`${collection} answered with something that is not a list of keys`, {
        passing: false,
      });
    }
    for (const key of keys) {
      const id = Buffer.from(key, 'utf8').toString('hex');
      count += 1;
      if (id === '' || id.length > 160)
        problems.push(`${collection}: the key ${JSON.stringify(key.slice(0, 40))} is too long or empty`);
      else {
        seen.add(id);
        const doc = await fetchDocument(client, type, collection, id, signal);
        if (doc) compare(id, '', doc, normalise(doc));
        else seen.delete(id);
      }
    }
  }

  async function list(): Promise<void> {
    const read = (): Promise<void> =>
      type.list.shape === 'keys'
        ? listKeys()
        : type.list.shape === 'folders'
          ? walkFolders()
          : walk(type.list.query ?? {});
    try {
      await read();
    } catch (error) {
      const other = type.list.alternative;
      if (!other || !(error instanceof ApiError) || error.status !== 404 || count > 0) throw error;
      collection = other;
      await read();
    }
  }

  return {
    list,
    problems,
    /** Undoes everything set aside: a type that was not read whole keeps its files as they are. */
    forget(): void {
      for (const change of changes.values()) for (const path of change.put) context.drop(path);
      changes.clear();
      resources.clear();
    },
    result(coverage: Coverage): Collected {
      const whole = coverage.state === 'complete';
      const common = {
        type,
        coverage,
        count,
        collection,
        keep,
        takeIn: (doc: JsonObject): void => {
          compare(String(doc._id), '', doc, normalise(doc));
        },
        get changes() {
          return [...changes.values()];
        },
      };
      if (whole && isAsBefore()) return { ...common, missing: [], next: known };
      takeStock();
      const { resources: before } = known.details();
      if (!whole) for (const id of before.keys()) keep(id);
      const missing = whole ? [...before.keys()].filter((id) => !seen.has(id)) : [];
      return {
        ...common,
        get changes() {
          return [...changes.values()];
        },
        missing,
        // Read after the missing ones were looked into, which may add to it. With one that exists although no list shows
        // it, unchanged pages prove nothing.
        get next() {
          const listed = whole && everyPageWhole && !missing.some((id) => resources.has(id));
          return cachedType({ pages: listed ? pages : new Map(), resources }, abridged);
        },
      };
    },
  };
}

/** Digest of everything that decides what a document of the mirror looks like. */
export function rulesDigest(parts: Json): string {
  return digestOf(JSON.stringify(parts));
}
