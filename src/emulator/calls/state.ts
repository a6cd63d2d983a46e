import { RESOURCE_TYPES } from '../../catalogue/index.ts';
import { notFound } from '../model/api-fault.ts';
import { type Call, methodNotAllowed } from './call.ts';
import { empty, json, plain, type Reply } from './reply.ts';

/** Types whose resources keep state of their own. */
export const STATEFUL: ReadonlySet<string> = new Set(
  RESOURCE_TYPES.flatMap(({ list: { shape, below } }) => (shape === 'keys' ? Object.values(below ?? {}) : [])),
);

/**
 * `/v1/state[/{key}]` and `/v1/{type}/{id}/state[/{key}]`. Lists show keys only; a PUT answers plain text
 * (api-notes#plain-text). `scope` is empty for the account's own state.
 */
export async function state(call: Call, scope: string, key: string | undefined): Promise<Reply> {
  const { account, method } = call;
  const held = account.state.get(scope) ?? new Map();
  if (method === 'GET') {
    if (key === undefined) {
      const keys = [...held.keys()].sort();
      return keys.length === 0 ? empty() : json({ keys });
    }
    const value = held.get(key);
    if (value === undefined) throw notFound('state');
    return json(value);
  }
  if (method === 'PUT' && key !== undefined) {
    const value = call.body() ?? null;
    await call.beforeWrite('state', key);
    const isNew = !held.has(key);
    held.set(key, value);
    account.state.set(scope, held);
    return isNew ? plain('Created', 201) : plain('OK');
  }
  if (method === 'DELETE') {
    await call.beforeWrite('state', key);
    if (key === undefined) held.clear();
    else if (!held.delete(key)) throw notFound('state');
    return empty(scope === '' ? 204 : 200);
  }
  throw methodNotAllowed(method);
}
