/** What happened to one resource between two runs. */
export interface Change {
  /** Type's folder. */
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
  readonly put: readonly string[];
  readonly remove: readonly string[];
  /** `lastModified` of the record, ISO, where it has one. */
  readonly lastModified?: string;
  /** `lastModifiedBy` of the record, where it has one. */
  readonly lastModifiedBy?: Editor;
  /** Found by the first listing of its type: it was there before, nobody changed it now. */
  readonly baseline: boolean;
}

/** A person as the API names one; some sources give the id alone. */
export interface Editor {
  readonly id: string;
  readonly name?: string;
  readonly email?: string;
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
