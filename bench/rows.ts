// What was measured, what is wanted of it, and the one table that shows both.

/** Who was measured: the program, another build of it, or what it is compared with. */
export type Who = 'program' | 'other' | 'floor' | 'loop';

/** Figures by row and contender, in the order of the rounds. Less is better. */
const figures = new Map<string, Map<Who, number[]>>();

/** Keeps a figure of one round. */
export function note(name: string, who: Who, figure: number): void {
  const row = figures.get(name) ?? new Map<Who, number[]>();
  figures.set(name, row);
  row.set(who, [...(row.get(who) ?? []), figure]);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

interface Row {
  /** What the program is measured at. */
  readonly name: string;
  readonly unit: 'ms' | 'MiB';
  /** What it is compared with. */
  readonly who?: Who;
  readonly against: string;
  /** What the ratio of the two may be at most. */
  readonly ratio?: number;
  /** What the figure itself may be at most. */
  readonly atMost?: number;
}

const ADD = 'list, fetch scripts, write, git add, git commit';
const LOOP = 'shell loop';
const UNCHANGED = 'unchanged run';
const LOG = 'git log -p';

/** Every row with its target, in the order of the table. */
const ROWS: readonly Row[] = [
  { name: 'first run', unit: 'ms', against: ADD, ratio: 0.75 },
  { name: 'first run', unit: 'ms', who: 'loop', against: LOOP, ratio: 0.8 },
  { name: 'first run, CPU', unit: 'ms', who: 'loop', against: LOOP, ratio: 0.8 },
  { name: 'first run, disk', unit: 'MiB', against: 'the same files with git add, git commit', ratio: 0.6 },
  { name: 'unchanged run', unit: 'ms', against: 'bare listing', ratio: 1.15 },
  { name: '20 changes on one page', unit: 'ms', against: UNCHANGED, ratio: 1.25 },
  { name: '20 changes on 20 pages', unit: 'ms', against: UNCHANGED, ratio: 1.5 },
  { name: 'planning, nothing to do', unit: 'ms', against: UNCHANGED, ratio: 1.15 },
  { name: 'first run, memory', unit: 'MiB', against: 'a tenth of the resources', ratio: 2, atMost: 256 },
  { name: 'lint, CPU', unit: 'ms', against: 'eight times an eighth of the resources', ratio: 1.3 },
  { name: 'impact, CPU', unit: 'ms', against: 'eight times an eighth of the resources', ratio: 1.3 },
  { name: 'compare', unit: 'ms', against: 'reading each of the two accounts (impact)', ratio: 1.5, atMost: 5_000 },
  { name: 'restoring', unit: 'ms', against: 'its requests at the allowed rate', ratio: 1.25 },
  { name: 'log --json', unit: 'ms', against: LOG },
  { name: 'log --patch --json', unit: 'ms', against: LOG },
  { name: 'report as html', unit: 'ms', against: LOG, ratio: 10 },
  { name: 'report as md', unit: 'ms', against: LOG },
  { name: 'report as csv', unit: 'ms', against: LOG },
  { name: 'report as json', unit: 'ms', against: LOG },
];

/** Median of the ratios of each round: what slows a whole round down slows both. */
function ratioOf(mine: readonly number[], others: readonly number[]): number {
  return median(mine.map((figure, i) => figure / (others[i] ?? Number.NaN)));
}

function line({ name, unit, who = 'floor', against, ratio, atMost }: Row): string[] {
  const [mine, others] = [figures.get(name)?.get('program') ?? [], figures.get(name)?.get(who) ?? []];
  if (mine.length === 0 || others.length === 0) return [];
  const shown = (values: readonly number[]): string => `${Math.round(median(values)).toLocaleString('en')} ${unit}`;
  const found = ratioOf(mine, others);
  const targets = [
    ...(ratio === undefined ? [] : [{ text: ratio.toFixed(2), met: found <= ratio }]),
    ...(atMost === undefined ? [] : [{ text: `${atMost} ${unit}`, met: median(mine) <= atMost }]),
  ];
  const met = targets.length === 0 ? '' : targets.every((target) => target.met) ? 'yes' : 'no';
  const target = targets.map(({ text }) => text).join(' and ');
  return [`| ${[name, shown(mine), `${against}: ${shown(others)}`, found.toFixed(2), target, met].join(' | ')} |`];
}

/** The rows that were measured, as a table of Markdown. */
export function table(): string[] {
  return ['| | program | against | ratio | at most | met |', '|---|---|---|---|---|---|', ...ROWS.flatMap(line)];
}

/** This build against the other one: the rows in which both were measured. */
export function comparison(): string[] {
  const rows = [...figures].flatMap(([name, row]) => {
    const [mine, others] = [row.get('program') ?? [], row.get('other') ?? []];
    if (mine.length === 0 || others.length === 0) return [];
    const ratio = ratioOf(mine, others);
    const cells = [name, Math.round(median(others)), Math.round(median(mine)), ratio.toFixed(2)];
    return [`| ${[...cells, ratio <= 1.05 ? 'yes' : 'no'].join(' | ')} |`];
  });
  return ['| both builds in turn | other | this | ratio | at most 1.05 |', '|---|---|---|---|---|', ...rows];
}
