import { Argument, type Command } from 'commander';
import type { SecretsAction, SecretsFlags } from './actions/secrets.ts';
import { JSON_RESULT, withStateOptions } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerSecrets(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('secrets')
    .summary('list the credentials that a restore needs beside the mirror')
    .description(
      'No backup can hold the credentials of an account: the API masks them, and the mirror leaves out the others. ' +
        'This command names each of them with what waits for it. Reads the mirror alone, without token and network, ' +
        'unless --live asks the account.',
    )
    .addArgument(
      new Argument(
        '<action>',
        'list: what is needed; template: a file for --secrets with a variable for each; check: what is still missing',
      ).choices(['list', 'template', 'check']),
    )
    .argument(
      '[what...]',
      'only of these: <type>, <type>/<id or name>, integration/<name>, an id, a path in the mirror',
    )
    .option('--secrets <file>', 'YAML file with credentials, as for restore')
    .option(
      '--live [account]',
      'also ask the account (default: the one of the mirror) which of them it has, and what is offline; only reads',
    );
  withStateOptions(command)
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror secrets list
  celigo-mirror secrets list integration/"Web shop"
  celigo-mirror secrets template > secrets.yaml
  celigo-mirror secrets check --secrets secrets.yaml
  celigo-mirror secrets check --live sandbox       after restore --to sandbox: what is still missing there

Exit codes:
  0   done; check: every credential is supplied
  1   --live: the account could not be read
  3   check: some are missing, or with --live a connection that an enabled flow needs is offline
  64  wrong usage, or no mirror`,
    )
    .action(async (action: SecretsAction, what: string[], flags: SecretsFlags, command: Command) => {
      const { runSecrets } = await import('./actions/secrets.ts');
      finish(await runSecrets(io, command.optsWithGlobals<GlobalOptions>(), action, what, flags));
    });
}
