import type { Person } from '../core/changes.ts';
import type { WatchSettings, WatchSeverity } from '../core/watch-rules.ts';

/** A change that a rule of `watch` asks for: names, never a value. */
export interface WatchedEdit {
  readonly type: string;
  /** The type in a word: `flow`. */
  readonly noun: string;
  readonly id: string;
  readonly name: string;
  /** `added`, `changed`, `renamed`, `deleted`, `restored`, `disabled`, `enabled`. */
  readonly what: string;
  /** Paths of the changed fields that the rule asks for; the first of them where they are many. */
  readonly fields: readonly string[];
  readonly moreFields: number;
  /** ISO 8601. */
  readonly time: string;
  /** `null`: not known. */
  readonly by: Person | null;
  /** Others who edited it since the run before. */
  readonly also: readonly Person[];
  /** Channels other than the user interface; `restore` for one of this program. */
  readonly sources: readonly string[];
  readonly commit: string;
}

/** What a rule found: one change, or with `moreThan` those of one person in one run. */
export interface WatchedGroup {
  /** The rule in words. */
  readonly rule: string;
  readonly severity: WatchSeverity;
  readonly count: number;
  /** The first of them where they are many. */
  readonly changes: readonly WatchedEdit[];
}

/** What rules found since the last report. */
export interface FoundChanges {
  /** The newest commit that was looked at. */
  readonly head: string;
  /** Findings in all. */
  readonly count: number;
  /** The first of them where they are many. */
  readonly groups: readonly WatchedGroup[];
}

/** Where to look for changes. */
export interface WatchedSince {
  /** The newest commit of the last report; absent where there was none. */
  readonly after: string | undefined;
  /** Commits to look at where that is not known, or not in the clone any more. */
  readonly commits: readonly string[];
}

/** Finds changes in the mirror. */
export interface Watching {
  /** The newest commit; `undefined` while there is none. */
  head(): Promise<string | undefined>;
  /** @throws Error when the history cannot be read */
  find(account: string, rules: readonly WatchSettings[], since: WatchedSince): Promise<FoundChanges>;
}
