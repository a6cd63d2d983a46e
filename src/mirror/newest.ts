import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GitFailure } from './git.ts';
import type { Repository } from './repository.ts';
import { deepen } from './stateless.ts';

/** A commit without what it holds. */
export interface BareCommit {
  /** E-mail address of its author. */
  readonly author: string;
  readonly committed: Date;
  readonly message: string;
}

/** Commits read at a time; doubled each time, so that a long way back takes few steps. */
const FIRST_CHUNK = 16;
/** Nobody asks for more commits than this; a walk that long ends there. */
const MOST = 16_384;

const [BETWEEN, END] = ['\x02', '\x03'];

/**
 * The commits of HEAD's own line, newest first, read as they are asked for. A clone that is not kept holds the newest alone:
 * the others are fetched without trees and contents. Ends early where they cannot be had.
 */
export async function* newestCommits(repository: Repository): AsyncGenerator<BareCommit> {
  const { git, gitDir } = repository;
  for (let [at, size] = [0, FIRST_CHUNK]; at < MOST; at += size, size *= 2) {
    const read = async (): Promise<BareCommit[]> => {
      const range = [`--skip=${at}`, `--max-count=${size}`];
      const format = `--format=%ae${BETWEEN}%ct${BETWEEN}%B${END}`;
      const out = await git.ask([
        'log',
        '--first-parent',
        '--no-show-signature',
        ...range,
        format,
        'HEAD',
        '--',
      ]);
      return (out ?? '')
        .split(END)
        .slice(0, -1)
        .map((text) => {
          const [author = '', seconds, ...message] = text.replace(/^\n/, '').split(BETWEEN);
          return { author, committed: new Date(Number(seconds) * 1000), message: message.join(BETWEEN) };
        });
    };
    let commits = await read();
    let given = 0;
    for (; given < commits.length; given++) yield commits[given] as BareCommit;
    if (given === size) continue;
    if (!repository.stateless || !existsSync(join(gitDir, 'shallow'))) return;
    try {
      await deepen(repository, size);
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      return;
    }
    commits = await read();
    if (commits.length === given) return;
    for (; given < commits.length; given++) yield commits[given] as BareCommit;
  }
}
