import type { Command } from 'commander';
import type { ListFlags } from './actions/list.ts';
import { ACCOUNT, AT, BEFORE, JSON_RESULT, MIRROR, TIMEZONE } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerList(program: Command, io: Io): void {
  program
    .command('list')
    .summary('list what is mirrored: id, name, integration, whether it is enabled')
    .description('Lists the resources of a state of the mirror. Reads the mirror alone: no token, no network.')
    .argument(
      '[what...]',
      'types, or <type>/<id or name>, integration/<name> with all that belongs to it, a path (default: everything)',
    )
    .option(...AT)
    .option(...BEFORE)
    .option(...TIMEZONE)
    .option(ACCOUNT[0], 'account to list (default: all of the mirror)')
    .option(...MIRROR)
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror list flows
  celigo-mirror list connections scripts --at "last month"
  celigo-mirror list integration/"Web shop" --json

Exit codes:
  0   done
  64  wrong usage, or no mirror`,
    )
    .action(async (what: string[], flags: ListFlags, command: Command) => {
      const { runList } = await import('./actions/list.ts');
      await runList(io, command.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}
