import type { Person } from '../core/changes.ts';
import { oneLine } from '../core/unseen.ts';
import type { Entry } from './trail.ts';

/** A change as `log --json` and `report --format json` print it. */
interface EntryJson {
  /** ISO 8601. */
  readonly time: string;
  readonly by: Person;
  readonly also: readonly Person[];
  readonly sureness: Entry['certainty'];
  readonly what: Entry['what'];
  readonly type: string;
  readonly id: string;
  /** On one line. */
  readonly name: string;
  /** From the root of the repository. */
  readonly path: string;
  readonly oldPath?: string;
  readonly sources: readonly string[];
  readonly commit: string;
  readonly restore?: string;
  /** The commits that it took back. */
  readonly undo?: readonly string[];
  /** The commits of people in Git that it brought to the account. */
  readonly applied?: readonly string[];
  /** Who brought them. */
  readonly operator?: Person;
}

export function entryJson(account: string, entry: Entry): EntryJson {
  const { time, by, also, certainty: sureness, what, type, id, title, path, oldPath, sources, commit, restore } = entry;
  const { undone, applied } = entry;
  return {
    time: time.toISOString(),
    by,
    also,
    sureness,
    what,
    type,
    id,
    name: oneLine(title),
    path: `${account}/${path}`,
    ...(oldPath ? { oldPath: `${account}/${oldPath}` } : {}),
    sources,
    commit,
    ...(restore ? { restore } : {}),
    ...(undone ? { undo: undone } : {}),
    ...(applied ? { applied: applied.commits } : {}),
    ...(applied?.operator ? { operator: applied.operator } : {}),
  };
}
