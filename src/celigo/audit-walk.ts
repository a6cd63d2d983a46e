import { digestOf } from '../core/digest.ts';
import { isObject, type JsonObject } from '../core/json.ts';
import { type ApiClient, hasBody } from './client.ts';
import { ApiError } from './errors.ts';
import { recordsOf, walkCollection } from './paging.ts';

const PATH = '/v1/audit';
/** Most entries of one answer: two versions of the limit are known (api-notes#audit-limit). */
const CAPS: ReadonlySet<number> = new Set([1_000, 20_000]);

/** Asks for the last second of the audit log. @throws ApiError where the token may not read it */
export async function probeAudit(client: ApiClient, signal: AbortSignal): Promise<void> {
  const url = `${PATH}?from=${new Date(Date.now() - 1000).toISOString()}`;
  await client.send({ url, signal, accept: (answer) => void (hasBody(answer) && recordsOf(answer)) });
}

/** Whether an answer of so many entries may have been cut off: no document names the length of a page. */
function isRound(count: number): boolean {
  return count % 100 === 0 || count === 1_001;
}

/** What identifies an entry: its id, else its content. */
function identityOf(entry: JsonObject): string {
  return typeof entry._id === 'string' && entry._id !== '' ? entry._id : digestOf(Buffer.from(JSON.stringify(entry)));
}

/**
 * Every entry of the account's audit log from `from` to `to`, each once, in no order. Nothing is missed, however
 * the server pages: links are followed; without them, `offset` continues after an answer that may have been cut off;
 * where that leads nowhere, the time is halved until no answer is full. An ordinary run needs one request.
 * @throws ApiError when the log cannot be read completely; with status 403 for a token that is not an administrator's
 */
export async function walkAudit(client: ApiClient, from: Date, to: Date, signal: AbortSignal): Promise<JsonObject[]> {
  const found = new Map<string, JsonObject>();
  let [longestPage, longestSlice] = [0, 0];

  /** Reads a span of time. Gives what it holds, and whether that is certainly everything. */
  async function read(start: number, end: number): Promise<{ ids: Set<string>; complete: boolean }> {
    const ids = new Set<string>();
    const ended = await walkCollection(client, {
      path: PATH,
      query: { from: new Date(start).toISOString(), to: new Date(end).toISOString() },
      paged: false,
      // A server that gave more at once did not cut this one off.
      probe: { parameter: 'offset', isFull: (count) => isRound(count) && count >= longestPage },
      signal,
      read: (response) => {
        const { records, nextPageUrl } = recordsOf(response);
        return { entries: records.filter(isObject), nextPageUrl, count: records.length };
      },
      visit: async ({ entries }) => {
        const before = ids.size;
        for (const entry of entries) {
          const id = identityOf(entry);
          ids.add(id);
          found.set(id, entry);
        }
        longestPage = Math.max(longestPage, entries.length);
        return ids.size - before;
      },
    });
    const capped = CAPS.has(ids.size) && ids.size >= longestSlice;
    longestSlice = Math.max(longestSlice, ids.size);
    return { ids, complete: ended && !capped };
  }

  async function slice(start: number, end: number): Promise<Set<string>> {
    const { ids, complete } = await read(start, end);
    if (complete) return ids;
    if (start === end) throw cutOff(start);
    // No document says whether the bounds belong to the span: the halves share two moments while there is room for it.
    const middle = Math.floor((start + end) / 2);
    const width = end - start;
    const halves = new Set(await slice(start, width > 2 ? middle + 1 : middle));
    for (const id of await slice(width > 1 ? middle : end, end)) halves.add(id);
    // Where there is none, bounds that do not belong to it show: the entries at them are in neither half.
    for (const id of ids) if (!halves.has(id)) throw cutOff(middle);
    return halves;
  }

  await slice(from.getTime(), to.getTime());
  return [...found.values()];
}

function cutOff(at: number): ApiError {
  return new ApiError(
    `${PATH}: there are more entries around ${new Date(at).toISOString()} than one answer holds, and the server ` +
      'offers no way to read the others',
    { transient: false },
  );
}
