import {
  accessSync,
  closeSync,
  constants,
  cpSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { oidBytes } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import { type Git, GitFailure, unlessGitFails } from '../git/git.ts';
import { isAncestor, isUnknownRef, PUSHED, SEEN } from './remote.ts';
import type { Repository } from './repository.ts';

const COMMIT = /^[0-9a-f]{40,64}$/;

/** Whether `git fsck` finds that something is missing or damaged. Reads the complete history. */
export async function isSound(git: Git): Promise<boolean> {
  return (await git.ask(['fsck', '--no-dangling', '--no-progress'])) !== undefined;
}

/** The last bytes of a file; `undefined` where there is none. */
function endOf(file: string, length: number): Buffer | undefined {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(handle, bytes, 0, length, Math.max(0, fstatSync(handle).size - length)));
  } finally {
    closeSync(handle);
  }
}

/** Whether a pack is as long as its index says: both end with the checksum of the pack. */
function isWhole(pack: string, index: string, format: Repository['format']): boolean {
  const length = oidBytes(format);
  const known = endOf(index, 2 * length);
  return known?.length === 2 * length && endOf(pack, length)?.equals(known.subarray(0, length)) === true;
}

/**
 * Moves packs aside that were cut off: git does not read them, and a fetch that brings what they held leaves them lying
 * about. Gives whether there were any.
 */
export function setAsideBrokenPacks({ objectsDir, stateDir, format, reopen }: Repository): boolean {
  const folder = join(objectsDir, 'pack');
  const broken = readdirSync(folder)
    .filter((name) => name.endsWith('.idx'))
    .map((name) => ({ index: join(folder, name), pack: join(folder, name.replace(/idx$/, 'pack')) }))
    // Another process may have tidied up meanwhile: then the index is gone, too.
    .filter(({ index, pack }) => !isWhole(pack, index, format) && existsSync(index));
  const aside = join(stateDir, 'broken-packs');
  for (const file of broken.flatMap(({ index, pack }) => [index, pack])) {
    mkdirSync(aside, { recursive: true });
    if (existsSync(file)) renameSync(file, join(aside, basename(file)));
  }
  if (broken.length > 0) reopen();
  return broken.length > 0;
}

/**
 * Whether everything that the clone names can be read. `git fsck` also fails over commits that a program wrote badly,
 * which no repair would change.
 */
export async function isReadable(repository: Repository): Promise<boolean> {
  const { git } = repository;
  if (await isSound(git)) return true;
  // This reads no file's content; packing does.
  if ((await git.ask(['fsck', '--connectivity-only', '--no-dangling', '--no-progress'])) === undefined) return false;
  return probing(repository, async (probe) => {
    const head = await repository.head();
    const refs = await readRefs(git);
    return head === undefined || pack(git, probe, [head, ...refs.map(({ id }) => id)]);
  });
}

/**
 * Whether everything can be read that a push sends and a fetch builds on. Far quicker than {@link isReadable}, which
 * is asked only where that fails: it may have failed for want of space or rights, or over a setting.
 */
export async function canExchange(repository: Repository): Promise<boolean> {
  const { git } = repository;
  const packed = await probing(repository, async (probe) => {
    const head = await repository.head();
    const refs = await readRefs(git, 'refs/celigo-mirror');
    const tips = [...(head ? [head] : []), ...refs.map(({ id }) => id)];
    if (tips.length > 0) await git.run(['rev-list', '--objects', '--no-walk', '--quiet', ...tips, '--']);
    return head === undefined || pack(git, probe, [head], refs.find(({ name }) => name === SEEN)?.id);
  });
  return packed || isReadable(repository);
}

/** Gives what `work` finds with an empty folder for packs; `false` where git or the file system refuses. */
async function probing({ stateDir }: Repository, work: (folder: string) => Promise<boolean>): Promise<boolean> {
  // Next to the objects: git cannot move a pack to another file system.
  const probe = join(stateDir, 'probe');
  try {
    rmSync(probe, { recursive: true, force: true });
    mkdirSync(probe, { recursive: true });
  } catch {
    return false;
  }
  try {
    return (await unlessGitFails(work(probe))) ?? false;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

/**
 * Writes what `commits` hold, and `known` does not, as a pack into a folder. `false`: something of it cannot be read.
 */
async function pack(git: Git, folder: string, commits: readonly string[], known?: string): Promise<boolean> {
  const input = [...commits, ...(known ? [`^${known}`] : [])].map((line) => `${line}\n`).join('');
  return (await git.ask(['pack-objects', '--revs', '--quiet', join(folder, 'pack')], { input })) !== undefined;
}

interface Ref {
  readonly name: string;
  readonly id: string;
}

async function readRefs(git: Git, ...under: readonly string[]): Promise<Ref[]> {
  const out = (await git.ask(['for-each-ref', '--format=%(objectname) %(refname)', ...under])) ?? '';
  return [...out.matchAll(/^(\w+) (.+)$/gm)].map(([, id = '', name = '']) => ({ id, name }));
}

/** Commits that the branch named, newest first: its own value, and what its log says. */
function formerTips({ gitDir, branch }: Repository, refs: readonly Ref[]): string[] {
  const log = join(gitDir, 'logs', 'refs', 'heads', branch);
  const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').reverse() : [];
  const now = refs.find(({ name }) => name === `refs/heads/${branch}`)?.id;
  const ids = [now ?? '', ...lines.flatMap((line) => line.split(' ', 2).reverse())];
  return [...new Set(ids)].filter((id) => COMMIT.test(id) && !/^0+$/.test(id));
}

/** @throws an `Error` of the file system for a file that this user may not read: it may be sound all the same */
function refuseUnreadable(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    accessSync(join(entry.parentPath, entry.name), constants.R_OK);
}

/** The branch is written as a file, which git does not read where it keeps branches otherwise. */
function refuseReftable({ gitDir, path }: Repository): void {
  if (!existsSync(join(gitDir, 'reftable'))) return;
  throw new AppError('REPOSITORY', 'its branches are in the format reftable, in which no clone is repaired', {
    hint: `Restore ${path} from a backup, or move it away: the next sync continues from the remote, if there is one`,
  });
}

interface RepairInput {
  readonly repository: Repository;
  readonly remote: string | undefined;
  /** Folders of the mirror, below the root of the work tree. */
  readonly folders: readonly string[];
  /** Git in another folder, with the credentials of the remote. */
  readonly gitIn: (folder: string) => Git;
  readonly now: Date;
}

/** What {@link repairClone} did. */
export interface CloneRepair {
  /** Whether the history was fetched from the remote. */
  readonly fetched: boolean;
  /** Commit that the branch names now. */
  readonly tip: string;
  /** Branches, tags and commits that could not be read any more. */
  readonly lost: readonly string[];
  /** Folder with everything as it was. */
  readonly aside: string;
}

/**
 * Replaces the history of a damaged clone: by the remote's, and by everything in the clone that the remote does not
 * have and that can still be read. The branch names the newest commit of its own that can be read; what the account
 * holds beyond it is committed again by the next run. What was there is moved aside, never deleted. The clone must be
 * locked.
 * @throws GitFailure when the remote cannot be read; AppError `REPOSITORY` when it lost what was pushed, or when
 * neither has a commit that can be read; an `Error` of the file system when the clone cannot be read or written.
 * Nothing was changed then
 */
export async function repairClone(input: RepairInput): Promise<CloneRepair> {
  const { repository, remote, gitIn, now } = input;
  const objects = join(repository.gitDir, 'objects');
  // A worktree of another clone has its objects there.
  if (!existsSync(objects)) throw notRepairable();
  refuseReftable(repository);
  refuseUnreadable(objects);
  const fresh = join(repository.stateDir, 'fresh');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
    const git = gitIn(fresh);
    await git.run(['init', '--quiet', '--bare', `--object-format=${repository.format}`, '.']);
    const pushed = remote === undefined ? undefined : await fetchBranch(git, remote, repository.branch);
    // Before the old objects come in sight: git does not write one that is there already, however damaged.
    await writeFiles(repository, git, input.folders);
    const alternates = join(fresh, 'objects', 'info', 'alternates');
    writeFileSync(alternates, `${objects}\n`);
    const { tip, lost } = await carryOver(repository, git, join(fresh, 'objects', 'pack'), pushed);
    rmSync(alternates);
    const aside = copyRefs(repository, now);
    // Before the objects: the old ones have this commit, or the remote does, so that a run killed here repairs again.
    pointBranch(repository, tip);
    exchangeObjects(repository, join(fresh, 'objects'), aside);
    await setRefs(repository, pushed, lost);
    return {
      fetched: pushed !== undefined,
      tip,
      lost: lost.map(({ name, id }) => `${name} ${id.slice(0, 12)}`),
      aside,
    };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The remote's branch; `undefined` when the remote does not have it. @throws GitFailure */
async function fetchBranch(git: Git, remote: string, branch: string): Promise<string | undefined> {
  const ref = `refs/heads/${branch}`;
  try {
    await git.run(['fetch', '--quiet', '--no-tags', remote, `${ref}:${ref}`]);
  } catch (error) {
    if (error instanceof GitFailure && isUnknownRef(error)) return undefined;
    throw error;
  }
  return (await git.run(['rev-parse', ref])).trim();
}

/**
 * Copies what the clone names, and the remote does not have, into a new repository that sees the objects of both.
 * `tip`: what the branch is to name; `lost`: what cannot be read any more.
 */
async function carryOver(
  repository: Repository,
  git: Git,
  packs: string,
  pushed: string | undefined,
): Promise<{ readonly tip: string; readonly lost: readonly Ref[] }> {
  const carry = async (id: string): Promise<boolean> =>
    (pushed !== undefined && (await isAncestor({ git }, id, pushed))) || (await pack(git, packs, [id], pushed));
  const branch = `refs/heads/${repository.branch}`;
  const refs = await readRefs(repository.git);
  const lost: Ref[] = [];
  let tip: string | undefined;
  for (const id of formerTips(repository, refs)) {
    if (await carry(id)) {
      tip = id;
      break;
    }
    lost.push({ name: branch, id });
  }
  for (const ref of refs) {
    if (ref.name === branch || (await carry(ref.id))) continue;
    if (ref.name === PUSHED && pushed !== undefined) throw lostByRemote(ref.id);
    lost.push(ref);
  }
  tip ??= pushed;
  if (tip === undefined) throw notRepairable();
  return { tip, lost };
}

function lostByRemote(id: string): AppError {
  const commit = id.slice(0, 12);
  return new AppError('REPOSITORY', `the remote no longer holds ${commit}, which was pushed before`, {
    hint: 'Put the history of the remote back, or move the clone away to continue from the remote as it is',
  });
}

function notRepairable(): AppError {
  return new AppError('REPOSITORY', 'neither the clone nor a remote has a commit that can be read', {
    hint: 'Restore the clone from a backup, or move it away: the next sync starts a new history',
  });
}

/**
 * Writes the files of the work tree as objects: those that a power loss damaged are, more often than not, the newest.
 */
async function writeFiles({ git, path }: Repository, into: Git, folders: readonly string[]): Promise<void> {
  const own = folders
    .map((folder) => join(path, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .map((entry) => join(entry.parentPath, entry.name));
  const tracked = ((await git.ask(['ls-files', '-z'])) ?? '').split('\0').map((file) => join(path, file));
  const files = [...new Set([...own, ...tracked])].filter(
    (file) => !file.includes('\n') && lstatSync(file, { throwIfNoEntry: false })?.isFile(),
  );
  if (files.length === 0) return;
  await into.run(['hash-object', '-w', '--no-filters', '--stdin-paths'], {
    input: files.map((file) => `${file}\n`).join(''),
  });
}

/** Copies what names commits into a new folder, which with the old objects is a repository of its own. */
function copyRefs({ gitDir, stateDir }: Repository, now: Date): string {
  const aside = mkdtempSync(join(stateDir, `damaged-${now.toISOString().replace(/[-:]|\.\d+/g, '')}-`));
  for (const name of ['HEAD', 'config', 'packed-refs', 'refs'])
    if (existsSync(join(gitDir, name))) cpSync(join(gitDir, name), join(aside, name), { recursive: true });
  return aside;
}

function pointBranch({ gitDir, branch }: Repository, tip: string): void {
  const ref = join(gitDir, 'refs', 'heads', branch);
  mkdirSync(dirname(ref), { recursive: true });
  // Git does not move a branch that it cannot read.
  writeFileSync(`${ref}.repaired`, `${tip}\n`);
  renameSync(`${ref}.repaired`, ref);
}

/** Puts the new objects in the place of the old ones, which go to `aside`. */
function exchangeObjects({ gitDir, reopen }: Repository, objects: string, aside: string): void {
  renameSync(join(gitDir, 'objects'), join(aside, 'objects'));
  renameSync(objects, join(gitDir, 'objects'));
  reopen();
  // Logs name commits that are gone; the new history is not cut off where the old one was.
  for (const name of ['logs', 'shallow'])
    if (existsSync(join(gitDir, name))) renameSync(join(gitDir, name), join(aside, name));
}

async function setRefs(
  { git, branch, bare }: Repository,
  pushed: string | undefined,
  lost: readonly Ref[],
): Promise<void> {
  for (const { name } of lost) if (name !== `refs/heads/${branch}`) await git.run(['update-ref', '-d', name]);
  if (pushed !== undefined) await git.run(['update-ref', SEEN, pushed]);
  // An index that was rebuilt while the branch led nowhere holds nothing: it would look like everything to be deleted.
  if (!bare) await git.ask(['read-tree', 'HEAD']);
}
