import { messageOf } from '../core/errors.ts';
import type { Reported } from '../notify/notifier.ts';
import type { DrillSummary } from '../run/drill-summary.ts';
import type { RunSummary } from '../run/summary.ts';
import { type AccountState, accountStateAfter, type BackoffPolicy, resumed, UNKNOWN } from './account-state.ts';
import type { DaemonLog } from './log.ts';
import { readStoredState, writeStoredState } from './state-store.ts';

/** The state of every account; survives restarts. */
export interface AccountStates {
  /** What the channels had been sent when the daemon started. */
  readonly reported: Reported;
  of(account: string): AccountState;
  /** Records a run. */
  ran(account: string, run: RunSummary, policy: BackoffPolicy): AccountState;
  /** The last drill of an account. */
  drillOf(account: string): DrillSummary | undefined;
  /** Records a drill. */
  drilled(account: string, drill: DrillSummary): void;
  /** When the last drill ended. */
  lastDrill(): Date | undefined;
  /** Ends an account's pause: the cause may have been removed. */
  resume(account: string): void;
  /** Ends the pauses of these accounts and drops all others. */
  retain(accounts: readonly string[]): void;
  /**
   * Saves everything, with what was reported by the time it is written: what is asked for first may be written last.
   * There is no `stateDir` while there is no clone. Never rejects.
   */
  save(stateDir: () => Promise<string | undefined>, reported: () => Reported): Promise<void>;
}

/** Opens the states that an earlier daemon saved in `stateDir`; without a folder every account is unknown. */
export function openAccountStates(stateDir: string | undefined, log: DaemonLog): AccountStates {
  const stored = stateDir === undefined ? undefined : readStoredState(stateDir);
  const states = new Map<string, AccountState>(Object.entries(stored?.accounts ?? {}));
  const drills = new Map<string, DrillSummary>(Object.entries(stored?.drills ?? {}));
  const of = (account: string): AccountState => states.get(account) ?? UNKNOWN;
  return {
    reported: stored?.reported ?? { states: {}, watched: {} },
    of,
    ran(account, run, policy) {
      const state = accountStateAfter(of(account), run, policy);
      states.set(account, state);
      return state;
    },
    drillOf: (account) => drills.get(account),
    drilled(account, drill) {
      const lastSuccess = drill.result === 'passed' ? drill.endedAt : drills.get(account)?.lastSuccess;
      drills.set(account, { ...drill, ...(lastSuccess === undefined ? {} : { lastSuccess }) });
    },
    lastDrill() {
      const latest = Math.max(...[...drills.values()].map(({ endedAt }) => Date.parse(endedAt)));
      return Number.isFinite(latest) ? new Date(latest) : undefined;
    },
    resume(account) {
      states.set(account, resumed(of(account)));
    },
    retain(accounts) {
      for (const account of [...states.keys()]) {
        if (accounts.includes(account)) states.set(account, resumed(of(account)));
        else states.delete(account);
      }
      for (const account of [...drills.keys()]) if (!accounts.includes(account)) drills.delete(account);
    },
    async save(folder, reported) {
      try {
        const path = await folder();
        if (path !== undefined) {
          const accounts = Object.fromEntries(states);
          writeStoredState(path, { accounts, drills: Object.fromEntries(drills), reported: reported() });
        }
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'could not save the state of the daemon');
      }
    },
  };
}
