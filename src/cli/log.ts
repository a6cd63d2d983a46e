import type { Command } from 'commander';
import type { LogFlags } from './actions/log.ts';
import { ACCOUNT, HISTORY_SELECTOR, JSON_RESULT, MIRROR, withChangeOptions } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerLog(program: Command, io: Io): void {
  const command = program
    .command('log')
    .summary('list who changed what, and when')
    .description(
      'Lists the changes of the account from the history of the mirror, newest first, across renames and deletions. ' +
        'Times and people come from the audit log, where it has them.',
    )
    .argument('[what...]', HISTORY_SELECTOR);
  withChangeOptions(command)
    .option('--field <place>', 'changes of this field, such as schedule or http.baseURI')
    .option('--grep <text>', 'changes with this text in a name or in a value, before or after')
    .option('-n, --limit <number>', 'list at most this many changes')
    .option('-p, --patch', 'show the changed fields')
    .option(...ACCOUNT)
    .option(...MIRROR)
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror log --since yesterday
  celigo-mirror log flows/"Order sync" --patch
  celigo-mirror log --by mateo --since 2026-11-01 --until 2026-11-30
  celigo-mirror log flows --field schedule
  celigo-mirror log --grep api.old.example -p
  celigo-mirror log --json | jq '.entries[] | select(.what == "deleted")'

Exit codes:
  0   done
  64  no such resource in the history, or no mirror`,
    )
    .action(async (what: string[], flags: LogFlags, self: Command) => {
      const { runLog } = await import('./actions/log.ts');
      await runLog(io, self.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}
