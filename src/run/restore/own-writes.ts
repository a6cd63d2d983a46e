import type { MirrorDocument } from '../../core/documents.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { type MirrorState, readDocuments, readState } from '../../history/state.ts';
import type { Repository } from '../../mirror/repository.ts';
import { changedBesides } from '../../plan/converged.ts';
import type { IdMap, Live } from '../../plan/types.ts';
import type { Journal } from './journal.ts';
import { coreVersionOf, versionOf } from './live.ts';
import { touchedKeys } from './resume.ts';

/** An interrupted restore, with what is needed to tell its writes from those of others. */
interface Interrupted {
  readonly journal: Journal;
  readonly repository: Repository;
  readonly ids: IdMap;
  /** States of the mirror that were read, by their commits. */
  readonly states: Map<string, Promise<MirrorState>>;
}

/**
 * What the interrupted restore wrote itself does not count as changed.
 * @param found what the target holds, by key; it is corrected
 * @throws GitFailure
 */
export async function markOwnWrites(
  interrupted: Interrupted,
  wanted: readonly MirrorDocument[],
  found: Map<Key, Live>,
): Promise<void> {
  const own = touchedKeys(interrupted.journal);
  for (const document of wanted) {
    const key = keyOf(document.type.name, document.id);
    const there = found.get(key);
    if (there?.state !== 'live' || !(own.has(key) || own.has(keyOf(document.type.name, there.id)))) continue;
    const changed = await changedByOthers(interrupted, document, there.id, there.doc);
    found.set(key, { ...there, changed });
  }
}

/**
 * Whether a resource that the interrupted restore wrote, or was about to, was changed by someone else since. A write
 * without a noted answer may have taken effect, completely or partially.
 */
async function changedByOthers(
  interrupted: Interrupted,
  { type, id, doc: wanted }: MirrorDocument,
  target: string,
  live: JsonObject,
): Promise<boolean> {
  const { journal, ids } = interrupted;
  const key = keyOf(type.name, id);
  const last = journal.entries.findLast(
    (entry) => 'key' in entry && entry.key === key && (entry.kind === 'done' || isOver(entry)),
  );
  if (last?.kind === 'done') return last.to !== undefined && last.to !== coreVersionOf(type, live);
  if (last?.kind !== 'intent' || last.from === versionOf(live)) return false;
  const before = last.doc ?? (await documentBefore(interrupted, keyOf(type.name, target), last.from));
  return before === undefined || changedBesides(type, { before, wanted, live }, ids);
}

/** Whether an entry announces a write over something that was there. */
function isOver(entry: Journal['entries'][number]): boolean {
  return entry.kind === 'intent' && entry.action !== 'undelete' && entry.from !== undefined;
}

/** What a write was to replace, as the mirror held it before one of the runs of the restore. @throws GitFailure */
async function documentBefore(
  { journal: { head, entries }, repository, states }: Interrupted,
  key: Key,
  version: string | undefined,
): Promise<JsonObject | undefined> {
  const later = entries.flatMap((entry) => (entry.kind === 'resumed' ? [entry.base] : []));
  for (const commit of new Set([...later.reverse(), head.base])) {
    if (commit === '') continue;
    const reading = states.get(commit) ?? readState(repository.git, head.account, { commit, date: new Date(0) });
    states.set(commit, reading);
    const state = await reading.catch(() => undefined);
    const path = state?.documents.get(key)?.path;
    const [held] = state && path ? await readDocuments(state, [path]) : [];
    if (held && versionOf(held.doc) === version) return held.doc;
  }
  return undefined;
}
