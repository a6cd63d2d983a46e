import { GitFailure } from './git.ts';
import type { Repository } from './repository.ts';

/** A person as git names one. */
export interface Author {
  readonly name: string;
  readonly email: string;
}

/** One commit to make. Paths are inside the account's folder. */
interface CommitRequest {
  readonly message: string;
  readonly author: Author;
  readonly authorDate: Date;
  /** Files to take over from the work tree, those removed there included. */
  readonly paths: readonly string[];
  /** Files outside the account's folder that belong to the same commit: paths from the root, in folders of ours. */
  readonly alongside?: readonly string[];
}

/** From this many paths on, letting git scan the folder is cheaper than naming them. */
const MANY_PATHS = 5_000;

/** Text that cannot break out of an ident line. */
function identText(text: string): string {
  const clean = text
    .replace(/[\x00-\x1f\x7f<>]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return clean === '' ? 'unknown' : clean;
}

function gitDate(date: Date): string {
  return `@${Math.max(0, Math.floor(date.getTime() / 1000))} +0000`;
}

async function stage(
  repository: Repository,
  paths: readonly string[],
  folder: string,
  foreign: readonly string[],
): Promise<void> {
  // Git would wait for input that never comes.
  if (paths.length === 0) return;
  if (paths.length >= MANY_PATHS) {
    const except = foreign.map((path) => `:(exclude,literal)${folder}/${path}`);
    // An old git, which does not know the word, has no sparse work tree (stateless.ts).
    const sparse = (await repository.git.ask(['config', '--bool', 'core.sparseCheckout']))?.trim() === 'true';
    await repository.git.run([
      'add',
      '--all',
      '--force',
      ...(sparse ? ['--sparse'] : []),
      '--',
      `:(literal)${folder}`,
      ...except,
    ]);
    return;
  }
  await repository.git.run(['update-index', '--verbose', '--add', '--remove', '-z', '--stdin'], {
    input: paths.map((path) => `${folder}/${path}\0`).join(''),
  });
}

/** Where a new commit is put. */
export interface Tip {
  readonly commit: string;
  readonly tree: string;
  readonly time: Date;
}

function tipWords(name: string): string[] {
  return ['show', '-s', '--format=%H%n%T%n%ct', name, '--'];
}

function tipFrom(text: string | undefined): Tip | undefined {
  const [commit, tree, seconds] = text?.split('\n') ?? [];
  return commit && tree ? { commit, tree, time: new Date(Number(seconds) * 1000) } : undefined;
}

/** A commit's own id, tree and time; `undefined` when `name` names none. */
export async function readTip({ git }: Repository, name: string): Promise<Tip | undefined> {
  return tipFrom(await git.ask(tipWords(name)));
}

/** The commit that HEAD names; `undefined` before the first one. @throws GitFailure for one that cannot be read */
async function readHeadTip(repository: Repository): Promise<Tip | undefined> {
  const tip = await readTip(repository, 'HEAD');
  if (tip || (await repository.head()) === undefined) return tip;
  return tipFrom(await repository.git.run(tipWords('HEAD')));
}

/** One entry of a tree: the line that `ls-tree` prints, and the name in it. */
interface TreeEntry {
  readonly line: string;
  readonly name: string;
}

/** Entries at the top of a commit's tree. @throws GitFailure when it cannot be read */
export async function topLevel({ git }: Repository, commit: string): Promise<TreeEntry[]> {
  const out = await git.run(['ls-tree', '-z', commit]);
  return out
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => ({ line, name: line.slice(line.indexOf('\t') + 1) }));
}

/** Writes a tree of these entries. Gives its id. */
export async function writeTree({ git, stateless }: Repository, entries: readonly TreeEntry[]): Promise<string> {
  // Git would wait for input that never comes; and no mirror is without a file.
  if (entries.length === 0) throw new GitFailure('mktree', 'nothing would be left of the repository', undefined);
  // A stateless clone does not hold what is not the mirror's; git would fetch it only to see that it exists.
  const args = ['mktree', '-z', ...(stateless ? ['--missing'] : [])];
  return (await git.run(args, { input: entries.map(({ line }) => `${line}\0`).join('') })).trim();
}

/** The account's folder as the index holds it, as an entry of the root; none when it is empty. @throws GitFailure */
async function folderEntry({ git }: Repository, folder: string): Promise<TreeEntry[]> {
  // The objects are there: HEAD's were, and the others were written a moment ago.
  const args = ['write-tree', '--missing-ok', `--prefix=${folder}/`];
  let tree = await git.ask(args);
  // Nothing in it, or not to be written, say on a full disk? The second must not look like a deletion of everything.
  if (tree === undefined && (await git.run(['ls-files', '--cached', '-z', '--', `:(literal)${folder}`])) !== '')
    tree = await git.run(args);
  return tree ? [{ line: `040000 tree ${tree.trim()}\t${folder}`, name: folder }] : [];
}

/**
 * Commits the named files of one account's folder on top of HEAD: index, tree, commit, then one change of the branch
 * from the expected old value, so that a crash leaves either all of it or nothing. Whatever else the index holds stays
 * out of the commit. No hook runs.
 * @returns the new commit, or `undefined` when nothing differs
 * @throws GitFailure
 */
export async function commitFiles(
  repository: Repository,
  folder: string,
  foreign: readonly string[],
  request: CommitRequest,
  now: Date,
): Promise<string | undefined> {
  const [tip, root] = await Promise.all([
    readHeadTip(repository),
    topLevel(repository, 'HEAD').catch((error: unknown) => error),
    stage(repository, request.paths, folder, foreign),
  ]);
  const alongside = request.alongside ?? [];
  if (alongside.length > 0) {
    await repository.git.run(['update-index', '--verbose', '--add', '--remove', '-z', '--stdin'], {
      input: alongside.map((path) => `${path}\0`).join(''),
    });
  }
  const folders = [folder, ...new Set(alongside.map((path) => path.slice(0, path.indexOf('/'))))];
  // Before the first commit there is nothing next to the folder; later, what is not read here would be lost.
  if (tip && !Array.isArray(root)) throw root;
  const others: readonly TreeEntry[] = Array.isArray(root) ? root : [];
  const entries = others.filter(({ name }) => !folders.includes(name));
  // One after the other: each holds the lock of the index for a moment.
  for (const name of folders) entries.push(...(await folderEntry(repository, name)));
  const tree = await writeTree(repository, entries);
  if (tip?.tree === tree) return undefined;
  const commit = await writeCommit(repository, request, tree, tip, now);
  await moveBranch(repository, commit, tip?.commit);
  return commit;
}

/** Moves the branch in one step, if it still names `from` (`undefined`: if it does not exist). @throws GitFailure */
export async function moveBranch({ git, branch }: Repository, to: string, from: string | undefined): Promise<void> {
  const absent = '0'.repeat(to.length);
  const input = `start\nupdate refs/heads/${branch} ${to} ${from ?? absent}\nprepare\ncommit\n`;
  await git.run(['update-ref', '-m', 'celigo-mirror', '--stdin'], { input });
}

/** Writes a commit object without moving any branch. @param onto the parent; `undefined` for a first commit */
export async function writeCommit(
  repository: Repository,
  request: Omit<CommitRequest, 'paths' | 'alongside'>,
  tree: string,
  onto: Tip | undefined,
  now: Date,
): Promise<string> {
  // A clock that went backwards must not put a commit before its parent.
  const committed = onto && onto.time > now ? onto.time : now;
  const parent = onto ? ['-p', onto.commit] : [];
  const commit = await repository.git.run(
    ['commit-tree', ...(repository.signed ? ['-S'] : []), ...parent, '-F', '-', tree],
    {
      input: request.message,
      env: {
        GIT_AUTHOR_NAME: identText(request.author.name),
        GIT_AUTHOR_EMAIL: identText(request.author.email),
        GIT_AUTHOR_DATE: gitDate(request.authorDate),
        GIT_COMMITTER_DATE: gitDate(committed),
      },
    },
  );
  return commit.trim();
}
