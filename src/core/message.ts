import { type ChangedFields, fieldWords, stateWords } from './changed-fields.ts';
import type { Certainty, Change, ChangeNote, Person } from './changes.ts';
import { breakDirectives, joinDirectives } from './directives.ts';
import { identityOf, plainEmail } from './identity.ts';
import { readPath } from './layout.ts';
import { replaceUnseen } from './unseen.ts';

/** Kinds of change that a subject line names before it says "and n more". */
const SUBJECT_PARTS = 3;
/** Resources that a subject line names; more are counted. */
const SUBJECT_NAMES = 3;
/** The longest name in a subject line. */
const LONGEST_NAME = 60;

const RESTORED = 'restored';
const WITH = 'with ';
/** Marks a line whose author the audit log does not know. Sources are single words, so none can look like it. */
const GUESSED = 'last modifier';

/** Marks what was there before it was seen first: no one added it. Two words, as no source. */
const EXISTED = 'existed before';

const FIRST = 'First mirror of the account:';
/** What the rules of the mirror come from: those of documents change with either. */
type RulesOf = 'version' | 'configuration';
/** Why a commit brings documents up to date that older rules wrote. */
const RENEWED: Readonly<Record<RulesOf, string>> = {
  version: [
    'This version keeps less in the mirror than the one that wrote these documents: what the',
    'platform captures at run time (sampleData, mockOutput, mockResponse, …), cookies and other',
    'credentials, and what changes on its own are left out or replaced. Nothing',
    'changed in the account. Earlier commits still hold the old values: see docs/security.md.',
  ].join('\n'),
  configuration: [
    'The configuration ignores more fields (`ignore`) than before. Nothing changed in the',
    'account. Earlier commits still hold the old values.',
  ].join('\n'),
};
/** What the other commits of a run by new rules say. */
const BY_NEW_RULES = [
  'This is the first run by other rules of the mirror. What they keep, and the ones before left',
  'out or replaced as a whole, differs here as well: not every difference is an edit.',
].join('\n');
/** Why a commit undoes what people committed. */
const PUT_BACK = [
  'People changed these files in Git, which does not change the account: here they are again as',
  'the mirror read them from it. To make the same changes in the account:',
  'celigo-mirror apply <commit>',
].join('\n');
const ALSO_LIVE = [
  'People changed these files in Git, and the account was changed to the same. Here they are as',
  'the mirror read them before, so that the next commits show who changed the account.',
].join('\n');
/** Paths that such a commit names. */
const MOST_PATHS = 100;
const PUT_BACK_TRAILER = 'Celigo-Put-Back';
const ALSO_LIVE_TRAILER = 'Celigo-Also-Live';
const RENEWED_TRAILER = 'Celigo-Renewed';
const NEW_RULES_TRAILER = 'Celigo-New-Rules';
const UNDO_TRAILER = 'Celigo-Undo';
const APPLIED_TRAILER = 'Celigo-Applied';
const OPERATOR_TRAILER = 'Celigo-Operator';
/** Begins what a commit says about authors that are not certain. */
const DOUBT = 'The audit log ';
/** Ends the sentence of a commit whose every author is a guess. */
const ALL_GUESSED = 'the author is the last modifier.';
/** The same in commits of earlier versions; the oldest have it alone, without marks on their lines. */
const ALL_GUESSED_BEFORE = 'the author is the one who modified them last.';

/** Makes text safe for one line of a terminal, a log or a commit message: nothing in it is hidden. */
export function oneLine(text: string): string {
  return replaceUnseen(text, ' ').replace(/\s+/g, ' ').trim();
}

/** Makes one line of a text safe to show, its indentation kept: what does not print becomes `�`. */
export function visibleLine(line: string): string {
  return replaceUnseen(line.replace(/\t/g, '  '), '�');
}

/** Names of a type for people. */
export interface Nouns {
  readonly noun: string;
  readonly plural: string;
}

/** What happened to a resource, in a word: one that came back from the recycle bin was not created again. */
function wordOf(change: Change, note: ChangeNote | undefined): Change['kind'] | typeof RESTORED {
  return note?.undeleted && change.kind === 'added' ? RESTORED : change.kind;
}

/** `3 flows changed, 1 export added`: the largest parts first, deletions never left out. */
export function summarise(
  changes: readonly Change[],
  nounsOf: (type: string) => Nouns,
  notes: ReadonlyMap<Change, ChangeNote> = new Map(),
): string {
  const counts = new Map<string, { type: string; word: string; count: number }>();
  for (const change of changes) {
    const { type: typeName } = change;
    const word = wordOf(change, notes.get(change));
    const key = `${typeName} ${word}`;
    const entry = counts.get(key);
    if (entry) entry.count += 1;
    else counts.set(key, { type: typeName, word, count: 1 });
  }
  const parts = [...counts.values()].sort(
    (a, b) =>
      Number(b.word === 'deleted') - Number(a.word === 'deleted') || b.count - a.count || (a.type < b.type ? -1 : 1),
  );
  const shown = parts.slice(0, SUBJECT_PARTS);
  const rest = parts.slice(SUBJECT_PARTS).reduce((sum, part) => sum + part.count, 0);
  const words = shown.map(({ type: typeName, word, count }) => {
    const { noun, plural } = nounsOf(typeName);
    return `${count} ${count === 1 ? noun : plural} ${word}`;
  });
  return [...words, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}

/** What happened to a resource, in words: `renamed, disabled, schedule changed`. */
export function whatWords(change: Change, note: ChangeNote | undefined, fields: ChangedFields | undefined): string {
  return (fields && fieldWords(fields)) || wordOf(change, note);
}

function nameOf({ title, id }: Change): string {
  const name = oneLine(title);
  if (name === '') return id;
  const letters = [...name];
  return `"${letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME - 1).join('')}…` : name}"`;
}

/** `flow "Order sync" disabled, schedule changed`; of some, their names and what happened to them; of many, counts. */
function subjectOf({ changes, notes = new Map(), details, nounsOf }: MessageInput): string {
  const named = changes.length <= SUBJECT_NAMES && changes.every(({ baseline }) => !baseline);
  if (!named) return summarise(changes, nounsOf, notes);
  const [only, ...others] = changes;
  if (only && others.length === 0) {
    return `${nounsOf(only.type).noun} ${nameOf(only)} ${whatWords(only, notes.get(only), details?.get(only))}`;
  }
  const groups = new Map<string, { type: string; word: string; names: string[] }>();
  for (const change of changes) {
    const fields = details?.get(change);
    const word = (fields && stateWords(fields)) || wordOf(change, notes.get(change));
    const key = `${change.type} ${word}`;
    const { names } = groups.get(key) ?? { names: [] };
    groups.set(key, { type: change.type, word, names: [...names, nameOf(change)] });
  }
  return [...groups.values()]
    .sort((a, b) => Number(b.word === 'deleted') - Number(a.word === 'deleted'))
    .map(({ type, word, names }) => {
      const { noun, plural } = nounsOf(type);
      return `${names.length === 1 ? noun : plural} ${names.join(', ')} ${word}`;
    })
    .join(', ');
}

export interface MessageInput {
  readonly account: string;
  readonly runId: string;
  /** From when on the account was read, by the server's clock: the commit need not hold later edits. */
  readonly readAt?: Date;
  readonly changes: readonly Change[];
  /** What is known of them. */
  readonly notes?: ReadonlyMap<Change, ChangeNote>;
  /** Which fields changed, as far as known. */
  readonly details?: ReadonlyMap<Change, ChangedFields>;
  readonly coAuthors: readonly Person[];
  readonly certainty: Certainty;
  /** Whether the audit log could be read. */
  readonly audited: boolean;
  readonly incomplete: readonly string[];
  /** First listing of the account. */
  readonly first: boolean;
  /** What the commit holds besides documents. */
  readonly generated?: string;
  /** The restore that made the changes. */
  readonly restoreId?: string;
  /** The commits that it took back, full ids. */
  readonly undone?: readonly string[];
  /** The commits of people in Git that were brought to the account, full ids, and who did that. */
  readonly applied?: { readonly commits: readonly string[]; readonly operator: Person };
  /** The documents changed because the rules of the mirror did. */
  readonly renewed?: RulesOf;
  /** Some of the changes may come from other rules of the mirror. */
  readonly newRules?: boolean;
  readonly nounsOf: (type: string) => Nouns;
}

/**
 * `- changed: flows/x.64f0….yaml: Order sync [2026-11-24T10:03:12Z, api]`; read back by `readChangeLine`. A name that
 * ends like such a note gets an empty one after it, so that no name can pose as a note.
 */
function lineOf(
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

/** Reads a line that {@link commitMessage} wrote; `undefined` for any other. */
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

function prefixOf({ undone, applied, restoreId, renewed }: MessageInput): string {
  if (undone) return 'undo: ';
  if (applied) return 'apply: ';
  if (restoreId) return 'restore: ';
  return renewed ? 'new rules of the mirror: ' : '';
}

/**
 * The message of one commit: subject, one line a file with what happened to it and the resource's name, trailers. Names
 * of resources are reduced to one line each and begin no line, so none of them can pose as a trailer; words in them
 * that a forge acts on are broken.
 */
export function commitMessage(input: MessageInput): string {
  const { first } = input;
  const lines = input.changes.map((change) =>
    lineOf(change, { note: input.notes?.get(change), fields: input.details?.get(change), first }),
  );
  const what =
    (input.renewed ? summarise(input.changes, input.nounsOf, input.notes) : subjectOf(input)) ||
    (input.restoreId ? 'ids of the restore' : input.generated || 'mirror settings');
  const subject = breakDirectives(`${input.account}: ${prefixOf(input)}${what}`);
  const notes: string[] = [];
  if (input.renewed) notes.push(RENEWED[input.renewed]);
  else if (input.newRules) notes.push(BY_NEW_RULES);
  if (input.first) notes.push(`${FIRST} who created the existing resources is not known.`);
  const doubt = doubtOf(input);
  if (doubt !== '') notes.push(doubt);
  const trailers = [
    `Celigo-Account: ${input.account}`,
    `Celigo-Run: ${input.runId}`,
    ...(input.readAt ? [`Celigo-Read: ${input.readAt.toISOString()}`] : []),
    ...(input.renewed ? [`${RENEWED_TRAILER}: true`] : []),
    ...(input.newRules ? [`${NEW_RULES_TRAILER}: true`] : []),
    ...(input.restoreId ? [`Celigo-Restore: ${input.restoreId}`] : []),
    ...(input.undone ?? []).map((commit) => `${UNDO_TRAILER}: ${commit}`),
    ...(input.applied?.commits ?? []).map((commit) => `${APPLIED_TRAILER}: ${commit}`),
    ...(input.applied ? [personLine(OPERATOR_TRAILER, input.applied.operator)] : []),
    ...(input.incomplete.length > 0 ? [`Celigo-Incomplete: ${input.incomplete.join(', ')}`] : []),
    ...input.coAuthors.map((person) => personLine('Co-authored-by', person)),
  ];
  return `${[subject, lines.join('\n'), ...notes, trailers.join('\n')].filter((part) => part !== '').join('\n\n')}\n`;
}

function personLine(trailer: string, person: Person): string {
  const { name, email } = identityOf(person);
  return breakDirectives(`${trailer}: ${name} <${email}>`);
}

/** A commit that makes an account's folder again what the mirror left there, before anything else. */
export interface PutBack {
  readonly account: string;
  readonly runId: string;
  /** Files that it changes, inside the account's folder. */
  readonly paths: readonly string[];
  /** Commits of people that changed them, full ids. */
  readonly commits: readonly string[];
  /** The account has meanwhile become what these commits made of the folder: the next commit reports by whom. */
  readonly alsoLive: boolean;
  readonly nounsOf: (type: string) => Nouns;
}

/** `2 flows, 1 other file`: the resources that files belong to. */
function countFiles(paths: readonly string[], nounsOf: (type: string) => Nouns): string {
  const types = new Map<string, Set<string>>();
  let others = 0;
  for (const path of paths) {
    const parts = readPath(path);
    if (parts) types.set(parts.type, (types.get(parts.type) ?? new Set()).add(parts.id));
    else others += 1;
  }
  const named = [...types].map(([type, ids]) => {
    const { noun, plural } = nounsOf(type);
    return { count: ids.size, text: `${ids.size} ${ids.size === 1 ? noun : plural}` };
  });
  const parts = named.sort((a, b) => b.count - a.count);
  const rest = parts.slice(SUBJECT_PARTS).reduce((sum, { count }) => sum + count, 0);
  return [
    ...parts.slice(0, SUBJECT_PARTS).map(({ text }) => text),
    ...(rest > 0 ? [`${rest} more`] : []),
    ...(others > 0 ? [`${others} other ${others === 1 ? 'file' : 'files'}`] : []),
  ].join(', ');
}

/** The message of a commit that changes nothing but what people changed in Git. */
export function putBackMessage({ account, runId, paths, commits, alsoLive, nounsOf }: PutBack): string {
  const shown = paths.slice(0, MOST_PATHS).map((path) => `- ${breakDirectives(oneLine(path))}`);
  const more = paths.length > MOST_PATHS ? [`- and ${paths.length - MOST_PATHS} more`] : [];
  const subject = alsoLive
    ? 'as read before, without changes made in Git and in the account'
    : `put back ${countFiles(paths, nounsOf)}`;
  const trailers = [
    `Celigo-Account: ${account}`,
    `Celigo-Run: ${runId}`,
    `${alsoLive ? ALSO_LIVE_TRAILER : PUT_BACK_TRAILER}: ${commits.join(', ')}`,
  ];
  return `${[
    `${account}: ${subject}`,
    [...shown, ...more].join('\n'),
    alsoLive ? ALSO_LIVE : PUT_BACK,
    trailers.join('\n'),
  ].join('\n\n')}\n`;
}

/** What the commit says about authors that the audit log does not name; empty when it names all. */
function doubtOf({ changes, notes, audited, certainty }: MessageInput): string {
  const edits = changes.filter(({ baseline }) => !baseline);
  const guessed = edits.filter((change) => notes?.get(change)?.guessed).length;
  const closed = `${DOUBT}could not be read`;
  if (guessed === 0) {
    const unknown = certainty === 'unknown' && edits.length > 0;
    return !audited && unknown ? `${closed}: who made these changes is not known.` : '';
  }
  if (guessed < edits.length) {
    return `${DOUBT}does not report the changes marked "${GUESSED}": their author is the last modifier.`;
  }
  return `${audited ? `${DOUBT}does not report these changes` : closed}: ${ALL_GUESSED}`;
}

/** The facts in the message of a commit. A commit that a person made has none. */
export interface CommitFacts {
  /** Name of the account; `undefined` in a commit that is not the mirror's. */
  readonly account: string | undefined;
  /** From when on the account was read, by the server's clock, ms; older commits do not say. */
  readonly readAt: number | undefined;
  /** The run that made it; the last one where a person made one commit of several. */
  readonly run: string | undefined;
  /** The runs of the commits that it holds, one for each of these. */
  readonly runs: readonly string[];
  /** When the run began, by the clock of its machine, ms. */
  readonly started: number | undefined;
  /** The restore that made the changes. */
  readonly restore: string | undefined;
  /** The commits that it took back. */
  readonly undone: readonly string[];
  /** The commits of people in Git that it brought to the account. */
  readonly applied: readonly string[];
  /** Who brought them, where it is not the author. */
  readonly operator: Person | undefined;
  /** Types that could not be read. */
  readonly incomplete: readonly string[];
  readonly coAuthors: readonly Person[];
  /** By path. */
  readonly lines: ReadonlyMap<string, ChangeLine>;
  /** First listing of the account. */
  readonly first: boolean;
  /** Made of the documents before it alone: the account was not read for it. */
  readonly renewed: boolean;
  /** It holds nothing but what people changed in Git, as it was before. */
  readonly putBack: boolean;
  /** Something in it may have changed because the rules of the mirror did. */
  readonly newRules: boolean;
  /** The author of every change is the last modifier. */
  readonly allGuessed: boolean;
}

function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isFinite(ms) ? ms : undefined;
}

/** Reads what {@link commitMessage} wrote, of this version or an older one. */
export function readMessage(message: string): CommitFacts {
  const lines = new Map<string, ChangeLine>();
  const coAuthors: Person[] = [];
  const undone: string[] = [];
  const applied: string[] = [];
  const runs: string[] = [];
  let operator: Person | undefined;
  const trailers = new Map<string, string>();
  let [first, allGuessed] = [false, false];
  for (const line of joinDirectives(message).split('\n')) {
    const change = readChangeLine(line);
    if (change) {
      lines.set(change.path, change);
      continue;
    }
    // A name may say the same; what the mirror says about all changes has a line of its own.
    first ||= line.startsWith(FIRST);
    allGuessed ||= line.startsWith(DOUBT) && (line.endsWith(ALL_GUESSED) || line.endsWith(ALL_GUESSED_BEFORE));
    const [, key, value = ''] = /^([A-Z][A-Za-z-]+): (.*)$/.exec(line) ?? [];
    if (key === undefined) continue;
    trailers.set(key, value);
    if (key === 'Celigo-Run') runs.push(value);
    if (key === UNDO_TRAILER) undone.push(value);
    if (key === APPLIED_TRAILER) applied.push(value);
    const [, name = '', email] = /^(.*) <([^<>]*)>$/.exec(value) ?? [];
    if (key === 'Co-authored-by' && email !== undefined) coAuthors.push({ name, email });
    if (key === OPERATOR_TRAILER && email !== undefined) operator = { name, email };
  }
  // What puts something back names no resource as changed; of several commits in one, others may.
  const putBack = lines.size === 0 && [PUT_BACK_TRAILER, ALSO_LIVE_TRAILER].some((name) => trailers.has(name));
  const started = trailers.get('Celigo-Run')?.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)-.*$/, '$1-$2-$3:$4:$5');
  return {
    account: trailers.get('Celigo-Account'),
    readAt: timeOf(trailers.get('Celigo-Read')),
    run: trailers.get('Celigo-Run'),
    runs,
    started: timeOf(started),
    restore: trailers.get('Celigo-Restore'),
    undone,
    applied,
    operator,
    incomplete: (trailers.get('Celigo-Incomplete') ?? '').split(', ').filter((type) => type !== ''),
    coAuthors,
    lines,
    renewed: putBack || trailers.has(RENEWED_TRAILER),
    putBack,
    newRules: trailers.has(RENEWED_TRAILER) || trailers.has(NEW_RULES_TRAILER),
    first,
    allGuessed,
  };
}
