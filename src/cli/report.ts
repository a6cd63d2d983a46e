import { type Command, Option } from 'commander';
import type { ReportFlags } from './actions/report.ts';
import { ACCOUNT, HISTORY_SELECTOR, MIRROR, withChangeOptions } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerReport(program: Command, io: Io): void {
  const command = program
    .command('report')
    .summary('write an audit report of every change in a period')
    .description(
      'Reports every change of a period from the history of the mirror: when, by whom, through which channel ' +
        '(UI, API, script …), and each field before and after. The HTML report is a single file that works offline, ' +
        'can be searched and filtered, and prints well.',
    )
    .argument('[what...]', HISTORY_SELECTOR);
  withChangeOptions(command)
    .option('--month <month>', 'a whole month, such as 2026-11')
    .addOption(
      new Option('--format <format>', 'format (default: by the extension of --output, else md)').choices([
        'html',
        'md',
        'csv',
        'json',
      ]),
    )
    .option('-o, --output <file>', 'write to this file instead of standard output')
    .option(
      '--commit-url <template>',
      'web page of a commit, such as https://git.example/acme/mirror/commit/{commit} ' +
        '(default: repository.commitUrl, else derived from the remote)',
    )
    .option(...ACCOUNT)
    .option(...MIRROR)
    .option('--json', 'short for --format json')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror report --month 2026-11 -o november.html
  celigo-mirror report flows --from "7 days ago"
  celigo-mirror report --from 2026-10-01 --to 2026-12-31 --format csv > quarter.csv

Exit codes:
  0   done
  64  wrong usage, or no mirror`,
    )
    .action(async (what: string[], flags: ReportFlags, self: Command) => {
      const { runReport } = await import('./actions/report.ts');
      await runReport(io, self.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}
