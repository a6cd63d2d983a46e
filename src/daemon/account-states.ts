import { messageOf } from '../core/errors.ts';
import type { ReportedStates } from '../notify/notifier.ts';
import type { RunSummary } from '../run/summary.ts';
import { type AccountState, accountStateAfter, type BackoffPolicy, resumed, UNKNOWN } from './account-state.ts';
import type { DaemonLog } from './log.ts';
import { readStoredState, writeStoredState } from './state-store.ts';

/** How every account fares, kept over restarts. */
export interface AccountStates {
  /** What was told when the daemon began. */
  readonly told: ReportedStates;
  of(account: string): AccountState;
  /** Takes a run down. */
  ran(account: string, run: RunSummary, policy: BackoffPolicy): AccountState;
  /** Ends an account's pause: somebody may have mended the cause. */
  resume(account: string): void;
  /** Keeps these accounts, without their pauses, and forgets all others. */
  keep(accounts: readonly string[]): void;
  /** Writes everything down, with what was told. Never rejects. */
  save(told: ReportedStates): Promise<void>;
}

/**
 * Opens the book where an earlier daemon left it.
 * @param stateDir folder for it; `undefined` while there is no clone
 */
export async function openAccountStates(
  stateDir: () => Promise<string | undefined>,
  log: DaemonLog,
): Promise<AccountStates> {
  const dir = await stateDir();
  const memory = dir ? readStoredState(dir) : undefined;
  const standings = new Map<string, AccountState>(Object.entries(memory?.accounts ?? {}));
  const of = (account: string): AccountState => standings.get(account) ?? UNKNOWN;
  return {
    told: memory?.told ?? {},
    of,
    ran(account, run, policy) {
      const standing = accountStateAfter(of(account), run, policy);
      standings.set(account, standing);
      return standing;
    },
    resume(account) {
      standings.set(account, resumed(of(account)));
    },
    keep(accounts) {
      for (const account of [...standings.keys()]) {
        if (accounts.includes(account)) standings.set(account, resumed(of(account)));
        else standings.delete(account);
      }
    },
    async save(told) {
      try {
        const folder = await stateDir();
        if (folder) writeStoredState(folder, { accounts: Object.fromEntries(standings), told });
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'state of the daemon not remembered');
      }
    },
  };
}
