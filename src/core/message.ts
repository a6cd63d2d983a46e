import { type ChangeLine, changeLine, GUESSED, readChangeLine } from './change-line.ts';
import type { Certainty, Person } from './changes.ts';
import { breakDirectives, joinDirectives } from './directives.ts';
import { identityOf } from './identity.ts';
import { countFiles, type Nouns, type SubjectInput, subjectOf, summarise } from './subject.ts';
import { oneLine } from './unseen.ts';

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

/** What a commit of a run holds, and what its message says of it. */
export interface MessageInput extends SubjectInput {
  readonly account: string;
  readonly runId: string;
  /** From when on the account was read, by the server's clock: the commit need not hold later edits. */
  readonly readAt?: Date;
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
  /** Takes out of a text what must not be in Git. */
  readonly clean?: (text: string) => string;
}

/** Lines joined at once: a hundred thousand texts of their own would be a run's peak of memory. */
const JOINED = 1_000;

/** One line a change. */
function changeLines({ changes, notes, details, first, clean = (text) => text }: MessageInput): string {
  const parts: string[] = [];
  for (let from = 0; from < changes.length; from += JOINED) {
    const some = changes.slice(from, from + JOINED);
    const lines = some.map((change) =>
      changeLine(change, { note: notes?.get(change), fields: details?.get(change), first }),
    );
    parts.push(lines.map(clean).join('\n'));
  }
  return parts.join('\n');
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
  const { clean = (text) => text } = input;
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
  const parts = [clean(subject), changeLines(input), ...notes.map(clean), trailers.map(clean).join('\n')];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
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

/** The lines of a message that may say something: changes, trailers and sentences. Millions of others cost little. */
function* meantLines(message: string): Generator<string> {
  for (let at = 0; at < message.length; ) {
    const found = message.indexOf('\n', at);
    const end = found < 0 ? message.length : found;
    const first = message.charCodeAt(at);
    // A hyphen, or a capital letter.
    if (first === 0x2d || (first >= 0x41 && first <= 0x5a)) yield message.slice(at, end);
    at = end + 1;
  }
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
  for (const line of meantLines(joinDirectives(message))) {
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
