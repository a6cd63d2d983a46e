import type { ResourceType } from '../catalogue/types.ts';
import type { MirrorDocument } from '../core/documents.ts';
import type { FieldChange } from '../core/field-diff.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Key } from '../core/keys.ts';
import type { UndoConflict } from '../core/take-back.ts';

/** Ids of the state → ids of the target, for what has another id there. Parts of documents (groups) included. */
export type IdMap = ReadonlyMap<string, string>;

/** What the target holds in the place of one wanted resource. */
export type Live =
  /** Known to be as wanted without a request: the mirror holds the same file, and it is up to date. */
  | { readonly state: 'same'; readonly id: string }
  | {
      readonly state: 'live';
      readonly id: string;
      /** As the API shows it. */
      readonly raw: JsonObject;
      /** As the mirror would hold it. */
      readonly doc: JsonObject;
      /** Changed since the last sync before this restore. */
      readonly changed: boolean;
    }
  | { readonly state: 'binned'; readonly id: string; readonly doc: JsonObject }
  | { readonly state: 'gone' }
  /** It belongs to the target and is only referred to: matched by name, never changed. */
  | { readonly state: 'matched'; readonly id: string; readonly title: string }
  | { readonly state: 'unknown'; readonly reason: string }
  /** The target cannot have it, whatever is done. */
  | { readonly state: 'impossible'; readonly reason: string };

/** A resource that the target has and the state has not, or that may have to follow a new id. */
export interface LiveDocument {
  readonly type: ResourceType;
  readonly id: string;
  readonly title: string;
  readonly path: string;
  readonly doc: JsonObject;
  readonly changed: boolean;
  /** Why it is to be deleted, in a few words; absent: the state has not got it. */
  readonly why?: string;
}

/** A resource that is not written: a change that is merged into it meets one that someone else made since. */
export interface Contested extends MirrorDocument {
  /** Whether the target has it. */
  readonly isLive: boolean;
  /** Whether the change deletes it. */
  readonly goes: boolean;
  readonly conflicts: readonly UndoConflict[];
}

/** What a step does to its resource. `unchanged`, `blocked` and `impossible` do nothing. */
type Action = 'create' | 'update' | 'undelete' | 'delete' | 'unchanged' | 'blocked' | 'impossible';

const ACTING: ReadonlySet<Action> = new Set(['create', 'update', 'undelete', 'delete']);

/** Whether a step changes something. */
export function isActing({ action }: Pick<Step, 'action'>): boolean {
  return ACTING.has(action);
}

/** How an update is written. */
export type WriteMethod = 'put' | 'patch';

/** A marker in a place in which the account does not have its credential. */
export interface MarkerChange {
  readonly place: string;
  /**
   * `moved`: the account has it elsewhere in the resource (`from`); `changed`: it has another one in this place, which
   * stays; `new`: it has none here.
   */
  readonly is: 'new' | 'moved' | 'changed';
  readonly from?: string;
}

/** A field that decides where credentials are sent, and that a step changes. */
export interface TargetChange {
  readonly field: string;
  /** The values at the field: one, or a list of several; a missing side: there is none. */
  readonly before?: Json;
  readonly after?: Json;
  /** The credentials are those of another resource, and were not sent there before. */
  readonly isNew?: true;
}

/** Where a document sends credentials: field → its values. */
export type Targets = ReadonlyMap<string, readonly Json[]>;

/** A document that the account has or had: what it borrows credentials from, and where it sends them. */
export interface Precedent {
  readonly lenders: ReadonlySet<Key>;
  readonly targets: Targets;
}

/** One resource in a plan. */
export interface Step {
  readonly key: Key;
  readonly type: string;
  /** Id in the state (in the target for what only the target has). */
  readonly id: string;
  /** Id in the target, where it is known beforehand. */
  readonly targetId?: string;
  readonly title: string;
  readonly path: string;
  readonly action: Action;
  readonly method?: WriteMethod;
  /** The target's own resource, matched by name: used, never changed. */
  readonly existing?: true;
  /** Why this action, in a sentence without a full stop. */
  readonly reason: string;
  /** Steps of one level need nothing of each other. */
  readonly level: number;
  /** From the live document to the wanted one; of a creation, all that it holds, credentials as markers and masks. */
  readonly changes: readonly FieldChange[];
  /** Fields left out of the first write, added by a second one; of a deletion: emptied before anything is deleted. */
  readonly late: readonly string[];
  /** Places in those of `late` that no second write adds either: they name what will not be there. */
  readonly absent?: readonly string[];
  /** Places of credentials that cannot be restored. */
  readonly credentials: readonly string[];
  /** Markers of credentials that are not as in the live document. */
  readonly markers?: readonly MarkerChange[];
  /** Targets that change next to credentials that stay: needs a consent of its own. */
  readonly targets?: readonly TargetChange[];
  /** Changed live since the last sync. */
  readonly conflict: boolean;
  /** Fields in which a change that is merged meets one of someone else; the step is blocked then. */
  readonly conflicts?: readonly UndoConflict[];
  /** Fingerprint of the live document that the step was planned on; absent where there is none. */
  readonly version?: string;
  /** Switched on at the end. */
  readonly enable: boolean;
}

/** What a restore will do, in order. A value: no functions, nothing specific to a machine. */
export interface Plan {
  /** The target. */
  readonly account: string;
  /** The account whose mirror is restored; differs from `account` with `--to`. */
  readonly from: string;
  /** Origin and owner of the target account. */
  readonly target: { readonly baseUrl: string; readonly userId: string };
  readonly state: { readonly commit: string; readonly date: string };
  /** The commits that are taken back, full ids; absent where a state is restored. */
  readonly undone?: readonly string[];
  /** What people changed in Git between two commits is brought to the account, full ids; absent otherwise. */
  readonly applied?: { readonly base: string; readonly commit: string };
  readonly steps: readonly Step[];
  readonly unchanged: number;
  readonly warnings: readonly string[];
}

/** The wanted resources by key, with what is known of the target. */
export interface Wanted extends MirrorDocument {
  /** Not asked for: it comes back from the recycle bin because this uses it. */
  readonly neededBy?: string;
}
