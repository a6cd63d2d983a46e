import { GROUPS } from '../catalogue/index.ts';
import { AppError } from '../core/errors.ts';
import { idIn, type Key, keyOf } from '../core/keys.ts';
import type { Transliterate } from '../core/layout.ts';
import { referencesOf } from '../core/references.ts';
import { parseSelector } from '../core/selectors.ts';
import type { Git } from '../git/git.ts';
import { isNeeded, ownersOf, selectAt } from '../history/selection.ts';
import { selectKeys } from './query.ts';
import type { Entry } from './trail.ts';
import { readVersions } from './versions.ts';

/**
 * As {@link selectKeys}; a group (`integration/…`) is meant with all that belongs to it, as in every other command:
 * now, or when it was last seen.
 * @throws AppError `USAGE`
 */
export async function selectInHistory(
  git: Git,
  trail: readonly Entry[],
  what: string | undefined,
  account: string,
  transliterate: Transliterate,
): Promise<ReadonlySet<Key> | undefined> {
  const keys = selectKeys(trail, what, account, transliterate);
  const selector = parseSelector(what ?? 'all', account);
  if (keys === undefined || selector.kind !== 'one' || !selector.parts) return keys;
  const found = new Set(keys);
  for (const key of keys) {
    for (const part of await partsNow(git, account, idIn(key), transliterate)) found.add(part);
  }
  await addDeleted(git, account, trail, found);
  return found;
}

/** What belongs to a group in HEAD, or in the last state that had the group. */
async function partsNow(git: Git, account: string, id: string, transliterate: Transliterate): Promise<Iterable<Key>> {
  const options = { at: undefined, now: new Date(0), transliterate };
  try {
    return (await selectAt(git, account, [`${GROUPS.noun}/${id}`], options)).selection.selected;
  } catch (error) {
    // The history of a shallow clone may know it by a deletion alone.
    if (!(error instanceof AppError)) throw error;
    return [];
  }
}

/** Adds what was deleted, but belonged to one of them at the end, with what that needed. */
async function addDeleted(git: Git, account: string, trail: readonly Entry[], found: Set<Key>): Promise<void> {
  const gone = trail.filter(({ what, key }) => what === 'deleted' && !found.has(key));
  const versions = await readVersions(git, account, gone);
  const documents = gone.flatMap(({ before }) => versions.document(before) ?? []);
  const needed = new Set<Key>();
  for (let [size, fresh] = [-1, found.size]; size !== fresh; [size, fresh] = [fresh, found.size]) {
    for (const document of documents) {
      const key = keyOf(document.type.name, document.id);
      if (!needed.has(key) && !ownersOf(document).some((owner) => found.has(owner))) continue;
      found.add(key);
      for (const { type, id } of referencesOf(document.type, document.doc)) {
        if (type !== null && isNeeded(type)) needed.add(keyOf(type, id));
      }
    }
  }
}
