import { wordOf } from './change-line.ts';
import { type ChangedFields, fieldWords, stateWords } from './changed-fields.ts';
import type { Change, ChangeNote } from './changes.ts';
import { readPath } from './layout.ts';
import { oneLine } from './unseen.ts';

/** Kinds of change that a subject line names before it says "and n more". */
const SUBJECT_PARTS = 3;
/** Resources that a subject line names; more are counted. */
const SUBJECT_NAMES = 3;
/** The longest name in a subject line. */
const LONGEST_NAME = 60;

/** Names of a type for people. */
export interface Nouns {
  readonly noun: string;
  readonly plural: string;
}

/** `3 flows changed, 1 export added`: the largest parts first, deletions never left out. */
export function summarise(
  changes: readonly Change[],
  nounsOf: (type: string) => Nouns,
  notes: ReadonlyMap<Change, ChangeNote> = new Map(),
): string {
  const counts = new Map<string, { type: string; word: string; count: number }>();
  for (const change of changes) {
    const { type: typeName } = change;
    const word = wordOf(change, notes.get(change));
    const key = `${typeName} ${word}`;
    const entry = counts.get(key);
    if (entry) entry.count += 1;
    else counts.set(key, { type: typeName, word, count: 1 });
  }
  const parts = [...counts.values()].sort(
    (a, b) =>
      Number(b.word === 'deleted') - Number(a.word === 'deleted') || b.count - a.count || (a.type < b.type ? -1 : 1),
  );
  const shown = parts.slice(0, SUBJECT_PARTS);
  const rest = parts.slice(SUBJECT_PARTS).reduce((sum, part) => sum + part.count, 0);
  const words = shown.map(({ type: typeName, word, count }) => {
    const { noun, plural } = nounsOf(typeName);
    return `${count} ${count === 1 ? noun : plural} ${word}`;
  });
  return [...words, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}

/** What happened to a resource, in words: `renamed, disabled, schedule changed`. */
export function whatWords(change: Change, note: ChangeNote | undefined, fields: ChangedFields | undefined): string {
  return (fields && fieldWords(fields)) || wordOf(change, note);
}

function nameOf({ title, id }: Change): string {
  const name = oneLine(title);
  if (name === '') return id;
  const letters = [...name];
  return `"${letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME - 1).join('')}…` : name}"`;
}

/** Changes, and what is known of them. */
export interface SubjectInput {
  readonly changes: readonly Change[];
  /** What is known of each. */
  readonly notes?: ReadonlyMap<Change, ChangeNote>;
  /** Which fields changed, as far as known. */
  readonly details?: ReadonlyMap<Change, ChangedFields>;
  readonly nounsOf: (type: string) => Nouns;
}

/** `flow "Order sync" disabled, schedule changed`; of some, their names and what happened to them; of many, counts. */
export function subjectOf({ changes, notes = new Map(), details, nounsOf }: SubjectInput): string {
  const named = changes.length <= SUBJECT_NAMES && changes.every(({ baseline }) => !baseline);
  if (!named) return summarise(changes, nounsOf, notes);
  const [only, ...others] = changes;
  if (only && others.length === 0) {
    return `${nounsOf(only.type).noun} ${nameOf(only)} ${whatWords(only, notes.get(only), details?.get(only))}`;
  }
  const groups = new Map<string, { type: string; word: string; names: string[] }>();
  for (const change of changes) {
    const fields = details?.get(change);
    const word = (fields && stateWords(fields)) || wordOf(change, notes.get(change));
    const key = `${change.type} ${word}`;
    const { names } = groups.get(key) ?? { names: [] };
    groups.set(key, { type: change.type, word, names: [...names, nameOf(change)] });
  }
  return [...groups.values()]
    .sort((a, b) => Number(b.word === 'deleted') - Number(a.word === 'deleted'))
    .map(({ type, word, names }) => {
      const { noun, plural } = nounsOf(type);
      return `${names.length === 1 ? noun : plural} ${names.join(', ')} ${word}`;
    })
    .join(', ');
}

/** `2 flows, 1 other file`: the resources that files belong to. */
export function countFiles(paths: readonly string[], nounsOf: (type: string) => Nouns): string {
  const types = new Map<string, Set<string>>();
  let others = 0;
  for (const path of paths) {
    const parts = readPath(path);
    if (parts) types.set(parts.type, (types.get(parts.type) ?? new Set()).add(parts.id));
    else others += 1;
  }
  const named = [...types].map(([type, ids]) => {
    const { noun, plural } = nounsOf(type);
    return { count: ids.size, text: `${ids.size} ${ids.size === 1 ? noun : plural}` };
  });
  const parts = named.sort((a, b) => b.count - a.count);
  const rest = parts.slice(SUBJECT_PARTS).reduce((sum, { count }) => sum + count, 0);
  return [
    ...parts.slice(0, SUBJECT_PARTS).map(({ text }) => text),
    ...(rest > 0 ? [`${rest} more`] : []),
    ...(others > 0 ? [`${others} other ${others === 1 ? 'file' : 'files'}`] : []),
  ].join(', ');
}
