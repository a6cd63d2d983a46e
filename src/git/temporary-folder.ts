import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';

/**
 * Makes a folder for files that are needed for a while; whoever asked removes it.
 * @throws AppError `REPOSITORY` where this machine has no place for it
 */
export function temporaryFolder(purpose: string): string {
  try {
    return mkdtempSync(join(tmpdir(), `celigo-mirror-${purpose}-`));
  } catch (cause) {
    throw new AppError('REPOSITORY', `no temporary folder can be made in ${tmpdir()}: ${messageOf(cause)}`, {
      hint: 'Set the variable TMPDIR to a folder that exists and that this user may write to',
      cause,
    });
  }
}
