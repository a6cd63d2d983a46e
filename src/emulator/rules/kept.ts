import type { ResourceType } from '../../catalogue/types.ts';
import {
  getOwn,
  isArray,
  isObject,
  type Json,
  type JsonObject,
  type MutableJsonObject,
  setOwn,
} from '../../core/json.ts';
import { equalJson, setPlace, valueAt, withKey } from '../../core/paths.ts';
import { isMask } from '../../core/secrets.ts';
import { invalid } from '../model/api-fault.ts';
import type { Behaviour } from '../model/behaviour.ts';
import { readOnlyPaths, ruleOf } from './rules.ts';

/** Only the fields that clients may write at all. */
function writableOnly(type: ResourceType, body: JsonObject, stored: JsonObject | undefined): JsonObject {
  const { writable } = ruleOf(type.name);
  if (!writable) return body;
  const out: MutableJsonObject = {};
  for (const [key, value] of Object.entries(stored ?? {})) if (!writable.includes(key)) setOwn(out, key, value);
  for (const key of writable) if (body[key] !== undefined) setOwn(out, key, body[key]);
  return out;
}

/** The document with a member as the server has it. A block that the document lacks is not brought back for it. */
function withMember(doc: JsonObject, path: string, value: Json | undefined): JsonObject {
  const cut = path.lastIndexOf('.');
  if (cut === -1) return withKey(doc, path, value);
  return isObject(valueAt(doc, path.slice(0, cut))) ? setPlace(doc, path, value) : doc;
}

/** Puts the server's own values in the place of what a client sent in read-only fields. */
function keepServerFields(type: ResourceType, body: JsonObject, stored: JsonObject | undefined): JsonObject {
  let doc = body;
  for (const path of readOnlyPaths(type)) {
    // On an API of the old kind these two are the configuration itself (api-notes#api-legacy).
    if (type.name === 'apis' && (path === '_scriptId' || path === 'function')) continue;
    const held = valueAt(stored, path);
    if (!equalJson(held, valueAt(doc, path))) doc = withMember(doc, path, held);
  }
  return doc;
}

/** Keeps what a PUT may leave out (api-notes#put). */
function keepOmitted(type: ResourceType, body: JsonObject, stored: JsonObject): JsonObject {
  return (ruleOf(type.name).keeps ?? []).reduce((doc, path) => {
    const [held, sent] = [valueAt(stored, path), valueAt(doc, path)];
    if (sent === null) return withMember(doc, path, undefined);
    return held !== undefined && sent === undefined ? withMember(doc, path, held) : doc;
  }, body);
}

/** Refuses a change of what is fixed at creation; some such changes are ignored instead (api-notes#immutable). */
function keepImmutable(type: ResourceType, body: JsonObject, stored: JsonObject): JsonObject {
  const { silentlyFixed = [], required = [] } = ruleOf(type.name);
  let doc = body;
  for (const path of new Set([...(type.restore.immutable ?? []), ...silentlyFixed])) {
    const [held, sent] = [valueAt(stored, path), valueAt(doc, path)];
    if (equalJson(held, sent)) continue;
    if (silentlyFixed.includes(path)) doc = withMember(doc, path, held);
    else if (sent === undefined && !required.includes(path)) doc = withMember(doc, path, held);
    else if (sent !== undefined) throw invalid(path, `${path} cannot be changed`);
  }
  return doc;
}

/** With the stored credential wherever a mask was sent (api-notes#mask-writes). */
function withoutMasks(value: Json, stored: Json | undefined): Json | undefined {
  if (isMask(value)) return stored;
  if (isArray(value)) {
    const before = isArray(stored) ? stored : [];
    return value.flatMap((item, i) => withoutMasks(item, before[i]) ?? []);
  }
  if (!isObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const key of Object.keys(value)) {
    const held = withoutMasks(value[key] as Json, isObject(stored) ? getOwn(stored, key) : undefined);
    if (held !== undefined) setOwn(out, key, held);
  }
  return out;
}

/**
 * What a POST or PUT makes of a body before it is checked: the server's own fields, what it keeps and what it fixed.
 * @throws ApiFault 422 for a change of what cannot be changed
 */
export function kept(
  type: ResourceType,
  body: JsonObject,
  stored: JsonObject | undefined,
  { maskedWrites }: Behaviour,
): JsonObject {
  let doc = keepServerFields(type, writableOnly(type, body, stored), stored);
  if (maskedWrites === 'keep' || ruleOf(type.name).maskKeeps) doc = withoutMasks(doc, stored) as JsonObject;
  return stored ? keepImmutable(type, keepOmitted(type, doc, stored), stored) : doc;
}
