import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';
import { BINDING_FILE } from '../core/layout.ts';

/** What is in a folder; nothing where there is no folder. @throws AppError `REPOSITORY` for one that cannot be read */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return [];
    throw new AppError('REPOSITORY', `${folder} cannot be read: ${messageOf(cause)}`, {
      hint: 'Give this user the right to read the mirror',
      cause,
    });
  }
}

/** Names of the account folders in a mirror. @throws AppError `USAGE` when there is none (or not the wanted one) */
export function accountFolders(root: string, wanted: string | undefined): string[] {
  const found = entriesOf(root)
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, BINDING_FILE)))
    .map((entry) => entry.name)
    .filter((name) => wanted === undefined || name === wanted);
  if (found.length > 0) return found.sort();
  throw new AppError('USAGE', `${root} holds no mirror${wanted ? ` of ${wanted}` : ''}`, {
    hint: 'Name the folder of the mirror repository, or create one with: celigo-mirror sync',
  });
}

/** Every regular file below a folder: path with `/`, bytes. Links are not followed. */
export function readFolder(folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(folder, path).replaceAll('\\', '/'), readFileSync(path));
  }
  return files;
}
