import { rmSync, writeFileSync } from 'node:fs';
import { findType } from '../../catalogue/index.ts';
import { fetchAudit, fetchUsers } from '../../celigo/audit.ts';
import { ApiError } from '../../celigo/errors.ts';
import {
  type AttributionInput,
  type AuthoredChanges,
  attributeChanges,
  coAuthorsOf,
  notesAbout,
  personOf,
} from '../../core/attribution.ts';
import type { Change, ChangeNote, EditNote, Person } from '../../core/changes.ts';
import { messageOf } from '../../core/errors.ts';
import { commitMessage, type Nouns } from '../../core/message.ts';
import { attributionStatusBy, type EarlierCommit } from '../../core/reported.ts';
import { commitFiles } from '../../mirror/commit.ts';
import { writeAlongside } from '../../mirror/staging.ts';
import type { CommitReport } from '../report.ts';
import type { AccountRun } from './account-run.ts';
import type { Decision } from './decide.ts';
import { type EarlierHistory, openHistory } from './earlier-commits.ts';
import { wordsFor } from './generated-files.ts';
import type { StartingPoint } from './starting-point.ts';

/** How far the reading of the audit log reaches back behind the last run: entries may turn up late. */
const AUDIT_OVERLAP_MS = 5 * 60_000;

/** Clocks of machines that keep them need not agree to the second. */
const CLOCKS_MS = 60_000;

/** What the audit log has about the changes of a run. */
interface Log {
  /** Entries about the resources that changed, oldest first. */
  readonly notes: readonly EditNote[];
  readonly statusOf: AttributionInput['statusOf'];
  readonly named: ReadonlyMap<string, Person>;
}

const NO_LOG: Log = { notes: [], statusOf: () => 'fresh', named: new Map() };

/** A run that is about to commit. */
interface Committing {
  readonly run: AccountRun;
  readonly start: StartingPoint;
  readonly decision: Decision;
}

function auditTypeOf(type: string): string | undefined {
  return findType(type)?.auditType;
}

function nounsOf(typeName: string): Nouns {
  const type = findType(typeName);
  return type ?? { noun: typeName, plural: typeName };
}

/**
 * The audit log since the mirror saw the account last, with what earlier commits say of it; `undefined` where the log
 * cannot be read completely.
 */
async function readLog({ run, start, decision }: Committing, edits: readonly Change[]): Promise<Log | undefined> {
  const { client, deps, account } = run;
  const { lastRun } = start.headState;
  const skewMs = client.clockSkewMs();
  const earlier = openHistory(start.repository, skewMs);
  const last = lastRun ? Date.parse(lastRun) : await lastRead(earlier, account.name, edits);
  const from = (last ?? decision.serverTime.getTime()) - AUDIT_OVERLAP_MS;
  const to = Math.max(Date.now(), deps.now().getTime()) + skewMs + 60_000;
  try {
    const all = await fetchAudit(client, new Date(from), new Date(to), deps.signal);
    const changed = new Set(edits.map(({ id }) => id));
    const notes = all.filter(({ resourceId }) => changed.has(resourceId));
    const oldest = Math.min(...notes.map(({ time }) => Date.parse(time)));
    // A commit reports what was before it: older ones say nothing of these entries. The times of the mirror's own
    // commits never go backwards; those of others may.
    const isOlder = ({ facts, committed }: EarlierCommit): boolean =>
      facts.account !== undefined && committed < oldest - CLOCKS_MS;
    const commits = notes.length > 0 ? await earlier.upTo(isOlder) : [];
    const own = commits.filter(({ facts }) => facts.account === account.name);
    return { notes, statusOf: attributionStatusBy(own), named: namesIn(all) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    run.notice(
      `the audit log could not be read (${messageOf(error)}): commits name the last modifier as author, where known`,
    );
    return undefined;
  }
}

/**
 * When the account was last read, going by its newest commits: by a run that could read all types that changed now.
 * `undefined` when no commit names one.
 */
async function lastRead(
  earlier: EarlierHistory,
  account: string,
  edits: readonly Change[],
): Promise<number | undefined> {
  const missing = new Set(edits.map(({ type }) => type));
  const commits = await earlier.upTo(({ facts }) => {
    if (facts.account !== account || facts.renewed) return false;
    for (const typeName of missing) if (!facts.incomplete.includes(typeName)) missing.delete(typeName);
    return missing.size === 0;
  });
  return commits.at(-1)?.readAt;
}

/** Who the people are whom the log names somewhere: other entries may have their ids alone. */
function namesIn(notes: readonly EditNote[]): Map<string, Person> {
  const people = new Map<string, Person>();
  for (const { by } of notes) if (by.name && by.email) people.set(by.id, { name: by.name, email: by.email });
  return people;
}

/** Names of those whom the changes or the log give by id alone. */
async function readUsers(
  { client, deps }: AccountRun,
  changes: readonly Change[],
  log: Log | undefined,
): Promise<ReadonlyMap<string, Person>> {
  const named = log?.named ?? new Map<string, Person>();
  const editors = [
    ...changes.flatMap(({ lastModifiedBy }) => lastModifiedBy ?? []),
    ...(log?.notes ?? []).map(({ by }) => by),
  ];
  if (editors.every(({ id, name }) => name || named.has(id))) return named;
  try {
    return new Map([...(await fetchUsers(client, deps.signal)), ...named]);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return named;
  }
}

/** Finds out who changed what, puts the files in place and commits them, one commit a person, oldest first. */
export async function commitChanges(
  run: AccountRun,
  start: StartingPoint,
  decision: Decision,
): Promise<CommitReport[]> {
  const { changes, generated } = decision;
  const { marker, staging } = start;
  const alongside = run.options.restore?.files ?? [];
  if (changes.length + generated.put.length + generated.remove.length + alongside.length === 0) {
    rmSync(marker, { force: true });
    return [];
  }
  for (const file of generated.put) staging.put(file);
  // Reports to the next run one that was killed before the marker is removed.
  writeFileSync(marker, '');
  const groups = await attribute({ run, start, decision });
  run.deps.signal.throwIfAborted();
  staging.apply(
    [...changes.flatMap(({ put }) => put), ...generated.put.map(({ path }) => path)],
    [...changes.flatMap(({ remove }) => remove), ...generated.remove],
  );
  writeAlongside(start.repository.path, alongside);
  const commits: CommitReport[] = [];
  for (const [i, group] of groups.entries()) {
    const commit = await commitGroup({ run, start, decision }, group, i === groups.length - 1);
    if (commit) commits.push(commit);
  }
  rmSync(marker, { force: true });
  return commits;
}

/** The changes of one author. */
interface Group extends AuthoredChanges {
  /** What a restore wrote. */
  readonly restored: boolean;
  /** Whether the audit log could be read. */
  readonly audited: boolean;
}

/** Sorts the changes by who made them, oldest first. */
async function attribute(committing: Committing): Promise<Group[]> {
  const { run, decision } = committing;
  const { deps, options } = run;
  const edits = decision.changes.filter((change) => !change.baseline);
  const log = edits.length > 0 ? await readLog(committing, edits) : NO_LOG;
  const users = await readUsers(run, edits, log);
  const isRestored = ({ type, id }: Change): boolean => options.restore?.touched.has(`${type}/${id}`) ?? false;
  const authored = attributeChanges({
    changes: decision.changes.filter((change) => !isRestored(change)),
    notes: log?.notes ?? [],
    statusOf: log?.statusOf ?? (() => 'fresh'),
    auditTypeOf,
    users,
    fallback: deps.config.repository.author,
    now: deps.now(),
    // No one made what the rules of this version make of an unchanged document.
    guess: !committing.start.newRules,
  });
  const restored = restoredGroup(committing, decision.changes.filter(isRestored), log, users);
  const audited = log !== undefined;
  return [
    ...(restored ? [{ ...restored, restored: true, audited }] : []),
    ...[...authored, ...settingsGroup(committing, authored.at(-1) ?? restored)].map((group) => ({
      ...group,
      restored: false,
      audited,
    })),
  ];
}

async function commitGroup(
  { run, start, decision }: Committing,
  group: Group,
  last: boolean,
): Promise<CommitReport | undefined> {
  const { deps, account, options } = run;
  const { repository, headState } = start;
  const settings = last ? settingsOf(decision) : [];
  const message = commitMessage({
    account: account.name,
    runId: deps.runId,
    readAt: decision.serverTime,
    changes: group.changes,
    notes: group.notes,
    coAuthors: group.coAuthors,
    certainty: group.certainty,
    audited: group.audited,
    incomplete: decision.incomplete,
    first: headState.binding === undefined && !group.restored,
    ...(group.restored && options.restore ? { restoreId: options.restore.id } : {}),
    newRules: start.newRules && group.changes.some(({ kind }) => kind !== 'added'),
    ...(last ? { generated: wordsFor(settings) } : {}),
    nounsOf,
  });
  const request = {
    message,
    author: group.author,
    authorDate: group.date,
    paths: [...group.changes.flatMap(({ put, remove }) => [...put, ...remove]), ...settings],
    alongside: group.restored ? (options.restore?.files ?? []).map(({ path }) => path) : [],
  };
  const id = await commitFiles(repository, account.name, decision.foreign, request, deps.now());
  if (!id) return undefined;
  const commit: CommitReport = {
    id,
    subject: message.slice(0, message.indexOf('\n')),
    author: `${group.author.name} <${group.author.email}>`,
    date: group.date.toISOString(),
  };
  deps.report({ name: 'committed', account: account.name, commit });
  return commit;
}

/** Paths of our own files that changed, inside the account folder. */
function settingsOf({ generated }: Decision): string[] {
  return [...generated.put.map(({ path }) => path), ...generated.remove];
}

/** Our own files go with the mirror's own commit, which comes last. */
function settingsGroup({ run, decision }: Committing, last: AuthoredChanges | undefined): AuthoredChanges[] {
  if (settingsOf(decision).length === 0 || last?.certainty === 'unknown') return [];
  const { deps } = run;
  const author = deps.config.repository.author;
  return [{ author, date: deps.now(), coAuthors: [], changes: [], certainty: 'unknown', notes: new Map() }];
}

/**
 * What a restore wrote, as one commit of its operator. Whoever else edited the same resources since the mirror saw them
 * last is named too.
 */
function restoredGroup(
  { run, start }: Committing,
  changes: readonly Change[],
  log: Log | undefined,
  users: ReadonlyMap<string, Person>,
): AuthoredChanges | undefined {
  const { restore } = run.options;
  const { userId } = start;
  if (!restore || (changes.length === 0 && restore.files.length === 0)) return undefined;
  const noteOf = (change: Change): ChangeNote => {
    const about = notesAbout(change, log?.notes ?? [], auditTypeOf);
    const foreign = about
      .filter(({ by }) => by.id !== userId)
      .map((note) => ({ note, person: personOf(note.by, users) }))
      .filter(({ note, person }) => log?.statusOf(change, note, person.email) === 'fresh')
      .map(({ person }) => [person.email, person] as const);
    const newest = about.at(-1);
    return {
      ...(newest ? { time: newest.time } : {}),
      guessed: false,
      sources: [],
      undeleted: restore.undeleted.has(`${change.type}/${change.id}`),
      others: [...new Map(foreign).values()].filter(({ email }) => email !== restore.operator.email),
    };
  };
  const notes = new Map(changes.map((change) => [change, noteOf(change)]));
  return {
    author: restore.operator,
    date: run.deps.now(),
    coAuthors: coAuthorsOf(restore.operator, notes.values()),
    changes: [...changes].sort((a, b) => (a.path < b.path ? -1 : 1)),
    certainty: 'audit',
    notes,
  };
}
