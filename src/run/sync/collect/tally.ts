import type { CachedType } from '../cache.ts';
import type { CachedPage } from '../cache-file.ts';
import type { Chunk } from '../cached-resources.ts';
import type { RecordPage } from './page.ts';

/** What the listing of one type has shown so far, by page and by id. */
export interface Tally {
  /**
   * Notes a page whose body is the one of the last run. Gives the number of its records that are new to this listing.
   */
  readonly unchangedPage: (page: RecordPage) => number;
  /** Notes a page that was read record by record. `complete`: every record on it is mirrored or rightly left out. */
  readonly readPage: (page: RecordPage, complete: boolean, isLeftOut: (id: string) => boolean) => void;
  /** Notes an id. `false`: it was shown before. */
  readonly show: (id: string) => boolean;
  /** Takes an id back that turned out to be deleted. */
  readonly hide: (id: string) => void;
  /** Every id shown, those of unchanged pages included. */
  readonly ids: () => ReadonlySet<string>;
  /** Notes that a record has to be read again by the next run. */
  readonly mustReread: () => void;
  /** The pages, by digest, where they describe the listing completely; none where one has to be read again. */
  readonly pages: () => ReadonlyMap<string, CachedPage>;
  /** Whether the listing was, page by page, the one of the last run. */
  readonly isUnchanged: () => boolean;
}

/** @param keep called with every chunk of an unchanged page */
export function createTally(known: CachedType, keep: (chunk: Chunk) => void): Tally {
  const ids = new Set<string>();
  const pages = new Map<string, CachedPage>();
  const unchanged = new Set<string>();
  let complete = true;

  /** Put off until they are needed, since a run without any change never needs the ids of its unchanged pages. */
  function addUnchanged(): void {
    for (const digest of unchanged) {
      if (pages.has(digest)) continue;
      const page = known.details().pages.get(digest) ?? { chunks: [] };
      pages.set(digest, page);
      for (const chunk of page.chunks) {
        for (const id of chunk.ids) ids.add(id);
        keep(chunk);
      }
    }
  }

  return {
    unchangedPage({ digest, count }) {
      if (unchanged.has(digest)) return 0;
      unchanged.add(digest);
      return count;
    },
    readPage({ digest, chunks: all, nextPageUrl: next }, isComplete, isLeftOut) {
      // What is left out has to be looked at again, and the chunk with it.
      const chunks = all.map((chunk) =>
        chunk.ids.some(isLeftOut) ? { ids: chunk.ids, length: 0, digest: '' } : chunk,
      );
      if (isComplete) pages.set(digest, { chunks, ...(next === undefined ? {} : { next }) });
      else complete = false;
    },
    show(id) {
      if (ids.has(id)) return false;
      ids.add(id);
      return true;
    },
    hide: (id) => void ids.delete(id),
    ids() {
      addUnchanged();
      return ids;
    },
    mustReread() {
      complete = false;
    },
    pages: () => (complete ? pages : new Map()),
    isUnchanged() {
      const comparable = known.size === 0 || known.pageMarks.size > 0;
      return comparable && ids.size === 0 && unchanged.size === known.pageMarks.size;
    },
  };
}
