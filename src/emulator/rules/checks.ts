import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { equalJson, textOf, valueAt, valuesAt } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import { SCOPE_LISTS } from '../model/actors.ts';
import { invalid, missing } from '../model/api-fault.ts';
import { checkAliases } from './aliases.ts';
import { checkConnection } from './connection-checks.ts';
import type { Check, Draft, Faults } from './draft.ts';

/** Routers need ids of their own, and every branch a place to go on (api-notes#routers). */
function* checkRouters(routers: Json | undefined, place: string, end?: string): Faults {
  const ids = new Set<Json>(end === undefined ? [] : [end]);
  const list = isArray(routers) ? routers.filter(isObject) : [];
  for (const { id } of list) {
    if (id === undefined) {
      yield missing(`${place}.id`);
      continue;
    }
    if (ids.has(id)) yield invalid(`${place}.id`, `duplicate router id ${String(id)}`);
    ids.add(id);
  }
  for (const router of list) {
    for (const branch of isArray(router.branches) ? router.branches.filter(isObject) : []) {
      const next = branch.nextRouterId;
      if (next === undefined ? end !== undefined : !ids.has(next)) {
        yield invalid(
          `${place}.branches.nextRouterId`,
          `the branch refers to a router that does not exist: ${String(next)}`,
        );
      }
    }
  }
}

/** Every entry of a Mapper 2.0 tree must be active (api-notes#mapping-status). */
function* checkMappings(mappings: Json | undefined, place: string): Faults {
  for (const [at, mapping] of isArray(mappings) ? mappings.entries() : []) {
    if (!isObject(mapping)) continue;
    if (mapping.status !== 'Active') yield invalid(`${place}[${at}].status`, 'a mapping needs status "Active"');
    yield* checkMappings(mapping.mappings, `${place}[${at}].mappings`);
    for (const helper of isArray(mapping.buildArrayHelper) ? mapping.buildArrayHelper.filter(isObject) : []) {
      yield* checkMappings(helper.mappings, `${place}[${at}].buildArrayHelper.mappings`);
    }
  }
}

/** A group must be one of the integration's (api-notes#groups); an orphaned one may stay. */
function* checkGroup({ doc, stored }: Draft, account: Account, field: string, groups: string): Faults {
  const group = doc[field];
  if (group === undefined || group === null || equalJson(group, stored?.[field])) return;
  const integration = account.store.get('integrations', textOf(doc._integrationId) ?? '');
  if (!valuesAt(integration, `${groups}[]._id`).includes(group))
    yield invalid(field, `${field} not found`, 'invalid_ref');
}

function hasItems(value: Json | undefined): boolean {
  return isArray(value) && value.length > 0;
}

function* checkFlow(draft: Draft, account: Account): Faults {
  const { doc, stored } = draft;
  if (hasItems(doc.pageProcessors) && hasItems(doc.routers)) {
    yield invalid('routers', 'a flow has pageProcessors or routers, not both');
  }
  yield* checkRouters(doc.routers, 'routers');
  const integration = textOf(doc._integrationId);
  if (integration !== undefined && account.store.get('integrations', integration)?.syncs === true) {
    yield invalid('_integrationId', 'an integration made for syncs holds no flows');
  }
  if (doc._abstractFlowId !== undefined) {
    if (hasItems(doc.pageProcessors) || hasItems(doc.routers)) {
      yield invalid('_abstractFlowId', 'an instance takes its steps from the abstract flow');
    }
    if (doc.isAbstract === true) yield invalid('_abstractFlowId', 'an abstract flow cannot be an instance');
    const base = account.store.get('flows', String(doc._abstractFlowId));
    if (base && base.isAbstract !== true) yield invalid('_abstractFlowId', 'the flow is not abstract', 'invalid_ref');
  }
  yield* checkGroup(draft, account, '_flowGroupingId', 'flowGroupings');
  if (integration === undefined && hasItems(doc.aliases)) {
    yield invalid('aliases', 'a standalone flow cannot have aliases', 'alias_not_supported');
  }
  if (integration !== undefined) yield* checkAliases(doc.aliases, stored?.aliases, integration, account);
}

/** Adaptors that work without a connection. */
const UNCONNECTED: ReadonlySet<Json> = new Set([
  ...['WebhookExport', 'SimpleExport', 'FileSystemExport', 'FileSystemImport'],
  ...['AiAgentImport', 'GuardrailImport', 'ToolImport'],
]);

function* checkStep({ doc }: Draft): Faults {
  if (!UNCONNECTED.has(doc.adaptorType ?? null) && doc._connectionId === undefined) yield missing('_connectionId');
  yield* checkMappings(doc.mappings, 'mappings');
  for (const field of ['transform', 'responseTransform']) {
    const place = `${field}.expression.rulesTwoDotZero.mappings`;
    yield* checkMappings(valueAt(doc, place), place);
  }
}

function* checkImport(draft: Draft): Faults {
  yield* checkStep(draft);
  const { doc } = draft;
  if (doc.adaptorType === 'ToolImport' && valueAt(doc, 'tool._toolId') === undefined) yield missing('tool._toolId');
  if (doc.adaptorType === 'AiAgentImport' && !isObject(doc.aiAgent)) yield missing('aiAgent');
  if (doc.adaptorType === 'GuardrailImport') {
    const kind = valueAt(doc, 'guardrail.type');
    if (kind === undefined) yield missing('guardrail.type');
    if (kind === 'pii' && !hasItems(valueAt(doc, 'guardrail.pii.entities'))) yield missing('guardrail.pii.entities');
    if (kind === 'moderation' && !hasItems(valueAt(doc, 'guardrail.moderation.categories'))) {
      yield missing('guardrail.moderation.categories');
    }
  }
}

function* checkTool({ doc }: Draft): Faults {
  yield* checkRouters(doc.routers, 'routers', 'outputRouter');
  yield* checkMappings(valueAt(doc, 'output.mappings'), 'output.mappings');
  const place = 'input.transform.expression.rulesTwoDotZero.mappings';
  yield* checkMappings(valueAt(doc, place), place);
}

/** What must be free: version, method and path of an API (api-notes#unique-names). */
function routeOf(doc: JsonObject): string | undefined {
  const uri = textOf(valueAt(doc, 'builder.request.relativeURI'));
  const method = textOf(valueAt(doc, 'builder.request.method'));
  return uri === undefined ? undefined : `${String(doc.version ?? '')} ${method ?? ''} ${uri}`;
}

function* checkApi(draft: Draft, account: Account): Faults {
  const { id, doc } = draft;
  const route = routeOf(doc);
  for (const other of route === undefined ? [] : account.store.all('apis')) {
    if (other._id !== id && routeOf(other) === route) {
      yield invalid('builder.request.relativeURI', `relativeURI already in use: ${String(route)}`);
    }
  }
  yield* checkRouters(valueAt(doc, 'builder.routers'), 'builder.routers', 'apiRouter');
  if (doc.type === 'script' && valueAt(doc, 'script._scriptId') === undefined) yield missing('script._scriptId');
  yield* checkGroup(draft, account, '_apiGroupingId', 'apiGroupings');
}

function* checkMcpServer({ doc }: Draft): Faults {
  if (!/^\/[^\s/]/.test(textOf(doc.relativeURI) ?? '')) {
    yield invalid('relativeURI', 'relativeURI must begin with a slash and a segment');
  }
  const names = [...valuesAt(doc, 'tools[].name'), ...valuesAt(doc, 'apis[].name')];
  const double = names.find((name, at) => names.indexOf(name) !== at);
  if (double !== undefined) yield invalid('tools', `the name ${String(double)} occurs twice`);
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
  exports: checkStep,
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
