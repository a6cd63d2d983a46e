import { digestOf } from '../core/digest.ts';
import { isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import type { ApiClient } from './client.ts';
import { parseJson } from './client.ts';
import { ApiError } from './errors.ts';
import { recordsOf, walkCollection } from './paging.ts';

/** What the audit log says of one change. Values are left out on purpose: they may hold secrets. */
export interface AuditNote {
  readonly id: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly event: string;
  /** `ui`, `api`, … */
  readonly source: string;
  /** ISO 8601. */
  readonly time: string;
  readonly by: { readonly id: string; readonly name?: string; readonly email?: string };
}

/** Counts at which an answer may have been cut off (celigo-platform 6: two versions of the limit). */
const CAPS: ReadonlySet<number> = new Set([1_000, 20_000]);
/** A slice of time is not halved below this. */
const SHORTEST_SLICE_MS = 1_000;

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function noteOf(entry: JsonObject): AuditNote | undefined {
  const by = isObject(entry.byUser) ? entry.byUser : undefined;
  const byId = text(by?._id);
  if (!by || byId === '' || text(entry.time) === '') return undefined;
  return {
    id: text(entry._id) || `${text(entry.time)}/${text(entry._resourceId)}/${text(entry.event)}/${byId}`,
    resourceType: text(entry.resourceType).toLowerCase(),
    resourceId: text(entry._resourceId),
    event: text(entry.event) || text(entry.action),
    source: text(entry.source),
    time: text(entry.time),
    by: {
      id: byId,
      ...(text(by.name) ? { name: text(by.name) } : {}),
      ...(text(by.email) ? { email: text(by.email) } : {}),
    },
  };
}

/**
 * Entries of the account's audit log from `from` to `to`, oldest first, without doubles. Slices the time where an
 * answer may have been cut off.
 * @throws ApiError, with status 403 where the token is not an administrator's
 */
export async function fetchAudit(
  client: ApiClient,
  from: Date,
  to: Date,
  signal: AbortSignal,
): Promise<AuditNote[]> {
  return walkAudit(client, from, to, signal, noteOf);
}

/** One field that an edit changed. A missing value: the field was absent. */
export interface EditedField {
  readonly path: string;
  readonly oldValue?: Json;
  readonly newValue?: Json;
}

/** A note with the values of the change. For the memory of one run only: they may hold what the mirror must not. */
export interface AuditEdit extends AuditNote {
  readonly fields: readonly EditedField[];
}

/** As {@link fetchAudit}, with the fields that each edit changed. */
export async function fetchEdits(
  client: ApiClient,
  from: Date,
  to: Date,
  signal: AbortSignal,
): Promise<AuditEdit[]> {
  return walkAudit(client, from, to, signal, (entry) => {
    const note = noteOf(entry);
    const changes = isArray(entry.fieldChanges) ? entry.fieldChanges.filter(isObject) : [];
    const fields = changes.map(({ fieldPath, oldValue, newValue }) => ({
      path: text(fieldPath),
      ...(oldValue === undefined ? {} : { oldValue }),
      ...(newValue === undefined ? {} : { newValue }),
    }));
    return note && { ...note, fields };
  });
}

/** One entry of the account's audit log, as a feed keeps it: everything but values, which may be secret. */
export interface FeedEntry {
  readonly id: string;
  /** ISO 8601. */
  readonly time: string;
  readonly event: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly source: string;
  readonly by: { readonly id: string; readonly name: string; readonly email: string };
  /** Paths of the fields that changed, without doubles. */
  readonly fields: readonly string[];
}

function feedEntryOf(entry: JsonObject): FeedEntry | undefined {
  const time = text(entry.time);
  // Without a time there is no place for it in a feed by months; no document knows such an entry.
  if (!Number.isFinite(Date.parse(time))) return undefined;
  const by = isObject(entry.byUser) ? entry.byUser : {};
  const changes = isArray(entry.fieldChanges) ? entry.fieldChanges.filter(isObject) : [];
  const fields = [...new Set(changes.map(({ fieldPath }) => text(fieldPath)).filter((path) => path !== ''))];
  const about = {
    time,
    event: text(entry.event) || text(entry.action),
    resourceType: text(entry.resourceType),
    resourceId: text(entry._resourceId),
    source: text(entry.source),
    by: { id: text(by._id), name: text(by.name), email: text(by.email) },
    fields,
  };
  return { id: text(entry._id) || `none-${digestOf(Buffer.from(JSON.stringify(about)))}`, ...about };
}

/** Every entry of the audit log from `from` to `to`, oldest first, without doubles and without values. @throws ApiError */
export async function fetchFeed(
  client: ApiClient,
  from: Date,
  to: Date,
  signal: AbortSignal,
): Promise<FeedEntry[]> {
  return walkAudit(client, from, to, signal, feedEntryOf);
}

async function walkAudit<T extends { readonly id: string; readonly time: string }>(
  client: ApiClient,
  from: Date,
  to: Date,
  signal: AbortSignal,
  read: (entry: JsonObject) => T | undefined,
): Promise<T[]> {
  const notes = new Map<string, T>();

  async function slice(start: number, end: number): Promise<void> {
    let count = 0;
    let linked = false;
    const seen = new Set<string>();
    await walkCollection(client, {
      path: '/v1/audit',
      query: { from: new Date(start).toISOString(), to: new Date(end).toISOString() },
      paged: false,
      signal,
      read: (response) => {
        linked ||= response.headers.link !== undefined;
        return { ...unwrap(parseJson(response)), count: 0 };
      },
      visit: async (page) => {
        let fresh = 0;
        count += page.entries.length;
        for (const entry of page.entries) {
          const note = read(entry);
          if (!note) continue;
          if (!seen.has(note.id)) fresh += 1;
          seen.add(note.id);
          notes.set(note.id, note);
        }
        return fresh;
      },
    });
    if (linked || !CAPS.has(count) || end - start <= SHORTEST_SLICE_MS + 2) return;
    const middle = Math.floor((start + end) / 2);
    // No document says whether the bounds belong to the span: the halves share a moment.
    await slice(start, middle + 1);
    await slice(middle - 1, end);
  }

  await slice(from.getTime(), to.getTime());
  return [...notes.values()].sort((a, b) =>
    a.time < b.time ? -1 : a.time > b.time ? 1 : a.id < b.id ? -1 : 1,
  );
}

/** The entries of an answer: a bare array, `{audit: […]}` or `{auditLogs: […]}`. */
function unwrap(body: Json | undefined): { entries: readonly JsonObject[]; nextPageUrl: string | undefined } {
  const { records, nextPageUrl } = recordsOf(body, '/v1/audit');
  return { entries: records.filter(isObject), nextPageUrl };
}

/** Names and e-mail addresses of the account's users by user id, as `/v1/ashares` knows them; the owner is missing. */
export async function fetchUsers(
  client: ApiClient,
  signal: AbortSignal,
): Promise<Map<string, { readonly name: string; readonly email: string }>> {
  const users = new Map<string, { name: string; email: string }>();
  await walkCollection(client, {
    path: '/v1/ashares',
    paged: true,
    signal,
    read: (response) => {
      const { records, nextPageUrl } = recordsOf(parseJson(response), '/v1/ashares');
      return { records, nextPageUrl, count: records.length };
    },
    visit: async ({ records }) => {
      let fresh = 0;
      for (const record of records) {
        const user = isObject(record) ? record.sharedWithUser : undefined;
        if (!isObject(user)) continue;
        if (!users.has(text(user._id))) fresh += 1;
        // The person's id stands inside; the record's own `_id` is that of the share (celigo-platform 6).
        users.set(text(user._id), { name: text(user.name) || text(user.email), email: text(user.email) });
      }
      return fresh;
    },
  });
  return users;
}

/** The `_userId` behind the token. @throws ApiError when the answer holds none */
export async function fetchUserId(client: ApiClient, signal: AbortSignal): Promise<string> {
  const body = await client.json({ url: '/v1/tokenInfo', signal });
  if (isObject(body) && !isArray(body) && typeof body._userId === 'string') return body._userId;
  throw new ApiError('/v1/tokenInfo does not say whose token this is', { passing: false });
}
