import { absentOid } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import { identityOf } from '../core/identity.ts';
import { readTip, type Tip } from '../git/commits.ts';
import { GitFailure } from '../git/git.ts';
import { checkCommits } from './check-commits.ts';
import { expectedTree } from './expected-tree.ts';
import { gitDate, type NewCommit, type ObjectWriter } from './object-writer.ts';
import type { Repository } from './repository.ts';
import { markBehind, unmark } from './work-tree.ts';

/**
 * The commit that the branch names; `undefined` before the first one. @throws GitFailure for one that cannot be read
 */
async function readBranchTip(repository: Repository): Promise<Tip | undefined> {
  // HEAD may meanwhile be on another branch.
  const tip = await readTip(repository, `refs/heads/${repository.branch}`);
  if (!tip) await repository.head();
  return tip;
}

/** A commit to make. `committed`: when it was made for the first time; now unless given. */
export type CommitRequest = Omit<NewCommit, 'committed'> & { readonly committed?: Date };

/** What became of commits that were to be made. */
export interface Committed {
  /** Where they begin. */
  readonly from: Tip | undefined;
  /** The newest commit now; `from` where nothing differs. */
  readonly tip: Tip | undefined;
  /** Their ids, in order; `undefined` for one that would have changed nothing. */
  readonly ids: readonly (string | undefined)[];
  /** Object id of the folder that was asked for, in the newest of them. */
  readonly folder: string | undefined;
  /** Where they replace the contents of a few files and do no more: paths → object ids of what these held before. */
  readonly replaced?: ReadonlyMap<string, string> | undefined;
}

/** What is known of HEAD, and to be known of the new one. */
interface CommitOptions {
  /** The commit that HEAD named a while ago. */
  readonly known?: Tip | undefined;
  /** The commits are about this folder alone, which must still be as in that commit. */
  readonly folder?: string;
  /** Each change must differ from HEAD: where one does not, what is known of HEAD is wrong. */
  readonly exact?: boolean;
}

/** A person committed in the folder meanwhile: what was found out about it is old. */
export class FolderMoved extends AppError {
  constructor(folder: string) {
    super('REPOSITORY', `others committed in ${folder}/ while the run was in progress. Nothing was committed`, {
      hint: 'Run again',
    });
  }
}

/** @throws FolderMoved */
async function checkFolder(
  repository: Repository,
  folder: string,
  known: Tip | undefined,
  from: Tip | undefined,
): Promise<void> {
  if (known?.commit === from?.commit) return;
  const tree = async (tip: Tip | undefined): Promise<string | undefined> =>
    tip && repository.folderTree(folder, tip.commit);
  if ((await tree(known)) !== (await tree(from))) throw new FolderMoved(folder);
}

/** A parent so much later than now is dated in the future: clocks need not agree to the second. */
const FUTURE_MS = 60_000;

/** Whether a commit is dated in the future. @param now by the server's clock */
export function isFuture({ time }: Pick<Tip, 'time'>, now: Date): boolean {
  return time.getTime() > now.getTime() + FUTURE_MS;
}

/**
 * Commits on top of HEAD: everything that was written becomes part of the repository, then the branch moves in one step
 * from its expected old value, so that a crash leaves either all of it or nothing. The work tree does not follow yet.
 * No hook runs, no index is read. The commits are compared with what was asked for before the branch names them.
 * @param now by the server's clock @throws AppError `REPOSITORY`, AlreadyThere, GitFailure, FolderMoved
 */
export async function commitOnHead(
  repository: Repository,
  objects: ObjectWriter,
  requests: readonly CommitRequest[],
  now: Date,
  { known, folder, exact = false }: CommitOptions = {},
): Promise<Committed> {
  for (let attempt = 1; ; attempt++) {
    const from = await readBranchTip(repository);
    if (folder !== undefined) await checkFolder(repository, folder, known, from);
    const expecting = from && expectedTree(repository, from.commit, requests).catch(() => undefined);
    const made = await commitOnto(repository, objects, from, requests, now, folder);
    const { tip } = made;
    const expected = await expecting;
    const replaced = expected && expected.tree === tip?.tree ? expected.replaced : undefined;
    if (!replaced) await checkCommits(repository, from?.commit, tip?.commit, requests, exact);
    const isThere = tip === undefined || tip === from;
    if (isThere || (await hasMoved(repository, tip, from, attempt === MOVE_TRIES))) return { from, ...made, replaced };
  }
}

/** Moves the branch. `false`: a person was first; the commits go on top of theirs. @throws GitFailure */
async function hasMoved(repository: Repository, to: Tip, from: Tip | undefined, last: boolean): Promise<boolean> {
  try {
    await moveBranch(repository, to.commit, from?.commit);
    return true;
  } catch (error) {
    if (!(error instanceof GitFailure) || last) throw error;
    if ((await readBranchTip(repository))?.commit === from?.commit) throw error;
    return false;
  }
}

/** How often commits are made again on top of what a person committed just before the branch was to move. */
const MOVE_TRIES = 5;

/** Writes commits on top of `from` without moving any branch. @throws GitFailure */
export async function commitOnto(
  repository: Repository,
  objects: ObjectWriter,
  from: Tip | undefined,
  requests: readonly CommitRequest[],
  now: Date,
  folderPath?: string,
): Promise<Omit<Committed, 'from'>> {
  const written: (Tip | undefined)[] = [];
  let tip = from;
  for (const request of requests) {
    const date = request.committed ?? now;
    // No commit is earlier than its parent, except than one that a wrong clock dated in the future.
    const committed = tip && tip.time > date && !isFuture(tip, now) ? tip.time : date;
    const { commit, tree } = await objects.commit(tip?.commit, { ...request, committed });
    const made = tree === tip?.tree ? undefined : { commit, tree, time: committed };
    tip = made ?? tip;
    written.push(made);
  }
  const newest = folderPath === undefined || tip === from ? undefined : tip?.commit;
  const folder = newest && (await objects.treeAt(newest, folderPath ?? ''));
  await objects.flush();
  if (!repository.signed) return { tip, ids: written.map((made) => made?.commit), folder };
  tip = from;
  const ids: (string | undefined)[] = [];
  for (const [i, made] of written.entries()) {
    const request = requests[i];
    if (made && request) tip = { ...made, commit: await signCommit(repository, request, made, tip) };
    ids.push(made && tip?.commit);
  }
  return { tip, ids, folder };
}

/** Writes a commit again, signed. */
async function signCommit(
  { git }: Repository,
  { message, author, authorDate }: CommitRequest,
  { tree, time }: Tip,
  parent: Tip | undefined,
): Promise<string> {
  const args = ['commit-tree', '-S', ...(parent ? ['-p', parent.commit] : []), '-F', '-', tree];
  const { name, email } = identityOf(author);
  const env = {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: `@${gitDate(authorDate)}`,
    GIT_COMMITTER_DATE: `@${gitDate(time)}`,
  };
  return (await git.run(args, { input: message, env })).trim();
}

/**
 * Moves the branch in one step, if it still names what it is to be moved from. Index and work tree show that until they
 * follow (`work-tree.ts`).
 * @param from `undefined`: if the branch does not exist @throws GitFailure where it names something else
 */
export async function moveBranch(repository: Repository, to: string, from: string | undefined): Promise<void> {
  const { git, branch, format } = repository;
  const ref = `refs/heads/${branch}`;
  markBehind(repository, from);
  try {
    const { done } = await git.start(['update-ref', '-m', 'celigo-mirror', ref, to, from ?? absentOid(format)]);
    await done;
  } catch (error) {
    // Where the branch did not move, nothing is behind it.
    if ((await readTip(repository, ref).catch(() => undefined))?.commit !== to) unmark(repository);
    throw error;
  }
}
