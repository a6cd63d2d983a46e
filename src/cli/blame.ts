import type { Command } from 'commander';
import type { BlameFlags } from './actions/blame.ts';
import { ACCOUNT, JSON_RESULT, MIRROR, ONE_SELECTOR } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerBlame(program: Command, io: Io): void {
  program
    .command('blame')
    .summary('show who last changed each field of a resource, and when')
    .description(
      'Shows, for every value of the newest version of a resource, who set it and when. ' +
        'Follows the resource through renames, deletion and restore. Where several people edited it between two ' +
        'runs, all are named ("one of"), unless the audit feed (auditFeed: true) has who changed the field.',
    )
    .argument('<what>', ONE_SELECTOR)
    .option(...ACCOUNT)
    .option(...MIRROR)
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror blame flows/"Order sync"
  celigo-mirror blame 64f0c0ffee64f0c0ffee64f0 --json | jq '.fields[] | select(.place == "schedule")'

For lines of code, use git: git -C mirror blame -- <account>/scripts/<file>.js

Exit codes:
  0   done
  64  no such resource in the history, or the name matches several`,
    )
    .action(async (what: string, flags: BlameFlags, command: Command) => {
      const { runBlame } = await import('./actions/blame.ts');
      await runBlame(io, command.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}
