import { GROUPS } from '../catalogue/index.ts';
import { type Key, typeIn } from '../core/keys.ts';
import type { AccountGraph, Edge } from './account-graph.ts';

/** A resource that another one reaches, with the reference by which it is reached first. */
export interface Reached {
  readonly key: Key;
  /** Steps between it and the start, on the shortest way that counts. */
  readonly distance: number;
  /** The one before it on that way. */
  readonly from: Key;
  readonly edge: Edge;
  readonly way: Way;
}

/**
 * How a resource was reached: by references alone; because it runs after something that was reached; or because it starts
 * something that was reached, which is where its own other followers do not count.
 */
export type Way = 'refers' | 'after' | 'starter';

/** What one resource means for the others. Nearest first, each named once. */
export interface Impact {
  readonly start: Key;
  /** What depends on it: it refers to it directly or through others, or runs after something that does. */
  readonly dependants: readonly Reached[];
  /** What it depends on, directly or through others. */
  readonly needs: readonly Reached[];
}

interface Step {
  readonly key: Key;
  readonly edge: Edge;
  readonly way: Way;
}

/**
 * Breadth first. What was reached in one way and is reached again in another is followed in that one, too: which steps
 * count from there on depends on how it was reached. From the start every step counts.
 */
function walk(start: Key, next: (key: Key, way: Way) => readonly Step[]): Reached[] {
  const states = new Set<string>();
  const found = new Map<Key, Reached>();
  const queue: Pick<Reached, 'key' | 'way' | 'distance'>[] = [{ key: start, way: 'refers', distance: 0 }];
  for (const { key: from, way, distance } of queue) {
    for (const step of next(from, way)) {
      const state = `${step.way} ${step.key}`;
      if (step.key === start || states.has(state)) continue;
      states.add(state);
      const reached = { ...step, from, distance: distance + 1 };
      if (!found.has(step.key)) found.set(step.key, reached);
      queue.push(reached);
    }
  }
  return [...found.values()];
}

/**
 * What depends on `start` and what it needs, through any number of references. Membership is told but not followed:
 * that two flows share an integration makes neither depend on the other, unless the integration itself is asked about.
 *
 * A flow that starts another refers to it, so the starter is among the dependants of the started; what is started runs
 * only after its starter, so it is among the dependants of that one too.
 */
export function impactOf(graph: AccountGraph, start: Key): Impact {
  const member = (key: Key): boolean => key !== start && typeIn(key) === GROUPS.name;
  const dependants = walk(start, (key, way) => {
    if (member(key)) return [];
    const referring = graph
      .usedBy(key)
      .filter(({ kind }) => way !== 'after' || kind !== 'starts')
      .map((edge): Step => ({ key: edge.from, edge, way: edge.kind === 'starts' ? 'starter' : way }));
    const started = way === 'starter' ? [] : graph.uses(key).filter(({ kind }) => kind === 'starts');
    return [...referring, ...started.map((edge): Step => ({ key: edge.to, edge, way: 'after' }))];
  });
  const needs = walk(start, (key) =>
    member(key) ? [] : graph.uses(key).map((edge) => ({ key: edge.to, edge, way: 'refers' })),
  );
  return { start, dependants, needs };
}
