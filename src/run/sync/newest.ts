import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readMessage } from '../../core/message.ts';
import { GitFailure } from '../../git/git.ts';
import { logFormat, logRecords } from '../../git/log-records.ts';
import { deepen } from '../../mirror/remote.ts';
import type { Repository } from '../../mirror/repository.ts';

/** The clone whose commits are read. */
type Clone = Pick<Repository, 'git' | 'gitDir' | 'branch' | 'committer' | 'stateless'>;

/** A commit without what it holds. */
export interface BareCommit {
  readonly id: string;
  readonly parents: readonly string[];
  /** E-mail address of who committed it. */
  readonly committer: string;
  /** E-mail address of its author. */
  readonly author: string;
  readonly authored: Date;
  readonly committed: Date;
  readonly message: string;
}

/** Commits read at a time; doubled each time, so that a long way back takes few steps. */
const FIRST_BATCH = 16;
/** No caller needs more commits than this. */
const MOST = 16_384;
/** Commits that are looked for one by one in a damaged history. */
const MOST_SINGLE = 64;

const FIELDS = ['%H', '%P', '%ce', '%ae', '%at', '%ct', '%B'] as const;

/**
 * The commits behind HEAD, or another commit, newest first, read as they are asked for. A clone that is not kept holds
 * the newest alone: the others are fetched without trees and contents. Ends early where they cannot be had, and where
 * the history is damaged; it returns whether it did not.
 */
export async function* newestCommits(repository: Clone, tip = 'HEAD'): AsyncGenerator<BareCommit, boolean> {
  const given = new Set<string>();
  for (let [at, size] = [0, FIRST_BATCH]; at < MOST; at += size, size *= 2) {
    let commits = await readBatch(repository, tip, at, size);
    for (let tries = 0; commits && tries < 2; tries++) {
      for (const commit of commits) if (!given.has(commit.id)) yield commit;
      for (const { id } of commits) given.add(id);
      if (commits.length === size) break;
      if (tries > 0 || !repository.stateless || !existsSync(join(repository.gitDir, 'shallow'))) return true;
      try {
        await deepen(repository, size);
      } catch (error) {
        if (!(error instanceof GitFailure)) throw error;
        return false;
      }
      commits = await readBatch(repository, tip, at, size);
    }
    if (!commits) {
      yield* readSingly(repository, tip, given);
      return false;
    }
  }
  return true;
}

/** Commits of a damaged history, from its tip to those whose parents are missing. */
async function* readSingly(repository: Clone, tip: string, given: Set<string>): AsyncGenerator<BareCommit> {
  const next = [tip];
  for (let left = MOST_SINGLE; left > 0 && next.length > 0; left--) {
    const commits = (await readIfAble(repository, ['--no-walk', next.shift() ?? tip])) ?? [];
    for (const commit of commits) {
      if (!given.has(commit.id)) yield commit;
      given.add(commit.id);
      next.push(...commit.parents);
    }
  }
}

/** Commits of the range, without what they hold; none where git cannot read them. */
async function readCommits(repository: Clone, words: readonly string[]): Promise<BareCommit[]> {
  return (await readIfAble(repository, words)) ?? [];
}

/** As {@link readCommits}; `undefined` where git cannot read them. */
async function readIfAble({ git }: Clone, words: readonly string[]): Promise<BareCommit[] | undefined> {
  const out = await git.ask(['log', '--no-show-signature', logFormat(FIELDS), ...words, '--']);
  if (out === undefined) return undefined;
  return logRecords(out, FIELDS.length).map(
    ({ values: [id = '', parents = '', committer = '', author = '', authored, seconds, message = ''] }) => ({
      id,
      parents: parents.split(' ').filter(Boolean),
      committer,
      author,
      authored: new Date(Number(authored) * 1000),
      committed: new Date(Number(seconds) * 1000),
      message,
    }),
  );
}

function readBatch(repository: Clone, tip: string, skip: number, count: number): Promise<BareCommit[] | undefined> {
  // Not only first parents: after an ordinary `git pull` of a person the mirror's commits are behind the other one.
  return readIfAble(repository, [`--skip=${skip}`, `--max-count=${count}`, tip]);
}

/** The commits of the mirror behind the folder of an account, as far back as one that a person cannot have changed. */
export interface OwnCommits {
  /** That commit. */
  readonly base: BareCommit;
  /** Commits of the mirror after it that a person made again (`git rebase`, `git commit --amend`), oldest first. */
  readonly again: readonly MadeAgain[];
}

/** A commit of the mirror that a person made again. */
interface MadeAgain extends BareCommit {
  /** What the mirror made in that run, as git's log of the branch still has it; oldest first. */
  readonly originals: readonly BareCommit[];
}

/**
 * The newest commits that the mirror made for an account; `undefined` where there is none, or none within reach. A copy
 * that a person made of one (`git cherry-pick`) keeps its message, and does not count.
 * @param tip the commit behind which they are looked for, full id
 */
export async function newestOwn(repository: Clone, account: string, tip = 'HEAD'): Promise<OwnCommits | undefined> {
  const { base, again, merged } = await walkBack(repository, account, tip, newestCommits(repository, tip));
  if (!base || !merged) return base && { base, again };
  // Beside a merge git goes by the dates of commits, which any clock may have set: one of these may be newer.
  const beside = await readCommits(repository, ['--topo-order', `${base.id}..${tip}`]);
  const newer = await walkBack(repository, account, tip, beside);
  return { base: newer.base ?? base, again: newer.again };
}

/** Goes back through commits, newest first, to one of the mirror that no one made again, as far as is known. */
async function walkBack(
  repository: Clone,
  account: string,
  tip: string,
  commits: AsyncIterable<BareCommit> | Iterable<BareCommit>,
): Promise<{ readonly base?: BareCommit; readonly again: readonly MadeAgain[]; readonly merged: boolean }> {
  const again: MadeAgain[] = [];
  let merged = false;
  for await (const commit of commits) {
    if (readMessage(commit.message).account === account && !(await isCopy(repository, tip, commit))) {
      const originals = await originalsOf(repository, account, commit);
      if (originals.length === 0) return { base: commit, again, merged };
      again.unshift({ ...commit, originals });
    }
    merged ||= commit.parents.length > 1;
  }
  return { again, merged };
}

/**
 * What the mirror made for the account in the run of `commit`, where that is what a person made of it. What was changed
 * below or in such a commit is no longer what the mirror left.
 */
async function originalsOf(repository: Clone, account: string, commit: BareCommit): Promise<BareCommit[]> {
  const run = runLine(commit.message);
  if (commit.committer === repository.committer.email || run === undefined) return [];
  const words = ['--topo-order', '--reverse', '--fixed-strings', `--grep=${run}`, '--reflog', '--not', 'HEAD'];
  return (await readCommits(repository, words)).filter(
    ({ committer, message }) => committer === repository.committer.email && readMessage(message).account === account,
  );
}

/** The line of a message that says which run made the commit. */
function runLine(message: string): string | undefined {
  return /^Celigo-Run: .*$/m.exec(message)?.[0];
}

/**
 * Whether a commit was made of another one in the history of a tip, as `git cherry-pick` and `git commit --amend` do:
 * both keep the author and the date of authorship, whatever becomes of the message.
 */
async function isCopy(
  repository: Clone,
  tip: string,
  { id, committer, author, authored, message }: BareCommit,
): Promise<boolean> {
  if (committer === repository.committer.email) return false;
  const run = runLine(message);
  if (run === undefined) return false;
  const sameRun = await readCommits(repository, ['--topo-order', '--fixed-strings', `--grep=${run}`, tip]);
  const at = sameRun.findIndex((one) => one.id === id);
  return sameRun.some(
    (one, i) =>
      // Of two that people made, the older one is not a copy.
      (one.committer === repository.committer.email || i > at) &&
      one.author === author &&
      one.authored.getTime() === authored.getTime(),
  );
}
