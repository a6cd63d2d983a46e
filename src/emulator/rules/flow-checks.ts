import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { equalJson, textOf, valueAt, valuesAt } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import { invalid, missing } from '../model/api-fault.ts';
import { checkAliases } from './aliases.ts';
import type { Draft, Faults } from './draft.ts';
import { checkSchedules } from './schedules.ts';
import { checkMappings } from './step-checks.ts';

function objectsIn(value: Json | undefined): readonly JsonObject[] {
  return isArray(value) ? value.filter(isObject) : [];
}

/** Routers need ids of their own, and every branch a place to go on (api-notes#routers). */
function* checkRouters(routers: Json | undefined, place: string, end?: string): Faults {
  const ids = new Set<Json>(end === undefined ? [] : [end]);
  for (const { id } of objectsIn(routers)) {
    if (id === undefined) yield missing(`${place}.id`);
    else if (ids.has(id)) yield invalid(`${place}.id`, `duplicate router id ${String(id)}`);
    if (id !== undefined) ids.add(id);
  }
  for (const router of objectsIn(routers)) {
    for (const { nextRouterId: next } of objectsIn(router.branches)) {
      if (next === undefined ? end !== undefined : !ids.has(next)) {
        yield invalid(
          `${place}.branches.nextRouterId`,
          `the branch refers to a router that does not exist: ${String(next)}`,
        );
      }
    }
  }
}

/** Which branch a record takes, and by what that is decided: both are given or neither (api-notes#routers). */
function* checkRouting(routers: Json | undefined, place: string): Faults {
  for (const [at, { routeRecordsTo, routeRecordsUsing }] of objectsIn(routers).entries()) {
    if ((routeRecordsTo === undefined) !== (routeRecordsUsing === undefined)) {
      const message = 'routeRecordsTo and routeRecordsUsing are given together';
      yield invalid(`${place}[${at}]`, message, 'invalid_flow_router_config');
    }
  }
}

/** A step without its export or import must say that it is being set up (api-notes#unfinished-steps). */
function* checkSetUp({ type, doc }: Draft): Faults {
  const { steps = [], resources = [], mark = '' } = type.restore.unfinished ?? {};
  for (const path of steps) {
    for (const step of valuesAt(doc, path)) {
      if (!isObject(step) || step[mark] === true) continue;
      if (resources.every((field) => step[field] === undefined)) yield missing(`${path}.${resources[0]}`);
    }
  }
}

/** The group of an API must be one of its integration's (api-notes#groups); an orphaned one may stay. */
function* checkApiGroup({ doc, stored }: Draft, account: Account): Faults {
  const group = doc._apiGroupingId;
  if (group === undefined || group === null || equalJson(group, stored?._apiGroupingId)) return;
  if (doc._integrationId === undefined) yield missing('_integrationId');
  const integration = account.store.get('integrations', textOf(doc._integrationId) ?? '');
  if (!valuesAt(integration, 'apiGroupings[]._id').includes(group)) {
    yield invalid('_apiGroupingId', '_apiGroupingId not found', 'invalid_ref');
  }
}

/** A flow cannot be in a group of another integration (api-notes#groups). Unknown groups are dropped, not refused. */
function* checkFlowGroup({ doc, stored }: Draft, account: Account): Faults {
  const group = doc._flowGroupingId;
  if (group === undefined || group === null || equalJson(group, stored?._flowGroupingId)) return;
  for (const other of account.store.all('integrations')) {
    if (other._id !== doc._integrationId && valuesAt(other, 'flowGroupings[]._id').includes(group)) {
      yield invalid('_flowGroupingId', 'the group is of another integration', 'flowgrouping_not_belong');
    }
  }
}

function hasSteps(doc: JsonObject): boolean {
  return objectsIn(doc.pageProcessors).length > 0 || objectsIn(doc.routers).length > 0;
}

function* checkInstance(doc: JsonObject, account: Account): Faults {
  if (doc._abstractFlowId === undefined) return;
  if (hasSteps(doc)) yield invalid('_abstractFlowId', 'an instance takes its steps from the abstract flow');
  if (doc.isAbstract === true) yield invalid('_abstractFlowId', 'an abstract flow cannot be an instance');
  const base = account.store.get('flows', String(doc._abstractFlowId));
  if (base && base.isAbstract !== true) yield invalid('_abstractFlowId', 'the flow is not abstract', 'invalid_ref');
}

/** What the server refuses in a flow. */
export function* checkFlow(draft: Draft, account: Account): Faults {
  const { doc, stored } = draft;
  if (objectsIn(doc.pageProcessors).length > 0 && objectsIn(doc.routers).length > 0) {
    yield invalid('routers', 'a flow has pageProcessors or routers, not both');
  }
  yield* checkRouters(doc.routers, 'routers');
  yield* checkSetUp(draft);
  yield* checkSchedules(doc);
  yield* checkInstance(doc, account);
  yield* checkFlowGroup(draft, account);
  const integration = textOf(doc._integrationId);
  if (integration !== undefined) {
    if (account.store.get('integrations', integration)?.syncs === true) {
      yield invalid('_integrationId', 'an integration made for syncs holds no flows');
    }
    yield* checkAliases(doc.aliases, stored?.aliases, integration, account);
    return;
  }
  if (!stored && account.behaviour.standaloneFlows === 'refuse') {
    yield invalid('_integrationId', 'a flow needs an integration', 'standalone_flows_not_supported');
  }
  if (objectsIn(doc.aliases).length > 0) {
    yield invalid('aliases', 'a standalone flow cannot have aliases', 'alias_not_supported');
  }
}

/** Whether a text holds an expression, and no half of one. */
function isTemplate(text: string): boolean {
  const rest = text.replace(/\{\{[^{}]+\}\}/g, '');
  return rest !== text && !/[{}]/.test(rest);
}

/** What the server refuses in a tool. */
export function* checkTool({ doc }: Draft): Faults {
  yield* checkRouters(doc.routers, 'routers', 'outputRouter');
  yield* checkRouting(doc.routers, 'routers');
  const template = textOf(valueAt(doc, 'input.traceKeyTemplate'));
  if (template !== undefined && !isTemplate(template)) {
    yield invalid('input.traceKeyTemplate', 'a trace key needs an expression that can be compiled');
  }
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

/** What the server refuses in an API. */
export function* checkApi(draft: Draft, account: Account): Faults {
  const { id, doc } = draft;
  const route = routeOf(doc);
  for (const other of route === undefined ? [] : account.store.all('apis')) {
    if (other._id !== id && routeOf(other) === route) {
      yield invalid('builder.request.relativeURI', `relativeURI already in use: ${String(route)}`);
    }
  }
  yield* checkRouters(valueAt(doc, 'builder.routers'), 'builder.routers', 'apiRouter');
  if (doc.type === 'script' && valueAt(doc, 'script._scriptId') === undefined) yield missing('script._scriptId');
  yield* checkApiGroup(draft, account);
}
