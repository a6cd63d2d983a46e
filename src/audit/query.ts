import { AppError } from '../core/errors.ts';
import { type FieldChange, fieldChange } from '../core/field-diff.ts';
import { isArray, isObject, type Json } from '../core/json.ts';
import { isObjectId, type Key } from '../core/keys.ts';
import { readPath, slugOf, type Transliterate } from '../core/layout.ts';
import { addFields } from '../core/omitted-fields.ts';
import { equalJson } from '../core/paths.ts';
import { atPlace, type Place, placeOf, placeText, visitLeaves } from '../core/places.ts';
import { candidatesOf, MOST_CANDIDATES, parseSelector, selectorFits } from '../core/selectors.ts';
import { nearest } from '../core/suggest.ts';
import { oneLine } from '../core/unseen.ts';
import type { Entry } from './trail.ts';
import type { Versions } from './versions.ts';
import { changesOf } from './versions.ts';

/**
 * The resources that a selector matches at any time of the history. Names count through renames and deletions.
 * @returns `undefined` for all
 * @throws AppError `USAGE` for what is not a selector, or when nothing in the history ever had this id or name
 */
export function selectKeys(
  trail: readonly Entry[],
  what: string | undefined,
  account: string,
  transliterate: Transliterate,
): ReadonlySet<Key> | undefined {
  const selector = parseSelector(what ?? 'all', account);
  if (selector.kind === 'all') return undefined;
  const slugIn = ({ path }: Entry): string => readPath(path)?.slug ?? '';
  const fits = selectorFits(selector, transliterate);
  // The file was named after the resource at every moment of the history.
  const keys = new Set(trail.filter((entry) => fits({ ...entry, slug: slugIn(entry) })).map(({ key }) => key));
  if (keys.size > 0) return keys;
  const type = selector.kind === 'id' ? undefined : selector.type;
  const slug = selector.kind === 'one' && !isObjectId(selector.id) ? slugOf(selector.name, transliterate) : undefined;
  // Of each resource its last name.
  const partly = new Map(
    trail.flatMap((entry) =>
      slug !== undefined && entry.type === type?.name && slugIn(entry).includes(slug)
        ? [[entry.key, { id: entry.id, title: entry.title || slugIn(entry) }] as const]
        : [],
    ),
  );
  if (type && partly.size > 0) {
    const some = [...partly.values()].slice(0, MOST_CANDIDATES);
    const [message, hint] = candidatesOf(what ?? 'all', type, some, partly.size);
    throw new AppError('USAGE', message, { hint });
  }
  const slugs = new Set(trail.filter((entry) => entry.type === type?.name).map(slugIn));
  const guess = slug === undefined ? undefined : nearest(slug, [...slugs]);
  const meant = type && guess !== undefined ? ` (did you mean ${type.name}/${guess}?)` : '';
  throw new AppError(
    'USAGE',
    `${oneLine(what ?? 'all')}: no ${type?.noun ?? 'resource'} with this id or name appears in the history of ` +
      `${account}${meant}`,
    { hint: `To list what it contains: celigo-mirror log ${type?.name ?? 'all'}` },
  );
}

/** Which changes of a history are meant. Everything given must match. */
export interface Selecting {
  readonly keys: ReadonlySet<Key> | undefined;
  /** Ids of commits, also of those that changed no resource. */
  readonly commits: ReadonlySet<string> | undefined;
  /** Those among them that were named one by one. */
  readonly named: readonly string[];
  readonly since: Date | undefined;
  readonly until: Date | undefined;
  /** Part of a person's name or e-mail address. */
  readonly by: string | undefined;
  /** The run that read it. */
  readonly run: string | undefined;
}

/** What to search the fields of changes for. */
export interface Query extends Selecting {
  /** A field: its place (`schedule`, `http.baseURI`), or any step of it. */
  readonly field: string | undefined;
  /** A text in the name, the path, or a value before or after. */
  readonly grep: string | undefined;
}

/** A change with the fields it changed, where those were asked for. */
export interface Found extends Entry {
  readonly fields: readonly FieldChange[];
}

function isField(place: Place, wanted: string): boolean {
  const text = placeText(place);
  return text === wanted || text.startsWith(`${wanted}.`) || text.startsWith(`${wanted}[`) || place.includes(wanted);
}

/** All fields of these resources, as {@link addFields} finds them; `undefined` where a version has the wanted one. */
export function unlessHas(entries: readonly Entry[], wanted: string, versions: Versions): Set<string> | undefined {
  const fields = new Set<string>();
  for (const { named, before, after } of entries) {
    if (named?.some((name) => isField(placeOf(name), wanted))) return undefined;
    for (const doc of [versions.document(before)?.doc, versions.document(after)?.doc]) {
      if (doc && partsOf({ place: [], after: doc }, wanted).length > 0) return undefined;
      if (doc) addFields(fields, doc);
    }
  }
  return fields;
}

/** Places of everything inside `value`, parents first; nothing below a place that `found` accepts is visited. */
function placesInside(value: Json | undefined, place: Place, found: (place: Place) => boolean): void {
  if (value === undefined) return;
  for (const [step, held] of isArray(value) ? value.entries() : isObject(value) ? Object.entries(value) : []) {
    const inner = [...place, step];
    if (!found(inner)) placesInside(held, inner, found);
  }
}

/** The part of a change that is the wanted field: the change itself, or parts of a document that came or went. */
function partsOf(change: FieldChange, wanted: string): FieldChange[] {
  if (isField(change.place, wanted)) return [change];
  const parts = new Map<string, FieldChange>();
  for (const side of [change.before, change.after]) {
    placesInside(side, [], (inner) => {
      const place = [...change.place, ...inner];
      if (!isField(place, wanted)) return false;
      const [before, after] = [atPlace(change.before, inner), atPlace(change.after, inner)];
      // Both sides of a very long list are complete, including what they have in common.
      if (!equalJson(before, after)) parts.set(placeText(place), fieldChange(place, before, after));
      return true;
    });
  }
  return [...parts.values()];
}

/** Whether a value, or one inside it, has the text; names of fields do not count. */
function holds(value: Json | undefined, text: string): boolean {
  let found = false;
  if (value === undefined) return found;
  visitLeaves(value, (leaf) => {
    found ||= String(leaf).toLowerCase().includes(text);
  });
  return found;
}

/** The parts of a change that have the text before or after: of a document that came or went, only those values. */
function partsWith(change: FieldChange, text: string): FieldChange[] {
  if (change.place.length > 0) return holds(change.before, text) || holds(change.after, text) ? [change] : [];
  const parts: FieldChange[] = [];
  for (const [side, value] of [
    ['before', change.before],
    ['after', change.after],
  ] as const) {
    if (value === undefined) continue;
    visitLeaves(value, (leaf, place) => {
      if (holds(leaf, text)) parts.push({ place, [side]: leaf });
    });
  }
  return parts;
}

/** Entries that need no document to be read. */
export function preselect(trail: readonly Entry[], query: Selecting): Entry[] {
  const person = query.by?.toLowerCase();
  return trail.filter(
    (entry) =>
      (query.keys?.has(entry.key) ?? true) &&
      (query.commits?.has(entry.commit) ?? true) &&
      (query.run === undefined || entry.run === query.run) &&
      (query.since === undefined || entry.time >= query.since) &&
      (query.until === undefined || entry.time <= query.until) &&
      (person === undefined ||
        [entry.by, ...entry.also].some(({ name, email }) => `${name} <${email}>`.toLowerCase().includes(person))),
  );
}

/** Whether an edit matches of which only the names of its fields are known: a text is in no value then. */
function isNamed(
  { type, id, title }: Entry,
  named: readonly string[],
  field: string | undefined,
  text: string | undefined,
): boolean {
  return (
    (field === undefined || named.some((name) => isField(placeOf(name), field))) &&
    (text === undefined || `${title} ${type}/${id}`.toLowerCase().includes(text))
  );
}

/**
 * Entries whose changed fields match, with those fields. A document that came or went is one change of the document,
 * and so is every field in it.
 */
export function searchFields(entries: readonly Entry[], query: Query, versions: Versions): Found[] {
  const { field } = query;
  const text = query.grep?.toLowerCase();
  return entries.flatMap((entry) => {
    // What the first listing found existed before: who set its fields is unknown.
    if (field !== undefined && entry.baseline) return [];
    const { named } = entry;
    if (named) return isNamed(entry, named, field, text) ? [{ ...entry, fields: [] }] : [];
    const all = changesOf(entry, versions);
    const fitting = field === undefined ? all : all.flatMap((change) => partsOf(change, field));
    if (field !== undefined && fitting.length === 0) return [];
    if (text === undefined) return [{ ...entry, fields: fitting }];
    const touched = fitting.flatMap((change) => partsWith(change, text));
    const called = `${entry.title} ${entry.path}`.toLowerCase().includes(text);
    if (!called && touched.length === 0) return [];
    return [{ ...entry, fields: touched.length > 0 ? touched : fitting }];
  });
}
