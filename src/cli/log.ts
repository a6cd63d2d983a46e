import type { Command } from 'commander';
import type { Found } from '../audit/query.ts';
import type { Entry } from '../audit/trail.ts';
import { AppError } from '../core/errors.ts';
import type { FieldChange } from '../core/field-diff.ts';
import { describeChange } from './ui/change-view.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { printable, type Style, styleFor, table } from './ui/style.ts';
import { openTrail } from './ui/trail.ts';

interface LogFlags {
  readonly since?: string;
  readonly until?: string;
  readonly by?: string;
  readonly field?: string;
  readonly grep?: string;
  readonly limit?: string;
  readonly patch?: boolean;
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

export function registerLog(program: Command, io: Io): void {
  program
    .command('log')
    .summary('who changed what, and when')
    .description(
      'Lists the changes of the account from the history of the mirror, newest first, through renames and deletions. Times and people are those of the audit log, where it told.',
    )
    .argument('[what]', '<type>, <type>/<id or name>, an id, or a path in the mirror (default: all)')
    .option(
      '--since <time>',
      'from then on: 2026-11-23, 2026-11-23T18:00Z, yesterday, "3 days ago"; a day, month or year is meant from its beginning, in UTC',
    )
    .option('--until <time>', 'up to then; a day, month or year is meant to its end, in UTC')
    .option('--by <person>', 'part of a name or e-mail address')
    .option('--field <place>', 'changes of this field, such as schedule or http.baseURI')
    .option('--grep <text>', 'changes that have this text in a name or in a value, before or after')
    .option('-n, --limit <number>', 'at most so many')
    .option('-p, --patch', 'show what changed in each')
    .option('--account <name>', 'the account, where the mirror has several')
    .option('--mirror <folder>', 'a mirror to read without a configuration')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror log --since yesterday
  celigo-mirror log flows/"Order sync" --patch
  celigo-mirror log --by mateo --since 2026-11-01 --until 2026-11-30
  celigo-mirror log flows --field schedule
  celigo-mirror log --grep api.old.example -p
  celigo-mirror log --json | jq '.entries[] | select(.what == "deleted")'

Exit codes: 0 done, 64 there never was such a resource, or no mirror.`,
    )
    .action(async (what: string | undefined, flags: LogFlags, command: Command) => {
      await runLog(io, command.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new AppError('USAGE', `--limit: ${text} is no number of changes`, { hint: 'A whole number above 0' });
}

async function runLog(io: Io, globals: GlobalOptions, what: string | undefined, flags: LogFlags): Promise<void> {
  const [{ readTime }, { readVersions }, { preselect, searchFields }] = await Promise.all([
    import('./ui/time-option.ts'),
    import('../audit/versions.ts'),
    import('../audit/query.ts'),
  ]);
  const limit = limitOf(flags.limit);
  const { git, account, trail, keys, cut } = await openTrail(io, globals, what, flags);
  const query = {
    keys,
    since: await readTime('--since', flags.since, 'start', io.now()),
    until: await readTime('--until', flags.until, 'end', io.now()),
    by: flags.by,
    field: flags.field,
    grep: flags.grep,
  };
  // Newest first; of the same second, the later commit.
  const fitting = preselect(trail, query);
  const chosen = fitting
    .filter((entry) => !entry.cut)
    .reverse()
    .sort((a, b) => b.time.getTime() - a.time.getTime());
  const deep = flags.patch || flags.field !== undefined || flags.grep !== undefined;
  const searched = flags.field !== undefined || flags.grep !== undefined;
  const few = searched ? chosen : chosen.slice(0, limit);
  const found: Found[] = deep
    ? searchFields(few, query, await readVersions(git, account, few))
        .slice(0, limit)
        .map((entry) => shown(entry, flags.patch === true))
    : few.map((entry) => ({ ...entry, fields: [] }));
  if (flags.json) {
    const [{ changesJson }, { entryJson }] = await Promise.all([
      import('../run/restore/report.ts'),
      import('../audit/entry-json.ts'),
    ]);
    const entries = found.map((entry) => ({
      ...entryJson(account, entry),
      baseline: entry.baseline,
      ...(deep ? { changes: changesJson(entry.fields) } : {}),
    }));
    io.out(`${JSON.stringify({ version: 1, account, cut, entries }, null, 2)}\n`);
    return;
  }
  // What was there before the cut is no change: it is told once, and not where something in a change was looked for.
  const before = searched ? [] : fitting.filter((entry) => entry.cut);
  const rows = [...rowsOf(found, what !== undefined), ...cutRows(before)];
  io.out(describe(rows, styleFor(io, globals)));
}

/** A document that came or went is shown whole only on demand; what was there at the first listing is no change. */
function shown(entry: Found, patch: boolean): Found {
  if (patch && !entry.baseline) return entry;
  return { ...entry, fields: entry.fields.filter(({ place }) => place.length > 0) };
}

/** One line of the table, and what changed below it. */
interface Row {
  readonly entry: Entry;
  readonly fields: readonly FieldChange[];
  /** Several resources at once: how many, and why they are told together. */
  readonly group?: string;
}

function groupOf(count: number, why: string): string {
  return `${count} ${count === 1 ? 'resource' : 'resources'}, ${why}`;
}

/** @param single one resource was asked for: its first listing is a line like the others */
function rowsOf(found: readonly Found[], single: boolean): Row[] {
  if (single) return found.map(({ fields, ...entry }) => ({ entry, fields }));
  const counts = new Map<string, number>();
  for (const { baseline, commit } of found) if (baseline) counts.set(commit, (counts.get(commit) ?? 0) + 1);
  const told = new Set<string>();
  return found.flatMap(({ fields, ...entry }): Row[] => {
    const count = entry.baseline ? (counts.get(entry.commit) ?? 1) : 1;
    if (count === 1) return [{ entry, fields }];
    if (told.has(entry.commit)) return [];
    told.add(entry.commit);
    return [{ entry, fields: [], group: groupOf(count, 'by the first listing') }];
  });
}

function cutRows(entries: readonly Entry[]): Row[] {
  const [entry] = entries;
  return entry ? [{ entry, fields: [], group: groupOf(entries.length, 'where the history of this clone begins') }] : [];
}

function factsOf({ sources, certainty: sureness, restore, oldPath }: Entry): string {
  const facts = [
    ...(oldPath ? [`was ${oldPath}`] : []),
    ...sources,
    ...(restore ? ['restore'] : []),
    ...(sureness === 'lastModifiedBy' ? ['by the last modifier'] : []),
  ];
  return facts.length > 0 ? `(${facts.join(', ')})` : '';
}

function describe(rows: readonly Row[], style: Style): string {
  if (rows.length === 0) return 'No changes.\n';
  const cells = rows.map(({ entry, group }) => {
    const when = entry.time.toISOString().slice(0, 16).replace('T', ' ');
    const commit = entry.commit.slice(0, 10);
    if (group !== undefined) return [when, commit, '', 'found', group];
    const name = entry.title === '' ? entry.path : `${entry.type}/${entry.id}  "${printable(entry.title)}"`;
    const facts = factsOf(entry);
    const people = [entry.by, ...entry.also].map((person) => printable(person.name)).join(', ');
    return [when, commit, people, entry.what, `${name}${facts === '' ? '' : ` ${facts}`}`];
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
