import type { Json, JsonObject } from '../core/json.ts';
import type { AccountState } from './account-state.ts';
import type { Timetable } from './schedule.ts';

/** Everything that `/status` tells. */
export interface StatusInput {
  readonly version: string;
  readonly now: Date;
  readonly startedAt: Date;
  readonly stopping: boolean;
  readonly stuck: string | undefined;
  readonly configuration: {
    readonly source: string;
    readonly loadedAt: Date;
    /** Why the newest one is not in force. */
    readonly problem: string | undefined;
  };
  readonly accounts: readonly {
    readonly timetable: Timetable;
    readonly standing: AccountState;
    readonly running: boolean;
    readonly nextRun: Date | undefined;
    readonly notReady: string | undefined;
  }[];
  readonly channels: readonly {
    readonly name: string;
    readonly type: string;
    readonly at?: string;
    readonly failing?: string;
  }[];
}

/** Leaves out what is undefined. */
function object(fields: Record<string, Json | undefined>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

export function statusJson(input: StatusInput): JsonObject {
  const { configuration } = input;
  return object({
    version: 1,
    program: input.version,
    now: input.now.toISOString(),
    startedAt: input.startedAt.toISOString(),
    stopping: input.stopping,
    stuck: input.stuck,
    configuration: object({
      source: configuration.source,
      loadedAt: configuration.loadedAt.toISOString(),
      problem: configuration.problem,
    }),
    accounts: Object.fromEntries(
      input.accounts.map(({ timetable, standing, running, nextRun, notReady }) => [
        timetable.name,
        object({
          state: standing.health,
          since: standing.since,
          running,
          ready: notReady === undefined,
          notReady,
          schedule: timetable.schedule,
          timezone: timetable.timezone,
          nextRun: nextRun?.toISOString(),
          lastSuccess: standing.lastSuccess,
          consecutiveFailures: standing.failures,
          pausedUntil: standing.pausedUntil,
          // Plain data by its type; dates are texts in it already.
          lastRun: standing.lastRun as unknown as Json | undefined,
        }),
      ]),
    ),
    notifications: Object.fromEntries(
      input.channels.map(({ name, type, at, failing }) => [name, object({ type, lastSent: at || undefined, failing })]),
    ),
  });
}
