import type { Command } from 'commander';
import type { SyncFlags } from './actions/sync.ts';
import { JSON_RESULT, METRICS_FILE, QUIET } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerSync(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('sync')
    .summary('mirror the accounts into the repository, once')
    .description('Lists every collection, commits what changed in the name of the person who changed it, and pushes.')
    .option('--account <name>', 'sync only this account')
    .option('--full', 'refetch everything, including unchanged resources')
    .option('--dry-run', 'show what would be committed; write nothing')
    .option('--no-push', 'commit, but do not push')
    .option('--allow-deletions', 'allow more deletions than the guards permit')
    .option('--rebind', 'the token is of a new owner of the same account: compare the two, and ask before the sync')
    .option('--stateless', 'for clones that are not kept: fetch only the newest commit, fail if the push fails')
    .option(...METRICS_FILE)
    .option(...QUIET)
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror sync                          every configured account
  celigo-mirror sync --account production     one account
  celigo-mirror sync --dry-run                preview the commits
  celigo-mirror sync --stateless              in CI or a CronJob, where only the remote is kept
  celigo-mirror sync --quiet                  from cron: prints nothing when nothing changed
  celigo-mirror sync --json | jq .accounts[].commits

Exit codes:
  0   done
  1   failed, nothing was committed
  3   partial: a resource type could not be read completely (everything else is committed), or the push was postponed,
      or --metrics-file could not be written
  4   refused by a guard
  64  wrong usage or configuration`,
    )
    .action(async (flags: SyncFlags, command: Command) => {
      const { runSync } = await import('./actions/sync.ts');
      finish(await runSync(io, command.optsWithGlobals<GlobalOptions>(), flags));
    });
}
