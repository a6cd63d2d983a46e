import type { Command } from 'commander';
import type { Io } from './ui/io.ts';

export function registerVersion(program: Command, io: Io): void {
  program
    .command('version')
    .summary('print the version')
    .description('Prints the version, as --version does.')
    .addHelpText('after', '\nExamples:\n  celigo-mirror version')
    .action(() => io.out(`${program.version()}\n`));
}
