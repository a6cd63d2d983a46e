import type { Command } from 'commander';
import type { WatchedFlags } from './actions/watched.ts';
import { ACCOUNT, MIRROR, WATCHED } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

/** What the daemon asks after a run, in a process of its own. */
export function registerWatched(program: Command, io: Io): void {
  program
    .command(WATCHED, { hidden: true })
    .option('--after <commit>', 'up to where everything was reported')
    .option('--commits <commit...>', 'commits to look at where that is not known')
    .option(...ACCOUNT)
    .option(...MIRROR)
    .action(async (flags: WatchedFlags, command: Command) => {
      const { runWatched } = await import('./actions/watched.ts');
      await runWatched(io, command.optsWithGlobals<GlobalOptions>(), flags);
    });
}
