import { extname } from 'node:path';
import { preselect } from '../../audit/query.ts';
import { reportCsv } from '../../audit/report/csv.ts';
import { reportHtml } from '../../audit/report/html.ts';
import { reportJson } from '../../audit/report/json.ts';
import { reportMarkdown } from '../../audit/report/markdown.ts';
import { buildReport, type Report } from '../../audit/report/model.ts';
import { type CommitLink, commitLinks } from '../../core/commit-links.ts';
import { AppError } from '../../core/errors.ts';
import { lastChange } from '../../history/state.ts';
import { type ChangeFlags, readChanges } from '../input/changes.ts';
import { sayLastChange } from '../input/time-option.ts';
import { openTrail, withFeed } from '../input/trail.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { writeOutput } from '../ui/output-file.ts';
import { counted, printable } from '../ui/style.ts';
import { withPictures } from './flow-pictures.ts';

type Format = 'html' | 'md' | 'csv' | 'json';

export interface ReportFlags extends ChangeFlags {
  /** A whole month, instead of the two sides of a period. */
  readonly month?: string;
  readonly format?: Format;
  readonly output?: string;
  readonly commitUrl?: string;
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

const RENDERERS: Readonly<Record<Format, (report: Report, link: CommitLink) => Iterable<string>>> = {
  html: reportHtml,
  md: reportMarkdown,
  csv: reportCsv,
  json: reportJson,
};

/** Formats that show pictures of flows. */
const DRAWN: ReadonlySet<Format> = new Set(['html', 'md']);

/** @throws AppError `USAGE` for a file whose ending names no format */
function formatOf({ format, output, json }: ReportFlags): Format {
  if (json) return 'json';
  if (format) return format;
  const ending = extname(output ?? '');
  const extension = ending.slice(1).toLowerCase();
  if (extension === 'htm') return 'html';
  if (Object.hasOwn(RENDERERS, extension)) return extension as Format;
  if (ending === '') return 'md';
  throw new AppError(
    'USAGE',
    `--output: ${printable(output ?? '')} ends with ${printable(ending)}, not a valid format`,
    { hint: 'Use .html, .md, .csv or .json, or name the format with --format' },
  );
}

/** The period, also of `--month`. @throws AppError `USAGE` */
function periodOf({ month, ...flags }: ReportFlags): ChangeFlags {
  if (month === undefined) return flags;
  const other = (['since', 'from', 'until', 'to'] as const).find((side) => flags[side] !== undefined);
  if (other !== undefined) {
    throw new AppError('USAGE', `--month and --${other} both say which period to report`, { hint: 'Use one of them' });
  }
  if (!/^\d{4}-(?:0[1-9]|1[0-2])$/.test(month)) {
    throw new AppError('USAGE', `--month: ${printable(month)} is not a month`, { hint: 'Use year and month: 2026-11' });
  }
  return { ...flags, from: month, to: month };
}

function checkTemplate(template: string | undefined): string | undefined {
  if (template === undefined || (/^https?:\/\//.test(template) && template.includes('{commit}'))) return template;
  throw new AppError('USAGE', `--commit-url: ${template} is not a valid address of commits`, {
    hint: 'Use a URL such as https://git.example/acme/mirror/commit/{commit}',
  });
}

/** @throws AppError `USAGE` */
export async function runReport(
  io: Io,
  globals: GlobalOptions,
  words: readonly string[],
  flags: ReportFlags,
): Promise<void> {
  const format = formatOf(flags);
  const template = checkTemplate(flags.commitUrl);
  const now = io.now();
  const opened = await openTrail(io, globals, await readChanges(io, words, periodOf(flags), now), flags);
  const { git, account, chosen, repository, cut } = opened;
  const { since: from, until: to = now } = chosen;
  const trail = await withFeed(opened);
  const built = await buildReport(git, { account, from, to, madeAt: now, cut, entries: preselect(trail, chosen) });
  const report = DRAWN.has(format) ? await withPictures(git, built) : built;
  if (report.changes.length === 0) sayLastChange(io, account, await lastChange(git, account, now));
  const remote = repository.remote ?? (await git.ask(['config', '--get', 'remote.origin.url']))?.trim();
  const link = commitLinks(template ?? repository.commitUrl, remote === '' ? undefined : remote);
  const parts = RENDERERS[format](report, link);
  if (flags.output === undefined) {
    for (const part of parts) io.out(part, 'exact');
    return;
  }
  const file = writeOutput(io, '--output', flags.output, [...parts].join(''));
  io.err(`Wrote ${counted(report.changes.length, 'change')} to ${file}\n`);
}
