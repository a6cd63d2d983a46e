import type { Change, TypeCounts } from '../core/changes.ts';
import { oneLine } from '../core/unseen.ts';
import type { RepositoryMeasures } from '../mirror/upkeep.ts';

/** One type in the summary of a run. */
export interface TypeReport extends TypeCounts {
  readonly type: string;
  readonly state: 'complete' | 'incomplete' | 'unavailable';
  readonly reason?: string;
  /** Records in the listing. */
  readonly listed: number;
}

/** One resource in a commit, for people. */
export interface ResourceReport {
  readonly type: string;
  readonly id: string;
  /** Its name, on one line; empty where it has none. */
  readonly name: string;
  /** What happened to it: `renamed, disabled, schedule changed`. */
  readonly what: string;
  /** The fields that changed, where that is known. */
  readonly fields: readonly string[];
}

export interface CommitReport {
  readonly id: string;
  readonly subject: string;
  readonly author: string;
  readonly date: string;
  /** What the commit changed: the first of them where they are many. */
  readonly resources?: readonly ResourceReport[];
}

/** What one run of one account did. */
export interface SyncReport {
  readonly account: string;
  readonly runId: string;
  readonly verdict: 'changed' | 'unchanged' | 'partial' | 'refused' | 'failed';
  readonly exitCode: number;
  readonly dryRun: boolean;
  readonly types: readonly TypeReport[];
  readonly changes: readonly Change[];
  readonly commits: readonly CommitReport[];
  readonly incomplete: readonly string[];
  readonly unavailable: readonly string[];
  /** Deletions above the limits of the guards that were held back, `<type>/<id>`. */
  readonly held?: readonly string[];
  /** `remedy`: what a person has to do, where no later run pushes by itself. */
  readonly remote: {
    readonly state: 'none' | 'current' | 'behind' | 'skipped';
    readonly reason?: string;
    readonly remedy?: string;
  };
  readonly notices: readonly string[];
  readonly requests: number;
  readonly retries: number;
  readonly throttledMs: number;
  readonly durationMs: number;
  /** Why the run failed or was refused, and what to do. */
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** All requests of a run, also of one that failed: answers by status, `none` for those that never came. */
export interface RequestsCounted {
  readonly name: 'requests.counted';
  readonly account: string;
  readonly statuses: Readonly<Record<string, number>>;
  readonly retries: number;
  readonly throttledMs: number;
}

/** Everything a person, a log or a gauge may want to know during a run. */
export type RunEvent = { readonly runId?: string } & (
  | { readonly name: 'account.started'; readonly account: string }
  | {
      readonly name: 'type.listed';
      readonly account: string;
      readonly type: string;
      readonly count: number;
      /** Milliseconds since the run began to list. */
      readonly ms: number;
      readonly done: number;
      readonly total: number;
    }
  | { readonly name: 'type.incomplete'; readonly account: string; readonly type: string; readonly reason: string }
  | { readonly name: 'type.unavailable'; readonly account: string; readonly type: string; readonly reason: string }
  | {
      readonly name: 'request.retried';
      readonly account: string;
      readonly method: string;
      readonly path: string;
      readonly reason: string;
      readonly attempt: number;
    }
  | { readonly name: 'notice'; readonly account: string; readonly message: string }
  | { readonly name: 'committed'; readonly account: string; readonly commit: CommitReport }
  | RequestsCounted
  | { readonly name: 'repository.measured'; readonly measures: RepositoryMeasures }
  | { readonly name: 'account.done'; readonly account: string; readonly report: SyncReport }
);

export type Reporter = (event: RunEvent) => void;

/** One change in the JSON of a report. */
interface ChangeJson {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly what: Change['kind'];
  readonly path: string;
  readonly oldPath?: string;
}

/** The report as `--json` prints it: names on one line, paths from the root of the repository. */
export function reportJson(
  report: SyncReport,
): Omit<SyncReport, 'changes'> & { readonly changes: readonly ChangeJson[] } {
  return {
    ...report,
    changes: report.changes.map(({ type, id, title, kind, path, oldPath }) => ({
      type,
      id,
      name: oneLine(title),
      what: kind,
      path: `${report.account}/${path}`,
      ...(oldPath ? { oldPath: `${report.account}/${oldPath}` } : {}),
    })),
  };
}
