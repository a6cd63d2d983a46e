import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';
import { BINDING_FILE } from '../core/layout.ts';
import { type Git, GitFailure } from '../git/git.ts';

/** Files that git looks for in a repository without a work tree. */
const BARE = ['HEAD', 'objects', 'refs'];

/** Whether a folder is a repository, with a work tree or without one. */
export function isRepository(folder: string): boolean {
  return existsSync(join(folder, '.git')) || BARE.every((name) => existsSync(join(folder, name)));
}

/** The repository that a folder is in: the folder itself, or the nearest one above it. */
export function repositoryAbove(folder: string): string | undefined {
  if (isRepository(folder)) return folder;
  const above = dirname(folder);
  return above === folder ? undefined : repositoryAbove(above);
}

/** Whether the repository has files on the disk, besides those of git. */
export async function hasWorkTree(git: Git): Promise<boolean> {
  return (await git.ask(['rev-parse', '--is-inside-work-tree']))?.trim() === 'true';
}

/** @throws AppError `REPOSITORY` for a HEAD that is there and cannot be read */
async function namesInHead(git: Git, root: string, words: readonly string[]): Promise<string[]> {
  try {
    const listed = await git.run(['ls-tree', '--full-tree', '-z', '--name-only', ...words]);
    return listed.split('\0').filter((name) => name !== '');
  } catch (cause) {
    if (!(cause instanceof GitFailure)) throw cause;
    // A repository without commits is empty, not damaged.
    if ((await git.ask(['rev-parse', '--verify', '--quiet', 'HEAD'])) === undefined) return [];
    throw new AppError('REPOSITORY', `the last commit of ${root} cannot be read: ${messageOf(cause)}`, {
      hint: `Check the repository with: git -C ${root} fsck`,
      cause,
    });
  }
}

/** Names of the account folders in HEAD, in their order. @throws AppError `REPOSITORY` */
export async function accountsInHead(git: Git, root: string): Promise<string[]> {
  const folders = await namesInHead(git, root, ['-d', 'HEAD']);
  if (folders.length === 0) return [];
  const files = folders.map((folder) => `${folder}/${BINDING_FILE}`);
  const found = await namesInHead(git, root, ['HEAD', '--', ...files]);
  return found.map((file) => dirname(file)).sort();
}

/**
 * Whether a repository holds a mirror, or held one: who can push can also remove the file that shows it.
 */
export async function hasHeldMirror(git: Git, root: string): Promise<boolean> {
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (folders.some(({ name }) => existsSync(join(root, name, BINDING_FILE)))) return true;
  const touched = ['rev-list', '--max-count=1', 'HEAD', '--', `:(top,glob)*/${BINDING_FILE}`];
  return ((await git.ask(touched)) ?? '').trim() !== '';
}

/** As {@link accountsInHead}, or the one that is wanted. @throws AppError `USAGE` when there is none */
export async function accountFolders(git: Git, root: string, wanted: string | undefined): Promise<string[]> {
  const held = await accountsInHead(git, root);
  const found = held.filter((name) => wanted === undefined || name === wanted);
  if (found.length > 0) return found;
  throw noMirror(root, wanted, held);
}

/** What is said of a folder without mirrors, or without the one that is wanted. */
export function noMirror(root: string, wanted?: string, held: readonly string[] = []): AppError {
  return new AppError('USAGE', `${root} holds no mirror${wanted ? ` of ${wanted}` : ''}`, {
    hint:
      held.length > 0
        ? `Accounts in it: ${held.join(', ')}. To mirror another one, add it to the configuration: celigo-mirror sync`
        : 'Name the folder of the mirror repository, or create one with: celigo-mirror sync',
  });
}

/**
 * Every regular file below a folder of the work tree: path with `/`, bytes. Links are not followed; nothing for a
 * folder that does not exist. @throws AppError `REPOSITORY` for one that cannot be read
 */
export function readFolder(folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files.set(relative(folder, path).replaceAll('\\', '/'), readFileSync(path));
    }
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return files;
    throw new AppError('REPOSITORY', `${folder} cannot be read: ${messageOf(cause)}`, {
      hint: 'Give this user the right to read the mirror',
      cause,
    });
  }
  return files;
}
