import { type Command, Option } from 'commander';
import type { CompareFlags } from './actions/compare.ts';
import { AT, BEFORE, MIRROR, TIMEZONE } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerCompare(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('compare')
    .summary('compare two accounts, such as sandbox and production')
    .description(
      'Shows what only one of two accounts has, and how the others differ, field by field. Reads the mirror alone: ' +
        'no token, no network. Resources are paired by the files in idmaps/, else by type, name and integration; ' +
        'references are compared by what they refer to. Ids, credentials, what the configuration overrides, and ' +
        'switches (disabled) do not count, unless you ask for all.',
    )
    .argument('[account]', 'the one account')
    .argument('[other account]', 'the other account')
    .argument('[what...]', 'only these: <type>/<id or name>, integration/<name>, a type, an id, a path in the mirror')
    .option(...AT)
    .option(...BEFORE)
    .option(...TIMEZONE)
    .option(
      '--all',
      'compare credentials (whether they are set), overrides, switches and what only the server sets, too',
    )
    .option('--exit-code', 'exit with 2 if there are differences')
    .addOption(new Option('--format <format>', 'output format').choices(['text', 'md', 'json']).default('text'))
    .option('--json', 'short for --format json')
    .option(...MIRROR)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror compare sandbox production                       what differs?
  celigo-mirror compare sandbox production integration/"Web shop"
  celigo-mirror compare sandbox production flows scripts --at "last friday"
  celigo-mirror compare sandbox production --format md >> pull-request.md
  celigo-mirror compare sandbox production --exit-code || echo "not the same"

A resource without a pair is listed with what it may be. To make it a pair, add its ids to idmaps/<account>-<other>.yaml
and commit the file:

  flows: { <id in the one account>: <id in the other account> }

Exit codes:
  0   done
  1   failed
  2   there are differences (with --exit-code)
  64  wrong usage, or no mirror`,
    )
    .action(
      async (
        account: string | undefined,
        other: string | undefined,
        what: string[],
        flags: CompareFlags,
        self: Command,
      ) => {
        const { runCompare } = await import('./actions/compare.ts');
        finish(await runCompare(io, self.optsWithGlobals<GlobalOptions>(), [account, other], what, flags));
      },
    );
}
