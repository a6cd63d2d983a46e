import { messageOf } from '../core/errors.ts';
import type { Told } from '../notify/notifier.ts';
import type { RunSummary } from '../run/summary.ts';
import type { DaemonLog } from './log.ts';
import { readMemory, writeMemory } from './memory.ts';
import { type BackoffPolicy, resumed, type Standing, standingAfter, UNKNOWN } from './standing.ts';

/** How every account fares, kept over restarts. */
export interface Book {
  /** What was told when the daemon began. */
  readonly told: Told;
  of(account: string): Standing;
  /** Takes a run down. */
  ran(account: string, run: RunSummary, policy: BackoffPolicy): Standing;
  /** Ends an account's pause: somebody may have mended the cause. */
  resume(account: string): void;
  /** Keeps these accounts, without their pauses, and forgets all others. */
  keep(accounts: readonly string[]): void;
  /** Writes everything down, with what was told. Never rejects. */
  save(told: Told): Promise<void>;
}

/**
 * Opens the book where an earlier daemon left it.
 * @param stateDir folder for it; `undefined` while there is no clone
 */
export async function openBook(stateDir: () => Promise<string | undefined>, log: DaemonLog): Promise<Book> {
  const dir = await stateDir();
  const memory = dir ? readMemory(dir) : undefined;
  const standings = new Map<string, Standing>(Object.entries(memory?.accounts ?? {}));
  const of = (account: string): Standing => standings.get(account) ?? UNKNOWN;
  return {
    told: memory?.told ?? {},
    of,
    ran(account, run, policy) {
      const standing = standingAfter(of(account), run, policy);
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
        if (folder) writeMemory(folder, { accounts: Object.fromEntries(standings), told });
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'state of the daemon not remembered');
      }
    },
  };
}
