import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { configJsonSchema } from '../../config/schema.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { PACKAGE_ROOT } from '../../package-root.ts';
import type { Io } from '../ui/io.ts';

/** The commented example of the package. It names the schema that editors check it by as a file beside it. */
const EXAMPLE = new URL('config/celigo-mirror.example.yaml', PACKAGE_ROOT);
const SCHEMA = 'celigo-mirror.schema.json';

export interface InitFlags {
  readonly force?: boolean;
  readonly schema?: boolean;
  readonly json?: boolean;
}

/**
 * Writes the commented example to `file`, and its schema beside it: both can be shared, on any machine.
 *
 * @throws AppError `USAGE` if the file exists or cannot be written
 */
export function runInit(io: Io, file: string, flags: InitFlags): void {
  if (flags.schema) {
    io.out(configJsonSchema());
    return;
  }
  const text = readFileSync(EXAMPLE, 'utf8');
  if (file === '-') {
    io.out(text);
    return;
  }
  const path = resolve(io.cwd, file);
  const schema = join(dirname(path), SCHEMA);
  write(path, text, flags.force === true);
  write(schema, configJsonSchema(), true);
  io.out(
    flags.json
      ? jsonText({ version: 1, file: path, schema }, 0)
      : `Wrote ${path}, and ${SCHEMA} beside it, by which editors check it.\n` +
          'Next: set CELIGO_API_TOKEN, then run celigo-mirror doctor and celigo-mirror sync.\n',
  );
}

function write(path: string, text: string, over: boolean): void {
  try {
    writeFileSync(path, text, { flag: over ? 'w' : 'wx', mode: 0o600 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new AppError('USAGE', `${path} already exists`, { hint: 'Edit it, or overwrite it with --force' });
    }
    throw new AppError('USAGE', `${path} cannot be written: ${messageOf(cause)}`, {
      hint: 'Check that the folder exists and that this user may write to it',
      cause,
    });
  }
}
