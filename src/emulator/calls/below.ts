import { RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, isObject, type JsonObject } from '../../core/json.ts';
import { withKey } from '../../core/paths.ts';
import { fault, invalid, notFound } from '../model/api-fault.ts';
import { allowOnly, type Call, methodNotAllowed, unknownPath } from './call.ts';
import { page } from './listing.ts';
import { json, type Reply } from './reply.ts';
import { createDocument, replaceDocument } from './writes.ts';

/** A type whose collections are below the records of another one, and the field that names the record. */
interface BelowType {
  readonly type: ResourceType;
  readonly field: string;
}

/** By the other type and the last word of the path: `syncs/datasets`. */
const BELOW: ReadonlyMap<string, BelowType> = new Map(
  RESOURCE_TYPES.filter(({ list }) => list.shape !== 'keys').flatMap((type) =>
    Object.entries(type.list.below ?? {}).map(([field, parent]): [string, BelowType] => {
      const word = type.list.path.slice(type.list.path.lastIndexOf('/') + 1);
      return [`${parent}/${word.toLowerCase()}`, { type, field }];
    }),
  ),
);

/** The type whose collection `part` is below a record of `parent`. */
export function typeBelow(parent: ResourceType, part: string): BelowType | undefined {
  return BELOW.get(`${parent.name}/${part}`);
}

/** Creates what is new, and lays the rest over what is there; nothing is ever removed (api-notes#datasets). */
async function merge(call: Call, { type, field }: BelowType, parentId: string): Promise<Reply> {
  const { account, actor } = call;
  const body = call.body();
  if (!isArray(body) || !body.every(isObject)) throw invalid('', `the body must be a list of ${type.plural}`);
  await call.beforeWrite(type.name, undefined);
  const held = [...account.store.all(type.name)].filter((doc) => doc[field] === parentId);
  const written = body.map((sent) => {
    const same = held.find(({ _id, externalId }) =>
      sent._id === undefined ? externalId !== undefined && externalId === sent.externalId : _id === sent._id,
    );
    if (!same && sent._id !== undefined) throw fault(422, 'invalid_ref', `there is no ${type.noun} ${sent._id}`, '_id');
    const doc = { ...same, ...sent, [field]: parentId };
    return same
      ? replaceDocument(account, actor, type, String(same._id), doc)
      : createDocument(account, actor, type, doc);
  });
  return json(written.map((doc) => withKey(doc, field, undefined)));
}

/** Calls of `/v1/{type}/{id}/{collection}` and of one document there. @throws ApiFault */
export async function callBelow(
  call: Call,
  below: BelowType,
  parentId: string,
  rest: readonly string[],
): Promise<Reply> {
  const { type, field } = below;
  const { account, method } = call;
  const refusal = account.unlicensed.get(type.name);
  if (refusal === 404) throw unknownPath();
  if (refusal !== undefined) throw fault(refusal, 'feature_not_enabled', `${type.plural} are not part of the licence`);
  const [id, ...more] = rest;
  if (more.length > 0) throw unknownPath();
  if (id !== undefined) {
    const doc = account.store.get(type.name, id);
    if (doc?.[field] !== parentId) throw notFound(type.noun);
    allowOnly('GET', call);
    return json(withKey(doc, field, undefined));
  }
  if (method === 'PUT') return merge(call, below, parentId);
  if (method !== 'GET') throw methodNotAllowed(method);
  const entries = account.store.entries(type.name).flatMap((entry) => {
    const doc = JSON.parse(account.store.listText(type.name, entry)) as JsonObject;
    return doc[field] === parentId ? [withKey(doc, field, undefined)] : [];
  });
  return page(call, entries, (doc) => JSON.stringify(doc));
}
