import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { TokenExpiry } from '../celigo/tokens.ts';
import type { Change } from '../core/changes.ts';
import { partOf } from '../core/cut.ts';
import { oneLine } from '../core/unseen.ts';
import type { RepositoryMeasures } from '../mirror/upkeep.ts';
import { type DrillSummary, restorableRatio } from '../run/drill-summary.ts';
import type { RequestsCounted, RunEvent, SyncReport } from '../run/report.ts';
import type { AccountView } from './account-view.ts';

/** The figures of `/metrics`. */
export interface Metrics {
  readonly contentType: string;
  /** @param accounts the accounts as they are now */
  render(accounts: readonly AccountView[]): Promise<string>;
  event(event: RunEvent): void;
  runEnded(report: SyncReport, durationMs: number): void;
  skipped(account: string, reason: (typeof SKIPS)[number]): void;
  notified(channel: string, outcome: 'sent' | 'failed'): void;
  reloaded(successful: boolean): void;
  tokens(account: string, expiries: readonly TokenExpiry[]): void;
}

/** Begins the name of each metric of its own. */
export const PREFIX = 'celigo_mirror';
/** Characters of a name that people chose. */
const LONGEST_LABEL = 200;
const OUTCOMES = ['changed', 'unchanged', 'partial', 'refused', 'failed'] as const;
const SKIPS = ['overlap', 'backoff'] as const;

function countChanges(changes: readonly Change[]): Map<string, { type: string; kind: string; count: number }> {
  const counts = new Map<string, { type: string; kind: string; count: number }>();
  for (const { type, kind } of changes) {
    const key = `${type} ${kind}`;
    const entry = counts.get(key) ?? { type, kind, count: 0 };
    entry.count += 1;
    counts.set(key, entry);
  }
  return counts;
}

/** Registers every metric. */
function registerMetrics(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name: `${PREFIX}_${name}`, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> =>
    new Gauge({ name: `${PREFIX}_${name}`, help, labelNames: [...labelNames], registers });
  return {
    runs: counter('runs_total', 'Finished runs', ['account', 'outcome']),
    skips: counter('skipped_runs_total', 'Scheduled times without a run', ['account', 'reason']),
    duration: new Histogram({
      name: `${PREFIX}_run_duration_seconds`,
      help: 'How long runs took',
      labelNames: ['account'],
      buckets: [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
      registers,
    }),
    changes: counter('changes_total', 'Changes found in the account', ['account', 'type', 'kind']),
    requests: counter('requests_total', 'Requests to the API', ['account', 'status']),
    retries: counter('request_retries_total', 'Requests sent again', ['account']),
    throttled: counter('throttled_seconds_total', 'Time the API asked to wait', ['account']),
    notifications: counter('notifications_total', 'Messages to channels', ['channel', 'outcome']),
    resources: gauge('resources', 'Resources in the last listing', ['account', 'type']),
    incomplete: gauge('incomplete_types', 'Types that could not be read completely', ['account']),
    typeIncomplete: gauge('type_incomplete', '1: the type could not be read completely', ['account', 'type']),
    expiry: gauge('token_expiry_timestamp_seconds', 'When an API token expires', ['account', 'token']),
    unpushed: gauge('unpushed_commits', 'Commits that the remote does not have', []),
    lag: gauge('push_lag_seconds', 'Age of the oldest commit that the remote does not have', []),
    bytes: gauge('repository_bytes', 'Size of the objects of the clone', []),
    loose: gauge('repository_loose_objects', 'Objects of the clone outside packs', []),
    reload: gauge('config_last_reload_successful', '1: the configuration in force is the newest', []),
    build: gauge('build_info', 'Always 1', ['version']),
    account: {
      running: gauge('run_in_progress', '1 while a run is in progress', ['account']),
      ready: gauge('ready', '1: the last good run is recent enough', ['account']),
      failures: gauge('consecutive_failures', 'Runs in a row that failed or were refused', ['account']),
      next: gauge('next_run_timestamp_seconds', 'When the next scheduled run begins', ['account']),
      last: gauge('last_run_timestamp_seconds', 'When the last run ended', ['account']),
      success: gauge('last_success_timestamp_seconds', 'When the last good run ended', ['account']),
      age: gauge('last_success_age_seconds', 'Time since the last good run ended', ['account']),
      drill: gauge('drill_last_timestamp_seconds', 'When the last drill ended', ['account']),
      drillSuccess: gauge('drill_last_success_timestamp_seconds', 'When the last drill that passed ended', ['account']),
      drillPassed: gauge('drill_last_successful', '1: the last drill passed', ['account']),
      drillDuration: gauge('drill_duration_seconds', 'How long the last drill took', ['account']),
      restorable: gauge('drill_restorable_ratio', 'Share of resources that the last drill restored', ['account']),
      restore: gauge('drill_restore_seconds', 'How long a full restore would take', ['account']),
    },
  };
}

type Registered = ReturnType<typeof registerMetrics>;

function setDrill(gauges: Registered['account'], account: string, drill: DrillSummary): void {
  const labels = { account };
  gauges.drill.set(labels, Date.parse(drill.endedAt) / 1000);
  gauges.drillPassed.set(labels, drill.result === 'passed' ? 1 : 0);
  gauges.drillDuration.set(labels, drill.durationMs / 1000);
  if (drill.lastSuccess !== undefined) gauges.drillSuccess.set(labels, Date.parse(drill.lastSuccess) / 1000);
  // A drill without a result has restored nothing.
  gauges.restorable.set(labels, restorableRatio(drill) ?? 0);
  if (drill.restoreMs !== undefined) gauges.restore.set(labels, drill.restoreMs / 1000);
}

function setAccounts({ account, runs, skips }: Registered, views: readonly AccountView[], nowMs: number): void {
  for (const each of Object.values(account)) each.reset();
  for (const { timetable, state, lastDrill, running, nextRun, notReady } of views) {
    const labels = { account: timetable.name };
    // A counter that exists from the beginning shows its first step as one.
    for (const outcome of OUTCOMES) runs.inc({ ...labels, outcome }, 0);
    for (const reason of SKIPS) skips.inc({ ...labels, reason }, 0);
    account.running.set(labels, running ? 1 : 0);
    account.ready.set(labels, notReady === undefined ? 1 : 0);
    account.failures.set(labels, state.failures);
    if (nextRun) account.next.set(labels, nextRun.getTime() / 1000);
    if (state.lastRun) account.last.set(labels, Date.parse(state.lastRun.endedAt) / 1000);
    if (lastDrill) setDrill(account, timetable.name, lastDrill);
    if (state.lastSuccess === undefined) continue;
    const successMs = Date.parse(state.lastSuccess);
    account.success.set(labels, successMs / 1000);
    account.age.set(labels, Math.max(0, nowMs - successMs) / 1000);
  }
}

function setRepository({ unpushed, lag, bytes, loose }: Registered, measures: RepositoryMeasures, nowMs: number): void {
  const sinceMs = measures.unpushedSince?.getTime() ?? nowMs;
  unpushed.set(measures.unpushed);
  lag.set(Math.max(0, nowMs - sinceMs) / 1000);
  bytes.set(measures.bytes);
  loose.set(measures.looseObjects);
}

function countRequests({ requests, retries, throttled }: Registered, event: RequestsCounted): void {
  const labels = { account: event.account };
  for (const [status, count] of Object.entries(event.statuses)) requests.inc({ ...labels, status }, count);
  retries.inc(labels, event.retries);
  throttled.inc(labels, event.throttledMs / 1000);
}

function countRun(registered: Registered, report: SyncReport, durationMs: number): void {
  const labels = { account: report.account };
  registered.runs.inc({ ...labels, outcome: report.verdict });
  registered.duration.observe(labels, durationMs / 1000);
  for (const { type, kind, count } of countChanges(report.changes).values()) {
    registered.changes.inc({ ...labels, type, kind }, count);
  }
  // A run that failed listed nothing: the figures of the last listing are still valid.
  if (report.types.length === 0) return;
  registered.incomplete.set(labels, report.incomplete.length);
  for (const { type, state, listed } of report.types) {
    registered.typeIncomplete.set({ ...labels, type }, state === 'incomplete' ? 1 : 0);
    if (state === 'complete') registered.resources.set({ ...labels, type }, listed);
  }
}

export function createMetrics(version: string, now: () => Date): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registered = registerMetrics(registry);
  registered.build.set({ version }, 1);
  registered.reload.set(1);
  let measures: RepositoryMeasures | undefined;
  /** Labels of the tokens of each account. */
  const known = new Map<string, readonly string[]>();
  return {
    contentType: registry.contentType,
    render(accounts) {
      const nowMs = now().getTime();
      setAccounts(registered, accounts, nowMs);
      if (measures) setRepository(registered, measures, nowMs);
      return registry.metrics();
    },
    event(event) {
      if (event.name === 'repository.measured') measures = event.measures;
      if (event.name === 'requests.counted') countRequests(registered, event);
    },
    runEnded: (report, durationMs) => countRun(registered, report, durationMs),
    skipped: (account, reason) => registered.skips.inc({ account, reason }),
    notified: (channel, outcome) => registered.notifications.inc({ channel, outcome }),
    reloaded: (successful) => registered.reload.set(successful ? 1 : 0),
    tokens(account, expiries) {
      // One that was revoked, or runs out no more, must not go on alarming.
      for (const token of known.get(account) ?? []) registered.expiry.remove({ account, token });
      const names = expiries.map(({ name }) => partOf(oneLine(name), 0, LONGEST_LABEL));
      known.set(account, names);
      for (const [i, { expires }] of expiries.entries())
        registered.expiry.set({ account, token: names[i] ?? '' }, expires.getTime() / 1000);
    },
  };
}
