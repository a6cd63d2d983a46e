import { TEXT_FINDERS } from '../core/credential-parts.ts';
import { replaceCredentials } from '../core/credential-text.ts';
import { AppError } from '../core/errors.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { fillRedactions, redaction, redactionsIn, secretOf, withoutRedactions } from '../core/markers.ts';
import { setSteps } from '../core/paths.ts';
import { placeholderIn } from '../core/placeholders.ts';
import { atPlace, covers, type Place, placeOf, placeText } from '../core/places.ts';
import { secretPlaces } from '../core/secret-places.ts';
import { isMask, labelOf } from '../core/secrets.ts';

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
  return setSteps(doc, whole ? entry : place, undefined);
}

/**
 * The value that a live document has at the place of a credential; for entries of lists, in the entry of the same name,
 * wherever it is.
 */
export function liveSecret(wanted: JsonObject, live: JsonObject, place: Place): Json | undefined {
  const [entry, index] = [place.slice(0, -1), place.at(-2)];
  const name = place.at(-1) === 'value' && typeof index === 'number' ? entryName(atPlace(wanted, entry)) : undefined;
  if (name === undefined) return atPlace(live, place);
  const entries = atPlace(live, entry.slice(0, -1));
  const same = isArray(entries) ? entries.find((item) => entryName(item) === name) : undefined;
  return isObject(same) ? getOwn(same, 'value') : undefined;
}

/** Whether a value is a text of which the mirror holds a part: the rest are credentials or expressions for them. */
export function isPartlyKnown(value: Json | undefined): value is string {
  return typeof value === 'string' && (redactionsIn(value).length > 0 || value.includes('{{'));
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

/**
 * Puts credentials in the places of masks and markers: those supplied, and where the API shows plain text, the live
 * ones. What stays unknown is taken out and reported; a mask is never left in.
 * @param live the live document as the API shows it, with its form in the mirror
 * @param maskKeeps places in which a mask that is sent back keeps the live credential
 */
export function fillSecrets(
  wanted: JsonObject,
  supplied: Supplied,
  live: { readonly raw: JsonObject; readonly doc: JsonObject } | undefined,
  maskKeeps: readonly string[] = [],
): Filled {
  const { doc, given } = supply(wanted, supplied);
  let out: JsonObject = doc;
  const missing: string[] = [];
  const kept: string[] = [];
  const liveMarkers = live ? secretPlaces(live.doc).filter(({ fingerprint }) => fingerprint !== undefined) : [];
  const plainText = (place: Place): Json | undefined => {
    const value = live ? atPlace(live.raw, place) : undefined;
    return value === undefined || isMask(value) ? undefined : value;
  };
  // From the back: taking out an element of a list must not move the places that are still to be visited.
  for (const { place, fingerprint, inText } of secretPlaces(doc).reverse()) {
    const text = placeText(place);
    if (inText) {
      const filled = live ? fillText(doc, live, place) : undefined;
      out = (filled ? setSteps(out, place, filled.text) : takeOut(out, place)) as JsonObject;
      if (filled?.other) kept.push(text);
      if (filled === undefined && !given.has(text)) missing.push(text);
      continue;
    }
    const shown = live && atPlace(live.raw, place);
    if (fingerprint === undefined && isMask(shown) && maskKeeps.some((path) => covers(path, place))) {
      out = setSteps(out, place, shown) as JsonObject;
      continue;
    }
    const match =
      fingerprint === undefined
        ? undefined
        : (liveMarkers.find((marker) => marker.fingerprint === fingerprint && !marker.inText) ??
          liveMarkers.find((marker) => placeText(marker.place) === text));
    const held = live && fingerprint !== undefined ? atPlace(live.doc, place) : undefined;
    const value = match ? plainText(match.place) : isPartlyKnown(held) ? plainText(place) : undefined;
    if (value !== undefined) {
      if (match?.fingerprint !== fingerprint) kept.push(text);
      out = setSteps(out, place, value) as JsonObject;
    } else {
      out = takeOut(out, place) as JsonObject;
      if (!given.has(text)) missing.push(text);
    }
  }
  return { doc: out, missing: missing.reverse(), kept: kept.reverse() };
}

/**
 * A text of the mirror with what was taken out of it, as far as the live text has all of it. `other`: the same text
 * with other credentials, which stay.
 */
function fillText(
  wanted: JsonObject,
  live: { readonly raw: JsonObject; readonly doc: JsonObject },
  place: Place,
): { readonly text: string; readonly other: boolean } | undefined {
  const [text, shown, raw] = [atPlace(wanted, place), atPlace(live.doc, place), atPlace(live.raw, place)];
  if (typeof text !== 'string' || typeof shown !== 'string' || typeof raw !== 'string') return undefined;
  // What was taken out of the live text is in the raw one, in the same order.
  const prints = redactionsIn(shown);
  // While it is planned, the live document is known as the mirror holds it only; the real one is filled in when it is
  // written, and until then a placeholder is in its place.
  const known = raw === shown ? new Map(prints.map((print) => [print, redaction(print)])) : takenOut(shown, raw);
  const filled = known && fillRedactions(text, (print) => known.get(print));
  if (filled !== undefined) return { text: filled, other: false };
  return withoutRedactions(text) === withoutRedactions(shown) ? { text: raw, other: true } : undefined;
}

/** What was taken out of a text, by its fingerprint; `undefined` when that is unknown. */
function takenOut(shown: string, raw: string): ReadonlyMap<string, string> | undefined {
  const prints = redactionsIn(shown);
  // Which of them found it depends on the place; the text does not name it, but only that one leads to what is shown.
  for (const find of TEXT_FINDERS) {
    const found = find(raw) ?? [];
    const values = found.map(({ start, end }) => raw.slice(start, end));
    let at = 0;
    const again = replaceCredentials(raw, () => redaction(prints[at++] ?? ''), found);
    if (again === shown) return new Map(prints.map((print, i) => [print, values[i] ?? '']));
  }
  return undefined;
}

/** Records with what was taken out of them. `complete`: none is missing. */
export interface FilledRecords {
  readonly text: string;
  readonly complete: boolean;
}

/**
 * Records of the mirror, one a line, with the credentials of the live ones. Those of which the credential is not
 * known are left out.
 * @param shown the live records in the form of the mirror
 */
export function fillRecords(wanted: string, shown: string, raw: string): FilledRecords {
  const known = takenOut(shown, raw);
  const lines = wanted.split('\n');
  const filled = lines.flatMap((line) => fillRedactions(line, (print) => known?.get(print)) ?? []);
  return { text: filled.join('\n'), complete: filled.length === lines.length };
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
  const found = secretPlaces(body).find(
    ({ place, fingerprint }) => fingerprint !== undefined || !maskKeeps.some((path) => covers(path, place)),
  );
  if (!found) return;
  throw new AppError('API', `${what}: ${placeText(found.place)} still holds a placeholder; it was not sent`, {
    hint: 'Pass the value with --secrets, and please report this: the plan should have named it',
  });
}
