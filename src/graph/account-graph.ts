import { findType } from '../catalogue/index.ts';
import { isAppPart, type MirrorDocument } from '../core/documents.ts';
import { getOwn, isArray, isObject, type Json } from '../core/json.ts';
import { idIn, type Key, keyOf } from '../core/keys.ts';
import { type Place, placeOf, placeText, visitLeaves } from '../core/places.ts';
import { referencesOf } from '../core/references.ts';

/**
 * What a reference means. `uses`: the one does not work without the other. `starts`: a flow that runs another after
 * itself. `belongs`: membership and registration, which carries no effect from one member to the next. `mentions`: an
 * id in code or in a text, where no field says what it is.
 */
type EdgeKind = 'uses' | 'starts' | 'belongs' | 'mentions';

/** One reference between two resources of the account. */
export interface Edge {
  readonly from: Key;
  readonly to: Key;
  /** Its place in `from`: `pageProcessors[0]._importId`. */
  readonly place: string;
  readonly kind: EdgeKind;
}

/** A reference to something that the mirror does not hold. */
interface MissingTarget {
  readonly from: Key;
  readonly to: Key;
  readonly place: string;
}

/** Which resource refers to which, in one state of an account. */
export interface AccountGraph {
  /** In the order of their keys. */
  readonly nodes: ReadonlyMap<Key, MirrorDocument>;
  readonly edges: readonly Edge[];
  /** References to what the mirror does not hold. */
  readonly missing: readonly MissingTarget[];
  /** What a resource refers to. */
  readonly uses: (key: Key) => readonly Edge[];
  /** What refers to a resource. */
  readonly usedBy: (key: Key) => readonly Edge[];
}

/** Fields by which a flow starts what comes after it (api-notes#flow-starts). */
const STARTING: ReadonlySet<string> = new Set(['_runNextFlowIds', '_runNextExportIds']);
/** Fields of membership: a flow does not fail because another one of its integration does. */
const BELONGING: ReadonlySet<string> = new Set([
  '_integrationId',
  '_registeredConnectionIds',
  '_registeredLookupCacheIds',
]);

const HEX_ID = /(?<![0-9a-z])[0-9a-f]{24}(?![0-9a-z])/gi;

function isProcess(type: string): boolean {
  return findType(type)?.dependence === 'runs';
}

function kindOf(place: Place, type: string): EdgeKind {
  // The flow that is started may be named with the exports of it that are to run: an export is not part of a chain.
  if (place.some((step) => STARTING.has(String(step)))) return isProcess(type) ? 'starts' : 'mentions';
  return place.some((step) => BELONGING.has(String(step))) ? 'belongs' : 'uses';
}

/** An id in a text, with its place. */
export interface Mention {
  readonly place: Place;
  readonly id: string;
  /** The text, and where in it the id begins. */
  readonly text: string;
  readonly at: number;
}

/** Ids in texts of a document, where a reference looks like any other text. */
export function mentionsIn(doc: Json): readonly Mention[] {
  const found: Mention[] = [];
  visitLeaves(
    doc,
    (leaf, place) => {
      const text = String(leaf);
      for (const match of text.matchAll(HEX_ID))
        found.push({ place, id: match[0].toLowerCase(), text, at: match.index });
    },
    undefined,
    (leaf) => typeof leaf === 'string' && leaf.length >= 24,
  );
  return found;
}

/** Looks up the items of one key. */
export function grouped<T>(items: readonly T[], keyFor: (item: T) => Key): (key: Key) => readonly T[] {
  const groups = new Map<Key, T[]>();
  for (const item of items) {
    const key = keyFor(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return (key) => groups.get(key) ?? [];
}

/**
 * Finds every reference between the documents of one state: by field, and as an id in code or text. The account's own
 * connectors count, Celigo's do not. Depends on nothing but its input.
 */
export function buildGraph(documents: readonly MirrorDocument[]): AccountGraph {
  const nodes = new Map(
    documents
      .map((document) => [keyOf(document.type.name, document.id), document] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const byId = grouped([...nodes.keys()], (key) => nodes.get(key)?.id ?? '');
  const list: Edge[] = [];
  const missing: MissingTarget[] = [];
  for (const [from, { type, doc }] of nodes) {
    const edges = new Map<string, Edge>();
    const referred = new Set<string>();
    for (const reference of referencesOf(type, doc)) {
      referred.add(reference.id);
      const typeName = reference.type ?? reference.perhaps;
      if (typeName === undefined) continue;
      const to = keyOf(typeName, reference.id);
      if (nodes.has(to)) {
        const kind = kindOf(placeOf(reference.place), typeName);
        edges.set(`${to} ${reference.place}`, { from, to, place: reference.place, kind });
      } else if (reference.type !== null) missing.push({ from, to, place: reference.place });
    }
    for (const { id, place } of mentionsIn(doc)) {
      if (referred.has(id)) continue;
      for (const to of byId(id)) {
        if (to === from) continue;
        edges.set(`${to} mentions`, { from, to, place: placeText(place), kind: 'mentions' });
      }
    }
    list.push(...edges.values());
  }
  return {
    nodes,
    edges: list,
    missing,
    uses: grouped(list, ({ from }) => from),
    usedBy: grouped(list, ({ to }) => to),
  };
}

/** Name of a resource for people: its title, or its id where it has none. */
export function nameOf(graph: AccountGraph, key: Key): string {
  const document = graph.nodes.get(key);
  return document === undefined || document.title === '' ? idIn(key) : document.title;
}

/** Documents of one type. */
export function ofType(graph: AccountGraph, typeName: string): MirrorDocument[] {
  return [...graph.nodes.values()].filter(({ type }) => type.name === typeName);
}

/** Whether a resource came with an Integration App, whose makers answer for it. */
export function isForeign(document: MirrorDocument): boolean {
  return isAppPart(document.doc);
}

/** Objects in the list at `key`; none where there is no such list. */
export function objectsAt(doc: Json | undefined, key: string): ReadonlyArray<{ readonly [key: string]: Json }> {
  const list = isObject(doc) ? getOwn(doc, key) : undefined;
  return isArray(list) ? list.filter(isObject) : [];
}

/** Text at `key`, or nothing. */
export function textAt(doc: Json | undefined, key: string): string | undefined {
  const value = isObject(doc) ? getOwn(doc, key) : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}
