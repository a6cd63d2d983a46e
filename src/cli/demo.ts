import type { Command } from 'commander';
import type { DemoFlags } from './actions/demo.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerDemo(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('demo')
    .summary('see a sync, edits, their history and a restore on an emulated account')
    .description(
      'Mirrors an emulated account, lets its users change it, and shows the resulting history and a restore. ' +
        'Needs no account and no network.',
    )
    .option('--keep <folder>', 'create the mirror in this folder and keep it')
    .option('--json', 'print the report of every run as one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  celigo-mirror demo\n  celigo-mirror demo --keep ./demo-mirror && git -C demo-mirror log -p',
    )
    .action(async (flags: DemoFlags, command: Command) => {
      const { runDemo } = await import('./actions/demo.ts');
      finish(await runDemo(io, command.optsWithGlobals<GlobalOptions>(), flags));
    });
}
