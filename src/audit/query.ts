import { findType } from '../catalogue/index.ts';
import { AppError } from '../core/errors.ts';
import type { FieldChange } from '../core/field-diff.ts';
import { readPath, slugOf, type Transliterate } from '../core/layout.ts';
import { oneLine } from '../core/message.ts';
import { placeText } from '../core/places.ts';
import { type Key, keyOf } from '../plan/types.ts';
import type { Entry } from './trail.ts';
import type { Versions } from './versions.ts';
import { fieldsOf } from './versions.ts';

const OBJECT_ID = /^[0-9a-f]{24}$/;

/**
 * The resources that a selector means at any time of the history: `<type>`, `<type>/<id or name>`, an id, or a path.
 * Names count through renames and deletions.
 * @returns `undefined` for all
 * @throws AppError `USAGE` when nothing in the history was ever called so
 */
export function selectKeys(
  trail: readonly Entry[],
  what: string | undefined,
  account: string,
  transliterate: Transliterate,
): ReadonlySet<Key> | undefined {
  const clean = (what ?? 'all').replace(/^\.\//, '').replace(/\/+$/, '');
  if (clean === 'all' || clean === account) return undefined;
  const inside = clean.startsWith(`${account}/`) ? clean.slice(account.length + 1) : clean;
  const slash = inside.indexOf('/');
  const word = (slash < 0 ? inside : inside.slice(0, slash)).toLowerCase();
  const type = findType(word === 'integration' ? 'integrations' : word);
  if (!type && !OBJECT_ID.test(inside)) {
    throw new AppError('USAGE', `${oneLine(clean)}: no resource type is called ${oneLine(word)}`, {
      hint: 'A selector is all, <type>, <type>/<id or name>, an id, or a path in the mirror; celigo-mirror types lists the types',
    });
  }
  const name = slash < 0 ? '' : inside.slice(slash + 1);
  const id = type ? (readPath(`${type.dir}/${name}`)?.id ?? name) : inside;
  const slug = slugOf(name, transliterate);
  const fits = (entry: Entry): boolean => {
    if (!type) return entry.id === id;
    if (entry.dir !== type.dir) return false;
    // The file is called after the resource, at every moment of the history.
    return name === '' || entry.id === id || readPath(entry.path)?.slug === slug;
  };
  const keys = new Set(trail.filter(fits).map((entry) => keyOf(entry.dir, entry.id)));
  if (keys.size > 0) return keys;
  throw new AppError(
    'USAGE',
    `${oneLine(clean)}: the history of ${account} never had one with this id or name`,
    {
      hint: `celigo-mirror log ${type ? type.dir : 'all'} lists what it had`,
    },
  );
}

/** What to look for in a history. Everything given must fit. */
export interface Query {
  readonly keys: ReadonlySet<Key> | undefined;
  readonly since: Date | undefined;
  readonly until: Date | undefined;
  /** Part of a person's name or e-mail address. */
  readonly by: string | undefined;
  /** A field: its place (`schedule`, `http.baseURI`), or any step of it. */
  readonly field: string | undefined;
  /** A text in the name, the path, or a value before or after. */
  readonly grep: string | undefined;
}

/** A change with the fields it changed, where those were asked for. */
export interface Found extends Entry {
  readonly fields: readonly FieldChange[];
}

function isField({ place }: FieldChange, wanted: string): boolean {
  const text = placeText(place);
  return (
    text === wanted ||
    text.startsWith(`${wanted}.`) ||
    text.startsWith(`${wanted}[`) ||
    place.includes(wanted)
  );
}

/** Entries that need no document to be read. */
export function preselect(trail: readonly Entry[], query: Query): Entry[] {
  const person = query.by?.toLowerCase();
  return trail.filter(
    (entry) =>
      (query.keys?.has(entry.key) ?? true) &&
      (query.since === undefined || entry.time >= query.since) &&
      (query.until === undefined || entry.time <= query.until) &&
      (person === undefined ||
        [entry.by, ...entry.also].some(({ name, email }) =>
          `${name} <${email}>`.toLowerCase().includes(person),
        )),
  );
}

/** Entries whose changed fields fit, with those fields. */
export function searchFields(entries: readonly Entry[], query: Query, versions: Versions): Found[] {
  const text = query.grep?.toLowerCase();
  return entries.flatMap((entry) => {
    const fields = fieldsOf(entry, versions);
    const fitting =
      query.field === undefined ? fields : fields.filter((field) => isField(field, query.field ?? ''));
    if (query.field !== undefined && fitting.length === 0) return [];
    if (text === undefined) return [{ ...entry, fields: fitting }];
    const has = (value: unknown): boolean =>
      JSON.stringify(value ?? '')
        .toLowerCase()
        .includes(text);
    const whole =
      fields.length === 0 && has((versions.document(entry.after) ?? versions.document(entry.before))?.doc);
    const named = `${entry.title} ${entry.path}`.toLowerCase().includes(text);
    const touched = fitting.filter(({ before, after }) => has(before) || has(after));
    if (!named && !whole && touched.length === 0) return [];
    return [{ ...entry, fields: touched.length > 0 ? touched : fitting }];
  });
}
