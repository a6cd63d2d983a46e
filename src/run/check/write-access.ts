import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A folder that a run writes to and could not, and why. */
export interface Unwritable {
  readonly folder: string;
  readonly error: NodeJS.ErrnoException;
  /** User id of its owner. */
  readonly owner: number | undefined;
}

/** Beginning of the name of what is written and removed again. Git removes what is called so when it prunes. */
const PROBE = 'tmp_celigo-mirror-';
/** Written where git's objects go; a run with some changes needs less. */
const OBJECT_BYTES = 1024 * 1024;

/** Makes a folder with a file in a folder, as a run would, and removes both again. */
function probe(folder: string, bytes: number): Unwritable | undefined {
  let made: string | undefined;
  try {
    made = mkdtempSync(join(folder, PROBE));
    writeFileSync(join(made, 'file'), Buffer.alloc(bytes), { flush: true });
    return undefined;
  } catch (error) {
    const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
    return { folder, error: error as NodeJS.ErrnoException, owner };
  } finally {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
  }
}

/** The folder itself, or the nearest one above it that exists. */
function existing(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder));
}

/** A folder, and the folders in it. */
function withFolders(folder: string): string[] {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  let inside: string[] = [];
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    inside = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  } catch {
    // Not to be read either: the folder itself says why.
  }
  return [folder, ...inside];
}

/** Whether a folder, or the nearest one above it that exists, can be written to. */
export function tryFolder(folder: string): Unwritable | undefined {
  return probe(existing(folder), 1);
}

/**
 * Writes a file into every folder that a run writes to, and removes it again.
 * @param clone where its parts are; `tree` is absent where it has no work tree
 * @param accounts the accounts' folders
 * @returns where that failed
 */
export function tryWriting(
  clone: { readonly tree: string | undefined; readonly gitDir: string; readonly objects: string },
  accounts: readonly string[],
): readonly Unwritable[] {
  const { tree, gitDir, objects } = clone;
  const folders = [
    gitDir,
    join(gitDir, 'refs', 'heads'),
    join(gitDir, 'refs', 'celigo-mirror'),
    join(gitDir, 'celigo-mirror'),
    join(objects, 'pack'),
    ...(tree === undefined ? [] : [tree, ...accounts.flatMap((account) => withFolders(join(tree, account)))]),
  ];
  const found = folders.filter((folder) => existsSync(folder)).map((folder) => probe(folder, 1));
  return [probe(objects, OBJECT_BYTES), ...found].filter((one) => one !== undefined);
}
