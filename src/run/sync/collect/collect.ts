import { isOwn, type ResourceType } from '../../../catalogue/types.ts';
import { ApiError } from '../../../celigo/errors.ts';
import { messageOf } from '../../../core/errors.ts';
import { getOwn, type JsonObject } from '../../../core/json.ts';
import { type CachedType, cachedType, type KnownPage } from '../../../mirror/cache.ts';
import { type Fetched, fetchCacheData, readDocument } from '../../fetch-document.ts';
import { compareWithHead } from './against-head.ts';
import { createFidelity, type ParsedRecord } from './fidelity.ts';
import { listingOf } from './listing.ts';
import type { RecordPage, Remembered } from './page.ts';
import type { CollectContext, Collected, Coverage } from './types.ts';

/** Statuses by which the API says "not for you" about a whole collection (api-notes#not-offered). */
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

const NOTHING_REMEMBERED: Remembered = { pageMarks: new Map(), idsByRaw: () => new Map() };

/** Ids by the digests of their records. */
function idsByRaw({ details }: CachedType): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const [id, { raw }] of details().resources) if (raw !== '') ids.set(raw, id);
  return ids;
}

function createCollector(context: CollectContext, type: ResourceType, known: CachedType, baseline: boolean) {
  const { client, signal } = context;
  const seen = new Set<string>();
  const pages = new Map<string, KnownPage>();
  /** Unchanged pages whose ids were not needed so far. */
  const asBefore = new Set<string>();
  /** Pages stand for the listing only when none of them has to be looked at again. */
  let everyPageWhole = true;
  const problems: string[] = [];
  /** Ids that the list showed and `GET /{id}` does not know. */
  const doubted = new Set<string>();
  /** Ids that are left as they are. */
  const passedOver = new Set<string>();

  /** Without a verdict on the lists, what was taken from them is looked at again. */
  const undecided = type.hydrate === undefined && known.abridged === undefined;
  const afresh = context.full || (undecided && known.size > 0);
  let byRaw: ReadonlyMap<string, string> | undefined;
  const remembered = {
    pageMarks: afresh ? new Map<string, never>() : known.pageMarks,
    idsByRaw: () => {
      byRaw ??= afresh ? new Map<string, string>() : idsByRaw(known);
      return byRaw;
    },
  };

  const head = compareWithHead(context, type, known, baseline);
  const listing = listingOf(context, type, remembered, {
    page: visitPage,
    key: async (id, key) => {
      seen.add(id);
      await attempt(id, () => takeById(id, '', {}, key));
    },
    shown: () => {
      takeStock();
      return seen;
    },
    problem: (text) => problems.push(text),
  });
  const read = (id: string, key?: string): Promise<Fetched | undefined> =>
    readDocument(client, type, listing.collection(), id, signal, key);
  const fidelity = createFidelity({
    before: known.abridged,
    afresh: context.full,
    read: (id) => read(id),
    hasMore: head.hasMore,
  });

  /** The document with its entries, where they are mirrored. */
  async function withData(id: string, fetched: Fetched): Promise<Fetched> {
    if (!type.entries || !context.lookupCacheData) return fetched;
    const records = await fetchCacheData(client, listing.collection(), id, signal);
    return { ...fetched, doc: { ...fetched.doc, [type.entries]: records } };
  }

  /** Work on one record, whose failure must not stop the others. `false`: the next run must look at it again. */
  async function attempt(id: string, work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      // One document beyond what can be handled (nested thousands deep) must not stop the others.
      const isolated = error instanceof ApiError || error instanceof RangeError;
      if (!isolated) throw error;
      problems.push(error instanceof ApiError ? error.message : `${type.name}/${id}: nested too deep to be mirrored`);
      head.undo(id);
      head.keep(id);
      return false;
    }
  }

  /**
   * Takes the document by its id. `listed`: its copy in the list, as far as there is one; `key`: what the server knows it by,
   * where that is no id. `false`: the server does not have it any more.
   */
  async function takeById(id: string, raw: string, listed: JsonObject = {}, key?: string): Promise<boolean> {
    const full = await read(id, key);
    if (!full) {
      doubted.add(id);
      head.undo(id);
      head.keep(id);
      return false;
    }
    fidelity.byId.add(id);
    head.settle(id, raw, { ...listed, ...full.doc }, head.prepare(id, await withData(id, full)));
    return true;
  }

  /**
   * Takes the copy of the list where it will do. An edit is looked at by id: a field that the list leaves out may have come
   * with it, and one that the mirror has must not go because the list left it out.
   */
  async function takeListed(record: ParsedRecord): Promise<boolean> {
    const { id, raw, doc: listed } = record;
    const copy: Fetched = { doc: listed, inexact: record.inexact };
    const prepared = head.prepare(id, copy);
    const full = context.full || head.isEdited(id, listed, prepared) ? await fidelity.whole(id, listed) : undefined;
    if (full) fidelity.byId.add(id);
    else if (!context.full && (undecided || !known.details().resources.has(id))) fidelity.wonder(record);
    const enough = !full && !(type.entries && context.lookupCacheData);
    const final = enough ? prepared : head.prepare(id, await withData(id, full ?? copy));
    head.settle(id, raw, { ...listed, ...full?.doc }, final);
    return true;
  }

  /** One parsed record. `false`: the next run must look at it again. */
  async function visitRecord(record: ParsedRecord): Promise<boolean> {
    const { id, raw, doc: listed } = record;
    if (getOwn(listed, 'deletedAt')) return true;
    seen.add(id);
    if ((type.ownOnly && !isOwn(listed, { userId: context.userId })) || listed.draft === true) {
      passedOver.add(id);
      head.keep(id);
      return true;
    }
    const byId = type.hydrate || fidelity.abridged();
    return attempt(id, () => (byId ? takeById(id, raw, listed) : takeListed(record)));
  }

  async function visitPage(page: RecordPage): Promise<number> {
    if (page.unchanged) {
      if (asBefore.has(page.digest)) return 0;
      asBefore.add(page.digest);
      return page.count;
    }
    takeStock();
    let fresh = 0;
    let complete = true;
    const ids: string[] = [];
    const pending: Promise<void>[] = [];
    for (const record of page.records) {
      if (record.kind === 'unusable') {
        problems.push(`${listing.collection()}: ${record.reason}`);
        complete = false;
        continue;
      }
      ids.push(record.id);
      if (!seen.has(record.id)) fresh += 1;
      if (record.kind === 'unchanged') {
        seen.add(record.id);
        head.keep(record.id);
        continue;
      }
      // Done at once, or waiting for the network together with the others of the page.
      const done = visitRecord(record).then((kept) => {
        complete &&= kept;
      });
      pending.push(done);
      // One by one until it is known whether asking has any use.
      if (context.full && !type.hydrate && fidelity.untried()) await done;
    }
    await Promise.all(pending);
    const { digest, nextPageUrl: next } = page;
    if (complete) pages.set(digest, next === undefined ? { ids } : { ids, next });
    else everyPageWhole = false;
    return fresh;
  }

  /** Counts the ids of unchanged pages as seen. Put off, since a run without any change never needs them. */
  function takeStock(): void {
    for (const digest of asBefore) {
      if (pages.has(digest)) continue;
      const page = known.details().pages.get(digest) ?? { ids: [] };
      pages.set(digest, page);
      for (const id of page.ids) {
        seen.add(id);
        head.keep(id);
      }
    }
  }

  /** Whether the listing was, page by page, the one of the last run. */
  function isAsBefore(): boolean {
    const whole = known.size === 0 || known.pageMarks.size > 0;
    return whole && seen.size === 0 && asBefore.size === known.pageMarks.size && problems.length === 0;
  }

  /**
   * Decides, after the last page, whether the lists of the type show whole documents. Where they do not, everything that
   * was taken from them, now or by earlier runs, is fetched by id.
   */
  async function judge(): Promise<void> {
    if (type.hydrate || (fidelity.abridged() && !context.full && known.abridged)) return;
    await fidelity.decide();
    if (!fidelity.abridged()) return;
    takeStock();
    const copies = [...head.resources].filter(([id]) => !fidelity.byId.has(id) && !passedOver.has(id));
    const done = await Promise.all(copies.map(([id, { raw }]) => attempt(id, () => takeById(id, raw))));
    if (done.includes(false)) everyPageWhole = false;
  }

  /** Ids that the list shows now. */
  async function idsNow(): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    const again = listingOf(context, type, NOTHING_REMEMBERED, {
      page: async ({ records }) => {
        const before = ids.size;
        for (const record of records)
          if (record.kind === 'parsed' && !getOwn(record.doc, 'deletedAt')) ids.add(record.id);
        return ids.size - before;
      },
      key: async (id) => void ids.add(id),
      shown: () => ids,
      problem: () => undefined,
    });
    await again.read();
    return ids;
  }

  /** Deleted since it was listed, or not to be had by its id? A second listing tells. */
  async function settleDoubts(): Promise<void> {
    if (doubted.size === 0) return;
    const listed = await idsNow();
    for (const id of doubted) {
      if (listed.has(id)) problems.push(`${type.name}/${id} is in the list, and GET answers that it is not there`);
      else {
        head.undo(id);
        seen.delete(id);
      }
    }
  }

  /**
   * Tells what a list without parameters that the server refuses may lack, and makes sure that absence from it can be
   * looked into: a type that answers 404 to every id would lose what the list hides.
   */
  async function weighRefusals(): Promise<void> {
    const lost = Object.keys(type.list.query ?? {}).filter((name) => listing.refused.has(name));
    if (lost.length === 0) return;
    const names = lost.join(', ');
    context.notice?.(`the API refuses ${names} for ${type.plural}: the list may lack ${type.list.hidden ?? 'some'}`);
    takeStock();
    if ([...known.details().resources.keys()].every((id) => seen.has(id))) return;
    const [shown] = seen;
    if (shown !== undefined && (await read(shown))) return;
    problems.push(
      `${listing.collection()}: the list cannot be asked for with ${names}, so what it does not show may exist all the same`,
    );
  }

  return {
    problems,
    forget: head.forget,
    async list(): Promise<void> {
      await listing.read();
      if (type.list.shape !== 'keys') await judge();
      await settleDoubts();
      await weighRefusals();
    },
    result(coverage: Coverage): Collected {
      const whole = coverage.state === 'complete';
      const common = {
        type,
        coverage,
        count: listing.count(),
        collection: listing.collection(),
        keep: head.keep,
        takeIn: async (id: string, fetched: Fetched): Promise<void> => {
          head.settle(id, '', fetched.doc, head.prepare(id, await withData(id, fetched)));
        },
      };
      if (whole && isAsBefore()) return { ...common, changes: [], missing: [], next: known };
      takeStock();
      const before = [...known.details().resources.keys()];
      if (!whole) for (const id of before) head.keep(id);
      const missing = whole ? before.filter((id) => !seen.has(id)) : [];
      return {
        ...common,
        missing,
        // Both are read after the missing ones were looked into, which may add to them.
        get changes() {
          return head.changes();
        },
        get next() {
          // With one that exists although no list shows it, unchanged pages prove nothing.
          const listed = whole && everyPageWhole && !missing.some((id) => head.resources.has(id));
          return cachedType({ pages: listed ? pages : new Map(), resources: head.resources }, fidelity.abridged());
        },
      };
    },
  };
}
