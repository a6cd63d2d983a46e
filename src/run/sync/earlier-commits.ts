import { type EarlierCommit, earlierCommit } from '../../core/reported.ts';
import type { Repository } from '../../mirror/repository.ts';
import { newestCommits } from './newest.ts';

/** The commits before this run, newest first, read only as far back as needed. */
export interface EarlierHistory {
  /** The commits up to and including the first for which `stop` holds; all of them when it holds for none. */
  upTo(stop: (commit: EarlierCommit) => boolean): Promise<readonly EarlierCommit[]>;
  /** Whether the reading went as far as it was asked to: not where the history is damaged, or out of reach. */
  isWhole(): boolean;
}

/** @param skewMs the server's clock minus ours @param now by the server's clock, ms */
export function openHistory(repository: Repository, skewMs: number, now: number): EarlierHistory {
  const commits = newestCommits(repository);
  const read: EarlierCommit[] = [];
  let whole = true;
  return {
    isWhole: () => whole,
    async upTo(stop) {
      const known = read.findIndex((commit) => stop(commit));
      if (known >= 0) return read.slice(0, known + 1);
      for (;;) {
        const next = await commits.next();
        if (next.done) {
          whole &&= next.value ?? true;
          break;
        }
        const commit = earlierCommit(next.value, skewMs, now, repository.committer.email);
        read.push(commit);
        if (stop(commit)) break;
      }
      return read;
    },
  };
}
