import { isOwn, type ResourceType } from '../catalogue/types.ts';
import type { ApiClient } from '../celigo/client.ts';
import { ApiError } from '../celigo/errors.ts';
import { walkCollection } from '../celigo/paging.ts';
import type { Change, Editor } from '../core/changes.ts';
import { withoutCredentials } from '../core/credential-text.ts';
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
import { setSteps } from '../core/paths.ts';
import { visitLeaves } from '../core/places.ts';
import { type CachedResource, type CachedType, cachedType, type KnownPage } from '../mirror/cache.ts';
import {
  type Fetched,
  fetchCacheData,
  hasMore,
  idOfKey,
  inexactError,
  readDocument,
} from './fetch-document.ts';
import { type PageRecord, type RecordPage, readPage } from './page.ts';
import { createSample } from './sample.ts';

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
  /** Told what somebody should know although nothing failed. */
  readonly notice?: (message: string) => void;
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

type ParsedRecord = Extract<PageRecord, { kind: 'parsed' }>;

/** A document ready to be compared with HEAD. */
interface Prepared {
  readonly normalised: Normalised;
  readonly title: string;
  /** Of its file, inside the account's folder. */
  readonly path: string;
  /** Digest of the normalised document. */
  readonly doc: string;
  /** What HEAD lacks, what it has too many, and all files by their ids; `undefined` when nothing differs. */
  readonly files:
    | {
        readonly put: readonly MirrorFile[];
        readonly remove: readonly string[];
        readonly oids: ReadonlyMap<string, string>;
      }
    | undefined;
}

/** New records of a type that are compared with what `GET /{id}` tells, besides the largest and the smallest. */
const SAMPLE = 20;
/** So many answers of "no" to `GET /{id}` and never a document: the type does not offer it. */
const MOST_REFUSALS = 3;

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

/** `lastModified` of a record, `''` where it has none. */
function modifiedOf(doc: JsonObject): string {
  const value = getOwn(doc, 'lastModified');
  return typeof value === 'string' ? value : '';
}

function createCollector(context: CollectContext, type: ResourceType, known: CachedType, baseline: boolean) {
  const { client, signal } = context;
  const normalise = createNormaliser(type, context.normalise);
  const seen = new Set<string>();
  const changes = new Map<string, Change>();
  const resources = new Map<string, CachedResource>();
  const pages = new Map<string, KnownPage>();
  /** Unchanged pages whose ids were not needed so far. */
  const asBefore = new Set<string>();
  /** Pages stand for the listing only when none of them has to be looked at again. */
  let everyPageWhole = true;
  const problems: string[] = [];
  /** Query parameters that the server does not take. */
  const refused = new Set<string>();
  let collection = type.list.path;
  let count = 0;

  /** Whether lists leave fields out, as far as this run has found out. The documents know it of `hydrate` types. */
  let abridged = context.full ? undefined : known.abridged;
  /** Records of which nobody knows yet whether the list shows them whole. */
  const sample = createSample<ParsedRecord>(SAMPLE);
  /** Ids whose document is the one that `GET /{id}` told, or equal to it; and ids that are left as they are. */
  const byId = new Set<string>();
  const passedOver = new Set<string>();
  /** Whether the type has `GET /{id}` at all. */
  let offered: boolean | undefined;
  let refusals = 0;
  let compared = 0;
  let unsure = false;

  /** Without a verdict on the lists, what was taken from them is looked at again. */
  const undecided = type.hydrate === undefined && known.abridged === undefined;
  const afresh = context.full || (undecided && known.size > 0);
  let byRaw: Map<string, string> | undefined;
  const remembered = {
    pageMarks: afresh ? new Map<string, never>() : known.pageMarks,
    idsByRaw: (): ReadonlyMap<string, string> => {
      if (!byRaw) {
        byRaw = new Map();
        if (!afresh)
          for (const [id, entry] of known.details().resources) if (entry.raw !== '') byRaw.set(entry.raw, id);
      }
      return byRaw;
    },
  };

  /**
   * Compares the copy of a list with the document itself. Gives the document when it has more, or is a newer one;
   * `undefined` when the copy will do, also where there is no other.
   * @throws ApiError when that may be found out another time
   */
  async function whole(id: string, listed: JsonObject): Promise<Fetched | undefined> {
    if (offered === false) return undefined;
    let full: Fetched | undefined;
    try {
      full = await readDocument(client, type, collection, id, signal);
    } catch (error) {
      // Not every type offers GET by id; the listing is then all there is.
      if (!(error instanceof ApiError) || error.passing) throw error;
    }
    compared += 1;
    if (!full) {
      refusals += 1;
      if (offered === undefined && refusals >= MOST_REFUSALS) offered = false;
      return undefined;
    }
    offered = true;
    // Edited between the two answers: they cannot be compared.
    if (modifiedOf(full.doc) !== modifiedOf(listed)) return full;
    if (!hasMore(normalise(full.doc).doc, normalise(listed).doc)) {
      byId.add(id);
      return undefined;
    }
    abridged = true;
    return full;
  }

  /** The document with the entries of a lookup cache, where they are wanted. */
  async function withData(id: string, fetched: Fetched): Promise<Fetched> {
    if (type.dir !== 'lookupcaches' || !context.lookupCacheData) return fetched;
    const data = await fetchCacheData(client, collection, id, signal);
    return { ...fetched, doc: { ...fetched.doc, data } };
  }

  /** The mirror's form. @throws ApiError when a number in it is not the one that the API sent */
  function clean(id: string, { doc, inexact }: Fetched): Normalised {
    if (inexact.length > 0) {
      // Most such numbers stand in samples and counters, which are left out: only one that stays matters.
      const mark = (i: number): string => `\u0001${i}\u0001`;
      const marked = inexact.reduce<Json>((held, { place }, i) => setSteps(held, place, mark(i)), doc);
      const left = new Set<Json>();
      if (isObject(marked)) visitLeaves(normalise(marked).doc, (leaf) => left.add(leaf));
      const staying = inexact.filter((_, i) => left.has(mark(i)));
      if (staying.length > 0) throw inexactError(`${type.dir}/${id}`, staying);
    }
    return normalise(doc);
  }

  function prepare(id: string, normalised: Normalised): Prepared {
    const before = known.details().resources.get(id);
    const doc = digestOfDocument(normalised);
    const title = titleOf(type, normalised.doc);
    const base = basePath(type, id, title, context.transliterate);
    const common = { normalised, title, path: `${base}.yaml`, doc };
    if (before && before.doc === doc) return { ...common, files: undefined };
    const files = renderResource(base, normalised);
    const oids = new Map(files.map((file) => [file.path, blobOid(file.text, context.format)]));
    const old = new Map(before?.files ?? []);
    const put = files.filter((file) => old.get(file.path) !== oids.get(file.path));
    const remove = [...old.keys()].filter((path) => !oids.has(path));
    return { ...common, files: { put, remove, oids } };
  }

  /** Takes back what an earlier copy of the same resource led to in this run. */
  function undo(id: string): boolean {
    const earlier = changes.get(id);
    for (const path of earlier?.put ?? []) context.drop(path);
    resources.delete(id);
    return changes.delete(id);
  }

  /** Files the document leads to, against those in HEAD. */
  function settle(id: string, raw: string, listed: JsonObject, prepared: Prepared): void {
    const { normalised, title, path, doc, files } = prepared;
    const before = known.details().resources.get(id);
    const modified = modifiedOf(listed);
    if (normalised.clear.length > 0) context.clear?.(path, normalised.clear);
    if (undo(id)) context.seen?.(type.dir, id, normalised.doc);
    if (!files || files.put.length + files.remove.length === 0) {
      resources.set(id, { raw, doc, modified, files: files ? [...files.oids] : (before?.files ?? []) });
      return;
    }
    const { put, remove, oids } = files;
    resources.set(id, { raw, doc, modified, files: [...oids] });
    for (const file of put) context.put(file);
    context.seen?.(type.dir, id, normalised.doc);
    const oldPath = before?.files.map(([old]) => old).find((old) => old.endsWith(`.${id}.yaml`));
    const editor = editorOf(getOwn(listed, 'lastModifiedBy'));
    changes.set(id, {
      dir: type.dir,
      id,
      kind: before === undefined ? 'added' : oldPath !== path ? 'renamed' : 'changed',
      title,
      path,
      ...(oldPath !== undefined && oldPath !== path ? { oldPath } : {}),
      put: put.map((file) => file.path),
      remove,
      ...(modified !== '' ? { lastModified: modified } : {}),
      ...(editor ? { lastModifiedBy: editor } : {}),
      baseline,
    });
  }

  function keep(id: string): void {
    const entry = known.details().resources.get(id);
    if (entry && !resources.has(id)) resources.set(id, entry);
  }

  /** Whether somebody may have edited the resource since the last run, by its copy in the list. */
  function isEdited(before: CachedResource, listed: JsonObject, { files }: Prepared): boolean {
    const touched = before.modified !== '' && before.modified !== modifiedOf(listed);
    return touched || (files !== undefined && files.put.length + files.remove.length > 0);
  }

  /** Work on one record, whose failure must not stop the others. `false`: the next run must look at it again. */
  async function attempt(id: string, work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      // One document beyond what can be handled (nested thousands deep) must not stop the others.
      const isolated = error instanceof ApiError || error instanceof RangeError;
      if (!isolated) throw error;
      problems.push(error instanceof ApiError ? error.message : `${type.dir}/${id}: ${error.message}`);
      undo(id);
      keep(id);
      return false;
    }
  }

  /**
   * Takes the document by its id. `listed`: its copy in the list, as far as there is one; `key`: what the server knows it by,
   * where that is no id. `false`: it is gone.
   */
  async function takeById(id: string, raw: string, listed: JsonObject = {}, key?: string): Promise<boolean> {
    const full = await readDocument(client, type, collection, id, signal, key);
    if (!full) {
      // Listed a moment ago, gone now: whether it was deleted is found out with the other missing ones.
      undo(id);
      seen.delete(id);
      return false;
    }
    byId.add(id);
    settle(id, raw, { ...listed, ...full.doc }, prepare(id, clean(id, await withData(id, full))));
    return true;
  }

  /**
   * Takes the copy of the list where it will do. An edit is looked at by id: a field that the list leaves out may have come
   * with it, and one that the mirror has must not go because the list left it out.
   */
  async function takeListed(record: ParsedRecord): Promise<boolean> {
    const { id, raw, doc: listed } = record;
    const copy: Fetched = { doc: listed, inexact: record.inexact };
    const before = known.details().resources.get(id);
    const prepared = prepare(id, clean(id, copy));
    const full =
      context.full || (before && isEdited(before, listed, prepared)) ? await whole(id, listed) : undefined;
    if (full) byId.add(id);
    else if (!context.full && (!before || undecided)) sample.add(record);
    const enough = !full && !(type.dir === 'lookupcaches' && context.lookupCacheData);
    const final = enough ? prepared : prepare(id, clean(id, await withData(id, full ?? copy)));
    settle(id, raw, { ...listed, ...full?.doc }, final);
    return true;
  }

  /** One parsed record. `false`: the next run must look at it again. */
  async function visitRecord(record: ParsedRecord): Promise<boolean> {
    const { id, raw, doc: listed } = record;
    if (getOwn(listed, 'deletedAt')) return true;
    seen.add(id);
    if ((type.ownOnly && !isOwn(listed, { userId: context.userId })) || listed.draft === true) {
      passedOver.add(id);
      keep(id);
      return true;
    }
    return attempt(id, () => (type.hydrate || abridged ? takeById(id, raw, listed) : takeListed(record)));
  }

  /**
   * Decides, after the last page, whether the lists of the type show whole documents. Where they do not, everything that
   * was taken from them, now or by earlier runs, is fetched by id.
   */
  async function judge(): Promise<void> {
    if (type.hydrate || (abridged && !context.full && known.abridged)) return;
    await Promise.all(
      sample.chosen().map(async ({ id, doc }) => {
        try {
          await whole(id, doc);
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          unsure = true;
        }
      }),
    );
    if (!abridged) {
      abridged = unsure ? undefined : compared > 0 ? false : known.abridged;
      return;
    }
    takeStock();
    const copies = [...resources].filter(([id]) => !byId.has(id) && !passedOver.has(id));
    const done = await Promise.all(copies.map(([id, { raw }]) => attempt(id, () => takeById(id, raw))));
    if (done.includes(false)) everyPageWhole = false;
  }

  /**
   * Tells what a list without parameters that the server refuses may lack, and makes sure that absence from it can be
   * looked into: a type that answers 404 to every id would lose what the list hides.
   */
  async function weighRefusals(): Promise<void> {
    const lost = Object.keys(type.list.query ?? {}).filter((name) => refused.has(name));
    if (lost.length === 0) return;
    context.notice?.(
      `the API refuses ${lost.join(', ')} for ${type.plural}: the list may lack ${type.list.hidden ?? 'some'}`,
    );
    takeStock();
    if ([...known.details().resources.keys()].every((id) => seen.has(id))) return;
    const [shown] = seen;
    if (shown !== undefined && (await readDocument(client, type, collection, shown, signal))) return;
    problems.push(
      `${collection}: the list cannot be asked for with ${lost.join(', ')}, so what it does not show may exist all the same`,
    );
  }

  /** Counts the ids of unchanged pages as seen. Put off, since a run without any change never needs them. */
  function takeStock(): void {
    for (const digest of asBefore) {
      if (pages.has(digest)) continue;
      const page = known.details().pages.get(digest) ?? { ids: [] };
      pages.set(digest, page);
      for (const id of page.ids) {
        seen.add(id);
        keep(id);
      }
    }
  }

  /** Whether the listing was, page by page, the one of the last run. */
  function isAsBefore(): boolean {
    const remembered = known.size === 0 || known.pageMarks.size > 0;
    return remembered && seen.size === 0 && asBefore.size === known.pageMarks.size && problems.length === 0;
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
    let complete = true;
    const ids: string[] = [];
    const pending: Promise<void>[] = [];
    for (const record of page.records) {
      if (record.kind === 'unusable') {
        problems.push(`${collection}: ${record.reason}`);
        complete = false;
        continue;
      }
      ids.push(record.id);
      note(record.id);
      if (record.kind === 'unchanged') {
        seen.add(record.id);
        keep(record.id);
        continue;
      }
      // Done at once, or waiting for the network together with the others of the page.
      const done = visitRecord(record).then((kept) => {
        complete &&= kept;
      });
      pending.push(done);
      // One by one until it is known whether asking has any use.
      if (context.full && !type.hydrate && offered === undefined) await done;
    }
    await Promise.all(pending);
    const { digest, nextPageUrl: next } = page;
    if (complete) pages.set(digest, next === undefined ? { ids } : { ids, next });
    else everyPageWhole = false;
    return fresh;
  }

  async function walk(query: Readonly<Record<string, string>> = {}): Promise<void> {
    await walkCollection(client, {
      path: collection,
      query,
      optional: type.list.query ?? {},
      refused,
      paged: type.list.paged !== false,
      read: (response) => readPage(response, remembered),
      visit,
      signal,
    });
  }

  /** Folder by folder, from the root (celigo-models 6.20). */
  async function walkFolders(): Promise<void> {
    await walk();
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
      const id = idOfKey(key, context.normalise.fingerprint);
      count += 1;
      if (id === '' || id.length > 160)
        problems.push(
          `${collection}: the key ${JSON.stringify(withoutCredentials(key).slice(0, 40))} is too long or empty`,
        );
      else {
        seen.add(id);
        await attempt(id, () => takeById(id, '', {}, key));
      }
    }
  }

  async function list(): Promise<void> {
    const read = (): Promise<void> =>
      type.list.shape === 'keys' ? listKeys() : type.list.shape === 'folders' ? walkFolders() : walk();
    try {
      await read();
    } catch (error) {
      const other = type.list.alternative;
      if (!other || !(error instanceof ApiError) || error.status !== 404 || count > 0) throw error;
      collection = other;
      await read();
    }
    if (type.list.shape !== 'keys') await judge();
    await weighRefusals();
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
          const id = String(doc._id);
          settle(id, '', doc, prepare(id, normalise(doc)));
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
