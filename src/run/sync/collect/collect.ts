import type { ResourceType } from '../../../catalogue/types.ts';
import { ApiError } from '../../../celigo/errors.ts';
import { readBelow } from '../../../core/below.ts';
import { messageOf } from '../../../core/errors.ts';
import { getOwn } from '../../../core/json.ts';
import { readDocument } from '../../fetch-document.ts';
import { type CachedType, cachedType } from '../cache.ts';
import { isKnown, type KnownChunk } from '../cached-resources.ts';
import { type AgainstHead, compareWithHead } from './against-head.ts';
import { createFidelity, type Fidelity, type ParsedRecord } from './fidelity.ts';
import { type Listing, listingOf, type Parent } from './listing.ts';
import type { CachedPages, RecordPage } from './page.ts';
import { createRecordReader, type Outcome, type RecordReader } from './records.ts';
import { createTally, type Tally } from './tally.ts';
import type { CollectContext, Collected, Coverage } from './types.ts';

/** Statuses by which the API says "not for you" about a whole collection (api-notes#not-offered). */
const NOT_OFFERED: ReadonlySet<number> = new Set([402, 403, 404]);

/**
 * Lists one type to its end, writes every new or changed record as files, and gives what changed.
 * Never throws for a failure of this type alone: that is its coverage.
 * @param mayBeMissing the type was never mirrored and is not required, so a refusal means "not offered"
 * @param baseline the first listing of this type
 * @throws AppError when the whole run must stop (401, disk), or the signal's reason
 */
export async function collectType(
  context: CollectContext,
  type: ResourceType,
  known: CachedType,
  mayBeMissing: boolean,
  baseline: boolean,
  parents: Parents = NO_PARENTS,
): Promise<Collected> {
  const collector = createCollector(context, type, known, baseline, parents);
  if (parents.unavailable !== undefined)
    return resultOf(collector, { state: 'unavailable', reason: parents.unavailable });
  let coverage: Coverage;
  try {
    await collector.listing.read();
    if (type.list.shape !== 'keys') await completeAbridged(collector);
    checkLetterCase(collector);
    await checkNotFound(collector);
    await checkRefusedParameters(collector);
    coverage = coverageOf(collector.problems);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const missing = mayBeMissing && error.status !== undefined && NOT_OFFERED.has(error.status);
    coverage = { state: missing ? 'unavailable' : 'incomplete', reason: messageOf(error) };
    collector.head.forget();
  }
  return resultOf(collector, coverage);
}

function coverageOf([problem, ...others]: readonly string[]): Coverage {
  if (problem === undefined) return { state: 'complete' };
  return { state: 'incomplete', reason: others.length > 0 ? `${problem} (and ${others.length} more)` : problem };
}

const NO_CACHED_PAGES: CachedPages = {
  pageMarks: new Map(),
  validators: new Map(),
  chunkAt: () => undefined,
  rawOf: () => undefined,
};

/** Pages and records of the last run, by their digests. `afresh`: none, so that everything is read again. */
function cachedPages(known: CachedType, afresh: boolean): CachedPages {
  if (afresh) return NO_CACHED_PAGES;
  let chunks: Map<string | undefined, KnownChunk> | undefined;
  return {
    pageMarks: known.pageMarks,
    validators: known.validators,
    chunkAt(id) {
      if (!chunks) {
        const all = [...known.details().pages.values()].flatMap((page) => page.chunks);
        chunks = new Map(all.filter(isKnown).flatMap((chunk) => (chunk.length > 0 ? [[chunk.ids[0], chunk]] : [])));
      }
      return chunks.get(id);
    },
    rawOf: (id) => known.details().resources.get(id)?.raw,
  };
}

/** The records below or inside which those of a type are. */
export interface Parents {
  readonly records: readonly Parent[];
  /** Names of their types, as far as these are mirrored. */
  readonly types: ReadonlySet<string>;
  /** Why some of them may be missing here. */
  readonly problems: readonly string[];
  /** Why the account has none of their types. */
  readonly unavailable?: string;
}

const NO_PARENTS: Parents = { records: [], types: new Set(), problems: [] };

/** The parts that read one type, and what they found. */
interface Collector {
  readonly parents: Parents;
  readonly context: CollectContext;
  readonly type: ResourceType;
  readonly known: CachedType;
  readonly head: AgainstHead;
  readonly tally: Tally;
  readonly fidelity: Fidelity;
  readonly listing: Listing;
  readonly records: RecordReader;
  readonly problems: string[];
  /** Ids that the list showed and `GET /{id}` does not know. */
  readonly notFound: Set<string>;
  /** Ids that are not the mirror's. */
  readonly skipped: Set<string>;
  /** Ids whose record says that it is deleted. */
  readonly deleted: Set<string>;
}

function createCollector(
  context: CollectContext,
  type: ResourceType,
  known: CachedType,
  baseline: boolean,
  parents: Parents,
): Collector {
  const { client, signal } = context;
  const head = compareWithHead(context, type, known, baseline);
  /** As long as the fidelity of lists is unknown, what was taken from them is read again. */
  const undecided = type.hydrate === undefined && known.abridged === undefined;
  const afresh = context.full || (undecided && known.size > 0);
  const collection = (): string => collector.listing.collection();
  const fidelity = createFidelity({
    before: known.abridged,
    afresh: context.full,
    read: (id) => readDocument(client, type, collection(), id, signal),
    hasMore: head.hasMore,
  });
  const collector: Collector = {
    parents,
    context,
    type,
    known,
    head,
    fidelity,
    tally: createTally(known, head.keepChunk),
    records: createRecordReader({ context, type, known, head, fidelity, collection, undecided }),
    listing: listingOf(
      context,
      type,
      cachedPages(known, afresh),
      {
        page: (page) => visitPage(collector, page),
        async key(id, key) {
          collector.tally.show(id);
          note(collector, id, await collector.records.byId(id, '', {}, key));
        },
        shown: () => collector.tally.ids(),
        problem: (text) => collector.problems.push(text),
      },
      parents.records,
    ),
    problems: [...parents.problems],
    notFound: new Set(),
    skipped: new Set(),
    deleted: new Set(),
  };
  return collector;
}

/** Notes what became of a record. `false`: the next run must read it again. */
function note({ problems, notFound, skipped, deleted }: Collector, id: string, outcome: Outcome): boolean {
  if (outcome.state === 'failed') problems.push(outcome.problem);
  if (outcome.state === 'notFound') notFound.add(id);
  if (outcome.state === 'skipped') skipped.add(id);
  if (outcome.state === 'deleted') deleted.add(id);
  return outcome.state !== 'failed' && outcome.state !== 'notFound';
}

/** Reads the records of a page. Gives the number of those that no earlier page showed. */
async function visitPage(collector: Collector, page: RecordPage): Promise<number> {
  const { context, type, known, head, tally, fidelity, listing, records, problems, skipped, deleted } = collector;
  const isAsKnown = (id: string): boolean => head.resources.get(id)?.raw === known.details().resources.get(id)?.raw;
  if (page.unchanged) return tally.unchangedPage(page);
  const shown = tally.ids();
  let fresh = 0;
  let complete = true;
  for (const chunk of page.known) {
    for (const id of chunk.ids) if (tally.show(id)) fresh += 1;
    head.keepChunk(chunk);
  }
  const pending: Promise<void>[] = [];
  const read = async (record: ParsedRecord): Promise<void> => {
    const done = note(collector, record.id, await records.record(record));
    complete &&= done;
  };
  for (const record of page.records) {
    if (record.kind === 'unusable') {
      problems.push(`${listing.collection()}: ${record.reason}`);
      complete = false;
      continue;
    }
    const isAgain = shown.has(record.id);
    if (!isAgain) fresh += 1;
    if (record.kind === 'unchanged') {
      tally.show(record.id);
      head.keep(record.id);
      if (isAgain && !isAsKnown(record.id)) tally.mustReread();
      continue;
    }
    // Pages that show two forms of a record prove nothing about it.
    if (isAgain) tally.mustReread();
    if (!getOwn(record.doc, 'deletedAt')) tally.show(record.id);
    // Done at once, or waiting for the network together with the others of the page.
    const done = read(record);
    pending.push(done);
    // One by one until it is known whether asking by id has any use.
    if (context.full && !type.hydrate && fidelity.untried()) await done;
  }
  await Promise.all(pending);
  await context.drained();
  tally.readPage(page, complete, (id) => skipped.has(id) || deleted.has(id));
  return fresh;
}

/**
 * Decides, after the last page, whether the lists of the type show complete documents. Where they do not, everything
 * that was taken from them, now or by earlier runs, is fetched by id.
 */
async function completeAbridged(collector: Collector): Promise<void> {
  const { context, type, known, head, tally, fidelity, records, skipped } = collector;
  if (type.hydrate || (fidelity.abridged() && !context.full && known.abridged)) return;
  await fidelity.decide();
  if (!fidelity.abridged()) return;
  tally.ids();
  const copies = [...head.resources.keys()].filter((id) => !fidelity.byId.has(id) && !skipped.has(id));
  const again = async (id: string) => note(collector, id, await records.byId(id, head.resources.get(id)?.raw ?? ''));
  const done = await Promise.all(copies.map(again));
  if (done.includes(false)) tally.mustReread();
}

/** Ids that the list shows now. @throws ApiError when it cannot be read completely */
async function idsNow({ context, type, parents }: Collector): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  const visitor: Parameters<typeof listingOf>[3] = {
    async page({ records }) {
      const before = ids.size;
      for (const record of records)
        if (record.kind === 'parsed' && !getOwn(record.doc, 'deletedAt')) ids.add(record.id);
      return ids.size - before;
    },
    key: async (id) => void ids.add(id),
    shown: () => ids,
    problem: () => undefined,
  };
  const again = listingOf(context, type, NO_CACHED_PAGES, visitor, parents.records);
  await again.read();
  return ids;
}

/** Deleted since it was listed, or not to be had by its id? A second listing decides. */
async function checkNotFound(collector: Collector): Promise<void> {
  const { type, head, tally, problems, notFound } = collector;
  if (notFound.size === 0) return;
  const listed = await idsNow(collector);
  for (const id of notFound) {
    if (listed.has(id))
      problems.push(`${type.name}/${id} is in the list, but GET by id answers that it does not exist`);
    else {
      head.undo(id);
      tally.hide(id);
    }
  }
}

/** Ids that differ only in the case of letters: on many disks, their files would be the same ones. */
function checkLetterCase({ type, head, tally, problems }: Collector): void {
  if (tally.isUnchanged()) return;
  const known = new Map<string, string>();
  for (const id of tally.ids()) {
    const lower = id.toLowerCase();
    const other = known.get(lower);
    known.set(lower, id);
    if (other === undefined) continue;
    problems.push(`${type.name}/${other} and ${type.name}/${id} differ only in upper and lower case`);
    for (const one of [other, id]) {
      head.undo(one);
      head.keep(one);
    }
  }
}

/**
 * Reports what a list may lack whose parameters the server refuses, and makes sure that absence from it can be checked:
 * a type that answers 404 to every id would lose what the list hides.
 */
async function checkRefusedParameters(collector: Collector): Promise<void> {
  const { context, type, known, tally, listing, problems } = collector;
  const lost = Object.keys(type.list.query ?? {}).filter((name) => listing.refused.has(name));
  if (lost.length === 0) return;
  const names = lost.join(', ');
  context.notice?.(`the API refuses ${names} for ${type.plural}: the list may lack ${type.list.hidden ?? 'some'}`);
  const shown = tally.ids();
  if ([...known.details().resources.keys()].every((id) => shown.has(id))) return;
  const [first] = shown;
  if (first !== undefined && (await readDocument(context.client, type, listing.collection(), first, context.signal)))
    return;
  problems.push(
    `${listing.collection()}: the server refuses ${names}, so resources missing from the list may still exist`,
  );
}

/** Whether a resource is below one of a type that is not mirrored, so that this run has nothing to say about it. */
function isUnread({ type, parents }: Collector, id: string): boolean {
  const below = readBelow(type, id);
  return below !== undefined && !parents.types.has(below.parent.name);
}

function resultOf(collector: Collector, coverage: Coverage): Collected {
  const { type, known, head, tally, fidelity, listing, records, problems, deleted } = collector;
  const complete = coverage.state === 'complete';
  const common = {
    type,
    coverage,
    count: listing.count(),
    collection: listing.collection(),
    keep: head.keep,
    renew: head.renew,
    takeIn: records.takeIn,
  };
  if (complete && problems.length === 0 && tally.isUnchanged())
    return { ...common, changes: [], missing: [], next: { ...known, validators: listing.validators } };
  const shown = tally.ids();
  const absent = [...known.details().resources.keys()].filter((id) => !complete || !shown.has(id));
  const missing = complete ? absent.filter((id) => !isUnread(collector, id)) : [];
  for (const id of absent) if (!complete || isUnread(collector, id)) head.keep(id);
  return {
    ...common,
    missing,
    // Both are read after the missing ones were looked up by id, which may add to them.
    get changes() {
      return head.changes();
    },
    get next() {
      // With one that exists although no list shows it, or that pages disagree about, unchanged ones prove nothing.
      const listed =
        complete &&
        !missing.some((id) => head.resources.has(id)) &&
        ![...deleted].some((id) => shown.has(id)) &&
        head.resources.agree();
      const pages = listed ? tally.pages() : new Map<string, never>();
      return cachedType({ pages, resources: head.resources }, fidelity.abridged(), listing.validators);
    },
  };
}
