import { type Blamed, blame, settersOf } from '../../audit/blame.ts';
import { editsIn } from '../../audit/feed.ts';
import { readVersions } from '../../audit/versions.ts';
import type { Person } from '../../core/changes.ts';
import { AppError } from '../../core/errors.ts';
import { idIn, typeIn } from '../../core/keys.ts';
import { placeText } from '../../core/places.ts';
import { jsonText } from '../../core/unseen.ts';
import { keysToday } from '../../run/idmaps.ts';
import { readChanges } from '../input/changes.ts';
import { feedOf, openTrail } from '../input/trail.ts';
import { short } from '../ui/change-view.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { minute, printable, type Style, styleFor, table } from '../ui/style.ts';

export interface BlameFlags {
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

/** @throws AppError `USAGE` unless exactly one resource matches */
export async function runBlame(io: Io, globals: GlobalOptions, what: string, flags: BlameFlags): Promise<void> {
  const opened = await openTrail(io, globals, await readChanges(io, [what], {}), flags);
  const { git, account, trail, cut } = opened;
  const today = await keysToday(git, account, trail);
  const keys = opened.chosen.keys && new Set([...opened.chosen.keys].map(today));
  const [key] = keys ?? [];
  if (!key || !keys || keys.size > 1) {
    throw new AppError('USAGE', `${printable(what)} matches ${keys?.size ?? 'all'} resources`, {
      hint: `Name exactly one, by its id${keys ? `: ${[...keys].slice(0, 5).join(', ')}` : ''}`,
    });
  }
  const story = trail.filter((entry) => today(entry.key) === key);
  const blamed = blame(story, await readVersions(git, account, story));
  const isShared = blamed.some(({ entry }) => entry.also.length > 0);
  const feed = isShared ? await feedOf(opened) : [];
  const edits = [...new Set(story.map(({ id }) => id))].flatMap((id) => editsIn(feed, id));
  const fields = blamed.map((field) => ({ ...field, people: settersOf(field, story, edits) }));
  if (flags.json) {
    const rows = fields.map(({ place, value, entry, people: [by, ...also] }) => ({
      place: placeText(place),
      value,
      time: entry.time.toISOString(),
      by: entry.cut ? null : by,
      also,
      sureness: entry.certainty,
      commit: entry.commit,
      baseline: entry.baseline,
      cut: entry.cut,
    }));
    const [type, id] = [typeIn(key), idIn(key)];
    io.out(jsonText({ version: 1, account, type, id, cut, fields: rows }));
    return;
  }
  io.out(describe(fields, styleFor(io, globals)));
}

/** A value with the one who set it, or with all of whom one did. */
type Shown = Blamed & { readonly people: readonly Person[] };

function personOf({ entry, people }: Shown): string {
  if (entry.cut) return '(before the cut)';
  if (entry.baseline) return '(first listing)';
  return `${people.length > 1 ? 'one of ' : ''}${people.map(({ name }) => printable(name)).join(', ')}`;
}

function describe(fields: readonly Shown[], style: Style): string {
  const cells = fields.map((field) => [
    minute(field.entry.time),
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
