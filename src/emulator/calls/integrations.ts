import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, type Json, type JsonObject } from '../../core/json.ts';
import { textOf, valuesAt, withKey } from '../../core/paths.ts';
import { type Account, typeOf } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { invalid, missing, notFound } from '../model/api-fault.ts';
import { fieldChangesOf } from '../model/audit.ts';
import { allowOnly, type Call, methodNotAllowed, objectBody, stringsOf, unknownPath } from './call.ts';
import { dependantsOf } from './deleting.ts';
import { page } from './listing.ts';
import { empty, type Reply } from './reply.ts';
import { readVisible, stamp } from './writes.ts';

/** Parts of an integration that can be listed through it (api-notes#integration-parts). */
const PARTS: ReadonlySet<string> = new Set(['flows', 'connections', 'exports', 'imports', 'ashares']);

/** Ids of a type that belong to an integration; steps inherit it from the flows, tools and APIs that use them. */
function memberIds(account: Account, integration: JsonObject, type: string): ReadonlySet<string> {
  const id = String(integration._id);
  if (type === 'connections') {
    const list = integration._registeredConnectionIds;
    return new Set(isArray(list) ? list.map(String) : []);
  }
  if (type === 'ashares') {
    const shares = [...account.store.all('ashares')].filter((share) =>
      valuesAt(share, 'integrationAccessLevel[]._integrationId').includes(id),
    );
    return new Set(shares.map((share) => String(share._id)));
  }
  const owned = account.links
    .usersOf({ type: 'integrations', id })
    .filter((user) => account.store.get(user.type, user.id)?._integrationId === id);
  if (type === 'flows') return new Set(owned.filter((user) => user.type === 'flows').map((user) => user.id));
  return new Set(
    owned
      .flatMap((user) => (user.type === type ? [user] : account.links.usedBy(user)))
      .filter((used) => used.type === type)
      .map((used) => used.id),
  );
}

/** An empty list of parts is `[]`, whatever the collection answers (api-notes#empty-204). */
function listPart(call: Call, integration: JsonObject, type: string): Reply {
  const { account, actor } = call;
  const ids = memberIds(account, integration, type);
  const visible = account.access.filterFor(actor, type);
  const entries = account.store.entries(type).filter(({ id }) => ids.has(id) && (!visible || visible(id)));
  return page(call, entries, (entry) => account.store.listText(type, entry));
}

/** Stores a change that one of the special endpoints makes to a document, with its audit entry. */
function change(account: Account, actor: Actor, type: ResourceType, doc: JsonObject, next: JsonObject): void {
  account.access.needsWrite(actor, type, String(doc._id), doc);
  account.store.put(type.name, stamp(account, actor, next));
  account.audit.note(actor, 'update', type, String(doc._id), fieldChangesOf(type, doc, next));
}

function register(call: Call, integration: JsonObject, ids: readonly string[]): void {
  const { account, actor } = call;
  for (const id of ids) {
    if (!account.store.has('connections', id))
      throw invalid('_connectionId', `connection ${id} not found`, 'invalid_ref');
  }
  const before = integration._registeredConnectionIds;
  const held = isArray(before) ? before : [];
  const next = [...held, ...ids.filter((id) => !held.includes(id))];
  change(account, actor, typeOf('integrations'), integration, { ...integration, _registeredConnectionIds: next });
}

function unregister(call: Call, integration: JsonObject, id: string): void {
  const list = integration._registeredConnectionIds;
  if (!isArray(list) || !list.includes(id)) throw notFound('connection');
  const flows = call.account.links.usersOf({ type: 'integrations', id: String(integration._id) });
  const holders = [integration, ...flows.flatMap((user) => call.account.store.get(user.type, user.id) ?? [])];
  if (holders.some((holder) => valuesAt(holder, 'aliases[]._connectionId').includes(id))) {
    throw invalid('_connectionId', 'an alias points at the connection', 'detach_failed');
  }
  const next = { ...integration, _registeredConnectionIds: list.filter((held) => held !== id) };
  change(call.account, call.actor, typeOf('integrations'), integration, next);
}

/** Calls of paths below `/v1/integrations/{id}`. */
export async function integrationPart(call: Call, id: string, rest: readonly string[]): Promise<Reply> {
  const { account, actor, method } = call;
  const type = typeOf('integrations');
  const [part = '', second, third] = rest;
  if (rest.length === 1 && PARTS.has(part)) {
    allowOnly('GET', call);
    return listPart(call, readVisible(account, actor, type, id), part);
  }
  if (part !== 'connections') throw unknownPath();
  const single = rest.length === 3 && third === 'register' ? second?.toLowerCase() : undefined;
  if (single === undefined && !(rest.length === 2 && second === 'register' && method === 'PUT')) throw unknownPath();
  if (method !== 'PUT' && method !== 'DELETE') throw methodNotAllowed(method);
  const body = call.body();
  await call.beforeWrite('integrations', id);
  const integration = readVisible(account, actor, type, id);
  if (single !== undefined && method === 'DELETE') unregister(call, integration, single);
  else register(call, integration, single === undefined ? stringsOf(body, 'the body') : [single]);
  return empty();
}

/** `PUT /v1/flows/updateFlowGrouping` and the same for APIs: moves several into a group, or out of it with `null`. */
export async function updateGrouping(call: Call, type: 'flows' | 'apis'): Promise<Reply> {
  const { account, actor } = call;
  allowOnly('PUT', call);
  const [idsField, groupField, groups] =
    type === 'flows'
      ? (['_flowIds', '_flowGroupingId', 'flowGroupings'] as const)
      : (['_apiIds', '_apiGroupingId', 'apiGroupings'] as const);
  const body = objectBody(call.body());
  const ids = stringsOf(body[idsField], idsField);
  const group: Json | undefined = body[groupField];
  if (group === undefined) throw missing(groupField);
  await call.beforeWrite(type, undefined);
  const docs = ids.map((id) => readVisible(account, actor, typeOf(type), id));
  for (const doc of docs) {
    const integration = account.store.get('integrations', textOf(doc._integrationId) ?? '');
    if (group !== null && !valuesAt(integration, `${groups}[]._id`).includes(group)) {
      throw invalid(groupField, `${groupField} not found`, 'invalid_ref');
    }
  }
  for (const doc of docs) {
    change(account, actor, typeOf(type), doc, withKey(doc, groupField, group ?? undefined));
  }
  return empty();
}

/**
 * What needs a document, by type; and the groups that it and they are filed in, though these can do without it
 * (api-notes#dependencies).
 */
export function dependencies(account: Account, type: ResourceType, doc: JsonObject): JsonObject {
  const users = dependantsOf(account, { type: type.name, id: String(doc._id) });
  const filed = [doc, ...users.map((user) => account.store.get(user.type, user.id))];
  const groups = [...new Set(filed.map((held) => textOf(held?._integrationId)))]
    .filter((id) => id !== undefined)
    .map((id) => ({ type: 'integrations', id, places: [] }));
  const out: Record<string, Json[]> = {};
  const known = new Set([doc._id, ...users.map(({ id }) => id)]);
  for (const { type: typeName, id, places } of [...users, ...groups.filter((group) => !known.has(group.id))]) {
    const name = account.store.get(typeName, id)?.name ?? null;
    out[typeName] = [...(out[typeName] ?? []), { id, name, paths: [...places], accessLevel: 'owner' }];
  }
  return out;
}
