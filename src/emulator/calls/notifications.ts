import { isArray, isObject, type JsonObject } from '../../core/json.ts';
import { textOf } from '../../core/paths.ts';
import { type Account, typeOf } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { fault, invalid } from '../model/api-fault.ts';
import { allowOnly, type Call } from './call.ts';
import { empty, type Reply } from './reply.ts';

const TARGETS: Readonly<Record<string, readonly [type: string, scope: string]>> = {
  _flowId: ['flows', 'flow'],
  _connectionId: ['connections', 'connection'],
  _integrationId: ['integrations', 'integration'],
};

/** The person with an e-mail address: a member, or the owner. */
function personOf(account: Account, email: string | undefined, actor: Actor): JsonObject {
  if (email === undefined) return { ...actor.user };
  if (email === account.actors.owner.email) return { ...account.actors.owner };
  for (const { sharedWithUser } of account.store.all('ashares')) {
    if (isObject(sharedWithUser) && sharedWithUser.email === email) {
      return { _id: sharedWithUser._id ?? null, name: sharedWithUser.name ?? null, email };
    }
  }
  throw invalid('subscribedByUserEmail', `${email} is not a user of the account`, 'invalid_user');
}

/** One subscription of the bulk form, checked (api-notes#notifications). */
function wish(account: Account, actor: Actor, item: unknown) {
  if (!isObject(item)) throw fault(400, 'invalid_field', 'a notification must be an object');
  const targets = Object.keys(TARGETS).filter((field) => item[field] !== undefined && item[field] !== null);
  const [field] = targets;
  const target = field === undefined ? undefined : TARGETS[field];
  if (field === undefined || !target || targets.length > 1) {
    throw invalid('_flowId', 'exactly one of _flowId, _connectionId and _integrationId is needed');
  }
  const id = String(item[field]);
  if (!account.store.has(target[0], id)) throw invalid(field, `${field} not found`, 'invalid_ref');
  const person = personOf(account, textOf(item.subscribedByUserEmail), actor);
  return { field, type: target[1], id, person, subscribed: item.subscribed !== false };
}

/** `PUT /v1/notifications`: subscribes people to, or from, single targets. All items are checked first. */
export async function putNotifications(call: Call): Promise<Reply> {
  const { account, actor } = call;
  allowOnly('PUT', call);
  const body = call.body();
  if (!isArray(body)) throw fault(400, 'invalid_field', 'the body must be an array');
  await call.beforeWrite('notifications', undefined);
  const type = typeOf('notifications');
  for (const item of body) account.access.needsWrite(actor, type, undefined, isObject(item) ? item : {});
  for (const { field, type: kind, id, person, subscribed } of body.map((item) => wish(account, actor, item))) {
    const existing = [...account.store.all('notifications')].find(
      (doc) => doc[field] === id && isObject(doc.subscribedByUser) && doc.subscribedByUser._id === person._id,
    );
    if (subscribed && !existing) {
      const time = account.now().toISOString();
      const doc = {
        _id: account.mint(),
        type: kind,
        [field]: id,
        createdAt: time,
        lastModified: time,
        subscribedByUser: person,
      };
      account.store.put('notifications', doc);
      account.audit.note(actor, 'create', type, doc._id);
    } else if (!subscribed && existing) {
      account.store.remove('notifications', String(existing._id));
      account.audit.note(actor, 'delete', type, String(existing._id));
    }
  }
  return empty(200);
}
