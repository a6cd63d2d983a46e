import type { TokenExpiry } from '../celigo/tokens.ts';
import type { AccountConfig, Config } from '../config/schema.ts';
import { secretsOf } from '../config/secrets-of.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { ProxySettings } from '../net/proxies.ts';
import { openChannel } from '../notify/channels.ts';
import { countsOf } from '../notify/messages.ts';
import { createNotifier, type Notifier, type ReportedStates } from '../notify/notifier.ts';
import { scrub } from '../run/log.ts';
import type { Reporter, SyncReport } from '../run/report.ts';
import { summaryOf } from '../run/summary.ts';
import { openAccountStates } from './account-states.ts';
import type { DaemonLog } from './log.ts';
import { createMetrics } from './metrics.ts';
import { readinessOf } from './readiness.ts';
import { type Answer, createRuns, type Ended } from './runs.ts';
import { createSchedule, nthAfter, type Schedule, timetableOf } from './schedule.ts';
import { type Listening, listen } from './server.ts';
import { statusJson } from './status.ts';
import { watchTokens } from './tokens.ts';
import { watchFiles } from './watch.ts';

/** What the daemon needs from the outside. */
export interface DaemonDeps {
  readonly config: Config;
  /** Reads the configuration again. @throws AppError when it is wrong */
  readonly reload: () => Promise<Config>;
  /** Where to serve, instead of `daemon.listen`. */
  readonly listen: string | undefined;
  /** Mirrors one account. */
  readonly sync: (
    config: Config,
    account: AccountConfig,
    options: { readonly full: boolean; readonly report: Reporter; readonly signal: AbortSignal },
  ) => Promise<SyncReport>;
  readonly tokenExpiries: (account: AccountConfig, signal: AbortSignal) => Promise<readonly TokenExpiry[]>;
  /** Folder below `.git` for what outlives a restart; `undefined` while there is no clone. */
  readonly stateDir: (config: Config) => Promise<string | undefined>;
  readonly now: () => Date;
  readonly random: () => number;
  readonly log: DaemonLog;
  readonly report: Reporter;
  /** Told of every configuration that comes into force, for the redaction of the log. */
  readonly onConfig: (config: Config) => void;
  readonly version: string;
  readonly userAgent: string;
  /** Proxies that the environment names. */
  readonly proxies: ProxySettings | undefined;
  /** Calls the listener on SIGHUP; gives back how to stop that. */
  readonly onHangup: (listener: () => void) => () => void;
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  /** Told once the daemon serves. */
  readonly onListening: (url: string) => void;
}

/** Share of the grace period in which a run may finish; then it is abandoned. */
const FINISH_SHARE = 0.75;
/** How long messages may take to get out when the daemon stops, in milliseconds. */
const LAST_WORDS_MS = 2_000;
/** How often the agenda is asked what is due, in milliseconds. */
const BEAT_MS = 1_000;

/**
 * Mirrors every account on its schedule until it is stopped. One failed run, an unreachable channel or a wrong
 * configuration never ends it.
 * @returns the exit code; something that cannot be stopped may still run then
 * @throws AppError `USAGE` when it cannot listen on its address
 */
export async function runDaemon(deps: DaemonDeps): Promise<number> {
  const { now, log } = deps;
  const startedAt = now();
  let config = deps.config;
  let loadedAt = startedAt;
  let configProblem: string | undefined;
  let stuck: string | undefined;
  let agenda: Schedule = plan();
  const sent = new Map<string, { at: string; failing?: string }>();
  const leaving = new AbortController();
  const halt = new AbortController();
  deps.onConfig(config);

  function plan(): Schedule {
    const timetables = config.accounts.map((account) => timetableOf(config, account));
    return createSchedule(timetables, now(), { jitterMs: config.daemon.jitterMs, random: deps.random });
  }
  const book = await openAccountStates(() => deps.stateDir(config), log);
  book.keep(config.accounts.map(({ name }) => name));

  const readiness = (account: AccountConfig): string | undefined =>
    readinessOf(book.of(account.name), timetableOf(config, account), config.daemon.readyWithinMs, now()).reason;

  /** When the next scheduled run begins: not before a pause is over. */
  function nextRunOf(account: AccountConfig): Date | undefined {
    const next = agenda.next(account.name);
    const until = new Date(book.of(account.name).pausedUntil ?? 0);
    return next && next < until ? nthAfter(timetableOf(config, account), until, 1) : next;
  }

  const metrics = createMetrics({
    version: deps.version,
    now,
    accounts: () =>
      config.accounts.map((account) => {
        const { lastRun, lastSuccess, failures } = book.of(account.name);
        return {
          name: account.name,
          running: runs.running() === account.name,
          ready: readiness(account) === undefined,
          failures,
          nextRunMs: nextRunOf(account)?.getTime(),
          lastRunMs: lastRun ? Date.parse(lastRun.endedAt) : undefined,
          lastSuccessMs: lastSuccess ? Date.parse(lastSuccess) : undefined,
        };
      }),
  });

  function openNotifier(told: ReportedStates): Notifier {
    return createNotifier({
      channels: config.notifications.map((channel) =>
        openChannel(channel, {
          proxies: deps.proxies,
          userAgent: deps.userAgent,
          signal: leaving.signal,
          scrub: (text) => scrub(text, secretsOf(config)),
        }),
      ),
      accounts: config.accounts.map(({ name }) => name),
      told,
      onSent: (channel, account, event) => {
        sent.set(channel, { at: now().toISOString() });
        metrics.notified(channel, 'sent');
        log.info({ channel, account, event }, 'notification sent');
      },
      onFailed: (channel, account, event, reason) => {
        sent.set(channel, { at: sent.get(channel)?.at ?? '', failing: reason });
        metrics.notified(channel, 'failed');
        log.warn({ channel, account, event, reason }, 'notification failed');
      },
      onTold: () => void book.save(notifier.told()),
    });
  }
  let notifier = openNotifier(book.told);

  const tokens = watchTokens({
    now,
    log,
    read: (account) => deps.tokenExpiries(account, leaving.signal),
    onRead: (account, expiries) => metrics.tokens(account, expiries),
  });

  const report: Reporter = (event) => {
    metrics.event(event);
    deps.report(event);
  };

  function ended({ account, startedAt: begun, endedAt, report: result, abandoned, crash }: Ended): void {
    if (crash !== undefined) {
      log.error({ account, stack: crash instanceof Error ? crash.stack : String(crash) }, 'internal error');
    }
    if (abandoned) {
      log.info({ account, runId: result.runId }, 'run abandoned: the daemon stops');
      return;
    }
    // Taken out of the configuration while it ran or waited.
    const settings = config.accounts.find(({ name }) => name === account);
    if (!settings) return;
    const run = summaryOf(result, begun, endedAt);
    const { backoffAfter: after, longestPauseMs: longestMs } = config.daemon;
    const standing = book.ran(account, run, {
      after,
      longestMs,
      intervalMs: agenda.intervalMs(account),
    });
    if (standing.pausedUntil) {
      log.warn({ account, failures: standing.failures, until: standing.pausedUntil }, 'account pauses');
    }
    metrics.runEnded(result, run.durationMs);
    notifier.ended({ account, health: standing.health, run, counts: countsOf(result.changes) });
    void book.save(notifier.told());
    if (standing.health === 'ok') void tokens.look(settings);
  }

  const runs = createRuns({
    now,
    timeLimitMs: () => config.daemon.runTimeoutMs,
    sync: async (name, full, signal) => {
      const account = config.accounts.find((each) => each.name === name);
      if (!account) throw new AppError('USAGE', `${name} is no longer configured`);
      return deps.sync(config, account, { full, report, signal });
    },
    onStarted: (account, reason) => {
      log.info({ account, reason }, 'run begins');
      notifier.started(account);
    },
    onEnded: ended,
    onStuck: (account) => {
      stuck = `the run of ${account} does not end`;
      log.error({ account, waitingFor: process.getActiveResourcesInfo() }, 'run does not end: giving up');
      halt.abort();
    },
  });

  function tick(): void {
    const time = now();
    for (const name of agenda.take(time)) {
      const { pausedUntil } = book.of(name);
      if (pausedUntil && time < new Date(pausedUntil)) {
        metrics.skipped(name, 'backoff');
        log.info({ account: name, until: pausedUntil }, 'scheduled time passed over: the account pauses');
      } else if (['overlap', 'waiting'].includes(runs.request(name, 'schedule'))) {
        metrics.skipped(name, 'overlap');
        log.info({ account: name }, 'scheduled time passed over: the last run is not over');
      }
    }
  }

  async function reload(why: string): Promise<void> {
    try {
      const fresh = await deps.reload();
      // What is on its way to the old channels counts as told, or nothing would keep it from being told twice.
      await notifier.close(LAST_WORDS_MS);
      const told = notifier.told();
      config = fresh;
      deps.onConfig(config);
      loadedAt = now();
      configProblem = undefined;
      agenda = plan();
      book.keep(config.accounts.map(({ name }) => name));
      notifier = openNotifier(told);
      metrics.reloaded(true);
      log.info({ why, accounts: config.accounts.map(({ name }) => name) }, 'configuration read again');
    } catch (error) {
      configProblem = messageOf(error);
      metrics.reloaded(false);
      log.error({ why, reason: configProblem }, 'configuration is wrong: the old one stays in force');
    }
    watch.set(config.files);
  }
  // One after the other: a file and the secret beside it often change together.
  let reloading = Promise.resolve();
  const askReload = (why: string): void => {
    reloading = reloading.then(() => reload(why));
  };
  const watch = watchFiles((file) => askReload(`${file} changed`));
  watch.set(config.files);
  const offHangup = deps.onHangup(() => askReload('SIGHUP'));

  const trigger = (account: string | undefined, full: boolean): Readonly<Record<string, Answer>> | undefined => {
    const names = config.accounts.map(({ name }) => name);
    if (account !== undefined && !names.includes(account)) return undefined;
    const wanted = account === undefined ? names : [account];
    return Object.fromEntries(
      wanted.map((name) => {
        book.resume(name);
        return [name, runs.request(name, 'trigger', full)];
      }),
    );
  };

  const status = (): Json =>
    statusJson({
      version: deps.version,
      now: now(),
      startedAt,
      stopping: deps.signal.aborted,
      stuck,
      configuration: { source: config.source, loadedAt, problem: configProblem },
      accounts: config.accounts.map((account) => ({
        timetable: timetableOf(config, account),
        standing: book.of(account.name),
        running: runs.running() === account.name,
        nextRun: nextRunOf(account),
        notReady: readiness(account),
      })),
      channels: config.notifications.map(({ name, type }) => ({ name, type, ...sent.get(name) })),
    });

  const address = deps.listen ?? config.daemon.listen;
  let server: Listening | undefined;
  try {
    if (address !== 'off') {
      server = await listen(address, {
        illness: () => stuck,
        readiness: () => new Map(config.accounts.map((account) => [account.name, readiness(account)])),
        metrics: async () => ({ contentType: metrics.contentType, text: await metrics.render() }),
        status,
        triggerToken: () => config.daemon.triggerToken,
        trigger,
        scrub: (text) => scrub(text, secretsOf(config)),
      });
    }
  } catch (error) {
    watch.close();
    offHangup();
    await notifier.close(0);
    throw error;
  }
  log.info(
    { url: server?.url, accounts: config.accounts.map(({ name }) => name), version: deps.version },
    'daemon started',
  );
  if (server) deps.onListening(server.url);

  if (config.daemon.runAtStart) for (const { name } of config.accounts) runs.request(name, 'start');
  // Looking at the clock every second, rather than sleeping until the next time, is what makes sleep, time zones and
  // a clock that is set harmless.
  const beat = setInterval(tick, BEAT_MS);

  await new Promise<void>((resolve) => {
    for (const signal of [deps.signal, halt.signal]) {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    }
  });
  clearInterval(beat);
  watch.close();
  offHangup();
  const graceMs = config.daemon.shutdownGraceMs;
  if (!halt.signal.aborted) log.info({ running: runs.running() }, 'daemon stops');
  const idle = halt.signal.aborted ? false : await runs.stop(graceMs * FINISH_SHARE, graceMs * (1 - FINISH_SHARE));
  await book.save(notifier.told());
  await notifier.close(idle ? Math.min(LAST_WORDS_MS, graceMs * (1 - FINISH_SHARE)) : 0);
  leaving.abort();
  await server?.close();
  log.info({ idle }, 'daemon stopped');
  return halt.signal.aborted ? 1 : 0;
}
