import type { MirrorDocument } from '../core/documents.ts';
import { type MirrorFile, OVERVIEW_FILE } from '../core/layout.ts';
import { buildGraph, ofType } from '../graph/account-graph.ts';
import { accountPage } from './account-page.ts';
import { integrationPage, pageFolder } from './integration-page.ts';

/** The pages that explain an account, from all of its documents. The same documents give the same bytes. */
export async function overviewPages(account: string, documents: readonly MirrorDocument[]): Promise<MirrorFile[]> {
  const graph = buildGraph(documents);
  return [
    { path: OVERVIEW_FILE, text: await accountPage(graph, account) },
    ...ofType(graph, 'integrations').map((integration) => ({
      path: `${pageFolder(integration)}/README.md`,
      text: integrationPage(graph, integration),
    })),
  ];
}
