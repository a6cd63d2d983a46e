import type { MirrorDocument } from '../core/documents.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import type { Key } from '../core/keys.ts';
import { mapPath } from '../core/paths.ts';
import { type AccountGraph, nameOf, objectsAt, textAt } from '../graph/account-graph.ts';
import { mermaidText } from '../graph/mermaid.ts';

/** Longest name in a chart, in characters. */
export const LONGEST_LABEL = 48;

/** The shape of a node: what opens and closes its text. */
type Shape = readonly [open: string, close: string];

const SOURCE: Shape = ['(["', '"])'];
const LOOKUP: Shape = ['[/"', '"/]'];
const DESTINATION: Shape = ['["', '"]'];
const ROUTER: Shape = ['{"', '"}'];
const END: Shape = ['(("', '"))'];

/** A step, router or end in a chart. */
export interface ChartNode {
  readonly id: string;
  /** By what it is the same one in another state of the flow. */
  readonly identity: string;
  readonly shape: Shape;
  /** What it shows, as it is called. */
  readonly lines: readonly string[];
  /** All that decides what it does. */
  readonly content: readonly (Json | undefined)[];
}

/** An arrow between two nodes, by their ids. */
export interface ChartEdge {
  readonly from: string;
  readonly to: string;
  readonly label?: string;
}

/** What a chart is made of. */
export interface Chart {
  readonly nodes: ChartNode[];
  readonly edges: ChartEdge[];
}

function addNode(chart: Chart, node: Omit<ChartNode, 'id'>): string {
  const id = `n${chart.nodes.length + 1}`;
  // A step can be in a flow more than once.
  const count = chart.nodes.filter(({ identity }) => identity.split(' #')[0] === node.identity).length;
  chart.nodes.push({ ...node, id, identity: count === 0 ? node.identity : `${node.identity} #${count + 1}` });
  return id;
}

/** Scripts that are called within `value`: the hook's name and the script's. */
function hooksIn(graph: AccountGraph, value: Json | undefined, key = ''): string[] {
  if (isArray(value)) return value.flatMap((item) => hooksIn(graph, item, key));
  if (!isObject(value)) return [];
  const script = textAt(value, '_scriptId');
  const own = script === undefined ? [] : [`ƒ ${key === '' ? 'script' : key}: ${nameOf(graph, `scripts/${script}`)}`];
  return [...own, ...Object.keys(value).flatMap((inner) => hooksIn(graph, getOwn(value, inner), inner))];
}

/** What a step shows: its name, its connection, its scripts. */
function stepLines(graph: AccountGraph, key: Key, extra: readonly string[]): string[] {
  const doc = graph.nodes.get(key)?.doc;
  const connection = textAt(doc, '_connectionId');
  return [
    nameOf(graph, key),
    ...(connection === undefined ? [] : [`on ${nameOf(graph, `connections/${connection}`)}`]),
    ...new Set([...hooksIn(graph, doc), ...extra]),
  ];
}

/** Adds a step and the arrow that leads to it. Gives its id. */
function addStep(chart: Chart, graph: AccountGraph, step: JsonObject, from: readonly Arrow[]): Arrow[] {
  const exportId = textAt(step, '_exportId');
  const importId = textAt(step, '_importId');
  const toolId = textAt(step, '_toolId');
  const key =
    importId !== undefined
      ? `imports/${importId}`
      : exportId !== undefined
        ? `exports/${exportId}`
        : toolId !== undefined
          ? `tools/${toolId}`
          : undefined;
  if (key === undefined) return [...from];
  const id = addNode(chart, {
    identity: `step ${key}`,
    shape: importId === undefined ? LOOKUP : DESTINATION,
    lines: stepLines(graph, key, hooksIn(graph, getOwn(step, 'hooks'))),
    content: [step, graph.nodes.get(key)?.doc],
  });
  connect(chart, from, id);
  return [{ from: id }];
}

/** The open end of a path: what comes next is drawn from here. */
interface Arrow {
  readonly from: string;
  readonly label?: string;
}

function connect(chart: Chart, arrows: readonly Arrow[], to: string): void {
  for (const { from, label } of arrows) {
    chart.edges.push(label === undefined ? { from, to } : { from, to, label });
  }
}

function addSteps(chart: Chart, graph: AccountGraph, steps: readonly JsonObject[], from: readonly Arrow[]): Arrow[] {
  let ends = [...from];
  for (const step of steps) ends = addStep(chart, graph, step, ends);
  return ends;
}

function addRouters(chart: Chart, graph: AccountGraph, doc: JsonObject, from: readonly Arrow[]): void {
  const routers = objectsAt(doc, 'routers');
  const ids = new Map<string, string>();
  for (const router of routers) {
    const script = hooksIn(graph, getOwn(router, 'script'), 'route');
    const all = textAt(router, 'routeRecordsTo') === 'all_matching_branches';
    const lines = [textAt(router, 'name') ?? 'router', ...(all ? ['all matching branches'] : []), ...script];
    const id = addNode(chart, {
      identity: `router ${textAt(router, 'id') ?? ''}`,
      shape: ROUTER,
      lines,
      content: [mapPath(router, 'branches[].pageProcessors', () => undefined)],
    });
    ids.set(textAt(router, 'id') ?? id, id);
  }
  const [first] = ids.values();
  if (first !== undefined) connect(chart, from, first);
  for (const [i, router] of routers.entries()) {
    const id = [...ids.values()][i] ?? '';
    for (const [b, branch] of objectsAt(router, 'branches').entries()) {
      const label = textAt(branch, 'name') ?? `branch ${b + 1}`;
      const ends = addSteps(chart, graph, objectsAt(branch, 'pageProcessors'), [{ from: id, label }]);
      const next = ids.get(textAt(branch, 'nextRouterId') ?? '');
      if (next !== undefined) connect(chart, ends, next);
      else if (ends.some(({ from: open }) => open === id)) {
        const identity = `end ${textAt(router, 'id') ?? id}/${textAt(branch, 'name') ?? b}`;
        const stop = addNode(chart, { identity, shape: END, lines: ['end'], content: [] });
        connect(chart, ends, stop);
      }
    }
  }
}

/** A flow as a chart: its sources, routers and branches, and steps. One that takes its steps from another has those. */
export function chartOf(graph: AccountGraph, flow: MirrorDocument): Chart {
  const abstract = textAt(flow.doc, '_abstractFlowId');
  const doc = abstract === undefined ? flow.doc : (graph.nodes.get(`flows/${abstract}`)?.doc ?? flow.doc);
  const chart: Chart = { nodes: [], edges: [] };
  const sources: JsonObject[] = [...objectsAt(doc, 'pageGenerators')];
  const single = textAt(doc, '_exportId');
  if (single !== undefined) sources.push({ _exportId: single });
  const starts = sources.flatMap((source): Arrow[] => {
    const exportId = textAt(source, '_exportId');
    if (exportId === undefined) return [];
    const key = `exports/${exportId}`;
    const schedule = textAt(source, 'schedule');
    const lines = stepLines(graph, key, schedule === undefined ? [] : [`at ${schedule}`]);
    const content = [source, graph.nodes.get(key)?.doc];
    return [{ from: addNode(chart, { identity: `source ${key}`, shape: SOURCE, lines, content }) }];
  });
  const importId = textAt(doc, '_importId');
  const steps = [...objectsAt(doc, 'pageProcessors'), ...(importId === undefined ? [] : [{ _importId: importId }])];
  const ends = addSteps(chart, graph, steps, starts);
  addRouters(chart, graph, doc, ends);
  return chart;
}

/** A node of a chart as a line of Mermaid. @param sign comes before its text */
export function nodeLine({ shape: [open, close], lines }: ChartNode, id: string, sign = ''): string {
  return `${id}${open}${sign}${lines.map(labelText).join('<br/>')}${close}`;
}

/** A name in a chart, for Mermaid. */
export function labelText(name: string): string {
  return mermaidText(name, LONGEST_LABEL);
}

/**
 * A flow as a Mermaid flowchart: its sources, routers and branches, and steps, each with its connection and the scripts
 * that it calls. A flow that takes its steps from another is drawn with those.
 * @returns nothing for a flow without any step
 */
export function flowDiagram(graph: AccountGraph, flow: MirrorDocument): string | undefined {
  const { nodes, edges } = chartOf(graph, flow);
  if (nodes.length === 0) return undefined;
  const arrows = edges.map(({ from, to, label }) =>
    label === undefined ? `${from} --> ${to}` : `${from} -->|"${labelText(label)}"| ${to}`,
  );
  const lines = [...nodes.map((node) => nodeLine(node, node.id)), ...arrows];
  return ['flowchart LR', ...lines.map((line) => `  ${line}`)].join('\n');
}
