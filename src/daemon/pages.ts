import type { Config } from '../config/schema.ts';
import type { Person } from '../core/changes.ts';
import { messageOf } from '../core/errors.ts';
import type { WatchSettings } from '../core/watch-rules.ts';
import { within } from '../core/within.ts';
import type { FoundChanges, WatchedSince } from '../notify/watched.ts';

/** A change as the status page shows it. */
export interface RecentChange {
  readonly account: string;
  /** ISO 8601. */
  readonly time: string;
  readonly by: Person;
  readonly sureness: string;
  readonly what: string;
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly commit: string;
}

/** Which report is wanted. Times are words, as `report` takes them. */
export interface WantedReport {
  readonly account: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Reads the mirror beside the runs, away from the thread that answers. */
export interface MirrorReader {
  /** The latest changes of all accounts, newest first, at most {@link MOST_CHANGES}. */
  readonly changes: (config: Config, signal: AbortSignal) => Promise<readonly RecentChange[]>;
  /** A report as a page. @throws AppError `USAGE` for words that are no time */
  readonly report: (config: Config, wanted: WantedReport, signal: AbortSignal) => Promise<string>;
  /** The newest commit; `undefined` while there is none. */
  readonly head: (config: Config) => Promise<string | undefined>;
  /** What rules find among the commits since the last report. @throws AppError `REPOSITORY` */
  readonly watched: (
    config: Config,
    account: string,
    rules: readonly WatchSettings[],
    since: WatchedSince,
    signal: AbortSignal,
  ) => Promise<FoundChanges>;
}

/** The pages for people. */
export interface Pages {
  readonly status: () => Promise<string>;
  readonly accounts: () => readonly string[];
  /** @param gone aborted when no one waits for it any more. @throws AppError `USAGE` for words that are no time */
  readonly report: (wanted: WantedReport, gone: AbortSignal) => Promise<string>;
}

/** Changes on the status page. */
export const MOST_CHANGES = 20;
/** How long a report may take, in milliseconds. */
export const REPORT_MS = 60_000;
/** How long reading the latest changes may take, in milliseconds. */
export const HISTORY_MS = 60_000;
/** How long a page waits for that. */
const PAGE_WAITS_MS = 3_000;
/** People commit to the mirror as well, and no run reports that. */
const FRESH_MS = 60_000;

/** The latest changes, as far as they are known. */
export interface Recent {
  readonly changes: readonly RecentChange[];
  /** Why they are not known, or are older ones. */
  readonly problem?: string;
}

/** The latest changes: read once for many pages. */
export interface RecentHistory {
  /** Never rejects, and never takes long. */
  recent(): Promise<Recent>;
  /** There are newer ones. */
  forget(): void;
}

export function recentHistory(read: () => Promise<readonly RecentChange[]>, now: () => Date): RecentHistory {
  let known: Recent = { changes: [] };
  let freshUntil = 0;
  /** Counts what was forgotten. */
  let age = 0;
  let reading: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    const ageThen = age;
    try {
      known = { changes: await read() };
    } catch (error) {
      const isLate = error instanceof DOMException && error.name === 'TimeoutError';
      known = { changes: known.changes, problem: isLate ? 'reading the history takes too long' : messageOf(error) };
    }
    if (ageThen === age) freshUntil = now().getTime() + FRESH_MS;
    reading = undefined;
  }

  return {
    async recent() {
      if (now().getTime() < freshUntil) return known;
      reading ??= refresh();
      if (await within(reading, PAGE_WAITS_MS)) return known;
      return { changes: known.changes, problem: 'they are still being read; load this page again' };
    },
    forget() {
      age += 1;
      freshUntil = 0;
    },
  };
}
