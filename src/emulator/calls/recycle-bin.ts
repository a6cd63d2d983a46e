import type { ResourceType } from '../../catalogue/types.ts';
import { isAppPart } from '../../core/documents.ts';
import { isArray } from '../../core/json.ts';
import { withKey } from '../../core/paths.ts';
import { usesOf } from '../../core/references.ts';
import { type Account, type BinEntry, typeOf } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { ApiFault, forbidden, notFound } from '../model/api-fault.ts';
import { afterWrite } from '../rules/side-effects.ts';
import { stamp } from './writes.ts';

/** Deleted documents are purged after this (api-notes#recycle-bin). */
const RETENTION_MS = 30 * 86_400_000;

/** Purges what has been in the bin for too long. */
function expire(account: Account): void {
  const oldest = account.now().getTime() - RETENTION_MS;
  for (const [key, { type, doc, deletedAt }] of account.bin) {
    if (deletedAt.getTime() >= oldest) continue;
    account.bin.delete(key);
    if (type === 'lookupcaches') account.lookups.clear(String(doc._id));
  }
}

/** Deleted documents that an actor may see, the one that was changed last first. */
export function binEntries(account: Account, actor: Actor, type?: string): readonly BinEntry[] {
  expire(account);
  if (actor.scope) account.access.needsAdministrator(actor);
  const time = ({ doc }: BinEntry): string => String(doc.lastModified ?? '');
  return [...account.bin.values()]
    .filter((entry) => {
      if (type !== undefined && entry.type !== type) return false;
      if (actor.role === 'monitor') return entry.type !== 'connections' && entry.type !== 'accesstokens';
      return actor.role !== undefined || actor.integrations.has(String(entry.doc._integrationId));
    })
    .sort((a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : 0));
}

/** One deleted document. @throws ApiFault 404 */
export function binEntry(account: Account, actor: Actor, type: ResourceType, id: string): BinEntry {
  const entry = binEntries(account, actor, type.name).find(({ doc }) => doc._id === id);
  if (!entry) throw notFound(type.noun);
  return entry;
}

/** Deleted documents and what they use as far as that is deleted, too; what uses something before what it uses. */
function withUsed(account: Account, entries: readonly BinEntry[]): BinEntry[] {
  const found = new Set(entries);
  for (const { type, doc } of found) {
    for (const used of usesOf(typeOf(type), doc)) {
      const entry = account.bin.get(`${used.type}/${used.id}`);
      if (entry) found.add(entry);
    }
  }
  return [...found];
}

/** Deleted documents that are filed in a deleted group. */
function filedIn(account: Account, { type, doc: group }: BinEntry): BinEntry[] {
  if (typeOf(type).dependence !== 'group') return [];
  const fields = typeOf(type).referredBy ?? [];
  return [...account.bin.values()].filter(({ doc }) => fields.some((field) => doc[field] === group._id));
}

function putBack(account: Account, actor: Actor, { type: typeName, doc, registeredIn }: BinEntry): void {
  const type = typeOf(typeName);
  const id = String(doc._id);
  const emptied = typeName === 'lookupcaches' && !account.behaviour.binKeepsLookupData ? { size: 0, sizeInMB: 0 } : {};
  const live = stamp(account, actor, { ...withKey(doc, 'deletedAt', undefined), ...emptied });
  account.bin.delete(`${typeName}/${id}`);
  account.store.put(typeName, live);
  const field = typeName === 'connections' ? '_registeredConnectionIds' : '_registeredLookupCacheIds';
  for (const integration of registeredIn) {
    const parent = account.store.get('integrations', integration);
    const list = parent?.[field];
    if (parent) account.store.put('integrations', { ...parent, [field]: [...(isArray(list) ? list : []), id] });
  }
  account.audit.note(actor, 'restore', type, id);
  afterWrite(account, type, live, undefined);
}

/** @throws ApiFault 403 when one of them is not the actor's to bring back */
function bringBack(account: Account, actor: Actor, entries: readonly BinEntry[]): void {
  for (const { type, doc } of entries) {
    account.access.needsWrite(actor, typeOf(type), String(doc._id), doc);
    if (isAppPart(doc)) throw forbidden('only the Integration App brings its parts back');
  }
  for (const entry of [...entries].reverse()) putBack(account, actor, entry);
}

/**
 * Brings one deleted document back, with its id and its secrets (api-notes#recycle-bin-restore).
 * @throws ApiFault 404 when it is not in the bin, 403 for a part of an Integration App, 422 with an error for each
 * thing that it uses and that is in the bin, too
 */
export function restoreDocument(account: Account, actor: Actor, type: ResourceType, id: string): void {
  const entry = binEntry(account, actor, type, id);
  const missing = withUsed(account, [entry]).filter((used) => used !== entry);
  const errors = missing.map((used) => ({
    code: 'descendants_not_restored',
    message: `${typeOf(used.type).noun} ${String(used.doc._id)} is in the recycle bin; ${type.noun} ${id} uses it`,
  }));
  if (errors.length > 0) throw new ApiFault(422, { errors });
  bringBack(account, actor, [entry]);
}

/**
 * Brings a deleted document back with what it uses, a group also with what is filed in it
 * (api-notes#recycle-bin-restore).
 * @throws ApiFault 404 when it is not in the bin, 403 for a part of an Integration App
 */
export function cascadeRestore(account: Account, actor: Actor, type: ResourceType, id: string): void {
  const entry = binEntry(account, actor, type, id);
  bringBack(account, actor, withUsed(account, [...filedIn(account, entry), entry]));
}

/** Permanently removes a deleted document. @throws ApiFault 404 */
export function purgeDocument(account: Account, actor: Actor, type: ResourceType, id: string): void {
  const { doc } = binEntry(account, actor, type, id);
  account.access.needsWrite(actor, type, id, doc);
  account.bin.delete(`${type.name}/${id}`);
  if (type.name === 'lookupcaches') account.lookups.clear(id);
  account.audit.note(actor, 'purge', type, id);
}
