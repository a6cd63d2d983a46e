import type { ResourceType } from '../../catalogue/types.ts';
import { isAppPart } from '../../core/documents.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { withKey } from '../../core/paths.ts';
import { usesOf } from '../../core/references.ts';
import { type Account, typeOf } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { ApiFault, forbidden, invalid } from '../model/api-fault.ts';
import type { Target } from '../model/links.ts';
import { internalReferences } from '../model/links.ts';
import { ruleOf } from '../rules/rules.ts';
import { afterWrite } from '../rules/side-effects.ts';
import { readVisible, stamp } from './writes.ts';

/** References from these do not keep anything from being deleted. */
const LOOSE: ReadonlySet<string> = new Set(['notifications', 'accesstokens', 'ashares', 'environments']);

/** Something that needs a document, with the places where it names it; none where it needs it through others. */
interface Dependant extends Target {
  readonly places: readonly string[];
}

/** Types that nothing may name when one is deleted (api-notes#network-policies). */
const ASSIGNED: ReadonlySet<string> = new Set(['networkpolicies']);

/** Where a live document uses another one. */
function placesIn(account: Account, user: Target, target: Target): string[] {
  const counts = !LOOSE.has(user.type) || ASSIGNED.has(target.type);
  const doc = counts ? account.store.get(user.type, user.id) : undefined;
  if (!doc || (user.type === target.type && user.id === target.id)) return [];
  return usesOf(typeOf(user.type), doc)
    .filter(({ type, id }) => type === target.type && id === target.id)
    .map(({ place }) => place);
}

/**
 * Live documents that need this one, directly or through others (api-notes#deleting). What is filed in a group needs
 * the group itself, but nothing that only the group needs.
 */
export function dependantsOf(account: Account, target: Target): readonly Dependant[] {
  const found = new Map<string, Dependant>();
  const open: Target[] = [target];
  for (const needed of open) {
    if (needed !== target && typeOf(needed.type).dependence === 'group') continue;
    for (const user of account.links.usersOf(needed)) {
      const key = `${user.type}/${user.id}`;
      if (found.has(key) || (user.type === target.type && user.id === target.id)) continue;
      if (placesIn(account, user, needed).length === 0) continue;
      found.set(key, { ...user, places: placesIn(account, user, target) });
      open.push(user);
    }
  }
  return [...found.values()];
}

/** @throws ApiFault 422 with an error for each dependant */
function refuseWhileUsed(account: Account, target: Target): void {
  const needed = `${typeOf(target.type).noun} ${target.id}`;
  const live = dependantsOf(account, target).map((user) => ({ ...user, where: 'needs' }));
  // Connections in the recycle bin keep an iClient, too (api-notes#iclient-delete).
  const binned = [...(target.type === 'iclients' ? account.bin.values() : [])]
    .filter(({ type, doc }) => internalReferences(type, doc).some(({ id }) => id === target.id))
    .map(({ type, doc }) => ({ type, id: String(doc._id), where: 'in the recycle bin needs' }));
  const errors = [...live, ...binned].map(({ type, id, where }) => ({
    code: 'dependencies_not_deleted',
    message: `${typeOf(type).noun} ${id} ${where} ${needed}`,
  }));
  if (errors.length > 0) throw new ApiFault(422, { errors });
}

/** Takes a connection or cache off the lists of its integrations and gives their ids. */
function unregister(account: Account, target: Target): readonly string[] {
  const found: string[] = [];
  for (const user of account.links.usersOf(target)) {
    const doc = account.store.get(user.type, user.id);
    let next = doc;
    for (const field of typeOf(user.type).registrations ?? []) {
      const list = next?.[field];
      if (!next || !isArray(list) || !list.includes(target.id)) continue;
      const rest = list.filter((held) => held !== target.id);
      next = withKey(next, field, rest);
    }
    if (!next || next === doc) continue;
    account.store.put(user.type, next);
    found.push(user.id);
  }
  return found;
}

function toBin(account: Account, actor: Actor, target: Target, doc: JsonObject): void {
  const { type: typeName, id } = target;
  const type = typeOf(typeName);
  const deletedAt = account.now();
  const registeredIn = unregister(account, target);
  account.store.remove(typeName, id);
  for (const user of account.links.usersOf(target)) {
    if (user.type === 'notifications') account.store.remove(user.type, user.id);
  }
  account.audit.note(actor, 'delete', type, id);
  afterWrite(account, type, undefined, doc);
  if (typeName === 'lookupcaches' && !account.behaviour.binKeepsLookupData) account.lookups.clear(id);
  account.state.delete(`${typeName}/${id}`);
  if (ruleOf(typeName).bin === 'none') return;
  const marked = typeName === 'ediprofiles' ? { ...doc, deletedAt: deletedAt.toISOString() } : doc;
  account.bin.set(`${typeName}/${id}`, { type: typeName, doc: stamp(account, actor, marked), deletedAt, registeredIn });
}

/** Refuses a deletion that something else has to precede, or that is not the account's to make. */
function checkDeletable(type: ResourceType, doc: JsonObject): void {
  if (isAppPart(doc)) throw forbidden('only the Integration App deletes its parts');
  if (ruleOf(type.name).catalogue === true && doc.published === true) throw forbidden('Celigo publishes this record');
  if (type.name !== 'accesstokens') return;
  if (doc.apim !== undefined && doc.apim !== false) throw invalid('apim', 'tokens of the API manager stay');
  if (doc.revoked !== true) throw invalid('revoked', 'revoke the token first');
}

/**
 * DELETE: moves one document into the recycle bin. Notifications about it are gone permanently.
 * @throws ApiFault 422 while something else needs it, 403 for a part of an Integration App
 */
export function removeDocument(account: Account, actor: Actor, type: ResourceType, id: string): void {
  const doc = readVisible(account, actor, type, id);
  const target = { type: type.name, id };
  account.access.needsWrite(actor, type, id, doc);
  checkDeletable(type, doc);
  refuseWhileUsed(account, target);
  toBin(account, actor, target, doc);
}
