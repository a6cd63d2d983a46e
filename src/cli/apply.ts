import { type Command, Option } from 'commander';
import type { ApplyGitFlags } from './input/restore-request.ts';
import { ALLOW_TARGET_CHANGE, JSON_RESULT } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerApply(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('apply')
    .summary('bring what people changed in Git to the account')
    .description(
      'Brings the changes that people committed in the folder of an account to the account, and nothing else: field ' +
        'by field, so that what others changed there since stays. Where someone changed the same field, the resource ' +
        'is left as it is (a conflict). Prints a plan and asks before it writes, like restore.',
    )
    .argument('[ref]', 'commit, branch or tag with the changes (default: HEAD)')
    .option('--base <ref>', 'what the changes are compared with (default: the newest commit of the mirror in <ref>)')
    .option('--account <name>', 'account whose changes are meant, if several are configured')
    .option('--dry-run', 'show the plan; write nothing')
    .addOption(new Option('--format <format>', 'with --dry-run: how to print the plan').choices(['text', 'md', 'json']))
    .option('--exit-code', 'with --dry-run: exit with 2 when there is something to do')
    .option('--yes', 'apply the plan without asking')
    .option('--digest <digest>', 'apply the plan only if it is the reviewed one, whose --dry-run printed this digest')
    .option('--secrets <file>', 'credentials to write: YAML, "connections/<id or name>: { field: value }"')
    .option('--enable-flows', 'at the end, enable what becomes enabled')
    .option('--force', 'let the changes win where others changed the same, and delete more than the guards permit')
    .option(...ALLOW_TARGET_CHANGE)
    .option('--resume [id]', 'resume an interrupted apply')
    .option('--out <file>', 'save the plan instead of applying it; celigo-mirror restore <file> applies it')
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror apply --dry-run                       what the commits since the last sync would change
  celigo-mirror apply feature --dry-run --format md   the same of a branch, as the comment of a pull request
  celigo-mirror apply 3f2a1c --yes
  celigo-mirror apply 3f2a1c --yes --digest 0f343b0931126a20f133d67c2b018a3b   that plan, or nothing

Exit codes:
  0   done, or nothing to do
  1   failed
  2   with --exit-code: there is something to do
  3   partial: some steps failed or were blocked, each is named
  4   refused: others changed the same since, another plan than the reviewed one, a guard, a credential in plain text,
      or an interrupted restore
  64  wrong usage or configuration, or a file that is not a document`,
    )
    .action(async (ref: string | undefined, flags: ApplyGitFlags, self: Command) => {
      const { runApply } = await import('./actions/restore.ts');
      finish(await runApply(io, self.optsWithGlobals<GlobalOptions>(), ref, flags));
    });
}
