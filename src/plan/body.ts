import type { FieldPath, ResourceType } from '../catalogue/types.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { sortSet } from '../core/normalise.ts';
import { mapPath, setSteps, stepsOf, valueAt, withKey, withoutPaths } from '../core/paths.ts';
import { atPlace, covers, type Place } from '../core/places.ts';
import { secretPlaces } from '../core/secret-places.ts';
import { MASK } from '../core/secrets.ts';
import { innerIds, pairInnerIds, rewriteIds, withoutInnerIds } from './ids.ts';
import { withLiveLeftOut, withoutLeftOut, writtenApart } from './left-out.ts';
import { isPartlyKnown } from './own-places.ts';
import { type Filled, fillSecrets, type LiveSecrets, type Supplied, withoutSecrets } from './secrets.ts';
import type { IdMap } from './types.ts';

function echoesOf({ echoes }: ResourceType, doc: JsonObject): readonly string[] {
  return echoes && getOwn(doc, echoes.when) !== undefined ? echoes.fields : [];
}

/** With the mark of a step that is still being set up, which older states lack. */
function withMarks({ restore: { unfinished } }: ResourceType, doc: JsonObject): JsonObject {
  if (!unfinished) return doc;
  const { steps, resources, mark } = unfinished;
  const isFinished = (step: JsonObject): boolean => resources.some((field) => getOwn(step, field) !== undefined);
  return steps.reduce(
    (held, path) =>
      mapPath(held, path, (step) => (isObject(step) && !isFinished(step) ? withKey(step, mark, true) : step)),
    doc,
  );
}

/** Members that no PUT carries; the server keeps them. */
export function neverPut({ restore: { refusedOnPut = [], onlyOnCreate = [] } }: ResourceType): readonly FieldPath[] {
  return [...refusedOnPut, ...onlyOnCreate];
}

/** Members that no PUT changes, at least not alone: a difference is left as it is. */
export function leftAlone({ restore: { onlyOnCreate = [], ignoredOnPut = [] } }: ResourceType): readonly FieldPath[] {
  return [...onlyOnCreate, ...ignoredOnPut];
}

function withoutEntries({ entries }: ResourceType, doc: JsonObject): JsonObject {
  return entries ? withKey(doc, entries, undefined) : doc;
}

/** A document with its sets in their order. */
export function inSetOrder(type: ResourceType, doc: JsonObject): JsonObject {
  return Object.entries(type.sets ?? {}).reduce(
    (held, [path, key]) => mapPath(held, path, (list) => (isArray(list) ? sortSet(list, key) : list)),
    doc,
  );
}

/** The part of a document that a restore can put back, with ids of the target; credentials as the mirror has them. */
export function creatable(type: ResourceType, doc: JsonObject, ids: IdMap): JsonObject {
  const own = withMarks(type, withoutLeftOut(type, rewriteIds(doc, ids), true));
  const bare = withoutPaths(own, echoesOf(type, doc));
  // Other ids sort otherwise.
  return ids.size === 0 ? bare : inSetOrder(type, bare);
}

/** What two states are compared by: what is {@link creatable} without credentials. */
export function restorable(type: ResourceType, doc: JsonObject, ids: IdMap): JsonObject {
  return withoutSecrets(creatable(type, doc, ids)) as JsonObject;
}

/** The live document without the texts in whose place the wanted one holds a credential: how they differ is unknown. */
function withoutUnknown(live: JsonObject, wanted: JsonObject): JsonObject {
  return secretPlaces(wanted).reduce((held, { place, inText }) => {
    const value = inText ? undefined : atPlace(held, place);
    return isPartlyKnown(value) ? (setSteps(held, place, MASK) as JsonObject) : held;
  }, live);
}

/** Two states of one resource as {@link restorable}; older states hold as one credential what is a text now. */
export function bothRestorable(
  type: ResourceType,
  wanted: JsonObject,
  live: JsonObject,
  ids: IdMap,
): { readonly wanted: JsonObject; readonly live: JsonObject } {
  return { wanted: restorable(type, wanted, ids), live: restorable(type, withoutUnknown(live, wanted), new Map()) };
}

/** Places that switch a resource on or off, as far as the document has their blocks. */
export function switchesOf(type: ResourceType, doc: JsonObject): string[] {
  return (type.restore.switches ?? []).filter((path) => {
    const cut = path.lastIndexOf('.');
    return cut < 0 || isObject(valueAt(doc, path.slice(0, cut)));
  });
}

/**
 * The wanted document with its switches as they are live wherever the restore does not switch off: nothing is switched
 * on by an update (api-notes#switched-off).
 */
export function withLiveSwitches(type: ResourceType, wanted: JsonObject, live: JsonObject): JsonObject {
  let out = wanted;
  for (const path of switchesOf(type, wanted)) {
    if (valueAt(wanted, path) === true) continue;
    out = setSteps(out, stepsOf(path), valueAt(live, path)) as JsonObject;
  }
  return out;
}

/**
 * The wanted document with what is fixed at creation as it is live, where the state does not say: an earlier version
 * left some of it out.
 */
export function withLiveFixed(type: ResourceType, wanted: JsonObject, live: JsonObject): JsonObject {
  return (type.restore.immutable ?? []).reduce((held, path) => {
    const steps = stepsOf(path);
    const said = valueAt(held, path) !== undefined || !isObject(atPlace(held, steps.slice(0, -1)));
    return said ? held : (setSteps(held, steps, valueAt(live, path)) as JsonObject);
  }, wanted);
}

/**
 * Switches that are off in `live` and on in `wanted`. A resource whose switch is not in the state is left as it is.
 */
export function switchesToTurnOn(type: ResourceType, wanted: JsonObject, live: JsonObject): string[] {
  return switchesOf(type, wanted).filter((path) => valueAt(wanted, path) === false && valueAt(live, path) === true);
}

interface UpdateInput {
  readonly type: ResourceType;
  /** As the mirror holds it, with the ids of the state. */
  readonly wanted: JsonObject;
  readonly live: LiveSecrets;
  readonly ids: IdMap;
  readonly supplied: Supplied;
  /** Whether the mirror holds what was captured at run time; otherwise the live one stays. */
  readonly sampleData: boolean;
}

/**
 * The body of a PUT: the wanted configuration over everything that the mirror does not hold (bookkeeping, counters,
 * samples) as it is live, so that neither is erased. A field that the wanted state lacks is left out, and so removed.
 */
export function updateBody(input: UpdateInput): Filled {
  const { type, live, ids } = input;
  const filled = fillSecrets(type, rewriteIds(input.wanted, ids), input.supplied, live);
  // An echo of the live document would say the opposite of what is written.
  let doc = withoutPaths(filled.doc, echoesOf(type, filled.doc));
  doc = withLiveFixed(type, withLiveSwitches(type, doc, live.doc), live.raw);
  doc = withLiveLeftOut(type, doc, live.raw, input.sampleData);
  for (const path of type.restore.clearedByNull ?? [])
    if (valueAt(doc, path) === undefined && valueAt(live.raw, path) !== undefined)
      doc = setSteps(doc, stepsOf(path), null) as JsonObject;
  // A part keeps the id that it has; what names it follows.
  doc = rewriteIds(doc, pairInnerIds(type, doc, live.doc, false));
  doc = withoutInnerIds(type, doc, innerIds(type, live.doc));
  return { ...filled, doc: withMarks(type, withoutPaths(withoutEntries(type, doc), neverPut(type))) };
}

interface CreateInput {
  readonly type: ResourceType;
  readonly wanted: JsonObject;
  readonly ids: IdMap;
  readonly supplied: Supplied;
  /** Field paths that the first write leaves out. */
  readonly late: readonly string[];
}

/**
 * The body of a POST: the mirror alone, without what the server sets, without ids of parts, switched off. `missing` are
 * the credentials that a person has to enter.
 */
export function createBody(input: CreateInput): Filled {
  const { type, ids } = input;
  const filled = fillSecrets(type, rewriteIds(input.wanted, ids), input.supplied, undefined);
  const own = withoutLeftOut(type, filled.doc, true);
  let doc = withoutPaths(own, [...echoesOf(type, filled.doc), ...writtenApart(type), ...input.late]);
  for (const path of switchesOf(type, doc)) doc = setSteps(doc, stepsOf(path), true) as JsonObject;
  const unshown = Object.entries(type.unshown ?? {}).flatMap(([path, block]) =>
    valueAt(doc, block) !== undefined && valueAt(doc, path) === undefined ? [path] : [],
  );
  return {
    ...filled,
    missing: [...filled.missing, ...unshown],
    doc: withMarks(type, withoutInnerIds(type, doc, new Set())),
  };
}

/** One operation of a JSON Patch (api-notes#json-patch). */
export interface PatchOperation {
  readonly op: 'replace' | 'remove';
  readonly path: string;
  readonly value?: Json;
}

function pointer(place: Place): string {
  return place.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * A patch that makes the changed places of `live` those of `wanted`, or `undefined` where one of them is not on the
 * type's list. Both are restorable forms; a patch never carries a credential.
 */
export function patchFor(
  type: ResourceType,
  wanted: JsonObject,
  live: JsonObject,
  places: readonly Place[],
  credentials: readonly Place[],
): PatchOperation[] | undefined {
  const operations = new Map<string, PatchOperation>();
  for (const place of places) {
    const path = (type.restore.patch ?? []).find((allowed) => covers(allowed, place));
    if (path === undefined) return undefined;
    const part = place.slice(0, stepsOf(path).length);
    if (credentials.some((credential) => part.every((step, i) => credential[i] === step))) return undefined;
    const text = pointer(part);
    const value = atPlace(wanted, part);
    operations.set(text, value === undefined ? { op: 'remove', path: text } : { op: 'replace', path: text, value });
  }
  // A shifted list has other elements at the same index: then only the complete list may be patched.
  const shifted = [...operations.keys()].some((text) => /\/\d+\//.test(text) && !sameShape(wanted, live, text));
  return shifted ? undefined : [...operations.values()];
}

function sameShape(wanted: JsonObject, live: JsonObject, text: string): boolean {
  const list = text
    .slice(1, text.search(/\/\d+\//))
    .split('/')
    .join('.');
  const [ours, theirs] = [valueAt(wanted, list), valueAt(live, list)];
  return isArray(ours) && isArray(theirs) && ours.length === theirs.length;
}
