import { digestOf } from '../core/digest.ts';
import { isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { serverTimeText } from '../core/server-time.ts';
import { walkAudit } from './audit-walk.ts';
import type { ApiClient } from './client.ts';
import { ApiError } from './errors.ts';
import { listRecords } from './paging.ts';

/** One change in the audit log. Values are left out on purpose: they may hold secrets. */
interface AuditNote {
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

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Who made an entry: an object in all documents; a bare id, or `_byUserId` as in the filters, is understood too. */
function editorOf({ byUser, _byUserId }: JsonObject): AuditNote['by'] {
  if (!isObject(byUser)) return { id: text(byUser) || text(_byUserId) };
  return {
    id: text(byUser._id) || text(_byUserId),
    ...(text(byUser.name) ? { name: text(byUser.name) } : {}),
    ...(text(byUser.email) ? { email: text(byUser.email) } : {}),
  };
}

/** What an entry says was changed: a list, or one object (api-notes#audit-shapes). */
function changesOf({ fieldChanges, fieldChange }: JsonObject): readonly JsonObject[] {
  return [fieldChanges ?? [], fieldChange ?? []].flat().filter(isObject);
}

/** A type in the spelling of the catalogue: that of newer types is not documented (api-notes#audit-coverage). */
function typeWord(value: Json | undefined): string {
  return text(value)
    .toLowerCase()
    .replace(/[^a-z]/g, '')
    .replace(/s$/, '');
}

function noteOf(entry: JsonObject): AuditNote | undefined {
  const by = editorOf(entry);
  const time = serverTimeText(text(entry.time));
  if (by.id === '' || time === undefined) return undefined;
  const event = text(entry.event) || text(entry.action);
  return {
    id: text(entry._id) || `${text(entry.time)}/${text(entry._resourceId)}/${event}/${by.id}`,
    resourceType: typeWord(entry.resourceType),
    resourceId: text(entry._resourceId),
    event,
    source: text(entry.source),
    time,
    by,
  };
}

/**
 * Entries of the account's audit log from `from` to `to`, oldest first, each once.
 * @throws ApiError when the log cannot be read completely; with status 403 for a token that is not an administrator's
 */
export async function fetchAudit(client: ApiClient, from: Date, to: Date, signal: AbortSignal): Promise<AuditNote[]> {
  return readAudit(client, from, to, signal, noteOf);
}

/** One field that an edit changed. A missing value: the field was absent. */
interface EditedField {
  readonly path: string;
  readonly oldValue?: Json;
  readonly newValue?: Json;
}

/** A note with the values of the change. Never stored: they may hold what the mirror must not. */
export interface AuditEdit extends AuditNote {
  readonly fields: readonly EditedField[];
}

/** As {@link fetchAudit}, with the fields that each edit changed. */
export async function fetchEdits(client: ApiClient, from: Date, to: Date, signal: AbortSignal): Promise<AuditEdit[]> {
  return readAudit(client, from, to, signal, (entry) => {
    const note = noteOf(entry);
    const fields = changesOf(entry).map(({ fieldPath, oldValue, newValue }) => ({
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
  /** Paths of the fields that changed, each once. */
  readonly fields: readonly string[];
}

function feedEntryOf(entry: JsonObject): FeedEntry | undefined {
  const time = serverTimeText(text(entry.time));
  // A feed by months has no file for an entry without a time; no document mentions one.
  if (time === undefined) return undefined;
  const by = editorOf(entry);
  const fields = [
    ...new Set(
      changesOf(entry)
        .map(({ fieldPath }) => text(fieldPath))
        .filter((path) => path !== ''),
    ),
  ];
  const about = {
    time: text(entry.time),
    event: text(entry.event) || text(entry.action),
    resourceType: text(entry.resourceType),
    resourceId: text(entry._resourceId),
    source: text(entry.source),
    by: { id: by.id, name: by.name ?? '', email: by.email ?? '' },
    fields,
  };
  return { id: text(entry._id) || `none-${digestOf(Buffer.from(JSON.stringify(about)))}`, ...about, time };
}

/** Every entry of the audit log from `from` to `to`, oldest first, each once, without values. @throws ApiError */
export async function fetchFeed(client: ApiClient, from: Date, to: Date, signal: AbortSignal): Promise<FeedEntry[]> {
  return readAudit(client, from, to, signal, feedEntryOf);
}

/** What `read` makes of the entries from `from` to `to`, oldest first, each once. @throws ApiError */
async function readAudit<T extends { readonly id: string; readonly time: string }>(
  client: ApiClient,
  from: Date,
  to: Date,
  signal: AbortSignal,
  read: (entry: JsonObject) => T | undefined,
): Promise<T[]> {
  const notes = new Map<string, T>();
  for (const entry of await walkAudit(client, from, to, signal)) {
    const note = read(entry);
    if (note) notes.set(note.id, note);
  }
  return inOrder([...notes.values()]);
}

/** Entries of the audit log, oldest first. */
export function inOrder<T extends { readonly id: string; readonly time: string }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => Date.parse(a.time) - Date.parse(b.time) || (a.id < b.id ? -1 : 1));
}

/** Names and e-mail addresses of the account's users by user id, from `/v1/ashares`; the owner is missing. */
export async function fetchUsers(
  client: ApiClient,
  signal: AbortSignal,
): Promise<Map<string, { readonly name: string; readonly email: string }>> {
  // The person's id is inside; the record's own `_id` is that of the share (api-notes#users).
  const shares = await listRecords(client, { path: '/v1/ashares', paged: true, signal }, ({ sharedWithUser: user }) =>
    isObject(user) && typeof user._id === 'string' ? user._id : undefined,
  );
  return new Map(
    [...shares].map(([id, { sharedWithUser }]) => {
      const user = isObject(sharedWithUser) ? sharedWithUser : {};
      return [id, { name: text(user.name) || text(user.email), email: text(user.email) }];
    }),
  );
}

/** The `_userId` behind the token. @throws ApiError when the answer holds none */
export async function fetchUserId(client: ApiClient, signal: AbortSignal): Promise<string> {
  const body = await client.json({ url: '/v1/tokenInfo', signal });
  if (isObject(body) && !isArray(body) && typeof body._userId === 'string') return body._userId;
  throw new ApiError('/v1/tokenInfo does not name the user of the token', { transient: false });
}
