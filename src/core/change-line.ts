import type { ChangedFields } from './changed-fields.ts';
import type { Change, ChangeNote } from './changes.ts';
import { breakDirectives, joinDirectives } from './directives.ts';
import { plainEmail } from './identity.ts';
import { oneLine } from './unseen.ts';

const RESTORED = 'restored';
const WITH = 'with ';
/** Marks a line whose author the audit log does not know. Sources are single words, so none can look like it. */
export const GUESSED = 'last modifier';
/** Marks what was there before it was seen first: no one added it. Two words, as no source. */
const EXISTED = 'existed before';

/** What happened to a resource, in a word: one that came back from the recycle bin was not created again. */
export function wordOf(change: Change, note: ChangeNote | undefined): Change['kind'] | typeof RESTORED {
  return note?.undeleted && change.kind === 'added' ? RESTORED : change.kind;
}

/**
 * `- changed: flows/x.64f0….yaml: Order sync [2026-11-24T10:03:12Z, api]`; read back by {@link readChangeLine}. A name
 * that ends like such a note gets an empty one after it, so that no name can pose as a note.
 */
export function changeLine(
  change: Change,
  { note, fields, first }: { note: ChangeNote | undefined; fields: ChangedFields | undefined; first: boolean },
): string {
  const name = breakDirectives(oneLine(change.title));
  // A new name need not make another file name.
  const word = change.kind === 'changed' && fields?.renamed ? 'renamed' : wordOf(change, note);
  const from = change.oldPath ? ` (was ${change.oldPath})` : '';
  const facts = note
    ? [
        ...(note.time === undefined ? [] : [secondOf(note.time)]),
        ...(note.guessed ? [GUESSED] : []),
        ...note.sources.map(oneWord),
        ...note.others.map(({ email }) => `${WITH}${breakDirectives(plainEmail(email))}`),
      ]
    : change.baseline && !first
      ? [EXISTED]
      : [];
  const about = facts.length > 0 || name.endsWith(']') ? ` [${facts.join(', ')}]` : '';
  return `- ${word}: ${change.path}${from}${name === '' ? '' : `: ${name}`}${about}`;
}

/** A time of the audit log without fractions of a second; an invalid one is not copied into the line. */
function secondOf(time: string): string {
  const ms = Date.parse(time);
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(0, 19)}Z` : 'at an unknown time';
}

function oneWord(text: string): string {
  return text.replace(/[^a-z0-9_-]/gi, '').slice(0, 30);
}

/** One line of a commit's body, read back. */
export interface ChangeLine {
  readonly word: Change['kind'] | typeof RESTORED;
  readonly path: string;
  /** When the change was made, where that is known. */
  readonly time: string | undefined;
  /** Its author is the last modifier. */
  readonly guessed: boolean;
  /** Sources other than the user interface. */
  readonly sources: readonly string[];
  /** E-mail addresses of its other editors; the commit's trailers have their names. */
  readonly others: readonly string[];
  readonly undeleted: boolean;
  /** It was there before it was seen first. */
  readonly existed: boolean;
  /** The resource's name; empty where it has none. */
  readonly title: string;
}

const LINE = new RegExp(
  [
    String.raw`^- (added|changed|renamed|deleted|restored): ([a-z0-9]+\/[A-Za-z0-9_.-]+\.yaml)`,
    String.raw`(?: \(was [^()]*\))?(?:: (.*?))?(?: \[([^[\]]*)\])?$`,
  ].join(''),
);

/** Reads a line that {@link changeLine} wrote; `undefined` for any other. */
export function readChangeLine(line: string): ChangeLine | undefined {
  const [, word, path, title = '', note = ''] = LINE.exec(joinDirectives(line)) ?? [];
  if (!word || !path) return undefined;
  const facts = note.split(', ').filter((fact) => fact !== '');
  const isOther = (fact: string): boolean => fact.startsWith(WITH);
  return {
    word: word as ChangeLine['word'],
    path,
    time: facts.find((fact) => /^\d{4}-\d{2}-\d{2}T/.test(fact)),
    guessed: facts.includes(GUESSED),
    // A source is one word without colons or spaces; an unknown time is not.
    sources: facts.filter((fact) => /^[a-z0-9_-]+$/i.test(fact)),
    others: facts.filter(isOther).map((fact) => fact.slice(WITH.length)),
    undeleted: word === RESTORED,
    existed: facts.includes(EXISTED),
    title,
  };
}
