import { diffFields } from './field-diff.ts';
import { isArray, isObject, type Json, type JsonObject } from './json.ts';
import { REDACTION, redactionsIn } from './markers.ts';
import { placeholderIn } from './placeholders.ts';
import { atPlace, type Place, placeText } from './places.ts';
import { secretPlaces } from './secret-places.ts';

/**
 * Where git left a merge to a person, or a person left one of its marks: the number of the first line, from 1.
 * @param before the text before: a line that it has is part of it, such as a quotation
 */
export function conflictMarker(text: string, before = ''): number | undefined {
  const held = new Set(before.split('\n'));
  const first = text.split('\n').findIndex((line) => /^(?:<{7}|\|{7}|>{7}) /.test(line) && !held.has(line));
  return first < 0 ? undefined : first + 1;
}

/** A value with which a person replaced a credential: neither what the mirror has there nor a reference to another. */
function isTyped(value: Json | undefined): boolean {
  return value !== undefined && !placeholderIn(value) && !(typeof value === 'string' && value.includes('{{'));
}

/** Whether a line has a value where the mirror has the mark of a credential. */
function isFilledIn(line: string, after: readonly string[]): boolean {
  const parts = line.split(REDACTION).filter((_, i) => i % 2 === 0);
  const literal = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (parts.join('').trim() === '') return false;
  const pattern = new RegExp(`^${literal.join('(.+?)')}$`);
  return after.some((other) => {
    const found = other.length > 10_000 ? null : pattern.exec(other);
    return found?.slice(1).some((value) => redactionsIn(value).length === 0) ?? false;
  });
}

/**
 * Places of a document that a person edited in which a credential is in plain text. The values are not returned.
 * @param before the document before the edit @param edited as the person left it
 * @param cleared what the mirror would make of that: credentials that it knows by their form or place are taken out
 */
export function typedCredentials(before: JsonObject | undefined, edited: JsonObject, cleared: JsonObject): string[] {
  const places = new Set<string>();
  for (const { place, inText } of before ? secretPlaces(before) : []) {
    const [was, now] = [atPlace(before, place), atPlace(edited, place)];
    if (!inText) {
      if (isTyped(now) && !isMoved(before, edited, place)) places.add(placeText(place));
      continue;
    }
    if (typeof was !== 'string' || typeof now !== 'string' || was === now) continue;
    const lines = now.split('\n');
    const marked = was.split('\n').filter((line) => redactionsIn(line).length > 0);
    if (marked.some((line) => isFilledIn(line, lines))) places.add(placeText(place));
  }
  const printsIn = (doc: JsonObject): string[] =>
    secretPlaces(doc).flatMap(({ fingerprint }) => fingerprint?.split(' ') ?? []);
  const known = new Set([...(before ? printsIn(before) : []), ...printsIn(edited)]);
  for (const { place, fingerprint } of secretPlaces(cleared))
    if (fingerprint?.split(' ').some((print) => !known.has(print))) places.add(placeText(place));
  return [...places].sort();
}

/** Whether the list that holds a place has other elements now: then an index does not say which is meant. */
function isMoved(before: JsonObject | undefined, edited: JsonObject, place: Place): boolean {
  return place.some((step, i) => {
    if (typeof step !== 'number') return false;
    const [was, now] = [atPlace(before, place.slice(0, i)), atPlace(edited, place.slice(0, i))];
    return !isArray(was) || !isArray(now) || was.length !== now.length;
  });
}

function overlap(a: Place, b: Place): boolean {
  return a.every((step, i) => i >= b.length || step === b[i]);
}

/**
 * Fields that a person changed and that a write leaves out.
 * @param edit the document before and after @param written the parts of both that a write puts into the account
 */
export function unwrittenFields(
  edit: { readonly before: JsonObject; readonly after: JsonObject },
  written: { readonly before: JsonObject; readonly after: JsonObject },
): string[] {
  const kept = diffFields(written.before, written.after);
  return diffFields(edit.before, edit.after)
    .filter(({ place, before, after }) => {
      const held = [before, after].some((value) => value !== undefined && holdsSecret(value));
      return !held && !kept.some((field) => overlap(field.place, place));
    })
    .map(({ place }) => placeText(place));
}

function holdsSecret(value: Json): boolean {
  return secretPlaces(isObject(value) || isArray(value) ? value : [value]).length > 0;
}
