import { hash } from 'node:crypto';
import { oidBytes } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { NewCommit } from './object-writer.ts';
import type { Repository } from './repository.ts';

/** Something in a tree. */
interface TreeEntry {
  readonly name: string;
  readonly oid: string;
  readonly isFolder: boolean;
}

/** Where the entry of a tree as git stores it ends: mode, a space, name, NUL and the bytes of the id. */
function endOfEntry(tree: Buffer, start: number, idBytes: number): number {
  return start < tree.length ? tree.indexOf(0, start) + 1 + idBytes : start;
}

function readEntry(tree: Buffer, start: number, end: number, idBytes: number): TreeEntry {
  const space = tree.indexOf(' ', start);
  return {
    name: tree.toString('utf8', space + 1, end - idBytes - 1),
    oid: tree.toString('hex', end - idBytes, end),
    isFolder: tree.toString('latin1', start, space) === '40000',
  };
}

/** The name of an entry by which git sorts: that of a folder ends with a slash. */
function sortName({ name, isFolder }: Pick<TreeEntry, 'name' | 'isFolder'>): Buffer {
  return Buffer.from(isFolder ? `${name}/` : name);
}

/** A change is there already in the commit on which it was to be made: what is known of that commit is wrong. */
export class AlreadyThere extends Error {}

/** Paths named in a message. */
const MOST_NAMED = 3;

/** What a tree has alone, or otherwise than another one, as far as both are sorted. Most entries are only compared. */
function* apart(
  before: Buffer,
  after: Buffer,
  idBytes: number,
): Generator<readonly [was: TreeEntry | undefined, is: TreeEntry | undefined]> {
  let [old, now] = [0, 0];
  while (old < before.length || now < after.length) {
    const nowEnd = endOfEntry(after, now, idBytes);
    // The same bytes are the same entry.
    const sameEnd = old + nowEnd - now;
    if (nowEnd > now && sameEnd <= before.length && before.compare(after, now, nowEnd, old, sameEnd) === 0) {
      [old, now] = [sameEnd, nowEnd];
      continue;
    }
    const oldEnd = endOfEntry(before, old, idBytes);
    const was = oldEnd === old ? undefined : readEntry(before, old, oldEnd, idBytes);
    const is = nowEnd === now ? undefined : readEntry(after, now, nowEnd, idBytes);
    const order = was && is ? Buffer.compare(sortName(was), sortName(is)) : 0;
    yield [order > 0 ? undefined : was, order < 0 ? undefined : is];
    if (order <= 0) old = oldEnd;
    if (order >= 0) now = nowEnd;
  }
}

/** What two trees have under the same name, where that differs. */
function* differences(before: Buffer, after: Buffer, idBytes: number): ReturnType<typeof apart> {
  // A new folder may have a hundred thousand entries, and is compared where a run holds most.
  if (before.length === 0 || after.length === 0) return yield* apart(before, after, idBytes);
  const pairs = new Map<string, { was?: TreeEntry; is?: TreeEntry }>();
  // A tree that a person's program wrote need not be sorted.
  for (const [was, is] of apart(before, after, idBytes)) {
    if (was) pairs.set(was.name, { ...pairs.get(was.name), was });
    if (is) pairs.set(is.name, { ...pairs.get(is.name), is });
  }
  for (const { was, is } of pairs.values()) if (was?.oid !== is?.oid || was?.isFolder !== is?.isFolder) yield [was, is];
}

/** Calls `differs` with each file in which two commits differ, and its object id in the second. @throws GitFailure */
async function eachDifference(
  { git, format }: Repository,
  from: string | undefined,
  to: string,
  differs: (path: string, oid: string | undefined) => void,
): Promise<void> {
  const idBytes = oidBytes(format);
  const treeOf = async (name: string | undefined): Promise<Buffer> =>
    (name === undefined ? undefined : (await git.objects([name]))[0]) ?? Buffer.alloc(0);
  const open = [{ folder: '', before: from && `${from}^{tree}`, after: `${to}^{tree}` as string | undefined }];
  for (let next = open.pop(); next; next = open.pop()) {
    const [before, after] = await Promise.all([treeOf(next.before), treeOf(next.after)]);
    for (const [was, is] of differences(before, after, idBytes)) {
      const path = `${next.folder}${(is ?? was)?.name}`;
      if (was?.isFolder === false || is?.isFolder === false) differs(path, is?.isFolder ? undefined : is?.oid);
      const [old, now] = [was?.isFolder ? was.oid : undefined, is?.isFolder ? is.oid : undefined];
      if (old || now) open.push({ folder: `${path}/`, before: old, after: now });
    }
  }
}

/** What is asked of commits, in their order. */
type Requests = readonly Pick<NewCommit, 'changes'>[];

/** A sum over files and what they hold, in any order: a hundred thousand of them take no memory. */
function createSum(): { readonly add: (path: string, oid: string | undefined) => void; readonly value: () => string } {
  let count = 0;
  let high = 0;
  let low = 0;
  return {
    add(path, oid) {
      const digest = hash('sha1', `${oid ?? ''} ${path}`, 'hex');
      count += 1;
      high ^= Number.parseInt(digest.slice(0, 8), 16);
      low ^= Number.parseInt(digest.slice(8, 16), 16);
    },
    value: () => `${count} ${high} ${low}`,
  };
}

/** Whether a file that is gone was in the place of a folder of one that was asked for, or below its path. */
function makesRoom(gone: string, requests: Requests): boolean {
  for (const { changes } of requests) {
    for (const { path, oid } of changes)
      if (oid !== undefined && (path.startsWith(`${gone}/`) || gone.startsWith(`${path}/`))) return true;
  }
  return false;
}

function named(paths: readonly string[]): string {
  const more = paths.length - MOST_NAMED;
  return `${paths.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/**
 * Compares commits that no branch names yet with what was asked for: each file as it was asked for, all others as they
 * were.
 * @param from the commit that they are made on
 * @param exact each change must differ from `from`: where one does not, what is known of HEAD is wrong
 * @throws AppError `REPOSITORY` naming the files that are not as asked, AlreadyThere, GitFailure
 */
export async function checkCommits(
  repository: Repository,
  from: string | undefined,
  to: string | undefined,
  requests: Requests,
  exact: boolean,
): Promise<void> {
  const [asked, made] = [createSum(), createSum()];
  for (const { changes } of requests) for (const { path, oid } of changes) asked.add(path, oid);
  if (to !== undefined && to !== from) await eachDifference(repository, from, to, made.add);
  if (asked.value() !== made.value()) await compareFiles(repository, from, to, requests, exact);
}

/** As {@link checkCommits}, file by file. */
async function compareFiles(
  repository: Repository,
  from: string | undefined,
  to: string | undefined,
  requests: Requests,
  exact: boolean,
): Promise<void> {
  const asked = new Map<string, string | undefined>();
  for (const { changes } of requests) for (const { path, oid } of changes) asked.set(path, oid);
  const wrong: string[] = [];
  if (to !== undefined && to !== from) {
    await eachDifference(repository, from, to, (path, oid) => {
      if (asked.has(path) && asked.get(path) === oid) asked.delete(path);
      else if (oid !== undefined || !makesRoom(path, requests)) wrong.push(path);
    });
  }
  const left = [...asked.keys()];
  const found = await repository.git.find(left.map((path) => `${to}:${path}`));
  for (const [i, path] of left.entries()) if (found[i]?.id !== asked.get(path)) wrong.push(path);
  if (wrong.length > 0) {
    throw new AppError('REPOSITORY', `the new commits do not match what this run read: ${named(wrong)}`, {
      hint: 'Nothing was committed. Run again; if it fails again, check the clone with: celigo-mirror doctor',
    });
  }
  if (exact && left.length > 0) throw new AlreadyThere(named(left));
}
