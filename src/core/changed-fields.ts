import type { ResourceType } from '../catalogue/types.ts';
import { getOwn, isObject, type Json, type JsonObject } from './json.ts';
import { equalJson, valueAt } from './paths.ts';

/** What changed in a resource, for subjects and messages: names of fields, never a value. */
export interface ChangedFields {
  /** People know it by another name now. */
  readonly renamed: boolean;
  /** It was switched off or on. */
  readonly switched: 'disabled' | 'enabled' | undefined;
  /** The other fields, the outermost two names of each. */
  readonly fields: readonly string[];
}

/** Fields that are named one by one. */
const MOST_FIELDS = 3;
/** A name of a field: keys that people chose may be data, and markers are none. */
const FIELD_NAME = /^[_a-z][a-z_]{0,39}$/i;

/** The members in which two objects differ. */
function differing(before: JsonObject, after: JsonObject): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !equalJson(getOwn(before, key), getOwn(after, key)));
}

/** The outermost two names of what differs in a member. */
function namesIn(key: string, before: Json | undefined, after: Json | undefined): string[] {
  if (!isObject(before) || !isObject(after)) return [key];
  const inner = differing(before, after);
  return inner.every((name) => FIELD_NAME.test(name)) ? inner.map((name) => `${key}.${name}`) : [key];
}

/** Compares two documents of a resource. */
export function changedFields(type: ResourceType, before: JsonObject, after: JsonObject): ChangedFields {
  const title = type.title ?? 'name';
  const switches = (type.restore.switches ?? []).filter(
    (path) => !equalJson(valueAt(before, path), valueAt(after, path)),
  );
  const known = new Set([title, ...switches]);
  const all = differing(before, after).flatMap((key) => namesIn(key, getOwn(before, key), getOwn(after, key)));
  const off = switches.some((path) => valueAt(after, path) === true);
  return {
    renamed: !equalJson(valueAt(before, title), valueAt(after, title)),
    switched: switches.length === 0 ? undefined : off ? 'disabled' : 'enabled',
    fields: all.filter((name) => !known.has(name)).sort(),
  };
}

/** `renamed, disabled`; empty where neither holds. */
export function stateWords({ renamed, switched }: ChangedFields): string {
  return [...(renamed ? ['renamed'] : []), ...(switched ? [switched] : [])].join(', ');
}

/** `renamed, disabled, schedule and routers changed`; empty where nothing is known to differ. */
export function fieldWords(changed: ChangedFields): string {
  const { fields } = changed;
  const some = fields.slice(0, MOST_FIELDS);
  const rest = fields.length - some.length;
  const last = rest > 0 ? `${rest} more ${rest === 1 ? 'field' : 'fields'}` : some.pop();
  const list = some.length > 0 ? `${some.join(', ')} and ${last}` : last;
  return [stateWords(changed), ...(fields.length > 0 ? [`${list} changed`] : [])]
    .filter((part) => part !== '')
    .join(', ');
}
