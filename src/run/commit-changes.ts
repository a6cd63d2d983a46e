import { findType } from '../catalogue/index.ts';
import { fetchAudit, fetchUsers } from '../celigo/audit.ts';
import type { ApiClient } from '../celigo/client.ts';
import { ApiError } from '../celigo/errors.ts';
import type { AccountConfig } from '../config/schema.ts';
import { type AuthoredChanges, attributeChanges, type EditNote, type Person } from '../core/attribution.ts';
import type { Change } from '../core/changes.ts';
import { messageOf } from '../core/errors.ts';
import { commitMessage, type Nouns } from '../core/message.ts';
import { commitFiles } from '../mirror/commit.ts';
import type { Repository } from '../mirror/repository.ts';
import { wordsFor } from './beside.ts';
import type { CommitReport } from './report.ts';
import type { RestoreCommit, SyncDeps } from './sync.ts';

/** How far the reading of the audit log reaches back behind the last run: entries may turn up late. */
const AUDIT_OVERLAP_MS = 5 * 60_000;

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
  /** Start of the last whole run by the server's clock, where remembered. */
  readonly lastRun: string | undefined;
  /** Audit entries that earlier commits told. */
  readonly told: ReadonlyMap<string, string>;
  /** Files in the account's folder that are not ours. */
  readonly foreign: readonly string[];
  /** What a restore wrote is its operator's. */
  readonly restore?: RestoreCommit;
  /** Puts all files in place. */
  readonly apply: () => void;
}

function nounsOf(dir: string): Nouns {
  const type = findType(dir);
  return type ?? { noun: dir, plural: dir };
}

async function auditStart(input: CommitInput): Promise<Date> {
  if (input.lastRun) return new Date(Date.parse(input.lastRun) - AUDIT_OVERLAP_MS);
  // A fresh clone remembers nothing: the last commit of the account tells when it was last equal.
  const time = await input.repository.git.ask(['log', '-1', '--format=%ct', '--', input.account.name]);
  const seconds = Number(time?.trim());
  const last = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : input.serverTime.getTime();
  return new Date(last - AUDIT_OVERLAP_MS);
}

/** The audit entries since the last run that no commit told yet; `undefined` where the log cannot be read. */
async function readNotes(input: CommitInput): Promise<EditNote[] | undefined> {
  const to = new Date(Math.max(Date.now(), input.deps.now().getTime()) + input.client.clockSkewMs() + 60_000);
  try {
    const notes = await fetchAudit(input.client, await auditStart(input), to, input.deps.signal);
    return notes.filter((note) => !input.told.has(note.id));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    input.deps.report({
      name: 'notice',
      account: input.account.name,
      message: `the audit log could not be read (${messageOf(error)}): authors are the last modifiers, where known`,
    });
    return undefined;
  }
}

async function readUsers(
  input: CommitInput,
  changes: readonly Change[],
): Promise<ReadonlyMap<string, Person>> {
  const needed = changes.some(({ lastModifiedBy }) => lastModifiedBy && !lastModifiedBy.name);
  if (!needed) return new Map();
  try {
    return await fetchUsers(input.client, input.deps.signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return new Map();
  }
}

/**
 * Finds out who changed what, puts the files in place and commits them, one commit a person, oldest first.
 * @returns the commits, and the audit entries told so far that may turn up again
 */
export async function commitChanges(
  input: CommitInput,
): Promise<{ commits: CommitReport[]; told: ReadonlyMap<string, string> }> {
  const { deps, repository, account } = input;
  const edits = input.changes.filter((change) => !change.baseline);
  const notes = edits.length > 0 ? await readNotes(input) : [];
  const users = await readUsers(input, edits);
  const isRestored = ({ dir, id }: Change): boolean => input.restore?.touched.has(`${dir}/${id}`) ?? false;
  const groups = [
    ...attributeChanges({
      changes: input.changes.filter((change) => !isRestored(change)),
      notes: notes ?? [],
      auditTypeOf: (dir) => findType(dir)?.auditType,
      users,
      fallback: deps.config.repository.author,
      now: deps.now(),
    }),
  ];
  const restored = restoredGroup(input, input.changes.filter(isRestored), notes ?? []);
  if (restored) groups.unshift(restored);
  addSettings(groups, input);

  deps.signal.throwIfAborted();
  input.apply();
  const commits: CommitReport[] = [];
  const told = new Map(input.told);
  const times = new Map((notes ?? []).map((note) => [note.id, note.time]));
  for (const [i, group] of groups.entries()) {
    const paths = group.changes.flatMap(({ put, remove }) => [...put, ...remove]);
    if (i === groups.length - 1) paths.push(...input.settings);
    const alongside = group === restored ? (input.restore?.files ?? []).map(({ path }) => path) : [];
    const message = commitMessage({
      account: account.name,
      runId: input.runId,
      changes: group.changes,
      notes: group.notes,
      coAuthors: group.coAuthors,
      certainty: group.certainty,
      audited: notes !== undefined,
      incomplete: input.incomplete,
      first: input.first && group !== restored,
      ...(group === restored && input.restore ? { restoreId: input.restore.id } : {}),
      ...(i === groups.length - 1 ? { beside: wordsFor(input.settings) } : {}),
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
    for (const noteId of group.noteIds) told.set(noteId, times.get(noteId) ?? '');
    const commit: CommitReport = {
      id,
      subject: message.slice(0, message.indexOf('\n')),
      author: `${group.author.name} <${group.author.email}>`,
      date: group.date.toISOString(),
    };
    commits.push(commit);
    deps.report({ name: 'committed', account: account.name, commit });
  }
  // As far back as the next run may read: from this run, or still from the last whole one.
  const base =
    input.incomplete.length > 0 && input.lastRun ? Date.parse(input.lastRun) : input.serverTime.getTime();
  const horizon = new Date(base - 2 * AUDIT_OVERLAP_MS).toISOString();
  return { commits, told: new Map([...told].filter(([, time]) => time >= horizon)) };
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
    noteIds: [],
  });
}

/** What a restore wrote, as one commit of its operator. Whoever edited the same resources meanwhile is named too. */
function restoredGroup(
  input: CommitInput,
  changes: readonly Change[],
  notes: readonly EditNote[],
): AuthoredChanges | undefined {
  const { restore, deps } = input;
  if (!restore || (changes.length === 0 && restore.files.length === 0)) return undefined;
  const about = notes.filter((note) => changes.some(({ id }) => id === note.resourceId));
  return {
    author: restore.operator,
    date: deps.now(),
    coAuthors: [],
    changes: [...changes].sort((a, b) => (a.path < b.path ? -1 : 1)),
    certainty: 'audit',
    notes: new Map(),
    noteIds: about.map(({ id }) => id),
  };
}
