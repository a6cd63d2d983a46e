import type { Command } from 'commander';
import type { RestoreFlags } from './input/restore-request.ts';
import { ALLOW_TARGET_CHANGE, BEFORE, JSON_RESULT, TIMEZONE } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerRestore(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('restore')
    .summary('bring back an earlier state')
    .description(
      'Restores resources to the state that the mirror holds. Prints a plan and asks before it writes; mirrors the ' +
        'account first; writes in dependency order. Deleted resources are taken from the recycle bin if possible, ' +
        'with what they use.',
    )
    .argument(
      '[what...]',
      'all, integration/<id or name>, <type>/<id or name>, a path in the mirror, or the file of a saved plan',
    )
    .option(
      '--at <ref or time>',
      'state to restore: commit, tag, 2026-11-23, yesterday … (default: the latest); of days, their end',
    )
    .option(...BEFORE)
    .option(...TIMEZONE)
    .option('--to <account>', 'restore into this account instead of the one the mirror was made from')
    .option('--account <name>', 'account whose mirror is restored, if several are configured')
    .option('--dry-run', 'show the plan; write nothing')
    .option('--yes', 'apply the plan without asking')
    .option('--prune', 'with all: also delete resources that the state does not contain')
    .option('--with-dependencies', 'also restore everything that the named resources refer to')
    .option('--secrets <file>', 'credentials to write: YAML, "connections/<id or name>: { field: value }"')
    .option('--enable-flows', 'at the end, enable what was enabled in that state')
    .option(
      '--force',
      'overwrite changes made since the last sync, delete more than the guards permit, and write again what the ' +
        'server changed after an earlier write',
    )
    .option(...ALLOW_TARGET_CHANGE)
    .option('--resume [id]', 'resume an interrupted restore')
    .option('--out <file>', 'save the plan instead of applying it')
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror restore all --at yesterday --dry-run        preview what would change
  celigo-mirror restore flows/"Order sync"                  one flow, even if it was deleted
  celigo-mirror restore integration/"Web shop" --at 3f2c1a  an integration with everything it uses
  celigo-mirror restore all --to sandbox --account production --secrets sandbox-secrets.yaml
  celigo-mirror restore all --at v1 --out plan.json && celigo-mirror restore plan.json
  celigo-mirror restore --resume

Exit codes:
  0   done
  1   failed
  3   partial: some steps failed or were blocked, each is named
  4   refused: a conflict, a guard, or an interrupted restore
  64  wrong usage or configuration`,
    )
    .action(async (what: string[], flags: RestoreFlags, command: Command) => {
      const { runRestore } = await import('./actions/restore.ts');
      finish(await runRestore(io, command.optsWithGlobals<GlobalOptions>(), what, flags));
    });
}
