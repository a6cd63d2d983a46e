import type { ResourceType, RestoreRule } from '../catalogue/types.ts';
import { AppError } from '../core/errors.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { secretOf } from '../core/markers.ts';
import { setSteps } from '../core/paths.ts';
import { placeholderIn } from '../core/placeholders.ts';
import { atPlace, covers, type Place, placeOf, placeText } from '../core/places.ts';
import { markedKeys, secretPlaces } from '../core/secret-places.ts';
import { isMask, labelOf } from '../core/secrets.ts';
import { isPartlyKnown, isRecords, samePlace } from './own-places.ts';
import { fillText } from './redacted-texts.ts';

/** Credentials that a person supplies for one resource, by place; `null` agrees to the loss of that credential. */
export type Supplied = ReadonlyMap<string, Json>;

/** The name of an entry such as `{ name: 'X-Api-Key', value: … }`, whether it has its value or not. */
function entryName(item: Json | undefined): string | undefined {
  return isObject(item) ? labelOf(item) : undefined;
}

function isWithheld(value: Json | undefined): boolean {
  return isMask(value) || secretOf(value) !== undefined;
}

/** Whether an element of a list is an entry of which the value is a credential (api-notes#headers-need-values). */
function isSecretEntry(item: Json): boolean {
  return isObject(item) && entryName(item) !== undefined && isWithheld(getOwn(item, 'value'));
}

/**
 * The document without its credentials, for comparing; elements of lists become `null`, so that the others keep their
 * places, but entries are left out as a whole: without their value they cannot be written. A text that something was
 * taken out of stays: the rest of it may differ.
 */
export function withoutSecrets(value: Json): Json {
  if (isWithheld(value)) return null;
  if (isArray(value)) return value.filter((item) => !isSecretEntry(item)).map(withoutSecrets);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value).flatMap((key): [string, Json][] => {
      const held = value[key] as Json;
      return isWithheld(held) ? [] : [[key, withoutSecrets(held)]];
    }),
  );
}

/** Takes a credential out, and with it the entry of a list that would be left without its value. */
function takeOut(doc: Json, place: Place): Json {
  const [entry, index] = [place.slice(0, -1), place.at(-2)];
  const whole = place.at(-1) === 'value' && typeof index === 'number' && entryName(atPlace(doc, entry)) !== undefined;
  const out = setSteps(doc, whole ? entry : place, undefined);
  // What was next to it may look like a marker now.
  return entry.length > 0 && secretOf(atPlace(out, entry)) !== undefined ? takeOut(out, entry) : out;
}

/** The value that a live document has in the place that a wanted one has for a credential. */
export function liveSecret(wanted: JsonObject, live: JsonObject, place: Place): Json | undefined {
  const own = samePlace(wanted, live, place);
  return own && atPlace(live, own);
}

/** A document whose credentials were filled in as far as they are known. */
export interface Filled {
  readonly doc: JsonObject;
  /** Places of which the value is not known; they are no longer in the document. */
  readonly missing: readonly string[];
  /** Places in which the live value stays, although the mirror shows that it was another one. */
  readonly kept: readonly string[];
}

/**
 * What was handed in and is a value. Masks, markers and empty texts supply nothing, wherever they come from: taken for
 * a credential they would let a write through that erases the real one.
 */
export function realValues(supplied: Supplied): Supplied {
  return new Map([...supplied].filter(([, value]) => value === null || !placeholderIn(value)));
}

function supply(doc: JsonObject, supplied: Supplied): { doc: JsonObject; given: Set<string> } {
  let out: Json = doc;
  const given = new Set<string>();
  for (const [path, value] of realValues(supplied)) {
    const place = placeOf(path);
    // A path below a mask that hides an object of credentials replaces the mask by an object.
    for (let length = 1; length < place.length; length++) {
      const part = place.slice(0, length);
      const held = atPlace(out, part);
      if (!isMask(held) && secretOf(held) === undefined) continue;
      out = setSteps(out, part, {});
      given.add(placeText(part));
    }
    out = setSteps(out, place, value === null ? undefined : value);
    given.add(placeText(place));
  }
  return { doc: out as JsonObject, given };
}

/** A live document, as far as it is known. */
export interface LiveSecrets {
  /** As the API shows it; while a restore is planned, as the mirror holds it. */
  readonly raw: JsonObject;
  /** As the mirror would hold it. */
  readonly doc: JsonObject;
  /** What the mirror takes out of it: fingerprint → credential. */
  readonly taken?: ReadonlyMap<string, string>;
}

/** The value in plain text at a place of a live document. @param fingerprint of what the mirror has there */
function plainText({ raw, doc, taken }: LiveSecrets, place: Place, fingerprint?: string): Json | undefined {
  const there = samePlace(doc, raw, place) ?? place;
  const value = atPlace(raw, there);
  if (value === undefined || isMask(value)) return undefined;
  if (typeof value !== 'string' || fingerprint === undefined || raw === doc) return value;
  // Lists may be in another order, with nothing to know their elements by.
  const known = taken?.get(fingerprint);
  return known === undefined || known === value ? value : known;
}

/**
 * Puts credentials in the places of masks and markers: those supplied, and where the API shows plain text, the live
 * ones, each in the place in which the live document has it and nowhere else. What stays unknown is taken out and
 * reported; a mask is never left in.
 */
export function fillSecrets(
  { restore: { maskKeeps = [] }, entries }: Pick<ResourceType, 'entries'> & { restore: Pick<RestoreRule, 'maskKeeps'> },
  wanted: JsonObject,
  supplied: Supplied,
  live: LiveSecrets | undefined,
): Filled {
  const { doc, given } = supply(wanted, supplied);
  let out: JsonObject = doc;
  const missing: string[] = [];
  const kept: string[] = [];
  // From the back: taking out an element of a list must not move the places that are still to be visited.
  for (const { place, fingerprint, inText } of secretPlaces(doc).reverse()) {
    const text = placeText(place);
    const shown = live && atPlace(live.raw, place);
    if (fingerprint === undefined && isMask(shown) && maskKeeps.some((path) => covers(path, place))) {
      out = setSteps(out, place, shown) as JsonObject;
      continue;
    }
    const own = live && fingerprint !== undefined ? samePlace(doc, live.doc, place) : undefined;
    const value =
      live && own && (inText ? filledText(doc, live, place, own, entries) : filledValue(live, own, fingerprint));
    if (value) {
      out = setSteps(out, place, value.value) as JsonObject;
      if (value.other) kept.push(text);
    } else {
      out = takeOut(out, place) as JsonObject;
      if (!given.has(text)) missing.push(text);
    }
  }
  return { doc: out, missing: missing.reverse(), kept: kept.reverse() };
}

/** What goes in the place of a marker. */
interface FilledValue {
  readonly value: Json;
  /** The live one, although the mirror shows that it was another. */
  readonly other: boolean;
}

function filledValue(live: LiveSecrets, own: Place, fingerprint: string | undefined): FilledValue | undefined {
  const held = atPlace(live.doc, own);
  const print = secretOf(held);
  const value = print !== undefined || isPartlyKnown(held) ? plainText(live, own, print) : undefined;
  return value === undefined ? undefined : { value, other: print !== fingerprint };
}

function filledText(
  wanted: JsonObject,
  live: LiveSecrets,
  place: Place,
  own: Place,
  entries: string | undefined,
): FilledValue | undefined {
  const [text, shown] = [atPlace(wanted, place), atPlace(live.doc, own)];
  const raw = plainText(live, own);
  if (typeof text !== 'string' || typeof shown !== 'string' || typeof raw !== 'string') return undefined;
  const source = live.raw === live.doc ? undefined : { raw, taken: live.taken ?? new Map<string, string>() };
  const filled = fillText(text, shown, source, isRecords(place, entries));
  return filled && { value: filled.text, other: filled.other };
}

/** Places in which only one of two states has a credential, or both have different ones in plain text. */
export function secretDifferences(wanted: JsonObject, live: JsonObject): string[] {
  const table = (doc: JsonObject): Map<string, string> =>
    new Map(secretPlaces(doc).map(({ place, fingerprint }) => [placeText(place), fingerprint ?? '']));
  const [ours, theirs] = [table(wanted), table(live)];
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .filter((place) => ours.get(place) !== theirs.get(place))
    .sort();
}

/**
 * The last check of a body before it leaves: no placeholder may be in it, and a mask only where it keeps the live
 * credential (api-notes#mask-writes).
 * @throws AppError `API` naming the place
 */
export function assertNoPlaceholder(body: Json, what: string, maskKeeps: readonly string[] = []): void {
  const found =
    secretPlaces(body).find(
      ({ place, fingerprint }) => fingerprint !== undefined || !maskKeeps.some((path) => covers(path, place)),
    ) ?? markedKeys(body)[0];
  if (!found) return;
  throw new AppError('API', `${what}: ${placeText(found.place)} still holds a placeholder; it was not sent`, {
    hint: 'Pass the value with --secrets, and please report this: the plan should have named it',
  });
}
