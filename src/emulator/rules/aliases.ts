import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { equalJson, textOf } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import { invalid, missing } from '../model/api-fault.ts';
import { isObjectId } from '../model/ids.ts';
import type { Faults } from './draft.ts';

const TARGETS: Readonly<Record<string, string>> = {
  _connectionId: 'connections',
  _exportId: 'exports',
  _importId: 'imports',
  _flowId: 'flows',
  _lookupCacheId: 'lookupcaches',
};

/** Whether something can be named by an alias of the integration (api-notes#aliases). */
function isReachable(type: string, doc: JsonObject, integration: string, registered: ReadonlySet<Json>): boolean {
  switch (type) {
    case 'connections':
      return registered.has(doc._id ?? null);
    case 'exports':
    case 'imports':
      return doc._connectionId === undefined || registered.has(doc._connectionId);
    case 'flows':
      return doc._integrationId === integration;
    default:
      return doc._integrationId === undefined || doc._integrationId === integration;
  }
}

/** Aliases that break the rules (api-notes#aliases). Those that the document held before are not checked. */
export function* checkAliases(
  aliases: Json | undefined,
  before: Json | undefined,
  integration: string,
  account: Account,
  registeredIds: Json | undefined = account.store.get('integrations', integration)?._registeredConnectionIds,
): Faults {
  const list = isArray(aliases) ? aliases.filter(isObject) : [];
  const names = new Set<string>();
  const registered = new Set(isArray(registeredIds) ? registeredIds : []);
  for (const [at, alias] of list.entries()) {
    const place = `aliases[${at}]`;
    const name = textOf(alias.alias);
    if (name === undefined || name === '') {
      yield missing(`${place}.alias`, 'alias is required');
      continue;
    }
    if (isObjectId(name)) yield invalid(`${place}.alias`, 'an alias cannot look like an id');
    if (names.has(name)) yield invalid(`${place}.alias`, `the alias ${name} occurs twice`);
    names.add(name);
    const targets = Object.entries(TARGETS).filter(([field]) => alias[field] !== undefined);
    if (targets.length === 0) {
      yield missing(place, 'an alias must reference a resource');
    }
    if (targets.length > 1) yield invalid(place, 'an alias references one resource');
    if (isArray(before) && before.some((held) => equalJson(held, alias))) continue;
    for (const [field, type] of targets) {
      const doc = account.store.get(type, String(alias[field]));
      if (doc && !isReachable(type, doc, integration, registered)) {
        yield invalid(`${place}.${field}`, 'the resource is not part of the integration', 'update_not_allowed');
      }
    }
  }
}
