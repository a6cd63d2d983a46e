import type { Coverage } from '../../credentials/needed.ts';
import { coverageText } from '../../credentials/view.ts';
import { type RestoreTime, restoreTimeText } from '../../plan/restore-time.ts';
import type { DrillFinding, DrillFindings } from './drill-findings.ts';

/** Where a drill restored to. */
export type DrillTarget =
  /** The built-in emulator: offline, an account that no one else uses. */
  | { readonly kind: 'emulator' }
  /** An account of the configuration. */
  | { readonly kind: 'account'; readonly name: string; readonly baseUrl: string };

/** What a rehearsal of a full restore showed. */
export interface DrillReport extends DrillFindings {
  /** The account of the mirror that was restored. */
  readonly account: string;
  /** Short id of the commit, or the folder on the disk. */
  readonly state: string;
  /** Full id of the commit that was restored. */
  readonly commit: string;
  readonly target: DrillTarget;
  readonly documents: number;
  /** What a real restore would need beside the mirror. */
  readonly coverage: Coverage;
  /** All requests: to read the account, to write, and to read it again. */
  readonly requests: number;
  /** Those of the writing stages, reads before a write included. */
  readonly writes: number;
  readonly durationMs: number;
  /** What became of what was made in an account of the configuration. */
  readonly cleanUp?: CleanUp;
}

/** What became of what a drill made in a real account. */
export interface CleanUp {
  /** Resources that were deleted. */
  readonly deleted: number;
  /** Of these, how many are not in the recycle bin either. */
  readonly purged: number;
  /** It was to stay: the next drill into the account deletes it. */
  readonly kept: boolean;
  /** What the account still holds although it was to be empty, with the reason. */
  readonly left: readonly DrillFinding[];
  readonly requests: number;
}

/** Whether everything came back that can. */
export function isRestorable({ unexplained }: DrillFindings): boolean {
  return unexplained.length === 0;
}

/** A drill, with how long the same restore takes in an account of the API. */
export interface TimedDrill extends DrillReport {
  readonly restoreTime: RestoreTime;
}

/** What a full restore takes: `about 11 minutes (4,012 requests) and needs 49 credentials beside the mirror …`. */
export function restoreTakes({ restoreTime, coverage }: TimedDrill): string {
  return `a full restore takes ${restoreTimeText(restoreTime)} and ${coverageText(coverage)}`;
}
