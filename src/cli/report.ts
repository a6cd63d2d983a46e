import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import type { CommitLink } from '../audit/report/forge.ts';
import type { Report } from '../audit/report/model.ts';
import { AppError } from '../core/errors.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { writeOutput } from './ui/output-file.ts';

const FORMATS = ['html', 'md', 'csv', 'json'] as const;
type Format = (typeof FORMATS)[number];

interface ReportFlags {
  readonly from?: string;
  readonly to?: string;
  readonly format?: Format;
  readonly output?: string;
  readonly by?: string;
  readonly commitUrl?: string;
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

export function registerReport(program: Command, io: Io): void {
  program
    .command('report')
    .summary('a report of every change in a span of time, for an auditor')
    .description(
      'Tells every change of the span from the history of the mirror: when, by whom, through which door, and each field before and after. The HTML page stands alone: it needs no network and no other file, can be searched and filtered, and prints well.',
    )
    .argument('[what]', '<type>, <type>/<id or name>, an id, or a path in the mirror (default: all)')
    .option(
      '--from <time>',
      'from then on: 2026-11-01, 2026-11-01T08:00Z, "November 2026", "30 days ago"; a day, month or year is meant from its beginning, in UTC (default: the beginning)',
    )
    .option('--to <time>', 'up to then; a day, month or year is meant to its end, in UTC (default: now)')
    .addOption(
      new Option('--format <format>', 'default: what the name of --output says, else md').choices([...FORMATS]),
    )
    .option('-o, --output <file>', 'write there instead of printing')
    .option('--by <person>', 'only changes by somebody: part of a name or e-mail address')
    .option(
      '--commit-url <template>',
      'page of a commit, such as https://git.example/acme/mirror/commit/{commit} (default: repository.commitUrl, else as the remote suggests)',
    )
    .option('--account <name>', 'the account, where the mirror has several')
    .option('--mirror <folder>', 'a mirror to read without a configuration')
    .option('--json', 'the same as --format json')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror report --from 2026-11-01 --to 2026-11-30 -o november.html
  celigo-mirror report flows --from "7 days ago"
  celigo-mirror report --from 2026-10-01 --to 2026-12-31 --format csv > quarter.csv

Exit codes: 0 done, 64 wrong usage, or no mirror.`,
    )
    .action(async (what: string | undefined, flags: ReportFlags, command: Command) => {
      await runReport(io, command.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}

function formatOf({ format, output, json }: ReportFlags): Format {
  if (json) return 'json';
  if (format) return format;
  const extension = extname(output ?? '')
    .slice(1)
    .toLowerCase();
  return FORMATS.find((known) => known === extension || (known === 'html' && extension === 'htm')) ?? 'md';
}

async function rendererOf(format: Format): Promise<(report: Report, link: CommitLink) => Iterable<string>> {
  // Each format has libraries of its own.
  if (format === 'html') return (await import('../audit/report/html.ts')).reportHtml;
  if (format === 'csv') return (await import('../audit/report/csv.ts')).reportCsv;
  if (format === 'json') return (await import('../audit/report/json.ts')).reportJson;
  return (await import('../audit/report/markdown.ts')).reportMarkdown;
}

function checkTemplate(template: string | undefined): string | undefined {
  if (template === undefined || (/^https?:\/\//.test(template) && template.includes('{commit}'))) return template;
  throw new AppError('USAGE', `--commit-url: ${template} is no address of commits`, {
    hint: 'It looks like https://git.example/acme/mirror/commit/{commit}',
  });
}

async function runReport(io: Io, globals: GlobalOptions, what: string | undefined, flags: ReportFlags): Promise<void> {
  const [{ openTrail }, { readTime }, { preselect }, { buildReport }, { commitLinks }] = await Promise.all([
    import('./ui/trail.ts'),
    import('./ui/time-option.ts'),
    import('../audit/query.ts'),
    import('../audit/report/model.ts'),
    import('../audit/report/forge.ts'),
  ]);
  const format = formatOf(flags);
  const template = checkTemplate(flags.commitUrl);
  const now = io.now();
  const from = await readTime('--from', flags.from, 'start', now);
  const to = (await readTime('--to', flags.to, 'end', now)) ?? now;
  if (from && from > to) {
    throw new AppError('USAGE', `--from (${from.toISOString()}) is later than --to (${to.toISOString()})`, {
      hint: 'Swap them',
    });
  }
  const { git, account, trail, keys, repository, cut } = await openTrail(io, globals, what, flags);
  const query = { keys, since: from, until: to, by: flags.by, field: undefined, grep: undefined };
  const report = await buildReport(git, {
    account,
    from,
    to,
    madeAt: now,
    cut,
    entries: preselect(trail, query),
  });
  const remote = repository.remote ?? (await git.ask(['config', '--get', 'remote.origin.url']))?.trim();
  const link = commitLinks(template ?? repository.commitUrl, remote === '' ? undefined : remote);
  const render = await rendererOf(format);
  if (flags.output === undefined) {
    for (const part of render(report, link)) io.out(part);
    return;
  }
  const file = writeOutput(io, '--output', flags.output, [...render(report, link)].join(''));
  io.err(`${report.changes.length} changes → ${file}\n`);
}
