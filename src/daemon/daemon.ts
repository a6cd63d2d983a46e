import { setMaxListeners } from 'node:events';
import { markup } from '../audit/report/markup.ts';
import type { TokenExpiry } from '../celigo/tokens.ts';
import type { AccountConfig, Config } from '../config/schema.ts';
import { secretsOf } from '../config/secrets-of.ts';
import { commitLinks } from '../core/commit-links.ts';
import { AppError } from '../core/errors.ts';
import type { RepositoryMeasures } from '../mirror/upkeep.ts';
import type { ProxySettings } from '../net/proxies.ts';
import { countsOf } from '../notify/messages.ts';
import { scrub } from '../run/log.ts';
import type { Reporter, SyncReport } from '../run/report.ts';
import { summaryOf } from '../run/summary.ts';
import { type AccountStates, openAccountStates } from './account-states.ts';
import { type AccountView, viewAccounts } from './account-view.ts';
import { type Configuration, DRILL, LAST_DELIVERIES_MS, openConfiguration } from './configuration.ts';
import { createDrills, type DrillAll, type DrillEnded, type Drills } from './drills.ts';
import type { DaemonLog } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { notifierOf } from './notifications.ts';
import {
  HISTORY_MS,
  type MirrorReader,
  type Pages,
  REPORT_MS,
  type RecentChange,
  type RecentHistory,
  recentHistory,
} from './pages.ts';
import { type Answer, createRuns, type Ended, type Runs } from './runs.ts';
import { type Listening, listen, type Served } from './server.ts';
import { type Delivery, type StatusInput, statusJson } from './status.ts';
import { statusHtml } from './status-page.ts';
import { type TokenWatch, watchTokens } from './tokens.ts';

/** What the daemon needs from the outside. */
export interface DaemonDeps {
  readonly config: Config;
  /** Reads the configuration again. @throws AppError when it is invalid */
  readonly reload: () => Promise<Config>;
  /** Where to serve, instead of `daemon.listen`. */
  readonly listen: string | undefined;
  /** Mirrors one account. */
  readonly sync: (
    config: Config,
    account: AccountConfig,
    options: { readonly full: boolean; readonly report: Reporter; readonly signal: AbortSignal },
  ) => Promise<SyncReport>;
  /** Rehearses a full restore of every account; absent where this machine cannot. */
  readonly drill?: DrillAll | undefined;
  /** Reads the mirror for the pages; absent where this machine cannot. */
  readonly reader?: MirrorReader | undefined;
  readonly tokenExpiries: (account: AccountConfig, signal: AbortSignal) => Promise<readonly TokenExpiry[]>;
  /** Folder below `.git` for what survives a restart; `undefined` while there is no clone. */
  readonly stateDir: (config: Config) => Promise<string | undefined>;
  readonly now: () => Date;
  /** A number from 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly log: DaemonLog;
  /** Why lines of the log are lost at the moment, if they are. */
  readonly logFailure: () => string | undefined;
  readonly report: Reporter;
  /** Whether a run is logged only once it is worth a look. */
  readonly quiet?: boolean;
  /** Called with every configuration that comes into force, for the redaction of the log. */
  readonly onConfig: (config: Config) => void;
  readonly version: string;
  readonly userAgent: string;
  /** Proxies that the environment names. */
  readonly proxies: ProxySettings | undefined;
  /** Calls the listener on SIGHUP; returns how to stop that. */
  readonly onHangup: (listener: () => void) => () => void;
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  /** Called once the daemon serves. */
  readonly onListening: (url: string) => void;
}

/** The parts of a daemon, each with its own state. */
interface Daemon {
  readonly deps: DaemonDeps;
  readonly startedAt: Date;
  readonly configuration: Configuration;
  readonly states: AccountStates;
  readonly metrics: Metrics;
  readonly tokens: TokenWatch;
  readonly runs: Runs;
  readonly drills: Drills;
  readonly deliveries: ReadonlyMap<string, Delivery>;
  readonly latest: Latest;
  readonly history: RecentHistory;
  /** Aborted with the reason once a run does not even end after its time limit. */
  readonly stuck: AbortSignal;
  /** Ends what is still on its way to a channel or the API. */
  readonly leaving: AbortController;
  readonly save: () => Promise<void>;
}

/** What runs and checks have seen last. */
interface Latest {
  measures: RepositoryMeasures | undefined;
  /** By account. */
  readonly tokens: Map<string, readonly TokenExpiry[]>;
}

/** Share of the grace period in which a run may finish; then it is abandoned. */
const FINISH_SHARE = 0.75;
/** Share in which an abandoned run may end; the rest is for what ends a run that does not. */
const ABANDON_SHARE = 0.15;
/** Between two checks for due accounts, in milliseconds. */
const BEAT_MS = 1_000;

/**
 * Mirrors every account on its schedule until it is stopped. A failed run, an unreachable channel or an invalid
 * configuration never ends it.
 * @returns the exit code; something that cannot be stopped may still run then
 * @throws AppError `USAGE` when it cannot listen on its address
 */
export async function runDaemon(deps: DaemonDeps): Promise<number> {
  const daemon = await assemble(deps);
  const server = await startServer(daemon);
  const { config } = daemon.configuration.inForce();
  const accounts = config.accounts.map(({ name }) => name);
  deps.log.info({ url: server?.url, accounts, version: deps.version }, 'daemon started');
  if (server) deps.onListening(server.url);

  if (config.daemon.runAtStart) for (const name of accounts) daemon.runs.request(name, 'start');
  // A beat every second, rather than a sleep until the next time, makes suspended machines, time zones and clocks
  // that are set harmless.
  const beat = setInterval(() => startDue(daemon), BEAT_MS);
  await aborted([deps.signal, daemon.stuck]);
  clearInterval(beat);
  await shutDown(daemon, server);
  return daemon.stuck.aborted ? 1 : 0;
}

async function assemble(deps: DaemonDeps): Promise<Daemon> {
  const { now, log } = deps;
  const startedAt = now();
  const leaving = new AbortController();
  // As many listen as there are messages and questions on their way: no leak, however many that are.
  setMaxListeners(0, leaving.signal);
  const stuck = new AbortController();
  const deliveries = new Map<string, Delivery>();
  const latest: Latest = { measures: undefined, tokens: new Map() };
  const metrics = createMetrics(deps.version, now);
  const states = openAccountStates(await deps.stateDir(deps.config), log);
  const save = (): Promise<void> => {
    const { config, notifier } = configuration.inForce();
    return states.save(() => deps.stateDir(config), notifier.reported());
  };
  const configuration = openConfiguration({
    ...deps,
    reported: states.reported,
    lastDrill: states.lastDrill,
    openNotifier: (config, reported) =>
      notifierOf(config, reported, {
        ...deps,
        signal: leaving.signal,
        onReported: () => void save(),
        onDelivery(channel, failing) {
          const at = failing === undefined ? now().toISOString() : deliveries.get(channel)?.at;
          deliveries.set(channel, { at, ...(failing === undefined ? {} : { failing }) });
          metrics.notified(channel, failing === undefined ? 'sent' : 'failed');
        },
      }),
    onConfig(config) {
      deps.onConfig(config);
      states.retain(config.accounts.map(({ name }) => name));
    },
    onReload: metrics.reloaded,
  });
  const tokens = watchTokens({
    now,
    log,
    read: (account) => deps.tokenExpiries(account, leaving.signal),
    onRead: (account, expiries) => {
      latest.tokens.set(account, expiries);
      metrics.tokens(account, expiries);
    },
  });
  const report: Reporter = (event) => {
    metrics.event(event);
    if (event.name === 'repository.measured') latest.measures = event.measures;
    deps.report(event);
  };
  const runs = createRuns({
    now,
    timeLimitMs: () => configuration.inForce().config.daemon.runTimeoutMs,
    sync: async (name, full, signal) => {
      const { config } = configuration.inForce();
      const account = config.accounts.find((each) => each.name === name);
      if (!account) throw new AppError('USAGE', `${name} is no longer configured`);
      return deps.sync(config, account, { full, report, signal });
    },
    onStarted: (account, reason) => {
      if (!deps.quiet) log.info({ account, reason }, 'run started');
      configuration.inForce().notifier.started(account);
    },
    onEnded: (ended) => recordRun(daemon, ended),
    onStuck: (account) => {
      log.error({ account, waitingFor: process.getActiveResourcesInfo() }, 'run does not end: the daemon exits');
      stuck.abort(`the run of ${account} does not end`);
    },
  });
  const drills = openDrills(deps, configuration, (ended) => recordDrill(daemon, ended));
  const daemon: Daemon = {
    deps,
    startedAt,
    configuration,
    states,
    metrics,
    tokens,
    runs,
    drills,
    deliveries,
    latest,
    history: recentHistory(() => readChanges(daemon), now),
    stuck: stuck.signal,
    leaving,
    save,
  };
  return daemon;
}

/** Records a run in states, metrics and notifications. */
function recordRun(daemon: Daemon, ended: Ended): void {
  const { deps, configuration, states, metrics, tokens, save } = daemon;
  const { log } = deps;
  const { account, report, crash } = ended;
  if (crash !== undefined) {
    log.error({ account, stack: crash instanceof Error ? crash.stack : String(crash) }, 'internal error');
  }
  if (ended.abandoned) {
    log.info({ account, runId: report.runId }, 'run abandoned: the daemon is stopping');
    return;
  }
  const { config, schedule, notifier } = configuration.inForce();
  const settings = config.accounts.find(({ name }) => name === account);
  // Removed from the configuration while it ran or waited.
  if (!settings) return;
  const run = summaryOf(report, ended.startedAt, ended.endedAt);
  const { backoffAfter: after, longestPauseMs: longestMs } = config.daemon;
  const state = states.ran(account, run, { after, longestMs, intervalMs: schedule.intervalMs(account) });
  if (state.pausedUntil) log.warn({ account, failures: state.failures, until: state.pausedUntil }, 'account paused');
  metrics.runEnded(report, run.durationMs);
  if (report.commits.length > 0) daemon.history.forget();
  notifier.ended({ account, health: state.health, run, counts: countsOf(report.changes) });
  void save();
  if (state.health === 'ok') void tokens.check(settings);
}

function openDrills(
  { drill, now, log }: DaemonDeps,
  configuration: Configuration,
  onEnded: (ended: DrillEnded) => void,
): Drills {
  return createDrills({
    drill: drill ?? (() => Promise.reject(new AppError('USAGE', 'this daemon cannot start a process of its own'))),
    config: () => configuration.inForce().config,
    now,
    onStarted: () => log.info({}, 'drill started'),
    onEnded,
  });
}

/** Records a drill in states, metrics and notifications. */
function recordDrill(
  { deps, configuration, states, save }: Daemon,
  { drilled, endedAt, durationMs }: DrillEnded,
): void {
  const { config, notifier } = configuration.inForce();
  for (const { account, ...found } of drilled) {
    if (!config.accounts.some(({ name }) => name === account)) continue;
    const drill = { ...found, endedAt: endedAt.toISOString(), durationMs };
    states.drilled(account, drill);
    const { result, documents, restored, problem } = drill;
    deps.log[result === 'passed' ? 'info' : 'error'](
      { account, result, documents, restored, problem, durationMs },
      'drill ended',
    );
    if (result === 'failed') notifier.drillFailed(account, drill);
  }
  void save();
}

/** Starts the runs and the drill whose time has come. */
function startDue({ deps, configuration, states, runs, drills, metrics }: Daemon): void {
  const { log } = deps;
  const time = deps.now();
  if (configuration.inForce().drills.take(time).length > 0 && drills.request() === 'overlap')
    log.info({}, 'scheduled drill skipped: the previous one is still in progress');
  for (const account of configuration.inForce().schedule.take(time)) {
    const { pausedUntil: until } = states.of(account);
    if (until && time < new Date(until)) {
      metrics.skipped(account, 'backoff');
      log.info({ account, until }, 'scheduled run skipped: the account is paused');
    } else if (['overlap', 'waiting'].includes(runs.request(account, 'schedule'))) {
      metrics.skipped(account, 'overlap');
      log.info({ account }, 'scheduled run skipped: the previous run is still in progress');
    }
  }
}

/** Everything that `/status` and the status page report, as it is now. */
function statusOf(daemon: Daemon, accounts: readonly AccountView[], stuck: string | undefined): StatusInput {
  const { deps, configuration, drills } = daemon;
  const { config, loadedAt } = configuration.inForce();
  return {
    version: deps.version,
    now: deps.now(),
    startedAt: daemon.startedAt,
    stopping: deps.signal.aborted,
    stuck,
    logFailure: deps.logFailure(),
    configuration: { source: config.source, loadedAt, problem: configuration.problem() },
    drill:
      config.drill.schedule === undefined
        ? undefined
        : {
            schedule: config.drill.schedule,
            running: drills.isRunning(),
            nextDrill: configuration.inForce().drills.next(DRILL),
          },
    accounts,
    tokens: daemon.latest.tokens,
    measures: daemon.latest.measures,
    channels: config.notifications,
    deliveries: daemon.deliveries,
  };
}

/** Ends what reads the mirror for a page: too late, or the daemon is stopping. */
function readingEnds({ deps, leaving }: Daemon, limitMs: number, gone?: AbortSignal): AbortSignal {
  return AbortSignal.any([deps.signal, leaving.signal, AbortSignal.timeout(limitMs), ...(gone ? [gone] : [])]);
}

function readerOf({ deps }: Daemon): MirrorReader {
  if (deps.reader) return deps.reader;
  throw new AppError('REPOSITORY', 'this daemon cannot start a process of its own');
}

/** The latest changes of all accounts; none while there is no clone. */
async function readChanges(daemon: Daemon): Promise<readonly RecentChange[]> {
  const { config } = daemon.configuration.inForce();
  if ((await daemon.deps.stateDir(config)) === undefined) return [];
  return readerOf(daemon).changes(config, readingEnds(daemon, HISTORY_MS));
}

function pagesOf(daemon: Daemon, status: () => StatusInput): Pages {
  const { configuration, history } = daemon;
  return {
    status: async () => {
      const { repository } = configuration.inForce().config;
      const link = commitLinks(repository.commitUrl, repository.remote);
      return statusHtml(status(), await history.recent(), { link, hasRemote: repository.remote !== undefined });
    },
    accounts: () => configuration.inForce().config.accounts.map(({ name }) => name),
    report: (wanted, gone) =>
      readerOf(daemon).report(configuration.inForce().config, wanted, readingEnds(daemon, REPORT_MS, gone)),
  };
}

function served(daemon: Daemon): Served {
  const { deps, configuration, states, runs, metrics } = daemon;
  const views = (): AccountView[] => viewAccounts(configuration.inForce(), states, runs.running(), deps.now());
  const stuck = (): string | undefined => (daemon.stuck.aborted ? String(daemon.stuck.reason) : undefined);
  const status = (): StatusInput => statusOf(daemon, views(), stuck());
  const pages = pagesOf(daemon, status);
  return {
    unhealthy: stuck,
    accounts: views,
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.render(views()) }),
    status: () => statusJson(status()),
    pages: () => (configuration.inForce().config.daemon.pages ? pages : undefined),
    hosts: () => configuration.inForce().config.daemon.hosts,
    triggerToken: () => configuration.inForce().config.daemon.triggerToken,
    trigger: (account, full) => triggerRuns(daemon, account, full),
    scrub: (text) => {
      const secrets = secretsOf(configuration.inForce().config);
      // In pages, they are escaped: as they are, and as values of JSON.
      const escaped = secrets.flatMap((secret) =>
        [secret, JSON.stringify(secret).slice(1, -1)].map((form) => markup`${form}`.toString()),
      );
      return scrub(text, [...new Set([...secrets, ...escaped])]);
    },
  };
}

function triggerRuns(
  { configuration, states, runs }: Daemon,
  account: string | undefined,
  full: boolean,
): Readonly<Record<string, Answer>> | undefined {
  const names = configuration.inForce().config.accounts.map(({ name }) => name);
  if (account !== undefined && !names.includes(account)) return undefined;
  return Object.fromEntries(
    (account === undefined ? names : [account]).map((name) => {
      states.resume(name);
      return [name, runs.request(name, 'trigger', full)];
    }),
  );
}

/** Serves, unless that is off. @throws AppError `USAGE` when it cannot listen on its address */
async function startServer(daemon: Daemon): Promise<Listening | undefined> {
  const { deps, configuration } = daemon;
  const address = deps.listen ?? configuration.inForce().config.daemon.listen;
  if (address === 'off') return undefined;
  try {
    return await listen(address, served(daemon));
  } catch (error) {
    configuration.close();
    await configuration.inForce().notifier.close(0);
    throw error;
  }
}

/** Resolves once one of the signals is aborted. */
function aborted(signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  return new Promise((resolve) => {
    if (any.aborted) resolve();
    else any.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Ends everything within the grace period: runs first, then notifications, then the server. */
async function shutDown(daemon: Daemon, server: Listening | undefined): Promise<void> {
  const { deps, configuration, runs, drills, stuck } = daemon;
  configuration.close();
  const graceMs = configuration.inForce().config.daemon.shutdownGraceMs;
  const ends = performance.now() + graceMs;
  if (!stuck.aborted) deps.log.info({ running: runs.running() }, 'daemon stopping');
  const drillEnds = drills.stop(graceMs * FINISH_SHARE);
  const idle = !stuck.aborted && (await runs.stop(graceMs * FINISH_SHARE, graceMs * ABANDON_SHARE));
  await drillEnds;
  await daemon.save();
  // Asked for now: a reload that was in progress may have replaced it.
  await configuration
    .inForce()
    .notifier.close(idle ? Math.min(LAST_DELIVERIES_MS, Math.max(0, ends - performance.now())) : 0);
  daemon.leaving.abort();
  await server?.close();
  deps.log.info({ idle }, 'daemon stopped');
}
