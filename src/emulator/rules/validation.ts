import type { Json } from '../../core/json.ts';
import { equalJson, valueAt } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import { invalid, missing } from '../model/api-fault.ts';
import { internalReferences } from '../model/links.ts';
import { CHECKS } from './checks.ts';
import type { Draft } from './draft.ts';
import { LEGACY_VALUES, ruleOf } from './rules.ts';

function isBlank(value: Json | undefined): boolean {
  return value === undefined || value === null || value === '';
}

function checkRequired({ type, doc, stored }: Draft): void {
  const { required = [], requiredOnCreate = [] } = ruleOf(type.name);
  for (const path of stored ? required : [...required, ...requiredOnCreate]) {
    if (isBlank(valueAt(doc, path))) throw missing(path);
  }
}

function checkValues({ type, doc, stored }: Draft, account: Account): void {
  const { enums = {}, maxLength = {} } = ruleOf(type.name);
  for (const [path, allowed] of Object.entries(enums)) {
    const value = valueAt(doc, path);
    if (typeof value !== 'string' || allowed.includes(value)) continue;
    // Older documents keep values that new ones may no longer have (api-notes#legacy-values).
    if (equalJson(value, valueAt(stored, path))) continue;
    if (LEGACY_VALUES.has(value) && account.behaviour.legacyRest === 'accept') continue;
    throw invalid(path, `\`${value}\` is not a valid enum value for path \`${path}\`.`);
  }
  for (const [path, most] of Object.entries(maxLength)) {
    const value = valueAt(doc, path);
    if (typeof value === 'string' && value.length > most) {
      throw invalid(path, `${path} is longer than ${most} characters`);
    }
  }
}

/**
 * Refuses references to what does not exist, except those that the stored document holds already. What is sent counts,
 * also where the server keeps its own value.
 */
function checkReferences({ type, doc, sent, stored }: Draft, account: Account): void {
  const known = new Set(
    stored ? internalReferences(type.name, stored).map(({ type: typeName, id }) => `${typeName}/${id}`) : [],
  );
  const named = [...internalReferences(type.name, doc), ...internalReferences(type.name, sent)];
  for (const { type: typeName, id, place } of named) {
    if (account.store.has(typeName, id) || known.has(`${typeName}/${id}`)) continue;
    if (typeName === 'iclients' && account.globalIclients.has(id)) continue;
    if (place.endsWith('_tpConnectorId')) throw invalid(place, `${place} not found`, 'tpconnector_not_found');
    throw invalid(place, `${place} not found`, 'invalid_ref');
  }
}

function checkUnique({ type, id, doc }: Draft, account: Account): void {
  const { unique } = ruleOf(type.name);
  const value = unique === undefined ? undefined : doc[unique];
  if (unique === undefined || value === undefined) return;
  for (const other of account.store.all(type.name)) {
    if (other._id !== id && other[unique] === value) {
      throw invalid(unique, `duplicate ${type.noun} ${unique}: ${String(value)} is already in use`);
    }
  }
}

/** Refuses what the server would refuse (api-notes#validation). @throws ApiFault 422 with the field at fault */
export function validate(draft: Draft, account: Account): void {
  checkRequired(draft);
  checkValues(draft, account);
  checkReferences(draft, account);
  checkUnique(draft, account);
  CHECKS[draft.type.name]?.(draft, account);
}
