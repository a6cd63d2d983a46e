import type { JsonObject } from '../../core/json.ts';
import { fault } from '../http/api-fault.ts';
import { empty, json, type Reply } from '../http/reply.ts';
import { type Call, methodNotAllowed, unknownPath } from '../http/request.ts';
import { type BinEntry, TYPES_BY_BIN_NAME, typeOf } from '../model/account.ts';
import { binEntries, binEntry, purgeDocument, restoreDocument } from '../model/recycle-bin.ts';
import { maskSecrets } from '../rules/masking.ts';
import { ruleOf } from '../rules/rules.ts';

function shown({ type, doc }: BinEntry): JsonObject {
  return maskSecrets(typeOf(type), doc);
}

/** What stands at and below `/v1/recycleBinTTL` (api-notes#recycle-bin). @throws ApiFault */
export async function binCall(call: Call, path: readonly string[]): Promise<Reply> {
  const { account, actor, method } = call;
  const [plural, rawId, action, ...more] = path;
  if (call.query.has('include') || call.query.has('exclude')) {
    throw fault(400, 'invalid_query_params', 'include and exclude are not supported here', 'include');
  }
  if (plural === undefined) {
    if (method !== 'GET') throw methodNotAllowed(method);
    const entries = binEntries(account, actor);
    if (entries.length === 0) return empty();
    return json(entries.map((entry) => ({ model: typeOf(entry.type).model, doc: shown(entry) })));
  }
  const type = TYPES_BY_BIN_NAME.get(plural.toLowerCase());
  if (!type || ruleOf(type.name).unrecoverable === true || more.length > 0) throw unknownPath();
  if (rawId === undefined) {
    if (method !== 'GET') throw methodNotAllowed(method);
    const entries = binEntries(account, actor, type.name);
    return entries.length === 0 ? empty() : json(entries.map(shown));
  }
  const id = rawId.toLowerCase();
  if (action !== undefined) {
    const { cascadeRestore } = account.behaviour;
    if (action.toLowerCase() !== 'docascaderestore' || cascadeRestore === 404) throw unknownPath();
    if (method !== 'POST' || cascadeRestore === 405) throw methodNotAllowed(method);
    await call.beforeWrite(type.name, id);
    return json(maskSecrets(type, restoreDocument(account, actor, type, id)));
  }
  switch (method) {
    case 'GET': {
      const entry = shown(binEntry(account, actor, type, id));
      return json(account.behaviour.binById === 'array' ? [entry] : entry);
    }
    case 'POST':
      await call.beforeWrite(type.name, id);
      restoreDocument(account, actor, type, id);
      return empty();
    case 'DELETE':
      await call.beforeWrite(type.name, id);
      purgeDocument(account, actor, type, id);
      return empty();
    default:
      throw methodNotAllowed(method);
  }
}
