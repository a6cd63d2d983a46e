import { type Key, keyOf } from '../core/keys.ts';
import { equalJson } from '../core/paths.ts';
import { type AccountGraph, nameOf } from '../graph/account-graph.ts';
import { mermaidText } from '../graph/mermaid.ts';
import { type Chart, type ChartEdge, type ChartNode, chartOf, labelText, nodeLine } from './flow-diagram.ts';

/** What became of a part of a flow. */
export type Mark = 'added' | 'removed' | 'changed' | 'same';

/** Signs beside the colours, which not everyone can tell apart. */
export const SIGNS: Readonly<Record<Mark, string>> = { added: '+ ', removed: '− ', changed: '~ ', same: '' };

/** Colours that can be read on a light and on a dark page. */
const CLASSES = [
  'classDef added fill:#dff5e6,stroke:#0f6a33,color:#0b4d25,stroke-width:2px',
  'classDef removed fill:#fde4e4,stroke:#a3191f,color:#7a1116,stroke-width:2px,stroke-dasharray:5 4',
  'classDef changed fill:#fff1cf,stroke:#8a5a00,color:#5c3c00,stroke-width:2px',
];

const ARROWS: Readonly<Record<Mark, string>> = { added: '==>', removed: '-.->', changed: '-->', same: '-->' };
const STROKES: Readonly<Partial<Record<Mark, string>>> = { added: '#1f9d55', removed: '#e0484e' };

/** A part of a flow in either state. */
export interface Marked<T> {
  readonly item: T;
  readonly mark: Mark;
}

/** A flow before and after: every node and arrow of either, each once. Arrows lead from identity to identity. */
export interface FlowChanges {
  readonly nodes: readonly Marked<ChartNode>[];
  readonly edges: readonly Marked<ChartEdge>[];
}

const NOTHING: Chart = { nodes: [], edges: [] };

function chartIn(graph: AccountGraph, key: Key): Chart {
  const flow = graph.nodes.get(key);
  return flow ? chartOf(graph, flow) : NOTHING;
}

function sameContent(a: ChartNode, b: ChartNode): boolean {
  return equalJson(a.lines, b.lines) && a.content.every((held, i) => equalJson(held, b.content[i]));
}

/** The arrows of a chart with the identities of their ends. */
function edgesOf({ nodes, edges }: Chart): Map<string, ChartEdge> {
  const identities = new Map(nodes.map(({ id, identity }) => [id, identity]));
  return new Map(
    edges.map((edge) => {
      const named = { ...edge, from: identities.get(edge.from) ?? '', to: identities.get(edge.to) ?? '' };
      return [`${named.from}\n${named.to}\n${named.label ?? ''}`, named];
    }),
  );
}

function changesOf(before: Chart, after: Chart): FlowChanges {
  const old = new Map(before.nodes.map((node) => [node.identity, node]));
  const now = new Set(after.nodes.map(({ identity }) => identity));
  const [oldEdges, nowEdges] = [edgesOf(before), edgesOf(after)];
  return {
    nodes: [
      ...after.nodes.map((item): Marked<ChartNode> => {
        const was = old.get(item.identity);
        return { item, mark: was === undefined ? 'added' : sameContent(was, item) ? 'same' : 'changed' };
      }),
      ...before.nodes
        .filter(({ identity }) => !now.has(identity))
        .map((item): Marked<ChartNode> => ({ item, mark: 'removed' })),
    ],
    edges: [
      ...[...nowEdges].map(([key, item]): Marked<ChartEdge> => ({ item, mark: oldEdges.has(key) ? 'same' : 'added' })),
      ...[...oldEdges].flatMap(([key, item]): Marked<ChartEdge>[] =>
        nowEdges.has(key) ? [] : [{ item, mark: 'removed' }],
      ),
    ],
  };
}

/**
 * What became of the parts of a flow between two states of an account. A step is changed, too, where its export or
 * import is.
 * @param id of the flow
 * @returns nothing where it does not look different
 */
export function flowChanges(before: AccountGraph, after: AccountGraph, id: string): FlowChanges | undefined {
  const key = keyOf('flows', id);
  const changes = changesOf(chartIn(before, key), chartIn(after, key));
  return [...changes.nodes, ...changes.edges].some(({ mark }) => mark !== 'same') ? changes : undefined;
}

/** The parts of one flow as lines of Mermaid; `edges` have their marks for the styles of links. */
function drawn({ nodes, edges }: FlowChanges, prefix: string): { nodes: string[]; edges: Marked<string>[] } {
  const ids = new Map(nodes.map(({ item }, i) => [item.identity, `${prefix}n${i + 1}`]));
  return {
    nodes: nodes.map(({ item, mark }) => {
      const line = nodeLine(item, ids.get(item.identity) ?? '', SIGNS[mark]);
      return mark === 'same' ? line : `${line}:::${mark}`;
    }),
    edges: edges.map(({ item, mark }) => {
      const label = item.label === undefined ? '' : `|"${SIGNS[mark]}${labelText(item.label)}"|`;
      return { item: `${ids.get(item.from)} ${ARROWS[mark]}${label} ${ids.get(item.to)}`, mark };
    }),
  };
}

/**
 * Flows in two states of an account as one Mermaid flowchart: what was added, removed and changed of their sources,
 * routers, branches and steps is marked by sign and colour. A step is changed, too, where its export or import is.
 * Several flows are drawn each in a frame of its name.
 * @param flows ids
 * @returns nothing where no flow looks different
 */
export function flowChangesDiagram(
  before: AccountGraph,
  after: AccountGraph,
  flows: readonly string[],
): string | undefined {
  const changed = flows.flatMap((id) => {
    const changes = flowChanges(before, after, id);
    if (!changes) return [];
    const key = keyOf('flows', id);
    return [{ changes, name: nameOf(after.nodes.has(key) ? after : before, key) }];
  });
  if (changed.length === 0) return undefined;
  const alone = changed.length === 1;
  const lines: string[] = [];
  const marks: Mark[] = [];
  for (const [i, { changes, name }] of changed.entries()) {
    const { nodes, edges } = drawn(changes, alone ? '' : `f${i + 1}`);
    const inner = [...nodes, ...edges.map(({ item }) => item)];
    if (alone) lines.push(...inner);
    else lines.push(`subgraph f${i + 1}["${mermaidText(name)}"]`, ...inner.map((line) => `  ${line}`), 'end');
    marks.push(...edges.map(({ mark }) => mark));
  }
  const styles = (['added', 'removed'] as const).flatMap((mark) => {
    const links = marks.flatMap((one, i) => (one === mark ? [i] : []));
    return links.length === 0 ? [] : [`linkStyle ${links.join(',')} stroke:${STROKES[mark]},stroke-width:2px`];
  });
  return ['flowchart LR', ...[...lines, ...CLASSES, ...styles].map((line) => `  ${line}`)].join('\n');
}

/** Ids of the flows in which one of these resources is, in either state. */
export function flowsWith(graphs: readonly AccountGraph[], keys: Iterable<Key>): string[] {
  const found = new Set<string>();
  const add = (key: Key): void => {
    if (key.startsWith('flows/')) found.add(key.slice('flows/'.length));
  };
  for (const key of keys) {
    add(key);
    for (const graph of graphs) for (const { from, kind } of graph.usedBy(key)) if (kind === 'uses') add(from);
  }
  return [...found].sort();
}
