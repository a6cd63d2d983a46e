import { findType } from '../catalogue/index.ts';
import type { Certainty, Person } from '../core/changes.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { readPath } from '../core/layout.ts';
import { type ChangeLine, type CommitFacts, readMessage } from '../core/message.ts';
import type { HistoryCommit } from '../history/commits.ts';

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
  /** The restore that made it. */
  readonly restore?: string;
  /** The account's first listing: the resource existed before. */
  readonly baseline: boolean;
  /** The rules of the mirror changed with it: a difference need not be an edit. */
  readonly newRules: boolean;
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

/** Who else edited one resource. */
function othersOf({ coAuthors }: CommitFacts, { named }: Authorship, line: ChangeLine | undefined): readonly Person[] {
  return named ? coAuthors.filter(({ email }) => line?.others.includes(email)) : coAuthors;
}

/** How certain the author of one change is. */
function certaintyOf(
  { author, committer }: HistoryCommit,
  facts: CommitFacts,
  { marked }: Authorship,
  line: ChangeLine | undefined,
): Certainty {
  if (facts.account === undefined || author.email === committer) return 'unknown';
  return line?.guessed || (facts.allGuessed && !marked) ? 'lastModifiedBy' : 'audit';
}

function whatOf(before: Files, after: Files, moved: boolean, line: ChangeLine | undefined): What {
  if (before.size === 0) return line?.undeleted ? 'restored' : 'added';
  if (after.size === 0) return 'deleted';
  return moved ? 'renamed' : 'changed';
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
  readonly after: Map<string, string>;
}

/** @param held the files of each resource as the mirror itself left them, whatever a person did to them since */
function touchedBy(commit: HistoryCommit, account: string, held: ReadonlyMap<Key, Files>): Map<Key, Touched> {
  const prefix = `${account}/`;
  const touched = new Map<Key, Touched>();
  for (const { path, after } of commit.files) {
    const inside = path.startsWith(prefix) ? path.slice(prefix.length) : '';
    const parts = readPath(inside);
    if (!parts || !findType(parts.type)) continue;
    const key = keyOf(parts.type, parts.id);
    let change = touched.get(key);
    if (!change) {
      const before = held.get(key) ?? NOTHING;
      change = { type: parts.type, id: parts.id, before, after: new Map(before) };
      touched.set(key, change);
    }
    if (after === undefined) change.after.delete(inside);
    else change.after.set(inside, after);
  }
  return touched;
}

/**
 * The history of one account, resource by resource, oldest first, as the mirror's own commits tell it. Commits of
 * people and files that do not belong to the mirror are skipped; where a commit puts back what a person changed, nothing
 * changed.
 * @param commits from the very first on: what a commit leaves as it was is known from those before
 * @param cut id of the commit at which the history of a shallow clone begins
 */
export function readTrail(commits: readonly HistoryCommit[], account: string, cut?: string): Entry[] {
  const held = new Map<Key, Files>();
  const entries: Entry[] = [];
  const seen = new Set<string>();
  for (const commit of commits) {
    // A commit at which the history is cut shows more than it changed.
    const isCut = commit.id === cut;
    const facts = readMessage(isCut ? '' : commit.message);
    if (!isCut && facts.account === undefined) continue;
    // `git cherry-pick` of a person copies author and message: the account changed once.
    const said = `${commit.author.email} ${commit.authored.getTime()}\n${commit.message}`;
    if (seen.has(said)) continue;
    seen.add(said);
    const authorship = authorshipOf(facts);
    for (const [key, { type, id, before, after }] of touchedBy(commit, account, held)) {
      if (sameFiles(before, after)) continue;
      if (after.size === 0) held.delete(key);
      else held.set(key, after);
      const oldPath = documentPath(before);
      const path = documentPath(after) ?? oldPath;
      if (path === undefined) continue;
      const moved = oldPath !== undefined && oldPath !== path;
      const line = facts.lines.get(path);
      entries.push({
        key,
        type,
        id,
        what: whatOf(before, after, moved, line),
        title: line?.title ?? '',
        path,
        ...(moved ? { oldPath } : {}),
        time: line?.time ? new Date(line.time) : commit.authored,
        by: isCut ? NO_ONE : commit.author,
        also: othersOf(facts, authorship, line),
        certainty: certaintyOf(commit, facts, authorship, line),
        sources: line?.sources ?? [],
        commit: commit.id,
        ...(facts.restore ? { restore: facts.restore } : {}),
        baseline: facts.first && before.size === 0,
        newRules: facts.newRules,
        cut: isCut,
        before,
        after,
      });
    }
  }
  return entries;
}
