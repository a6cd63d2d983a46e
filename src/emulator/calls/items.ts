import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { setPlace, valueAt, withKey } from '../../core/paths.ts';
import { fault, notFound } from '../model/api-fault.ts';
import { codeOf, isObjectId } from '../model/ids.ts';
import { maskSecrets } from '../model/masking.ts';
import { ruleOf } from '../rules/rules.ts';
import { auditAnswer } from './audit-answer.ts';
import { callBelow, typeBelow } from './below.ts';
import { allowOnly, type Call, methodNotAllowed, unknownPath } from './call.ts';
import { connectorPart, withParts } from './connector-parts.ts';
import { removeDocument } from './deleting.ts';
import { dependencies, integrationPart } from './integrations.ts';
import { lookupData } from './lookup-data.ts';
import { restoreDocument } from './recycle-bin.ts';
import { empty, json, type Reply } from './reply.ts';
import { STATEFUL, state } from './state.ts';
import { createDocument, patchDocument, readVisible, replaceDocument } from './writes.ts';

/** Types whose records have a log of their own (api-notes#audit-coverage). */
const LOGGED: ReadonlySet<string> = new Set([
  ...['flows', 'connections', 'integrations', 'exports', 'imports', 'apis', 'scripts', 'accesstokens'],
  ...['tools', 'mcpservers', 'syncs', 'iclients', 'agents', 'lookupcaches', 'filedefinitions', 'ediprofiles'],
  ...['asynchelpers', 'stacks'],
]);

/** A document as GET by id shows it. */
function shown(call: Call, type: ResourceType, doc: JsonObject): JsonObject {
  const masked = maskSecrets(type, doc);
  if (type.name === 'httpconnectors' && call.query.get('returnEverything') === 'true')
    return withParts(call.account, masked);
  // Some members come only when asked for in so many words.
  const missing = Object.entries(type.hydrate?.query ?? {}).some(([name, value]) => call.query.get(name) !== value);
  return missing
    ? (type.hydrate?.fields ?? []).reduce((held, field) => withKey(held, field, undefined), masked)
    : masked;
}

/** Every member, the blocks without all but their first members. */
function cutOff(doc: JsonObject): JsonObject {
  const first = (value: Json): Json =>
    isArray(value)
      ? value.slice(0, 1)
      : isObject(value)
        ? Object.fromEntries(Object.entries(value).slice(0, 1))
        : value;
  return Object.fromEntries(Object.entries(doc).map(([key, value]) => [key, first(value ?? null)]));
}

/** What the answer to a write shows of the document that it made. */
function written(call: Call, type: ResourceType, doc: JsonObject): JsonObject {
  const id = { _id: doc._id ?? null };
  switch (call.account.behaviour.writeAnswer) {
    case 'document':
      return shown(call, type, doc);
    case 'part':
      return cutOff(shown(call, type, doc));
    case 'id':
      return id;
    case 'echo': {
      const sent = call.body();
      return { ...(isObject(sent) ? sent : {}), ...id };
    }
  }
}

/** POST on a collection. A new token is shown once, in this answer (api-notes#tokens). */
export async function createItem(call: Call, type: ResourceType): Promise<Reply> {
  if (ruleOf(type.name).create === false) throw methodNotAllowed(call.method);
  const body = call.body();
  await call.beforeWrite(type.name, undefined);
  const doc = createDocument(call.account, call.actor, type, body);
  return json(type.name === 'accesstokens' ? doc : written(call, type, doc), 201);
}

/** GET, PUT, PATCH and DELETE of one document. */
async function item(call: Call, type: ResourceType, id: string): Promise<Reply> {
  const { account, actor, method } = call;
  const rule = ruleOf(type.name);
  switch (method) {
    case 'GET':
      return json(
        shown(call, type, account.unlisted.get(`${type.name}/${id}`) ?? readVisible(account, actor, type, id)),
      );
    case 'PUT': {
      if (rule.replace === false) throw methodNotAllowed(method);
      const body = call.body();
      await call.beforeWrite(type.name, id);
      return json(written(call, type, replaceDocument(account, actor, type, id, body)));
    }
    case 'PATCH': {
      if (!type.restore.patch) throw methodNotAllowed(method);
      const body = call.body();
      await call.beforeWrite(type.name, id);
      patchDocument(account, actor, type, id, body);
      return empty();
    }
    case 'DELETE':
      if (rule.remove === false) throw methodNotAllowed(method);
      await call.beforeWrite(type.name, id);
      removeDocument(account, actor, type, id);
      return empty(rule.removed ?? 204);
    default:
      throw methodNotAllowed(method);
  }
}

/** The few calls that show or change a secret of the platform itself. */
async function secretPart(call: Call, type: ResourceType, doc: JsonObject, part: string): Promise<Reply> {
  const { account, actor } = call;
  const id = String(doc._id);
  const [place, action] =
    type.name === 'agents'
      ? (['accessToken', 'PUT change-token'] as const)
      : (['server.systemToken', 'DELETE systemtoken'] as const);
  const field = place.slice(place.lastIndexOf('.') + 1);
  const held = valueAt(doc, place);
  if (held === undefined) throw fault(404, 'invalid_ref', `${field} not found`);
  // Whoever may not change the document does not get to see its secret either.
  account.access.needsWrite(actor, type, id, doc);
  const asked = `${call.method} ${part}`;
  if (asked === 'GET display-token' || asked === 'GET systemtoken') return json({ [field]: held });
  if (asked !== action) throw methodNotAllowed(call.method);
  await call.beforeWrite(type.name, id);
  const next = codeOf(`${id}-${account.now().getTime()}`, 40);
  account.store.put(type.name, setPlace(doc, place, next));
  return json({ [field]: next });
}

/** `PUT /v1/environments/{id}/enable` switches back and forth (api-notes#environments). */
async function toggleEnvironment(call: Call, type: ResourceType, doc: JsonObject): Promise<Reply> {
  allowOnly('PUT', call);
  await call.beforeWrite(type.name, String(doc._id));
  const next = { ...doc, enabled: doc.enabled !== true };
  call.account.store.put(type.name, next);
  return json(next);
}

/** Turns `ftp.tradingPartner` over, in all connections of the same host (api-notes#written-apart). */
async function tradingPartner(call: Call, type: ResourceType, doc: JsonObject): Promise<Reply> {
  const { account } = call;
  allowOnly('PUT', call);
  await call.beforeWrite(type.name, String(doc._id));
  const on = valueAt(doc, 'ftp.tradingPartner') !== true;
  const host = valueAt(doc, 'ftp.hostURI');
  const isSame = (other: JsonObject): boolean => isObject(other.ftp) && other.ftp.hostURI === host;
  const same = [...account.store.all(type.name)].filter(isSame);
  for (const other of same) account.store.put(type.name, setPlace(other, 'ftp.tradingPartner', on));
  return json({ _connectionIds: same.map(({ _id }) => _id ?? null) });
}

/** Calls of `/v1/{type}/{id}` and the paths below it. @throws ApiFault */
export async function itemCall(call: Call, type: ResourceType, path: readonly string[]): Promise<Reply> {
  const { account, actor } = call;
  const id = (path[0] ?? '').toLowerCase();
  if (!isObjectId(id)) throw notFound(type.noun);
  const [part, ...rest] = path.slice(1).map((word) => word.toLowerCase());
  if (part === undefined) return item(call, type, id);
  if (part === 'restore' && rest.length === 0 && ruleOf(type.name).bin === 'own') {
    allowOnly('POST', call);
    await call.beforeWrite(type.name, id);
    restoreDocument(account, actor, type, id);
    return empty();
  }
  const doc = readVisible(account, actor, type, id);
  const reads = call.method === 'GET' || part === 'getdata';
  if (!reads) account.access.needsWrite(actor, type, id, doc);

  if (part === 'audit' && rest.length === 0 && LOGGED.has(type.name)) {
    allowOnly('GET', call);
    return auditAnswer(call, { type, id });
  }
  if (part === 'dependencies' && rest.length === 0) {
    allowOnly('GET', call);
    return json(dependencies(account, type, doc));
  }
  // Keys of state are case-sensitive, unlike the words of a path.
  if (part === 'state' && STATEFUL.has(type.name)) return state(call, `${type.name}/${id}`, path[2]);
  const below = typeBelow(type, part);
  if (below) return callBelow(call, below, id, rest);
  switch (type.name) {
    case 'integrations':
      return integrationPart(call, id, [part, ...rest]);
    case 'lookupcaches':
      return lookupData(call, id, [part, ...rest]);
    case 'httpconnectors':
      return connectorPart(call, doc, [part, ...rest]);
    case 'connections':
      if (part === 'tradingpartner' && doc.type === 'ftp') return tradingPartner(call, type, doc);
      throw unknownPath();
    case 'agents':
    case 'stacks':
      if (['display-token', 'change-token', 'systemtoken'].includes(part)) return secretPart(call, type, doc, part);
      throw unknownPath();
    case 'environments':
      if (part === 'enable') return toggleEnvironment(call, type, doc);
      throw unknownPath();
    default:
      throw unknownPath();
  }
}
