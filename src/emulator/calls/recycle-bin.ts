import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { withKey } from '../../core/paths.ts';
import { type Account, type BinEntry, typeOf } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { fault, notFound } from '../model/api-fault.ts';
import { internalReferences } from '../model/links.ts';
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

/** Deleted documents that an actor may see, in the order of their deletion. */
export function binEntries(account: Account, actor: Actor, type?: string): readonly BinEntry[] {
  expire(account);
  if (actor.scope) account.access.needsAdministrator(actor);
  return [...account.bin.values()].filter((entry) => {
    if (type !== undefined && entry.type !== type) return false;
    if (actor.role === 'monitor') return entry.type !== 'connections' && entry.type !== 'accesstokens';
    return actor.role !== undefined || actor.integrations.has(String(entry.doc._integrationId));
  });
}

/** One deleted document. @throws ApiFault 404 */
export function binEntry(account: Account, actor: Actor, type: ResourceType, id: string): BinEntry {
  const entry = binEntries(account, actor, type.name).find(({ doc }) => doc._id === id);
  if (!entry) throw notFound(type.noun);
  return entry;
}

function groupOf(account: Account, entry: BinEntry): readonly BinEntry[] {
  const isParent = entry.group.startsWith(`${entry.type}/${String(entry.doc._id)}/`);
  // What fell with a parent comes back with it; a child comes back alone.
  return isParent ? [...account.bin.values()].filter(({ group }) => group === entry.group) : [entry];
}

/** Containers and steps first, so that nothing comes back before what it refers to. */
function byNeed(a: BinEntry, b: BinEntry): number {
  return Number(b.type === 'integrations') - Number(a.type === 'integrations');
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

/**
 * Brings a deleted document back with its id, its secrets and what was deleted with it. Its secrets are in plain text.
 * @throws ApiFault 404 when it is not in the bin, 422 while something it refers to still is
 */
export function restoreDocument(account: Account, actor: Actor, type: ResourceType, id: string): JsonObject {
  const entry = binEntry(account, actor, type, id);
  account.access.needsWrite(actor, type, id, entry.doc);
  const group = [...groupOf(account, entry)].sort(byNeed);
  const returning = new Set(group.map(({ type: typeName, doc }) => `${typeName}/${String(doc._id)}`));
  for (const { type: typeName, doc } of group) {
    for (const used of internalReferences(typeName, doc)) {
      const key = `${used.type}/${used.id}`;
      if (account.bin.has(key) && !returning.has(key)) {
        throw fault(422, 'invalid_ref', `${used.place} is in the recycle bin itself: ${used.id}`, used.place);
      }
    }
  }
  for (const member of group) putBack(account, actor, member);
  return account.store.get(type.name, id) ?? entry.doc;
}

/** Permanently removes a deleted document and what was deleted with it. @throws ApiFault 404 */
export function purgeDocument(account: Account, actor: Actor, type: ResourceType, id: string): void {
  const entry = binEntry(account, actor, type, id);
  account.access.needsWrite(actor, type, id, entry.doc);
  for (const { type: typeName, doc } of groupOf(account, entry)) {
    account.bin.delete(`${typeName}/${String(doc._id)}`);
    if (typeName === 'lookupcaches') account.lookups.clear(String(doc._id));
    account.audit.note(actor, 'purge', typeOf(typeName), String(doc._id));
  }
}
