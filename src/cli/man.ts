import type { Command } from 'commander';
import { MAN } from './options.ts';
import type { Io } from './ui/io.ts';

/** What the build asks for the manual page of the package. */
export function registerMan(program: Command, io: Io): void {
  program
    .command(MAN, { hidden: true })
    .requiredOption('--date <date>', 'date of the page')
    .action(async ({ date }: { readonly date: string }) => {
      const { manPage } = await import('./actions/man.ts');
      io.out(manPage(program, date));
    });
}
