import { findType } from '../../catalogue/index.ts';
import { type ValuesByResource, valuesFor } from '../../config/secrets-file.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { setSteps } from '../../core/paths.ts';
import { placeOf } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import { pathsOf } from '../../history/selection.ts';
import { type MirrorState, readDocuments } from '../../history/state.ts';
import { innerIds, pairInnerIds } from '../../plan/ids.ts';
import type { Live } from '../../plan/types.ts';
import { groupFiles, sameFiles } from '../sync/known-types.ts';
import type { LiveAccount } from './live.ts';
import type { Renew } from './reader.ts';
import { isSameAccount, type RestoreRequest } from './request.ts';

/** A document of the state as the target should have it: in today's form, in another account with its own values. */
export function asWanted(document: MirrorDocument, request: RestoreRequest, renew: Renew): MirrorDocument {
  const renewed = { ...document, doc: renew(document.type, document.doc) };
  return isSameAccount(request) ? renewed : withOverrides(renewed, request.overrides);
}

/** The document with the values that the target has instead. */
function withOverrides(document: MirrorDocument, overrides: ValuesByResource): MirrorDocument {
  const values = valuesFor(overrides, document.type.name, document.id, document.title);
  if (values.size === 0) return document;
  let doc: Json = document.doc;
  for (const [place, value] of values) doc = setSteps(doc, placeOf(place), value);
  return { ...document, doc: doc as JsonObject };
}

/**
 * Ids of a document's parts (groups, prompts), which are others where the document itself is another one, or where the
 * server made a part again.
 */
export function learnParts({ type, id, doc }: MirrorDocument, live: Live | undefined, ids: Map<string, string>): void {
  if (live?.state !== 'live') return;
  const there = innerIds(type, live.doc);
  for (const [old, now] of pairInnerIds(type, doc, live.doc, live.id !== id))
    if (!there.has(ids.get(old) ?? '')) ids.set(old, now);
}

/** Paths of documents of the state that differ in the mirror, or changed since. */
export function differing(state: MirrorState, live: LiveAccount, keys: ReadonlySet<Key>): string[] {
  const { base } = live;
  if (!base) return pathsOf(state, keys);
  // The same folder holds the same files: then only what changed since can differ.
  if (base.tree === state.tree) return pathsOf(state, new Set(live.moved.filter((key) => keys.has(key))));
  const [ours, theirs] = [groupFiles(state.files), groupFiles(base.files)];
  const out: string[] = [];
  for (const [key, { path, type, id }] of state.documents) {
    if (!keys.has(key)) continue;
    if (live.has(key) === true && !live.isChanged(key)) {
      const [wanted, held] = [ours.get(type)?.get(id), theirs.get(type)?.get(id)];
      if (wanted && held && sameFiles(wanted, held)) continue;
    }
    out.push(path);
  }
  return out;
}

/** Connections and the like that wanted documents refer to without being wanted themselves. */
export async function referredOwn(
  state: MirrorState,
  wanted: readonly MirrorDocument[],
  selected: ReadonlySet<Key>,
): Promise<MirrorDocument[]> {
  const needed = new Set<string>();
  for (const document of wanted) {
    for (const { type, id } of referencesOf(document.type, document.doc)) {
      const path = type === null ? undefined : state.documents.get(keyOf(type, id))?.path;
      if (type === null || path === undefined || selected.has(keyOf(type, id))) continue;
      if (findType(type)?.restore.mode === 'map') needed.add(path);
    }
  }
  return readDocuments(state, [...needed]);
}
