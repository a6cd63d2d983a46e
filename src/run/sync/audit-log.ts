import { findType } from '../../catalogue/index.ts';
import { fetchAudit, fetchUsers, inOrder } from '../../celigo/audit.ts';
import { ApiError } from '../../celigo/errors.ts';
import { type AttributionInput, notesAbout } from '../../core/attribution.ts';
import type { Change, EditNote, Person } from '../../core/changes.ts';
import { messageOf } from '../../core/errors.ts';
import { readPath } from '../../core/layout.ts';
import { attributionStatusBy, type EarlierCommit } from '../../core/reported.ts';
import type { Repository } from '../../mirror/repository.ts';
import type { AccountRun } from './account-run.ts';
import { type EarlierHistory, openHistory } from './earlier-commits.ts';
import type { HeadState } from './head-state.ts';

/** How far the reading of the audit log reaches back behind the last run: entries may turn up late. */
const AUDIT_OVERLAP_MS = 5 * 60_000;

/** Clocks of machines that keep them need not agree to the second. */
const CLOCKS_MS = 60_000;

/** The audit log's name of a type; `undefined` for one that it does not cover. */
export function auditTypeOf(type: string): string | undefined {
  return findType(type)?.auditType;
}

/** What the audit log has about the changes of a run. */
export interface Log {
  /** Entries about the resources that changed, oldest first. */
  readonly notes: readonly EditNote[];
  readonly statusOf: AttributionInput['statusOf'];
  readonly named: ReadonlyMap<string, Person>;
  /** Whether an addition was there before the first listing of the account, which missed it. */
  readonly existed: (change: Change) => boolean;
}

/** Of a run that has nothing to ask it about. */
export const NO_LOG: Log = { notes: [], statusOf: () => 'fresh', named: new Map(), existed: () => false };

/** The audit log, as one run asks it. */
export interface AuditLog {
  /**
   * Asks in the background when called first: something changed, and the rest of the account is still to be listed. A
   * run that finds no changes never asks.
   */
  readonly ask: () => void;
  /**
   * The log since the mirror saw the account last, with what earlier commits say of it; `undefined` where it cannot be
   * read completely. `serverTime`: start of the run by the server's clock.
   */
  readonly about: (edits: readonly Change[], serverTime: Date) => Promise<Log | undefined>;
}

export function openAuditLog(run: AccountRun, repository: Repository, headState: HeadState): AuditLog {
  const { client, deps, account, options } = run;
  const now = (): number => Math.max(Date.now(), deps.now().getTime()) + client.clockSkewMs();
  /** When the account was last read; what a wrong clock says of it is not known. */
  const lastRun = (): number | undefined => {
    const time = Date.parse(headState.lastRun ?? '');
    return time <= now() + CLOCKS_MS ? time : undefined;
  };
  /** What was asked for in the background, and when by the server's clock. */
  let early: { readonly at: number; readonly entries: Promise<readonly EditNote[]> } | undefined;

  function entriesFrom(time: number): Promise<readonly EditNote[]> {
    return fetchAudit(client, new Date(time - AUDIT_OVERLAP_MS), new Date(now() + 60_000), deps.signal);
  }

  /** The entries since then, as far as these changes need them. */
  async function entriesAbout(edits: readonly Change[], last: number): Promise<readonly EditNote[]> {
    if (!early) return entriesFrom(last);
    const entries = await early.entries;
    if (edits.every((edit) => isReported(edit, entries, last))) return entries;
    const rest = await entriesFrom(early.at);
    return inOrder([...new Map([...entries, ...rest].map((entry) => [entry.id, entry])).values()]);
  }

  return {
    ask() {
      // Without the time of the last run, what changed decides how far back the log is read.
      const last = lastRun();
      if (early || last === undefined || options.dryRun) return;
      early = { at: Date.now() + client.clockSkewMs(), entries: entriesFrom(last) };
      early.entries.catch(() => undefined);
    },
    async about(edits, serverTime) {
      const earlier = openHistory(repository, client.clockSkewMs(), now());
      const last = lastRun() ?? (await lastRead(earlier, account.name, edits));
      try {
        const all = await entriesAbout(edits, last ?? serverTime.getTime());
        const changed = new Set(edits.map(({ id }) => id));
        const notes = all.filter(({ resourceId }) => changed.has(resourceId));
        const oldest = Math.min(...notes.map(({ time }) => Date.parse(time)));
        // A commit reports what was before it: older ones say nothing of these entries. The times of the mirror's own
        // commits never go backwards; those of others may.
        const isOlder = ({ facts, own, committed }: EarlierCommit): boolean =>
          facts.account !== undefined && own && committed < oldest - CLOCKS_MS;
        const commits = notes.length > 0 ? await earlier.upTo(isOlder) : [];
        const own = commits.filter(({ facts }) => facts.account === account.name);
        const existed = await existedBefore(earlier, account.name, edits, notes);
        const statusOf = attributionStatusBy(own);
        // Of what is older than the last run, commits that cannot be read may have reported it.
        const isDoubtful = (note: EditNote): boolean => !earlier.isWhole() && Date.parse(note.time) < (last ?? 0);
        return {
          notes,
          statusOf: (change, note, email) => {
            const status = statusOf(change, note, email);
            return status === 'fresh' && isDoubtful(note) ? 'reported' : status;
          },
          named: namesIn(all),
          existed,
        };
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        run.notice(
          `the audit log could not be read (${messageOf(error)}): ` +
            'commits name the last modifier as author, where known',
        );
        return undefined;
      }
    },
  };
}

/**
 * Whether entries hold the last edit that a change shows: one from the time of its `lastModified`, or its deletion.
 * Then they hold those before it, and later ones are none of this run's. What the log does not report yet, or never,
 * is asked for again at the end.
 */
function isReported(change: Change, entries: readonly EditNote[], last: number): boolean {
  const from = Math.max(last, change.kind === 'deleted' ? last : Date.parse(change.lastModified ?? ''));
  return notesAbout(change, entries, auditTypeOf).some(
    ({ time, event }) => Date.parse(time) >= from && (change.kind !== 'deleted' || event === 'delete'),
  );
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
  const commits = await earlier.upTo(({ facts, own, readAt }) => {
    if (facts.account !== account || facts.renewed || !own || !Number.isFinite(readAt)) return false;
    for (const typeName of missing) if (!facts.incomplete.includes(typeName)) missing.delete(typeName);
    return missing.size === 0;
  });
  return commits.findLast(({ readAt }) => Number.isFinite(readAt))?.readAt;
}

/**
 * Finds additions that no one made: created before the account was listed first, never seen since, and no entry says
 * that they came back. A server that ends a list too early, or a token that sees more than before, shows them late.
 */
async function existedBefore(
  earlier: EarlierHistory,
  account: string,
  edits: readonly Change[],
  notes: readonly EditNote[],
): Promise<Log['existed']> {
  const old = edits.filter(
    (change) =>
      change.kind === 'added' &&
      change.created !== undefined &&
      !notesAbout(change, notes, auditTypeOf).some(({ event }) => event === 'create' || event === 'restore'),
  );
  if (old.length === 0) return () => false;
  const commits = (await earlier.upTo(({ facts }) => facts.first && facts.account === account)).filter(
    ({ facts }) => facts.account === account,
  );
  const first = commits.find(({ facts }) => facts.first)?.readAt ?? Number.NEGATIVE_INFINITY;
  const seen = new Set(commits.flatMap(({ facts }) => [...facts.lines.keys()].map((path) => readPath(path)?.id)));
  const existing = new Set(old.filter(({ id, created }) => Date.parse(created ?? '') < first && !seen.has(id)));
  return (change) => existing.has(change);
}

/** Who the people are whom the log names somewhere: other entries may have their ids alone. */
function namesIn(notes: readonly EditNote[]): Map<string, Person> {
  const people = new Map<string, Person>();
  for (const { by } of notes) if (by.name && by.email) people.set(by.id, { name: by.name, email: by.email });
  return people;
}

/** Names of those whom the changes or the log give by id alone. */
export async function readUsers(
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
