import type { Command } from 'commander';
import type { DrillFlags } from './actions/drill.ts';
import { BEFORE, JSON_RESULT, METRICS_FILE, TIMEZONE } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerDrill(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('drill')
    .summary('rehearse a full restore')
    .description(
      'Restores the complete mirror into an empty emulated account, mirrors that account and compares the two: ' +
        'proof that the backup can be restored. Needs no token and no network; with --into, it restores into a real ' +
        'account, switches nothing on, and deletes afterwards what it made.',
    )
    .argument('[folder]', 'folder of the mirror (default: repository.path of the configuration)')
    .option('--at <ref or time>', 'state to rehearse (default: the last commit); of days, their end')
    .option(...BEFORE)
    .option(...TIMEZONE)
    .option('--account <name>', 'rehearse only this account')
    .option('--receipt <file>', 'write what was shown as a signed statement (key: repository.signingKeyFile)')
    .option('--no-push', 'leave the receipt that the repository keeps to the next run to push')
    .option('--into <account>', 'restore into this real, empty account; needs drill: true in its configuration')
    .option('--keep', 'with --into: leave there what was restored')
    .option('--resume', 'with --into: finish an interrupted drill, and delete what it made')
    .option('--secrets <file>', 'with --into: credentials to write, as for restore; without, connections are offline')
    .option(...METRICS_FILE)
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror drill                          the configured mirror
  celigo-mirror drill . --account production   in CI of the mirror repository
  celigo-mirror drill ./mirror --at "1 month ago"
  celigo-mirror drill --into rehearsal         into an empty account, which is empty again afterwards
  celigo-mirror drill --receipt drill.json     for an auditor: verify --receipt checks it

Exit codes:
  0   everything came back, except what no API can restore (users, tokens, Integration Apps …);
      what the API may refuse today is a warning
  1   something else did not come back, or the drill could not be made
  3   everything came back; the receipt could not be signed, written, kept or pushed, --metrics-file could not be
      written, or the account of --into is not empty again: what is left is named
  4   --into refused: the account is not empty, not for drills, the one mirrored, or a drill into it was interrupted
  64  wrong usage or configuration, or no mirror in this folder`,
    )
    .action(async (folder: string | undefined, flags: DrillFlags, command: Command) => {
      const { runDrill } = await import('./actions/drill.ts');
      finish(await runDrill(io, command.optsWithGlobals<GlobalOptions>(), folder, flags));
    });
}
