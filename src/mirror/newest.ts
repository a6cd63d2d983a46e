import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GitFailure } from './git.ts';
import type { Repository } from './repository.ts';
import { deepen } from './stateless.ts';

/** A commit without what it holds. */
interface BareCommit {
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

async function readChunk({ git }: Repository, skip: number, count: number): Promise<BareCommit[]> {
  // Not only first parents: after an ordinary `git pull` of a person the mirror's commits are behind the other one.
  const range = [`--skip=${skip}`, `--max-count=${count}`];
  const format = `--format=%ae${BETWEEN}%ct${BETWEEN}%B${END}`;
  const out = await git.ask(['log', ...range, '--no-show-signature', format, 'HEAD', '--']);
  return (out ?? '')
    .split(END)
    .slice(0, -1)
    .map((text) => {
      const [author = '', seconds, ...message] = text.replace(/^\n/, '').split(BETWEEN);
      return { author, committed: new Date(Number(seconds) * 1000), message: message.join(BETWEEN) };
    });
}
