import { type ApiClient, clientOf } from '../../celigo/client.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { anyOf } from '../signals.ts';
import type { RunDeps, SyncOptions } from './sync-deps.ts';

/** One run of one account, as each of its stages sees it. */
export interface AccountRun {
  /** Its `signal` ends with the run. */
  readonly deps: RunDeps;
  readonly account: AccountConfig;
  readonly options: SyncOptions;
  readonly client: ApiClient;
  readonly startTime: Date;
  /** When the run began, by `performance.now()`. */
  readonly startedMs: number;
  /** Ends every request and command of the run. */
  readonly stop: AbortController;
  /** Reports what the user should know although nothing failed. */
  readonly notice: (message: string) => void;
  /** Everything that was reported so. */
  readonly notices: readonly string[];
}

export function beginRun(deps: RunDeps, account: AccountConfig, options: SyncOptions): AccountRun {
  const stop = new AbortController();
  const signal = anyOf(deps.signal, stop.signal);
  const notices: string[] = [];
  return {
    deps: { ...deps, signal },
    account,
    options,
    client: clientOf(account, deps.env, {
      userAgent: deps.userAgent,
      onRetry: (event) => deps.report({ name: 'request.retried', account: account.name, ...event }),
    }),
    startTime: deps.now(),
    startedMs: performance.now(),
    stop,
    notices,
    notice(message) {
      notices.push(message);
      deps.report({ name: 'notice', account: account.name, message });
    },
  };
}

/** Now, by the server's clock: whatever the one of this machine says, commits carry its times. */
export function serverNow({ client, deps }: Pick<AccountRun, 'client' | 'deps'>): Date {
  return new Date(deps.now().getTime() + client.clockSkewMs());
}

/** Stops what is still in progress and reports the requests of the run, also of one that failed. */
export async function endRun({ deps, account, client, stop }: AccountRun): Promise<void> {
  stop.abort();
  const { statuses, retries, throttledMs } = client.stats;
  deps.report({ name: 'requests.counted', account: account.name, statuses, retries, throttledMs });
  await client.close();
}
