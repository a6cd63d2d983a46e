import type { TokenExpiry } from '../celigo/tokens.ts';
import type { AccountConfig, Config } from '../config/schema.ts';
import type { RepositoryMeasures } from '../mirror/upkeep.ts';
import type { ProxySettings } from '../net/proxies.ts';
import type { Reporter, SyncReport } from '../run/report.ts';
import type { AccountStates } from './account-states.ts';
import type { Configuration } from './configuration.ts';
import type { DrillAll, Drills } from './drills.ts';
import type { DaemonLog } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { MirrorReader, RecentHistory } from './pages.ts';
import type { Runs } from './runs.ts';
import type { Delivery } from './status.ts';
import type { TokenWatch } from './tokens.ts';

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
export interface Daemon {
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
export interface Latest {
  measures: RepositoryMeasures | undefined;
  /** By account. */
  readonly tokens: Map<string, readonly TokenExpiry[]>;
}
