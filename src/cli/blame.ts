import type { Command } from 'commander';
import type { Blamed } from '../audit/blame.ts';
import { AppError } from '../core/errors.ts';
import { placeText } from '../core/places.ts';
import { short } from './ui/change-view.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { printable, type Style, styleFor, table } from './ui/style.ts';
import { openTrail } from './ui/trail.ts';

interface BlameFlags {
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

export function registerBlame(program: Command, io: Io): void {
  program
    .command('blame')
    .summary('each field of a resource with its last change, person and time')
    .description(
      'Reads the history of one resource, through renames, deletion and return, and tells for every value of its newest document who made it what it is.',
    )
    .argument('<what>', '<type>/<id or name>, an id, or a path in the mirror')
    .option('--account <name>', 'the account, where the mirror has several')
    .option('--mirror <folder>', 'a mirror to read without a configuration')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror blame flows/"Order sync"
  celigo-mirror blame 64f0c0ffee64f0c0ffee64f0 --json | jq '.fields[] | select(.place == "schedule")'

Lines of code: git -C mirror blame -- scripts/<file>.js

Exit codes: 0 done, 64 there never was such a resource, or the name means several.`,
    )
    .action(async (what: string, flags: BlameFlags, command: Command) => {
      await runBlame(io, command.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}

async function runBlame(io: Io, globals: GlobalOptions, what: string, flags: BlameFlags): Promise<void> {
  const { git, account, trail, keys, cut } = await openTrail(io, globals, what, flags);
  const [key] = keys ?? [];
  if (!key || !keys || keys.size > 1) {
    throw new AppError('USAGE', `${printable(what)} means ${keys?.size ?? 'all'} resources`, {
      hint: `Name one by its id${keys ? `: ${[...keys].slice(0, 5).join(', ')}` : ''}`,
    });
  }
  const [{ readVersions }, { blame }] = await Promise.all([
    import('../audit/versions.ts'),
    import('../audit/blame.ts'),
  ]);
  const story = trail.filter((entry) => entry.key === key);
  const fields = blame(story, await readVersions(git, account, story));
  if (flags.json) {
    const rows = fields.map(({ place, value, entry }) => ({
      place: placeText(place),
      value,
      time: entry.time.toISOString(),
      by: entry.cut ? null : entry.by,
      also: entry.also,
      sureness: entry.certainty,
      commit: entry.commit,
      baseline: entry.baseline,
      cut: entry.cut,
    }));
    const [type = '', id = ''] = key.split('/');
    io.out(`${JSON.stringify({ version: 1, account, type, id, cut, fields: rows }, null, 2)}\n`);
    return;
  }
  io.out(describe(fields, styleFor(io, globals)));
}

function personOf({ entry }: Blamed): string {
  if (entry.cut) return '(before the cut)';
  return entry.baseline ? '(first listing)' : printable(entry.by.name);
}

function describe(fields: readonly Blamed[], style: Style): string {
  const cells = fields.map((field) => [
    field.entry.time.toISOString().slice(0, 16).replace('T', ' '),
    field.entry.commit.slice(0, 10),
    personOf(field),
    `${printable(placeText(field.place))}: ${short(field.value)}`,
  ]);
  const paint = (cell: string, column: number): string => {
    if (column === 0) return style.dim(cell);
    if (column === 1) return style.yellow(cell);
    return column === 2 ? style.bold(cell) : cell;
  };
  return `${table(cells, paint)}\n`;
}
