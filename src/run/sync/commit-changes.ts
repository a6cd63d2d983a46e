import { findType } from '../../catalogue/index.ts';
import { fetchAudit, fetchUsers } from '../../celigo/audit.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { AccountConfig } from '../../config/schema.ts';
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
import type { Repository } from '../../mirror/repository.ts';
import type { CommitReport } from '../report.ts';
import { type EarlierHistory, openHistory } from './earlier-commits.ts';
import { wordsFor } from './generated-files.ts';
import type { RestoreCommit, SyncDeps } from './sync-deps.ts';

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

export interface CommitInput {
  readonly deps: SyncDeps;
  readonly client: ApiClient;
  readonly repository: Repository;
  readonly account: AccountConfig;
  readonly changes: readonly Change[];
  /** Our own files that changed, inside the account folder. */
  readonly settings: readonly string[];
  readonly incomplete: readonly string[];
  readonly first: boolean;
  readonly runId: string;
  /** Start of the run by the server's clock. */
  readonly serverTime: Date;
  /** Start of the last complete run by the server's clock, where the cache has it. */
  readonly lastRun: string | undefined;
  /** The token's user. */
  readonly userId: string;
  /** Files in the account's folder that are not ours. */
  readonly foreign: readonly string[];
  /** What a restore wrote is its operator's. */
  readonly restore?: RestoreCommit;
  readonly notice: (message: string) => void;
  /** Puts all files in place. */
  readonly apply: () => void;
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
async function readLog(input: CommitInput, edits: readonly Change[]): Promise<Log | undefined> {
  const { client, deps, repository, account } = input;
  const skewMs = client.clockSkewMs();
  const earlier = openHistory(repository, skewMs);
  const last = input.lastRun ? Date.parse(input.lastRun) : await lastRead(earlier, account.name, edits);
  const from = (last ?? input.serverTime.getTime()) - AUDIT_OVERLAP_MS;
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
    input.notice(
      `the audit log could not be read (${messageOf(error)}): commits name the last modifier as author, where known`,
    );
    return undefined;
  }
}

/**
 * When the account was last read, going by its newest commits: by a run that could read all types that changed now.
 * `undefined` when no commit says so.
 */
async function lastRead(
  earlier: EarlierHistory,
  account: string,
  edits: readonly Change[],
): Promise<number | undefined> {
  const missing = new Set(edits.map(({ type }) => type));
  const commits = await earlier.upTo(({ facts }) => {
    if (facts.account !== account) return false;
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
  input: CommitInput,
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
    return new Map([...(await fetchUsers(input.client, input.deps.signal)), ...named]);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return named;
  }
}

/** Finds out who changed what, puts the files in place and commits them, one commit a person, oldest first. */
export async function commitChanges(input: CommitInput): Promise<CommitReport[]> {
  const { deps, repository, account } = input;
  const edits = input.changes.filter((change) => !change.baseline);
  const log = edits.length > 0 ? await readLog(input, edits) : NO_LOG;
  const users = await readUsers(input, edits, log);
  const isRestored = ({ type, id }: Change): boolean => input.restore?.touched.has(`${type}/${id}`) ?? false;
  const groups = [
    ...attributeChanges({
      changes: input.changes.filter((change) => !isRestored(change)),
      notes: log?.notes ?? [],
      statusOf: log?.statusOf ?? (() => 'fresh'),
      auditTypeOf,
      users,
      fallback: deps.config.repository.author,
      now: deps.now(),
    }),
  ];
  const restored = restoredGroup(input, input.changes.filter(isRestored), log, users);
  if (restored) groups.unshift(restored);
  addSettings(groups, input);

  deps.signal.throwIfAborted();
  input.apply();
  const commits: CommitReport[] = [];
  for (const [i, group] of groups.entries()) {
    const paths = group.changes.flatMap(({ put, remove }) => [...put, ...remove]);
    if (i === groups.length - 1) paths.push(...input.settings);
    const alongside = group === restored ? (input.restore?.files ?? []).map(({ path }) => path) : [];
    const message = commitMessage({
      account: account.name,
      runId: input.runId,
      readAt: input.serverTime,
      changes: group.changes,
      notes: group.notes,
      coAuthors: group.coAuthors,
      certainty: group.certainty,
      audited: log !== undefined,
      incomplete: input.incomplete,
      first: input.first && group !== restored,
      ...(group === restored && input.restore ? { restoreId: input.restore.id } : {}),
      ...(i === groups.length - 1 ? { generated: wordsFor(input.settings) } : {}),
      nounsOf,
    });
    const id = await commitFiles(
      repository,
      account.name,
      input.foreign,
      {
        message,
        author: group.author,
        authorDate: group.date,
        paths,
        alongside,
      },
      deps.now(),
    );
    if (!id) continue;
    const commit: CommitReport = {
      id,
      subject: message.slice(0, message.indexOf('\n')),
      author: `${group.author.name} <${group.author.email}>`,
      date: group.date.toISOString(),
    };
    commits.push(commit);
    deps.report({ name: 'committed', account: account.name, commit });
  }
  return commits;
}

/** Our own files go with the mirror's own commit, which comes last. */
function addSettings(groups: AuthoredChanges[], input: CommitInput): void {
  if (input.settings.length === 0 || groups.at(-1)?.certainty === 'unknown') return;
  groups.push({
    author: input.deps.config.repository.author,
    date: input.deps.now(),
    coAuthors: [],
    changes: [],
    certainty: 'unknown',
    notes: new Map(),
  });
}

/**
 * What a restore wrote, as one commit of its operator. Whoever else edited the same resources since the mirror saw them
 * last is named too.
 */
function restoredGroup(
  input: CommitInput,
  changes: readonly Change[],
  log: Log | undefined,
  users: ReadonlyMap<string, Person>,
): AuthoredChanges | undefined {
  const { restore, deps, userId } = input;
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
    date: deps.now(),
    coAuthors: coAuthorsOf(restore.operator, notes.values()),
    changes: [...changes].sort((a, b) => (a.path < b.path ? -1 : 1)),
    certainty: 'audit',
    notes,
  };
}
