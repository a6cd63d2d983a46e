import { findType } from '../catalogue/index.ts';
import { counted } from '../core/counted.ts';
import { type Key, typeIn } from '../core/keys.ts';
import { oneLine } from '../core/unseen.ts';
import { type AccountGraph, type Edge, grouped, nameOf } from './account-graph.ts';
import type { Impact, Reached } from './impact.ts';
import { mermaidNode, mermaidText } from './mermaid.ts';

function typeOf(key: Key): string {
  return typeIn(key);
}

function nounOf(key: Key): string {
  return findType(typeOf(key))?.noun ?? typeOf(key);
}

const WORDS = { uses: '', belongs: 'belongs', starts: 'starts', mentions: 'mentions' } as const;

/** The reference behind a line of the tree. */
function because({ edge, relation }: Reached): string {
  if (relation === 'after') return `runs after it: ${edge.place}`;
  const word = WORDS[edge.kind];
  return word === '' ? edge.place : `${word}: ${edge.place}`;
}

/** The resources below `from` as a tree, each where it is nearest to the start. */
function branches(graph: AccountGraph, below: (key: Key) => readonly Reached[], from: Key, indent: string): string[] {
  const children = below(from);
  return children.flatMap((one, i) => {
    const last = i === children.length - 1;
    const name = oneLine(nameOf(graph, one.key));
    return [
      `${indent}${last ? '└─ ' : '├─ '}${one.key}  "${name}"  (${because(one)})`,
      ...branches(graph, below, one.key, `${indent}${last ? '   ' : '│  '}`),
    ];
  });
}

/** Both halves as trees for a terminal. */
export function impactTree(graph: AccountGraph, { start, parts, dependants, needs }: Impact): string {
  const own = new Set([start, ...parts]);
  const half = (title: string, reached: readonly Reached[]): string[] => {
    if (reached.length === 0) return [`${title}: nothing`];
    const below = grouped(reached, ({ from }) => (own.has(from) ? start : from));
    return [`${title} (${reached.length}):`, ...branches(graph, below, start, '  ')];
  };
  const more = parts.length === 0 ? '' : `  with ${counted(parts.length, 'resource')} that make it up`;
  return `${[
    `${start}  "${oneLine(nameOf(graph, start))}"${more}`,
    '',
    ...half('Depends on it', dependants),
    '',
    ...half('It needs', needs),
  ].join('\n')}\n`;
}

/** The shown resources: the start first, then the nearest. */
function shownKeys({ start, parts, dependants, needs }: Impact): Set<Key> {
  return new Set([start, ...parts, ...dependants.map(({ key }) => key), ...needs.map(({ key }) => key)]);
}

/** An arrow of a drawing. */
interface Arrow extends Pick<Edge, 'from' | 'to' | 'kind'> {
  /** Every place of the documents that it represents. */
  readonly places: readonly string[];
}

/** All references among the shown resources, in the direction of the documents; those of a kind as one. */
function arrowsAmong(graph: AccountGraph, keys: ReadonlySet<Key>): Arrow[] {
  const arrows = new Map<string, Arrow>();
  for (const from of keys) {
    for (const { to, kind, place } of graph.uses(from)) {
      if (!keys.has(to)) continue;
      const id = `${from} ${to} ${kind}`;
      arrows.set(id, { from, to, kind, places: [...(arrows.get(id)?.places ?? []), place] });
    }
  }
  return [...arrows.values()];
}

/** A Mermaid flowchart: arrows lead from what refers to what is referred to. */
export function impactMermaid(graph: AccountGraph, impact: Impact): string {
  const keys = shownKeys(impact);
  const ids = new Map([...keys].map((key, i) => [key, `n${i}`]));
  const nodes = [...ids].map(
    ([key, id]) =>
      `  ${mermaidNode(id, typeOf(key), `${mermaidText(nounOf(key))}: ${mermaidText(nameOf(graph, key))}`)}`,
  );
  const edges = arrowsAmong(graph, keys).map(({ from, to, kind }) => {
    const arrow = kind === 'uses' ? '-->' : kind === 'starts' ? '==>|starts|' : `-.->|${kind}|`;
    return `  ${ids.get(from)} ${arrow} ${ids.get(to)}`;
  });
  return `${['flowchart LR', ...nodes, ...edges, `  style ${ids.get(impact.start)} stroke-width:4px`].join('\n')}\n`;
}

/** A string of the DOT language. */
function quoted(text: string): string {
  return `"${oneLine(text).replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
}

/** A graph in Graphviz's language. */
export function impactDot(graph: AccountGraph, impact: Impact): string {
  const keys = shownKeys(impact);
  const nodes = [...keys].map((key) => {
    const label = quoted(`${nounOf(key)}: ${nameOf(graph, key)}`);
    return `  ${quoted(key)} [label=${label}${key === impact.start ? ', penwidth=3' : ''}];`;
  });
  const edges = arrowsAmong(graph, keys).map(({ from, to, kind, places }) => {
    const style = kind === 'uses' ? '' : `, label=${quoted(kind)}, style=${kind === 'starts' ? 'bold' : 'dashed'}`;
    return `  ${quoted(from)} -> ${quoted(to)} [tooltip=${quoted(places.join(', '))}${style}];`;
  });
  return `${['digraph impact {', '  rankdir=LR;', '  node [shape=box];', ...nodes, ...edges, '}'].join('\n')}\n`;
}

/** The same as data. */
export function impactJson(graph: AccountGraph, account: string, impact: Impact): unknown {
  const about = (key: Key): Record<string, unknown> => {
    const document = graph.nodes.get(key);
    return {
      type: typeOf(key),
      id: document?.id ?? '',
      name: document?.title ?? '',
      path: `${account}/${document?.path ?? ''}`,
    };
  };
  const reached = ({ key, distance, from, edge, relation }: Reached): Record<string, unknown> => ({
    ...about(key),
    distance,
    via: { from, place: edge.place, in: edge.from, kind: edge.kind, way: relation },
  });
  return {
    version: 1,
    account,
    what: about(impact.start),
    parts: impact.parts.map(about),
    dependants: impact.dependants.map(reached),
    needs: impact.needs.map(reached),
  };
}
