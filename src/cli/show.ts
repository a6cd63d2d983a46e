import type { Command } from 'commander';
import type { ShowFlags } from './actions/show.ts';
import { ACCOUNT, BEFORE, MIRROR, ONE_SELECTOR, TIMEZONE } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerShow(program: Command, io: Io): void {
  program
    .command('show')
    .summary('print a resource as it was at a given time')
    .description('Prints one resource of the mirror as YAML, with its code and long texts; also deleted ones.')
    .argument('<what>', ONE_SELECTOR)
    .option(
      '--at <ref or time>',
      'commit, tag, 2026-11-23, yesterday … (default: the latest state that has it); of days, their end',
    )
    .option(...BEFORE)
    .option(...TIMEZONE)
    .option(...ACCOUNT)
    .option(...MIRROR)
    .option('--json', 'print JSON instead of YAML')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror show flows/"Order sync"
  celigo-mirror show scripts/64f0c0ffee64f0c0ffee64f0 --at "3 days ago"
  diff <(celigo-mirror show flows/"Order sync" --at v1) <(celigo-mirror show flows/"Order sync")

Exit codes:
  0   done
  64  no such resource or state`,
    )
    .action(async (what: string, flags: ShowFlags, command: Command) => {
      const { runShow } = await import('./actions/show.ts');
      await runShow(io, command.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}
