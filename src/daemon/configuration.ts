import type { Config } from '../config/schema.ts';
import { messageOf } from '../core/errors.ts';
import type { Notifier, Reported } from '../notify/notifier.ts';
import type { DaemonLog } from './log.ts';
import { createSchedule, type Schedule, timetableOf } from './schedule.ts';
import { watchFiles } from './watch.ts';

/** How long notifications may take to be delivered before their channels are closed, in milliseconds. */
export const LAST_DELIVERIES_MS = 2_000;

/** The name of a drill among what is due. */
export const DRILL = 'drill';

/** Everything that follows from one configuration; replaced at once when another one comes into force. */
export interface InForce {
  readonly config: Config;
  readonly loadedAt: Date;
  readonly schedule: Schedule;
  /** When drills are due; nothing is, without a schedule for them. */
  readonly drills: Schedule;
  readonly notifier: Notifier;
}

interface ConfigurationOptions {
  readonly config: Config;
  /** Reads the configuration again. @throws AppError when it is invalid */
  readonly reload: () => Promise<Config>;
  readonly reported: Reported;
  /** When the last drill ended: a time that was missed since is made up for. */
  readonly lastDrill: () => Date | undefined;
  readonly openNotifier: (config: Config, reported: Reported) => Notifier;
  readonly now: () => Date;
  readonly random: () => number;
  readonly log: DaemonLog;
  /** Called with every configuration that comes into force, the first one included. */
  readonly onConfig: (config: Config) => void;
  readonly onReload: (successful: boolean) => void;
  /** Calls the listener on SIGHUP; returns how to stop that. */
  readonly onHangup: (listener: () => void) => () => void;
}

/** The configuration in force: follows its files and SIGHUP; an invalid one never replaces a valid one. */
export interface Configuration {
  inForce(): InForce;
  /** Why the newest configuration is not in force; `undefined` when it is. */
  problem(): string | undefined;
  /** Stops following changes. */
  close(): void;
}

function putInForce(config: Config, reported: Reported, options: ConfigurationOptions): InForce {
  const { now, random } = options;
  const loadedAt = now();
  const timetables = config.accounts.map((account) => timetableOf(config, account));
  options.onConfig(config);
  const { schedule } = config.drill;
  const drills = schedule === undefined ? [] : [{ name: DRILL, schedule, timezone: config.timezone }];
  return {
    config,
    loadedAt,
    schedule: createSchedule(timetables, loadedAt, { jitterMs: config.daemon.jitterMs, random }),
    drills: createSchedule(drills, options.lastDrill() ?? loadedAt, { jitterMs: 0, random }),
    notifier: options.openNotifier(config, reported),
  };
}

/** Puts the first configuration in force and follows its changes. */
export function openConfiguration(options: ConfigurationOptions): Configuration {
  const { log } = options;
  let inForce = putInForce(options.config, options.reported, options);
  let problem: string | undefined;

  async function reload(why: string): Promise<void> {
    try {
      const config = await options.reload();
      const { notifier } = inForce;
      // A message on its way to an old channel counts as reported; otherwise it would be sent twice.
      await notifier.close(LAST_DELIVERIES_MS);
      inForce = putInForce(config, notifier.reported(), options);
      problem = undefined;
      log.info({ why, accounts: config.accounts.map(({ name }) => name) }, 'configuration reloaded');
    } catch (error) {
      problem = messageOf(error);
      log.error({ why, reason: problem }, 'invalid configuration: keeping the previous one');
    }
    options.onReload(problem === undefined);
    watch.set(inForce.config.files);
  }

  // One reload after the other: a file and the secret next to it often change together.
  let reloading = Promise.resolve();
  const requestReload = (why: string): void => {
    reloading = reloading.then(() => reload(why));
  };
  const watch = watchFiles((file) => requestReload(`${file} changed`));
  watch.set(inForce.config.files);
  const offHangup = options.onHangup(() => requestReload('SIGHUP'));
  return {
    inForce: () => inForce,
    problem: () => problem,
    close() {
      watch.close();
      offHangup();
    },
  };
}
