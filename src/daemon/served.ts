import { markup } from '../audit/report/markup.ts';
import { secretsOf } from '../config/secrets-of.ts';
import { commitLinks } from '../core/commit-links.ts';
import { AppError } from '../core/errors.ts';
import { scrub } from '../run/log.ts';
import { type AccountView, viewAccounts } from './account-view.ts';
import { DRILL } from './configuration.ts';
import { HISTORY_MS, type MirrorReader, type Pages, REPORT_MS, type RecentChange } from './pages.ts';
import type { Daemon } from './parts.ts';
import type { Answer } from './runs.ts';
import type { Served } from './server.ts';
import { type StatusInput, statusJson } from './status.ts';
import { statusHtml } from './status-page.ts';

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
export async function readChanges(daemon: Daemon): Promise<readonly RecentChange[]> {
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

/** What the daemon answers over HTTP, as it is at that moment. */
export function served(daemon: Daemon): Served {
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
