import type { ChangeQuery } from '../../audit/choose.ts';
import type { UndoneCommit } from '../../audit/undone.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { type ValuesByResource, valuesFor } from '../../config/secrets-file.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import type { Key } from '../../core/keys.ts';
import type { StateName } from '../../history/state.ts';
import type { Repository } from '../../mirror/repository.ts';
import type { Supplied } from '../../plan/secrets.ts';
import type { SyncDeps } from '../sync/sync-deps.ts';
import type { ApplyRequest } from './edits.ts';
import type { Journal } from './journal.ts';

/** What is to be taken back: what a person chose, or what was found to be meant. */
export type UndoRequest = { readonly query: ChangeQuery } | { readonly commits: readonly UndoneCommit[] };

/** What `restore`, `undo` or `apply` was asked to do. */
export interface RestoreRequest {
  /** Selectors; where changes are merged, words for people. */
  readonly what: readonly string[];
  /** Take these changes back, instead of restoring a state. */
  readonly undo?: UndoRequest;
  /** Bring these changes of people in Git to the account, instead of restoring a state. */
  readonly apply?: ApplyRequest;
  /** Delete these of the target and nothing else, whatever any state holds: by their ids there. */
  readonly remove?: readonly Key[];
  /** The state to restore; that of HEAD when absent. */
  readonly at?: StateName;
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
  /** Consent to targets that change next to credentials that stay. */
  readonly allowTargetChange: boolean;
  readonly secrets: ValuesByResource;
  /** Values that differ in the target. */
  readonly overrides: ValuesByResource;
}

/** What a restore needs from outside, besides what a sync needs. */
export interface RestoreDeps extends SyncDeps {
  /** Asks which of several resources is meant; absent where there is no one to ask. */
  readonly choose?: (question: string, candidates: readonly string[]) => Promise<number | undefined>;
  readonly progress?: (done: number, total: number) => void;
  /** The command that resumes it once it is interrupted; absent: `restore --resume <id>`. */
  readonly resumedBy?: string;
}

/** What every stage of a restore works with. */
export interface RestoreContext {
  readonly deps: RestoreDeps;
  readonly request: RestoreRequest;
  /** The clone, locked. */
  readonly repository: Repository;
  /** The journal of the interrupted restore that is resumed. */
  readonly resumed: Journal | undefined;
}

/** Whether the account whose mirror is restored is the one that is written to. */
export function isSameAccount({ from, target }: RestoreRequest): boolean {
  return from === target.name;
}

/** The credentials that were handed in for a resource: place → value. */
export function suppliedFor({ secrets }: RestoreRequest, { type, id, title }: MirrorDocument): Supplied {
  return valuesFor(secrets, type.name, id, title);
}
