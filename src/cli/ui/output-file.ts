import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError, messageOf } from '../../core/errors.ts';
import type { Io } from './io.ts';

/**
 * Writes a result into the file that an option names: a new one is for this user alone.
 * @returns its absolute path
 * @throws AppError `USAGE` naming the option, the file and the cause
 */
export function writeOutput(io: Io, option: string, file: string, text: string): string {
  const path = resolve(io.cwd, file);
  try {
    writeFileSync(path, text, { mode: 0o600 });
  } catch (cause) {
    throw new AppError('USAGE', `${option}: ${path} cannot be written: ${messageOf(cause)}`, {
      hint: 'Name a file in an existing folder that this user may write to',
      cause,
    });
  }
  return path;
}
