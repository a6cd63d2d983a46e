import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { withKey } from '../../core/paths.ts';
import { type Account, typeOf } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { fault, forbidden, invalid } from '../model/api-fault.ts';
import type { Target } from '../model/links.ts';
import { internalReferences } from '../model/links.ts';
import { ruleOf } from '../rules/rules.ts';
import { afterWrite } from '../rules/side-effects.ts';
import { readVisible, stamp } from './writes.ts';

/** Types that an integration takes along when it is deleted (api-notes#deleting). */
const CHILDREN: ReadonlySet<string> = new Set(['flows', 'tools', 'apis']);
/** References from these do not keep anything from being deleted. */
const LOOSE: ReadonlySet<string> = new Set(['notifications', 'accesstokens', 'ashares', 'environments']);
/** Fields that register something with an integration without depending on it. */
const REGISTRATIONS = ['_registeredConnectionIds', '_registeredLookupCacheIds'] as const;

/** The documents that go when this one does, itself last. */
function deletedWith(account: Account, { type, id }: Target): readonly Target[] {
  if (type !== 'integrations') return [{ type, id }];
  const children = account.links
    .usersOf({ type, id })
    .filter((user) => CHILDREN.has(user.type) && account.store.get(user.type, user.id)?._integrationId === id);
  return [...children, { type, id }];
}

/** Whether a reference is more than a registration or, for an integration, than a place to live. */
function depends(account: Account, user: Target, target: Target): boolean {
  if (LOOSE.has(user.type)) return false;
  const doc = account.store.get(user.type, user.id);
  if (!doc) return false;
  return internalReferences(user.type, doc).some(
    ({ type, id, place }) =>
      type === target.type &&
      id === target.id &&
      !place.startsWith('_registered') &&
      !(type === 'integrations' && place === '_integrationId'),
  );
}

/** Documents that need this one, except those that would be deleted with it. */
export function dependantsOf(account: Account, target: Target, going: readonly Target[] = []): readonly Target[] {
  const gone = new Set(going.map(({ type, id }) => `${type}/${id}`));
  return account.links
    .usersOf(target)
    .filter((user) => !gone.has(`${user.type}/${user.id}`) && depends(account, user, target));
}

function refuseWhileUsed(account: Account, target: Target, going: readonly Target[]): void {
  const [first, ...others] = dependantsOf(account, target, going);
  const type = typeOf(target.type);
  if (first) {
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    throw fault(
      ruleOf(target.type).inUse ?? 422,
      'has_dependencies',
      `the ${type.noun} is used by ${typeOf(first.type).noun} ${first.id}${more}`,
    );
  }
  if (target.type !== 'iclients') return;
  // Connections in the recycle bin count too (api-notes#iclient-delete).
  for (const { type: typeName, doc } of account.bin.values()) {
    if (typeName !== 'connections') continue;
    if (internalReferences(typeName, doc).some((used) => used.type === 'iclients' && used.id === target.id)) {
      throw fault(422, 'has_dependencies', `a connection in the recycle bin uses the iClient: ${String(doc._id)}`);
    }
  }
}

/** Takes a connection or cache off the lists of its integrations and gives their ids. */
function unregister(account: Account, { id }: Target): readonly string[] {
  const found: string[] = [];
  for (const user of [
    ...account.links.usersOf({ type: 'connections', id }),
    ...account.links.usersOf({ type: 'lookupcaches', id }),
  ]) {
    const doc = user.type === 'integrations' ? account.store.get('integrations', user.id) : undefined;
    if (!doc) continue;
    let next: JsonObject = doc;
    for (const field of REGISTRATIONS) {
      const list = doc[field];
      if (isArray(list) && list.includes(id))
        next = withKey(
          next,
          field,
          list.filter((held) => held !== id),
        );
    }
    if (next === doc) continue;
    account.store.put('integrations', next);
    found.push(user.id);
  }
  return found;
}

function toBin(account: Account, actor: Actor, { type: typeName, id }: Target, group: string): void {
  const doc = account.store.get(typeName, id);
  if (!doc) return;
  const type = typeOf(typeName);
  const deletedAt = account.now();
  const registeredIn =
    typeName === 'connections' || typeName === 'lookupcaches' ? unregister(account, { type: typeName, id }) : [];
  account.store.remove(typeName, id);
  for (const user of account.links.usersOf({ type: typeName, id })) {
    if (user.type === 'notifications') account.store.remove(user.type, user.id);
  }
  account.audit.note(actor, 'delete', type, id);
  afterWrite(account, type, undefined, doc);
  if (typeName === 'lookupcaches' && !account.behaviour.binKeepsLookupData) account.lookups.clear(id);
  account.state.delete(`${typeName}/${id}`);
  if (ruleOf(typeName).unrecoverable === true) return;
  const marked = stamp(
    account,
    actor,
    typeName === 'ediprofiles' ? { ...doc, deletedAt: deletedAt.toISOString() } : doc,
  );
  account.bin.set(`${typeName}/${id}`, { type: typeName, doc: marked, deletedAt, group, registeredIn });
}

/** Refuses a deletion that something else has to precede. */
function checkDeletable(type: ResourceType, doc: JsonObject): void {
  if (ruleOf(type.name).catalogue === true && doc.published === true) throw forbidden('Celigo publishes this record');
  if (type.name !== 'accesstokens') return;
  if (doc.apim !== undefined && doc.apim !== false) throw invalid('apim', 'tokens of the API manager stay');
  if (doc.revoked !== true) throw invalid('revoked', 'revoke the token first');
}

/**
 * DELETE: moves a document into the recycle bin, an integration with its flows, tools and APIs. Notifications about
 * it are gone permanently.
 * @throws ApiFault 409 or 422 while something else needs it
 */
export function removeDocument(account: Account, actor: Actor, type: ResourceType, id: string): void {
  const doc = readVisible(account, actor, type, id);
  account.access.needsWrite(actor, type, id, doc);
  checkDeletable(type, doc);
  const going = deletedWith(account, { type: type.name, id });
  for (const target of going) refuseWhileUsed(account, target, going);
  const group = `${type.name}/${id}/${account.mint()}`;
  for (const target of going) toBin(account, actor, target, group);
}
