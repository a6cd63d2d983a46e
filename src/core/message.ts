import type { Certainty, ChangeNote, Person } from './attribution.ts';
import type { Change } from './changes.ts';

/** Kinds of change that a subject line names before it says "and n more". */
const SUBJECT_PARTS = 3;
/** Lines of a commit message; a first mirror of a large account has more files than anybody reads. */
const MOST_LINES = 2_000;

const RESTORED = 'restored';
const WITH = 'with ';
const WORDS = { added: 'added', changed: 'changed', renamed: 'renamed', deleted: 'deleted' } as const;

/** Makes text safe for one line of a terminal, a log or a commit message: no control or direction characters. */
export function oneLine(text: string): string {
  return text
    .replace(/[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Makes one line of a text safe to show where it stands, its indentation kept: what does not print becomes `�`. */
export function visibleLine(line: string): string {
  return line
    .replace(/\t/g, '  ')
    .replace(/[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, '�');
}

/** Names of a type for people. */
export interface Nouns {
  readonly noun: string;
  readonly plural: string;
}

/** `3 flows changed, 1 export added`: the largest parts first, deletions never left out. */
export function summarise(changes: readonly Change[], nounsOf: (dir: string) => Nouns): string {
  const counts = new Map<string, { dir: string; kind: Change['kind']; count: number }>();
  for (const { dir, kind } of changes) {
    const key = `${dir} ${kind}`;
    const entry = counts.get(key);
    if (entry) entry.count += 1;
    else counts.set(key, { dir, kind, count: 1 });
  }
  const parts = [...counts.values()].sort(
    (a, b) =>
      Number(b.kind === 'deleted') - Number(a.kind === 'deleted') ||
      b.count - a.count ||
      (a.dir < b.dir ? -1 : 1),
  );
  const shown = parts.slice(0, SUBJECT_PARTS);
  const rest = parts.slice(SUBJECT_PARTS).reduce((sum, part) => sum + part.count, 0);
  const words = shown.map(({ dir, kind, count }) => {
    const { noun, plural } = nounsOf(dir);
    return `${count} ${count === 1 ? noun : plural} ${WORDS[kind]}`;
  });
  return [...words, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}

export interface MessageInput {
  readonly account: string;
  readonly runId: string;
  readonly changes: readonly Change[];
  /** What the audit log tells of them. */
  readonly notes?: ReadonlyMap<Change, ChangeNote>;
  readonly coAuthors: readonly Person[];
  readonly certainty: Certainty;
  /** Whether the audit log could be read. */
  readonly audited: boolean;
  readonly incomplete: readonly string[];
  /** First listing of the account. */
  readonly first: boolean;
  /** What the commit holds beside documents. */
  readonly beside?: string;
  /** The restore that made the changes. */
  readonly restoreId?: string;
  readonly nounsOf: (dir: string) => Nouns;
}

/**
 * `- changed: flows/x.64f0….yaml: Order sync [2026-11-24T10:03:12Z, api]`; read back by `readChangeLine`. A name that ends
 * like such a note gets an empty one after it, so that none can pose as one.
 */
function lineOf(change: Change, note: ChangeNote | undefined): string {
  const name = oneLine(change.title);
  const word = note?.undeleted && change.kind === 'added' ? RESTORED : WORDS[change.kind];
  const from = change.oldPath ? ` (was ${change.oldPath})` : '';
  const facts = note
    ? [
        secondOf(note.time),
        ...note.sources.map(oneWord),
        ...note.others.map(({ email }) => `${WITH}${plainEmail(email)}`),
      ]
    : [];
  const about = note || name.endsWith(']') ? ` [${facts.join(', ')}]` : '';
  return `- ${word}: ${change.path}${from}${name === '' ? '' : `: ${name}`}${about}`;
}

/** A time of the audit log without fractions; what is no time stays away from the line. */
function secondOf(time: string): string {
  const ms = Date.parse(time);
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(0, 19)}Z` : 'at an unknown time';
}

/** An e-mail address that can end neither its line nor the note or trailer it stands in. */
function plainEmail(text: string): string {
  return oneLine(text).replace(/[<>[\],\s]/g, '');
}

function oneWord(text: string): string {
  return text.replace(/[^a-z0-9_-]/gi, '').slice(0, 30);
}

/** One line of a commit's body, read back. */
export interface ChangeLine {
  readonly path: string;
  /** When the change was made, where the audit log told. */
  readonly time: string | undefined;
  /** Doors other than the user interface. */
  readonly sources: readonly string[];
  /** E-mail addresses of who else edited it; the commit's trailers have their names. */
  readonly others: readonly string[];
  readonly undeleted: boolean;
  /** The resource's name; empty where it has none. */
  readonly title: string;
}

const LINE =
  /^- (added|changed|renamed|deleted|restored): ([a-z0-9]+\/[A-Za-z0-9_.-]+\.yaml)(?: \(was [^()]*\))?(?:: (.*?))?(?: \[([^[\]]*)\])?$/;

/** Reads a line that {@link commitMessage} wrote; `undefined` for any other. */
export function readChangeLine(line: string): ChangeLine | undefined {
  const [, word, path, title = '', note = ''] = LINE.exec(line) ?? [];
  if (!word || !path) return undefined;
  const [time, ...facts] = note.split(', ').filter((fact) => fact !== '');
  const isOther = (fact: string): boolean => fact.startsWith(WITH);
  return {
    path,
    time: time !== undefined && /^\d{4}-\d{2}-\d{2}T/.test(time) ? time : undefined,
    sources: facts.filter((fact) => !isOther(fact)),
    others: facts.filter(isOther).map((fact) => fact.slice(WITH.length)),
    undeleted: word === RESTORED,
    title,
  };
}

/**
 * The message of one commit: subject, one line a file with what happened to it and the resource's name, trailers. Names
 * of resources are reduced to one line each and begin no line, so none of them can pose as a trailer.
 */
export function commitMessage(input: MessageInput): string {
  const lines = input.changes.slice(0, MOST_LINES).map((change) => lineOf(change, input.notes?.get(change)));
  const hidden = input.changes.length - lines.length;
  if (hidden > 0) lines.push(`- and ${hidden} more; git show --stat lists them`);
  const what =
    summarise(input.changes, input.nounsOf) ||
    (input.restoreId ? 'ids of the restore' : input.beside || 'mirror settings');
  const subject = `${input.account}: ${input.restoreId ? 'restore: ' : ''}${what}`;
  const notes: string[] = [];
  if (input.first) notes.push('First mirror of the account: who made what was there before is not told.');
  if (input.certainty === 'lastModifiedBy') {
    const why = input.audited
      ? 'The audit log does not tell of these changes'
      : 'The audit log could not be read';
    notes.push(`${why}: the author is the one who modified them last.`);
  }
  const trailers = [
    `Celigo-Account: ${input.account}`,
    `Celigo-Run: ${input.runId}`,
    ...(input.restoreId ? [`Celigo-Restore: ${input.restoreId}`] : []),
    ...(input.incomplete.length > 0 ? [`Celigo-Incomplete: ${input.incomplete.join(', ')}`] : []),
    ...input.coAuthors.map(
      (person) => `Co-authored-by: ${oneLine(person.name)} <${plainEmail(person.email)}>`,
    ),
  ];
  return `${[subject, lines.join('\n'), ...notes, trailers.join('\n')].filter((part) => part !== '').join('\n\n')}\n`;
}
