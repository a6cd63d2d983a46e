import type { AccountConfig } from '../../config/schema.ts';
import type { ValuesByResource } from '../../config/secrets-file.ts';
import type { SyncDeps } from '../sync/sync-deps.ts';

/** What `restore` was asked to do. */
export interface RestoreRequest {
  /** Selectors. */
  readonly what: readonly string[];
  /** Commit, branch, tag or time; the state of HEAD when absent. */
  readonly at?: string;
  /** Account whose mirror is restored. */
  readonly from: string;
  /** Account that is written to. */
  readonly target: AccountConfig;
  readonly dryRun: boolean;
  readonly prune: boolean;
  readonly withDependencies: boolean;
  readonly enableFlows: boolean;
  /** Consent to conflicts, and to more deletions than the guards allow. */
  readonly force: boolean;
  readonly secrets: ValuesByResource;
  /** Values that differ in the target. */
  readonly overrides: ValuesByResource;
}

/** What a restore needs of the outside, besides what a sync needs. */
export interface RestoreDeps extends SyncDeps {
  /** Asks which of several resources is meant; absent where nobody can be asked. */
  readonly choose?: (question: string, candidates: readonly string[]) => Promise<number | undefined>;
  readonly progress?: (done: number, total: number) => void;
}
