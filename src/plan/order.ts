import { alg, Graph } from '@dagrejs/graphlib';
import type { ResourceType } from '../catalogue/types.ts';
import type { JsonObject } from '../core/json.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { covers, placeOf } from '../core/places.ts';
import { type Reference, referencesOf, usesOf } from '../core/references.ts';

/** One resource that a plan acts on. */
export interface Node {
  readonly key: Key;
  readonly type: ResourceType;
  readonly doc: JsonObject;
  /** It is not there before its step: whoever refers to it has to wait. */
  readonly arrives: boolean;
  /** As it comes back from the recycle bin, with all its references. */
  readonly binned?: JsonObject;
  /** Its id in the target, where that is another one. */
  readonly targetId?: string;
}

/** An order in which steps can be carried out. */
export interface Order {
  /** Lower comes first; equal ones need nothing of each other. */
  readonly levels: ReadonlyMap<Key, number>;
  /** Field paths that the creation of a resource leaves out, because they refer to what comes later. */
  readonly late: ReadonlyMap<Key, readonly string[]>;
}

interface Edge {
  readonly from: Node;
  readonly to: Node;
  readonly reference: Reference;
  /** Nothing depends on it: an order that keeps it is better, and no more. */
  readonly isLoose?: boolean;
}

/** The late path of the type that holds the reference, or the place itself without its indexes. */
function latePath(edge: Edge): string | undefined {
  const place = placeOf(edge.reference.place);
  const { bare = [], late = [] } = edge.from.type.restore;
  return [...bare, ...late].find((path) => covers(path, place));
}

/** Which edges of a cycle may be broken; of several kinds the first that exists is taken. */
const BREAKABLE: readonly ((edge: Edge) => boolean)[] = [
  ({ isLoose }) => isLoose === true,
  // What is there already does not have to be waited for.
  ({ to }) => !to.arrives,
  (edge) => latePath(edge) !== undefined,
  // A reference against the usual order of creation, whatever field it is in.
  ({ from, to }) => from.type.restore.tier <= to.type.restore.tier,
  () => true,
];

type References = (node: Node) => readonly Reference[];

/** What has to be there when a resource is created, changed or brought back, and has its wanted state. */
const needed: References = ({ type, doc, binned }) => [
  ...referencesOf(type, doc),
  ...(binned ? referencesOf(type, binned) : []),
];

function edgesOf(nodes: ReadonlyMap<Key, Node>, references: References): Edge[] {
  const targets = [...nodes.values()].flatMap((node): [Key, Node][] =>
    node.targetId === undefined ? [] : [[keyOf(node.type.name, node.targetId), node]],
  );
  const all = new Map([...targets, ...nodes]);
  return [...nodes.values()].flatMap((from) =>
    references(from).flatMap((reference) => {
      const type = reference.type ?? reference.perhaps;
      const to = type === undefined ? undefined : all.get(keyOf(type, reference.id));
      return to ? [{ from, to, reference }] : [];
    }),
  );
}

function graphOf(nodes: ReadonlyMap<Key, Node>, edges: Iterable<Edge>): Graph {
  const graph = new Graph({ directed: true });
  for (const key of nodes.keys()) graph.setNode(key);
  for (const { from, to } of edges) graph.setEdge(from.key, to.key);
  return graph;
}

function byKey(list: readonly Node[]): Map<Key, Node> {
  return new Map([...list].sort((a, b) => (a.key < b.key ? -1 : 1)).map((node) => [node.key, node]));
}

/**
 * Orders resources so that each comes after what it refers to. Circles are opened where it costs least; what a creation
 * cannot name yet is left out of it and returned as `late`. Depends on nothing but its input.
 */
export function orderByNeed(list: readonly Node[]): Order {
  const nodes = byKey(list);
  // Bare fields are never part of a creation, so that they order nothing.
  const edges = edgesOf(nodes, needed).filter(({ from, reference }) => {
    const bare = (from.type.restore.bare ?? []).some((path) => covers(path, placeOf(reference.place)));
    return !(bare && from.arrives && !from.binned);
  });
  return ordered(nodes, edges);
}

/**
 * Orders deletions: what comes last in the order goes first. `late` is what has to be taken out of a resource before
 * anything is deleted, because a circle of uses would keep all of it (api-notes#deleting).
 */
export function orderOfDeletion(list: readonly Omit<Node, 'arrives'>[]): Order {
  const nodes = byKey(list.map((node) => ({ ...node, arrives: true })));
  const edges = edgesOf(nodes, ({ type, doc }) => referencesOf(type, doc)).map((edge): Edge => {
    const uses = usesOf(edge.from.type, edge.from.doc);
    return { ...edge, isLoose: !uses.some(({ place }) => place === edge.reference.place) };
  });
  return ordered(nodes, edges);
}

function ordered(nodes: ReadonlyMap<Key, Node>, all: readonly Edge[]): Order {
  const late = new Map<Key, Set<string>>();
  const leaveOut = (edge: Edge): void => {
    if (!edge.from.arrives || !edge.to.arrives || edge.isLoose) return;
    const path = latePath(edge) ?? edge.reference.place.replace(/\[\d+\]/g, '[]').replace(/\[\]$/, '');
    late.set(edge.from.key, (late.get(edge.from.key) ?? new Set()).add(path));
  };
  let edges = all.filter(({ from, to }) => from !== to);
  for (const edge of all) if (edge.from === edge.to) leaveOut(edge);
  for (;;) {
    const circles = alg.tarjan(graphOf(nodes, edges)).filter((members) => members.length > 1);
    if (circles.length === 0) break;
    for (const members of circles) {
      const inside = new Set(members);
      const within = edges.filter(({ from, to }) => inside.has(from.key) && inside.has(to.key));
      const breakable = BREAKABLE.map((test) => within.filter(test)).find((found) => found.length > 0) ?? within;
      for (const edge of breakable) leaveOut(edge);
      const broken = new Set(breakable);
      edges = edges.filter((edge) => !broken.has(edge));
    }
  }
  const levels = new Map<Key, number>();
  const needs = new Map<Key, Key[]>();
  for (const { from, to } of edges) needs.set(from.key, [...(needs.get(from.key) ?? []), to.key]);
  for (const key of alg.topsort(
    graphOf(
      nodes,
      edges.map(({ from, to, reference }) => ({ from: to, to: from, reference })),
    ),
  )) {
    levels.set(key, 1 + Math.max(-1, ...(needs.get(key) ?? []).map((need) => levels.get(need) ?? 0)));
  }
  return { levels, late: new Map([...late].map(([key, paths]) => [key, [...paths].sort()])) };
}
