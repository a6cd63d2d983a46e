import type { ResourceType } from '../catalogue/types.ts';
import type { MirrorDocument } from '../core/documents.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { type AccountGraph, type Edge, grouped } from '../graph/account-graph.ts';

/** One of the two accounts that are compared. */
export interface Side {
  readonly account: string;
  readonly graph: AccountGraph;
  /** Groups (integrations) that use a resource, directly or through others. */
  readonly groups: ReadonlyMap<Key, ReadonlySet<Key>>;
  /** What a resource says that it is part of. */
  readonly owners: (key: Key) => readonly Key[];
}

export function keyFor({ type, id }: Pick<MirrorDocument, 'type' | 'id'>): Key {
  return keyOf(type.name, id);
}

/** Whether a reference names what its document is part of: a group, or a group that it is inside of. */
function isMembership({ nodes }: AccountGraph, { from, to, place }: Edge): boolean {
  const [part, whole] = [nodes.get(from)?.type, nodes.get(to)?.type];
  return part !== undefined && ((part.partOf ?? []).includes(place) || (isGroup(part) && part === whole));
}

function isGroup({ dependence }: Pick<ResourceType, 'dependence'>): boolean {
  return dependence === 'group';
}

/**
 * Marks all that a group consists of, and all that this uses and that does not run by itself.
 * @param partsOf what is part of a resource, groups left out
 */
function visitGroup(
  graph: AccountGraph,
  partsOf: (key: Key) => readonly Edge[],
  group: Key,
  found: Map<Key, Set<Key>>,
): void {
  const front = [group];
  for (let key = front.pop(); key !== undefined; key = front.pop()) {
    const groups = found.get(key) ?? new Set();
    if (groups.has(group)) continue;
    found.set(key, groups.add(group));
    for (const { from } of partsOf(key)) front.push(from);
    for (const { to, kind } of graph.uses(key)) {
      if (kind === 'uses' && graph.nodes.get(to)?.type.dependence === undefined) front.push(to);
    }
  }
}

export function sideOf(account: string, graph: AccountGraph): Side {
  const found = new Map<Key, Set<Key>>();
  const isGroupAt = (key: Key): boolean => isGroup(graph.nodes.get(key)?.type ?? {});
  const memberships = graph.edges.filter((edge) => isMembership(graph, edge));
  const partsOf = grouped(
    memberships.filter(({ from }) => !isGroupAt(from)),
    ({ to }) => to,
  );
  for (const key of graph.nodes.keys()) if (isGroupAt(key)) visitGroup(graph, partsOf, key, found);
  const owners = grouped(memberships, ({ from }) => from);
  return { account, graph, groups: found, owners: (key) => owners(key).map(({ to }) => to) };
}

/** Names of the groups that a resource is in, for people. */
export function groupNames({ graph, groups }: Side, key: Key): readonly string[] {
  const own = [...(groups.get(key) ?? [])].filter((group) => group !== key);
  return own.map((group) => graph.nodes.get(group)?.title ?? group).sort();
}
