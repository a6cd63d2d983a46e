import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readMessage } from '../core/message.ts';
import { GitFailure } from './git.ts';
import type { Repository } from './repository.ts';
import { deepen } from './stateless.ts';

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
 * that a person made of one (`git cherry-pick`) keeps its message, and does not count.
 */
export async function newestOwn(repository: Repository, account: string): Promise<string | undefined> {
  const isOwn = async (commit: BareCommit): Promise<boolean> =>
    readMessage(commit.message).account === account && !(await isCopy(repository, commit));
  let merged = false;
  for await (const commit of newestCommits(repository)) {
    if (await isOwn(commit)) {
      if (!merged) return commit.id;
      // Beside a merge git goes by the dates of commits, which any clock may have set: one of these may be newer.
      const beside = await readCommits(repository, ['--topo-order', `${commit.id}..HEAD`]);
      for (const one of beside) if (await isOwn(one)) return one.id;
      return commit.id;
    }
    merged ||= commit.parents.length > 1;
  }
  return undefined;
}

/** Whether a commit repeats the message of another one, which the mirror itself committed; `-x` adds a line to it. */
async function isCopy(repository: Repository, { id, committer, author, message }: BareCommit): Promise<boolean> {
  if (committer === repository.committer.email) return false;
  const run = /^Celigo-Run: .*$/m.exec(message)?.[0];
  if (run === undefined) return false;
  const sameRun = await readCommits(repository, ['--fixed-strings', `--grep=${run}`, 'HEAD']);
  return sameRun.some((one) => one.id !== id && one.author === author && message.startsWith(one.message.trimEnd()));
}
