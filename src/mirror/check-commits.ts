import { hash } from 'node:crypto';
import { AppError } from '../core/errors.ts';
import type { NewCommit } from './object-writer.ts';
import type { Repository } from './repository.ts';

/** A change is there already in the commit on which it was to be made: what is known of that commit is wrong. */
export class AlreadyThere extends Error {}

/** Paths named in a message. */
const MOST_NAMED = 3;

/** Something in a tree. */
interface Entry {
  readonly name: string;
  readonly oid: string;
  readonly isFolder: boolean;
}

/**
 * The entries of a tree as git stores it, one by one, each byte a character: mode, a space, name, NUL and the bytes of
 * the id.
 */
function* rawEntries(tree: Buffer, idBytes: number): Generator<string> {
  for (let at = 0; at < tree.length; ) {
    const end = tree.indexOf(0, at) + 1 + idBytes;
    yield tree.toString('latin1', at, end);
    at = end;
  }
}

function readEntry(raw: string): Entry {
  const [space, end] = [raw.indexOf(' '), raw.indexOf('\0')];
  return {
    name: Buffer.from(raw.slice(space + 1, end), 'latin1').toString('utf8'),
    oid: Buffer.from(raw.slice(end + 1), 'latin1').toString('hex'),
    isFolder: raw.startsWith('40000 '),
  };
}

function byName(raw: Iterable<string>): Map<string, Entry> {
  return new Map([...raw].map(readEntry).map((entry) => [entry.name, entry]));
}

/** What two trees have under the same name, where that differs. */
function* apart(
  before: Buffer | undefined,
  after: Buffer | undefined,
  idBytes: number,
): Generator<readonly [was: Entry | undefined, is: Entry | undefined]> {
  if (before && after) {
    const gone = new Set(rawEntries(before, idBytes));
    const come = [...rawEntries(after, idBytes)].filter((raw) => !gone.delete(raw));
    const [old, now] = [byName(gone), byName(come)];
    for (const name of new Set([...old.keys(), ...now.keys()])) yield [old.get(name), now.get(name)];
    return;
  }
  // A new folder may have a hundred thousand entries, and is compared where a run holds most.
  for (const raw of before ? rawEntries(before, idBytes) : []) yield [readEntry(raw), undefined];
  for (const raw of after ? rawEntries(after, idBytes) : []) yield [undefined, readEntry(raw)];
}

/** Calls `differs` with each file in which two commits differ, and its object id in the second. @throws GitFailure */
async function eachDifference(
  { git, format }: Repository,
  from: string | undefined,
  to: string,
  differs: (path: string, oid: string | undefined) => void,
): Promise<void> {
  const idBytes = format === 'sha256' ? 32 : 20;
  const treeOf = async (name: string | undefined): Promise<Buffer | undefined> =>
    name === undefined ? undefined : (await git.objects([name]))[0];
  const open = [{ folder: '', before: from && `${from}^{tree}`, after: `${to}^{tree}` as string | undefined }];
  for (let next = open.pop(); next; next = open.pop()) {
    const [before, after] = await Promise.all([treeOf(next.before), treeOf(next.after)]);
    for (const [was, is] of apart(before, after, idBytes)) {
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
