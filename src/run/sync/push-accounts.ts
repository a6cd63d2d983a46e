import { messageOf } from '../../core/errors.ts';
import { isGitFailure } from '../../git/git.ts';
import { pushRun, startOver } from '../../mirror/push.ts';
import type { RemoteState } from '../../mirror/remote.ts';
import { canExchange } from '../../mirror/repair-clone.ts';
import type { Repository } from '../../mirror/repository.ts';
import { abandoned, knownFailure } from '../failures.ts';
import type { SyncReport } from '../report.ts';
import type { AccountRuns } from './account-runs.ts';

/** How often a run that lost the race to push starts over. */
const FRESH_STARTS = 8;

export interface Pushing {
  readonly repository: Repository;
  readonly remote: string;
  /** HEAD before the accounts were mirrored. */
  readonly since: string | undefined;
  /** Folders at the top of the repository that are the mirror's. */
  readonly folders: readonly string[];
  readonly runs: AccountRuns;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** What became of the push, and the reports of the run: new ones where the accounts were mirrored again. */
export interface Pushed {
  readonly state: RemoteState;
  readonly reports: readonly SyncReport[];
}

/**
 * Pushes what the run committed. When another process mirrored the same account and pushed first, its commits are taken
 * over and the accounts are read again: what this run read may be older.
 */
export async function pushAccounts(pushing: Pushing, mirrored: readonly SyncReport[]): Promise<Pushed> {
  const { repository, remote, folders, runs, now, signal } = pushing;
  let { since } = pushing;
  let reports = mirrored;
  try {
    for (let again = 0; ; again++) {
      signal.throwIfAborted();
      const state = await pushRun(repository, remote, since, { folders, now: now(), notice: runs.notice });
      if (state.state !== 'overtaken') return { state, reports };
      if (again === FRESH_STARTS) {
        const reason = `other processes pushed the same account first, ${FRESH_STARTS} times in a row`;
        return { state: { state: 'behind', reason }, reports };
      }
      runs.notice(
        'another process mirrored the same account and pushed first: its commits are kept, this run starts over',
      );
      await startOver(repository, since, folders, now());
      since = await repository.head();
      ({ reports } = await runs.mirror(Promise.resolve(repository)));
    }
  } catch (error) {
    if (!signal.aborted) {
      // Of a damaged clone: the caller repairs it, and the next run pushes.
      if (!isGitFailure(error) || (await canExchange(repository))) throw error;
      return { state: { state: 'behind', reason: messageOf(error) }, reports };
    }
    // Abandoned while pushing: what was committed stays in the clone and goes out with the next run.
    const failure = knownFailure(signal.reason);
    if (!failure) throw error;
    return {
      state: { state: 'behind', reason: failure.message },
      reports: reports.map((report) => (report.error ? report : abandoned(report, failure))),
    };
  }
}
