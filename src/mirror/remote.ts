import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectFormat } from '../core/digest.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { RemoteRefusal } from '../git/failure.ts';
import { type Git, GitFailure } from '../git/git.ts';
import { findCommit } from '../git/object-reader.ts';
import { moveBranch } from './commit.ts';
import type { Repository } from './repository.ts';
import { reasonOf } from './said.ts';
import { transplant } from './transplant.ts';
import { catchUp, checkFollow, followBranch, isOnBranch } from './work-tree.ts';

/** The remote's branch when it was last seen. */
export const SEEN = 'refs/celigo-mirror/remote';
/** The last commit of ours that the remote is known to have taken. */
export const PUSHED = 'refs/celigo-mirror/pushed';
/** What was last fetched by its name. */
const ASKED = 'refs/celigo-mirror/asked';

/** How the clone compares with its remote after an exchange. */
export type RemoteState = { readonly state: 'none' } | { readonly state: 'current' } | Behind;

/** `remedy`: what a person has to do, where no later run makes up for it by itself. */
export interface Behind {
  readonly state: 'behind';
  readonly reason: string;
  readonly remedy?: string;
}

/** Puts HEAD on the configured branch, whatever a person or a crash left behind, with a sound index. */
export async function ensureBranch(repository: Repository): Promise<void> {
  // Before anything else: the first command that refreshes the index makes a damaged one look sound.
  await repository.repairIndex();
  await switchToBranch(repository);
  await catchUp(repository);
}

/** What a person may have left half done: its file or folder, and the command that takes it back. */
const HALF_DONE = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply', 'rebase'],
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
] as const;

async function switchToBranch(repository: Repository): Promise<void> {
  const { git, branch, gitDir } = repository;
  for (const [leftover, command] of HALF_DONE)
    if (existsSync(join(gitDir, leftover))) await git.ask([command, '--abort']);
  const ref = `refs/heads/${branch}`;
  if (await isOnBranch(repository)) return;
  const tip = (await git.ask(['rev-parse', '--verify', '--quiet', ref]))?.trim();
  // A branch without a commit is nothing to continue from; without the configured one, HEAD must be readable.
  const head = tip ? await resolve(repository, 'HEAD') : await repository.head();
  if (head && tip && head !== tip && !repository.bare) {
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

const FETCH = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head'];

/** Name under which a stateless clone knows its remote: git fetches what is missing from a remote with a name only. */
const STATELESS_REMOTE = 'celigo-mirror';

/** Fetches the branch. `false`: the remote does not have it yet. @throws GitFailure when it cannot be reached */
export async function fetch(repository: Repository, remote: string): Promise<boolean> {
  const { git, branch } = repository;
  const refs = `+refs/heads/${branch}:${SEEN}`;
  try {
    if (repository.stateless && (await repository.head()) === undefined) {
      await git.run(['config', `remote.${STATELESS_REMOTE}.url`, remote]);
      // Ids are compared and what differs is written: no history, no contents. A server that cannot do that sends more.
      await git.run([...FETCH, '--depth=1', '--filter=blob:none', STATELESS_REMOTE, refs]);
      // From now on, what is missing comes from there.
      repository.reopen();
    } else {
      await git.run([...FETCH, remote, refs]);
    }
    return true;
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const isUnknown = isUnknownRef(error);
    if (isUnknown || /\balgorithm/.test(error.stderr)) {
      const isNew = (await repository.head()) === undefined;
      if (isNew && (await adoptFormatOf(repository, remote))) return fetch(repository, remote);
    }
    if (!isUnknown) throw error;
    // What was fetched from it before must not count as pushed.
    await git.run(['update-ref', '-d', SEEN]);
    return false;
  }
}

/**
 * Fetches what only the remote has: a branch by its name, any other `refs/…`, or a commit by its full id, as far as
 * the remote gives out commits by their ids (GitHub and GitLab do).
 * @returns the commit; `undefined` for what it does not have, or when it cannot be reached
 */
export async function fetchNamed(repository: Repository, remote: string, name: string): Promise<string | undefined> {
  if (!/^\w[\w./-]*$/.test(name)) return undefined;
  const from = repository.stateless ? STATELESS_REMOTE : remote;
  const source = /^refs\/|^[0-9a-f]{40,64}$/.test(name) ? name : `refs/heads/${name}`;
  const fetched = await repository.git.ask([...FETCH, from, `+${source}:${ASKED}`]);
  return fetched === undefined ? undefined : resolve(repository, ASKED);
}

/**
 * Fetches up to `count` commits more behind those that a clone which is not kept begins with: what they say, not what
 * they hold. A server that cannot leave that out sends more.
 * @throws GitFailure
 */
export async function deepen({ git, branch }: Pick<Repository, 'git' | 'branch'>, count: number): Promise<void> {
  await git.run([...FETCH, `--deepen=${count}`, '--filter=tree:0', STATELESS_REMOTE, `refs/heads/${branch}`]);
}

/** The commit that a branch of the remote names; `undefined` where it has no such branch. @throws GitFailure */
export async function remoteTip(git: Git, remote: string, branch: string): Promise<string | undefined> {
  const ref = `refs/heads/${branch}`;
  const listed = await git.run(['ls-remote', remote, ref]);
  // Git also lists branches whose names only end like this one.
  const line = listed.split('\n').find((one) => one.endsWith(`\t${ref}`));
  return line?.split('\t')[0];
}

/** Gives a clone without commits the object format of its remote, which may be as empty. Whether it had another one. */
async function adoptFormatOf(repository: Repository, remote: string): Promise<boolean> {
  // What git says about the remote does not include it; what the remote says to git does.
  const trace = join(repository.stateDir, 'remote-packets');
  try {
    await repository.git.run(['ls-remote', remote], { env: { GIT_TRACE_PACKET: trace } });
    const [, theirs] = /\bobject-format=(sha1|sha256)\b/.exec(readFileSync(trace, 'utf8')) ?? [];
    if (theirs === undefined || theirs === repository.format) return false;
    await repository.adoptFormat(theirs as ObjectFormat);
    return true;
  } finally {
    rmSync(trace, { force: true });
  }
}

export async function isAncestor({ git }: Pick<Repository, 'git'>, older: string, newer: string): Promise<boolean> {
  return (await git.ask(['merge-base', '--is-ancestor', older, newer])) !== undefined;
}

/** The commit that a name leads to; `undefined` for none that can be read. */
export async function resolve({ git }: Pick<Repository, 'git'>, name: string): Promise<string | undefined> {
  return (await findCommit(git, name))?.id;
}

/** Moves branch, index and work tree to `to`. @throws GitFailure rather than overwrite files that git does not know */
export async function moveTo(repository: Repository, from: string | undefined, to: string): Promise<void> {
  await checkFollow(repository, from, to);
  await moveBranch(repository, to, from);
  await followBranch(repository, { from, to });
}

/** Why the clone cannot go on with a commit of the remote that it knows; `undefined` where it can. */
export async function refusalOf(
  clone: Pick<Repository, 'git' | 'branch' | 'path'>,
  theirs: string,
): Promise<RemoteRefusal | undefined> {
  const { git, branch, path } = clone;
  const pushed = await resolve(clone, PUSHED);
  if (pushed && !(await isAncestor(clone, pushed, theirs))) {
    return new RemoteRefusal(
      `the history of ${branch} on the remote was rewritten: it no longer holds ${pushed.slice(0, 12)}, ` +
        'which was pushed before; nothing was merged or pushed',
      `Put that history back on the remote, or move ${path} away: the next sync continues from the remote as it is`,
    );
  }
  const ours = await resolve(clone, 'HEAD');
  if (!ours || (await git.ask(['merge-base', ours, theirs])) !== undefined) return undefined;
  return new RemoteRefusal(
    `${branch} on the remote has no commit in common with this clone; nothing was merged or pushed`,
    'Use an empty repository as the remote, or put the mirror on top of what the remote holds: ' +
      `git -C ${path} pull --rebase <address of the remote> ${branch}`,
  );
}

/** Takes over what others pushed. @throws RemoteRefusal when the remote's history was rewritten, or is another one */
export async function followRemote(repository: Repository, accounts: readonly string[], now: Date): Promise<void> {
  const theirs = (await resolve(repository, SEEN)) as string;
  const ours = await repository.head();
  if (ours === theirs) return;
  const refusal = await refusalOf(repository, theirs);
  if (refusal) throw refusal;
  if (!ours || (await isAncestor(repository, ours, theirs))) {
    await moveTo(repository, ours, theirs);
    return;
  }
  if (await isAncestor(repository, theirs, ours)) return;
  await moveTo(repository, ours, await transplant(repository, accounts, ours, theirs, now));
}

/** How a failed exchange with the remote is reported. */
export function behind(error: GitFailure | RemoteRefusal): Behind {
  const remedy = error instanceof RemoteRefusal ? { remedy: error.hint } : {};
  return { state: 'behind', reason: reasonOf(error), ...remedy };
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
    if (await fetch(repository, remote)) await followRemote(repository, accounts, now);
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
    return behind(error);
  }
}
