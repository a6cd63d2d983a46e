import type { Json } from '../../core/json.ts';
import { equalJson, valueAt } from '../../core/paths.ts';
import type { Account, Refusal } from '../model/account.ts';
import { invalid, missing } from '../model/api-fault.ts';
import { internalReferences } from '../model/links.ts';
import { CHECKS } from './checks.ts';
import type { Draft, Faults } from './draft.ts';
import { LEGACY_VALUES, ruleOf } from './rules.ts';

function isBlank(value: Json | undefined): boolean {
  return value === undefined || value === null || value === '';
}

function* checkRequired({ type, doc, stored }: Draft): Faults {
  const { required = [], requiredOnCreate = [] } = ruleOf(type.name);
  for (const path of stored ? required : [...required, ...requiredOnCreate]) {
    if (isBlank(valueAt(doc, path))) yield missing(path);
  }
}

function* checkValues({ type, doc, stored }: Draft, account: Account): Faults {
  const { enums = {}, maxLength = {} } = ruleOf(type.name);
  for (const [path, allowed] of Object.entries(enums)) {
    const value = valueAt(doc, path);
    if (typeof value !== 'string' || allowed.includes(value)) continue;
    // Older documents keep values that new ones may no longer have (api-notes#legacy-values).
    if (equalJson(value, valueAt(stored, path))) continue;
    if (LEGACY_VALUES.has(value) && account.behaviour.legacyRest === 'accept') continue;
    yield invalid(path, `\`${value}\` is not a valid enum value for path \`${path}\`.`);
  }
  for (const [path, most] of Object.entries(maxLength)) {
    const value = valueAt(doc, path);
    if (typeof value === 'string' && value.length > most) {
      yield invalid(path, `${path} is longer than ${most} characters`);
    }
  }
}

/**
 * References to what does not exist, except those that the stored document holds already. What is sent counts, also
 * where the server keeps its own value.
 */
function* checkReferences({ type, doc, sent, stored }: Draft, account: Account): Faults {
  const known = new Set(
    stored ? internalReferences(type.name, stored).map(({ type: typeName, id }) => `${typeName}/${id}`) : [],
  );
  const named = [...internalReferences(type.name, doc), ...internalReferences(type.name, sent)];
  for (const { type: typeName, id, place } of named) {
    if (account.store.has(typeName, id) || known.has(`${typeName}/${id}`)) continue;
    if (account.unlisted.has(`${typeName}/${id}`)) continue;
    if (place.endsWith('_tpConnectorId')) yield invalid(place, `${place} not found`, 'tpconnector_not_found');
    yield invalid(place, `${place} not found`, 'invalid_ref');
  }
}

function* checkUnique({ type, id, doc }: Draft, account: Account): Faults {
  const { unique } = ruleOf(type.name);
  const value = unique === undefined ? undefined : doc[unique];
  if (unique === undefined || value === undefined) return;
  for (const other of account.store.all(type.name)) {
    if (other._id !== id && other[unique] === value) {
      yield invalid(unique, `duplicate ${type.noun} ${unique}: ${String(value)} is already in use`);
    }
  }
}

function* faultsOf(draft: Draft, account: Account): Faults {
  yield* checkRequired(draft);
  yield* checkValues(draft, account);
  yield* checkUnique(draft, account);
  yield* CHECKS[draft.type.name]?.(draft, account) ?? [];
}

/** Notes what the API may refuse; what a creation and a later update share is noted once. */
function record({ type, id }: Draft, faults: Faults, refusals: Map<string, Refusal>): void {
  for (const { field = '', code, reason: message } of faults) {
    refusals.set([type.name, id, field, code].join(), { type: type.name, id, field, code, message });
  }
}

/**
 * Refuses what the server would refuse, or notes it ({@link Account.behaviour}) (api-notes#validation).
 * @throws ApiFault 422 with the field at fault
 */
export function validate(draft: Draft, account: Account): void {
  for (const fault of checkReferences(draft, account)) throw fault;
  const faults = faultsOf(draft, account);
  if (account.behaviour.validation === 'record') record(draft, faults, account.refusals);
  else for (const fault of faults) throw fault;
}
