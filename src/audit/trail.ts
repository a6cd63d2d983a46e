import { findType } from '../catalogue/index.ts';
import type { ChangeLine } from '../core/change-line.ts';
import type { Certainty, Person } from '../core/changes.ts';
import { idIn, type Key, keyOf, typeIn } from '../core/keys.ts';
import { readPath } from '../core/layout.ts';
import { type CommitFacts, readMessage } from '../core/message.ts';
import { type HistoryCommit, mirrorsIn, type ReadCommit } from '../history/commits.ts';

/** What happened to a resource. `restored`: it came back from the recycle bin. */
export type What = 'added' | 'changed' | 'renamed' | 'deleted' | 'restored';

/** The files of a resource at one moment: path inside the account's folder → object id. */
export type Files = ReadonlyMap<string, string>;

/** One change of one resource, as the history records it. */
export interface Entry {
  readonly key: Key;
  readonly type: string;
  readonly id: string;
  readonly what: What;
  /** Name of the resource at that time; empty where it has none, or the commit does not name it. */
  readonly title: string;
  /** Path inside the account's folder, of a deleted resource the last one. */
  readonly path: string;
  readonly oldPath?: string;
  /** When the change was made: by the audit log, else by the commit. */
  readonly time: Date;
  readonly by: Person;
  /** Others who edited it since the previous run. */
  readonly also: readonly Person[];
  readonly certainty: Certainty;
  /** Channels other than the user interface: `api`, `script`, … */
  readonly sources: readonly string[];
  /** Names of the fields that it changed, where there are no documents to compare. */
  readonly named?: readonly string[];
  readonly commit: string;
  /** The run that read it. */
  readonly run?: string;
  /** The restore that made it. */
  readonly restore?: string;
  /** The commits that it took back; absent where it took back none. */
  readonly undone?: readonly string[];
  /** The commits of people in Git that it brought to the account, and who brought them; absent where there are none. */
  readonly applied?: { readonly commits: readonly string[]; readonly operator: Person | undefined };
  /** It existed before the mirror saw it first. */
  readonly baseline: boolean;
  /** The rules of the mirror changed with it: a difference need not be an edit. */
  readonly newRules: boolean;
  /** Made of the documents before it alone, by other rules of the mirror: the account was not read for it. */
  readonly renewed: boolean;
  /** It is in the commit at which a shallow clone begins: who made it, and when, is not in the clone. */
  readonly cut: boolean;
  readonly before: Files;
  readonly after: Files;
}

const NO_ONE: Person = { name: '', email: '' };
const NOTHING: Files = new Map();

/** What the lines of a commit say about authors; the lines of older commits say less. */
interface Authorship {
  /** Lines name the co-authors of their resource; otherwise those of the commit hold for all its resources. */
  readonly named: boolean;
  /** Lines say whether their author is a guess; otherwise one sentence does for all. */
  readonly marked: boolean;
}

function authorshipOf({ lines }: CommitFacts): Authorship {
  const all = [...lines.values()];
  return { named: all.some(({ others }) => others.length > 0), marked: all.some(({ guessed }) => guessed) };
}

/** Whether a person made one commit of several: its author need not be that of any change. */
function isSquashed({ runs }: CommitFacts): boolean {
  return runs.length > 1;
}

/** Who else edited one resource. */
function othersOf(facts: CommitFacts, { named }: Authorship, line: ChangeLine | undefined): readonly Person[] {
  const { coAuthors } = facts;
  return named || isSquashed(facts) ? coAuthors.filter(({ email }) => line?.others.includes(email)) : coAuthors;
}

/** How certain the author of one change is. @param mirrors as of {@link mirrorsIn} */
function certaintyOf(
  { author }: HistoryCommit,
  facts: CommitFacts,
  { marked }: Authorship,
  line: ChangeLine | undefined,
  mirrors: ReadonlySet<string>,
): Certainty {
  if (facts.account === undefined || mirrors.has(author.email) || isSquashed(facts)) return 'unknown';
  return line?.guessed || (facts.allGuessed && !marked) ? 'lastModifiedBy' : 'audit';
}

function whatOf(before: Files, after: Files, moved: boolean, line: ChangeLine | undefined): What {
  if (before.size === 0) return line?.undeleted ? 'restored' : 'added';
  if (after.size === 0) return 'deleted';
  return moved || line?.word === 'renamed' ? 'renamed' : 'changed';
}

/** Path of the document among a resource's files. */
export function documentPath(files: Files): string | undefined {
  return [...files.keys()].find((path) => readPath(path)?.isDocument);
}

function sameFiles(a: Files, b: Files): boolean {
  return a.size === b.size && [...a].every(([path, id]) => b.get(path) === id);
}

/** A resource that a commit touches: its files before and after. */
interface Touched {
  readonly type: string;
  readonly id: string;
  readonly before: Files;
  readonly after: Files;
  /** The commit of a person in which the mirror found it, and left it as it was until now. */
  readonly foundIn?: HistoryCommit;
}

/**
 * The files of each resource, by what was read of the history so far. A person may have moved the account's folder, or
 * made one commit of its history: the mirror never wrote what it found there, and knows it all the same.
 */
interface Kept {
  /** As the mirror itself left them, whatever a person did to them since. */
  readonly held: Map<Key, Files>;
  /** As people left them, with the last commit that did. */
  readonly found: Map<Key, { readonly files: Files; readonly commit: HistoryCommit }>;
}

/** The files of resources of `account` that a commit changed. */
function filesBy({ files }: HistoryCommit, account: string): Map<Key, HistoryCommit['files']> {
  const prefix = `${account}/`;
  const changed = new Map<Key, HistoryCommit['files']>();
  for (const file of files) {
    const path = file.path.startsWith(prefix) ? file.path.slice(prefix.length) : '';
    const parts = readPath(path);
    if (!parts || !findType(parts.type)) continue;
    const key = keyOf(parts.type, parts.id);
    changed.set(key, [...(changed.get(key) ?? []), { ...file, path }]);
  }
  return changed;
}

function afterChange(before: Files, changed: HistoryCommit['files']): Files {
  const after = new Map(before);
  for (const { path, after: id } of changed) {
    if (id === undefined) after.delete(path);
    else after.set(path, id);
  }
  return after;
}

/** Whether a commit of the mirror found these files: by its line, or where it has none, by replacing one. */
function wasThere(changed: HistoryCommit['files'], { lines }: CommitFacts): boolean {
  const line = changed.map(({ path }) => lines.get(path)).find((some) => some !== undefined);
  if (line) return line.word !== 'added' && !line.undeleted;
  return changed.some(({ before, after }) => before !== undefined && after !== undefined);
}

function touchedBy({ commit, facts }: ReadCommit, account: string, { held, found }: Kept): Map<Key, Touched> {
  const touched = new Map<Key, Touched>();
  for (const [key, changed] of filesBy(commit, account)) {
    const known = held.get(key);
    const taken = !known && wasThere(changed, facts) ? found.get(key) : undefined;
    const before = known ?? taken?.files ?? NOTHING;
    const after = afterChange(before, changed);
    touched.set(key, { type: typeIn(key), id: idIn(key), before, after, ...(taken ? { foundIn: taken.commit } : {}) });
  }
  return touched;
}

/** Takes note of what a person committed. */
function takeNote({ found }: Kept, commit: HistoryCommit, account: string): void {
  for (const [key, changed] of filesBy(commit, account)) {
    const files = afterChange(found.get(key)?.files ?? NOTHING, changed);
    if (files.size === 0) found.delete(key);
    else found.set(key, { files, commit });
  }
}

/**
 * The same for a commit and what a person made of it: `git cherry-pick`, `git rebase`, `git commit --amend`, and a
 * squash, which has another author.
 */
function identityIn({ commit: { author, authored, message }, facts }: ReadCommit): string {
  const { run, lines, putBack } = facts;
  // Of what older versions wrote.
  if (run === undefined) return `${author.email} ${authored.getTime()}\n${message}`;
  const changes = [...lines.values()].map(({ word, path }) => `${word} ${path}`).sort();
  return [run, putBack, ...changes].join('\n');
}

/**
 * Of commits that the mirror made and what people made of them, one each: its own, where it is there.
 * @param mirrors as of {@link mirrorsIn}
 */
function withoutCopies(commits: readonly ReadCommit[], mirrors: ReadonlySet<string>): ReadCommit[] {
  const chosen = new Map<string, ReadCommit>();
  for (const read of commits) {
    const identity = identityIn(read);
    const known = chosen.get(identity)?.commit;
    if (!known || (!mirrors.has(known.committer) && mirrors.has(read.commit.committer))) chosen.set(identity, read);
  }
  // One of several is reported by these, if the mirror's own are there.
  const reported = new Map<string, Set<string>>();
  for (const { commit, facts } of commits)
    for (const run of mirrors.has(commit.committer) ? facts.runs : [])
      reported.set(run, new Set([...(reported.get(run) ?? []), ...facts.lines.keys()]));
  const isReported = ({ facts: { runs, lines } }: ReadCommit): boolean =>
    [...lines.keys()].every((path) => runs.some((run) => reported.get(run)?.has(path)));
  return commits.filter(
    (read) =>
      read.facts.account === undefined ||
      (chosen.get(identityIn(read)) === read && !(isSquashed(read.facts) && isReported(read))),
  );
}

/** What the mirror found in a commit of a person: who made it is not known. */
function foundEntry(key: Key, touched: Touched, { id: commit, authored }: HistoryCommit, title: string): Entry {
  const { type, id, before: after } = touched;
  const what = { key, type, id, what: 'added', title, path: documentPath(after) ?? '', time: authored } as const;
  const nothing = { also: [], certainty: 'unknown', sources: [], newRules: false, renewed: false, cut: false } as const;
  return { ...what, ...nothing, by: NO_ONE, commit, baseline: true, before: NOTHING, after };
}

/**
 * The history of one account, resource by resource, oldest first, as the mirror's own commits tell it. Commits of
 * people and files that do not belong to the mirror are skipped; where a commit puts back what a person changed,
 * nothing changed.
 * @param commits from the very first on: what a commit leaves as it was is known from those before
 * @param cut id of the commit at which the history of a shallow clone begins
 */
export function readTrail(commits: readonly HistoryCommit[], account: string, cut?: string): Entry[] {
  const kept: Kept = { held: new Map(), found: new Map() };
  const { held } = kept;
  const entries: Entry[] = [];
  // A commit at which the history is cut shows more than it changed.
  const all = commits.map((commit) => ({ commit, facts: readMessage(commit.id === cut ? '' : commit.message) }));
  const mirrors = mirrorsIn(all);
  const mirror = all.find(({ commit: { author } }) => mirrors.has(author.email))?.commit.author ?? NO_ONE;
  for (const { commit, facts } of withoutCopies(all, mirrors)) {
    const isCut = commit.id === cut;
    if (!isCut && facts.account === undefined) {
      takeNote(kept, commit, account);
      continue;
    }
    const authorship = authorshipOf(facts);
    const isOwn = isCut || mirrors.has(commit.committer);
    for (const [key, touched] of touchedBy({ commit, facts }, account, kept)) {
      const { type, id, before, after, foundIn } = touched;
      if (sameFiles(before, after)) continue;
      const oldPath = documentPath(before);
      const path = documentPath(after) ?? oldPath;
      const line = path === undefined ? undefined : facts.lines.get(path);
      // What a person added to it is none of the mirror's.
      if (!isOwn && !facts.putBack && !line) continue;
      if (after.size === 0) held.delete(key);
      else held.set(key, after);
      if (foundIn) entries.push(foundEntry(key, touched, foundIn, line?.title ?? ''));
      if (path === undefined || facts.putBack) continue;
      const moved = oldPath !== undefined && oldPath !== path;
      entries.push({
        key,
        type,
        id,
        what: whatOf(before, after, moved, line),
        title: line?.title ?? '',
        path,
        ...(moved ? { oldPath } : {}),
        time: line?.time ? new Date(line.time) : commit.authored,
        by: isCut ? NO_ONE : isSquashed(facts) ? mirror : commit.author,
        also: othersOf(facts, authorship, line),
        certainty: certaintyOf(commit, facts, authorship, line, mirrors),
        sources: line?.sources ?? [],
        commit: commit.id,
        ...(facts.run ? { run: facts.run } : {}),
        ...(facts.restore ? { restore: facts.restore } : {}),
        ...(facts.undone.length > 0 ? { undone: facts.undone } : {}),
        ...(facts.applied.length > 0 ? { applied: { commits: facts.applied, operator: facts.operator } } : {}),
        baseline: (facts.first || line?.existed === true) && before.size === 0,
        newRules: facts.newRules,
        renewed: facts.renewed,
        cut: isCut,
        before,
        after,
      });
    }
  }
  return entries;
}
