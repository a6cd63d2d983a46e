import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { configJsonSchema } from '../../config/schema.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { PACKAGE_ROOT } from '../../package-root.ts';
import type { Io } from '../ui/io.ts';

/** The package has the commented example, and the schema that editors check it by. */
const EXAMPLE = new URL('config/celigo-mirror.example.yaml', PACKAGE_ROOT);
const SCHEMA_URL = new URL('config/celigo-mirror.schema.json', PACKAGE_ROOT);

export interface InitFlags {
  readonly force?: boolean;
  readonly schema?: boolean;
  readonly json?: boolean;
}

/** @throws AppError `USAGE` if the file exists or cannot be written */
export function runInit(io: Io, file: string, flags: InitFlags): void {
  if (flags.schema) {
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
      throw new AppError('USAGE', `${path} already exists`, { hint: 'Edit it, or overwrite it with --force' });
    }
    throw new AppError('USAGE', `${path} cannot be written: ${messageOf(cause)}`, {
      hint: 'Check that the folder exists and that this user may write to it',
      cause,
    });
  }
  io.out(
    flags.json
      ? jsonText({ version: 1, file: path }, 0)
      : `Wrote ${path}.\nNext: set CELIGO_API_TOKEN, then run celigo-mirror doctor and celigo-mirror sync.\n`,
  );
}
