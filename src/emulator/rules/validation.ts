import { isArray, type Json } from '../../core/json.ts';
import { equalJson, valueAt, valuesAt } from '../../core/paths.ts';
import type { Account, Refusal } from '../model/account.ts';
import { invalid, missing } from '../model/api-fault.ts';
import { internalReferences } from '../model/links.ts';
import { CHECKS } from './checks.ts';
import type { Draft, Faults } from './draft.ts';
import { ruleOf } from './rules.ts';
import { LEGACY_VALUES, valuesOf } from './values.ts';

function isBlank(value: Json | undefined): boolean {
  return value === undefined || value === null || value === '';
}

function* checkRequired({ type, doc, stored }: Draft): Faults {
  const { required = [], requiredOnCreate = [] } = ruleOf(type.name);
  for (const path of stored ? required : [...required, ...requiredOnCreate]) {
    if (isBlank(valueAt(doc, path))) yield missing(path);
  }
}

/** The values at a path that differ from those that the stored document has there (api-notes#legacy-values). */
function changed({ doc, stored }: Draft, path: string): readonly Json[] {
  const before = valuesAt(stored, path);
  return valuesAt(doc, path).filter((value) => !before.some((held) => equalJson(held, value)));
}

function* checkEnums(draft: Draft, account: Account): Faults {
  for (const [path, allowed] of Object.entries(valuesOf(draft.type.name).enums ?? {})) {
    for (const value of changed(draft, path)) {
      if (typeof value !== 'string') continue;
      const isPast = LEGACY_VALUES.has(value) && account.behaviour.legacyRest === 'refuse';
      if (allowed.includes(value) && !isPast) continue;
      yield invalid(path, `\`${value}\` is not a valid enum value for path \`${path}\`.`, 'enum');
    }
  }
}

/** Limits of lengths, sizes and numbers. Their codes are inferred from the few that are documented. */
function* checkLimits({ type, doc }: Draft): Faults {
  const { maxBytes = {}, range = {}, maxItems = {}, patterns = {} } = valuesOf(type.name);
  const over = (path: string, most: number, what: string) =>
    invalid(path, `${path} is longer than ${most} ${what}`, 'size_limit_exceeded');
  for (const [path, most] of Object.entries(type.maxLength ?? {})) {
    for (const value of valuesAt(doc, path)) {
      if (typeof value === 'string' && value.length > most) yield over(path, most, 'characters');
    }
  }
  for (const [path, most] of Object.entries(maxBytes)) {
    const value = valueAt(doc, path);
    if (value !== undefined && Buffer.byteLength(JSON.stringify(value)) > most) yield over(path, most, 'bytes');
  }
  for (const [path, most] of Object.entries(maxItems)) {
    const value = valueAt(doc, path);
    if (isArray(value) && value.length > most) yield over(path, most, 'entries');
  }
  for (const [path, [least, most]] of Object.entries(range)) {
    const value = valueAt(doc, path);
    if (typeof value !== 'number') continue;
    if (value < least) yield invalid(path, `${path} must be at least ${least}`, 'min');
    if (value > most) yield invalid(path, `${path} must be at most ${most}`, 'invalid_field_value');
  }
  for (const [path, pattern] of Object.entries(patterns)) {
    for (const value of valuesAt(doc, path)) {
      if (typeof value === 'string' && !pattern.test(value)) {
        yield invalid(path, `${path} may not be ${value}`, 'invalid_field_value');
      }
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
  yield* checkEnums(draft, account);
  yield* checkLimits(draft);
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
