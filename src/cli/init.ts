import type { Command } from 'commander';
import type { InitFlags } from './actions/init.ts';
import { JSON_RESULT } from './options.ts';
import type { Io } from './ui/io.ts';

export function registerInit(program: Command, io: Io): void {
  program
    .command('init')
    .summary('write a commented configuration file')
    .description('Writes a configuration file in which every setting is explained.')
    .argument('[file]', 'file to write; - prints it instead', 'celigo-mirror.yaml')
    .option('--force', 'overwrite an existing file')
    .option('--schema', 'print the JSON Schema of the configuration instead, for editors')
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror init
  celigo-mirror init /etc/celigo-mirror/celigo-mirror.yaml
  celigo-mirror init - > my.yaml`,
    )
    .action(async (file: string, flags: InitFlags) => {
      const { runInit } = await import('./actions/init.ts');
      runInit(io, file, flags);
    });
}
