import type { RootContent } from 'mdast';
import { findType } from '../catalogue/index.ts';
import type { MirrorDocument } from '../core/documents.ts';
import { bullets, heading, link, markdownTable, paragraph, renderMarkdown, text } from '../core/markdown.ts';
import { oneLine } from '../core/unseen.ts';
import { type AccountGraph, isForeign, ofType, textAt } from '../graph/account-graph.ts';
import { hasStarter } from '../lint/flow-rules.ts';
import { REFERENCE_RULES } from '../lint/reference-rules.ts';
import { byName, commas, flowSection, flowsOf, pageFolder, toFile } from './integration-page.ts';

/** Rules whose findings are the parts that nothing uses. */
const ORPHANS: ReadonlySet<string> = new Set([
  'unused-connection',
  'unused-script',
  'orphan-export',
  'orphan-import',
  'unused-resource',
]);

function connections(graph: AccountGraph): RootContent[] {
  const rows = ofType(graph, 'connections')
    .sort(byName)
    .map((connection) => {
      const key = `connections/${connection.id}`;
      const users = graph.usedBy(key).filter(({ kind }) => kind !== 'belongs');
      const registered = graph
        .usedBy(key)
        .filter(({ kind, from }) => kind === 'belongs' && from.startsWith('integrations/'));
      return [
        [toFile(graph, key, '')],
        [text(oneLine(textAt(connection.doc, 'type') ?? ''))],
        commas([...new Set(registered.map(({ from }) => from))].sort().map((from) => toFile(graph, from, ''))),
        [text(String(new Set(users.map(({ from }) => from)).size))],
      ];
    });
  const table = markdownTable(['connection', 'type', 'registered with', 'used by'], rows, 3);
  return table.length === 0 ? [] : [heading(2, text('Connections')), ...table];
}

function list(graph: AccountGraph, title: string, documents: readonly MirrorDocument[]): RootContent[] {
  if (documents.length === 0) return [];
  const items = [...documents]
    .sort(byName)
    .map(({ type, id }) => [
      text(`${findType(type.name)?.noun ?? type.name} `),
      toFile(graph, `${type.name}/${id}`, ''),
    ]);
  return [heading(3, text(title)), ...bullets(items)];
}

/** What may need attention: disabled, never started, used by nothing. */
async function reviewSection(graph: AccountGraph): Promise<RootContent[]> {
  const flows = ofType(graph, 'flows').filter((flow) => !isForeign(flow));
  const orphans: MirrorDocument[] = [];
  for (const rule of REFERENCE_RULES.filter(({ id }) => ORPHANS.has(id))) {
    for (const { key } of await rule.check(graph)) orphans.push(...[graph.nodes.get(key) ?? []].flat());
  }
  const parts = [
    ...list(
      graph,
      'Disabled flows',
      flows.filter(({ doc }) => doc.disabled === true),
    ),
    ...list(
      graph,
      'Flows that nothing starts',
      flows.filter(
        (flow) =>
          flow.doc.isAbstract !== true && textAt(flow.doc, '_abstractFlowId') === undefined && !hasStarter(graph, flow),
      ),
    ),
    ...list(graph, 'Used by nothing', orphans),
  ];
  return parts.length === 0 ? [] : [heading(2, text('To review')), ...parts];
}

/** The page of an account. Depends on nothing but the documents. */
export async function accountPage(graph: AccountGraph, account: string): Promise<string> {
  const integrations = ofType(graph, 'integrations').sort(byName);
  const rows = integrations.map((integration) => {
    const flows = flowsOf(graph, integration.id);
    const enabled = flows.filter(({ doc }) => doc.disabled !== true).length;
    return [
      [link(`${pageFolder(integration)}/README.md`, text(oneLine(integration.title) || integration.id))],
      [text(String(flows.length))],
      [text(String(enabled))],
    ];
  });
  const alone = flowsOf(graph, undefined);
  return renderMarkdown([
    heading(1, text(account)),
    paragraph(
      text(
        'This page and the pages of the integrations are generated from the documents next to them and change with ' +
          'them. Whether a connection is offline is omitted, because it changes on its own.',
      ),
    ),
    ...(rows.length === 0
      ? []
      : [heading(2, text('Integrations')), ...markdownTable(['integration', 'flows', 'enabled'], rows, 1)]),
    ...(alone.length === 0 ? [] : [heading(2, text('Flows outside any integration'))]),
    ...alone.flatMap((flow) => flowSection(graph, flow, '')),
    ...connections(graph),
    ...(await reviewSection(graph)),
  ]);
}
