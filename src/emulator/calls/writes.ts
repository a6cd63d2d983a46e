import type { ResourceType } from '../../catalogue/types.ts';
import { isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from '../../core/json.ts';
import { equalJson, mapPath, setPlace, valueAt, withKey } from '../../core/paths.ts';
import { isMask } from '../../core/secrets.ts';
import type { Account } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { forbidden, invalid, notFound } from '../model/api-fault.ts';
import { fieldChangesOf } from '../model/audit.ts';
import { codeOf } from '../model/ids.ts';
import { maskedPaths } from '../model/masking.ts';
import { isOffline } from '../rules/connection-checks.ts';
import { applyPatch } from '../rules/json-patch.ts';
import { normaliseWritten } from '../rules/normalising.ts';
import { readOnlyPaths, ruleOf } from '../rules/rules.ts';
import { afterWrite } from '../rules/side-effects.ts';
import { validate } from '../rules/validation.ts';
import { objectBody } from './call.ts';

/** Only the fields that clients may write at all. */
function writableOnly(type: ResourceType, body: JsonObject, stored: JsonObject | undefined): JsonObject {
  const { writable } = ruleOf(type.name);
  if (!writable) return body;
  const out: MutableJsonObject = {};
  for (const [key, value] of Object.entries(stored ?? {})) if (!writable.includes(key)) setOwn(out, key, value);
  for (const key of writable) if (body[key] !== undefined) setOwn(out, key, body[key]);
  return out;
}

/** Puts the server's own values in the place of what a client sent in read-only fields. */
function keepServerFields(type: ResourceType, body: JsonObject, stored: JsonObject | undefined): JsonObject {
  let doc = body;
  for (const path of readOnlyPaths(type)) {
    // On an API of the old kind these two are the configuration itself (api-notes#api-legacy).
    if (type.name === 'apis' && (path === '_scriptId' || path === 'function')) continue;
    const kept = valueAt(stored, path);
    if (equalJson(kept, valueAt(doc, path))) continue;
    const cut = path.lastIndexOf('.');
    if (cut === -1) doc = withKey(doc, path, kept);
    // A block that the new document does not have is not brought back for its computed members.
    else if (isObject(valueAt(doc, path.slice(0, cut)))) doc = setPlace(doc, path, kept);
  }
  return doc;
}

/** Refuses a change of what is fixed at creation; some such changes are ignored instead (api-notes#immutable). */
function keepImmutable(type: ResourceType, body: JsonObject, stored: JsonObject): JsonObject {
  const { silentlyFixed = [], required = [] } = ruleOf(type.name);
  let doc = body;
  for (const path of type.restore.immutable ?? []) {
    const [kept, sent] = [valueAt(stored, path), valueAt(doc, path)];
    if (equalJson(kept, sent)) continue;
    if (silentlyFixed.includes(path)) {
      const block = path.slice(0, path.lastIndexOf('.'));
      if (isObject(valueAt(doc, block))) doc = setPlace(doc, path, kept);
    } else if (sent === undefined && !required.includes(path)) {
      doc = setPlace(doc, path, kept);
    } else if (sent !== undefined) {
      throw invalid(path, `${path} cannot be changed`);
    }
  }
  return doc;
}

/** Under the kinder reading of the documents, a mask leaves the stored credential alone (api-notes#mask-writes). */
function resolveMasks(type: ResourceType, body: JsonObject, stored: JsonObject | undefined): JsonObject {
  let doc = body;
  for (const path of maskedPaths(type)) {
    if (path.includes('[]') || path.includes('*')) continue;
    doc = mapPath(doc, path, (held) => (isMask(held) ? valueAt(stored, path) : held));
  }
  return doc;
}

function assertOwn(type: ResourceType, stored: JsonObject | undefined): void {
  if (ruleOf(type.name).catalogue === true && stored?.published === true) {
    throw forbidden('Celigo publishes this record');
  }
}

/** Fields that the server mints when something is created. */
function minted(type: ResourceType, doc: JsonObject, id: string, owner: string): JsonObject {
  switch (type.name) {
    case 'exports':
    case 'imports':
      return { ...doc, apiIdentifier: `${type.name === 'exports' ? 'e' : 'i'}${codeOf(id, 9)}` };
    case 'connections':
      return { ...doc, queues: [{ name: id, size: 0 }] };
    case 'agents':
      return { ...doc, accessToken: codeOf(`${id}-agent`, 40), offline: true };
    case 'accesstokens':
      return { ...doc, token: codeOf(`${id}-token`, 32) };
    case 'stacks':
      return doc.type === 'server' && isObject(doc.server)
        ? setPlace(doc, 'server.systemToken', valueAt(doc, 'server.systemToken') ?? codeOf(`${id}-stack`, 32))
        : doc;
    case 'tags':
      return { ...doc, tagId: codeOf(id, 5) };
    case 'tpconnectors':
      return { ...doc, published: false };
    case 'httpconnectors':
    case 'httpconnectorresources':
    case 'httpconnectorendpoints':
      return { ...doc, published: false, _userId: owner };
    case 'lookupcaches':
      return { ...doc, _userId: owner, size: 0, sizeInMB: 0 };
    case 'mcpservers':
    case 'syncs':
      return { ...doc, _userId: owner };
    default:
      return doc;
  }
}

/** The document with the marks of a write at this moment. */
export function stamp(account: Account, actor: Actor, doc: JsonObject): JsonObject {
  const stamped = { ...doc, lastModified: account.now().toISOString() };
  switch (account.behaviour.lastModifiedBy) {
    case 'id':
      return { ...stamped, lastModifiedBy: actor.user._id };
    case 'object':
      return { ...stamped, lastModifiedBy: { ...actor.user } };
    default:
      return stamped;
  }
}

/** Normalises, checks and stores what a POST, PUT or PATCH makes of a document. */
function store(
  account: Account,
  actor: Actor,
  type: ResourceType,
  id: string,
  sent: JsonObject,
  stored: JsonObject | undefined,
): JsonObject {
  let doc = normaliseWritten(type, sent, { id, mint: account.mint, stored });
  validate({ type, id, doc, sent, stored }, account);
  if (!stored) doc = minted(type, doc, id, account.actors.owner._id);
  if (type.name === 'connections') doc = { ...doc, offline: isOffline(type, doc, stored) };
  doc = stamp(account, actor, doc);
  account.store.put(type.name, doc);
  account.audit.note(actor, stored ? 'update' : 'create', type, id, stored ? fieldChangesOf(type, stored, doc) : []);
  afterWrite(account, type, doc, stored);
  return doc;
}

/** The stored document, if this person can see it. @throws ApiFault 404, 403 for a token without the scope */
export function readVisible(account: Account, actor: Actor, type: ResourceType, id: string): JsonObject {
  if (!account.access.sees(actor, type.name, id)) {
    if (actor.scope) throw forbidden('The token does not reach this');
    throw notFound(type.noun);
  }
  const doc = account.store.get(type.name, id);
  if (!doc) throw notFound(type.noun);
  return doc;
}

/** POST: stores a new document under a new id, and returns it with its secrets in plain text. @throws ApiFault */
export function createDocument(account: Account, actor: Actor, type: ResourceType, body: Json | undefined): JsonObject {
  const sent = objectBody(body);
  account.access.needsWrite(actor, type, undefined, sent);
  let id = account.mint();
  while (account.store.has(type.name, id)) id = account.mint();
  let doc = keepServerFields(type, writableOnly(type, sent, undefined), undefined);
  if (account.behaviour.maskedWrites === 'keep') doc = resolveMasks(type, doc, undefined);
  const dated = ruleOf(type.name).dated === false ? {} : { createdAt: account.now().toISOString() };
  return store(account, actor, type, id, { _id: id, ...dated, ...doc }, undefined);
}

/**
 * PUT: replaces a document; what the body leaves out is erased. Returns the result with its secrets in plain text.
 * @throws ApiFault
 */
export function replaceDocument(
  account: Account,
  actor: Actor,
  type: ResourceType,
  id: string,
  body: Json | undefined,
): JsonObject {
  const sent = objectBody(body);
  const stored = readVisible(account, actor, type, id);
  account.access.needsWrite(actor, type, id, stored);
  assertOwn(type, stored);
  if (type.name === 'syncs') {
    // The one endpoint that refuses read-only fields instead of ignoring them (api-notes#put).
    const refused = ['_id', '_userId', '_integrationId'].find((field) => sent[field] !== undefined);
    if (refused !== undefined) throw invalid(refused, `${refused} is not allowed`);
  }
  let doc = keepServerFields(type, writableOnly(type, sent, stored), stored);
  if (account.behaviour.maskedWrites === 'keep') doc = resolveMasks(type, doc, stored);
  return store(account, actor, type, id, keepImmutable(type, doc, stored), stored);
}

/** PATCH: changes the few fields that the type allows. @throws ApiFault */
export function patchDocument(
  account: Account,
  actor: Actor,
  type: ResourceType,
  id: string,
  patch: Json | undefined,
): JsonObject {
  const stored = readVisible(account, actor, type, id);
  account.access.needsWrite(actor, type, id, stored);
  return store(account, actor, type, id, applyPatch(type, stored, patch ?? null), stored);
}
