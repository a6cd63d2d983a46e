import type { ResourceType } from '../../catalogue/types.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { setPlace, valueAt } from '../../core/paths.ts';
import { type Account, typeOf } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { fault, forbidden, invalid, notFound } from '../model/api-fault.ts';
import { fieldChangesOf } from '../model/audit.ts';
import { codeOf } from '../model/ids.ts';
import { completed } from '../rules/completing.ts';
import { applyPatch } from '../rules/json-patch.ts';
import { kept } from '../rules/kept.ts';
import { normaliseWritten } from '../rules/normalising.ts';
import { isOffline } from '../rules/offline.ts';
import { ruleOf } from '../rules/rules.ts';
import { afterWrite, register } from '../rules/side-effects.ts';
import { validate } from '../rules/validation.ts';
import { objectBody, stringsOf } from './call.ts';

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
      return { ...doc, published: false, _userId: owner };
    case 'lookupcaches':
      return { ...doc, _userId: owner, size: 0, sizeInMB: 0 };
    case 'httpconnectorresources':
    case 'httpconnectorendpoints':
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
      return doc.lastModifiedBy === undefined ? stamped : { ...stamped, lastModifiedBy: actor.user._id };
  }
}

/** A write of one document. */
interface Write {
  readonly id: string;
  /** As the request has it. */
  readonly body: JsonObject;
  /** The same with what the server keeps. */
  readonly sent: JsonObject;
  readonly stored: JsonObject | undefined;
}

/** Normalises, checks, completes and stores what a POST, PUT or PATCH makes of a document. */
function store(account: Account, actor: Actor, type: ResourceType, { id, body, sent, stored }: Write): JsonObject {
  let doc = normaliseWritten(type, sent, { id, body, stored, account });
  validate({ type, id, doc, sent, stored }, account);
  if (!stored) doc = minted(type, doc, id, account.actors.owner._id);
  if (account.behaviour.completes) doc = completed(type, doc, { id, body, stored, account });
  // What the account held worked there, whatever the mirror shows of its credentials.
  const isJudged = type.name === 'connections' && account.behaviour.validation === 'refuse';
  if (isJudged) doc = { ...doc, offline: isOffline(type, doc, stored) };
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

const MOST_REGISTRATIONS = 100;

/** Integrations in which a new connection is registered at once (api-notes#written-apart). @throws ApiFault */
function registrationsOf(account: Account, { __integrationIds: ids }: JsonObject): readonly string[] {
  if (ids === undefined) return [];
  const list = stringsOf(ids, '__integrationIds');
  if (list.length > MOST_REGISTRATIONS) {
    throw fault(400, 'batch_size_exceeded', `at most ${MOST_REGISTRATIONS} integrations at once`, '__integrationIds');
  }
  if (list.some((id) => !account.store.has('integrations', id))) throw notFound('integration');
  return list;
}

const STANDALONE = 'Standalone flows';

/** A flow without an integration, perhaps in the one that the server keeps for them (api-notes#standalone-flows). */
function inAnIntegration(account: Account, actor: Actor, type: ResourceType, doc: JsonObject): JsonObject {
  if (type.name !== 'flows' || doc._integrationId !== undefined || account.behaviour.standaloneFlows !== 'move')
    return doc;
  const found = [...account.store.all('integrations')].find(({ name }) => name === STANDALONE);
  const home = found ?? createDocument(account, actor, typeOf('integrations'), { name: STANDALONE });
  return { ...doc, _integrationId: String(home._id) };
}

/** POST: stores a new document under a new id, and returns it with its secrets in plain text. @throws ApiFault */
export function createDocument(account: Account, actor: Actor, type: ResourceType, body: Json | undefined): JsonObject {
  const sent = objectBody(body);
  account.access.needsWrite(actor, type, undefined, sent);
  const registrations = type.name === 'connections' ? registrationsOf(account, sent) : [];
  let id = account.mint();
  while (account.store.has(type.name, id)) id = account.mint();
  const doc = kept(type, sent, undefined, account.behaviour);
  const dated = ruleOf(type.name).dated === false ? {} : { createdAt: account.now().toISOString() };
  const made = { _id: id, ...dated, ...inAnIntegration(account, actor, type, doc) };
  const stored = store(account, actor, type, { id, body: sent, sent: made, stored: undefined });
  for (const integration of registrations) register(account, integration, id);
  return stored;
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
  const doc = kept(type, sent, stored, account.behaviour);
  return store(account, actor, type, { id, body: sent, sent: doc, stored });
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
  return store(account, actor, type, { id, body: {}, sent: applyPatch(type, stored, patch ?? null), stored });
}
