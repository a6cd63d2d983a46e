import type { Command } from 'commander';
import type { VerifyFlags } from './actions/verify.ts';
import { JSON_RESULT } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerVerify(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('verify')
    .summary('check the mirror itself, offline')
    .description(
      'Checks that every file of the mirror parses and renders to the same bytes again, and that every reference ' +
        'resolves or is listed, and compares the files with the last commit. Needs no token.',
    )
    .argument('[folder]', 'folder of the mirror (default: repository.path of the configuration)')
    .option('--account <name>', 'check only this account')
    .option('--signatures', 'also check that a trusted key signed every commit, and that nothing is uncommitted')
    .option(
      '--allowed-signers <file>',
      'trusted keys, in the format of ssh-keygen; keep this file outside the mirror ' +
        '(default: the public key of repository.signingKeyFile)',
    )
    .option('--receipt <file>', 'check this receipt of a drill instead: signature, commit, what it proves')
    .option('--signed-after <ref>', 'require signatures only after this commit or tag')
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror verify
  celigo-mirror verify ./mirror --json     in CI of the mirror repository, without a configuration file
  celigo-mirror verify --signatures --allowed-signers /etc/celigo-mirror/allowed_signers
  celigo-mirror verify --receipt drill.json --allowed-signers allowed_signers

Exit codes:
  0   no faults
  1   faults, or signatures that cannot be checked (shallow clone); a receipt that is refused, or whose drill failed
  64  no mirror in this folder`,
    )
    .action(async (folder: string | undefined, flags: VerifyFlags, command: Command) => {
      const { runVerify } = await import('./actions/verify.ts');
      finish(await runVerify(io, command.optsWithGlobals<GlobalOptions>(), folder, flags));
    });
}
