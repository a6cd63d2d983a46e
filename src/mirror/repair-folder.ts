import { existsSync, lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findType } from '../catalogue/index.ts';
import { AppError } from '../core/errors.ts';
import { isBeside, isOverview, OVERVIEW_MARK, readPath } from '../core/layout.ts';
import { GitFailure } from './git.ts';
import { remakeIndex } from './index-file.ts';
import type { Repository } from './repository.ts';

/** Whether `path` (inside the account folder) is one that this program writes. */
export function isOwnPath(path: string): boolean {
  if (isBeside(path)) return true;
  const parts = readPath(path);
  return parts !== undefined && findType(parts.type) !== undefined;
}

/** Whether a page was made by this program, and not written by somebody in its place. */
export function isOwnPage(file: string): boolean {
  return readFileSync(file, 'utf8').startsWith(OVERVIEW_MARK);
}

/** What {@link repairFolder} found and did. */
export interface Repair {
  /** Files in the account's folder that this program did not make; they are left alone. */
  readonly foreign: readonly string[];
  /** Commit that keeps changes somebody made by hand, if there were any. */
  readonly rescued: string | undefined;
}

/**
 * Makes the account's folder equal to HEAD: undoes what a killed run left half-done. Edits by hand are kept under
 * `refs/celigo-mirror/rescue/…` before they are undone; files that are not the mirror's stay.
 */
export async function repairFolder(repository: Repository, account: string, crashed: boolean): Promise<Repair> {
  const { git, path } = repository;
  refuseLinks(path, account);
  const entries = await dirtyEntries(repository, account);
  const tracked = entries.filter((entry) => !entry.untracked);
  let rescued: string | undefined;
  if (tracked.length > 0) {
    if (!crashed) rescued = await keepAside(repository);
    if ((await repository.head()) === undefined) {
      await git.run(['rm', '-r', '-q', '--cached', '--ignore-unmatch', '--', account]);
    } else {
      await restoreFolder(repository, account);
    }
  }
  // What was staged or changed may have turned into untracked files.
  const left = tracked.length > 0 ? await dirtyEntries(repository, account) : entries;
  // Only a killed run leaves files of ours that git does not know; without one, somebody else put them there.
  const remains = left.filter(
    (entry) =>
      entry.untracked &&
      crashed &&
      isOwnPath(entry.path) &&
      (!isOverview(entry.path) || isOwnPage(join(path, account, entry.path))),
  );
  for (const entry of remains) rmSync(join(path, account, entry.path), { force: true });
  const foreign = left.filter((entry) => entry.untracked && !remains.includes(entry)).map((entry) => entry.path);
  return { foreign, rescued };
}

/** Refuses to work through a symbolic link in the place of a folder of ours. */
function refuseLinks(root: string, account: string): void {
  const folder = join(root, account);
  if (!existsSync(folder)) return;
  const places = [folder, ...readdirSync(folder).map((name) => join(folder, name))];
  for (const place of places) {
    if (lstatSync(place).isSymbolicLink()) {
      throw new AppError('REPOSITORY', `${place} is a symbolic link; the mirror never writes through one`, {
        hint: 'Remove the link; the next run makes a folder in its place',
      });
    }
  }
}

interface DirtyEntry {
  readonly path: string;
  readonly untracked: boolean;
}

async function dirtyEntries(repository: Repository, account: string): Promise<DirtyEntry[]> {
  const args = [
    'status',
    '--porcelain=v1',
    // The line about the branch, passed over below: simple-git waits 50 ms after a command that prints nothing.
    '--branch',
    '-z',
    '--untracked-files=all',
    '--ignored=traditional',
    '--no-renames',
    '--ignore-submodules=all',
    '--',
    account,
  ];
  const { git } = repository;
  let out: string;
  try {
    out = await git.run(args);
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    await remakeIndex(git, repository.gitDir);
    out = await git.run(args);
  }
  return out
    .split('\0')
    .filter((line) => line !== '' && !line.startsWith('## '))
    .map((line) => ({ path: line.slice(3 + account.length + 1), untracked: /^(?:\?\?|!!)/.test(line) }));
}

/** Index and work tree of the folder as HEAD has them. */
async function restoreFolder(repository: Repository, account: string): Promise<void> {
  const args = ['restore', '--source=HEAD', '--staged', '--worktree', '--', account];
  try {
    await repository.git.run(args);
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    await remakeIndex(repository.git, repository.gitDir);
    await repository.git.run(args);
  }
}

/** Keeps uncommitted changes as a commit that no branch shows. */
async function keepAside({ git }: Repository): Promise<string | undefined> {
  const commit = (await git.ask(['stash', 'create', 'celigo-mirror: changes made by hand']))?.trim();
  if (!commit) return undefined;
  await git.run(['update-ref', `refs/celigo-mirror/rescue/${commit.slice(0, 12)}`, commit]);
  return commit;
}
