import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectFormat } from '../core/digest.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { readMessage } from '../core/message.ts';
import { type CommitRequest, commitOnto, moveBranch, readTip } from './commit.ts';
import { type Git, GitFailure } from './git.ts';
import { putBackPushed } from './manual-edits.ts';
import { findCommit } from './object-reader.ts';
import { createObjectWriter, type TreeChange } from './object-writer.ts';
import type { Repository } from './repository.ts';
import { reasonOf } from './said.ts';
import { prepareStateless, STATELESS_REMOTE } from './stateless.ts';
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

/** The remote cannot be followed without a decision of a person. Commits stay in the clone. */
export class RemoteRefusal extends Error {
  /** What the person can do. */
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.name = 'RemoteRefusal';
    this.remedy = remedy;
  }
}

/** Puts HEAD on the configured branch, whatever a person or a crash left behind, with a sound index. */
export async function ensureBranch(repository: Repository): Promise<void> {
  // Before anything else: the first command that refreshes the index makes a damaged one look sound.
  await repository.repairIndex();
  await switchToBranch(repository);
  await catchUp(repository);
}

async function switchToBranch(repository: Repository): Promise<void> {
  const { git, branch, gitDir } = repository;
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

/** Fetches the branch. `false`: the remote does not have it yet. @throws GitFailure when it cannot be reached */
export async function fetch(repository: Repository, remote: string): Promise<boolean> {
  const { git, branch } = repository;
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head'];
  const refs = `+refs/heads/${branch}:${SEEN}`;
  try {
    if (repository.stateless && (await repository.head()) === undefined) {
      const less = await prepareStateless(repository, remote);
      await git.run(['fetch', ...options, ...less, STATELESS_REMOTE, refs]);
      // From now on, what is missing comes from there.
      repository.reopen();
    } else {
      await git.run(['fetch', ...options, remote, refs]);
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
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head'];
  try {
    await repository.git.run(['fetch', ...options, from, `+${source}:${ASKED}`], { stoppable: true });
  } catch (error) {
    if (error instanceof GitFailure) return undefined;
    throw error;
  }
  return resolve(repository, ASKED);
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

/** Beginning of a record of `diff-tree -z`; the path is the next one. */
const RAW = /^:\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) [A-Z]\d*$/;

/** What a commit changed, against its first parent. @param words `-r` for files, or nothing for what is at the top */
async function changedIn({ git }: Repository, commit: string, ...words: readonly string[]): Promise<TreeChange[]> {
  const shown = ['--root', '--no-commit-id', '--raw', '--no-abbrev', '--no-renames', '-z', '-m', '--first-parent'];
  const records = (await git.run(['diff-tree', ...shown, ...words, commit])).split('\0');
  const changes: TreeChange[] = [];
  for (let i = 0; i + 1 < records.length; i += 2) {
    const [, mode = '', oid = ''] = RAW.exec(records[i] ?? '') ?? [];
    changes.push({ path: records[i + 1] ?? '', oid: /^0*$/.test(oid) ? undefined : oid, mode });
  }
  return changes;
}

/**
 * A commit of the clone as one to be made again: one of the mirror with its account folders as it had them, one of a
 * person with the files that it changed.
 * @throws RemoteRefusal, GitFailure
 */
async function readAgain(repository: Repository, accounts: readonly string[], commit: string): Promise<CommitRequest> {
  const touched = await changedIn(repository, commit);
  const foreign = touched.find(({ path }) => !accounts.includes(path));
  if (foreign) {
    throw new RemoteRefusal(
      `commit ${commit.slice(0, 12)} of the clone changes ${foreign.path}, which is not part of the mirror`,
      'Put it on top of the remote yourself, with: git pull --rebase',
    );
  }
  // The first line names the commit.
  const format = '--format=%an%n%ae%n%at%n%ct%n%B';
  const said = await repository.git.run(['rev-list', '--no-walk', '--encoding=UTF-8', format, commit]);
  const [, name = '', email = '', time = '0', committed = '0', ...lines] = said.split('\n');
  const message = `${lines.join('\n').trimEnd()}\n`;
  return {
    message,
    author: { name, email },
    authorDate: new Date(Number(time) * 1000),
    committed: new Date(Number(committed) * 1000),
    changes:
      readMessage(message).account === undefined
        ? await changedIn(repository, commit, '-r')
        : touched.map(({ path, oid }) => ({ path, oid, folder: true })),
  };
}

/** The commits that put back what people pushed into the folders of the commits that are made again. */
async function putBackBefore(
  repository: Repository,
  again: readonly CommitRequest[],
  base: string,
  onto: string,
): Promise<CommitRequest[]> {
  const before: CommitRequest[] = [];
  const firsts = new Map<string, CommitRequest>();
  for (const request of [...again].reverse()) for (const { path } of request.changes) firsts.set(path, request);
  for (const [folder, first] of firsts) {
    const { account, run = '' } = readMessage(first.message);
    if (!first.committed || account !== folder) continue;
    const request = await putBackPushed(repository, folder, base, onto, run);
    if (request) before.push({ ...request, authorDate: first.committed, committed: first.committed });
  }
  return before;
}

/**
 * Puts our unpushed commits on top of the remote's: each again with the account folders as it had them, everything else
 * as the remote has it. Free of conflicts, since the folders are ours alone; a commit that changes nothing any more is
 * dropped. One that a person made in the clone changes the same files again, and nothing that others pushed. Author,
 * date and message stay. What people pushed into such a folder meanwhile is put back first, so that our commits change
 * what they say alone.
 */
async function transplant(repository: Repository, accounts: readonly string[], onto: string, now: Date): Promise<void> {
  const old = (await repository.head()) as string;
  const commits = (await repository.git.run(['rev-list', '--reverse', '--first-parent', `${onto}..${old}`]))
    .split('\n')
    .filter(Boolean);
  const again: CommitRequest[] = [];
  for (const commit of commits) again.push(await readAgain(repository, accounts, commit));
  const base = (await repository.git.run(['merge-base', old, onto])).trim();
  const requests = [...(await putBackBefore(repository, again, base, onto)), ...again];
  const from = await readTip(repository, onto);
  if (!from) {
    const remedy = 'Check the repository with: celigo-mirror doctor';
    throw new RemoteRefusal(`commit ${onto.slice(0, 12)} cannot be read`, remedy);
  }
  const objects = createObjectWriter(repository);
  const { tip } = await commitOnto(repository, objects, from, requests, now).finally(objects.discard);
  await moveTo(repository, old, tip?.commit ?? onto);
}

/** Moves branch, index and work tree to `to`. @throws GitFailure rather than overwrite files that git does not know */
export async function moveTo(repository: Repository, from: string | undefined, to: string): Promise<void> {
  await checkFollow(repository, from, to);
  await moveBranch(repository, to, from);
  await followBranch(repository, from, to);
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
export async function follow(repository: Repository, accounts: readonly string[], now: Date): Promise<void> {
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
  await transplant(repository, accounts, theirs, now);
}

/** How a failed exchange with the remote is reported. */
export function behind(error: GitFailure | RemoteRefusal): Behind {
  const remedy = error instanceof RemoteRefusal ? { remedy: error.remedy } : {};
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
    return behind(error);
  }
}
