import { findType } from '../catalogue/index.ts';
import { readPath } from '../core/layout.ts';
import { oneLine, putBackMessage, readMessage } from '../core/message.ts';
import type { CommitRequest } from './commit.ts';
import { logFormat, logRecords } from './log-records.ts';
import type { Repository } from './repository.ts';

/** A file that is not what the mirror left: as `<mode> <object id>`, absent where it is not there. */
export interface EditedFile {
  /** Object id that the mirror left. */
  readonly own: string | undefined;
  readonly ownEntry: string | undefined;
  readonly headEntry: string | undefined;
}

/** A commit of a person. */
export interface ManualCommit {
  readonly id: string;
  readonly author: string;
  /** E-mail address of the author. */
  readonly email: string;
  /** Files that it changed, inside the account's folder; of a merge those that are as in none of its parents. */
  readonly files: readonly string[];
  readonly isMerge: boolean;
}

/** Commits that a notice names. */
const MOST_COMMITS = 5;

const RAW = /^:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*$/;
const FIELDS = ['%H', '%P', '%an', '%ae', '%ce', '%B'] as const;

function entryOf(mode: string, oid: string): string | undefined {
  return /^0+$/.test(oid) ? undefined : `${mode} ${oid}`;
}

/** Object id of a file's entry. */
export function oidOf(entry: string): string {
  return entry.slice(entry.indexOf(' ') + 1);
}

/** Object id of the tree without files, which git knows without having it. */
const EMPTY_TREE = {
  sha1: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  sha256: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
} as const;

/** The files that differ between two trees; `undefined`: one without files. @throws GitFailure */
export async function differing(
  repository: Repository,
  own: string | undefined,
  head: string | undefined,
): Promise<Map<string, EditedFile>> {
  const empty = EMPTY_TREE[repository.format];
  const shown = ['-r', '-z', '--raw', '--no-renames', '--no-abbrev', '--ignore-submodules=none'];
  const words = (await repository.git.run(['diff-tree', ...shown, own ?? empty, head ?? empty])).split('\0');
  const files = new Map<string, EditedFile>();
  for (let i = 0; i + 1 < words.length; i += 2) {
    const [, ownMode = '', headMode = '', before = '', now = ''] = RAW.exec(words[i] ?? '') ?? [];
    const ownEntry = entryOf(ownMode, before);
    files.set(words[i + 1] ?? '', { own: ownEntry && before, ownEntry, headEntry: entryOf(headMode, now) });
  }
  return files;
}

/** Object id of a folder in a commit; `undefined` where it has none. */
export async function folderIn({ git }: Repository, commit: string, folder: string): Promise<string | undefined> {
  return (await git.ask(['rev-parse', '--verify', '--quiet', `${commit}:${folder}`]))?.trim() || undefined;
}

/** Whether a file is one of these, or of the same resource: with its name, its files were others. */
export function ofSameResources(paths: Iterable<string>): (path: string) => boolean {
  const resourceOf = (path: string): string => {
    const parts = readPath(path);
    return parts ? `${parts.type}/${parts.id}` : path;
  };
  const known = new Set([...paths].map(resourceOf));
  return (path) => known.has(resourceOf(path));
}

/**
 * The commits of people that changed some of these files, oldest first, also under earlier names of their resources.
 * @param range such as `<commit>..HEAD` @param paths inside the folder @param without ids of others
 */
export async function manualCommits(
  { git, committer }: Repository,
  account: string,
  range: string,
  paths: ReadonlySet<string>,
  without: ReadonlySet<string> = new Set(),
): Promise<readonly ManualCommit[]> {
  const isMeant = ofSameResources(paths);
  // -c: of a merge the files that are as in none of its parents.
  const shown = ['--full-history', '--topo-order', '--reverse', '-c', '--name-only', '-z', '--no-renames'];
  const out = await git.run(['log', ...shown, '--no-show-signature', logFormat(FIELDS), range, '--', `${account}/`]);
  return logRecords(out, FIELDS.length).flatMap(({ values, files }): ManualCommit[] => {
    const [id = '', parents = '', author = '', email = '', by = '', message = ''] = values;
    const isOwn = by === committer.email && readMessage(message).account !== undefined;
    const inside = files.map((name) => name.replace(/^\n/, '').slice(account.length + 1));
    const found = { id, author, email, files: inside, isMerge: parents.includes(' ') };
    return !isOwn && inside.some(isMeant) && !without.has(id) ? [found] : [];
  });
}

/**
 * The commit with which a folder of commits that are made again begins: what people pushed into it since the two
 * histories parted is put back. `undefined` where they pushed nothing into it.
 * @param base where the histories part @param onto the commit that is pushed to
 */
export async function putBackPushed(
  repository: Repository,
  folder: string,
  base: string,
  onto: string,
  runId: string,
): Promise<Omit<CommitRequest, 'authorDate'> | undefined> {
  const [own, theirs] = [await folderIn(repository, base, folder), await folderIn(repository, onto, folder)];
  if (own === undefined || own === theirs) return undefined;
  const paths = new Set((await differing(repository, own, theirs)).keys());
  const commits = await manualCommits(repository, folder, `${base}..${onto}`, paths);
  if (commits.length === 0) return undefined;
  repository.notice(putBackNotice(folder, paths.size, commits));
  const message = putBackMessage({
    account: folder,
    runId,
    paths: [...paths].sort(),
    commits: commits.map(({ id }) => id),
    alsoLive: false,
    nounsOf: (name) => findType(name) ?? { noun: name, plural: name },
  });
  const changes = [{ path: folder, oid: own, folder: true }];
  return { message, author: repository.committer, changes };
}

/** What is said of files that were put back. @param dryRun they would be */
export function putBackNotice(
  account: string,
  files: number,
  commits: readonly ManualCommit[],
  dryRun = false,
): string {
  const named = commits.slice(-MOST_COMMITS).map(({ id, author }) => `${id.slice(0, 12)} (${oneLine(author)})`);
  const more = commits.length > MOST_COMMITS ? ` and ${commits.length - MOST_COMMITS} more` : '';
  const [only] = commits.length === 1 ? commits : [];
  const counted = files === 1 ? '1 file' : `${files} files`;
  return (
    `${counted} that people changed in ${account}/ ${dryRun ? 'would be' : files === 1 ? 'was' : 'were'} put back: ` +
    `commits in Git do not change the account (${named.join(', ')}${more}). To make the same changes there: ` +
    `celigo-mirror apply ${only ? only.id.slice(0, 12) : '<commit>'}`
  );
}
