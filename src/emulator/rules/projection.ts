import {
  getOwn,
  isArray,
  isObject,
  type Json,
  type JsonObject,
  type MutableJsonObject,
  setOwn,
} from '../../core/json.ts';
import { mapPath, stepsOf, withKey } from '../../core/paths.ts';
import { fault } from '../model/api-fault.ts';

/** What a list shows of each record (api-notes#projection). */
interface Projection {
  /** Names this projection among all others. */
  readonly key: string;
  readonly apply: (doc: JsonObject) => JsonObject;
}

/** Shown in every summary, in addition to `_id` and `name`. */
const ALWAYS: Readonly<Record<string, readonly string[]>> = {
  exports: ['adaptorType'],
  imports: ['adaptorType'],
  ashares: ['accepted', 'accessLevel', 'integrationAccessLevel', 'sharedWithUser'],
  httpconnectors: ['legacyId', 'published'],
  audit: ['resourceType', '_resourceId', 'source', 'event', 'time', 'byUser'],
};

/** The part of a value that a path reaches, nested as it was; `undefined` when there is none. */
function pick(value: Json, steps: readonly string[]): Json | undefined {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (isArray(value)) {
    const items = value.map((item) => pick(item, steps)).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  const held = isObject(value) ? getOwn(value, step) : undefined;
  const inner = held === undefined ? undefined : pick(held, rest);
  if (inner === undefined) return undefined;
  const out: MutableJsonObject = {};
  setOwn(out, step, inner);
  return out;
}

function merge(a: Json | undefined, b: Json): Json {
  if (isArray(a) && isArray(b) && a.length === b.length) return a.map((item, at) => merge(item, b[at] ?? null));
  if (!isObject(a) || !isObject(b)) return b;
  return Object.keys(b).reduce<JsonObject>((out, key) => withKey(out, key, merge(getOwn(a, key), b[key] ?? null)), a);
}

function summary(doc: JsonObject, fields: readonly string[]): JsonObject {
  return fields.reduce<JsonObject>((out, field) => {
    const part = pick(doc, stepsOf(field));
    return part === undefined ? out : (merge(out, part) as JsonObject);
  }, {});
}

function fieldsOf(query: URLSearchParams, name: string): readonly string[] | undefined {
  const text = query.get(name);
  // Empty or bare, the parameter is ignored.
  if (text === null || text === '') return undefined;
  if (!/^[A-Za-z0-9._,]+$/.test(text)) {
    throw fault(400, 'invalid_query_params', `${name} may hold letters, dots, underscores and commas`, name);
  }
  return text.split(',').filter((field) => field !== '');
}

/**
 * The projection that a request asks for, if any. `type` names the type, `allowed` says whether its list takes one.
 * @throws ApiFault 400 for a parameter that is not allowed, 500 for the spelling with brackets
 */
export function projectionOf(query: URLSearchParams, type: string, allowed: boolean): Projection | undefined {
  if (query.has('include[]') || query.has('exclude[]')) {
    throw fault(500, 'internal_error', 'An unexpected error occurred');
  }
  const include = fieldsOf(query, 'include');
  const exclude = fieldsOf(query, 'exclude');
  if (!include && !exclude) return undefined;
  if (!allowed) throw fault(400, 'invalid_query_params', 'include and exclude are not supported here', 'include');
  if (include && exclude) throw fault(400, 'invalid_query_params', 'include or exclude, not both', 'include');
  if (include) {
    const fields = ['_id', 'name', ...(ALWAYS[type] ?? []), ...include];
    return { key: `include ${include.join()}`, apply: (doc) => summary(doc, fields) };
  }
  const left = (exclude ?? []).filter((field) => field !== '_id');
  return {
    key: `exclude ${left.join()}`,
    apply: (doc) => left.reduce((out, field) => mapPath(out, field, () => undefined), doc),
  };
}
