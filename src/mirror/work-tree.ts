import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { absentOid, blobOid } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import { oneLine } from '../core/unseen.ts';
import { GitFailure } from '../git/git.ts';
import { rebuildIndex } from './index-file.ts';
import type { Repository } from './repository.ts';
import { differing, oidOf, type TreeDifference } from './tree-diff.ts';

/** Holds the commit that index and work tree show while the branch names another one; empty for none. */
function markerOf({ stateDir }: Repository): string {
  return join(stateDir, 'work-tree');
}

/** Notes that index and work tree show `from` until they follow: a run may be killed in between. */
export function markBehind(repository: Repository, from: string | undefined): void {
  if (!repository.bare) writeFileSync(markerOf(repository), from ?? '');
}

/** Takes back {@link markBehind}. */
export function unmark(repository: Repository): void {
  rmSync(markerOf(repository), { force: true });
}

/** Whether HEAD is on the configured branch. */
export async function isOnBranch({ git, gitDir, branch }: Repository): Promise<boolean> {
  const [file, ref] = [join(gitDir, 'HEAD'), `refs/heads/${branch}`];
  // The usual case needs no git; a worktree or an unusual HEAD does.
  if (existsSync(file) && readFileSync(file, 'utf8').trim() === `ref: ${ref}`) return true;
  return (await git.ask(['symbolic-ref', '--quiet', 'HEAD']))?.trim() === ref;
}

/** How the branch moved. */
interface Move {
  /** The commit that it named. */
  readonly from: string | undefined;
  readonly to: string;
  /** Where it differs from that in the contents of these files alone: paths → object ids of what they held before. */
  readonly replaced?: ReadonlyMap<string, string> | undefined;
}

/** Index and work tree follow the branch. @throws GitFailure rather than lose an edit */
export async function followBranch(repository: Repository, { from, to, replaced }: Move): Promise<void> {
  if (repository.bare) return;
  // A person has gone to another branch meanwhile: they show that one, until the next run goes back.
  if (!(await isOnBranch(repository))) return unmark(repository);
  if (replaced && (await restoreFiles(repository, to, replaced))) return unmark(repository);
  // Thousands of files take half the time by as many processes as there are cores; git before 2.32 ignores that.
  const read = ['-c', 'checkout.workers=0', 'read-tree', '-m', '-u'];
  const { done } = await repository.git.start([...read, ...(from ? [from] : []), to]);
  await done;
  unmark(repository);
}

/**
 * Replaces files that hold just what they held before: half the time of read-tree, which reads the trees too. It
 * overwrites edits: hence the look at each file, as late as can be. @returns `false` where one of them holds anything
 * else @throws GitFailure
 */
async function restoreFiles(
  repository: Repository,
  to: string,
  replaced: ReadonlyMap<string, string>,
): Promise<boolean> {
  const restore = ['restore', '--quiet', '--staged', '--worktree', '--pathspec-from-file=-', '--pathspec-file-nul'];
  const started = await repository.git.start([...restore, `--source=${to}`], { GIT_LITERAL_PATHSPECS: '1' });
  let isSame = false;
  try {
    isSame = isThere(repository, replaced);
  } finally {
    // It has read nothing yet: it waits for the paths.
    if (!isSame) started.kill();
  }
  if (isSame) started.stdin.end(zeroEnded(replaced.keys()));
  await (isSame ? started.done : started.done.catch(() => undefined));
  return isSame;
}

/**
 * As {@link followBranch}, after commits of an account's folder: a manual edit that is in the way is saved first.
 * @throws GitFailure, AppError; the next run follows then
 */
export async function follow(repository: Repository, account: string, move: Move): Promise<Repair> {
  try {
    await followBranch(repository, move);
    return NOTHING_REPAIRED;
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    await catchUp(repository);
    return repairFolder(repository, account);
  }
}

/** Whether index and work tree can follow. @throws GitFailure when an edit would be lost */
export async function checkFollow(repository: Repository, from: string | undefined, to: string): Promise<void> {
  if (repository.bare) return;
  const { git } = repository;
  // Git goes by the times in the index alone: in a copied clone, or a rebuilt index, they make every file look changed.
  await git.ask(['update-index', '-q', '--refresh']);
  const { done } = await git.start(['read-tree', '-m', '-u', '-n', ...(from ? [from] : []), to]);
  await done;
}

/**
 * What is in the place of a file: nothing; a file; or something else, which is someone's: a link, a folder that holds
 * anything, or whatever else than a folder is in the place of one above it.
 */
function lookAt(root: string, name: string): 'nothing' | 'file' | 'other' {
  let place = root;
  for (const part of dirname(name).split('/')) {
    place = join(place, part);
    const folder = lstatSync(place, { throwIfNoEntry: false });
    if (!folder) return 'nothing';
    if (!folder.isDirectory()) return 'other';
  }
  const file = lstatSync(join(root, name), { throwIfNoEntry: false });
  if (!file || file.isFile()) return file ? 'file' : 'nothing';
  const isEmpty =
    file.isDirectory() &&
    readdirSync(join(root, name), { recursive: true, withFileTypes: true }).every((entry) => entry.isDirectory());
  return isEmpty ? 'nothing' : 'other';
}

/** The file in a place; `undefined` where there is none. */
function readPlace(root: string, name: string): Buffer | undefined {
  return lookAt(root, name) === 'file' ? readFileSync(join(root, name)) : undefined;
}

/** Whether the work tree holds files with just these contents, by path and object id. */
function isThere({ path, format }: Repository, files: ReadonlyMap<string, string>): boolean {
  return [...files].every(([name, oid]) => {
    const held = readPlace(path, name);
    return held !== undefined && blobOid(held, format) === oid;
  });
}

function zeroEnded(words: Iterable<string>): string {
  return [...words].map((word) => `${word}\0`).join('');
}

/** Runs a command that reads words, each ended by a zero byte. @throws GitFailure */
async function feed({ git }: Repository, args: readonly string[], words: readonly string[]): Promise<void> {
  const { stdin, done } = await git.start(args);
  stdin.end(zeroEnded(words));
  await done;
}

/**
 * Lets index and work tree follow where a run was killed after it had moved the branch. A file that is neither what it
 * was, nor the beginning of what it is to be, is someone's edit and stays.
 * @throws GitFailure
 */
export async function catchUp(repository: Repository): Promise<void> {
  const { path, git, format } = repository;
  const marker = markerOf(repository);
  if (repository.bare || !existsSync(marker)) return;
  const noted = readFileSync(marker, 'utf8').trim();
  // Whoever writes it otherwise does not tell git what to do: then nothing is known of what was there before.
  const behind = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(noted) ? noted : '';
  const head = await repository.head();
  if (head !== undefined && head !== behind) {
    const changed = await differing(repository, behind || undefined, head);
    const isOld = ([name, { before }]: readonly [string, TreeDifference]): boolean => {
      const held = readPlace(path, name);
      return held === undefined || (before !== undefined && blobOid(held, format) === oidOf(before));
    };
    const others = [...changed].filter((file) => !isOld(file));
    const partial = others.flatMap(([name, { after }]) => (after === undefined ? [] : [{ name, oid: oidOf(after) }]));
    const texts = await git.objects(partial.map(({ oid }) => oid));
    const edited = new Set(others.map(([name]) => name));
    for (const [i, { name }] of partial.entries()) {
      const held = readPlace(path, name) ?? Buffer.alloc(0);
      if (texts[i]?.subarray(0, held.length).equals(held)) edited.delete(name);
    }
    await placeFiles(repository, changed, edited);
  }
  rmSync(marker, { force: true });
}

/**
 * Puts `changed` into the index as they are after, and into the work tree all that is neither `edited` nor has
 * something of someone else in its place.
 */
async function placeFiles(
  repository: Repository,
  changed: ReadonlyMap<string, TreeDifference>,
  edited: ReadonlySet<string>,
): Promise<void> {
  const { path, format } = repository;
  const entries = [...changed].map(([name, { after }]) => `${after ?? `0 ${absentOid(format)}`}\t${name}`);
  await feed(repository, ['update-index', '-z', '--index-info'], entries);
  const placed = [...changed].filter(([name]) => !edited.has(name));
  const gone = placed.filter(([, { after }]) => after === undefined).map(([name]) => name);
  for (const name of gone) if (lookAt(path, name) === 'file') rmSync(join(path, name));
  const there = placed.filter(([, { after }]) => after !== undefined).map(([name]) => name);
  await feed(
    repository,
    ['checkout-index', '-f', '-u', '-z', '--stdin'],
    there.filter((name) => lookAt(path, name) !== 'other'),
  );
}

/** What {@link repairFolder} found and did. */
export interface Repair {
  /** Files in the account's folder that this program did not make; they are left alone. */
  readonly foreign: readonly string[];
  /** Commit that saves manual changes, if there were any. */
  readonly rescued: string | undefined;
}

const NOTHING_REPAIRED: Repair = { foreign: [], rescued: undefined };

/**
 * Makes the account's folder equal to HEAD. Manual edits are saved under `refs/celigo-mirror/rescue/…` before they are
 * undone; files that git does not know stay.
 */
export async function repairFolder(repository: Repository, account: string): Promise<Repair> {
  if (repository.bare) return NOTHING_REPAIRED;
  const { git } = repository;
  await refuseLinks(repository, account);
  const entries = await dirtyEntries(repository, account);
  const tracked = entries.filter((entry) => !entry.untracked);
  let left = entries;
  let rescued: string | undefined;
  if (tracked.length > 0) {
    // A file that the index does not know, in the way of one of HEAD's, is an edit as well.
    const files = new Set(tracked.map(({ path: file }) => file));
    const folders = new Set([...files].flatMap(foldersAbove));
    const unknown = entries.filter(
      ({ untracked, path: file }) =>
        untracked && (folders.has(file) || [file, ...foldersAbove(file)].some((one) => files.has(one))),
    );
    if (unknown.length > 0)
      await git.run(['add', '--force', '--', ...unknown.map(({ path: file }) => `${account}/${file}`)]);
    rescued = await saveChanges(repository);
    if ((await repository.head()) === undefined) {
      await git.run(['rm', '-r', '-q', '--cached', '--ignore-unmatch', '--', account]);
    } else {
      await runOnIndex(repository, ['restore', '--source=HEAD', '--staged', '--worktree', '--', account]);
    }
    // What was staged or changed may have turned into untracked files.
    left = await dirtyEntries(repository, account);
  }
  return { foreign: left.filter(({ untracked }) => untracked).map((entry) => entry.path), rescued };
}

/** The folders that a path is in. */
function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

/**
 * Whether HEAD itself has a link, or a file, in this place, which is reported: git takes it away when it puts the
 * mirror's files back.
 */
async function isPushed({ git, notice }: Repository, name: string, what: 'symbolic link' | 'file'): Promise<boolean> {
  const mode = what === 'file' ? '100' : '120000 ';
  if (!(await git.ask(['ls-tree', 'HEAD', '--', name]))?.startsWith(mode)) return false;
  notice(`${oneLine(name)} was pushed as a ${what}; the mirror's files take its place again`);
  return true;
}

/**
 * Refuses a file in the place of the account's folder, and to work through a symbolic link in that of any of ours. What
 * a person pushed is reported, and goes with the next commit.
 */
async function refuseLinks(repository: Repository, account: string): Promise<void> {
  const root = repository.path;
  const folder = join(root, account);
  const held = lstatSync(folder, { throwIfNoEntry: false });
  if (!held) return;
  if (!held.isDirectory() && !held.isSymbolicLink()) {
    if (await isPushed(repository, account, 'file')) return;
    throw new AppError('REPOSITORY', `${folder} is a file, and the mirror of the account needs a folder of that name`, {
      hint: 'Move it away, or choose another name for the account',
    });
  }
  const places = [folder, ...(held.isDirectory() ? readdirSync(folder).map((name) => join(folder, name)) : [])];
  for (const place of places) {
    if (!lstatSync(place).isSymbolicLink()) continue;
    if (await isPushed(repository, relative(root, place), 'symbolic link')) continue;
    throw new AppError('REPOSITORY', `${place} is a symbolic link; the mirror never writes through one`, {
      hint: 'Remove the link; the next run makes a folder in its place',
    });
  }
}

/** Runs a command that reads the index; where that fails, once more with a new one. @throws GitFailure */
async function runOnIndex({ git, gitDir }: Repository, args: readonly string[]): Promise<string> {
  const out = await git.ask(args);
  if (out !== undefined) return out;
  await rebuildIndex(git, gitDir);
  return git.run(args);
}

interface DirtyEntry {
  readonly path: string;
  readonly untracked: boolean;
}

async function dirtyEntries(repository: Repository, account: string): Promise<DirtyEntry[]> {
  const args = [
    'status',
    '--porcelain=v1',
    // The line about the branch, skipped below: simple-git waits 50 ms after a command that prints nothing.
    '--branch',
    '-z',
    '--untracked-files=all',
    '--ignored=traditional',
    '--no-renames',
    '--ignore-submodules=all',
    '--',
    account,
  ];
  const out = await runOnIndex(repository, args);
  return out
    .split('\0')
    .filter((line) => line !== '' && !line.startsWith('## '))
    .map((line) => ({ path: line.slice(3 + account.length + 1), untracked: /^(?:\?\?|!!)/.test(line) }));
}

/** Saves uncommitted changes as a commit that no branch shows. */
async function saveChanges({ git }: Repository): Promise<string | undefined> {
  const commit = (await git.ask(['stash', 'create', 'celigo-mirror: manual changes']))?.trim();
  if (!commit) return undefined;
  await git.run(['update-ref', `refs/celigo-mirror/rescue/${commit.slice(0, 12)}`, commit]);
  return commit;
}
