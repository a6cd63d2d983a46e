import type { Change, Editor } from './changes.ts';
import { withoutCredentials } from './credential-text.ts';
import type { Standing } from './reported.ts';

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

/** What is known of one change besides who made it. */
export interface ChangeNote {
  /** When it was made, ISO 8601: by the audit log, else by the record itself. */
  readonly time?: string;
  /** The audit log does not tell of it: its author is the one who modified the resource last. */
  readonly guessed: boolean;
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
  /** How an entry about a change stands to what earlier commits tell; `email` is that of whoever made it. */
  readonly standing: (change: Change, note: EditNote, email: string) => Standing;
  /** Audit log's name of a type, by its folder; absent where the log does not cover it. */
  readonly auditTypeOf: (type: string) => string | undefined;
  /** Users of the account by user id. */
  readonly users: ReadonlyMap<string, Person>;
  /** The mirror's own identity: author where nobody is known. */
  readonly fallback: Person;
  readonly now: Date;
}

/** How sure the author of a commit is, by the surest of its changes; each change's note says whether it is a guess. */
export type Certainty = 'audit' | 'lastModifiedBy' | 'unknown';

/** One commit to make: who, when, what. */
export interface AuthoredChanges {
  readonly author: Person;
  readonly date: Date;
  readonly coAuthors: readonly Person[];
  readonly changes: readonly Change[];
  readonly certainty: Certainty;
  /** What is known of each change; none for those of the mirror's own commit. */
  readonly notes: ReadonlyMap<Change, ChangeNote>;
}

/** An entry and the record that it is about need not have the very same time. */
const LOG_LAG_MS = 1_000;

const EDITS: ReadonlySet<string> = new Set(['create', 'update', 'delete', 'purge', 'restore']);

/** Who an editor is, as far as the account tells. */
export function personOf(editor: Editor, users: ReadonlyMap<string, Person>): Person {
  const known = users.get(editor.id);
  const email = editor.email || known?.email || `${editor.id}@users.noreply.integrator.io`;
  // A name is what somebody typed; as an author it stands in the history for ever.
  return {
    name: withoutCredentials(editor.name || known?.name || email),
    email: withoutCredentials(email),
  };
}

interface Verdict {
  readonly key: string;
  readonly author: Person;
  readonly date: Date;
  readonly certainty: Certainty;
  readonly note?: ChangeNote;
}

/** Doors other than the user interface that edits came through, sorted. */
function doorsOf(notes: readonly EditNote[]): readonly string[] {
  const doors = notes.flatMap(({ source }) => (source && source !== 'ui' ? [source] : []));
  return [...new Set(doors)].sort();
}

/** The edits among the audit log's entries that are about the resource of a change. */
export function notesAbout(
  { type: typeName, id }: Change,
  notes: readonly EditNote[],
  auditTypeOf: (typeName: string) => string | undefined,
): EditNote[] {
  const type = auditTypeOf(typeName);
  return notes.filter(
    (note) => note.resourceId === id && EDITS.has(note.event) && (type === undefined || note.resourceType === type),
  );
}

/** The audit log's entries about a resource, oldest first, that no earlier commit told. */
function untold(change: Change, about: readonly EditNote[], input: AttributionInput): readonly EditNote[] {
  const standings = notesAbout(change, about, input.auditTypeOf).map(
    (note) => [note, input.standing(change, note, personOf(note.by, input.users).email)] as const,
  );
  const fresh = standings.flatMap(([note, standing]) => (standing === 'fresh' ? [note] : []));
  if (fresh.length > 0) return fresh;
  // Told by the run that it was made during, which may have read the resource before: only when nothing newer modified it.
  const modified = Date.parse(change.lastModified ?? '');
  const late = standings.findLast(
    ([note, standing]) => standing === 'again' && !(modified > Date.parse(note.time) + LOG_LAG_MS),
  );
  return late ? [late[0]] : [];
}

/** The entry that made a change what it is: the newest; of a deletion the deleting, whoever emptied the bin later. */
function decisive(change: Change, notes: readonly EditNote[]): EditNote | undefined {
  const deleting = change.kind === 'deleted' ? notes.findLast(({ event }) => event === 'delete') : undefined;
  return deleting ?? notes.at(-1);
}

/** Who changed one resource: the newest editor, with everybody else who had a hand in it. */
function judge(change: Change, byResource: ReadonlyMap<string, EditNote[]>, input: AttributionInput): Verdict {
  const unknown: Verdict = { key: '', author: input.fallback, date: input.now, certainty: 'unknown' };
  if (change.baseline) return unknown;
  const notes = untold(change, byResource.get(change.id) ?? [], input);
  const newest = decisive(change, notes);
  if (newest) {
    const author = personOf(newest.by, input.users);
    const others = new Map(
      notes.filter(({ by }) => by.id !== newest.by.id).map(({ by }) => [by.id, personOf(by, input.users)] as const),
    );
    return {
      key: newest.by.id,
      author,
      date: new Date(newest.time),
      certainty: 'audit',
      note: {
        time: newest.time,
        guessed: false,
        sources: doorsOf(notes),
        undeleted: notes.some(({ event }) => event === 'restore'),
        others: [...others.values()].filter(({ email }) => email !== author.email),
      },
    };
  }
  const modifier = change.lastModifiedBy;
  if (change.kind === 'deleted' || !modifier || !(modifier.name || input.users.has(modifier.id))) return unknown;
  const modified = Date.parse(change.lastModified ?? '');
  const date = Number.isFinite(modified) ? new Date(modified) : input.now;
  return {
    key: modifier.id,
    author: personOf(modifier, input.users),
    date,
    certainty: 'lastModifiedBy',
    note: { time: date.toISOString(), guessed: true, sources: [], undeleted: false, others: [] },
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
  const groups = new Map<string, { verdict: Verdict; changes: Change[]; notes: Map<Change, ChangeNote> }>();
  for (const change of input.changes) {
    const verdict = judge(change, byResource, input);
    let group = groups.get(verdict.key);
    if (!group) {
      group = { verdict, changes: [], notes: new Map() };
      groups.set(verdict.key, group);
    }
    group.changes.push(change);
    if (verdict.note) group.notes.set(change, verdict.note);
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
    .map(({ verdict, changes, notes }) => ({
      author: verdict.author,
      date: verdict.date,
      coAuthors: coAuthorsOf(verdict.author, notes.values()),
      changes: [...changes].sort((a, b) => (a.path < b.path ? -1 : 1)),
      certainty: verdict.certainty,
      notes,
    }))
    .sort(
      (a, b) =>
        Number(a.certainty === 'unknown') - Number(b.certainty === 'unknown') || a.date.getTime() - b.date.getTime(),
    );
}

/** Everybody besides the author whom the notes of a commit's changes name, each once, in an order of their own. */
export function coAuthorsOf(author: Person, notes: Iterable<ChangeNote>): Person[] {
  const others = new Map([...notes].flatMap((note) => note.others.map((other) => [other.email, other] as const)));
  others.delete(author.email);
  return [...others.values()].sort((a, b) => (a.email < b.email ? -1 : 1));
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}
