import { Argument, type Command } from 'commander';
import type { Shell } from './input/shells.ts';
import { COMPLETE } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .summary('print a script with which your shell completes commands, options and names of resources')
    .description(
      'Prints a script for your shell. It completes commands, options, accounts, types, and resources by the names ' +
        'of their files, as the mirror has them that the command would read.',
    )
    .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror completion bash > ~/.local/share/bash-completion/completions/celigo-mirror
  celigo-mirror completion zsh > "\${fpath[1]}/_celigo-mirror"
  celigo-mirror completion fish > ~/.config/fish/completions/celigo-mirror.fish`,
    )
    .action(async (shell: Shell) => {
      const { printScript } = await import('./actions/completion.ts');
      printScript(io, shell);
    });
  program
    .command(COMPLETE, { hidden: true })
    .argument('[words...]', 'what was typed; the last one is to be completed')
    .helpOption(false)
    .allowUnknownOption()
    .action(async (words: string[], _flags: unknown, command: Command) => {
      const { runComplete } = await import('./actions/completion.ts');
      await runComplete(io, command.optsWithGlobals<GlobalOptions>(), program, words);
    });
}
