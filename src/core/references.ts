import { CAPTURED_FIELDS, OVERRIDDEN_TYPES, OVERRIDE_FIELDS, OVERRIDING_FIELDS } from '../catalogue/common.ts';
import { PERHAPS_OWN_FIELDS, REFERENCE_FIELDS } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from './json.ts';
import { isObjectId } from './keys.ts';
import { stepsOf } from './paths.ts';
import { covers, type Place } from './places.ts';

/** One reference inside a document. */
export interface Reference {
  /** Where it is in the document, for people: `routers[0].branches[1].pageProcessors[0]._importId`. */
  readonly place: string;
  /** Name of the type it points to; `null` for something outside the account. */
  readonly type: string | null;
  /** Where `type` is `null`: the type of which it may be one of the account's own. */
  readonly perhaps?: string;
  readonly id: string;
}

/**
 * Type of what `_id` or `_abstractId` of an override refers to: `overrides.exports[0]._id`, at any depth; `undefined`
 * for any other place.
 */
function overriddenType(place: Place): string | undefined {
  if (!OVERRIDING_FIELDS.has(String(place.at(-1)))) return undefined;
  const [block, member, index] = place.slice(-4);
  if (typeof index !== 'number' || !OVERRIDE_FIELDS.has(String(block))) return undefined;
  return typeof member === 'string' && OVERRIDDEN_TYPES.has(member) ? member : undefined;
}

/** Whether `_id` at a place names another resource, and not the part of the document that has it. */
export function isReferencePlace(type: ResourceType, place: Place): boolean {
  return overriddenType(place) !== undefined || Object.keys(type.refs ?? {}).some((path) => covers(path, place));
}

/** Inside free-form settings of a resource. */
export const SETTINGS = /(^|\.)settings[.[]/;

/** Values at a catalogue path, with their places. */
function at(value: Json | undefined, steps: readonly string[], place: string): { value: Json; place: string }[] {
  const [step, ...rest] = steps;
  if (value === undefined) return [];
  if (step === undefined) return [{ value, place }];
  if (step === '[]') return isArray(value) ? value.flatMap((item, i) => at(item, rest, `${place}[${i}]`)) : [];
  if (!isObject(value)) return [];
  const keys = step === '*' ? Object.keys(value) : [step];
  return keys.flatMap((key) => at(getOwn(value, key), rest, place === '' ? key : `${place}.${key}`));
}

function shown(place: Place): string {
  return place.reduce((text: string, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/**
 * Every reference of a document to another resource: by field name at any depth, and at the places the catalogue
 * names for the type (api-notes#references). Subtrees that hold records of other systems are skipped.
 */
export function referencesOf(type: ResourceType, doc: JsonObject): readonly Reference[] {
  const found: Reference[] = [];
  const add = (typeName: string | null, value: Json, place: string, perhaps?: string): void => {
    if (isObjectId(value)) found.push({ place, type: typeName, id: value, ...(perhaps ? { perhaps } : {}) });
    else if (isArray(value)) for (const [i, item] of value.entries()) add(typeName, item, `${place}[${i}]`, perhaps);
  };
  const path: (string | number)[] = [];
  const visit = (value: Json): void => {
    if (isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        path.push(i);
        visit(value[i] as Json);
        path.pop();
      }
    } else if (isObject(value)) {
      for (const key of Object.keys(value)) {
        if (CAPTURED_FIELDS.has(key)) continue;
        const held = value[key] as Json;
        path.push(key);
        const named = getOwn(REFERENCE_FIELDS, key) as string | null | undefined;
        const typeName = named === undefined ? overriddenType(path) : named;
        if (typeName !== undefined) add(typeName, held, shown(path), PERHAPS_OWN_FIELDS.get(key));
        else visit(held);
        path.pop();
      }
    }
  };
  visit(doc);
  for (const [path, typeName] of Object.entries(type.refs ?? {})) {
    for (const { value, place } of at(doc, stepsOf(path), '')) add(typeName, value, place);
  }
  return found;
}

/**
 * References to what a resource needs: the server deletes nothing that is used, and brings nothing back without what it
 * uses (api-notes#deleting). What is merely registered, and free-form settings, are left out.
 */
export function usesOf(type: ResourceType, doc: JsonObject): readonly Reference[] {
  const registered = (place: string): boolean =>
    (type.registrations ?? []).some((field) => place === field || place.startsWith(`${field}[`));
  return referencesOf(type, doc).filter(
    ({ id, place }) => id !== doc._id && !registered(place) && !SETTINGS.test(place),
  );
}
