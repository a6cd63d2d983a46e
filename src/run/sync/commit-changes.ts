import { findType } from '../../catalogue/index.ts';
import { type AuthoredChanges, attributeChanges, coAuthorsOf, notesAbout, personOf } from '../../core/attribution.ts';
import type { ChangedFields } from '../../core/changed-fields.ts';
import type { Change, ChangeNote, Person } from '../../core/changes.ts';
import { messageOf } from '../../core/errors.ts';
import { withoutKnown } from '../../core/known-credentials.ts';
import { commitMessage } from '../../core/message.ts';
import { type Nouns, whatWords } from '../../core/subject.ts';
import { oneLine } from '../../core/unseen.ts';
import type { Tip } from '../../git/commits.ts';
import { isFuture } from '../../mirror/commit.ts';
import type { TreeChange } from '../../mirror/object-writer.ts';
import { follow } from '../../mirror/work-tree.ts';
import type { CommitReport } from '../report.ts';
import { type AccountRun, serverNow } from './account-run.ts';
import { auditTypeOf, type Log, NO_LOG, readUsers } from './audit-log.ts';
import { MOST_NAMED, readChangedFields } from './changed-fields.ts';
import { type CommitRequest, commitFolder, type FolderCommits, writeFiles } from './commit-folder.ts';
import { type Decision, reportRescue } from './decide.ts';
import { wordsFor } from './generated-files.ts';
import type { PutBack } from './put-back.ts';
import type { StartingPoint } from './starting-point.ts';
import type { GitAuthor, RestoreCommit } from './sync-deps.ts';

/** A run that is about to commit. */
interface Committing {
  readonly run: AccountRun;
  readonly start: StartingPoint;
  readonly decision: Decision;
}

function nounsOf(typeName: string): Nouns {
  const type = findType(typeName);
  return type ?? { noun: typeName, plural: typeName };
}

/** What a run committed. */
interface Committed {
  readonly commits: readonly CommitReport[];
  /** Object id of the account's folder now; `undefined` where it is that of HEAD before. */
  readonly folder: string | undefined;
  /** Whether the work tree shows it, once that has followed. Never rejects. */
  readonly following: Promise<boolean>;
}

/**
 * Finds out who changed what and commits it, one commit a person, oldest first, on top of what puts back the edits of
 * others.
 * @throws AppError, ApiError, AlreadyThere, GitFailure
 */
export async function commitChanges(
  run: AccountRun,
  start: StartingPoint,
  decision: Decision,
  putBack: PutBack | undefined,
): Promise<Committed> {
  const { repository, objects } = start;
  const { deps, account, options } = run;
  const { changes, generated } = decision;
  const alongside = options.restore?.files ?? [];
  if (!putBack && changes.length + generated.put.length + generated.remove.length + alongside.length === 0)
    return { commits: [], folder: undefined, following: Promise.resolve(true) };
  const groups = await attribute({ run, start, decision });
  deps.signal.throwIfAborted();
  const last = groups.at(-1);
  const lastRestored = groups.findLast(({ restored }) => restored);
  const requests: CommitRequest[] = putBack ? [putBack.request] : [];
  for (const group of groups) {
    const details = await readChangedFields(start, group.changes.slice(0, MOST_NAMED));
    const position = { last: group === last, carriesFiles: group === lastRestored };
    requests.push(requestOf({ run, start, decision }, group, details, position));
  }
  // Put back first, a file may end as HEAD has it.
  const known = { known: start.headState.tip, folder: account.name, exact: putBack === undefined };
  const now = serverNow(run);
  const made = await commitFolder(repository, objects, requests, now, known);
  if (made.from && isFuture(made.from, now)) run.notice(futureNotice(made.from));
  for (const commit of made.commits) deps.report({ name: 'committed', account: account.name, commit });
  return { commits: made.commits, folder: made.folder, following: followCommits(run, start, made) };
}

/** What is said of a commit that a wrong clock dated. */
function futureNotice({ commit, time }: Tip): string {
  return (
    `commit ${commit.slice(0, 12)} is dated in the future (${time.toISOString()}): the mirror's commits after it ` +
    'have the time of the server again'
  );
}

/** Lets the work tree follow. What was committed holds also where it cannot. */
async function followCommits(
  { account, notice }: AccountRun,
  { repository }: StartingPoint,
  { from, to, replaced }: FolderCommits,
): Promise<boolean> {
  if (!to || to.commit === from?.commit) return true;
  try {
    const { rescued } = await follow(repository, account.name, { from: from?.commit, to: to.commit, replaced });
    reportRescue(notice, account.name, rescued);
    return true;
  } catch (error) {
    const words = `the files of ${account.name}/ are older than the last commit: ${messageOf(error)}`;
    notice(`${words}; the next run makes up for it`);
    return false;
  }
}

/** The changes of one author. */
interface Group extends AuthoredChanges {
  /** What a restore wrote. */
  readonly restored: boolean;
  /** Whether the audit log could be read. */
  readonly audited: boolean;
  /** The commits of people that it brought to the account, full ids. */
  readonly applied?: readonly string[];
}

/** Sorts the changes by who made them, oldest first. */
async function attribute(committing: Committing): Promise<Group[]> {
  const { run, decision } = committing;
  const { deps, options } = run;
  const edits = decision.changes.filter(isEdit);
  const log = edits.length > 0 ? await committing.start.auditLog.about(edits, decision.serverTime) : NO_LOG;
  const users = await readUsers(run, edits, log);
  const changes = decision.changes.map((change) => (log?.existed(change) ? { ...change, baseline: true } : change));
  const isRestored = (change: Change): boolean => {
    const { touched } = options.restore ?? {};
    return touched?.has(`${change.type}/${change.id}`) || gitAuthorOf(committing, change) !== undefined;
  };
  const authored = attributeChanges({
    changes: changes.filter((change) => !isRestored(change)),
    notes: log?.notes ?? [],
    statusOf: log?.statusOf ?? (() => 'fresh'),
    auditTypeOf,
    users,
    fallback: deps.config.repository.author,
    now: serverNow(run),
    // No one made what the rules of this version make of an unchanged document.
    guess: !committing.start.newRules,
  });
  const restored = restoredGroups(committing, changes.filter(isRestored), log, users);
  const audited = log !== undefined;
  return [
    ...restored.map((group) => ({ ...group, restored: true, audited })),
    ...[...authored, ...settingsGroup(committing, authored.at(-1) ?? restored.at(-1))].map((group) => ({
      ...group,
      restored: false,
      audited,
    })),
  ];
}

/**
 * @param details what changed in its resources, as far as known
 * @param last it is the last group of the run @param carriesFiles the files of the restore go with it
 */
function requestOf(
  { run, start, decision }: Committing,
  group: Group,
  details: ReadonlyMap<Change, ChangedFields>,
  { last, carriesFiles }: { readonly last: boolean; readonly carriesFiles: boolean },
): CommitRequest {
  const { deps, account, options } = run;
  const { headState, repository, objects } = start;
  const { generated } = decision;
  const clean = (text: string): string => withoutKnown(start.context.normalise, text);
  const message = commitMessage({
    account: account.name,
    runId: deps.runId,
    readAt: decision.serverTime,
    changes: group.changes,
    notes: group.notes,
    details,
    coAuthors: group.coAuthors,
    certainty: group.certainty,
    audited: group.audited,
    incomplete: decision.incomplete,
    first: headState.binding === undefined && !group.restored,
    ...(group.restored && options.restore ? { restoreId: options.restore.id } : {}),
    ...(group.restored && options.restore?.undone ? { undone: options.restore.undone } : {}),
    ...(group.applied && options.restore
      ? { applied: { commits: group.applied, operator: options.restore.operator } }
      : {}),
    newRules: start.newRules && group.changes.some(({ kind }) => kind !== 'added'),
    ...(last ? { generated: wordsFor(settingsOf(decision)) } : {}),
    nounsOf,
    clean,
  });
  const inFolder = (path: string): string => `${account.name}/${path}`;
  const files = [
    ...(last ? generated.put.map((file) => ({ ...file, path: inFolder(file.path) })) : []),
    ...(carriesFiles ? (options.restore?.files ?? []) : []),
  ];
  const written = writeFiles(repository, objects, files);
  return {
    message,
    author: { name: clean(group.author.name), email: clean(group.author.email) },
    authorDate: group.date,
    resources: group.changes
      .filter(isEdit)
      .slice(0, MOST_NAMED)
      .map((change) => ({
        type: change.type,
        id: change.id,
        name: clean(oneLine(change.title)),
        what: clean(whatWords(change, group.notes.get(change), details.get(change))),
        fields: details.get(change)?.fields ?? [],
      })),
    changes: {
      // One by one: a first run has a hundred thousand.
      *[Symbol.iterator](): Generator<TreeChange> {
        for (const { remove, put } of group.changes) {
          for (const path of remove) yield { path: inFolder(path), oid: undefined };
          for (const [path, oid] of put) yield { path: inFolder(path), oid };
        }
        if (last) for (const path of generated.remove) yield { path: inFolder(path), oid: undefined };
        yield* written;
      },
    },
  };
}

/** Whether someone did it: what the first listing of a type finds was there before. */
function isEdit({ baseline }: Change): boolean {
  return !baseline;
}

/** Paths of our own files that changed, inside the account folder. */
function settingsOf({ generated }: Decision): string[] {
  return [...generated.put.map(({ path }) => path), ...generated.remove];
}

/** Our own files go with the mirror's own commit, which comes last. */
function settingsGroup({ run, decision }: Committing, last: AuthoredChanges | undefined): AuthoredChanges[] {
  if (settingsOf(decision).length === 0 || last?.certainty === 'unknown') return [];
  const { author } = run.deps.config.repository;
  return [{ author, date: serverNow(run), coAuthors: [], changes: [], certainty: 'unknown', notes: new Map() }];
}

/**
 * What a restore wrote: one commit of its operator, or of each person whose changes in Git it brought to the account.
 * Whoever else edited the same resources since the mirror saw them last is named too.
 */
function restoredGroups(
  committing: Committing,
  changes: readonly Change[],
  log: Log | undefined,
  users: ReadonlyMap<string, Person>,
): Pick<Group, keyof AuthoredChanges | 'applied'>[] {
  const { restore } = committing.run.options;
  if (!restore || (changes.length === 0 && restore.files.length === 0)) return [];
  const { authors, operator } = restore;
  if (!authors || changes.length === 0) return [restoredGroup(committing, restore, operator, changes, log, users)];
  const byPerson = new Map<string, { author: Person; changes: Change[]; commits: Set<string> }>();
  for (const change of changes) {
    const made = gitAuthorOf(committing, change);
    const author = made?.author ?? operator;
    const group = byPerson.get(author.email) ?? { author, changes: [], commits: new Set() };
    group.changes.push(change);
    for (const commit of made?.commits ?? []) group.commits.add(commit);
    byPerson.set(author.email, group);
  }
  return [...byPerson.values()].map((group) => ({
    ...restoredGroup(committing, restore, group.author, group.changes, log, users),
    ...(group.commits.size > 0 ? { applied: [...group.commits] } : {}),
  }));
}

/** Who made a change in Git, if the restore brought it to the account, or created it without an answer. */
function gitAuthorOf(
  { run, start }: Committing,
  { type, id, title, kind, lastModifiedBy }: Change,
): GitAuthor | undefined {
  const { touched, authors, unheard } = run.options.restore ?? {};
  if (touched?.has(`${type}/${id}`)) return authors?.get(`${type}/${id}`);
  const isOurs = kind === 'added' && (lastModifiedBy === undefined || lastModifiedBy.id === start.userId);
  return isOurs ? unheard?.get(`${type}/${title}`) : undefined;
}

function restoredGroup(
  committing: Committing,
  restore: RestoreCommit,
  author: Person,
  changes: readonly Change[],
  log: Log | undefined,
  users: ReadonlyMap<string, Person>,
): AuthoredChanges {
  const { run, start } = committing;
  const { userId } = start;
  const noteOf = (change: Change): ChangeNote => {
    const about = notesAbout(change, log?.notes ?? [], auditTypeOf);
    const foreign = about
      .filter(({ by }) => by.id !== userId)
      .map((note) => ({ note, person: personOf(note.by, users) }))
      .filter(({ note, person }) => log?.statusOf(change, note, person.email) === 'fresh')
      .map(({ person }) => [person.email, person] as const);
    const inGit = gitAuthorOf(committing, change)?.others ?? [];
    const others = new Map([...foreign, ...inGit.map((person) => [person.email, person] as const)]);
    const newest = about.at(-1);
    return {
      ...(newest ? { time: newest.time } : {}),
      guessed: false,
      sources: [],
      undeleted: restore.undeleted.has(`${change.type}/${change.id}`),
      others: [...others.values()].filter(({ email }) => email !== author.email && email !== restore.operator.email),
    };
  };
  const notes = new Map(changes.map((change) => [change, noteOf(change)]));
  return {
    author,
    date: serverNow(run),
    coAuthors: coAuthorsOf(author, notes.values()),
    changes: [...changes].sort((a, b) => (a.path < b.path ? -1 : 1)),
    certainty: 'audit',
    notes,
  };
}
