import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readMessage } from '../../core/message.ts';
import { GitFailure } from '../../mirror/git.ts';
import type { Repository } from '../../mirror/repository.ts';
import { deepen } from '../../mirror/stateless.ts';

/** A commit without what it holds. */
interface BareCommit {
  readonly id: string;
  readonly parents: readonly string[];
  /** E-mail address of who committed it. */
  readonly committer: string;
  /** E-mail address of its author. */
  readonly author: string;
  readonly committed: Date;
  readonly message: string;
}

/** Commits read at a time; doubled each time, so that a long way back takes few steps. */
const FIRST_CHUNK = 16;
/** No caller needs more commits than this. */
const MOST = 16_384;

const [BETWEEN, END] = ['\x02', '\x03'];

/**
 * The commits behind HEAD, newest first, read as they are asked for. A clone that is not kept holds the newest
 * alone: the others are fetched without trees and contents. Ends early where they cannot be had.
 */
export async function* newestCommits(repository: Repository): AsyncGenerator<BareCommit> {
  for (let [at, size] = [0, FIRST_CHUNK]; at < MOST; at += size, size *= 2) {
    let commits = await readChunk(repository, at, size);
    yield* commits;
    if (commits.length === size) continue;
    const given = commits.length;
    if (!repository.stateless || !existsSync(join(repository.gitDir, 'shallow'))) return;
    try {
      await deepen(repository, size);
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      return;
    }
    commits = await readChunk(repository, at, size);
    yield* commits.slice(given);
    if (commits.length < size) return;
  }
}

/** Commits of the range, without what they hold; none where git cannot read them. */
async function readCommits({ git }: Repository, words: readonly string[]): Promise<BareCommit[]> {
  const format = `--format=%H${BETWEEN}%P${BETWEEN}%ce${BETWEEN}%ae${BETWEEN}%ct${BETWEEN}%B${END}`;
  const out = await git.ask(['log', '--no-show-signature', format, ...words, '--']);
  return (out ?? '')
    .split(END)
    .slice(0, -1)
    .map((text) => {
      const [id = '', parents = '', committer = '', author = '', seconds, ...message] = text
        .replace(/^\n/, '')
        .split(BETWEEN);
      return {
        id,
        parents: parents.split(' ').filter(Boolean),
        committer,
        author,
        committed: new Date(Number(seconds) * 1000),
        message: message.join(BETWEEN),
      };
    });
}

function readChunk(repository: Repository, skip: number, count: number): Promise<BareCommit[]> {
  // Not only first parents: after an ordinary `git pull` of a person the mirror's commits are behind the other one.
  return readCommits(repository, [`--skip=${skip}`, `--max-count=${count}`, 'HEAD']);
}

/**
 * The newest commit that the mirror made for an account; `undefined` where there is none, or none within reach. A copy
 * that a person made of one (`git cherry-pick`) keeps its message, and does not count. Of one that a person added to
 * (`git commit --amend`) it is the commit that the mirror made, as long as git's log of the branch has it.
 */
export async function newestOwn(repository: Repository, account: string): Promise<string | undefined> {
  const isOwn = async (commit: BareCommit): Promise<boolean> =>
    readMessage(commit.message).account === account && !(await isCopy(repository, commit));
  let merged = false;
  for await (const commit of newestCommits(repository)) {
    if (await isOwn(commit)) {
      if (!merged) return originalOf(repository, commit);
      // Beside a merge git goes by the dates of commits, which any clock may have set: one of these may be newer.
      const beside = await readCommits(repository, ['--topo-order', `${commit.id}..HEAD`]);
      for (const one of beside) if (await isOwn(one)) return originalOf(repository, one);
      return originalOf(repository, commit);
    }
    merged ||= commit.parents.length > 1;
  }
  return undefined;
}

/** The commit that the mirror made where `commit` is what a person made of it. */
async function originalOf(repository: Repository, commit: BareCommit): Promise<string> {
  const { committer, author, message, parents } = commit;
  const run = runLine(message);
  if (committer === repository.committer.email || run === undefined) return commit.id;
  const ref = `refs/heads/${repository.branch}`;
  const former = await readCommits(repository, ['--walk-reflogs', '--fixed-strings', `--grep=${run}`, ref]);
  const isOriginal = (one: BareCommit): boolean =>
    one.committer === repository.committer.email &&
    one.author === author &&
    one.message === message &&
    // On top of others it holds what they changed.
    one.parents.join() === parents.join();
  return former.find(isOriginal)?.id ?? commit.id;
}

/** The line of a message that says which run made the commit. */
function runLine(message: string): string | undefined {
  return /^Celigo-Run: .*$/m.exec(message)?.[0];
}

/** Whether a commit repeats the message of another one, which the mirror itself committed; `-x` adds a line to it. */
async function isCopy(repository: Repository, { id, committer, author, message }: BareCommit): Promise<boolean> {
  if (committer === repository.committer.email) return false;
  const run = runLine(message);
  if (run === undefined) return false;
  const sameRun = await readCommits(repository, ['--fixed-strings', `--grep=${run}`, 'HEAD']);
  return sameRun.some((one) => one.id !== id && one.author === author && message.startsWith(one.message.trimEnd()));
}
