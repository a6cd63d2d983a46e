import { isOwn, type ResourceType } from '../../../catalogue/types.ts';
import { ApiError } from '../../../celigo/errors.ts';
import { getOwn, type JsonObject, TOO_DEEP } from '../../../core/json.ts';
import { type Fetched, fetchCacheData, readDocument } from '../../fetch-document.ts';
import type { CachedType } from '../cache.ts';
import type { AgainstHead, Prepared } from './against-head.ts';
import type { Fidelity, ParsedRecord } from './fidelity.ts';
import type { CollectContext } from './types.ts';

/**
 * What became of one record. `skipped`: not the mirror's, left as it is; `deleted`: marked so in the list;
 * `notFound`: the list shows it, and `GET /{id}` answers that it does not exist. Records that are `notFound` or
 * `failed` must be read again.
 */
export type Outcome =
  | { readonly state: 'accepted' | 'skipped' | 'deleted' | 'notFound' }
  | { readonly state: 'failed'; readonly problem: string };

const ACCEPTED: Outcome = { state: 'accepted' };

/** Reads the documents of one type and hands them to the comparison with HEAD. */
export interface RecordReader {
  /**
   * Takes the document by its id. `listed`: its copy in the list, as far as there is one; `key`: what the server knows
   * it by, where that is not the id.
   */
  readonly byId: (id: string, raw: string, listed?: JsonObject, key?: string) => Promise<Outcome>;
  /** Takes one record of a list: its copy there where that will do, else the document by its id. */
  readonly record: (record: ParsedRecord) => Promise<Outcome>;
  /** Takes a document that was found outside the listing. @throws ApiError */
  readonly takeIn: (id: string, fetched: Fetched) => Promise<void>;
}

interface ReaderOptions {
  readonly context: CollectContext;
  readonly type: ResourceType;
  readonly known: CachedType;
  readonly head: AgainstHead;
  readonly fidelity: Fidelity;
  /** Spelling of the collection that the server answers to. */
  readonly collection: () => string;
  /** Nothing is known yet about whether lists of this type leave fields out. */
  readonly undecided: boolean;
}

/**
 * The field of the entries that a document gets from calls of their own; `undefined`: none, or they are not mirrored.
 */
function entriesField({ lookupCacheData }: CollectContext, type: ResourceType): string | undefined {
  return lookupCacheData ? type.entries : undefined;
}

/** The document with its entries, where they are mirrored. @throws ApiError */
async function withEntries({ context, type, collection }: ReaderOptions, id: string, full: Fetched): Promise<Fetched> {
  const field = entriesField(context, type);
  if (field === undefined) return full;
  const entries = await fetchCacheData(context.client, collection(), id, context.signal);
  return { ...full, doc: { ...full.doc, [field]: entries } };
}

/** Work on one record, whose failure must not stop the others. */
async function isolated({ type, head }: ReaderOptions, id: string, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    // Entries of a cache may be nested so deep that the stack overflows.
    if (!(error instanceof ApiError) && !(error instanceof RangeError)) throw error;
    head.undo(id);
    head.keep(id);
    const problem = error instanceof ApiError ? error.message : `${type.name}/${id}: ${TOO_DEEP}`;
    return { state: 'failed', problem };
  }
}

/**
 * Code that the mirror has is not believed to be gone because an answer lacks it: the server keeps it apart from the
 * document (api-notes#abridged-lists), and code that someone removed is an empty text. @throws ApiError
 */
function checkCode({ type, known }: ReaderOptions, id: string, { doc }: Fetched): void {
  for (const field of type.hydrate?.fields ?? []) {
    const extension = type.sideFiles?.[field]?.extension;
    if (extension === undefined || (getOwn(doc, field) ?? undefined) !== undefined) continue;
    const files = known.details().resources.get(id)?.files ?? [];
    if (files.some(([path]) => path.endsWith(`.${extension}`)))
      throw new ApiError(
        `${type.name}/${id} came without ${field}, which the mirror has. If someone removed it in Celigo, ` +
          'save a comment in its place there',
        { transient: false },
      );
  }
}

/** Whether a document is not the mirror's: a draft, or someone else's where each person has their own. */
function isLeftOut({ type, context }: ReaderOptions, doc: JsonObject): boolean {
  return (type.ownOnly === true && !isOwn(doc, { userId: context.userId })) || doc.draft === true;
}

async function takeById(
  options: ReaderOptions,
  id: string,
  raw: string,
  listed: JsonObject,
  key: string | undefined,
): Promise<Outcome> {
  const { context, type, head, fidelity, collection } = options;
  // What git has not taken in yet is in memory.
  await context.drained();
  const full = await readDocument(context.client, type, collection(), id, context.signal, key);
  if (!full) {
    head.undo(id);
    head.keep(id);
    return { state: 'notFound' };
  }
  if (isLeftOut(options, full.doc)) {
    head.keep(id);
    return { state: 'skipped' };
  }
  checkCode(options, id, full);
  fidelity.byId.add(id);
  head.accept(id, raw, { ...listed, ...full.doc }, head.prepare(id, await withEntries(options, id, full)));
  return ACCEPTED;
}

/**
 * Whether a copy of the list has to be compared with the document itself. The edit may have set a field that the list
 * leaves out, and a field that the mirror has must not go because the list left it out.
 */
async function needsDocument(
  { context, head, fidelity }: ReaderOptions,
  id: string,
  listed: JsonObject,
  prepared: Prepared,
): Promise<boolean> {
  if (context.full) return true;
  if (!head.isEdited(id, listed, prepared)) return false;
  return fidelity.abridged() !== false || !(await head.showsEdit(id, prepared));
}

/** Takes the copy of the list where it will do. */
async function takeListed(options: ReaderOptions, record: ParsedRecord): Promise<Outcome> {
  const { context, type, known, head, fidelity, undecided } = options;
  const { id, raw, doc: listed } = record;
  const copy: Fetched = { doc: listed, inexact: record.inexact };
  const prepared = head.prepare(id, copy);
  const full = (await needsDocument(options, id, listed, prepared)) ? await fidelity.complete(id, listed) : undefined;
  if (full) fidelity.byId.add(id);
  else if (!context.full && (undecided || !known.details().resources.has(id))) fidelity.sample(record);
  const enough = !full && entriesField(context, type) === undefined;
  const final = enough ? prepared : head.prepare(id, await withEntries(options, id, full ?? copy));
  head.accept(id, raw, { ...listed, ...full?.doc }, final);
  return ACCEPTED;
}

export function createRecordReader(options: ReaderOptions): RecordReader {
  const { type, head, fidelity } = options;
  return {
    byId: (id, raw, listed = {}, key) => isolated(options, id, () => takeById(options, id, raw, listed, key)),
    async record(record) {
      const { id, raw, doc: listed } = record;
      if (getOwn(listed, 'deletedAt')) return { state: 'deleted' };
      if (isLeftOut(options, listed)) {
        head.keep(id);
        return { state: 'skipped' };
      }
      const abridged = type.hydrate || fidelity.abridged();
      return isolated(options, id, () =>
        abridged ? takeById(options, id, raw, listed, undefined) : takeListed(options, record),
      );
    },
    async takeIn(id, fetched) {
      checkCode(options, id, fetched);
      head.accept(id, '', fetched.doc, head.prepare(id, await withEntries(options, id, fetched)));
    },
  };
}
