import { counted } from '../../core/counted.ts';
import type { Coverage } from '../../credentials/needed.ts';
import { type RestoreTime, restoreTimeText } from '../../plan/restore-time.ts';
import type { DrillFindings } from './drill-findings.ts';

/** Where a drill restored to. */
export type DrillTarget =
  /** The built-in emulator: offline, an account that nobody else uses. */
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
}

/** Whether everything came back that can. */
export function isRestorable({ unexplained }: DrillFindings): boolean {
  return unexplained.length === 0;
}

/** A drill, with how long the same restore takes in an account of the API. */
export interface TimedDrill extends DrillReport {
  readonly restoreTime: RestoreTime;
}

/** What a full restore takes, in words: `about 11 minutes (4,012 requests) and 49 credentials`. */
export function restoreTakes({ restoreTime: time, coverage }: TimedDrill): string {
  const credentials = counted(coverage.credentials, 'credential');
  const signIns = coverage.signIns === 0 ? '' : ` and ${counted(coverage.signIns, 'sign-in')} in the browser`;
  return `a full restore takes ${restoreTimeText(time)}, ${credentials}${signIns}`;
}
