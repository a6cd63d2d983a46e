import { GROUPS } from '../catalogue/index.ts';
import { type Key, typeIn } from '../core/keys.ts';
import type { AccountGraph, Edge } from './account-graph.ts';

/** A resource that another one reaches, with the reference by which it is reached first. */
export interface Reached {
  readonly key: Key;
  /** Steps between it and the start, on the shortest path that counts. */
  readonly distance: number;
  /** The resource before it on that path. */
  readonly from: Key;
  readonly edge: Edge;
  readonly relation: Relation;
}

/**
 * How a resource was reached: by references alone; because it runs after a resource that was reached; or because it
 * starts one, in which case the other flows that it starts do not count.
 */
type Relation = 'refers' | 'after' | 'starter';

/** What a change of one resource affects and what it relies on. Nearest first, each resource once. */
export interface Impact {
  readonly start: Key;
  /** What is asked about together with it: all that belongs to a group. */
  readonly parts: readonly Key[];
  /** What depends on it: it refers to it directly or through others, or runs after something that does. */
  readonly dependants: readonly Reached[];
  /** What it depends on, directly or through others. */
  readonly needs: readonly Reached[];
}

interface Step {
  readonly key: Key;
  readonly edge: Edge;
  readonly relation: Relation;
}

/**
 * Breadth first. A resource that is reached again by another relation is followed again: which steps count from there
 * depends on the relation. From the start every step counts.
 */
function walk(starts: ReadonlySet<Key>, next: (key: Key, relation: Relation) => readonly Step[]): Reached[] {
  const states = new Set<string>();
  const found = new Map<Key, Reached>();
  const queue = [...starts].map((key): Pick<Reached, 'key' | 'relation' | 'distance'> => {
    return { key, relation: 'refers', distance: 0 };
  });
  for (const { key: from, relation, distance } of queue) {
    for (const step of next(from, relation)) {
      const state = `${step.relation} ${step.key}`;
      if (starts.has(step.key) || states.has(state)) continue;
      states.add(state);
      const reached = { ...step, from, distance: distance + 1 };
      if (!found.has(step.key)) found.set(step.key, reached);
      queue.push(reached);
    }
  }
  return [...found.values()];
}

/**
 * What depends on `start` and what it needs, through any number of references. Membership is reported but not followed:
 * two flows of one integration do not depend on each other, unless `start` is the integration. With `parts`, what
 * depends on any of them or is needed by any, and is none of them.
 *
 * A flow that starts another refers to it, so the starter is among the dependants of the started; what is started runs
 * only after its starter, so it is among the dependants of that one too.
 */
export function impactOf(graph: AccountGraph, start: Key, parts: readonly Key[] = []): Impact {
  const starts = new Set([start, ...parts]);
  const member = (key: Key): boolean => !starts.has(key) && typeIn(key) === GROUPS.name;
  const dependants = walk(starts, (key, relation) => {
    if (member(key)) return [];
    const referring = graph
      .usedBy(key)
      .filter(({ kind }) => relation !== 'after' || kind !== 'starts')
      .map((edge): Step => ({ key: edge.from, edge, relation: edge.kind === 'starts' ? 'starter' : relation }));
    const started = relation === 'starter' ? [] : graph.uses(key).filter(({ kind }) => kind === 'starts');
    return [...referring, ...started.map((edge): Step => ({ key: edge.to, edge, relation: 'after' }))];
  });
  const needs = walk(starts, (key) =>
    member(key) ? [] : graph.uses(key).map((edge) => ({ key: edge.to, edge, relation: 'refers' })),
  );
  return { start, parts, dependants, needs };
}
