import stableStringify from 'fast-json-stable-stringify';
import type { ResourceType } from '../catalogue/types.ts';
import type { MirrorDocument } from '../core/documents.ts';
import { isArray, isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from '../core/json.ts';
import { redactionsIn, secretOf, withoutRedactions } from '../core/markers.ts';
import { equalJson, setSteps, withKey, withoutPaths } from '../core/paths.ts';
import { atPlace, type Place, placeOf } from '../core/places.ts';
import { MASK } from '../core/secrets.ts';
import { bothRestorable, inSetOrder, restorable } from '../plan/body.ts';
import { withSameMeaning } from '../plan/converged.ts';
import { rewriteAllIds } from '../plan/ids.ts';
import type { IdMap } from '../plan/types.ts';

/** What is compared of two documents. */
export interface What {
  /** Also credentials (whether there is one), what an account overrides, switches, and what only the server sets. */
  readonly all: boolean;
  /** Places of a resource that the configuration of one of the accounts sets. */
  readonly overridden: (left: MirrorDocument, right: MirrorDocument) => readonly string[];
}

/** Ids that mean the same in both accounts: what they become on each side. */
export interface CommonIds {
  readonly left: IdMap;
  readonly right: IdMap;
}

/** Two documents, so that they are the same where they mean the same. */
export interface Forms {
  readonly left: JsonObject;
  readonly right: JsonObject;
}

/** A document with the same mark for each credential: the fingerprints of two accounts have different keys. */
function withoutFingerprints(value: Json): Json {
  if (typeof value === 'string') return redactionsIn(value).length > 0 ? withoutRedactions(value) : value;
  if (isArray(value)) return value.map(withoutFingerprints);
  if (!isObject(value)) return value;
  if (secretOf(value) !== undefined) return MASK;
  const out: MutableJsonObject = {};
  for (const key of Object.keys(value)) setOwn(out, key, withoutFingerprints(value[key] as Json));
  return out;
}

function withoutPlaces(doc: JsonObject, places: readonly Place[]): JsonObject {
  return places.reduce(
    (held, place) => (atPlace(held, place) === undefined ? held : (setSteps(held, place, undefined) as JsonObject)),
    doc,
  );
}

function plain(type: ResourceType, doc: JsonObject): JsonObject {
  return withoutFingerprints(withoutPaths(doc, type.restore.switches ?? [])) as JsonObject;
}

/** @param overridden places that the configuration of either account sets */
export function formsOf(
  left: MirrorDocument,
  right: MirrorDocument,
  ids: CommonIds,
  all: boolean,
  overridden: readonly string[],
): Forms {
  const { type } = left;
  const [ours, theirs] = [rewriteAllIds(left.doc, ids.left), rewriteAllIds(right.doc, ids.right)];
  if (equalJson(ours, theirs)) return { left: ours, right: ours };
  if (all) {
    const whole = (doc: JsonObject): JsonObject =>
      withoutFingerprints(inSetOrder(type, withKey(doc, '_id', undefined))) as JsonObject;
    return { left: whole(ours), right: whole(theirs) };
  }
  const both = bothRestorable(type, inSetOrder(type, ours), inSetOrder(type, theirs), new Map());
  const places = overridden.map(placeOf);
  const forms = {
    left: withoutPlaces(plain(type, both.wanted), places),
    right: withoutPlaces(plain(type, both.live), places),
  };
  return { ...forms, left: withSameMeaning(type, forms.left, forms.right) };
}

/** What a document holds besides its name, to find the same under another name. */
export function contentOf({ type, doc }: MirrorDocument, ids: IdMap): string {
  const own = plain(type, restorable(type, inSetOrder(type, rewriteAllIds(doc, ids)), new Map()));
  return stableStringify(withoutPaths(own, [type.title ?? 'name']));
}
