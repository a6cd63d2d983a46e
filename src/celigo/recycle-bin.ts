import { RESOURCE_TYPES } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import type { ApiClient } from './client.ts';
import { ApiError } from './errors.ts';
import { listRecords } from './paging.ts';

const BIN = '/v1/recycleBinTTL';

const BY_MODEL: ReadonlyMap<string, ResourceType> = new Map(
  RESOURCE_TYPES.map((type) => [type.model.toLowerCase(), type]),
);

function binPath(type: ResourceType, id: string): string {
  return `${BIN}/${type.binName ?? type.name}/${id}`;
}

/**
 * Everything in the account's recycle bin, by `<type>/<id>`, as it was when it was deleted.
 * @throws ApiError when it cannot be read
 */
export async function readBin(client: ApiClient, signal: AbortSignal): Promise<Map<string, JsonObject>> {
  const records = await listRecords(client, { path: BIN, paged: false, signal }, ({ doc, model }) => {
    const type = BY_MODEL.get(String(model).toLowerCase());
    return type && isObject(doc) && typeof doc._id === 'string' ? `${type.name}/${doc._id}` : undefined;
  });
  return new Map([...records].flatMap(([key, { doc }]) => (isObject(doc) ? [[key, doc] as const] : [])));
}

/** One deleted resource, or `undefined` when the bin does not hold it. The answer may be a list or a document. */
export async function readBinned(
  client: ApiClient,
  type: ResourceType,
  id: string,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  let body: Json | undefined;
  try {
    body = await client.json({ url: binPath(type, id), signal });
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 410)) return undefined;
    throw error;
  }
  const candidates = isArray(body) ? body : [body];
  const doc = candidates.find((candidate) => isObject(candidate) && candidate._id === id);
  return isObject(doc) ? doc : undefined;
}

/**
 * Brings a resource back from the recycle bin with its id, its credentials and what was deleted with it: by the newer
 * call, or by the older one where the server does not have it (api-notes#recycle-bin-restore).
 * @throws ApiError
 */
export async function undelete(client: ApiClient, type: ResourceType, id: string, signal: AbortSignal): Promise<void> {
  const url = binPath(type, id);
  try {
    await client.send({ method: 'POST', url: `${url}/doCascadeRestore`, body: {}, signal });
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 405)) throw error;
    await client.send({ method: 'POST', url, body: {}, signal });
  }
}
