import { isArray, type Json } from '../../core/json.ts';
import { textOf } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import { SCOPE_LISTS } from '../model/actors.ts';
import { invalid, missing } from '../model/api-fault.ts';
import { checkAliases } from './aliases.ts';
import { checkConnection } from './connection-checks.ts';
import type { Check, Draft, Faults } from './draft.ts';
import { checkApi, checkFlow, checkTool } from './flow-checks.ts';
import { checkMcpServer } from './mcp-checks.ts';
import { checkExport, checkImport } from './step-checks.ts';

function hasItems(value: Json | undefined): boolean {
  return isArray(value) && value.length > 0;
}

/** A name stays taken while its cache is in the recycle bin (api-notes#lookup-names). */
function* checkLookupCache({ id, doc }: Draft, account: Account): Faults {
  for (const other of account.store.all('lookupcaches')) {
    if (other._id !== id && other.name === doc.name) yield invalid('name', `the name ${String(doc.name)} is in use`);
  }
  for (const { type, doc: deleted } of account.bin.values()) {
    if (type === 'lookupcaches' && deleted._id !== id && deleted.name === doc.name) {
      yield invalid('name', `the name ${String(doc.name)} is reserved by a cache in the recycle bin`);
    }
  }
}

function* checkAccessToken({ doc }: Draft, account: Account): Faults {
  // Revoking must always be possible.
  if (doc.revoked === true) return;
  const lists = Object.keys(SCOPE_LISTS).filter((list) => hasItems(doc[list]));
  if ((doc.fullAccess === true) === lists.length > 0) {
    yield invalid('fullAccess', 'a token has either full access or lists of what it reaches');
  }
  const purge = textOf(doc.autoPurgeAt);
  if (purge !== undefined && Date.parse(purge) > account.now().getTime() + 30 * 86_400_000) {
    yield invalid('autoPurgeAt', 'autoPurgeAt may be at most 30 days ahead');
  }
}

function* checkFileDefinition({ doc }: Draft): Faults {
  if (!hasItems(doc.rules)) yield missing('rules');
}

function* checkSync({ doc }: Draft, account: Account): Faults {
  const integration = textOf(doc._integrationId);
  if (integration === undefined) yield missing('_integrationId');
  else if (account.store.get('integrations', integration)?.syncs !== true) {
    yield invalid('_integrationId', 'a sync needs an integration made for syncs');
  }
}

function* checkIntegration({ id, doc, stored }: Draft, account: Account): Faults {
  yield* checkAliases(doc.aliases, stored?.aliases, id, account, doc._registeredConnectionIds);
}

/** Checks of single types, by folder. */
export const CHECKS: Readonly<Record<string, Check>> = {
  integrations: checkIntegration,
  flows: checkFlow,
  exports: checkExport,
  imports: checkImport,
  connections: checkConnection,
  tools: checkTool,
  apis: checkApi,
  mcpservers: checkMcpServer,
  lookupcaches: checkLookupCache,
  accesstokens: checkAccessToken,
  filedefinitions: checkFileDefinition,
  syncs: checkSync,
};
