import { messageOf } from '../../core/errors.ts';
import type { AccountRun } from './account-run.ts';
import { type Cache, type CachedType, writeCache } from './cache.ts';
import type { Collected } from './collect/types.ts';
import type { Decision } from './decide.ts';
import type { StartingPoint } from './starting-point.ts';

/** Saves what this run found out. @param tree object id of the account's folder as the run leaves it */
export function saveCache(
  { account }: AccountRun,
  { repository, headState, full, context }: StartingPoint,
  collected: readonly Collected[],
  { changes, incomplete, serverTime }: Decision,
  tree: string,
): void {
  const types = new Map<string, CachedType>(headState.known);
  for (const entry of collected) types.set(entry.type.name, entry.next);
  const changed =
    changes.length > 0 || collected.some((entry) => isNews(entry.next, headState.known.get(entry.type.name)));
  const { known } = context.normalise;
  const learnt = headState.cache?.known === undefined || known?.hasNews() === true;
  if (!changed && !learnt && headState.cacheFits && !full && recent(headState.cache?.lastRun, serverTime)) return;
  const cache: Cache = {
    rules: headState.rules,
    tree,
    lastRun: incomplete.length === 0 ? serverTime.toISOString() : headState.cache?.lastRun,
    // Also when a type could not be read: otherwise a type that never can would make every run a sweep.
    lastFull: full ? serverTime.toISOString() : headState.cache?.lastFull,
    types,
    known: learnt ? known?.prints : headState.cache?.known,
  };
  try {
    writeCache(repository.stateDir, account.name, cache);
  } catch (error) {
    // Without a cache the next run is slower, not wrong; a full disk was reported where it mattered.
    if ((error as NodeJS.ErrnoException).code === undefined) throw new Error(messageOf(error), { cause: error });
  }
}

/** Whether the cache of a type has to be written again. */
function isNews(next: CachedType, known: CachedType | undefined): boolean {
  if (next === known) return false;
  if (!known || next.abridged !== known.abridged || next.pageMarks.size !== known.pageMarks.size) return true;
  for (const digest of next.pageMarks.keys()) if (!known.pageMarks.has(digest)) return true;
  return JSON.stringify([...next.validators]) !== JSON.stringify([...known.validators]);
}

/** The time of the last run decides where the audit log is read from; a day of it more costs nothing. */
function recent(lastRun: string | undefined, now: Date): boolean {
  const passed = now.getTime() - Date.parse(lastRun ?? '');
  return passed > -3_600_000 && passed < 24 * 3_600_000;
}
