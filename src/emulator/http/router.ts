import { RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { JsonObject } from '../../core/json.ts';
import { auditAnswer } from '../calls/audit-answer.ts';
import { binCall } from '../calls/bin-calls.ts';
import { allowOnly, type Call, methodNotAllowed, unknownPath } from '../calls/call.ts';
import { updateGrouping } from '../calls/integrations.ts';
import { invite } from '../calls/invite.ts';
import { createItem, itemCall } from '../calls/items.ts';
import { listCollection } from '../calls/listing.ts';
import { putNotifications } from '../calls/notifications.ts';
import { json, type Reply } from '../calls/reply.ts';
import { state } from '../calls/state.ts';
import { type Account, typeOf } from '../model/account.ts';
import { fault, forbidden } from '../model/api-fault.ts';
import { maskSecrets } from '../model/masking.ts';

/** Types by the words of their collection's path, below `/v1`, in lower case. */
const COLLECTIONS: ReadonlyMap<string, ResourceType> = new Map(
  RESOURCE_TYPES.filter(({ list }) => list.shape !== 'keys' && !list.below).flatMap((type) =>
    [type.list.path, ...(type.list.alternative === undefined ? [] : [type.list.alternative])].map(
      (path) => [path.toLowerCase().replace(/^\/v1\//, ''), type] as const,
    ),
  ),
);

/** The type whose collection a path begins with, and what follows. */
function collectionOf(path: readonly string[]): { type: ResourceType; rest: readonly string[] } | undefined {
  for (const words of [1, 2]) {
    const type = COLLECTIONS.get(path.slice(0, words).join('/').toLowerCase());
    if (type) return { type, rest: path.slice(words) };
  }
  return undefined;
}

async function collection(call: Call, type: ResourceType, rest: readonly string[]): Promise<Reply> {
  const refusal = call.account.unlicensed.get(type.name);
  if (refusal !== undefined) {
    if (refusal === 404) throw unknownPath();
    throw fault(refusal, 'feature_not_enabled', `${type.plural} are not part of the licence`);
  }
  const [first] = rest;
  if (first === undefined) {
    switch (call.method) {
      case 'GET':
        return listCollection(call, type);
      case 'POST':
        return createItem(call, type);
      case 'PUT':
        if (type.name === 'notifications') return putNotifications(call);
        throw methodNotAllowed(call.method);
      default:
        throw methodNotAllowed(call.method);
    }
  }
  const word = first.toLowerCase();
  if (type.name === 'flows' && word === 'updateflowgrouping') return updateGrouping(call, 'flows');
  if (type.name === 'apis' && word === 'updateapigrouping') return updateGrouping(call, 'apis');
  return itemCall(call, type, rest);
}

/** `GET /v1/shared/stacks`: what other accounts share with this one (api-notes#unlisted). */
function sharedStacks({ unlisted }: Account): JsonObject[] {
  return [...unlisted].flatMap(([key, doc]) =>
    doc && key.startsWith('stacks/') ? [maskSecrets(typeOf('stacks'), doc)] : [],
  );
}

/** Answers one authenticated call. @throws ApiFault for every refusal */
export async function route(call: Call): Promise<Reply> {
  const { account, actor, method, path } = call;
  const [first = '', ...rest] = path;
  switch (first.toLowerCase()) {
    case 'tokeninfo':
      if (rest.length > 0) throw unknownPath();
      allowOnly('GET', call);
      return json({ _userId: actor.user._id });
    case 'audit':
      if (rest.length > 0) throw unknownPath();
      allowOnly('GET', call);
      return auditAnswer(call);
    case 'recyclebinttl':
      return binCall(call, rest);
    case 'state': {
      if (rest.length > 1) throw unknownPath();
      if (actor.scope || actor.role === undefined) throw forbidden();
      if (method !== 'GET' && actor.role === 'monitor') throw forbidden();
      const refusal = account.unlicensed.get('state');
      if (refusal !== undefined) throw fault(refusal, 'feature_not_enabled', 'state is not part of the licence');
      return state(call, '', rest[0]);
    }
    case 'invite':
      if (rest.length > 0) throw unknownPath();
      return invite(call);
    case 'templates':
    case 'connectors':
      // For partner accounts only (api-notes#partner-only).
      throw forbidden();
    case 'shared':
      if (rest.join('/').toLowerCase() === 'stacks' && method === 'GET') return json(sharedStacks(account));
      throw unknownPath();
    default: {
      const found = collectionOf(path);
      if (!found) throw unknownPath();
      return collection(call, found.type, found.rest);
    }
  }
}
