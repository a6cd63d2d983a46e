import { type Command, Option } from 'commander';
import type { DiffFlags } from './actions/diff.ts';
import { TIMEZONE } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerDiff(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('diff')
    .summary('compare the live account with the mirror, or two states of the mirror')
    .description(
      'Shows the differences field by field: between the mirror and the live account, or, with --from, between two ' +
        'states of the mirror.',
    )
    .argument('[what...]', 'only these: <type>/<id or name>, integration/<name>, a type, a path in the mirror')
    .option('--from <ref or time>', 'older state to compare, of days their beginning; the account is not contacted')
    .option('--to <ref or time>', 'newer state to compare, of days their end (default: the latest)')
    .option('--since <ref or time>', 'the same as --from')
    .option('--until <ref or time>', 'the same as --to')
    .option(...TIMEZONE)
    .option('--account <name>', 'compare only this account')
    .option('--mirror <folder>', 'with --from: folder of the mirror to read, without a configuration file')
    .option('--exit-code', 'exit with 2 if there are differences')
    .addOption(
      new Option(
        '--format <format>',
        'output format; mermaid draws each flow that differs, with its added, removed and changed steps (needs --from)',
      )
        .choices(['text', 'mermaid', 'json'])
        .default('text'),
    )
    .option('--json', 'short for --format json')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror diff                                     what changed since the last sync?
  celigo-mirror diff flows --from yesterday              which flows changed since yesterday?
  celigo-mirror diff --from v1 --to v2 --json
  celigo-mirror diff flows/"Order sync" --from yesterday --format mermaid    the flow as a picture
  celigo-mirror diff --exit-code || echo "the account drifted"

Exit codes:
  0   done
  1   failed
  2   there are differences (with --exit-code)
  3   partial: a resource type could not be read completely
  64  wrong usage or configuration`,
    )
    .action(async (what: string[], flags: DiffFlags, command: Command) => {
      const { runDiff } = await import('./actions/diff.ts');
      finish(await runDiff(io, command.optsWithGlobals<GlobalOptions>(), what, flags));
    });
}
