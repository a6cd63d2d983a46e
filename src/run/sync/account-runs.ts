import type { AccountConfig } from '../../config/schema.ts';
import { isGitFailure, isTidiedAway } from '../../git/git.ts';
import type { Repository } from '../../mirror/repository.ts';
import { failedReport, type RequestCounts } from '../failures.ts';
import type { RequestsCounted, SyncReport } from '../report.ts';
import { runAccount } from './sync-account.ts';
import { identified, type SyncDeps, type SyncOptions } from './sync-deps.ts';

const NO_REQUESTS: RequestCounts = { requests: 0, retries: 0, throttledMs: 0 };

/** The accounts of one run, each mirrored once. */
interface MirroredAccounts {
  /** One an account, in order; fewer where the run was stopped. */
  readonly reports: readonly SyncReport[];
  /** Whether one of them failed over a git command: the clone may be damaged. */
  readonly gitFailed: boolean;
  /** Whether one of them failed because what it had written was removed: the clone is sound. */
  readonly tidiedAway: boolean;
}

/** The accounts of one run, which may have to be mirrored more than once. */
export interface AccountRuns {
  /** Mirrors one after the other. A failure of one is its report; the others are mirrored all the same. */
  readonly mirror: (repository: Promise<Repository>) => Promise<MirroredAccounts>;
  /** Reports something that concerns all of them. */
  readonly notice: (message: string) => void;
  /** What was reported so. */
  readonly notices: readonly string[];
}

/** @param deps its `signal` ends the runs; none begins after it */
export function accountRuns(deps: SyncDeps, accounts: readonly AccountConfig[], options: SyncOptions): AccountRuns {
  const { signal } = deps;
  const notices: string[] = [];
  const counted = new Map<string, RequestCounts>();
  const runs = accounts.map((account) => ({
    account,
    own: identified({
      ...deps,
      report: (event) => {
        if (event.name === 'requests.counted') counted.set(event.account, countsOf(event));
        deps.report(event);
      },
    }),
  }));
  return {
    notices,
    notice(message) {
      notices.push(message);
      for (const { account, own } of runs) own.report({ name: 'notice', account: account.name, message });
    },
    async mirror(repository) {
      const reports: SyncReport[] = [];
      let [gitFailed, tidiedAway] = [false, false];
      for (const { account, own } of runs) {
        counted.delete(account.name);
        own.report({ name: 'account.started', account: account.name });
        const startedMs = performance.now();
        try {
          reports.push(await runAccount(own, account, options, repository));
        } catch (error) {
          const cause = signal.aborted ? signal.reason : error;
          gitFailed ||= isGitFailure(cause);
          tidiedAway ||= isTidiedAway(cause);
          const requests = counted.get(account.name) ?? NO_REQUESTS;
          const { runId } = own;
          const { dryRun } = options;
          reports.push(failedReport(account.name, cause, { runId, dryRun, startedMs, requests }));
        }
        if (signal.aborted) break;
      }
      return { reports, gitFailed, tidiedAway };
    },
  };
}

function countsOf({ statuses, retries, throttledMs }: RequestsCounted): RequestCounts {
  const requests = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  return { requests, retries, throttledMs: Math.round(throttledMs) };
}
