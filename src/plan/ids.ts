import { CAPTURED_FIELDS } from '../catalogue/common.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from '../core/json.ts';
import { isObjectId } from '../core/keys.ts';
import { type Place, placeText, visitLeaves } from '../core/places.ts';
import { isReferencePlace, SETTINGS } from '../core/references.ts';
import type { IdMap } from './types.ts';

const ID_WITHIN = /(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])/g;

/** Rewrites every text and key, but records of other systems (samples). What does not change stays the same value. */
function rewriteTexts(value: Json, rewritten: (text: string) => string): Json {
  if (typeof value === 'string') return rewritten(value);
  if (isArray(value)) {
    let items: Json[] | undefined;
    for (const [i, item] of value.entries()) {
      const inner = rewriteTexts(item, rewritten);
      if (inner !== item) items ??= value.slice(0, i);
      items?.push(inner);
    }
    return items ?? value;
  }
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  let out: MutableJsonObject | undefined;
  for (const [i, key] of keys.entries()) {
    const held = value[key] as Json;
    const name = rewritten(key);
    const inner = CAPTURED_FIELDS.has(key) ? held : rewriteTexts(held, rewritten);
    if (out === undefined) {
      if (name === key && inner === held) continue;
      out = {};
      for (const before of keys.slice(0, i)) setOwn(out, before, value[before] as Json);
    }
    setOwn(out, name, inner);
  }
  return out ?? value;
}

/**
 * The document with every id replaced that is a complete string or key, at any depth. Records of
 * other systems (samples) are left alone.
 */
export function rewriteIds<T extends Json>(value: T, ids: IdMap): T {
  return ids.size === 0 ? value : (rewriteTexts(value, (text) => ids.get(text) ?? text) as T);
}

/**
 * As {@link rewriteIds}, and with every id replaced that is a part of a longer text or key, such as code or a URI: for
 * comparing, no restore writes it.
 */
export function rewriteAllIds<T extends Json>(value: T, ids: IdMap): T {
  const within = (text: string): string => {
    const inner = text.length > 24 ? text.replace(ID_WITHIN, (id) => ids.get(id) ?? id) : text;
    return ids.get(inner) ?? inner;
  };
  return ids.size === 0 ? value : (rewriteTexts(value, within) as T);
}

/** Where {@link rewriteIds} would put another id, and the one that is there. */
export function wholeIds(
  doc: JsonObject,
  known: (id: string) => boolean,
): readonly { readonly place: Place; readonly id: string }[] {
  const found: { place: Place; id: string }[] = [];
  const visit = (value: Json, place: Place): void => {
    if (typeof value === 'string') {
      if (known(value)) found.push({ place, id: value });
    } else if (isArray(value)) {
      for (const [i, item] of value.entries()) visit(item, [...place, i]);
    } else if (isObject(value)) {
      for (const key of Object.keys(value)) {
        if (known(key)) found.push({ place: [...place, key], id: key });
        if (!CAPTURED_FIELDS.has(key)) visit(value[key] as Json, [...place, key]);
      }
    }
  };
  visit(doc, []);
  return found;
}

/** An id inside a longer text, such as code or a URI. It is never rewritten. */
interface EmbeddedId {
  readonly place: string;
  readonly id: string;
}

/** Ids of `known` inside longer texts of a document. */
export function embeddedIds(doc: JsonObject, known: (id: string) => boolean): EmbeddedId[] {
  const found: EmbeddedId[] = [];
  visitLeaves(
    doc,
    (leaf, place) => {
      // The id of what is below another resource contains the other's (api-notes#below).
      if (typeof leaf !== 'string' || leaf.length <= 24 || (place.length === 1 && place[0] === '_id')) return;
      for (const id of new Set(leaf.match(ID_WITHIN))) if (known(id)) found.push({ place: placeText(place), id });
    },
    (_value, place) => !CAPTURED_FIELDS.has(String(place.at(-1))),
  );
  return found;
}

/** Whether `_id` at a place names a part of the document itself (a group, a version) and not another resource. */
export function isInnerId(type: ResourceType, place: Place): boolean {
  if (place.length < 2 || place.at(-1) !== '_id' || SETTINGS.test(placeText(place))) return false;
  return !isReferencePlace(type, place);
}

/** Without the ids that the server gives to parts of a document; those in `keep` stay (api-notes#inner-ids). */
export function withoutInnerIds(type: ResourceType, doc: JsonObject, keep: ReadonlySet<string>): JsonObject {
  const strip = (value: Json, place: Place): Json => {
    if (isArray(value)) return value.map((item, i) => strip(item, [...place, i]));
    if (!isObject(value)) return value;
    const out: MutableJsonObject = {};
    for (const key of Object.keys(value)) {
      const held = value[key] as Json;
      const inner = [...place, key];
      if (isObjectId(held) && !keep.has(held) && isInnerId(type, inner)) continue;
      setOwn(out, key, CAPTURED_FIELDS.has(key) ? held : strip(held, inner));
    }
    return out;
  };
  return strip(doc, []) as JsonObject;
}

/** Ids of a document's own parts. */
export function innerIds(type: ResourceType, doc: JsonObject): Set<string> {
  const found = new Set<string>();
  visitLeaves(
    doc,
    (leaf, place) => {
      if (isInnerId(type, place)) found.add(leaf as string);
    },
    undefined,
    isObjectId,
  );
  return found;
}

/** Members by which the server knows a part again, the best first (api-notes#inner-ids). */
const KNOWN_BY = ['_fileId', 'name'] as const;

function idOf(part: Json | undefined): string | undefined {
  const id = isObject(part) ? getOwn(part, '_id') : undefined;
  return isObjectId(id) ? id : undefined;
}

/** The element of `theirs` that is the same part as the one at `index`; `byPosition`: where nothing else shows it. */
function samePart(
  ours: readonly Json[],
  index: number,
  theirs: readonly Json[],
  byPosition: boolean,
): Json | undefined {
  const part = ours[index];
  const id = idOf(part);
  const same = id === undefined ? undefined : theirs.find((other) => idOf(other) === id);
  if (same !== undefined) return same;
  // What is another part of the same document cannot be this one.
  const known = new Set(ours.map(idOf));
  const free = (other: Json | undefined): boolean => idOf(other) === undefined || !known.has(idOf(other));
  if (id !== undefined && isObject(part)) {
    for (const field of KNOWN_BY) {
      const mark = getOwn(part, field);
      const alike = theirs.filter((other) => isObject(other) && mark !== undefined && getOwn(other, field) === mark);
      if (alike.length === 1 && free(alike[0])) return alike[0];
    }
  }
  const there = theirs[index];
  if (ours.length !== theirs.length || !free(there)) return undefined;
  return byPosition || idOf(there) === undefined ? there : undefined;
}

/**
 * The new ids of a document's parts: both documents are walked side by side, and every `_id` of one part that differs
 * is a pair. Parts are the same by their id, by what the server knows them by, or by their position.
 * @param byPosition whether the position alone may tell: one document was made from the other
 */
export function pairInnerIds(type: ResourceType, wanted: Json, stored: Json, byPosition = true): Map<string, string> {
  const pairs = new Map<string, string>();
  const visit = (ours: Json, theirs: Json | undefined, place: Place): void => {
    if (isArray(ours)) {
      if (isArray(theirs))
        for (const [i, item] of ours.entries()) visit(item, samePart(ours, i, theirs, byPosition), [...place, i]);
      return;
    }
    if (!isObject(ours) || !isObject(theirs)) return;
    for (const key of Object.keys(ours)) {
      if (CAPTURED_FIELDS.has(key)) continue;
      const [a, b] = [ours[key] as Json, theirs[key]];
      const inner = [...place, key];
      if (typeof a === 'string' && typeof b === 'string') {
        if (a !== b && isObjectId(a) && isObjectId(b) && isInnerId(type, inner)) pairs.set(a, b);
      } else visit(a, b, inner);
    }
  };
  visit(wanted, stored, []);
  return pairs;
}
