import { entryJson } from '../../audit/entry-json.ts';
import { madeBy } from '../../audit/made-by.ts';
import { type Found, preselect, searchFields, unlessHas } from '../../audit/query.ts';
import type { Entry } from '../../audit/trail.ts';
import { readVersions } from '../../audit/versions.ts';
import { findType } from '../../catalogue/index.ts';
import { AppError } from '../../core/errors.ts';
import { type FieldChange, fieldChangeJson } from '../../core/field-diff.ts';
import type { Key } from '../../core/keys.ts';
import { missingField } from '../../core/omitted-fields.ts';
import { jsonText } from '../../core/unseen.ts';
import { parsePattern } from '../../core/where.ts';
import { type ChangeFlags, readChanges } from '../input/changes.ts';
import { sayLastChange } from '../input/time-option.ts';
import { type OpenTrail, openTrail, withFeed } from '../input/trail.ts';
import { describeChange } from '../ui/change-view.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { counted, minute, printable, type Style, styleFor, table } from '../ui/style.ts';

export interface LogFlags extends ChangeFlags {
  readonly field?: string;
  readonly grep?: string;
  readonly limit?: string;
  readonly patch?: boolean;
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new AppError('USAGE', `--limit: ${text} is not a valid number of changes`, {
    hint: 'Use a whole number above 0',
  });
}

/** @throws AppError `USAGE` */
export async function runLog(io: Io, globals: GlobalOptions, words: readonly string[], flags: LogFlags): Promise<void> {
  const limit = limitOf(flags.limit);
  const opened = await openTrail(io, globals, await readChanges(io, words, flags), flags);
  const { git, account, chosen: selected, cut } = opened;
  const { keys } = selected;
  const trail = await withFeed(opened);
  const query = { ...selected, field: flags.field, grep: flags.grep };
  // Newest first; of the same second, the later commit.
  const fitting = preselect(trail, query);
  const chosen = fitting
    .filter((entry) => !entry.cut)
    .reverse()
    .sort((a, b) => b.time.getTime() - a.time.getTime());
  if (chosen.length === 0) sayLastChange(io, account, lastOf(trail, keys));
  const deep = flags.patch || flags.field !== undefined || flags.grep !== undefined;
  const searched = flags.field !== undefined || flags.grep !== undefined;
  const single = keys?.size === 1;
  const limited = <T extends Entry>(entries: readonly T[]): readonly T[] =>
    flags.json ? entries.slice(0, limit) : firstLines(entries, limit, single);
  const few = searched ? chosen : limited(chosen);
  const found: Found[] = deep
    ? limited(searchFields(few, query, await readVersions(git, account, few))).map((entry) =>
        shown(entry, flags.patch === true),
      )
    : few.map((entry) => ({ ...entry, fields: [] }));
  if (found.length === 0 && flags.field !== undefined) await sayUnknown(io, opened, trail, flags.field);
  if (flags.json) {
    const entries = found.map((entry) => ({
      ...entryJson(account, entry),
      baseline: entry.baseline,
      ...(deep ? { changes: entry.fields.map(fieldChangeJson) } : {}),
    }));
    io.out(jsonText({ version: 1, account, cut, entries }));
    return;
  }
  // What existed before the cut is not a change: it takes one line, and none in a search for changed fields.
  const before = searched ? [] : fitting.filter((entry) => entry.cut);
  const rows = [...rowsOf(found, single), ...cutRows(before)];
  io.out(describe(rows, styleFor(io, globals)));
}

/** The last change of these resources, whoever made it. */
function lastOf(
  trail: readonly Entry[],
  keys: ReadonlySet<Key> | undefined,
): { commit: string; date: Date } | undefined {
  const last = trail.findLast((entry) => !entry.cut && (keys?.has(entry.key) ?? true));
  return last && { commit: last.commit, date: last.time };
}

/**
 * Says on standard error that no version of these resources ever had a field.
 * @throws AppError `USAGE` where it is never in the mirror
 */
async function sayUnknown(
  io: Io,
  { git, account, chosen: { keys } }: Pick<OpenTrail, 'git' | 'account' | 'chosen'>,
  trail: readonly Entry[],
  field: string,
): Promise<void> {
  const own = trail.filter(({ key }) => keys?.has(key) ?? true);
  const known = unlessHas(own, field, await readVersions(git, account, own));
  if (!known) return;
  const types = [...new Set(own.map(({ type }) => findType(type)))].filter((type) => type !== undefined);
  const pattern = parsePattern(field, '--field');
  io.err(`${printable(missingField(types, known, { about: '--field', pattern, field }))}\n`);
}

/** An added or deleted document is shown in full only with --patch; one of the first listing is not a change. */
function shown(entry: Found, patch: boolean): Found {
  if (patch && !entry.baseline) return entry;
  return { ...entry, fields: entry.fields.filter(({ place }) => place.length > 0) };
}

/** One line of the table, and what changed below it. */
interface Row {
  readonly entry: Entry;
  readonly fields: readonly FieldChange[];
  /** Several resources in one line: how many, and why. */
  readonly group?: string;
}

/** The entries of so many lines: the resources of a first listing share one, as in {@link rowsOf}. */
function firstLines<T extends Entry>(entries: readonly T[], most: number, single: boolean): readonly T[] {
  const shared = new Set<string>();
  let lines = 0;
  return entries.filter(({ baseline, commit }) => {
    if (shared.has(commit) && baseline) return true;
    if (lines >= most) return false;
    lines += 1;
    if (baseline && !single) shared.add(commit);
    return true;
  });
}

/** @param single one resource was asked for: its first listing is a line like the others */
function rowsOf(found: readonly Found[], single: boolean): Row[] {
  if (single) return found.map(({ fields, ...entry }) => ({ entry, fields }));
  const counts = new Map<string, number>();
  for (const { baseline, commit } of found) if (baseline) counts.set(commit, (counts.get(commit) ?? 0) + 1);
  const grouped = new Set<string>();
  return found.flatMap(({ fields, ...entry }): Row[] => {
    const count = entry.baseline ? (counts.get(entry.commit) ?? 1) : 1;
    if (count === 1) return [{ entry, fields }];
    if (grouped.has(entry.commit)) return [];
    grouped.add(entry.commit);
    return [{ entry, fields: [], group: `${counted(count, 'resource')} in the first listing` }];
  });
}

function cutRows(entries: readonly Entry[]): Row[] {
  const [entry] = entries;
  if (!entry) return [];
  return [
    { entry, fields: [], group: `${counted(entries.length, 'resource')}, where the history of this clone begins` },
  ];
}

function factsOf(entry: Entry): string {
  const { sources, certainty, oldPath, restore } = entry;
  const made = madeBy(entry) ?? (restore ? 'restore' : undefined);
  const facts = [
    ...(oldPath ? [`was ${oldPath}`] : []),
    ...sources,
    ...(made === undefined ? [] : [printable(made)]),
    ...(certainty === 'lastModifiedBy' ? ['by the last modifier'] : []),
  ];
  return facts.length > 0 ? `(${facts.join(', ')})` : '';
}

function describe(rows: readonly Row[], style: Style): string {
  if (rows.length === 0) return 'No changes.\n';
  const cells = rows.map(({ entry, group }) => {
    const when = minute(entry.time);
    const commit = entry.commit.slice(0, 10);
    if (group !== undefined) return [when, commit, '', 'found', group];
    const name = entry.title === '' ? entry.path : `${entry.type}/${entry.id}  "${printable(entry.title)}"`;
    const facts = factsOf(entry);
    const people = [entry.by, ...entry.also].map((person) => printable(person.name)).join(', ');
    // In a person's commit, the mirror found it: who added it is not known.
    const what = entry.baseline && people === '' ? 'found' : entry.what;
    return [when, commit, people, what, `${name}${facts === '' ? '' : ` ${facts}`}`];
  });
  const paint = (cell: string, column: number): string => {
    if (column === 0) return style.dim(cell);
    if (column === 1) return style.yellow(cell);
    if (column === 2) return style.bold(cell);
    if (column !== 3) return cell;
    return cell === 'deleted' ? style.red(cell) : cell === 'changed' ? style.yellow(cell) : style.green(cell);
  };
  const lines = table(cells, paint).split('\n');
  return `${rows
    .flatMap(({ fields }, i) => [
      lines[i] ?? '',
      ...fields.flatMap((field) => describeChange(field, style).map((line) => `    ${line}`)),
    ])
    .join('\n')}\n`;
}
