import type { AttributionStatus, Certainty, Change, ChangeNote, EditNote, Editor, Person } from './changes.ts';
import { identityOf, plainEmail } from './identity.ts';

export interface AttributionInput {
  readonly changes: readonly Change[];
  readonly notes: readonly EditNote[];
  /** Whether earlier commits already report an entry about a change; `email` is that of its editor. */
  readonly statusOf: (change: Change, note: EditNote, email: string) => AttributionStatus;
  /** The audit log's name of a type; absent where the log does not cover it. */
  readonly auditTypeOf: (type: string) => string | undefined;
  /** Users of the account by user id. */
  readonly users: ReadonlyMap<string, Person>;
  /** The mirror's own identity: the author of what no one is known to have changed. */
  readonly fallback: Person;
  readonly now: Date;
  /** Whether the last modifier may be taken for the author of what the log does not report. */
  readonly guess: boolean;
}

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
export const LOG_LAG_MS = 1_000;

const EDITS: ReadonlySet<string> = new Set(['create', 'update', 'delete', 'purge', 'restore']);

/** Who an editor is, as far as the account says and a commit can tell. */
export function personOf(editor: Editor, users: ReadonlyMap<string, Person>): Person {
  const known = users.get(editor.id);
  const usable = [editor.email, known?.email].find((address) => plainEmail(address ?? '') !== '');
  const email = usable ?? `${editor.id}@users.noreply.integrator.io`;
  return identityOf({ name: editor.name || known?.name || email, email });
}

/** Who changed one resource, and when. Changes with the same key go into one commit. */
interface Attribution {
  readonly key: string;
  readonly author: Person;
  readonly date: Date;
  readonly certainty: Certainty;
  readonly note?: ChangeNote;
}

/** Sources of edits other than the user interface, sorted. */
function sourcesOf(notes: readonly EditNote[]): readonly string[] {
  const sources = notes.flatMap(({ source }) => (source && source !== 'ui' ? [source] : []));
  return [...new Set(sources)].sort();
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

/** The audit log's entries about a resource, oldest first, that no earlier commit reports. */
function unreported(change: Change, about: readonly EditNote[], input: AttributionInput): readonly EditNote[] {
  const entries = notesAbout(change, about, input.auditTypeOf).map(
    (note) => [note, input.statusOf(change, note, personOf(note.by, input.users).email)] as const,
  );
  const fresh = entries.flatMap(([note, status]) => (status === 'fresh' ? [note] : []));
  if (fresh.length > 0) return fresh;
  // Reported by the run during which it was made. That run may have read the resource before: it counts only when
  // nothing newer modified the resource.
  const modified = Date.parse(change.lastModified ?? '');
  const late = entries.findLast(
    ([note, status]) => status === 'again' && !(modified > Date.parse(note.time) + LOG_LAG_MS),
  );
  return late ? [late[0]] : [];
}

/** The entry that explains a change: the newest one; for a deletion the deletion itself, not a later purge. */
function decisive(change: Change, notes: readonly EditNote[]): EditNote | undefined {
  const deleting = change.kind === 'deleted' ? notes.findLast(({ event }) => event === 'delete') : undefined;
  return deleting ?? notes.at(-1);
}

/** Who changed one resource: the newest editor, with everyone else who edited it. */
function attribute(change: Change, byResource: ReadonlyMap<string, EditNote[]>, input: AttributionInput): Attribution {
  const unknown: Attribution = { key: '', author: input.fallback, date: input.now, certainty: 'unknown' };
  if (change.baseline) return unknown;
  const notes = unreported(change, byResource.get(change.id) ?? [], input);
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
        sources: sourcesOf(notes),
        undeleted: notes.some(({ event }) => event === 'restore'),
        others: [...others.values()].filter(({ email }) => email !== author.email),
      },
    };
  }
  const modifier = change.lastModifiedBy;
  if (!input.guess || change.kind === 'deleted' || !modifier || !(modifier.name || input.users.has(modifier.id)))
    return unknown;
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
  const groups = new Map<string, { attribution: Attribution; changes: Change[]; notes: Map<Change, ChangeNote> }>();
  for (const change of input.changes) {
    const attribution = attribute(change, byResource, input);
    let group = groups.get(attribution.key);
    if (!group) {
      group = { attribution, changes: [], notes: new Map() };
      groups.set(attribution.key, group);
    }
    group.changes.push(change);
    if (attribution.note) group.notes.set(change, attribution.note);
    const surer = group.attribution.certainty === 'lastModifiedBy' && attribution.certainty === 'audit';
    if (surer || attribution.date > group.attribution.date) {
      group.attribution = {
        ...attribution,
        certainty: surer ? 'audit' : group.attribution.certainty,
        date: later(attribution.date, group.attribution.date),
      };
    }
  }
  return [...groups.values()]
    .map(({ attribution, changes, notes }) => ({
      author: attribution.author,
      date: attribution.date,
      coAuthors: coAuthorsOf(attribution.author, notes.values()),
      changes: [...changes].sort((a, b) => (a.path < b.path ? -1 : 1)),
      certainty: attribution.certainty,
      notes,
    }))
    .sort(
      (a, b) =>
        Number(a.certainty === 'unknown') - Number(b.certainty === 'unknown') || a.date.getTime() - b.date.getTime(),
    );
}

/** Everyone besides the author whom the notes of a commit's changes name, each once, sorted by e-mail address. */
export function coAuthorsOf(author: Person, notes: Iterable<ChangeNote>): Person[] {
  const others = new Map([...notes].flatMap((note) => note.others.map((other) => [other.email, other] as const)));
  others.delete(author.email);
  return [...others.values()].sort((a, b) => (a.email < b.email ? -1 : 1));
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}
