import type { TokenExpiry } from '../celigo/tokens.ts';
import type { ChannelConfig } from '../config/schema.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { RepositoryMeasures } from '../mirror/upkeep.ts';
import type { AccountView } from './account-view.ts';

/** What became of the last message to a channel. */
export interface Delivery {
  /** When the last message arrived, ISO 8601. */
  readonly at?: string | undefined;
  /** Why the newest message could not be delivered. */
  readonly failing?: string;
}

/** Everything that `/status` and the status page report. */
export interface StatusInput {
  readonly version: string;
  readonly now: Date;
  readonly startedAt: Date;
  readonly stopping: boolean;
  readonly stuck: string | undefined;
  /** Why the log cannot be written. */
  readonly logFailure: string | undefined;
  readonly configuration: {
    readonly source: string;
    readonly loadedAt: Date;
    /** Why the newest one is not in force. */
    readonly problem: string | undefined;
  };
  /** Absent without a schedule for drills. */
  readonly drill:
    | { readonly schedule: string; readonly running: boolean; readonly nextDrill: Date | undefined }
    | undefined;
  readonly accounts: readonly AccountView[];
  /** Tokens with an expiry, by account; absent where they have not been read. */
  readonly tokens: ReadonlyMap<string, readonly TokenExpiry[]>;
  /** Absent until a run of this daemon has measured the clone. */
  readonly measures: RepositoryMeasures | undefined;
  readonly channels: readonly Pick<ChannelConfig, 'name' | 'type'>[];
  /** By the channel's name. */
  readonly deliveries: ReadonlyMap<string, Delivery>;
}

/** Leaves out what is undefined. */
function object(fields: Record<string, Json | undefined>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

function accountJson(
  { timetable, state, lastDrill, running, nextRun, notReady }: AccountView,
  tokens: readonly TokenExpiry[] | undefined,
): JsonObject {
  return object({
    state: state.health,
    since: state.since,
    running,
    ready: notReady === undefined,
    notReady,
    schedule: timetable.schedule,
    timezone: timetable.timezone,
    nextRun: nextRun?.toISOString(),
    lastSuccess: state.lastSuccess,
    consecutiveFailures: state.failures,
    pausedUntil: state.pausedUntil,
    // Plain data by its type; its dates are texts already.
    lastRun: state.lastRun as unknown as Json | undefined,
    lastDrill: lastDrill as unknown as Json | undefined,
    tokens: tokens?.map(({ name, expires }) => ({ name, expires: expires.toISOString() })),
  });
}

/** The body of `/status`. */
export function statusJson(input: StatusInput): JsonObject {
  const { configuration, deliveries, drill, measures, tokens } = input;
  return object({
    version: 1,
    program: input.version,
    now: input.now.toISOString(),
    startedAt: input.startedAt.toISOString(),
    stopping: input.stopping,
    stuck: input.stuck,
    logFailure: input.logFailure,
    configuration: object({
      source: configuration.source,
      loadedAt: configuration.loadedAt.toISOString(),
      problem: configuration.problem,
    }),
    drill: drill && object({ ...drill, nextDrill: drill.nextDrill?.toISOString() }),
    repository:
      measures && object({ unpushed: measures.unpushed, unpushedSince: measures.unpushedSince?.toISOString() }),
    accounts: Object.fromEntries(
      input.accounts.map((account) => {
        const { name } = account.timetable;
        return [name, accountJson(account, tokens.get(name))];
      }),
    ),
    notifications: Object.fromEntries(
      input.channels.map(({ name, type }) => {
        const { at, failing } = deliveries.get(name) ?? {};
        return [name, object({ type, lastSent: at, failing })];
      }),
    ),
  });
}
