import { getOwn, isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { redactionsIn, secretOf } from '../core/markers.ts';
import { atPlace, type Place, placeText } from '../core/places.ts';
import { markedKeys, secretPlaces } from '../core/secret-places.ts';
import { isValueName, labelsOf } from '../core/secrets.ts';
import { contextsOf, fillText } from './redacted-texts.ts';
import type { MarkerChange } from './types.ts';

/** Names of what a part or its original is, whatever the part is called. */
const IDS = ['_id', '_abstractId'] as const;

/** What an element of a list is known again by; `undefined` where only its position shows it. */
function identityOf(element: Json | undefined): string | undefined {
  if (!isObject(element)) return undefined;
  const id = IDS.map((name) => getOwn(element, name)).find((held) => typeof held === 'string');
  const names = id === undefined ? labelsOf(element) : [id];
  return names.length === 0 ? undefined : JSON.stringify(names);
}

/** The elements of a list by what they are known again by. */
interface Identities {
  /** Of each element. */
  readonly of: readonly (string | undefined)[];
  /** How many before it are called the same. */
  readonly nth: readonly number[];
  readonly at: ReadonlyMap<string, readonly number[]>;
}

const KNOWN = new WeakMap<readonly Json[], Identities>();

function identitiesIn(list: readonly Json[]): Identities {
  const known = KNOWN.get(list);
  if (known) return known;
  const at = new Map<string, number[]>();
  const nth: number[] = [];
  const of = list.map((element, index) => {
    const identity = identityOf(element);
    if (identity === undefined) return undefined;
    const same = at.get(identity) ?? [];
    nth[index] = same.length;
    same.push(index);
    at.set(identity, same);
    return identity;
  });
  const found = { of, nth, at };
  KNOWN.set(list, found);
  return found;
}

function isPair(list: readonly Json[]): boolean {
  return list.length === 2 && typeof list[0] === 'string';
}

/** The index in `theirs` of what is at `index` of `ours`. Of several that are called the same, the nth is the nth. */
function sameIndex(ours: readonly Json[], index: number, theirs: readonly Json[]): number | undefined {
  const [own, other] = [identitiesIn(ours), identitiesIn(theirs)];
  const identity = own.of[index];
  if (identity !== undefined) return other.at.get(identity)?.[own.nth[index] ?? 0];
  // ['password', …]: what precedes a value may be its name.
  const isNamed = index === 1 && (isPair(ours) || isPair(theirs));
  if (isNamed && (ours.length !== theirs.length || ours[0] !== theirs[0])) return undefined;
  return index < theirs.length && other.of[index] === undefined ? index : undefined;
}

/** Whether a member holds the same in both objects: a `value` only where both give it the same name. */
function isSameMember(ours: JsonObject, theirs: JsonObject, name: string): boolean {
  return !isValueName(name) || labelsOf(ours).join('\n') === labelsOf(theirs).join('\n');
}

/**
 * Where `theirs` has what `ours` has at a place: under the same keys, in the elements of lists that are called the
 * same; `undefined` where it has no such place.
 */
export function samePlace(ours: Json, theirs: Json, place: Place): Place | undefined {
  const there: (string | number)[] = [];
  let [a, b]: [Json | undefined, Json | undefined] = [ours, theirs];
  for (const step of place) {
    if (typeof step === 'number') {
      const index: number | undefined = isArray(a) && isArray(b) ? sameIndex(a, step, b) : undefined;
      if (index === undefined) return undefined;
      [a, b] = [(a as readonly Json[])[step], (b as readonly Json[])[index]];
      there.push(index);
    } else {
      if (!isObject(a) || !isObject(b)) return undefined;
      if (there.length > 0 && !isSameMember(a, b, step)) return undefined;
      [a, b] = [getOwn(a, step), getOwn(b, step)];
      there.push(step);
    }
  }
  return b === undefined ? undefined : there;
}

/** Fingerprints in one place, each once. */
function printsAt(fingerprint: string | undefined): string[] {
  return fingerprint === undefined ? [] : fingerprint.split(' ');
}

/**
 * How the markers of a document differ from those of the live one: a credential is put back in its own place only.
 * @param entries the member with one record a line, if any
 */
export function markerChanges(wanted: JsonObject, live: JsonObject, entries?: string): MarkerChange[] {
  const theirs = new Map(
    secretPlaces(live).flatMap(({ place, fingerprint }) => printsAt(fingerprint).map((print) => [print, place])),
  );
  const elsewhere = (prints: readonly string[]): Place | undefined =>
    prints.map((print) => theirs.get(print)).find((place) => place !== undefined);
  const differing = (place: Place, prints: readonly string[]): MarkerChange => {
    const from = elsewhere(prints);
    return { place: placeText(place), ...(from ? { is: 'moved', from: placeText(from) } : { is: 'new' }) };
  };
  const marked = secretPlaces(wanted).flatMap(({ place, fingerprint, inText }): MarkerChange[] => {
    if (fingerprint === undefined) return [];
    const own = samePlace(wanted, live, place);
    const held = own && atPlace(live, own);
    if (inText) {
      const text = atPlace(wanted, place) as string;
      const filled = typeof held === 'string' ? fillText(text, held, undefined, isRecords(place, entries)) : undefined;
      if (filled === undefined) return [differing(place, unplaced(text, held))];
      return filled.other ? [{ place: placeText(place), is: 'changed' }] : [];
    }
    const print = secretOf(held);
    if (print === fingerprint) return [];
    return print !== undefined || isPartlyKnown(held)
      ? [{ place: placeText(place), is: 'changed' }]
      : [differing(place, [fingerprint])];
  });
  return [...marked, ...markedKeys(wanted).map(({ place, prints }) => differing(place, prints))];
}

/** Whether the text at a place is a list of records. */
export function isRecords(place: Place, entries: string | undefined): boolean {
  return place.length === 1 && place[0] === entries;
}

/** Fingerprints in a text that the live one does not have in the same surroundings. */
function unplaced(text: string, live: Json | undefined): string[] {
  const known = new Set(typeof live === 'string' ? contextsOf(live) : []);
  const places = contextsOf(text);
  const strange = redactionsIn(text).filter((_, i) => !known.has(places[i] ?? ''));
  return strange.length > 0 ? strange : redactionsIn(text);
}

/** Whether a value is a text of which the mirror holds a part: the rest are credentials or expressions for them. */
export function isPartlyKnown(value: Json | undefined): value is string {
  return typeof value === 'string' && (redactionsIn(value).length > 0 || value.includes('{{'));
}
