import type { ResourceType } from '../../catalogue/types.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { FilledRecords } from '../../plan/redacted-texts.ts';
import type { Writer } from './writer.ts';

/** Entries in one call, and their size in bytes (api-notes#lookup-data). */
const MOST_ENTRIES = 1_000;
const MOST_BYTES = 4 * 1024 * 1024;

function parseEntries(text: string): Map<string, string> {
  return new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => [String((JSON.parse(line) as JsonObject).key), line]),
  );
}

/** Lines in portions that one call takes. */
function* portions(lines: readonly string[]): Generator<Json[]> {
  let some: Json[] = [];
  let bytes = 0;
  for (const line of lines) {
    if (some.length >= MOST_ENTRIES || (some.length > 0 && bytes + line.length * 3 > MOST_BYTES)) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(JSON.parse(line) as Json);
    bytes += line.length * 3;
  }
  if (some.length > 0) yield some;
}

/**
 * Makes the entries of a cache those of `wanted` (one JSON text a line); only adds where `wanted` is not complete.
 * @param live the entries that it has
 */
export async function fillEntries(
  writer: Writer,
  type: ResourceType,
  id: string,
  wanted: FilledRecords,
  live: string,
): Promise<void> {
  const [ours, theirs] = [parseEntries(wanted.text), parseEntries(live)];
  const changed = [...ours].filter(([key, line]) => theirs.get(key) !== line).map(([, line]) => line);
  for (const data of portions(changed)) await writer.callOf(type, id, 'POST', 'data', { data });
  const extra = wanted.complete ? [...theirs.keys()].filter((key) => !ours.has(key)) : [];
  for (let from = 0; from < extra.length; from += MOST_ENTRIES) {
    await writer.callOf(type, id, 'DELETE', 'data', { keys: extra.slice(from, from + MOST_ENTRIES) });
  }
}
