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
  readonly oid: string;
  readonly isFolder: boolean;
}

/**
 * A tree as git stores it, each byte a character: mode, a space, name, NUL and the bytes of the id, again and again.
 */
function rawEntries(tree: Buffer, idBytes: number): string[] {
  const text = tree.toString('latin1');
  const entries: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\0', at) + 1 + idBytes;
    entries.push(text.slice(at, end));
    at = end;
  }
  return entries;
}

/** What only one of two trees holds, by name. */
function byName(raw: Iterable<string>): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const entry of raw) {
    const [space, end] = [entry.indexOf(' '), entry.indexOf('\0')];
    const name = Buffer.from(entry.slice(space + 1, end), 'latin1').toString('utf8');
    const oid = Buffer.from(entry.slice(end + 1), 'latin1').toString('hex');
    entries.set(name, { oid, isFolder: entry.startsWith('40000 ') });
  }
  return entries;
}

/** Calls `differs` with each file in which two commits differ, and its object id in the second. @throws GitFailure */
async function eachDifference(
  { git, format }: Repository,
  from: string | undefined,
  to: string,
  differs: (path: string, oid: string | undefined) => void,
): Promise<void> {
  const idBytes = format === 'sha256' ? 32 : 20;

  async function compare(before: string | undefined, after: string | undefined, folder: string): Promise<void> {
    const entriesOf = async (name: string | undefined): Promise<string[]> =>
      name === undefined ? [] : (await git.objects([name])).flatMap((tree) => rawEntries(tree, idBytes));
    const [held, made] = await Promise.all([entriesOf(before), entriesOf(after)]);
    const gone = new Set(held);
    const come = made.filter((entry) => !gone.delete(entry));
    const [old, now] = [byName(gone), byName(come)];
    for (const name of new Set([...old.keys(), ...now.keys()])) {
      const [was, is, path] = [old.get(name), now.get(name), `${folder}${name}`];
      if (was?.isFolder === false || is?.isFolder === false) differs(path, is?.isFolder ? undefined : is?.oid);
      if (was?.isFolder || is?.isFolder)
        await compare(was?.isFolder ? was.oid : undefined, is?.isFolder ? is.oid : undefined, `${path}/`);
    }
  }

  await compare(from && `${from}^{tree}`, `${to}^{tree}`, '');
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
