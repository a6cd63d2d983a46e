import type { Command } from 'commander';
import type { EmulatorFlags } from './actions/emulator.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerEmulator(program: Command, io: Io): void {
  program
    .command('emulator')
    .summary('serve a local Celigo API to try things out')
    .description(
      'Serves the documented Celigo API on this machine until you stop it, with the sample account, an empty one, or ' +
        'one loaded from a mirror. Changes are kept in memory only.',
    )
    .option('--port <number>', 'port on 127.0.0.1; 0 picks a free one', '0')
    .option('--from <folder>', 'load the account from this mirror (credentials are invented)')
    .option('--account <name>', 'with --from: account to load, if the mirror holds several')
    .option('--empty', 'start with an account that has only its owner')
    .option('--no-rate-limit', 'turn off the documented rate limit')
    .option('--edit-every <duration>', 'let users of the account edit something at this interval, such as 30s')
    .option('--json', 'print URL and tokens as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror emulator --port 8700
  celigo-mirror emulator --from ./mirror --account production
  CELIGO_BASE_URL=http://127.0.0.1:8700 CELIGO_API_TOKEN=… celigo-mirror sync

For tests, http://127.0.0.1:<port>/_emulator/… injects faults, edits as other users, and dumps the account.`,
    )
    .action(async (flags: EmulatorFlags, command: Command) => {
      const { runEmulator } = await import('./actions/emulator.ts');
      await runEmulator(io, command.optsWithGlobals<GlobalOptions>(), flags);
    });
}
