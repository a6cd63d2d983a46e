import stableStringify from 'fast-json-stable-stringify';
import {
  CHOSEN_KEY_FIELDS,
  CLAMP_RANGE,
  CLAMPED_FIELDS,
  MAPPING_FIELDS,
  VOLATILE_MEMBERS,
} from '../catalogue/common.ts';
import { PERHAPS_OWN_FIELDS } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { digestOf } from '../core/digest.ts';
import { diffFields } from '../core/field-diff.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from '../core/json.ts';
import { isObjectId } from '../core/keys.ts';
import { equalJson, stepsOf } from '../core/paths.ts';
import { atPlace, covers, type Place, placeText } from '../core/places.ts';
import { bothRestorable, leftAlone, restorable, withLiveFixed, withLiveSwitches } from './body.ts';
import { isInnerId } from './ids.ts';
import { writtenApart } from './left-out.ts';
import type { IdMap } from './types.ts';

/** What a write leaves at one place, in place of what it sends; a missing side: the field is absent there. */
export interface Kept {
  readonly place: Place;
  readonly wanted?: Json;
  readonly live?: Json;
}

/** What the server made of earlier writes of one resource: digests by {@link noteOf}. */
export type Made = ReadonlySet<string>;

/**
 * Says "what is wanted at this place becomes what is live there", without saying what it is. It holds for these two
 * values only: whoever changes the field afterwards makes another difference, which is put back.
 */
export function noteOf({ place, wanted, live }: Kept): string {
  const text = (value: Json | undefined): string => (value === undefined ? '' : stableStringify(value));
  return digestOf(`${placeText(place)}\n${text(wanted)}\n${text(live)}`);
}

/** What of two states is the server's: the wanted document with it as it is live, and where that is. */
interface Converged {
  readonly doc: JsonObject;
  readonly kept: readonly Kept[];
}

type IsServers = (place: Place, wanted: Json | undefined, live: Json | undefined) => boolean;

function keptAt(place: Place, wanted: Json | undefined, live: Json | undefined): Kept {
  return { place, ...(wanted === undefined ? {} : { wanted }), ...(live === undefined ? {} : { live }) };
}

/** Takes over from the live document what is the server's. Lists of another length are compared as a whole. */
function takeOver(wanted: JsonObject, live: JsonObject, isServers: IsServers): Converged {
  const kept: Kept[] = [];
  const visit = (ours: Json | undefined, theirs: Json | undefined, place: Place): Json | undefined => {
    if (equalJson(ours, theirs)) return ours;
    if (place.length > 0 && isServers(place, ours, theirs)) {
      kept.push(keptAt(place, ours, theirs));
      return theirs;
    }
    if (isArray(ours) && isArray(theirs) && ours.length === theirs.length)
      return ours.map((item, i) => visit(item, theirs[i], [...place, i]) ?? null);
    if (!isObject(ours) || !isObject(theirs)) return ours;
    const out: MutableJsonObject = {};
    for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
      const held = visit(getOwn(ours, key), getOwn(theirs, key), [...place, key]);
      if (held !== undefined) setOwn(out, key, held);
    }
    return out;
  };
  return { doc: visit(wanted, live, []) as JsonObject, kept };
}

/** Whether a catalogue path names exactly this place. */
function isAt(path: string, place: Place): boolean {
  return stepsOf(path).length === place.length && covers(path, place);
}

/** Whether no licence allows the wanted value. */
function isClamped(wanted: number, live: number): boolean {
  const { least, greatest } = CLAMP_RANGE;
  return wanted < least ? live === least : greatest.includes(live) && wanted > Math.max(...greatest);
}

/** Whether each write fills in the value where a document has none (api-notes#defaults). */
function isFilled(type: ResourceType, place: Place, value: Json): boolean {
  return Object.entries(type.fills ?? {}).some(([path, values]) => values.includes(value) && isAt(path, place));
}

/** Values that no write brings about, whatever became of earlier ones (api-notes#clamped, api-notes#defaults). */
function isReplaced(type: ResourceType, place: Place, wanted: Json | undefined, live: Json | undefined): boolean {
  if (wanted === undefined && live !== undefined) return isFilled(type, place, live);
  if (typeof wanted === 'number' && typeof live === 'number')
    return CLAMPED_FIELDS.has(String(place.at(-1))) && isClamped(wanted, live);
  const known = Object.entries(type.settles ?? {}).find(([path]) => covers(path, place))?.[1] ?? [];
  return known.some((value) => value === live) && wanted !== undefined && !known.some((value) => value === wanted);
}

/** Whether people choose what is in the value at a place: something empty is a value there. */
function isChosen(place: Place): boolean {
  return place.some((step) => typeof step === 'string' && CHOSEN_KEY_FIELDS.has(step) && !MAPPING_FIELDS.has(step));
}

/** Whether a value at a place says what becomes of a record: only its lists may be empty without a meaning. */
function isMapping(place: Place): boolean {
  return place.some((step) => typeof step === 'string' && MAPPING_FIELDS.has(step));
}

/** Whether something holds no value at all, nor anything that a person would enter. */
function isHollow(type: ResourceType, value: Json | undefined, place: Place): boolean {
  if (isArray(value)) return value.every((item, i) => !isMapping(place) && isHollow(type, item, [...place, i]));
  if (isObject(value) && isChosen(place)) return Object.keys(value).length === 0;
  if (isObject(value)) return Object.keys(value).every((key) => isHollow(type, value[key], [...place, key]));
  if (isObjectId(value)) return isInnerId(type, place);
  if (isMapping(place)) return false;
  return value === undefined || value === null || value === false || String(value) === '';
}

/**
 * Differences that mean nothing, whatever the server made of earlier writes: the id of a part, which no write sets, and
 * null or an empty block or list against none (api-notes#defaults). Another empty value may mean something: a mapping
 * to the empty text is another one than no mapping.
 */
function isNothing(type: ResourceType, place: Place, wanted: Json | undefined, live: Json | undefined): boolean {
  if (place.at(-1) === '_id' && [wanted, live].every((id) => id === undefined || isObjectId(id)))
    return isInnerId(type, place);
  if (isChosen(place.slice(0, -1))) return false;
  if (wanted !== undefined && live !== undefined) return false;
  const present = wanted === undefined ? live : wanted;
  return typeof present === 'object' && isHollow(type, present, place);
}

/** A document with what another one has in its place wherever the two mean the same. Both are restorable. */
export function withSameMeaning(type: ResourceType, ours: JsonObject, theirs: JsonObject): JsonObject {
  return takeOver(ours, theirs, (place, a, b) => {
    const present = a === undefined ? b : b === undefined ? a : undefined;
    return isNothing(type, place, a, b) || (present !== undefined && isFilled(type, place, present));
  }).doc;
}

function isStill(type: ResourceType): IsServers {
  return (...difference) => isNothing(type, ...difference) || isReplaced(type, ...difference);
}

/** Whether the platform changes the member at a place by itself, the rest of the document being as it is. */
function isAdjusted(doc: JsonObject, place: Place): boolean {
  const member = VOLATILE_MEMBERS.get(String(place.at(-1)));
  const holder = atPlace(doc, place.slice(0, -1));
  return member !== undefined && isObject(holder) && !isChosen(place) && (member.when?.(holder, doc) ?? true);
}

/**
 * The wanted document with what the server would make of it again. Both are restorable, with the ids of the target.
 * @param made what the server made of earlier writes of this resource
 */
export function converge(type: ResourceType, wanted: JsonObject, live: JsonObject, made: Made): Converged {
  const alone = leftAlone(type);
  const still = isStill(type);
  const { doc, kept } = takeOver(
    withLiveFixed(type, wanted, live),
    live,
    (...difference) =>
      alone.some((path) => covers(path, difference[0])) ||
      still(...difference) ||
      (made.size > 0 && made.has(noteOf(keptAt(...difference)))),
  );
  // With what the server adds to it, the platform may adjust what the state still held as a person's.
  const adjusted = takeOver(doc, live, (place, _, theirs) => theirs === undefined && isAdjusted(doc, place));
  return { doc: adjusted.doc, kept: [...kept, ...adjusted.kept] };
}

/** The wanted document as far as an update can bring it about: {@link converge}, with switches as they are live. */
export function reachable(type: ResourceType, wanted: JsonObject, live: JsonObject, made: Made): Converged {
  return converge(type, withLiveSwitches(type, wanted, live), live, made);
}

/**
 * Whether others changed a resource that a write of ours may have reached: a place shows neither what the write found
 * nor what it was to bring. What calls of their own write, and the ids of parts, are left out.
 * @param ids ids of the state → ids of the target
 */
export function changedBesides(
  type: ResourceType,
  doc: { readonly before: JsonObject; readonly wanted: JsonObject; readonly live: JsonObject },
  ids: IdMap,
): boolean {
  const { wanted, live } = bothRestorable(type, doc.wanted, doc.live, ids);
  const before = restorable(type, doc.before, new Map());
  const apart = writtenApart(type);
  return diffFields(live, reachable(type, wanted, live, new Set()).doc).some(
    ({ place }) =>
      !apart.some((path) => covers(path, place)) && !equalJson(atPlace(before, place), atPlace(live, place)),
  );
}

/** The nearest name of a field at or above a place. */
function fieldOf(place: Place): string {
  return String(place.findLast((step) => typeof step === 'string') ?? '');
}

function isWithin(some: readonly Json[], all: readonly Json[]): boolean {
  let at = 0;
  for (const item of all) if (at < some.length && equalJson(some[at], item)) at += 1;
  return at === some.length;
}

/** Whether two texts differ in letter case and blanks around them only. */
function isSameText(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase();
}

/**
 * What the server made of a write, to be expected of each further one: what it added, the letter case of a text
 * and the blanks around it, a number that it limits. Anything else that is not as it was sent was lost, and is none of
 * this.
 * @param wanted what was sent, with the switches as they were sent
 * @param after what the answer to the write shows
 * @param before what was there before, unless it was created
 */
export function madeBy(
  type: ResourceType,
  wanted: JsonObject,
  after: JsonObject,
  before: JsonObject | undefined,
): readonly Kept[] {
  const still = isStill(type);
  const settled = takeOver(wanted, after, still).doc;
  return takeOver(settled, after, (place, ours, theirs) => {
    if (ours === undefined || theirs === undefined) return ours === undefined;
    // The server links a step to the part of a catalogue that fits (api-notes#connector-pointers).
    if (isObjectId(ours) && isObjectId(theirs)) return PERHAPS_OWN_FIELDS.has(fieldOf(place));
    if (typeof ours === 'string' && typeof theirs === 'string') return isSameText(ours, theirs);
    if (isArray(ours) && isArray(theirs)) return ours.length < theirs.length && isWithin(ours, theirs);
    if (typeof ours !== 'number' || typeof theirs !== 'number') return false;
    // A number that stays as it was may have been ignored, unless it is known to be limited.
    return CLAMPED_FIELDS.has(String(place.at(-1))) || atPlace(before, place) !== theirs;
  }).kept;
}
