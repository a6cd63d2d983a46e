import type { AccountConfig, Config } from '../../config/schema.ts';
import type { Reporter, SyncReport } from '../../run/report.ts';
import { maintain } from '../../run/sync/maintain.ts';
import { syncAccounts } from '../../run/sync/sync.ts';
import type { SyncDeps } from '../../run/sync/sync-deps.ts';
import { runDeps } from '../input/run-deps.ts';
import { spareMemory } from '../input/spare-memory.ts';
import type { Io } from '../ui/io.ts';

/** How long a run waits for another process, such as a restore, that works on the clone. */
const LONGEST_WAIT_MS = 15 * 60_000;

/** Mirrors one account. @throws the reason of the signal, if that stopped it before it began */
export type SyncOne = (
  config: Config,
  account: AccountConfig,
  options: { readonly full: boolean; readonly report: Reporter; readonly signal: AbortSignal },
) => Promise<SyncReport>;

/** The scheduled runs of a daemon, and the upkeep of the clone after them. */
export function createSyncOne(io: Pick<Io, 'env' | 'now' | 'signal'>): SyncOne {
  const maintainLater = maintainer();
  return async (config, account, { full, report, signal }) => {
    const deps = runDeps(io, { config, report, signal, spareMemory });
    const lockWaitMs = Math.min(LONGEST_WAIT_MS, config.daemon.runTimeoutMs);
    const fixed = { dryRun: false, push: true, allowDeletions: false, measured: true } as const;
    const options = { ...fixed, full, fullSweepMs: config.fullSweepMs };
    const [result] = await syncAccounts({ ...deps, lockWaitMs }, [account], options);
    if (!result) throw signal.reason;
    maintainLater({ ...deps, signal: io.signal }, result);
    return result;
  };
}

/** Tidies the clone up, once at a time; neither the result nor the next run waits for it. */
function maintainer(): (deps: SyncDeps, result: SyncReport) => void {
  let busy = false;
  return (deps, result) => {
    if (busy) return;
    busy = true;
    void maintain(deps, [result]).finally(() => {
      busy = false;
    });
  };
}
