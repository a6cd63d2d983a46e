import { existsSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';
import { moveBranch, readTip, type Tip, topLevel, writeCommit, writeTree } from './commit.ts';
import { GitFailure } from './git.ts';
import type { Repository } from './repository.ts';
import { prepareStateless, STATELESS_REMOTE } from './stateless.ts';

/** The remote's branch when it was last seen. */
export const SEEN = 'refs/celigo-mirror/remote';
/** The last commit of ours that the remote is known to have taken. */
export const PUSHED = 'refs/celigo-mirror/pushed';
/** Where branch, index and work tree are about to be moved. */
const MOVING = 'refs/celigo-mirror/moving';

/** How the clone compares with its remote after an exchange. */
export type RemoteState =
  | { readonly state: 'none' }
  | { readonly state: 'current' }
  | { readonly state: 'behind'; readonly reason: string };

/** The remote cannot be followed without a decision of a person. Commits stay in the clone. */
export class RemoteRefusal extends Error {}

function readHead(gitDir: string): string {
  try {
    return readFileSync(join(gitDir, 'HEAD'), 'utf8').trim();
  } catch {
    return '';
  }
}

/** Puts HEAD on the configured branch, whatever a person or a crash left behind, with a sound index. */
export async function ensureBranch(repository: Repository): Promise<void> {
  const { git, branch, gitDir } = repository;
  // Before anything else: the first command that refreshes the index makes a damaged one look sound.
  await repository.repairIndex();
  for (const leftover of ['rebase-merge', 'rebase-apply', 'MERGE_HEAD', 'CHERRY_PICK_HEAD', 'REVERT_HEAD']) {
    if (!existsSync(join(gitDir, leftover))) continue;
    const what = leftover.startsWith('rebase')
      ? 'rebase'
      : leftover === 'MERGE_HEAD'
        ? 'merge'
        : leftover === 'REVERT_HEAD'
          ? 'revert'
          : 'cherry-pick';
    await git.ask([what, '--abort']);
  }
  const ref = `refs/heads/${branch}`;
  // The usual case needs no git; a worktree or an unusual HEAD does.
  if (readHead(gitDir) === `ref: ${ref}`) return;
  if ((await git.ask(['symbolic-ref', '--quiet', 'HEAD']))?.trim() === ref) return;
  const tip = (await git.ask(['rev-parse', '--verify', '--quiet', ref]))?.trim();
  // A branch without a commit is nothing to continue from; without the configured one, HEAD must be readable.
  const head = tip ? await resolve(repository, 'HEAD') : await repository.head();
  if (head && tip && head !== tip) {
    if ((await git.ask(['merge-base', '--is-ancestor', head, tip])) === undefined) {
      await git.run(['update-ref', `refs/celigo-mirror/rescue/${head.slice(0, 12)}`, head]);
    }
    try {
      await git.run(['checkout', '--quiet', branch, '--']);
    } catch (cause) {
      throw new AppError(
        'REPOSITORY',
        `${repository.path} cannot be switched to the branch ${branch}: ${messageOf(cause)}`,
        { hint: `Commit or undo the changes in that clone, then run: git checkout ${branch}`, cause },
      );
    }
    return;
  }
  // No branch of that name yet (renamed, or never made): it begins at HEAD.
  if (head && !tip) await git.run(['update-ref', ref, head]);
  await git.run(['symbolic-ref', 'HEAD', ref]);
}

/** Whether a fetch failed because the remote does not have the branch. */
export function isUnknownRef({ stderr }: GitFailure): boolean {
  return /couldn't find remote ref/i.test(stderr);
}

/** Fetches the branch. `false`: the remote does not have it yet. @throws GitFailure when it cannot be reached */
export async function fetch(repository: Repository, remote: string): Promise<boolean> {
  const { git, branch } = repository;
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head'];
  const refs = `+refs/heads/${branch}:${SEEN}`;
  try {
    if (repository.stateless && (await repository.head()) === undefined) {
      const less = await prepareStateless(repository, remote);
      await git.run(['fetch', ...options, ...less, STATELESS_REMOTE, refs], { stoppable: true });
    } else {
      await git.run(['fetch', ...options, remote, refs], { stoppable: true });
    }
    return true;
  } catch (error) {
    if (error instanceof GitFailure && isUnknownRef(error)) return false;
    throw error;
  }
}

export async function isAncestor({ git }: Pick<Repository, 'git'>, older: string, newer: string): Promise<boolean> {
  return (await git.ask(['merge-base', '--is-ancestor', older, newer])) !== undefined;
}

export async function resolve({ git }: Repository, ref: string): Promise<string | undefined> {
  return (await git.ask(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]))?.trim() || undefined;
}

async function tipOf(repository: Repository, commit: string): Promise<Tip> {
  const tip = await readTip(repository, commit);
  if (!tip) throw new RemoteRefusal(`commit ${commit.slice(0, 12)} cannot be read`);
  return tip;
}

/**
 * Puts our unpushed commits on top of the remote's: each again with the account folders as it had them, everything else
 * as the remote has it. Free of conflicts, since the folders are ours alone; a commit that changes nothing any more is
 * dropped. Author, date and message stay.
 */
async function transplant(repository: Repository, accounts: readonly string[], onto: string, now: Date): Promise<void> {
  const { git } = repository;
  const old = (await repository.head()) as string;
  const commits = (await git.run(['rev-list', '--reverse', '--first-parent', `${onto}..${old}`]))
    .split('\n')
    .filter(Boolean);
  let tip = await tipOf(repository, onto);
  for (const commit of commits) {
    const touched = (
      await git.run(['diff-tree', '--root', '--no-commit-id', '--name-only', '-z', '-m', '--first-parent', commit])
    )
      .split('\0')
      .filter(Boolean);
    const foreign = touched.find((name) => !accounts.includes(name));
    if (foreign) {
      throw new RemoteRefusal(
        `commit ${commit.slice(0, 12)} of the clone changes ${foreign}, which is not part of the mirror; ` +
          'rebase it onto the remote yourself (git pull --rebase)',
      );
    }
    const ours = await topLevel(repository, commit);
    const kept = (await topLevel(repository, tip.commit)).filter((entry) => !touched.includes(entry.name));
    const tree = await writeTree(repository, [...kept, ...ours.filter((entry) => touched.includes(entry.name))]);
    if (tree === tip.tree) continue;
    const [name = '', email = '', time = '0'] = (await git.run(['show', '-s', '--format=%an%n%ae%n%at', commit])).split(
      '\n',
    );
    const request = {
      message: `${(await git.run(['show', '-s', '--format=%B', commit])).trimEnd()}\n`,
      author: { name, email },
      authorDate: new Date(Number(time) * 1000),
    };
    tip = await tipOf(repository, await writeCommit(repository, request, tree, tip, now));
  }
  await moveTo(repository, old, tip.commit);
}

/** Moves branch, index and work tree to `to`, refusing to overwrite files that git does not know. */
export async function moveTo(repository: Repository, from: string | undefined, to: string): Promise<void> {
  const { git } = repository;
  // Git goes by the times in the index alone: in a copied clone, or a rebuilt index, they make every file look changed.
  await git.ask(['update-index', '-q', '--refresh']);
  await undoPartialMove(repository, from);
  await git.run(['update-ref', MOVING, to]);
  const args = ['read-tree', '-m', '-u', ...(from ? [from, to] : [to])];
  try {
    await git.run(args);
  } catch (error) {
    if (!(error instanceof GitFailure) || !/would be overwritten|not uptodate/i.test(error.stderr)) throw error;
    if (!(await clearPartialMove(repository, to))) throw error;
    await git.run(args);
  }
  await moveBranch(repository, to, from);
  await git.run(['update-ref', '-d', MOVING]);
}

/** Takes the index back to the branch where a run was killed after it had moved the one, and before the other. */
async function undoPartialMove(repository: Repository, from: string | undefined): Promise<void> {
  const half = await resolve(repository, MOVING);
  if (!half || !from || half === from) return;
  const { git } = repository;
  const tree = (await readTip(repository, half))?.tree;
  if ((await git.ask(['write-tree']))?.trim() === tree) await git.run(['read-tree', '-m', '-u', half, from]);
}

/**
 * Removes what a run that was killed in the middle of a move left behind: files of `to`, complete or cut off, of which
 * the index does not know yet, or still knows what was before. Files that say anything else stay. Gives whether there
 * were any.
 */
async function clearPartialMove({ git, path }: Repository, to: string): Promise<boolean> {
  const names = async (...args: string[]): Promise<string[]> => (await git.run(args)).split('\0').filter(Boolean);
  const moving = new Set(await names('diff-index', '--cached', '--name-only', '--no-renames', '-z', to, '--'));
  const changed = await names('diff-files', '--name-only', '--diff-filter=M', '-z');
  const unknown = new Set([
    ...(await names('ls-files', '--others', '-z')),
    ...changed.filter((name) => moving.has(name)),
  ]);
  const wanted = (await git.run(['ls-tree', '-r', '-z', to])).split('\0').flatMap((line) => {
    const tab = line.indexOf('\t');
    const [mode = '', , id = ''] = line.slice(0, Math.max(0, tab)).split(' ');
    const file = line.slice(tab + 1);
    return mode.startsWith('100') && unknown.has(file) ? [{ file: join(path, file), id }] : [];
  });
  const contents = await git.objects(wanted.map(({ id }) => id));
  const left = wanted.filter(({ file }, i) => {
    const held = lstatSync(file).isFile() ? readFileSync(file) : undefined;
    return held !== undefined && contents[i]?.subarray(0, held.length).equals(held);
  });
  for (const { file } of left) rmSync(file);
  return left.length > 0;
}

/** Takes over what others pushed. @throws RemoteRefusal when the remote's history was rewritten */
export async function follow(repository: Repository, accounts: readonly string[], now: Date): Promise<void> {
  const { git, branch } = repository;
  const theirs = (await resolve(repository, SEEN)) as string;
  const ours = await repository.head();
  if (ours === theirs) return;
  const pushed = await resolve(repository, PUSHED);
  if (pushed && !(await isAncestor(repository, pushed, theirs))) {
    throw new RemoteRefusal(
      `the history of ${branch} on the remote was rewritten: it no longer holds ${pushed.slice(0, 12)}, ` +
        'which was pushed before; nothing was merged or pushed',
    );
  }
  if (!ours || (await isAncestor(repository, ours, theirs))) {
    await moveTo(repository, ours, theirs);
    return;
  }
  if (await isAncestor(repository, theirs, ours)) return;
  if ((await git.ask(['merge-base', ours, theirs])) === undefined) {
    throw new RemoteRefusal(
      `${branch} on the remote has no commit in common with this clone; nothing was merged or pushed`,
    );
  }
  await transplant(repository, accounts, theirs, now);
}

export function reasonOf(error: unknown): string {
  return messageOf(error).replace(/\s+/g, ' ').slice(0, 300);
}

/**
 * Before a run: takes over what others pushed. An unreachable remote does not stop the run, except where
 * there is nothing to continue from.
 * @throws AppError `REPOSITORY` when the clone is empty and the remote cannot be read
 */
export async function pullRemote(
  repository: Repository,
  remote: string | undefined,
  accounts: readonly string[],
  now: Date,
): Promise<RemoteState> {
  if (!remote) return { state: 'none' };
  try {
    if (await fetch(repository, remote)) await follow(repository, accounts, now);
    return { state: 'current' };
  } catch (error) {
    if (!(error instanceof GitFailure) && !(error instanceof RemoteRefusal)) throw error;
    if ((await repository.head()) === undefined) {
      throw new AppError(
        'REPOSITORY',
        `the remote cannot be read, and there is no clone yet to continue with: ${reasonOf(error)}`,
        {
          hint: 'Check repository.remote and its credentials, and that the remote can be reached from here',
          cause: error,
        },
      );
    }
    return { state: 'behind', reason: reasonOf(error) };
  }
}
