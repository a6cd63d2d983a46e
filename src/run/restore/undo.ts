import type { Entry, Files } from '../../audit/trail.ts';
import type { History, UndoneCommit } from '../../audit/undone.ts';
import { readVersions, type Versions } from '../../audit/versions.ts';
import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { equalJson } from '../../core/paths.ts';
import { type PastChange, takeBack } from '../../core/take-back.ts';
import { pathsOf } from '../../history/selection.ts';
import { type MirrorState, readDocuments } from '../../history/state.ts';
import { rewriteIds } from '../../plan/ids.ts';
import { documentOf, type LiveAccount } from './live.ts';
import type { RestoreContext } from './request.ts';
import { type Fate, type Wants, type WantsInput, wantsOfFates } from './wants.ts';

/** The changes that are taken back, in the history that they are part of. */
export interface Undone {
  readonly commits: readonly UndoneCommit[];
  /** What is left out of what was asked for, in sentences. */
  readonly leftOut: readonly string[];
  readonly history: History;
  /** The account as it was before the first write of the undo that is resumed; absent for a new one. */
  readonly before?: MirrorState;
}

/**
 * Changes of a resource that someone took back, and did not bring back since, with the commits that did so. An undo may
 * have left other resources of a commit as they were.
 * @param meant commits that are taken back now: what they took back counts again
 */
function revertedIn(entries: readonly Entry[], meant: ReadonlySet<string>): ReadonlyMap<string, string> {
  const reverted = new Map<string, string>();
  for (const { commit, undone = [] } of [...entries].reverse())
    if (!reverted.has(commit) && !meant.has(commit)) for (const earlier of undone) reverted.set(earlier, commit);
  return reverted;
}

/**
 * The history of each resource that is meant, from the first change on that is taken back. One that was created again
 * has the history of both its ids.
 * @param today what a resource of the history is called now
 */
function pastOf({ history }: Undone, isMeant: (entry: Entry) => boolean, today: (key: Key) => Key): Map<Key, Entry[]> {
  const past = new Map<Key, Entry[]>();
  for (const entry of history.trail) {
    const key = today(entry.key);
    const known = past.get(key);
    if (known) known.push(entry);
    else if (isMeant(entry)) past.set(key, [entry]);
  }
  return past;
}

/** A document of the past as the account would show it today: in today's form, with the ids of today. */
function pastDocument(
  versions: Versions,
  files: Files,
  entry: Entry,
  { renew, ids }: Pick<WantsInput, 'renew' | 'ids'>,
): JsonObject | undefined {
  if (files.size === 0) return undefined;
  const document = versions.document(files);
  if (document?.notUtf8)
    throw new AppError(
      'REPOSITORY',
      `${document.notUtf8.join(', ')} is not text in UTF-8 at ${entry.commit.slice(0, 10)}`,
      { hint: `Someone committed it so: git show ${entry.commit.slice(0, 10)}. Undo the other changes one by one` },
    );
  if (document) return rewriteIds(renew(document.type, document.doc), ids);
  throw new AppError('REPOSITORY', `${entry.path}, as commit ${entry.commit.slice(0, 10)} knows it, cannot be read`, {
    hint: `See what is in it with: git show ${entry.commit.slice(0, 10)}`,
  });
}

/** The documents of live resources before the first write. */
async function liveDocuments(
  live: LiveAccount,
  before: MirrorState | undefined,
  keys: readonly Key[],
): Promise<ReadonlyMap<Key, MirrorDocument>> {
  if (!before) return live.documents(keys);
  const documents = await readDocuments(before, pathsOf(before, new Set(keys)));
  return new Map(documents.map((document) => [keyOf(document.type.name, document.id), document]));
}

/**
 * What an undo wants: the live documents without the changes that are taken back. Fields that others changed since are
 * theirs, or a conflict.
 * @throws AppError `REPOSITORY` for a document of the past that is damaged
 */
export async function wantsOfUndo(
  { deps, request, repository }: RestoreContext,
  undone: Undone,
  input: WantsInput,
): Promise<Wants> {
  const { ids, live } = input;
  const today = (key: Key): Key => keyOf(typeIn(key), ids.get(idIn(key)) ?? idIn(key));
  const meant = new Set(undone.commits.flatMap(({ commit, keys }) => keys.map((key) => `${commit} ${key}`)));
  const isMeant = ({ commit, key }: Entry): boolean => meant.has(`${commit} ${key}`);
  const past = pastOf(undone, isMeant, today);
  const there = await liveDocuments(live, undone.before, [...past.keys()]);
  const fates: Fate[] = [];
  const versions = await readVersions(repository.git, request.from, [...past.values()].flat());
  for (const [key, entries] of past) {
    const type = findType(typeIn(key)) as ResourceType;
    const own = entries.filter(isMeant).map(({ commit }) => commit);
    const reverted = revertedIn(entries, new Set(own));
    const changes = entries.map((entry, at): PastChange => {
      const by = reverted.get(entry.commit);
      return {
        before: pastDocument(versions, entry.before, entry, input),
        after: pastDocument(versions, entry.after, entry, input),
        undone: isMeant(entry),
        ...(by === undefined ? {} : { reverted: entries.findIndex(({ commit }) => commit === by) - at }),
      };
    });
    const held = there.get(key);
    const taken = takeBack(type, changes, held?.doc, request.force ? 'changed' : 'live');
    const named = held?.doc ?? taken.value ?? changes.findLast(({ after }) => after)?.after ?? changes[0]?.before ?? {};
    const document = documentOf(deps, type, idIn(key), taken.value ?? named);
    if (taken.conflicts.length > 0 && !request.force) {
      const goes = changes.find((change) => change.undone)?.before === undefined;
      const contested = { ...document, doc: named, isLive: held !== undefined, goes, conflicts: taken.conflicts };
      fates.push({ kind: 'contested', document: contested });
    } else if (equalJson(taken.value, held?.doc)) continue;
    else if (taken.value) fates.push({ kind: 'wanted', document });
    else
      fates.push({ kind: 'deleted', document: { ...document, changed: false, why: 'created by what is taken back' } });
  }
  return { ...wantsOfFates(fates), warnings: undone.leftOut };
}
