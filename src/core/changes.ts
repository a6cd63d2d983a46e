import { isObject, type Json } from './json.ts';

/** A file of the mirror: path inside the account's folder, git object id. */
export type FileEntry = readonly [path: string, oid: string];

/** What happened to one resource between two runs. */
export interface Change {
  /** Name of the type. */
  readonly type: string;
  readonly id: string;
  readonly kind: 'added' | 'changed' | 'renamed' | 'deleted';
  /** The name people know it by; may be empty. */
  readonly title: string;
  /** Document's path inside the account folder: the new one, or the last one of a deleted resource. */
  readonly path: string;
  /** Its path before a rename. */
  readonly oldPath?: string;
  /** Files to write or replace, and files to remove, inside the account folder. */
  readonly put: readonly FileEntry[];
  readonly remove: readonly string[];
  /** `lastModified` of the record, ISO, where it has one. */
  readonly lastModified?: string;
  /** `lastModifiedBy` of the record, where it has one. */
  readonly lastModifiedBy?: Editor;
  /** `createdAt` of the record, ISO, where it has one. */
  readonly created?: string;
  /** Found by the first listing of its type, or missed by that one: it existed before, no one changed it now. */
  readonly baseline: boolean;
}

/** A person as the API names one; some sources give the id alone. */
export interface Editor {
  readonly id: string;
  readonly name?: string;
  readonly email?: string;
}

/** The last modifier in either of the shapes that may occur (api-notes#last-modified-by). */
export function editorOf(value: Json | undefined): Editor | undefined {
  if (typeof value === 'string' && value !== '') return { id: value };
  if (!isObject(value) || typeof value._id !== 'string') return undefined;
  return {
    id: value._id,
    ...(typeof value.name === 'string' ? { name: value.name } : {}),
    ...(typeof value.email === 'string' ? { email: value.email } : {}),
  };
}

export interface TypeCounts {
  added: number;
  changed: number;
  renamed: number;
  deleted: number;
}

export function countChanges(changes: readonly Change[]): TypeCounts {
  const counts: TypeCounts = { added: 0, changed: 0, renamed: 0, deleted: 0 };
  for (const change of changes) counts[change.kind] += 1;
  return counts;
}

/** A person as a commit names one. */
export interface Person {
  readonly name: string;
  readonly email: string;
}

/** One entry of the audit log, reduced to what a commit reports. */
export interface EditNote {
  readonly id: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly event: string;
  /** Through which channel: `ui`, `api`, `script`, … */
  readonly source?: string;
  /** ISO 8601. */
  readonly time: string;
  readonly by: Editor;
}

/** What is known of one change besides who made it. */
export interface ChangeNote {
  /** When it was made, ISO 8601: by the audit log, else by the record itself. */
  readonly time?: string;
  /** The audit log does not report it: its author is the last modifier of the resource. */
  readonly guessed: boolean;
  /** Sources of the edits other than the user interface, sorted. */
  readonly sources: readonly string[];
  /** It came back from the recycle bin. */
  readonly undeleted: boolean;
  /** Who else edited this very resource. */
  readonly others: readonly Person[];
}

/**
 * How certain the author of a commit is, by the most certain of its changes. Each change's note says whether it is a
 * guess.
 */
export type Certainty = 'audit' | 'lastModifiedBy' | 'unknown';

/**
 * Whether earlier commits already report an entry of the audit log. `fresh`: none does. `reported`: one does, or the
 * entry is older than the first listing of its resource. `again`: one does, but the entry was made while that run read
 * the account, so that its effect may show only now.
 */
export type AttributionStatus = 'fresh' | 'reported' | 'again';
