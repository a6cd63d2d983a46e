import type { ResourceType } from '../../catalogue/types.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { equalJson } from '../../core/paths.ts';
import type { Actor } from './actors.ts';
import { fault } from './api-fault.ts';
import type { Behaviour } from './behaviour.ts';
import { maskSecrets } from './masking.ts';
import type { AuditEntry } from './seed.ts';

type AuditEvent = 'create' | 'update' | 'delete' | 'restore' | 'purge';
type FieldChange = AuditEntry['fieldChanges'][number];

/** The account's audit log (api-notes#audit-log). */
export interface AuditLog {
  /** Notes one change, if its type is audited. */
  readonly note: (
    actor: Actor,
    event: AuditEvent,
    type: ResourceType,
    id: string,
    fieldChanges?: readonly FieldChange[],
  ) => void;
  /** Entries that match the filters of a request, newest first. @throws ApiFault 400 for filters that make no sense */
  readonly find: (query: URLSearchParams) => readonly AuditEntry[];
  readonly all: () => readonly AuditEntry[];
}

/** Bookkeeping that the log does not mention. */
const UNMENTIONED: ReadonlySet<string> = new Set([
  '_id',
  'createdAt',
  'lastModified',
  'lastModifiedBy',
  'deletedAt',
  'offline',
  'queues',
]);

/** The log's word for a type, also where no document says that it is audited. */
export function auditTypeOf(type: ResourceType): string {
  return type.auditType ?? type.model.toLowerCase();
}

/** The fields in which two states of a document differ, with secrets masked as in reads. */
export function fieldChangesOf(type: ResourceType, before: JsonObject, after: JsonObject): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  const [shownBefore, shownAfter] = [maskSecrets(type, before), maskSecrets(type, after)];
  const visit = (path: string, a: Json | undefined, b: Json | undefined, rawA?: Json, rawB?: Json): void => {
    if (equalJson(rawA, rawB)) return;
    if (isObject(a) && isObject(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        if (path === '' && UNMENTIONED.has(key)) continue;
        const inner = path === '' ? key : `${path}.${key}`;
        visit(inner, getOwn(a, key), getOwn(b, key), memberOf(rawA, key), memberOf(rawB, key));
      }
    } else if (isArray(a) && isArray(b) && a.length === b.length) {
      for (const [at, item] of a.entries()) visit(`${path}[${at}]`, item, b[at], itemOf(rawA, at), itemOf(rawB, at));
    } else {
      changes.push({
        fieldPath: path,
        ...(a === undefined ? {} : { oldValue: a }),
        ...(b === undefined ? {} : { newValue: b }),
      });
    }
  };
  visit('', shownBefore, shownAfter, before, after);
  return changes;
}

function memberOf(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) ? getOwn(value, key) : undefined;
}

function itemOf(value: Json | undefined, at: number): Json | undefined {
  return isArray(value) ? value[at] : undefined;
}

function instant(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw fault(400, 'invalid_query_params', `${name} must be an ISO 8601 time`, name);
  return time;
}

function count(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  if (!/^\d+$/.test(text)) throw fault(400, 'invalid_query_params', `${name} must be a whole number`, name);
  return Number(text);
}

export function createAuditLog(
  seed: readonly AuditEntry[],
  options: { readonly behaviour: Behaviour; readonly now: () => Date; readonly mint: () => string },
): AuditLog {
  const { behaviour, now, mint } = options;
  // Oldest first; new entries go to the end unless the clock was set back.
  const entries: AuditEntry[] = [...seed].sort((a, b) => Date.parse(a.time) - Date.parse(b.time));

  function insert(entry: AuditEntry): void {
    let at = entries.length;
    while (at > 0 && (entries[at - 1]?.time ?? '') > entry.time) at -= 1;
    entries.splice(at, 0, entry);
  }

  return {
    all: () => entries,
    note(actor, event, type, id, fieldChanges = []) {
      if (type.auditType === undefined && !behaviour.auditAll) return;
      insert({
        _id: mint(),
        resourceType: auditTypeOf(type),
        _resourceId: id,
        source: actor.source,
        event,
        time: now().toISOString(),
        fieldChanges,
        byUser: actor.user,
      });
    },
    find(query) {
      const equals: [keyof AuditEntry, string][] = [];
      for (const [name, field] of [
        ['resourceType', 'resourceType'],
        ['_resourceId', '_resourceId'],
        ['source', 'source'],
        ['action', 'event'],
      ] as const) {
        const wanted = query.get(name);
        if (wanted !== null) equals.push([field, wanted]);
      }
      if (query.has('_resourceId') && !query.has('resourceType')) {
        throw fault(400, 'invalid_query_params', '_resourceId needs resourceType', '_resourceId');
      }
      const from = instant(query, 'from') ?? Number.NEGATIVE_INFINITY;
      const to = Math.min(
        instant(query, 'to') ?? Number.POSITIVE_INFINITY,
        behaviour.auditDelayMs > 0 ? now().getTime() - behaviour.auditDelayMs : Number.POSITIVE_INFINITY,
      );
      const byUser = query.get('_byUserId');
      const most = Math.min(count(query, 'limit', behaviour.auditPage), behaviour.auditCap);
      if (behaviour.auditPaging === 'refused' && query.has('offset'))
        throw fault(400, 'invalid_query_params', 'offset is not known', 'offset');
      let skip = behaviour.auditPaging === 'ignored' ? 0 : count(query, 'offset', 0);
      const found: AuditEntry[] = [];
      for (let at = entries.length - 1; at >= 0 && found.length < most; at--) {
        const entry = entries[at];
        if (!entry) break;
        const time = Date.parse(entry.time);
        if (time < from) break;
        if (time > to || (byUser !== null && entry.byUser._id !== byUser)) continue;
        if (!equals.every(([field, wanted]) => entry[field] === wanted)) continue;
        if (skip > 0) skip -= 1;
        else found.push(entry);
      }
      return found;
    },
  };
}
