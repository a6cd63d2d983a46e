import type { ResourceType } from '../../catalogue/types.ts';
import { type AuditEdit, fetchEdits } from '../../celigo/audit.ts';
import { ApiError } from '../../celigo/errors.ts';
import { readBinned } from '../../celigo/recycle-bin.ts';
import { LOG_LAG_MS, personOf } from '../../core/attribution.ts';
import { editorOf, type Person } from '../../core/changes.ts';
import { messageOf } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { equalJson, setSteps, withKey } from '../../core/paths.ts';
import { atPlace, placeOf } from '../../core/places.ts';
import { serverTime } from '../../core/server-time.ts';
import type { Applied } from './apply.ts';
import { withUnknownOutcomes } from './earlier.ts';
import { versionOf } from './live.ts';
import type { Prepared } from './prepared.ts';
import type { UnknownOutcome, Written } from './write-log.ts';

/** The clocks of server and client, and of the log and the server, need not agree to the second. */
const SLACK_MS = 60_000;

/** No person saves a resource twice within this time: entries of theirs that are closer are about one save. */
const ONE_SAVE_MS = 100;

const UNNOTICED = 'an edit made just before a write would not be noticed';

/** An edit that was made between our fetch of a resource and our write, which overwrote it. */
export interface LostUpdate {
  readonly type: ResourceType;
  readonly id: string;
  readonly by: Person;
  readonly time: Date;
  readonly fields: readonly string[];
  /** The resource with the edit, in the mirror's form; absent where the log does not say enough. */
  readonly doc?: JsonObject;
}

/** Lost updates, oldest first, and a notice where the log cannot be relied on. */
export interface LostUpdates {
  readonly found: readonly LostUpdate[];
  readonly notice?: string;
}

interface Search extends Pick<Prepared, 'client' | 'writer' | 'userId'> {
  readonly written: ReadonlyMap<Key, Written>;
  readonly signal: AbortSignal;
}

function isOurs(edit: AuditEdit, userId: string): boolean {
  return edit.by.id === userId && (edit.source === '' || edit.source === 'api');
}

/** The resource as one edit left it: what we had fetched, with what the edit set. */
function withEdit(fetched: JsonObject, edit: AuditEdit): JsonObject {
  let doc: Json = fetched;
  for (const { path, newValue } of fieldsOf(edit)) doc = setSteps(doc, placeOf(path), newValue);
  return doc as JsonObject;
}

/**
 * Searches the audit log for edits of others that fell between the fetch of a resource and the write over it. The API
 * has no conditional write, so that only the log shows them; the few types that it does not cover cannot be watched
 * (api-notes#audit-coverage).
 * @param since first moment of the writes, by the server's clock
 * @param earlier writes of the interrupted restore
 */
export async function findLostUpdates(
  { client, writer, userId, deps }: Prepared,
  since: Date,
  applied: Applied,
  earlier: readonly UnknownOutcome[],
): Promise<LostUpdates> {
  const unknown = [...applied.unknownOutcomes].reverse().concat(earlier);
  const written = await withUnknownOutcomes(unknown, applied.written, writer);
  const search: Search = { client, writer, userId, written, signal: deps.signal };
  const targets = [...written.values()].filter(({ before }) => before.length > 0);
  if (targets.length === 0) return { found: [] };
  let edits: AuditEdit[];
  try {
    const until = new Date(Date.now() + client.clockSkewMs() + SLACK_MS);
    edits = await fetchEdits(client, new Date(since.getTime() - SLACK_MS), until, deps.signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { found: [], notice: `the audit log cannot be read (${messageOf(error)}): ${UNNOTICED}` };
  }
  const notice = unloggedNotice(search, targets, edits);
  const foreign = edits.filter((edit) => edit.event === 'update' && !isOurs(edit, userId));
  const found: LostUpdate[] = [];
  for (const target of targets) {
    const { type, id } = target;
    const before = target.before.filter((fetched) => !target.readBack?.includes(fetched));
    const isAbout = ({ resourceId, resourceType }: AuditEdit): boolean =>
      resourceId === id && (type.auditType === undefined || resourceType === type.auditType);
    const own = foreign.filter(isAbout);
    const isKnown = knownByTime(before[0], edits.filter(isAbout), userId);
    // An edit that a fetch had seen, and all before it, were not overwritten unseen.
    const seen = own.findLastIndex((edit) => isKnown(edit) || before.some((fetched) => shows(fetched, edit)));
    for (const edit of own.slice(seen + 1)) {
      const lost = await lostUpdateOf(search, target, edit);
      if (lost) found.push(lost);
    }
  }
  return { found: found.sort((a, b) => a.time.getTime() - b.time.getTime()), ...(notice ? { notice } : {}) };
}

/**
 * Whether a document held an edit when it was fetched, by the time of the edit: the log need not say what an edit set
 * (api-notes#audit-shapes). Known are the entry that made the document's last modification, all before it in the log,
 * and what is clearly older. Only the first document can show it: later ones were modified by our own writes, over what
 * was never fetched. The editor that a document names may be one of long ago (api-notes#last-modified-by): what has yet
 * to come, by the values in the log, did not make the document.
 * @param entries all of the resource, oldest first
 */
function knownByTime(
  fetched: JsonObject | undefined,
  entries: readonly AuditEdit[],
  userId: string,
): (edit: AuditEdit) => boolean {
  const modified = serverTime(String(fetched?.lastModified ?? ''));
  if (!fetched || !Number.isFinite(modified)) return () => false;
  const modifier = editorOf(fetched.lastModifiedBy)?.id;
  const distance = ({ time }: AuditEdit): number => Math.abs(Date.parse(time) - modified);
  const past = entries.filter((edit) => !isYetToCome(fetched, edit));
  const theirs = past.filter(({ by }) => modifier === undefined || modifier === by.id);
  const [nearest] = theirs.toSorted((a, b) => distance(a) - distance(b));
  // A program writes twice in no time, and one of its writes is not part of what a person saves close to it: what came
  // after our own write is not what the document was fetched with.
  const oneSaveMs = nearest && !isOurs(nearest, userId) ? ONE_SAVE_MS : 0;
  const isMeant = (edit: AuditEdit): boolean =>
    nearest?.by.id === edit.by.id &&
    past.includes(edit) &&
    distance(edit) <= Math.min(LOG_LAG_MS, distance(nearest) + (isOurs(edit, userId) ? 0 : oneSaveMs));
  const last = entries.findLastIndex((edit) => Date.parse(edit.time) < modified - LOG_LAG_MS || isMeant(edit));
  return (edit) => entries.indexOf(edit) <= last;
}

/** What to say where our own writes are missing from the log: it may lack edits of others too. */
function unloggedNotice(search: Search, targets: readonly Written[], edits: readonly AuditEdit[]): string | undefined {
  const any = new Set(edits.map(({ resourceId }) => resourceId));
  const own = new Set(edits.filter((edit) => isOurs(edit, search.userId)).map(({ resourceId }) => resourceId));
  const unlogged = targets.filter((target) => isLogged(search, target) && !(target.sent ? own : any).has(target.id));
  const [first] = unlogged;
  if (!first) return undefined;
  const which = `${keyOf(first.type.name, first.id)}${unlogged.length > 1 ? ` and ${unlogged.length - 1} more` : ''}`;
  return `the audit log does not show this restore's own writes yet (${which}): ${UNNOTICED}`;
}

/**
 * Whether a write must be in the audit log: then a log without it omits more, or is late. Of one that was not answered,
 * or by the process before, only its effect shows that it was made: by us, or by someone else.
 */
function isLogged({ writer }: Search, { type, before, after, sent, removed }: Written): boolean {
  if (type.auditType === undefined) return false;
  if (removed) return true;
  const fetched = sent ? before.at(-1) : before[0];
  return fetched !== undefined && versionOf(writer.pair(type, fetched).doc) !== versionOf(after.doc);
}

function fieldsOf(edit: AuditEdit): AuditEdit['fields'] {
  return edit.fields.filter(({ path }) => path !== '');
}

/** Whether a document is as an edit left it, as far as the log says what it set. */
function shows(doc: JsonObject, edit: AuditEdit): boolean {
  const set = fieldsOf(edit);
  return set.length > 0 && set.every(({ path, newValue }) => equalJson(atPlace(doc, placeOf(path)), newValue));
}

/** Whether a document has the values that an edit replaced, as far as the log says which. */
function isYetToCome(doc: JsonObject, edit: AuditEdit): boolean {
  const replaced = fieldsOf(edit).filter(({ oldValue, newValue }) => !equalJson(oldValue, newValue));
  const isSaid = replaced.some(({ oldValue }) => oldValue !== undefined);
  return isSaid && replaced.every(({ path, oldValue }) => equalJson(atPlace(doc, placeOf(path)), oldValue));
}

/** A deleted resource with what the bin does not show of it, as it was fetched, or as the edit left it. */
function completed(
  { binOmits = [] }: ResourceType,
  binned: JsonObject,
  fetched: JsonObject | undefined,
  edit: AuditEdit,
): JsonObject {
  const fields = new Map(fieldsOf(edit).map(({ path, newValue }) => [path, newValue]));
  return binOmits.reduce((doc, field) => withKey(doc, field, fields.get(field) ?? fetched?.[field]), binned);
}

/** Whether the account shows an edit now: it came after the last write over its fields. */
async function isInForce({ writer }: Search, { type, id }: Written, edit: AuditEdit): Promise<boolean> {
  try {
    const now = await writer.read(type, id);
    return now !== undefined && shows(now.raw, edit);
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}

async function lostUpdateOf(search: Search, target: Written, edit: AuditEdit): Promise<LostUpdate | undefined> {
  const { client, writer, signal } = search;
  const { type, id, before, after } = target;
  // What is still in force was not overwritten.
  if (!target.removed && (shows(after.raw, edit) || (await isInForce(search, target, edit)))) return undefined;
  const fields = fieldsOf(edit).map(({ path }) => path);
  const common = { type, id, by: personOf(edit.by, new Map()), time: new Date(edit.time), fields };
  const fetched = before.at(-1);
  if (target.removed) {
    const binned = await readBinned(client, type, id, signal).catch(() => undefined);
    const held = binned && completed(type, binned, fetched, edit);
    const doc = held && writer.pair(type, held).doc;
    const shown = !held || shows(held, edit);
    const unchanged = doc && fetched && versionOf(doc) === versionOf(writer.pair(type, fetched).doc);
    if (unchanged && (shown || before.length < 2)) return undefined;
    // Deleted with the edit: the bin holds it as it was. Else an earlier write, maybe of a process that was killed,
    // overwrote it.
    if (shown || fields.length === 0) return { ...common, ...(doc ? { doc } : {}) };
  }
  if (fields.length === 0 || !fetched) return common;
  return { ...common, doc: writer.pair(type, withEdit(fetched, edit)).doc };
}
