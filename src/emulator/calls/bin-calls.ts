import type { JsonObject } from '../../core/json.ts';
import { withKey } from '../../core/paths.ts';
import { type BinEntry, TYPES_BY_BIN_NAME, typeOf } from '../model/account.ts';
import { fault, forbidden } from '../model/api-fault.ts';
import { maskSecrets } from '../model/masking.ts';
import { ruleOf } from '../rules/rules.ts';
import { allowOnly, type Call, methodNotAllowed, unknownPath } from './call.ts';
import { binEntries, binEntry, cascadeRestore, purgeDocument, restoreDocument } from './recycle-bin.ts';
import { empty, json, type Reply } from './reply.ts';

function shown({ type, doc }: BinEntry): JsonObject {
  const { binOmits = [] } = typeOf(type);
  return binOmits.reduce((held, field) => withKey(held, field, undefined), maskSecrets(typeOf(type), doc));
}

/** Calls of `/v1/recycleBinTTL` and the paths below it (api-notes#recycle-bin). @throws ApiFault */
export async function binCall(call: Call, path: readonly string[]): Promise<Reply> {
  const { account, actor, method } = call;
  const [plural, rawId, action, ...more] = path;
  if (call.query.has('include') || call.query.has('exclude')) {
    throw fault(400, 'invalid_query_params', 'include and exclude are not supported here', 'include');
  }
  if (plural === undefined) {
    allowOnly('GET', call);
    const entries = binEntries(account, actor).filter(({ type }) => ruleOf(type).bin === undefined);
    if (entries.length === 0) return empty();
    return json(entries.map((entry) => ({ model: typeOf(entry.type).model, doc: shown(entry) })));
  }
  const type = TYPES_BY_BIN_NAME.get(plural.toLowerCase());
  if (more.length > 0) throw unknownPath();
  if (!type || ruleOf(type.name).bin !== undefined) throw forbidden(`${plural} have no recycle bin`);
  if (rawId === undefined) {
    allowOnly('GET', call);
    const entries = binEntries(account, actor, type.name);
    return entries.length === 0 ? empty() : json(entries.map(shown));
  }
  const id = rawId.toLowerCase();
  if (action !== undefined) {
    if (action.toLowerCase() !== 'docascaderestore') throw unknownPath();
    allowOnly('POST', call);
    await call.beforeWrite(type.name, id);
    cascadeRestore(account, actor, type, id);
    return empty();
  }
  switch (method) {
    case 'GET':
      return json(shown(binEntry(account, actor, type, id)));
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
