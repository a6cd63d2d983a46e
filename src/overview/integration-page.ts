import type { PhrasingContent, RootContent } from 'mdast';
import { findType } from '../catalogue/index.ts';
import type { MirrorDocument } from '../core/documents.ts';
import type { Key } from '../core/keys.ts';
import { bullets, heading, link, markdownTable, paragraph, renderMarkdown, strong, text } from '../core/markdown.ts';
import { oneLine } from '../core/unseen.ts';
import { type AccountGraph, nameOf, objectsAt, ofType, textAt } from '../graph/account-graph.ts';
import { flowDiagram } from './flow-diagram.ts';

/** By name, then by id: the same order whatever the documents came in. */
export function byName(a: MirrorDocument, b: MirrorDocument): number {
  if (a.title !== b.title) return a.title < b.title ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** A link to a resource's file, shown by its name. @param up relative path to the account's folder */
export function toFile(graph: AccountGraph, key: Key, up: string): PhrasingContent {
  const path = graph.nodes.get(key)?.path;
  const shown = text(oneLine(nameOf(graph, key)) || key);
  return path === undefined ? shown : link(`${up}${path}`, shown);
}

/** Separates the parts of a list within a line. */
export function commas(parts: readonly PhrasingContent[]): PhrasingContent[] {
  return parts.flatMap((part, i) => (i === 0 ? [part] : [text(', '), part]));
}

/** The folder of an integration's page, inside the account's folder. */
export function pageFolder(integration: MirrorDocument): string {
  return `overview/${integration.path.slice('integrations/'.length, -'.yaml'.length)}`;
}

/** Flows of an integration; of none for `undefined`. */
export function flowsOf(graph: AccountGraph, integration: string | undefined): MirrorDocument[] {
  return ofType(graph, 'flows')
    .filter(({ doc }) => {
      const owner = textAt(doc, '_integrationId');
      const known = owner !== undefined && graph.nodes.has(`integrations/${owner}`);
      return integration === undefined ? !known : owner === integration;
    })
    .sort(byName);
}

/** What the flow does: enabled or not, its schedule, and the flows before and after it. */
function facts(graph: AccountGraph, flow: MirrorDocument, up: string): RootContent[] {
  const { doc } = flow;
  const key = `flows/${flow.id}`;
  const schedule = textAt(doc, 'schedule');
  const abstract = textAt(doc, '_abstractFlowId');
  const next = graph.uses(key).filter(({ kind }) => kind === 'starts');
  const before = graph.usedBy(key).filter(({ kind }) => kind === 'starts');
  const names = (keys: readonly Key[]): PhrasingContent[] =>
    commas([...new Set(keys)].sort().map((other) => toFile(graph, other, up)));
  const items: PhrasingContent[][] = [
    [
      text(doc.disabled === true ? 'disabled' : 'enabled'),
      text(schedule === undefined ? '' : `, schedule ${oneLine(schedule)}`),
      text(textAt(doc, 'timezone') === undefined ? '' : ` (${oneLine(textAt(doc, 'timezone') ?? '')})`),
      text(', '),
      link(`${up}${flow.path}`, text('document')),
    ],
    ...(abstract === undefined ? [] : [[text('instance of '), toFile(graph, `flows/${abstract}`, up)]]),
    ...(next.length > 0 ? [[text('then starts '), ...names(next.map(({ to }) => to))]] : []),
    ...(before.length > 0 ? [[text('is started by '), ...names(before.map(({ from }) => from))]] : []),
  ];
  return bullets(items);
}

/** One flow: heading, facts, diagram. */
export function flowSection(graph: AccountGraph, flow: MirrorDocument, up: string): RootContent[] {
  const description = textAt(flow.doc, 'description');
  const diagram = flowDiagram(graph, flow);
  return [
    heading(3, text(oneLine(flow.title) || flow.id)),
    ...(description === undefined ? [] : [paragraph(text(oneLine(description)))]),
    ...facts(graph, flow, up),
    ...(diagram === undefined ? [] : [{ type: 'code' as const, lang: 'mermaid', value: diagram }]),
  ];
}

/** Types whose use by an integration's flows is listed. */
const LISTED: readonly string[] = ['connections', 'scripts', 'lookupcaches', 'filedefinitions', 'ediprofiles', 'tools'];

/** What the flows need, type by type, each with the flows that need it. */
function uses(graph: AccountGraph, flows: readonly MirrorDocument[], up: string): RootContent[] {
  const users = new Map<Key, Set<Key>>();
  for (const flow of flows) {
    const start = `flows/${flow.id}`;
    const seen = new Set<Key>([start]);
    let front = [start];
    while (front.length > 0) {
      const next: Key[] = [];
      for (const { to, kind } of front.flatMap((key) => graph.uses(key))) {
        // Not into other flows or back to the integration: those have sections and pages of their own.
        if (seen.has(to) || kind === 'belongs' || kind === 'starts' || /^(?:flows|integrations)\//.test(to)) continue;
        seen.add(to);
        next.push(to);
        users.set(to, (users.get(to) ?? new Set()).add(start));
      }
      front = next;
    }
  }
  const rows = LISTED.flatMap((type) =>
    ofType(graph, type)
      .sort(byName)
      .flatMap((document) => {
        const key = `${type}/${document.id}`;
        const by = [...(users.get(key) ?? [])].sort();
        if (by.length === 0) return [];
        return [
          [
            [text(findType(type)?.noun ?? type)],
            [toFile(graph, key, up)],
            commas(by.map((flow) => toFile(graph, flow, up))),
          ],
        ];
      }),
  );
  return rows.length === 0
    ? []
    : [heading(2, text('What the flows use')), ...markdownTable(['type', 'name', 'used by'], rows)];
}

/** The page of one integration. Depends on nothing but the documents. */
export function integrationPage(graph: AccountGraph, integration: MirrorDocument): string {
  const up = '../../';
  const flows = flowsOf(graph, integration.id);
  const groups = objectsAt(integration.doc, 'flowGroupings').map((group) => ({
    id: textAt(group, '_id'),
    name: textAt(group, 'name') ?? '',
  }));
  const groupOf = ({ doc }: MirrorDocument): string | undefined =>
    groups.find(({ id }) => id !== undefined && id === textAt(doc, '_flowGroupingId'))?.name;
  const rows = flows.map((flow) => [
    [strong(oneLine(flow.title) || flow.id)],
    [text(flow.doc.disabled === true ? 'disabled' : 'enabled')],
    [text(oneLine(textAt(flow.doc, 'schedule') ?? ''))],
    [text(oneLine(groupOf(flow) ?? ''))],
  ]);
  const description = textAt(integration.doc, 'description');
  return renderMarkdown([
    heading(1, text(oneLine(integration.title) || integration.id)),
    ...(description === undefined ? [] : [paragraph(text(oneLine(description)))]),
    paragraph(
      link(`${up}README.md`, text('All integrations')),
      text(', '),
      link(`${up}${integration.path}`, text('document of the integration')),
    ),
    ...markdownTable(['flow', 'state', 'schedule', 'group'], rows),
    ...(flows.length === 0 ? [paragraph(text('This integration has no flows.'))] : [heading(2, text('Flows'))]),
    ...flows.flatMap((flow) => flowSection(graph, flow, up)),
    ...uses(graph, flows, up),
  ]);
}
