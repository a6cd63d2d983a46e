import type { TokenExpiry } from '../celigo/tokens.ts';
import type { RunEvent, SyncReport } from '../run/report.ts';
import { summaryOf } from '../run/summary.ts';
import { accountStateAfter, UNKNOWN } from './account-state.ts';
import type { AccountView } from './account-view.ts';
import type { Drilled } from './drills.ts';
import { type Exposition, mergeExpositions, parseExposition, valuesOf } from './exposition.ts';
import { createMetrics, PREFIX } from './metrics.ts';

const named = (names: readonly string[]): ReadonlySet<string> => new Set(names.map((name) => `${PREFIX}_${name}`));
/** What only a daemon can say, and ages that would stay as they were. */
const OF_A_DAEMON = named([
  'ready',
  'last_success_age_seconds',
  'run_in_progress',
  'next_run_timestamp_seconds',
  'config_last_reload_successful',
  'skipped_runs_total',
  'notifications_total',
]);
const [SUCCESS, FAILURES, DRILLED, EXPIRY] = [
  `${PREFIX}_last_success_timestamp_seconds`,
  `${PREFIX}_consecutive_failures`,
  `${PREFIX}_drill_last_success_timestamp_seconds`,
  `${PREFIX}_token_expiry_timestamp_seconds`,
] as const;
/** One-shot runs have no pauses. */
const NO_PAUSE = { after: Number.POSITIVE_INFINITY, intervalMs: 0, longestMs: 0 };

interface TextDeps {
  readonly version: string;
  readonly now: () => Date;
  /** What an earlier command left; empty for the first. */
  readonly before: string;
  /** The label `file` of what belongs to no account. */
  readonly file: string;
}

/** The metrics of runs that are no daemon, as the text of a file for the textfile collector. */
export interface MetricsText {
  event(event: RunEvent): void;
  /**
   * @param configured names of all accounts: series of others go
   * @param tokens when tokens expire, by account, where that is known
   */
  synced(
    reports: readonly SyncReport[],
    configured: readonly string[],
    tokens: ReadonlyMap<string, readonly TokenExpiry[]>,
  ): Promise<string>;
  drilled(drills: readonly (Drilled & { readonly durationMs: number })[]): Promise<string>;
}

/** A view of an account without what only a daemon knows. */
function viewOf(name: string, state: AccountView['state'], lastDrill?: AccountView['lastDrill']): AccountView {
  const timetable = { name, schedule: '', timezone: '' };
  return { timetable, state, lastDrill, running: false, nextRun: undefined, notReady: undefined };
}

export function createMetricsText({ version, now, before: text, file }: TextDeps): MetricsText {
  const metrics = createMetrics(version, now);
  const before = parseExposition(text);
  const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();
  const at = (gauge: string, account: string): number | undefined => valuesOf(before, gauge).get(account);

  async function rendered(views: readonly AccountView[], wanted: (name: string) => boolean): Promise<Exposition> {
    const all = parseExposition(await metrics.render(views));
    const own = [...all].filter(([name]) => name.startsWith(`${PREFIX}_`) && !OF_A_DAEMON.has(name) && wanted(name));
    return new Map(own);
  }

  return {
    event: (event) => metrics.event(event),
    async synced(reports, configured, tokens) {
      const endedAt = now();
      const views = reports.map((report) => {
        metrics.runEnded(report, report.durationMs);
        const { account } = report;
        metrics.tokens(account, tokens.get(account) ?? []);
        const success = at(SUCCESS, account);
        const earlier = {
          ...UNKNOWN,
          failures: at(FAILURES, account) ?? 0,
          ...(success === undefined ? {} : { lastSuccess: iso(success) }),
        };
        const startedAt = new Date(endedAt.getTime() - report.durationMs);
        return viewOf(account, accountStateAfter(earlier, summaryOf(report, startedAt, endedAt), NO_PAUSE));
      });
      const fresh = await rendered(views, (name) => !name.startsWith(`${PREFIX}_drill_`));
      const known = new Set(['', ...configured]);
      return mergeExpositions(before, fresh, {
        file,
        keeps: (name, account) => known.has(account) && !(name === EXPIRY && tokens.has(account)),
      });
    },
    async drilled(drills) {
      const endedAt = now().toISOString();
      const views = drills.map(({ account, ...drill }) => {
        const earlier = at(DRILLED, account);
        const success = drill.result === 'passed' ? endedAt : earlier === undefined ? undefined : iso(earlier);
        const lastDrill = { ...drill, endedAt, ...(success === undefined ? {} : { lastSuccess: success }) };
        return viewOf(account, UNKNOWN, lastDrill);
      });
      const fresh = await rendered(
        views,
        (name) => name.startsWith(`${PREFIX}_drill_`) || name === `${PREFIX}_build_info`,
      );
      return mergeExpositions(before, fresh, { file, keeps: () => true });
    },
  };
}
