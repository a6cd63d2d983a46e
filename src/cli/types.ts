import type { Command } from 'commander';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerTypes(program: Command, io: Io): void {
  program
    .command('types')
    .summary('list the resource types: what is mirrored, what can be restored')
    .description('Prints the catalogue: every resource type with its endpoint, what is mirrored and what is restored.')
    .argument('[type...]', 'show only these types, with every detail')
    .option('--json', 'print the catalogue as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror types
  celigo-mirror types connections flows
  celigo-mirror types --json | jq -r '.types[].type'`,
    )
    .action(async (names: string[], flags: { readonly json?: boolean }, command: Command) => {
      const { runTypes } = await import('./actions/types.ts');
      runTypes(io, command.optsWithGlobals<GlobalOptions>(), names, flags);
    });
}
