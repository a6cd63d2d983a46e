import type { Command } from 'commander';
import type { UndoFlags } from './input/restore-request.ts';
import { ALLOW_TARGET_CHANGE, JSON_RESULT, withChangeOptions } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerUndo(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('undo')
    .summary('take back changes, and keep what others did since')
    .description(
      'Takes back what commits of the mirror changed in the account, and nothing else: field by field, so that later ' +
        'changes stay. Where someone changed the same field since, the resource is left as it is (a conflict). ' +
        'Prints a plan and asks before it writes, like restore.',
    )
    .argument(
      '[what...]',
      'commits, ranges of them (<commit>..<commit>); besides these, --by, --since or --run also all, <type>, ' +
        '<type>/<id or name>, integration/<name>, an id, or a path in ' +
        'the mirror, to limit what is taken back',
    );
  withChangeOptions(command)
    .option('--account <name>', 'account whose changes are meant, if several are configured')
    .option('--dry-run', 'show the plan; write nothing')
    .option('--yes', 'apply the plan without asking')
    .option('--secrets <file>', 'credentials to write: YAML, "connections/<id or name>: { field: value }"')
    .option('--enable-flows', 'at the end, enable what becomes enabled again')
    .option('--force', 'let the undo win where others changed the same, and delete more than the guards permit')
    .option(...ALLOW_TARGET_CHANGE)
    .option('--resume [id]', 'resume an interrupted undo')
    .option('--out <file>', 'save the plan instead of applying it; celigo-mirror restore <file> applies it')
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror undo 3f2a1c --dry-run            what taking back this commit would change
  celigo-mirror undo 3f2a1c flows/"Order sync"   of this commit, only what it did to one flow
  celigo-mirror undo 3f2a1c..HEAD                 all that was changed since that commit
  celigo-mirror undo --by mateo --since monday   all that one person did since then
  celigo-mirror undo --run 20261128T101500Z-1f2e3d4c

Exit codes:
  0   done
  1   failed
  3   partial: some steps failed or were blocked, each is named
  4   refused: others changed the same since, a guard, or an interrupted restore
  64  wrong usage or configuration`,
    )
    .action(async (words: string[], flags: UndoFlags, self: Command) => {
      const { runUndo } = await import('./actions/restore.ts');
      finish(await runUndo(io, self.optsWithGlobals<GlobalOptions>(), words, flags));
    });
}
