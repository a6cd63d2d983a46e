import { fetchAudit, fetchUsers } from '../../celigo/audit.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { AttributionInput } from '../../core/attribution.ts';
import type { Change, EditNote, Person } from '../../core/changes.ts';
import { messageOf } from '../../core/errors.ts';
import { attributionStatusBy, type EarlierCommit } from '../../core/reported.ts';
import type { AccountRun } from './account-run.ts';
import type { Decision } from './decide.ts';
import { type EarlierHistory, openHistory } from './earlier-commits.ts';
import type { StartingPoint } from './starting-point.ts';

/** How far the reading of the audit log reaches back behind the last run: entries may turn up late. */
const AUDIT_OVERLAP_MS = 5 * 60_000;

/** Clocks of machines that keep them need not agree to the second. */
const CLOCKS_MS = 60_000;

/** What the audit log has about the changes of a run. */
export interface Log {
  /** Entries about the resources that changed, oldest first. */
  readonly notes: readonly EditNote[];
  readonly statusOf: AttributionInput['statusOf'];
  readonly named: ReadonlyMap<string, Person>;
}

/** Of a run that has nothing to ask it about. */
export const NO_LOG: Log = { notes: [], statusOf: () => 'fresh', named: new Map() };

/**
 * The audit log since the mirror saw the account last, with what earlier commits say of it; `undefined` where the log
 * cannot be read completely.
 */
export async function readLog(
  run: AccountRun,
  start: StartingPoint,
  { serverTime }: Decision,
  edits: readonly Change[],
): Promise<Log | undefined> {
  const { client, deps, account } = run;
  const { lastRun } = start.headState;
  const skewMs = client.clockSkewMs();
  const earlier = openHistory(start.repository, skewMs);
  const last = lastRun ? Date.parse(lastRun) : await lastRead(earlier, account.name, edits);
  const from = (last ?? serverTime.getTime()) - AUDIT_OVERLAP_MS;
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
