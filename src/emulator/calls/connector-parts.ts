import type { JsonObject } from '../../core/json.ts';
import { isArray } from '../../core/json.ts';
import { withKey } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import { notFound } from '../model/api-fault.ts';
import { allowOnly, type Call, unknownPath } from './call.ts';
import { json, type Reply } from './reply.ts';

/** What lists of a connector's parts leave out (api-notes#abridged-lists). */
function abridged(part: JsonObject): JsonObject {
  return ['published', '_httpConnectorId'].reduce((held, key) => withKey(held, key, undefined), part);
}

function resourcesOf({ store }: Account, connectorId: string): JsonObject[] {
  return [...store.all('httpconnectorresources')].filter(({ _httpConnectorId }) => _httpConnectorId === connectorId);
}

function endpointsOf({ store }: Account, resourceId: string): JsonObject[] {
  return [...store.all('httpconnectorendpoints')].filter(
    ({ _httpConnectorResourceIds: resources }) => isArray(resources) && resources.includes(resourceId),
  );
}

/** A connector with its parts, as `returnEverything` shows it (api-notes#connector-parts). */
export function withParts(account: Account, connector: JsonObject): JsonObject {
  const resources = resourcesOf(account, String(connector._id));
  const endpoints = new Map(
    resources.flatMap(({ _id }) => endpointsOf(account, String(_id))).map((part) => [part._id, part]),
  );
  return { ...connector, httpConnectorResources: resources, httpConnectorEndpoints: [...endpoints.values()] };
}

function one(parts: readonly JsonObject[], id: string | undefined): JsonObject {
  const found = parts.find(({ _id }) => _id === id);
  if (!found) throw notFound('part of the HTTP connector');
  return found;
}

/**
 * `GET /v1/httpconnectors/{id}/httpconnectorresources`, `…/{resource}`, `…/{resource}/httpconnectorendpoints` and
 * `…/{resource}/{endpoint}`. @throws ApiFault
 */
export function connectorPart(call: Call, connector: JsonObject, rest: readonly string[]): Reply {
  const { account } = call;
  allowOnly('GET', call);
  const resources = resourcesOf(account, String(connector._id));
  const [part, below, ...more] = rest;
  if (more.length > 0) throw unknownPath();
  if (part === 'httpconnectorresources' && below === undefined) return json(resources.map(abridged));
  const resource = one(resources, part);
  if (below === undefined) return json(resource);
  const endpoints = endpointsOf(account, String(resource._id));
  return json(below === 'httpconnectorendpoints' ? endpoints.map(abridged) : one(endpoints, below));
}
