import { RESOURCE_TYPES } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { isObject, type JsonObject } from '../core/json.ts';
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
    const type = BY_MODEL.get(typeof model === 'string' ? model.toLowerCase() : '');
    return type && isObject(doc) && typeof doc._id === 'string' ? `${type.name}/${doc._id}` : undefined;
  });
  return new Map([...records].flatMap(([key, { doc }]) => (isObject(doc) ? [[key, doc] as const] : [])));
}

/** One deleted resource, or `undefined` when the bin does not hold it. @throws ApiError */
export async function readBinned(
  client: ApiClient,
  type: ResourceType,
  id: string,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  try {
    const doc = await client.json({ url: binPath(type, id), signal });
    return isObject(doc) && doc._id === id ? doc : undefined;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 410)) return undefined;
    throw error;
  }
}

/**
 * Brings one resource back from the recycle bin with its id and its credentials; with `cascade`, also what it uses
 * (api-notes#recycle-bin-restore).
 * @throws ApiError 422 `descendants_not_restored` without `cascade`, while something that it uses is in the bin
 */
export async function undelete(
  client: ApiClient,
  type: ResourceType,
  id: string,
  { cascade, signal }: { readonly cascade: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const url = binPath(type, id);
  await client.send({ method: 'POST', url: cascade ? `${url}/doCascadeRestore` : url, body: {}, signal });
}

/** Removes one resource from the recycle bin permanently. It need not be there. @throws ApiError */
export async function purge(client: ApiClient, type: ResourceType, id: string, signal: AbortSignal): Promise<void> {
  try {
    await client.send({ method: 'DELETE', url: binPath(type, id), signal });
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 410)) throw error;
  }
}
