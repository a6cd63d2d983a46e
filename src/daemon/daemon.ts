import { setMaxListeners } from 'node:events';
import { AppError } from '../core/errors.ts';
import { countsOf } from '../notify/messages.ts';
import type { Reporter } from '../run/report.ts';
import { summaryOf } from '../run/summary.ts';
import { openAccountStates } from './account-states.ts';
import { type Configuration, LAST_DELIVERIES_MS, openConfiguration } from './configuration.ts';
import { createDrills, type DrillEnded, type Drills } from './drills.ts';
import { createMetrics } from './metrics.ts';
import { notifierOf } from './notifications.ts';
import { recentHistory } from './pages.ts';
import type { Daemon, DaemonDeps, Latest } from './parts.ts';
import { createRuns, type Ended } from './runs.ts';
import { readChanges, served } from './served.ts';
import { type Listening, listen } from './server.ts';
import type { Delivery } from './status.ts';
import { watchTokens } from './tokens.ts';

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

function openRuns(
  deps: DaemonDeps,
  configuration: Configuration,
  report: Reporter,
  stuck: AbortController,
  onEnded: (ended: Ended) => void,
) {
  const { now, log } = deps;
  return createRuns({
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
    onEnded,
    onStuck: (account) => {
      log.error({ account, waitingFor: process.getActiveResourcesInfo() }, 'run does not end: the daemon exits');
      stuck.abort(`the run of ${account} does not end`);
    },
  });
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
  const save = (): Promise<void> =>
    states.save(
      () => deps.stateDir(configuration.inForce().config),
      () => configuration.inForce().notifier.reported(),
    );
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
  const runs = openRuns(deps, configuration, report, stuck, (ended) => recordRun(daemon, ended));
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
