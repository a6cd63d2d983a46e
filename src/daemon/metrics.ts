import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { TokenExpiry } from '../celigo/tokens.ts';
import type { Change } from '../core/changes.ts';
import type { RepositoryMeasures } from '../mirror/upkeep.ts';
import type { RunEvent, SyncReport } from '../run/report.ts';

/** An account as a scrape sees it. Times in milliseconds since 1970. */
export interface AccountGauges {
  readonly name: string;
  readonly running: boolean;
  readonly ready: boolean;
  readonly failures: number;
  readonly nextRunMs: number | undefined;
  readonly lastRunMs: number | undefined;
  readonly lastSuccessMs: number | undefined;
}

export interface MetricsOptions {
  readonly version: string;
  readonly now: () => Date;
  /** What is true when somebody asks. */
  readonly accounts: () => readonly AccountGauges[];
}

/** The figures of `/metrics`. */
export interface Metrics {
  readonly contentType: string;
  render(): Promise<string>;
  event(event: RunEvent): void;
  runEnded(report: SyncReport, durationMs: number): void;
  skipped(account: string, reason: (typeof SKIPS)[number]): void;
  notified(channel: string, outcome: 'sent' | 'failed'): void;
  reloaded(successful: boolean): void;
  tokens(account: string, expiries: readonly TokenExpiry[]): void;
}

const PREFIX = 'celigo_mirror';
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

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name: `${PREFIX}_${name}`, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> =>
    new Gauge({ name: `${PREFIX}_${name}`, help, labelNames: [...labelNames], registers });

  const runs = counter('runs_total', 'Finished runs', ['account', 'outcome']);
  const skips = counter('skipped_runs_total', 'Scheduled times without a run', ['account', 'reason']);
  const duration = new Histogram({
    name: `${PREFIX}_run_duration_seconds`,
    help: 'How long runs took',
    labelNames: ['account'],
    buckets: [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
    registers,
  });
  const changes = counter('changes_total', 'Changes found in the account', ['account', 'type', 'kind']);
  const requests = counter('requests_total', 'Requests to the API', ['account', 'status']);
  const retries = counter('request_retries_total', 'Requests sent again', ['account']);
  const throttled = counter('throttled_seconds_total', 'Time the API asked to wait', ['account']);
  const notifications = counter('notifications_total', 'Messages to channels', ['channel', 'outcome']);
  const resources = gauge('resources', 'Resources in the last listing', ['account', 'type']);
  const incomplete = gauge('incomplete_types', 'Types that could not be read whole', ['account']);
  const typeIncomplete = gauge('type_incomplete', '1: the type could not be read whole', ['account', 'type']);
  const expiry = gauge('token_expiry_timestamp_seconds', 'When an API token expires', ['account', 'token']);
  const unpushed = gauge('unpushed_commits', 'Commits that the remote does not have', []);
  const lag = gauge('push_lag_seconds', 'Age of the oldest commit that the remote does not have', []);
  const bytes = gauge('repository_bytes', 'Size of the objects of the clone', []);
  const loose = gauge('repository_loose_objects', 'Objects of the clone outside packs', []);
  const reload = gauge('config_last_reload_successful', '1: the configuration in force is the newest', []);
  gauge('build_info', 'Always 1', ['version']).set({ version: options.version }, 1);
  reload.set(1);

  const account = {
    running: gauge('run_in_progress', '1 while a run is under way', ['account']),
    ready: gauge('ready', '1: the last good run is young enough', ['account']),
    failures: gauge('consecutive_failures', 'Runs in a row that failed or were refused', ['account']),
    next: gauge('next_run_timestamp_seconds', 'When the next scheduled run begins', ['account']),
    last: gauge('last_run_timestamp_seconds', 'When the last run ended', ['account']),
    success: gauge('last_success_timestamp_seconds', 'When the last good run ended', ['account']),
    age: gauge('last_success_age_seconds', 'Time since the last good run ended', ['account']),
  };
  let measures: RepositoryMeasures | undefined;

  /** Brings everything that changes by itself up to date. */
  function refresh(): void {
    const nowMs = options.now().getTime();
    for (const each of Object.values(account)) each.reset();
    for (const state of options.accounts()) {
      const labels = { account: state.name };
      // A counter that is there from the beginning shows its first step as one.
      for (const outcome of OUTCOMES) runs.inc({ ...labels, outcome }, 0);
      for (const reason of SKIPS) skips.inc({ ...labels, reason }, 0);
      account.running.set(labels, state.running ? 1 : 0);
      account.ready.set(labels, state.ready ? 1 : 0);
      account.failures.set(labels, state.failures);
      if (state.nextRunMs !== undefined) account.next.set(labels, state.nextRunMs / 1000);
      if (state.lastRunMs !== undefined) account.last.set(labels, state.lastRunMs / 1000);
      if (state.lastSuccessMs === undefined) continue;
      account.success.set(labels, state.lastSuccessMs / 1000);
      account.age.set(labels, Math.max(0, nowMs - state.lastSuccessMs) / 1000);
    }
    if (!measures) return;
    const since = measures.unpushedSince?.getTime() ?? nowMs;
    unpushed.set(measures.unpushed);
    lag.set(Math.max(0, nowMs - since) / 1000);
    bytes.set(measures.bytes);
    loose.set(measures.looseObjects);
  }

  return {
    contentType: registry.contentType,
    render() {
      refresh();
      return registry.metrics();
    },
    event(event) {
      if (event.name === 'repository.measured') measures = event.measures;
      if (event.name !== 'requests.counted') return;
      for (const [status, count] of Object.entries(event.statuses)) {
        requests.inc({ account: event.account, status }, count);
      }
      retries.inc({ account: event.account }, event.retries);
      throttled.inc({ account: event.account }, event.throttledMs / 1000);
    },
    runEnded(report, durationMs) {
      const labels = { account: report.account };
      runs.inc({ ...labels, outcome: report.verdict });
      duration.observe(labels, durationMs / 1000);
      for (const { type, kind, count } of countChanges(report.changes).values()) {
        changes.inc({ ...labels, type, kind }, count);
      }
      // A run that failed looked at nothing: what the last one saw still stands.
      if (report.types.length === 0) return;
      incomplete.set(labels, report.incomplete.length);
      for (const { type, state, listed } of report.types) {
        typeIncomplete.set({ ...labels, type }, state === 'incomplete' ? 1 : 0);
        if (state === 'complete') resources.set({ ...labels, type }, listed);
      }
    },
    skipped: (name, reason) => skips.inc({ account: name, reason }),
    notified: (channel, outcome) => notifications.inc({ channel, outcome }),
    reloaded: (successful) => reload.set(successful ? 1 : 0),
    tokens(name, expiries) {
      for (const { name: token, expires } of expiries) {
        expiry.set({ account: name, token }, expires.getTime() / 1000);
      }
    },
  };
}
