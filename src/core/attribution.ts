import type { Change, Editor } from './changes.ts';

/** A person as a commit names one. */
export interface Person {
  readonly name: string;
  readonly email: string;
}

/** One entry of the audit log, reduced to what a commit tells. */
export interface EditNote {
  readonly id: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly event: string;
  /** Through which door: `ui`, `api`, `script`, … */
  readonly source?: string;
  /** ISO 8601. */
  readonly time: string;
  readonly by: Editor;
}

/** What the audit log tells of one change besides who made it. */
export interface ChangeNote {
  /** Of the newest edit, ISO 8601. */
  readonly time: string;
  /** Doors other than the user interface that edits came through, sorted. */
  readonly sources: readonly string[];
  /** It came back from the recycle bin. */
  readonly undeleted: boolean;
  /** Who else edited this very resource. */
  readonly others: readonly Person[];
}

export interface AttributionInput {
  readonly changes: readonly Change[];
  readonly notes: readonly EditNote[];
  /** Audit log's name of a type, by its folder; absent where the log does not cover it. */
  readonly auditTypeOf: (dir: string) => string | undefined;
  /** Users of the account by user id. */
  readonly users: ReadonlyMap<string, Person>;
  /** The mirror's own identity: author where nobody is known. */
  readonly fallback: Person;
  readonly now: Date;
}

/** How sure the author of a commit is. */
export type Certainty = 'audit' | 'lastModifiedBy' | 'unknown';

/** One commit to make: who, when, what. */
export interface AuthoredChanges {
  readonly author: Person;
  readonly date: Date;
  readonly coAuthors: readonly Person[];
  readonly changes: readonly Change[];
  readonly certainty: Certainty;
  /** What the audit log tells of each change, where it does. */
  readonly notes: ReadonlyMap<Change, ChangeNote>;
  /** Ids of the audit entries that this commit tells. */
  readonly noteIds: readonly string[];
}

const EDITS: ReadonlySet<string> = new Set(['create', 'update', 'delete', 'purge', 'restore']);

function personOf(editor: Editor, users: ReadonlyMap<string, Person>): Person {
  const known = users.get(editor.id);
  const email = editor.email || known?.email || `${editor.id}@users.noreply.integrator.io`;
  return { name: editor.name || known?.name || email, email };
}

interface Verdict {
  readonly key: string;
  readonly author: Person;
  readonly others: readonly Person[];
  readonly date: Date;
  readonly certainty: Certainty;
  readonly note?: ChangeNote;
  readonly noteIds: readonly string[];
}

/** What the entries about one resource come to, oldest first. */
function noteOf(notes: readonly EditNote[], others: readonly Person[]): ChangeNote | undefined {
  const newest = notes.at(-1);
  if (!newest) return undefined;
  const sources = notes.flatMap(({ source }) => (source && source !== 'ui' ? [source] : []));
  return {
    time: newest.time,
    sources: [...new Set(sources)].sort(),
    undeleted: notes.some(({ event }) => event === 'restore'),
    others,
  };
}

function about(notes: readonly EditNote[], others: readonly Person[]): Pick<Verdict, 'note'> {
  const note = noteOf(notes, others);
  return note ? { note } : {};
}

/** Who changed one resource: the newest editor, with everybody else who had a hand in it. */
function judge(
  change: Change,
  byResource: ReadonlyMap<string, EditNote[]>,
  input: AttributionInput,
): Verdict {
  const unknown: Verdict = {
    key: '',
    author: input.fallback,
    others: [],
    date: input.now,
    certainty: 'unknown',
    noteIds: [],
  };
  if (change.baseline) return unknown;
  const auditType = input.auditTypeOf(change.dir);
  const notes = (byResource.get(change.id) ?? []).filter(
    (note) => auditType === undefined || note.resourceType === auditType,
  );
  const newest = notes.at(-1);
  if (newest) {
    const editors = new Map<string, Editor>();
    for (const note of notes) editors.set(note.by.id, note.by);
    editors.delete(newest.by.id);
    const author = personOf(newest.by, input.users);
    const others = [...editors.values()]
      .map((editor) => personOf(editor, input.users))
      .filter(({ email }) => email !== author.email);
    return {
      key: newest.by.id,
      author,
      others,
      date: new Date(newest.time),
      certainty: 'audit',
      ...about(notes, others),
      noteIds: notes.map((note) => note.id),
    };
  }
  const modifier = change.lastModifiedBy;
  if (change.kind === 'deleted' || !modifier || !(modifier.name || input.users.has(modifier.id)))
    return unknown;
  const modified = Date.parse(change.lastModified ?? '');
  return {
    key: modifier.id,
    author: personOf(modifier, input.users),
    others: [],
    date: Number.isFinite(modified) ? new Date(modified) : input.now,
    certainty: 'lastModifiedBy',
    noteIds: [],
  };
}

/**
 * Sorts changes into commits, one a person, oldest first; the mirror's own come last. A commit carries the date of
 * its author's newest change and names every other editor of its resources.
 */
export function attributeChanges(input: AttributionInput): readonly AuthoredChanges[] {
  const byResource = new Map<string, EditNote[]>();
  const ordered = [...input.notes]
    .filter((note) => EDITS.has(note.event))
    .sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  for (const note of ordered) {
    const list = byResource.get(note.resourceId);
    if (list) list.push(note);
    else byResource.set(note.resourceId, [note]);
  }
  const groups = new Map<
    string,
    {
      verdict: Verdict;
      changes: Change[];
      others: Map<string, Person>;
      notes: Map<Change, ChangeNote>;
      noteIds: string[];
    }
  >();
  for (const change of input.changes) {
    const verdict = judge(change, byResource, input);
    let group = groups.get(verdict.key);
    if (!group) {
      group = { verdict, changes: [], others: new Map(), notes: new Map(), noteIds: [] };
      groups.set(verdict.key, group);
    }
    group.changes.push(change);
    group.noteIds.push(...verdict.noteIds);
    if (verdict.note) group.notes.set(change, verdict.note);
    for (const other of verdict.others) group.others.set(other.email, other);
    const surer = group.verdict.certainty === 'lastModifiedBy' && verdict.certainty === 'audit';
    if (surer || verdict.date > group.verdict.date) {
      group.verdict = {
        ...verdict,
        certainty: surer ? 'audit' : group.verdict.certainty,
        date: later(verdict.date, group.verdict.date),
      };
    }
  }
  return [...groups.values()]
    .map(({ verdict, changes, others, notes, noteIds }) => ({
      author: verdict.author,
      date: verdict.date,
      coAuthors: [...others.values()]
        .filter((person) => person.email !== verdict.author.email)
        .sort((a, b) => (a.email < b.email ? -1 : 1)),
      changes: [...changes].sort((a, b) => (a.path < b.path ? -1 : 1)),
      certainty: verdict.certainty,
      notes,
      noteIds,
    }))
    .sort(
      (a, b) =>
        Number(a.certainty === 'unknown') - Number(b.certainty === 'unknown') ||
        a.date.getTime() - b.date.getTime(),
    );
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}
