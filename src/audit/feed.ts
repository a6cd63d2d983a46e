import { RESOURCE_TYPES } from '../catalogue/index.ts';
import type { Person } from '../core/changes.ts';
import { isArray, isObject, type Json } from '../core/json.ts';
import { keyOf } from '../core/keys.ts';
import type { Entry, What } from './trail.ts';

/** What the events of the audit log are in the history; others are no edits. */
const WHAT: ReadonlyMap<string, What> = new Map([
  ['create', 'added'],
  ['update', 'changed'],
  ['delete', 'deleted'],
  ['restore', 'restored'],
]);
/** Marks what the mirror did not see itself. */
const MARK = 'before the mirror, by the audit feed';

/** One line of a feed's file; `undefined` for any other text. */
function readLine(line: string): Record<string, Json> | undefined {
  try {
    const value = JSON.parse(line) as Json;
    return isObject(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function words(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** A file of the feed: path inside the account's folder, text. */
export type FeedFile = readonly [path: string, text: string];

/** One edit of a resource, as the audit feed has it. */
export interface FeedEdit {
  readonly time: Date;
  readonly by: Person;
  /** Paths of the fields that it changed. */
  readonly fields: readonly string[];
}

function personIn({ by }: Record<string, Json>): Person {
  const held = isObject(by) ? by : {};
  return { name: words(held.name) || words(held.id), email: words(held.email) };
}

function fieldsIn({ fields }: Record<string, Json>): string[] {
  return isArray(fields) ? fields.map(words).filter((field) => field !== '') : [];
}

/** The edits of one resource, oldest first. */
export function editsIn(feed: readonly FeedFile[], id: string): FeedEdit[] {
  const lines = feed.flatMap(([, text]) => text.split('\n').filter((line) => line.includes(id)));
  return lines
    .map((line) => readLine(line) ?? {})
    .filter((found) => words(found.resourceId) === id && words(found.event) === 'update')
    .map((found) => ({ time: new Date(words(found.time)), by: personIn(found), fields: fieldsIn(found) }))
    .sort((a, b) => a.time.getTime() - b.time.getTime());
}

/**
 * The edits that the audit feed has from before the mirror began: they come without documents.
 * @param trail the history of the mirror
 */
export function readFeed(feed: readonly FeedFile[], trail: readonly Entry[]): Entry[] {
  const first = trail.find(({ baseline }) => baseline);
  if (!first) return [];
  const known = new Map(trail.map((entry) => [entry.id, entry]));
  const entries = feed.flatMap(([path, text]) =>
    text.split('\n').flatMap((line): Entry[] => {
      const found = readLine(line) ?? {};
      const id = words(found.resourceId);
      const what = WHAT.get(words(found.event));
      const type =
        known.get(id)?.type ?? RESOURCE_TYPES.find(({ auditType }) => auditType === found.resourceType)?.name;
      const time = new Date(words(found.time));
      if (!what || !type || id === '' || !(time < first.time)) return [];
      const fields = fieldsIn(found);
      return [
        {
          ...first,
          key: keyOf(type, id),
          type,
          id,
          what,
          title: known.get(id)?.title ?? '',
          path,
          time,
          by: personIn(found),
          also: [],
          certainty: 'audit',
          sources: [
            ...[words(found.source)].filter((source) => source !== '' && source !== 'ui'),
            fields.length > 0 ? `${MARK}: ${fields.join(', ')}` : MARK,
          ],
          named: fields,
          baseline: false,
          newRules: false,
          renewed: false,
          before: new Map(),
          after: new Map(),
        },
      ];
    }),
  );
  return entries.sort((a, b) => a.time.getTime() - b.time.getTime());
}
