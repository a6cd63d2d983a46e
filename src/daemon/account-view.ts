import type { DrillSummary } from '../run/drill-summary.ts';
import type { AccountState } from './account-state.ts';
import type { AccountStates } from './account-states.ts';
import type { InForce } from './configuration.ts';
import { readinessOf } from './readiness.ts';
import { nthAfter, type Timetable, timetableOf } from './schedule.ts';

/** An account as `/status`, `/readyz` and `/metrics` show it. */
export interface AccountView {
  readonly timetable: Timetable;
  readonly state: AccountState;
  readonly lastDrill: DrillSummary | undefined;
  readonly running: boolean;
  /** When the next scheduled run begins: not before a pause is over. */
  readonly nextRun: Date | undefined;
  /** Why its mirror cannot be relied on; `undefined` when it can. */
  readonly notReady: string | undefined;
}

/** Every configured account at the moment `now`. `running`: the account that is being mirrored. */
export function viewAccounts(
  { config, schedule }: InForce,
  states: AccountStates,
  running: string | undefined,
  now: Date,
): AccountView[] {
  return config.accounts.map((account) => {
    const timetable = timetableOf(config, account);
    const state = states.of(account.name);
    const next = schedule.next(account.name);
    const pausedUntil = new Date(state.pausedUntil ?? 0);
    return {
      timetable,
      state,
      lastDrill: states.drillOf(account.name),
      running: running === account.name,
      nextRun: next && next < pausedUntil ? nthAfter(timetable, pausedUntil, 1) : next,
      notReady: readinessOf(state, timetable, config.daemon.readyWithinMs, now).reason,
    };
  });
}
