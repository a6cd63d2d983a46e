import { RESOURCE_TYPES } from '../catalogue/index.ts';
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

/**
 * The edits that the audit feed has from before the mirror began: they come without documents.
 * @param feed files of the feed: path inside the account's folder, text
 * @param trail the history of the mirror
 */
export function readFeed(feed: readonly (readonly [path: string, text: string])[], trail: readonly Entry[]): Entry[] {
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
      const by = isObject(found.by) ? found.by : {};
      const fields = isArray(found.fields) ? found.fields.map(words).filter((field) => field !== '') : [];
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
          by: { name: words(by.name) || words(by.id), email: words(by.email) },
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
