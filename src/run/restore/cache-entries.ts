import type { ResourceType } from '../../catalogue/types.ts';
import { readEntries } from '../../core/documents.ts';
import type { Json } from '../../core/json.ts';
import type { FilledRecords } from '../../plan/redacted-texts.ts';
import type { Writer } from './writer.ts';

/** Entries in one call, and their size in bytes (api-notes#lookup-data). */
const MOST_ENTRIES = 1_000;
const MOST_BYTES = 4 * 1024 * 1024;

/** Entries in portions that one call takes. */
function* portions(entries: readonly { readonly line: string; readonly data: Json }[]): Generator<Json[]> {
  let some: Json[] = [];
  let bytes = 0;
  for (const { line, data } of entries) {
    if (some.length >= MOST_ENTRIES || (some.length > 0 && bytes + line.length * 3 > MOST_BYTES)) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(data);
    bytes += line.length * 3;
  }
  if (some.length > 0) yield some;
}

/**
 * Makes the entries of a cache those of `wanted` (one JSON text a line); only adds where `wanted` is not complete.
 * @param live the entries that it has
 * @throws AppError `USAGE` for a line that is not an entry, before anything is written
 */
export async function fillEntries(
  writer: Writer,
  type: ResourceType,
  id: string,
  wanted: FilledRecords,
  live: string,
): Promise<void> {
  const shown = `the data of ${type.name}/${id}`;
  const [ours, theirs] = [readEntries(wanted.text, shown), readEntries(live, `${shown} in the account`)];
  const changed = [...ours].filter(([key, { line }]) => theirs.get(key)?.line !== line).map(([, entry]) => entry);
  for (const data of portions(changed)) await writer.callOf(type, id, 'POST', 'data', { data });
  const extra = wanted.complete ? [...theirs.keys()].filter((key) => !ours.has(key)) : [];
  for (let from = 0; from < extra.length; from += MOST_ENTRIES) {
    await writer.callOf(type, id, 'DELETE', 'data', { keys: extra.slice(from, from + MOST_ENTRIES) });
  }
}
