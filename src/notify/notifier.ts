import PQueue from 'p-queue';
import type { CommitLink } from '../core/commit-links.ts';
import { messageOf as errorText } from '../core/errors.ts';
import { oneLine } from '../core/unseen.ts';
import { within } from '../core/within.ts';
import type { DrillSummary } from '../run/drill-summary.ts';
import type { Health, RunSummary } from '../run/summary.ts';
import type { Channel, Ping } from './channels.ts';
import { type ChangeCounts, drillMessage, type Message, messageOf, type RunEvent, watchMessage } from './messages.ts';
import type { Watching } from './watched.ts';

/** By channel and account. */
type ByChannel<T> = Readonly<Record<string, Readonly<Record<string, T>>>>;

/** What channels were sent; outlives a restart. */
export interface Reported {
  /** The last state. */
  readonly states: ByChannel<Health>;
  /** The newest commit that was looked at for what the rules of `watch` ask for. */
  readonly watched: ByChannel<string>;
}

/** How an account's last run ended. */
export interface Outcome {
  readonly account: string;
  readonly health: Health;
  readonly run: RunSummary;
  readonly counts: ChangeCounts;
}

interface NotifierOptions {
  readonly channels: readonly Channel[];
  /** Accounts of the configuration: a ping reports success only when all of its accounts are healthy. */
  readonly accounts: readonly string[];
  readonly reported: Reported;
  /** Finds what the rules of `watch` ask for; absent where nothing can. */
  readonly watching: Watching | undefined;
  /** The page of a commit. */
  readonly linkOf: CommitLink;
  readonly onSent: (channel: string, account: string, event: string) => void;
  readonly onFailed: (channel: string, account: string, event: string, reason: string) => void;
  /** What was reported has changed and is to be saved. */
  readonly onReported: () => void;
}

/** Sends each channel the messages it is configured for. Nothing here throws, and no run waits for it. */
export interface Notifier {
  started(account: string): void;
  ended(outcome: Outcome): void;
  /** Reports a drill that failed, every time. */
  drillFailed(account: string, drill: DrillSummary): void;
  reported(): Reported;
  /** Waits until everything is delivered or given up, at most `ms`, then closes the channels. */
  close(ms: number): Promise<void>;
}

const TROUBLE: Partial<Record<Health, RunEvent>> = { failed: 'failure', partial: 'partial', refused: 'refused' };

/** Runs whose changes wait for a channel that cannot be reached; older ones are in the history. */
const MOST_WAITING = 50;

/** The newest outcome of an account, and when its trouble began: the end of the first run that was not good. */
interface Latest {
  readonly outcome: Outcome;
  readonly troubleSince: string | undefined;
}

type LatestByAccount = ReadonlyMap<string, Latest>;

function latestAfter(before: Latest | undefined, outcome: Outcome): Latest {
  const { health, run } = outcome;
  const begins = health !== 'ok' && (before?.outcome.health ?? 'ok') === 'ok';
  return { outcome, troubleSince: begins ? run.endedAt : before?.troubleSince };
}

function concerns({ config }: Channel, account: string): boolean {
  return config.accounts?.includes(account) ?? true;
}

/** The message about the state of an account, unless the channel knows it already or does not want it. */
function stateMessage({ config }: Channel, before: Health, latest: Latest, linkOf: CommitLink): Message | undefined {
  const { account, health, run, counts } = latest.outcome;
  if (config.type === 'ping' || health === before) return undefined;
  const event = TROUBLE[health] ?? 'recovery';
  if (!config.events.includes(event)) return undefined;
  const states = { now: health, before, since: latest.troubleSince };
  return messageOf(event, account, states, run, counts, linkOf);
}

/** What a ping reports about its accounts: failure as long as one of them is known not to be healthy. */
function pingOf(accounts: readonly string[], account: string, latest: LatestByAccount): { what: Ping; text: string } {
  const bad = accounts.filter((name) => {
    const health = latest.get(name)?.outcome.health ?? 'unknown';
    return health !== 'ok' && (health !== 'unknown' || name === account);
  });
  const reasons = bad.map((name) => {
    const run = latest.get(name)?.outcome.run;
    return oneLine(`${name}: ${run?.error?.message ?? run?.verdict ?? 'unknown'}`);
  });
  return { what: bad.length === 0 ? 'success' : 'fail', text: reasons.join('\n') };
}

type Deliver = (account: string, event: string, work: () => Promise<void>) => Promise<boolean>;

/** Reports what the rules of a channel ask for, whichever command mirrored it. */
interface WatchSender {
  /** Looks at the commits since the last report, and reports what is found. Never rejects. */
  send(outcome: Outcome): Promise<void>;
  /** By account: the newest commit that was looked at. */
  marks(): Readonly<Record<string, string>>;
}

function watchSender(channel: Channel, options: NotifierOptions, deliver: Deliver): WatchSender {
  const { config } = channel;
  const { watching, linkOf } = options;
  const rules = config.type === 'ping' ? [] : config.watch;
  const marks = new Map<string, string>(
    rules.length > 0 ? Object.entries(options.reported.watched[config.name] ?? {}) : [],
  );
  const mark = (account: string, commit: string): void => {
    marks.set(account, commit);
    options.onReported();
  };
  return {
    marks: () => Object.fromEntries(marks),
    async send({ account, health, run }) {
      if (rules.length === 0 || !watching) return;
      try {
        const after = marks.get(account);
        const head = await watching.head();
        if (head === undefined || head === after) return;
        const commits = run.commits.map(({ id }) => id);
        if (after === undefined && commits.length === 0) return mark(account, head);
        const found = await watching.find(account, rules, { after, commits });
        const message = watchMessage(account, found, { now: health }, run, linkOf);
        if (found.count > 0 && !(await deliver(account, message.event, () => channel.send(message)))) return;
        mark(account, found.head);
      } catch (error) {
        options.onFailed(config.name, account, 'watch', errorText(error));
      }
    },
  };
}

/** One channel with its queue of messages, and what it was sent. */
interface Feed {
  started(account: string): void;
  ended(outcome: Outcome): void;
  drillFailed(account: string, drill: DrillSummary): void;
  states(): Readonly<Record<string, Health>>;
  watched(): Readonly<Record<string, string>>;
  readonly queue: PQueue;
}

function openFeed(channel: Channel, latest: LatestByAccount, options: NotifierOptions): Feed {
  const { config } = channel;
  const queue = new PQueue({ concurrency: 1 });
  const reported = new Map<string, Health>(Object.entries(options.reported.states[config.name] ?? {}));
  /** By account: runs whose changes could not be sent yet. */
  const undelivered = new Map<string, readonly Outcome[]>();

  async function deliver(account: string, event: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      options.onSent(config.name, account, event);
      return true;
    } catch (error) {
      options.onFailed(config.name, account, event, errorText(error));
      return false;
    }
  }

  /** Reports the state that holds now, if it differs from the one the channel knows. */
  async function sendState(account: string): Promise<void> {
    const now = latest.get(account);
    const message = now && stateMessage(channel, reported.get(account) ?? 'ok', now, options.linkOf);
    if (!message || !(await deliver(account, message.event, () => channel.send(message)))) return;
    reported.set(account, message.state);
    options.onReported();
  }

  /** Reports who changed what, together with earlier runs that could not be reported. */
  async function sendChanges(outcome: Outcome): Promise<void> {
    if (config.type === 'ping' || !config.events.includes('changes')) return;
    const { account, health, run } = outcome;
    const waiting = [...(undelivered.get(account) ?? []), ...(run.commits.length > 0 ? [outcome] : [])];
    const merged = merge(waiting);
    if (!merged) return;
    const states = { now: health, before: health };
    const message = messageOf('changes', account, states, merged.run, merged.counts, options.linkOf);
    const sent = await deliver(account, 'changes', () => channel.send(message));
    undelivered.set(account, sent ? [] : waiting.slice(-MOST_WAITING));
  }

  const sendWatched = watchSender(channel, options, deliver);

  async function sendPing(account: string): Promise<void> {
    if (config.type !== 'ping') return;
    const own = options.accounts.filter((name) => concerns(channel, name));
    const { what, text } = pingOf(own, account, latest);
    await deliver(account, what, () => channel.ping(what, text));
  }

  return {
    queue,
    started(account) {
      if (config.type !== 'ping' || !config.start || !concerns(channel, account)) return;
      void queue.add(() => deliver(account, 'start', () => channel.ping('start', '')));
    },
    ended(outcome) {
      const { account } = outcome;
      if (!concerns(channel, account)) return;
      void queue.add(async () => {
        await sendState(account);
        await sendChanges(outcome);
        await sendPing(account);
        await sendWatched.send(outcome);
      });
    },
    drillFailed(account, drill) {
      if (config.type === 'ping' || !config.events.includes('drill-failed') || !concerns(channel, account)) return;
      const message = drillMessage(account, drill, latest.get(account)?.outcome.health ?? 'unknown');
      void queue.add(() => deliver(account, message.event, () => channel.send(message)));
    },
    states: () => Object.fromEntries(reported),
    watched: sendWatched.marks,
  };
}

export function createNotifier(options: NotifierOptions): Notifier {
  const latest = new Map<string, Latest>();
  const feeds = new Map(options.channels.map((channel) => [channel.config.name, openFeed(channel, latest, options)]));
  return {
    started(account) {
      for (const feed of feeds.values()) feed.started(account);
    },
    ended(outcome) {
      latest.set(outcome.account, latestAfter(latest.get(outcome.account), outcome));
      for (const feed of feeds.values()) feed.ended(outcome);
    },
    drillFailed(account, drill) {
      for (const feed of feeds.values()) feed.drillFailed(account, drill);
    },
    // What channels that are not configured now were sent is kept: they may come back.
    reported: () => ({
      states: {
        ...options.reported.states,
        ...Object.fromEntries([...feeds].map(([channel, feed]) => [channel, feed.states()])),
      },
      // Rules that were gone and come back begin with what happens then.
      watched: Object.fromEntries([...feeds].map(([channel, feed]) => [channel, feed.watched()])),
    }),
    async close(ms) {
      await within(Promise.all([...feeds.values()].map(({ queue }) => queue.onIdle())), ms);
      for (const { queue } of feeds.values()) queue.clear();
      await Promise.all(options.channels.map((channel) => channel.close()));
    },
  };
}

/** Several runs as one: the newest, with the commits of all. */
function merge(outcomes: readonly Outcome[]): Outcome | undefined {
  const last = outcomes.at(-1);
  if (!last) return undefined;
  const sum = (pick: (counts: ChangeCounts) => number): number =>
    outcomes.reduce((total, { counts }) => total + pick(counts), 0);
  return {
    ...last,
    run: {
      ...last.run,
      changes: outcomes.reduce((total, { run }) => total + run.changes, 0),
      commits: outcomes.flatMap(({ run }) => run.commits),
    },
    counts: {
      added: sum(({ added }) => added),
      changed: sum(({ changed }) => changed),
      renamed: sum(({ renamed }) => renamed),
      deleted: sum(({ deleted }) => deleted),
    },
  };
}
