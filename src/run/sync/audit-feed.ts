import { CAPTURED_FIELDS } from '../../catalogue/common.ts';
import { type FeedEntry, fetchFeed } from '../../celigo/audit.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { replaceCredentials } from '../../core/credential-text.ts';
import { isObject, type Json } from '../../core/json.ts';
import { type Masking, withoutKnown } from '../../core/known-credentials.ts';
import { FEED_DIR, type MirrorFile } from '../../core/layout.ts';
import { redaction } from '../../core/markers.ts';
import type { Repository } from '../../mirror/repository.ts';

/** Entries may turn up late (api-notes#audit-delay): so far behind the newest one the log is read again. */
const OVERLAP_MS = 3_600_000;
/** A full sweep looks back further. */
const SWEEP_OVERLAP_MS = 3 * 86_400_000;
/** Before the platform existed. */
const BEGINNING = new Date('2011-01-01T00:00:00Z');

/** A path that continues below a captured field. */
const IN_CAPTURED = new RegExp(String.raw`^(?:.*?[.\]])??(?:${[...CAPTURED_FIELDS].join('|')})(?=[.[])`);

/** What a line of the feed must have. */
interface FeedLine {
  readonly id: string;
  readonly time: string;
}

/** Id and time of one line of a feed's file; `undefined` for any other text. */
export function readFeedLine(line: string): FeedLine | undefined {
  let value: Json;
  try {
    value = JSON.parse(line) as Json;
  } catch {
    return undefined;
  }
  const { id, time } = isObject(value) ? value : {};
  return typeof id === 'string' && typeof time === 'string' ? { id, time } : undefined;
}

/** The file of an entry's month, in UTC. */
function fileOf(time: string): string {
  return `${FEED_DIR}/${new Date(time).toISOString().slice(0, 7)}.ndjson`;
}

/** The path of a captured field alone: below it are keys of records of other systems. */
function withoutRecords(path: string): string {
  const [field] = IN_CAPTURED.exec(path) ?? [];
  return field ?? path;
}

/** The entry without credentials, which paths of fields and names of people may hold. */
function cleaned(entry: FeedEntry, masking: Masking): FeedEntry {
  const clean = (text: string): string =>
    withoutKnown(
      masking,
      replaceCredentials(text, (found) => redaction(masking.fingerprint(found))),
    );
  const { by, fields, event, resourceType, resourceId, source } = entry;
  return {
    ...entry,
    event: clean(event),
    resourceType: clean(resourceType),
    resourceId: clean(resourceId),
    source: clean(source),
    by: { id: clean(by.id), name: clean(by.name), email: clean(by.email) },
    fields: [...new Set(fields.map((path) => clean(withoutRecords(path))))],
  };
}

function lineOf(entry: FeedEntry): string {
  return `${JSON.stringify({ ...entry, time: new Date(entry.time).toISOString() })}\n`;
}

interface FeedInput {
  readonly client: ApiClient;
  readonly repository: Pick<Repository, 'git'>;
  /** Files of the account's folder: path inside it → object id. */
  readonly held: ReadonlyMap<string, string>;
  /** How credentials are taken out. */
  readonly masking: Masking;
  /** Now, by the server's clock. */
  readonly serverTime: Date;
  /** Look back further than to the newest entry. */
  readonly full: boolean;
  readonly signal: AbortSignal;
}

/**
 * The files of the audit feed that grow in this run. What the folder holds says how far the feed reaches, so that a run
 * that failed, or a clone that is not kept, loses nothing. Lines are only ever added at the end.
 * @throws ApiError when the log cannot be read completely, GitFailure
 */
export async function growFeed(input: FeedInput): Promise<MirrorFile[]> {
  const { client, repository, held, masking, serverTime, full, signal } = input;
  const files = [...held.keys()].filter((path) => path.startsWith(`${FEED_DIR}/`)).sort();
  const texts = new Map<string, string>();
  const known = new Set<string>();
  const load = async (path: string): Promise<readonly FeedLine[]> => {
    const [bytes] = await repository.git.objects([held.get(path) ?? '']);
    const text = bytes?.toString('utf8') ?? '';
    texts.set(path, text);
    const lines = text.split('\n').flatMap((line) => readFeedLine(line) ?? []);
    for (const { id } of lines) known.add(id);
    return lines;
  };
  const last = files.at(-1);
  const newest = last && (await load(last)).reduce((most, { time }) => Math.max(most, Date.parse(time) || 0), 0);
  const overlap = full ? SWEEP_OVERLAP_MS : OVERLAP_MS;
  const from = newest ? new Date(newest - overlap) : BEGINNING;
  for (const path of files) if (path !== last && path >= fileOf(from.toISOString())) await load(path);
  const to = new Date(serverTime.getTime() + 60_000);
  const entries = await fetchFeed(client, from, to, signal);
  const grown = new Map<string, string>();
  for (const entry of entries) {
    const path = fileOf(entry.time);
    // A server that sends more than it was asked for: what an older month holds already is not repeated.
    if (!texts.has(path) && held.has(path)) await load(path);
    if (known.has(entry.id)) continue;
    known.add(entry.id);
    grown.set(path, `${grown.get(path) ?? texts.get(path) ?? ''}${lineOf(cleaned(entry, masking))}`);
  }
  return [...grown].map(([path, text]) => ({ path, text }));
}
