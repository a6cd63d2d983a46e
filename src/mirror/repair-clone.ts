import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { type Git, GitFailure } from './git.ts';
import { isAncestor, isUnknownRef, PUSHED, resolve, SEEN } from './remote.ts';
import type { Repository } from './repository.ts';

/** What git says of objects and branches that are gone, empty or not what their names say. */
const DAMAGE =
  /is empty|is corrupt|corrupt(?:ed)? (?:loose|or missing)|(?:unable|failed) to (?:read|parse|find|unpack)|bad (?:object|tree|ref|file|signature)|missing (?:blob|tree|commit|object)|not a (?:tree object|valid (?:object|commit))|invalid (?:sha1 pointer|object)|did not send all necessary|is unavailable|cannot be read \(|cannot (?:read|parse) (?:existing |the )?(?:object|commit|tree)|could not (?:read|parse|get object)|pack-objects died|unknown revision|needed a single revision/i;

const COMMIT = /^[0-9a-f]{40,64}$/;

/** Whether words of git are about objects or branches that are not whole. */
export function saysDamage(words: string): boolean {
  return DAMAGE.test(words);
}

/** Whether a run failed over objects or branches that are not whole. */
export function tellsOfDamage(error: unknown): boolean {
  if (error instanceof GitFailure) return saysDamage(error.message);
  return error instanceof Error && error.cause !== undefined && tellsOfDamage(error.cause);
}

/** Removes loose objects that are not what their names say: git takes them for the objects all the same. */
function dropDamaged({ gitDir, format }: Repository): number {
  let dropped = 0;
  const root = join(gitDir, 'objects');
  for (const folder of readdirSync(root).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    for (const name of readdirSync(join(root, folder))) {
      const path = join(root, folder, name);
      if (isObject(path, `${folder}${name}`, format)) continue;
      rmSync(path, { force: true });
      dropped += 1;
    }
  }
  return dropped;
}

/** @throws an `Error` of the file system for one that this user may not read: it may be whole all the same */
function isObject(path: string, id: string, format: string): boolean {
  try {
    return (
      createHash(format)
        .update(inflateSync(readFileSync(path)))
        .digest('hex') === id
    );
  } catch (error) {
    if (['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}

/**
 * Puts everything that the remote's branch holds beside the objects of the clone. `false`: it does not have the branch.
 * @throws GitFailure
 */
async function refill(repository: Repository, aside: Git, folder: string, remote: string): Promise<boolean> {
  const { gitDir, branch, format } = repository;
  await aside.run(['init', '--quiet', '--bare', `--object-format=${format}`, '.']);
  await aside.run(['config', 'fetch.unpackLimit', '1']);
  const refs = `refs/heads/${branch}:refs/heads/${branch}`;
  try {
    await aside.run(['fetch', '--quiet', '--no-tags', remote, refs], { network: true });
  } catch (error) {
    if (error instanceof GitFailure && isUnknownRef(error)) return false;
    throw error;
  }
  const packs = join(folder, 'objects', 'pack');
  mkdirSync(join(gitDir, 'objects', 'pack'), { recursive: true });
  // Git looks for the index of a pack first: it comes when the pack is there.
  for (const name of readdirSync(packs).sort((a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx'))))
    renameSync(join(packs, name), join(gitDir, 'objects', 'pack', name));
  return true;
}

/** Writes the files of the work tree as objects again: those that were lost are, more often than not, the newest. */
async function writeFiles({ git, path }: Repository, folders: readonly string[]): Promise<void> {
  const own = folders.flatMap((folder) =>
    existsSync(join(path, folder))
      ? readdirSync(join(path, folder), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
      : [],
  );
  const tracked = ((await git.ask(['ls-files', '-z'])) ?? '').split('\0').map((file) => join(path, file));
  const files = [...new Set([...own, ...tracked])].filter(
    (file) => !file.includes('\n') && lstatSync(file, { throwIfNoEntry: false })?.isFile(),
  );
  if (files.length > 0)
    await git.run(['hash-object', '-w', '--no-filters', '--stdin-paths'], {
      input: files.map((file) => `${file}\n`).join(''),
    });
}

/** Whether a commit, its trees and its files are there. */
async function isWhole(git: Git, commit: string): Promise<boolean> {
  const listed = await git.ask(['rev-list', '--objects', '--no-walk', '--missing=print', commit, '--']);
  return listed !== undefined && !/^\?/m.test(listed);
}

/** Commits at which the branch stood, newest first, as its log tells. */
function formerTips({ gitDir, branch }: Repository): string[] {
  const log = join(gitDir, 'logs', 'refs', 'heads', branch);
  const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').reverse() : [];
  const ids = lines.flatMap((line) => line.split(' ', 2).reverse());
  return [...new Set(ids)].filter((id) => COMMIT.test(id) && !/^0+$/.test(id));
}

/** The newest commit that is whole: of those at which the branch stood, or what the remote made of it since. */
async function newestWhole(repository: Repository): Promise<string | undefined> {
  const { git } = repository;
  let found: string | undefined;
  for (const commit of formerTips(repository)) {
    if (!(await isWhole(git, commit))) continue;
    found = commit;
    break;
  }
  for (const ref of [SEEN, PUSHED]) {
    const commit = await resolve(repository, ref);
    if (commit === undefined || !(await isWhole(git, commit))) continue;
    if (found === undefined || (await isAncestor(repository, found, commit))) found = commit;
  }
  return found;
}

/** Makes the branch stand on the newest commit that is whole. Gives it when it had to move. @throws GitFailure */
async function mendBranch(repository: Repository): Promise<string | undefined> {
  const { git, gitDir, branch } = repository;
  const ref = join(gitDir, 'refs', 'heads', branch);
  const held = existsSync(ref) ? readFileSync(ref, 'utf8').trim() : undefined;
  const now = held ?? (await repository.head());
  if (now !== undefined && COMMIT.test(now) && (await isWhole(git, now))) return undefined;
  const commit = await newestWhole(repository);
  if (commit === undefined) return undefined;
  mkdirSync(join(gitDir, 'refs', 'heads'), { recursive: true });
  // Git does not move a branch that it cannot read.
  writeFileSync(`${ref}.mended`, `${commit}\n`);
  renameSync(`${ref}.mended`, ref);
  return commit;
}

/** Forgets what leads to commits that are gone for good: they would be found damaged for ever. */
async function forgetLost(repository: Repository): Promise<void> {
  const { git, gitDir } = repository;
  for (const commit of formerTips(repository)) {
    if (await isWhole(git, commit)) continue;
    rmSync(join(gitDir, 'logs'), { recursive: true, force: true });
    break;
  }
  const refs = await git.ask(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/celigo-mirror']);
  for (const line of (refs ?? '').split('\n').filter(Boolean)) {
    const [id = '', name = ''] = line.split(' ');
    if (!(await isWhole(git, id))) await git.ask(['update-ref', '-d', name]);
  }
}

export interface MendInput {
  readonly repository: Repository;
  /** To fetch everything from again; without one only the clone's own past can help. */
  readonly remote: string | undefined;
  /** Folders of the mirror, below the root of the work tree. */
  readonly folders: readonly string[];
  /** Git in another folder, with the credentials of the remote. */
  readonly gitIn: (folder: string) => Git;
}

/**
 * Mends a clone that a power loss or a bad disk damaged, as far as it can be: objects that are not what their names say go,
 * the remote's come in their place, and a branch that leads nowhere stands again on its newest commit that is whole. What
 * the account still holds is committed anew by the next run. The clone must be locked.
 * @returns what was done, in words
 * @throws GitFailure when the remote cannot be read, an `Error` of the file system when the clone cannot be written to
 */
export async function repairClone({ repository, remote, folders, gitIn }: MendInput): Promise<string> {
  const did: string[] = [];
  const dropped = dropDamaged(repository);
  if (dropped > 0) did.push(`${dropped} damaged objects were removed`);
  if (remote !== undefined) {
    const aside = join(repository.stateDir, 'refill');
    rmSync(aside, { recursive: true, force: true });
    mkdirSync(aside, { recursive: true });
    try {
      if (await refill(repository, gitIn(aside), aside, remote))
        did.push('the objects of the remote were fetched again');
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  }
  const isSound = async (): Promise<boolean> => {
    const head = await resolve(repository, 'HEAD');
    return head !== undefined && (await isWhole(repository.git, head));
  };
  const sound = await isSound();
  await writeFiles(repository, folders);
  if (!sound && (await isSound())) did.push('what was missing was taken from the work tree');
  const tip = await mendBranch(repository);
  if (tip) did.push(`the branch stands on ${tip.slice(0, 12)}, its newest commit that is whole`);
  // An index that was made again while the branch led nowhere holds nothing; it would look like a deletion of everything.
  await repository.git.ask(['read-tree', 'HEAD']);
  await forgetLost(repository);
  return did.join('; ');
}
