import { catalogueWith } from '../../catalogue/index.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { mergeDocuments } from '../../core/merge.ts';
import { equalJson } from '../../core/paths.ts';
import { withLiveSwitches } from '../../plan/body.ts';
import { rewriteIds } from '../../plan/ids.ts';
import { findAlreadyCreated } from './already-created.ts';
import { readEditedFiles } from './edited-files.ts';
import { authorsOf, type EditedDocument, type Edits } from './edits.ts';
import { documentOf } from './live.ts';
import type { RestoreContext } from './request.ts';
import { type Fate, type Wants, type WantsInput, wantsOfFates } from './wants.ts';

/** A resource that was created again between the two states is one that has another id, not one that goes. */
function asOneEach(documents: readonly EditedDocument[], today: (id: string) => string): EditedDocument[] {
  const known = new Map<Key, EditedDocument>();
  for (const document of documents) {
    const key = keyOf(document.type.name, today(document.id));
    const other = known.get(key);
    const paths = new Set([...(other?.paths ?? []), ...document.paths]);
    const [before, after] = [other?.before ?? document.before, other?.after ?? document.after];
    known.set(key, { ...other, ...document, before, after, paths });
  }
  return [...known.values()];
}

/**
 * What bringing people's edits to the account wants: the live documents with these changes. Fields that others changed
 * since are theirs, or a conflict.
 * @throws AppError `USAGE` for a file that is not a document, `GUARD` for a credential in plain text
 */
export async function wantsOfEdits(
  { deps, request, resumed }: RestoreContext,
  edits: Edits,
  input: WantsInput,
): Promise<Wants> {
  const { ids, live } = input;
  const { find } = catalogueWith(request.target.ignore);
  const today = (id: string): string => ids.get(id) ?? id;
  const { documents: read, warnings } = await readEditedFiles(edits, find, input.renew);
  const documents = asOneEach(read, today);
  // The journal of a resumed one says what it created.
  const created = resumed ? [] : await findAlreadyCreated(edits, documents, live, ids);
  const there = await live.documents(documents.map(({ type, id }) => keyOf(type.name, today(id))));
  const renewed = (doc: JsonObject | undefined): JsonObject | undefined => doc && rewriteIds(doc, ids);
  const fates = documents.flatMap(({ type, id, before, after, notUtf8 }): Fate[] => {
    const held = there.get(keyOf(type.name, today(id)));
    const wanted = renewed(after);
    // What an earlier apply created was left switched off: that is not an edit of someone else.
    const isMade = before === undefined && wanted !== undefined && held !== undefined && !request.enableFlows;
    const changed = isMade ? withLiveSwitches(type, wanted, held.doc) : wanted;
    const sides = { base: renewed(before), changed, live: held?.doc };
    const merged = mergeDocuments(type, sides, request.force ? 'changed' : 'live');
    const named = held?.doc ?? merged.value ?? after ?? before ?? {};
    const document = documentOf(deps, type, today(id), merged.value ?? named);
    if (notUtf8) return [{ kind: 'wanted', document: { ...document, notUtf8 } }];
    if (merged.conflicts.length > 0 && !request.force) {
      const [isLive, goes] = [held !== undefined, wanted === undefined];
      const contested = { ...document, doc: named, isLive, goes, conflicts: merged.conflicts };
      return [{ kind: 'contested', document: contested }];
    }
    if (equalJson(merged.value, held?.doc)) return [];
    if (merged.value) return [{ kind: 'wanted', document }];
    return [{ kind: 'deleted', document: { ...document, changed: false, why: 'deleted in Git' } }];
  });
  return {
    ...wantsOfFates(fates),
    warnings: [...warnings, ...created],
    edited: { documents, authors: (now) => authorsOf(edits, documents, now) },
  };
}
