import { nextAfter } from '../config/cron.ts';
import type { AccountConfig, Config } from '../config/schema.ts';

/** When an account is to be mirrored. */
export interface Timetable {
  readonly name: string;
  readonly schedule: string;
  readonly timezone: string;
}

/** The timetable of an account: its own schedule, or that of all. */
export function timetableOf(config: Config, { name, schedule }: AccountConfig): Timetable {
  return { name, schedule: schedule ?? config.schedule, timezone: config.timezone };
}

interface ScheduleOptions {
  readonly jitterMs: number;
  /** A number from 0 (included) to 1 (excluded). */
  readonly random: () => number;
}

/** What is due when. Reads no clock: the time is passed in. */
export interface Schedule {
  /** Accounts that are due, each once however many times were missed; their next time lies after `now`. */
  take(now: Date): readonly string[];
  /** When an account's next run begins, jitter included; `undefined` for an unknown one. */
  next(name: string): Date | undefined;
  /** The time between an account's next two scheduled times, in milliseconds. */
  intervalMs(name: string): number;
}

interface Appointment {
  readonly timetable: Timetable;
  readonly at: Date;
  readonly intervalMs: number;
}

/** A clock that goes back by more than this was set, not adjusted. */
const SET_BACK_MS = 60_000;

/** Jitter is at most this share of the interval: a schedule of seconds must stay one. */
const JITTER_SHARE = 0.1;

/** The `count`-th scheduled time after `after`. */
export function nthAfter({ schedule, timezone }: Timetable, after: Date, count: number): Date {
  let time = after;
  for (let i = 0; i < count; i++) time = nextAfter(schedule, timezone, time);
  return time;
}

/** A schedule that begins at `now`: the first time of every account lies after it. */
export function createSchedule(timetables: readonly Timetable[], now: Date, options: ScheduleOptions): Schedule {
  const appointments = new Map<string, Appointment>();
  let seen = now;

  function plan(timetable: Timetable, after: Date): void {
    const due = nthAfter(timetable, after, 1);
    const intervalMs = nthAfter(timetable, due, 1).getTime() - due.getTime();
    const jitter = Math.floor(options.random() * Math.min(options.jitterMs, intervalMs * JITTER_SHARE));
    appointments.set(timetable.name, { timetable, at: new Date(due.getTime() + jitter), intervalMs });
  }

  for (const timetable of timetables) plan(timetable, now);
  return {
    take(time) {
      if (time.getTime() < seen.getTime() - SET_BACK_MS) {
        for (const timetable of timetables) plan(timetable, time);
      }
      seen = time;
      const due = [...appointments.values()].filter(({ at }) => at <= time);
      for (const { timetable } of due) plan(timetable, time);
      return due.map(({ timetable }) => timetable.name);
    },
    next: (name) => appointments.get(name)?.at,
    intervalMs: (name) => appointments.get(name)?.intervalMs ?? 0,
  };
}
