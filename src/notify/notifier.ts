import PQueue from 'p-queue';
import type { Notified } from '../config/daemon-schema.ts';
import { messageOf as errorText } from '../core/errors.ts';
import type { Health, RunSummary } from '../run/summary.ts';
import type { Channel } from './channels.ts';
import { type ChangeCounts, messageOf } from './messages.ts';

/** By channel and account: the last state that was told. */
export type ReportedStates = Readonly<Record<string, Readonly<Record<string, Health>>>>;

/** How an account's last run ended. */
export interface Outcome {
  readonly account: string;
  readonly health: Health;
  readonly run: RunSummary;
  readonly counts: ChangeCounts;
}

export interface NotifierOptions {
  readonly channels: readonly Channel[];
  /** Accounts of the configuration: a ping says "well" only when all of its are. */
  readonly accounts: readonly string[];
  readonly told: ReportedStates;
  readonly onSent: (channel: string, account: string, event: string) => void;
  readonly onFailed: (channel: string, account: string, event: string, reason: string) => void;
  /** What was told has changed and wants to be remembered. */
  readonly onTold: () => void;
}

/** Tells the channels what they want to know. Nothing here throws, and nobody waits for it. */
export interface Notifier {
  started(account: string): void;
  ended(outcome: Outcome): void;
  told(): ReportedStates;
  /** Waits until everything is delivered or given up, at most `ms`, then lets go of the channels. */
  close(ms: number): Promise<void>;
}

const TROUBLE: Partial<Record<Health, Notified>> = {
  failed: 'failure',
  partial: 'partial',
  refused: 'refused',
};

/** Runs whose changes wait for a channel that cannot be reached; older ones are in the history. */
const MOST_WAITING = 50;

export function createNotifier(options: NotifierOptions): Notifier {
  const told = new Map<string, Map<string, Health>>(
    Object.entries(options.told).map(([channel, states]) => [channel, new Map(Object.entries(states))]),
  );
  const latest = new Map<string, Outcome>();
  /** When each account's trouble began. */
  const troubleSince = new Map<string, string>();
  const queues = new Map(options.channels.map(({ config }) => [config.name, new PQueue({ concurrency: 1 })]));
  const undelivered = new Map<string, Outcome[]>();

  function concerns({ config }: Channel, account: string): boolean {
    return config.accounts?.includes(account) ?? true;
  }

  async function deliver(
    channel: Channel,
    account: string,
    event: string,
    work: () => Promise<void>,
  ): Promise<boolean> {
    try {
      await work();
      options.onSent(channel.config.name, account, event);
      return true;
    } catch (error) {
      options.onFailed(channel.config.name, account, event, errorText(error));
      return false;
    }
  }

  /** Tells the state that holds now, if it is another than the channel knows. */
  async function tellState(channel: Channel, account: string): Promise<void> {
    const { config } = channel;
    const outcome = latest.get(account);
    if (config.type === 'ping' || !outcome) return;
    const known = told.get(config.name) ?? new Map<string, Health>();
    const before = known.get(account) ?? 'ok';
    if (outcome.health === before) return;
    const event = TROUBLE[outcome.health] ?? 'recovery';
    // Who does not want to hear of a state keeps the last one that was told.
    if (!config.events.includes(event)) return;
    const since = troubleSince.get(account);
    const message = messageOf(event, account, { now: outcome.health, before, since }, outcome.run, outcome.counts);
    if (!(await deliver(channel, account, event, () => channel.send(message)))) return;
    known.set(account, outcome.health);
    told.set(config.name, known);
    options.onTold();
  }

  /** Tells who changed what, together with earlier runs that could not be told. */
  async function tellChanges(channel: Channel, outcome: Outcome): Promise<void> {
    const { config } = channel;
    if (config.type === 'ping' || !config.events.includes('changes')) return;
    const key = `${config.name} ${outcome.account}`;
    const waiting = [...(undelivered.get(key) ?? []), ...(outcome.run.commits.length > 0 ? [outcome] : [])];
    const merged = merge(waiting);
    if (!merged) return;
    const { health } = outcome;
    const message = messageOf('changes', outcome.account, { now: health, before: health }, merged.run, merged.counts);
    const sent = await deliver(channel, outcome.account, 'changes', () => channel.send(message));
    undelivered.set(key, sent ? [] : waiting.slice(-MOST_WAITING));
  }

  async function tellPing(channel: Channel, account: string): Promise<void> {
    if (channel.config.type !== 'ping') return;
    const outcome = latest.get(account);
    const others = options.accounts.filter((name) => concerns(channel, name));
    const bad = others.filter((name) => {
      const health = latest.get(name)?.health ?? 'unknown';
      return health !== 'ok' && (health !== 'unknown' || name === account);
    });
    const what = bad.length === 0 ? 'success' : 'fail';
    const reasons = bad.map((name) => {
      const run = latest.get(name)?.run;
      return `${name}: ${run?.error?.message ?? run?.verdict ?? 'unknown'}`;
    });
    if (outcome) await deliver(channel, account, what, () => channel.ping(what, reasons.join('\n')));
  }

  function enqueue(channel: Channel, work: () => Promise<void>): void {
    void queues.get(channel.config.name)?.add(work);
  }

  return {
    started(account) {
      for (const channel of options.channels) {
        if (channel.config.type !== 'ping' || !channel.config.start || !concerns(channel, account)) continue;
        enqueue(channel, async () => {
          await deliver(channel, account, 'start', () => channel.ping('start', ''));
        });
      }
    },
    ended(outcome) {
      const { account, health, run } = outcome;
      const before = latest.get(account)?.health ?? 'ok';
      latest.set(account, outcome);
      if (health !== 'ok' && before === 'ok') troubleSince.set(account, run.endedAt);
      for (const channel of options.channels.filter((each) => concerns(each, account))) {
        enqueue(channel, async () => {
          await tellState(channel, account);
          await tellChanges(channel, outcome);
          await tellPing(channel, account);
        });
      }
    },
    told: () => Object.fromEntries([...told].map(([channel, states]) => [channel, Object.fromEntries(states)])),
    async close(ms) {
      const all = Promise.all([...queues.values()].map((queue) => queue.onIdle()));
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        all,
        new Promise((resolve) => {
          timer = setTimeout(resolve, ms);
        }),
      ]);
      clearTimeout(timer);
      for (const queue of queues.values()) queue.clear();
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
