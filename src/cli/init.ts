import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, messageOf } from '../core/errors.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import type { Io } from './ui/io.ts';

/** The commented example ships beside the program, with the schema that editors check it by. */
const EXAMPLE = new URL('config/celigo-mirror.example.yaml', PACKAGE_ROOT);
const SCHEMA_URL = new URL('config/celigo-mirror.schema.json', PACKAGE_ROOT);

export function registerInit(program: Command, io: Io): void {
  program
    .command('init')
    .summary('write a commented configuration file')
    .description('Writes a configuration file in which every setting is explained.')
    .argument('[file]', 'where to write it; - prints it', 'celigo-mirror.yaml')
    .option('--force', 'replace an existing file')
    .option('--schema', 'print the JSON Schema of the file instead, for editors')
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror init
  celigo-mirror init /etc/celigo-mirror/celigo-mirror.yaml
  celigo-mirror init - > my.yaml`,
    )
    .action(async (file: string, flags: { force?: boolean; schema?: boolean; json?: boolean }) => {
      if (flags.schema) {
        const { configJsonSchema } = await import('../config/schema.ts');
        io.out(configJsonSchema());
        return;
      }
      const text = readFileSync(EXAMPLE, 'utf8').replace('./celigo-mirror.schema.json', SCHEMA_URL.href);
      if (file === '-') {
        io.out(text);
        return;
      }
      const path = resolve(io.cwd, file);
      try {
        writeFileSync(path, text, { flag: flags.force ? 'w' : 'wx', mode: 0o600 });
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
          throw new AppError('USAGE', `${path} exists already`, {
            hint: 'Edit it, or replace it with --force',
          });
        }
        throw new AppError('USAGE', `${path} cannot be written: ${messageOf(cause)}`, {
          hint: 'Check that the folder exists and that this user may write there',
          cause,
        });
      }
      io.out(
        flags.json
          ? `${JSON.stringify({ version: 1, file: path })}\n`
          : `Wrote ${path}.\nNext: set CELIGO_API_TOKEN, then run celigo-mirror doctor and celigo-mirror sync.\n`,
      );
    });
}
