import type { Notified } from '../config/daemon-schema.ts';
import type { Change, Person } from '../core/changes.ts';
import type { CommitLink } from '../core/commit-links.ts';
import { counted } from '../core/counted.ts';
import { breakDirectives } from '../core/directives.ts';
import { EXIT } from '../core/errors.ts';
import { oneLine } from '../core/unseen.ts';
import { SEVERITIES, type WatchSeverity } from '../core/watch-rules.ts';
import type { DrillSummary } from '../run/drill-summary.ts';
import type { ResourceReport } from '../run/report.ts';
import type { Health, RunSummary } from '../run/summary.ts';
import type { FoundChanges, WatchedEdit, WatchedGroup } from './watched.ts';

/**
 * What the account or a server said, as part of a message: one line that calls no one (`@channel`) and hides nothing.
 */
function said(text: string): string {
  return breakDirectives(oneLine(text));
}

/** Changes of a run, counted. */
export interface ChangeCounts {
  readonly added: number;
  readonly changed: number;
  readonly renamed: number;
  readonly deleted: number;
}

/** One commit in a notification. */
interface CommitMessage {
  readonly author: string;
  readonly subject: string;
  readonly commit: string;
  readonly date: string;
  /** Its page, where the forge is known. */
  readonly link?: string;
  /** What it changed: names of resources and fields, never a value. The first of them where they are many. */
  readonly resources: readonly ResourceReport[];
}

/** A notification. This is what a webhook receives, and what templates read. */
export interface Message {
  readonly version: 1;
  readonly event: Notified | 'watch';
  /** Of a `watch` event: the most urgent of what was found. */
  readonly severity?: WatchSeverity;
  readonly account: string;
  readonly state: Health;
  readonly before: Health;
  /** When the run ended, ISO 8601. */
  readonly time: string;
  /** One line for a person. */
  readonly summary: string;
  readonly run: {
    readonly id: string;
    readonly verdict: string;
    readonly exitCode: number;
    readonly durationMs: number;
    readonly incomplete: readonly string[];
    readonly error?: NonNullable<RunSummary['error']>;
  };
  readonly changes: readonly CommitMessage[];
  readonly counts: ChangeCounts;
  /** Of a `watch` event: what the rules found. */
  readonly watched?: readonly WatchedMessage[];
}

/** What a rule found, in a notification. */
interface WatchedMessage extends Omit<WatchedGroup, 'changes'> {
  /** One line for a person. */
  readonly summary: string;
  readonly changes: readonly (WatchedEdit & { readonly link?: string })[];
}

/** The changes of a run, counted. */
export function countsOf(changes: readonly Pick<Change, 'kind'>[]): ChangeCounts {
  const count = (wanted: Change['kind']): number => changes.filter(({ kind }) => kind === wanted).length;
  return { added: count('added'), changed: count('changed'), renamed: count('renamed'), deleted: count('deleted') };
}

/** Commits named one by one in a text. */
const MOST_NAMED = 20;
/** Resources of a commit named one by one below it. */
const MOST_RESOURCES = 5;

function troubleOf(run: RunSummary): string {
  const { error, incomplete, remote } = run;
  if (error) return `${error.message}${error.hint ? `. ${error.hint}` : ''}`;
  if (incomplete.length > 0) return `could not be read completely: ${incomplete.join(', ')}; their files are unchanged`;
  if (remote.state !== 'behind') return 'partly done';
  const remedy = remote.remedy === undefined ? '' : `. ${remote.remedy}`;
  return `commits could not be pushed: ${remote.reason ?? 'the remote cannot be reached'}${remedy}`;
}

/** What the end of a run leads to. */
export type RunEvent = Exclude<Notified, 'drill-failed'>;

function summaryOf(event: RunEvent, account: string, run: RunSummary, since: string | undefined): string {
  switch (event) {
    case 'failure':
      return `${account}: sync failed: ${troubleOf(run)}`;
    case 'refused':
      return `${account}: sync refused, nothing was committed: ${troubleOf(run)}`;
    case 'partial':
      return `${account}: sync incomplete: ${troubleOf(run)}`;
    case 'recovery':
      return `${account}: recovered${since ? `; had been failing since ${since}` : ''}`;
    case 'changes':
      return `${account}: ${counted(run.changes, 'change')} in ${counted(run.commits.length, 'commit')}`;
  }
}

function runOf({ runId: id, verdict, exitCode, durationMs, incomplete }: RunSummary): Message['run'] {
  return { id, verdict, exitCode, durationMs, incomplete };
}

/** The notification of a run. `since`: when the failures began that are over now. */
export function messageOf(
  event: RunEvent,
  account: string,
  states: { readonly now: Health; readonly before: Health; readonly since?: string | undefined },
  run: RunSummary,
  counts: ChangeCounts,
  linkOf: CommitLink,
): Message {
  return {
    version: 1,
    event,
    account,
    state: states.now,
    before: states.before,
    time: run.endedAt,
    summary: said(summaryOf(event, account, run, states.since)),
    run: {
      ...runOf(run),
      ...(run.error
        ? {
            error: {
              ...run.error,
              message: said(run.error.message),
              ...(run.error.hint ? { hint: said(run.error.hint) } : {}),
            },
          }
        : {}),
    },
    changes: run.commits.map(({ author, subject, id, date, resources = [] }) => {
      const link = linkOf(id);
      const about = { author: said(author), subject: said(subject), commit: id, date };
      const named = resources.map((one) => ({
        ...one,
        name: said(one.name),
        what: said(one.what),
        fields: one.fields.map(said),
      }));
      return { ...about, ...(link === undefined ? {} : { link }), resources: named };
    }),
    counts,
  };
}

/** `flow "Order sync"`, or the id where it has no name. */
function resourceWords({ noun, id, name }: WatchedEdit): string {
  return name === '' ? `${noun} ${id}` : `${noun} "${name}"`;
}

function personWords({ by }: WatchedEdit): string {
  return by === null ? 'by someone unknown' : `by ${by.name}`;
}

/** A change, or how many there were, in one line. */
function watchedWords({ count, changes: [first, ...more] }: WatchedGroup): string {
  if (!first) return counted(count, 'change');
  if (count === 1) return `${resourceWords(first)} ${first.what} ${personWords(first)}`;
  const same = more.every(({ type }) => type === first.type) && more.length + 1 === count;
  return `${counted(count, same ? first.noun : 'resource')} changed ${personWords(first)}`;
}

function quiet(edit: WatchedEdit): WatchedEdit {
  const { by } = edit;
  const person = ({ name, email }: Person): Person => ({ name: said(name), email: said(email) });
  return {
    ...edit,
    name: said(edit.name),
    fields: edit.fields.map(said),
    by: by === null ? null : person(by),
    also: edit.also.map(person),
    sources: edit.sources.map(said),
  };
}

/** The notification of changes that rules of `watch` found. */
export function watchMessage(
  account: string,
  found: FoundChanges,
  states: { readonly now: Health },
  run: RunSummary,
  linkOf: CommitLink,
): Message {
  const watched = found.groups.map((group): WatchedMessage => {
    const quieted = { ...group, rule: said(group.rule), changes: group.changes.map(quiet) };
    const changes = quieted.changes.map((edit) => {
      const link = linkOf(edit.commit);
      return link === undefined ? edit : { ...edit, link };
    });
    return { ...quieted, summary: watchedWords(quieted), changes };
  });
  const [only] = found.count === 1 ? watched : [];
  return {
    version: 1,
    event: 'watch',
    severity: SEVERITIES.findLast((severity) => watched.some((group) => group.severity === severity)) ?? 'warning',
    account,
    state: states.now,
    before: states.now,
    time: run.endedAt,
    summary: `${account}: ${only ? only.summary : counted(found.count, 'watched change')}`,
    run: runOf(run),
    changes: [],
    counts: { added: 0, changed: 0, renamed: 0, deleted: 0 },
    watched,
  };
}

/** The notification of a drill that failed. @param state how the account fares, which a drill does not change */
export function drillMessage(account: string, drill: DrillSummary, state: Health): Message {
  const { endedAt, durationMs, documents, restored, problem = 'it came to no result' } = drill;
  const what =
    documents === undefined || restored === undefined
      ? 'drill failed'
      : `drill failed, ${restored} of ${counted(documents, 'resource')} came back`;
  const none = { added: 0, changed: 0, renamed: 0, deleted: 0 };
  const error = { code: 'DRILL', message: said(problem) };
  return {
    version: 1,
    event: 'drill-failed',
    account,
    state,
    before: state,
    time: endedAt,
    summary: said(`${account}: ${what}: ${problem}`),
    run: { id: '', verdict: 'failed', exitCode: EXIT.failed, durationMs, incomplete: [], error },
    changes: [],
    counts: none,
  };
}

/** One commit: who, what and where to look; what happened to each resource where the subject has no room for it. */
function commitLines({ author, subject, commit, link, resources }: CommitMessage): string[] {
  const named = resources.length > 1 ? resources.slice(0, MOST_RESOURCES) : [];
  return [
    `- ${author}: ${subject} (${link ?? commit.slice(0, 10)})`,
    ...named.map(({ type, id, name, what }) => `    ${type}/${id}${name === '' ? '' : ` "${name}"`}: ${what}`),
    ...(named.length > 0 && resources.length > named.length ? ['    …'] : []),
  ];
}

/** `fields: disabled, schedule; 2026-11-28 22:10 UTC; api; with Ann Lee`. */
function editWords({ fields, moreFields, time, sources, also }: WatchedEdit): string {
  const more = moreFields > 0 ? [`and ${moreFields} more`] : [];
  return [
    ...(fields.length > 0 ? [`fields: ${[...fields, ...more].join(', ')}`] : []),
    `${time.slice(0, 16).replace('T', ' ')} UTC`,
    ...sources,
    ...(also.length > 0 ? [`with ${also.map(({ name }) => name).join(', ')}`] : []),
  ].join('; ');
}

/** What a rule found: the changes, and below why they are reported. */
function watchedLines({ severity, summary, rule, count, changes }: WatchedMessage): string[] {
  const [first] = changes;
  const where = ({ link, commit }: WatchedMessage['changes'][number]): string => link ?? commit.slice(0, 10);
  const lines =
    count === 1 && first
      ? [`- ${severity}: ${summary} (${where(first)})`, `    ${first.type}/${first.id}: ${editWords(first)}`]
      : [
          `- ${severity}: ${summary}`,
          ...changes.map(
            (edit) =>
              `    ${edit.type}/${edit.id} ${resourceWords(edit)} ${edit.what}: ${editWords(edit)} (${where(edit)})`,
          ),
          ...(count > changes.length ? [`    … and ${count - changes.length} more`] : []),
        ];
  return [...lines, `    rule: ${rule}`];
}

/** The message as plain text: the summary, then who changed what. */
export function plainText(message: Message): string {
  const shown = message.changes.slice(0, MOST_NAMED);
  const more = message.changes.length - shown.length;
  const watched = message.watched ?? [];
  const rest = watched.length - MOST_NAMED;
  return [
    message.summary,
    ...watched.slice(0, MOST_NAMED).flatMap(watchedLines),
    ...(rest > 0 ? [`- and ${counted(rest, 'further change')} that rules ask for`] : []),
    ...shown.flatMap(commitLines),
    ...(more > 0 ? [`- and ${counted(more, 'further commit')}`] : []),
    ...(message.run.id === '' ? [] : ['', `run ${message.run.id}, exit code ${message.run.exitCode}`]),
  ].join('\n');
}

/** Writes a value so that it remains one value in the text around it. */
type Escape = (text: string) => string;

export const AS_IT_IS: Escape = String;
/** Inside a JSON string. */
export const FOR_JSON: Escape = (text) => JSON.stringify(String(text)).slice(1, -1);
/** Slack interprets `<!channel>` and the like as commands. */
export const FOR_SLACK: Escape = (text) =>
  String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
