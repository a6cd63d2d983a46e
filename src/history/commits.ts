import { BINDING_FILE } from '../core/layout.ts';
import { type CommitFacts, readMessage } from '../core/message.ts';
import type { Git } from '../git/git.ts';
import { type LogRecord, logFormat, logRecords } from '../git/log-records.ts';
import { renamedFolder } from './renamed-folder.ts';

/** One file that a commit changed: object ids before and after; absent where the file was not there. */
interface FileChange {
  /** Path from the root of the repository. */
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
}

/** One commit with the files it changed. */
export interface HistoryCommit {
  readonly id: string;
  readonly author: { readonly name: string; readonly email: string };
  /** E-mail address of who committed it: the mirror's, for its own commits. */
  readonly committer: string;
  /** When its author made the change. */
  readonly authored: Date;
  /** When it was committed. */
  readonly committed: Date;
  readonly message: string;
  readonly files: readonly FileChange[];
}

/** The commit at which the history of a shallow clone was cut: it has a parent that the clone does not hold. */
export interface HistoryCut {
  readonly commit: string;
  readonly committed: Date;
  /** The command that fetches the rest. */
  readonly remedy: string;
}

const FIELDS = ['%H', '%an', '%ae', '%ce', '%at', '%ct', '%B'] as const;
const RAW = /^:\d+ \d+ ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*$/;

function timeOf(seconds: string | undefined): Date {
  return new Date(Number(seconds ?? 0) * 1000);
}

function present(id: string | undefined): string | undefined {
  return id === undefined || /^0+$/.test(id) ? undefined : id;
}

/** The files of one commit in the form of `--raw -z`: a text of modes and ids, then the path. */
function filesOf(raw: readonly string[]): FileChange[] {
  const words = raw.filter((word) => word !== '' && word !== '\n');
  const files: FileChange[] = [];
  for (let i = 0; i + 1 < words.length; i += 2) {
    const match = RAW.exec((words[i] ?? '').trim());
    const path = words[i + 1];
    if (!match || path === undefined) continue;
    const [before, after] = [present(match[1]), present(match[2])];
    files.push({ path, ...(before ? { before } : {}), ...(after ? { after } : {}) });
  }
  return files;
}

function commitOf({ values, files }: LogRecord): HistoryCommit {
  const [id = '', name = '', email = '', committer = '', authored, committed, message = ''] = values;
  return {
    id,
    author: { name, email },
    committer,
    authored: timeOf(authored),
    committed: timeOf(committed),
    message,
    files: filesOf(files),
  };
}

/**
 * The commits up to `to` that touch `folder`, parents first, with those from before it was renamed: their files are
 * named as if it had always been called so.
 * @param later ids of commits that are left out: those since a rename, which may have given the name back
 * @throws GitFailure when the history cannot be read
 */
export async function readHistory(
  git: Git,
  folder: string,
  to = 'HEAD',
  later: ReadonlySet<string> = new Set(),
): Promise<HistoryCommit[]> {
  const commits = (await readCommits(git, folder, to)).filter(({ id }) => !later.has(id));
  const binding = `${folder}/${BINDING_FILE}`;
  const binds = ({ message, files }: HistoryCommit): boolean =>
    files.some(({ path, after }) => path === binding && after) && readMessage(message).account === undefined;
  const renamed = await renamedFolder(
    git,
    folder,
    commits
      .filter(binds)
      .map(({ id }) => id)
      .reverse(),
  );
  if (!renamed) return commits;
  const { commit, former } = renamed;
  // A branch that the rename was merged into may have gone on under the old name meanwhile.
  const descendants = ['rev-list', '--ancestry-path', '--end-of-options', `${commit}..${to}`, '--'];
  const since = new Set([commit, ...(await git.run(descendants)).split('\n')]);
  const before = await readHistory(git, former, to, new Set([...later, ...since]));
  const renamedPath = (path: string): string => `${folder}${path.slice(former.length)}`;
  return [
    ...before.map((one) => ({ ...one, files: one.files.map((file) => ({ ...file, path: renamedPath(file.path) })) })),
    ...commits.filter(({ id }) => since.has(id)),
  ];
}

/**
 * The commits of a revision or range that touch `folder`, parents first. Those on the other side of a merge count,
 * since an ordinary `git pull` makes a person's commit the first parent; the merge itself changes nothing.
 * @throws GitFailure when the history cannot be read
 */
export async function readCommits(git: Git, folder: string, to: string): Promise<HistoryCommit[]> {
  const out = await git.run([
    'log',
    '--full-history',
    '--topo-order',
    '--reverse',
    '--raw',
    '--root',
    '-z',
    '--no-renames',
    '--no-abbrev',
    '--no-show-signature',
    logFormat(FIELDS),
    '--end-of-options',
    to,
    '--',
    `${folder}/`,
  ]);
  return logRecords(out, FIELDS.length)
    .map(commitOf)
    .filter(({ files }) => files.length > 0);
}

/**
 * Where HEAD's own line is cut, if it is: what came before is not in the clone, and git shows everything in that commit
 * as if it were new there.
 * @param range a revision or range, such as `HEAD` or `tag..HEAD`: a cut outside it does not count
 * @throws GitFailure when the history cannot be read
 */
export async function readCut(git: Git, range = 'HEAD'): Promise<HistoryCut | undefined> {
  if ((await git.run(['rev-parse', '--is-shallow-repository'])).trim() !== 'true') return undefined;
  const roots = ['rev-list', '--first-parent', '--max-parents=0', '--timestamp', '--end-of-options', range, '--'];
  const [seconds, commit] = (await git.run(roots)).trim().split(' ');
  // A root that names a parent of its own is one only because the clone has no more.
  if (!commit || !/^parent /m.test((await git.run(['cat-file', 'commit', commit])).split('\n\n', 1)[0] ?? ''))
    return undefined;
  // The remote of a clone that is not kept has a name that git does not try by itself.
  const remotes = (await git.run(['remote'])).split('\n').filter((name) => name !== '');
  const [only] = remotes;
  const named = remotes.length === 1 && only !== undefined && only !== 'origin' ? ` ${only}` : '';
  return { commit, committed: timeOf(seconds), remedy: `git fetch --unshallow${named}` };
}

/** A commit, and what its message says. */
export interface ReadCommit {
  readonly commit: HistoryCommit;
  readonly facts: CommitFacts;
}

/**
 * E-mail addresses that the mirror commits under: both author and committer of what no one is known to have changed. Of
 * a change that a person made, the line says when.
 */
export function mirrorsIn(commits: readonly ReadCommit[]): ReadonlySet<string> {
  const isNobodys = ({ commit: { author, committer }, facts: { restore, lines } }: ReadCommit): boolean =>
    author.email === committer && restore === undefined && [...lines.values()].every(({ time }) => time === undefined);
  return new Set(
    commits.flatMap((read) =>
      read.facts.account !== undefined && (read.facts.first || isNobodys(read)) ? [read.commit.committer] : [],
    ),
  );
}
