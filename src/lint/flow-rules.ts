import { alg, Graph } from '@dagrejs/graphlib';
import type { MirrorDocument } from '../core/documents.ts';
import { getOwn, type JsonObject } from '../core/json.ts';
import type { Key } from '../core/keys.ts';
import { type AccountGraph, isForeign, nameOf, objectsAt, ofType, textAt } from '../graph/account-graph.ts';
import type { Problem, Rule } from './types.ts';

/** Exports that run when something arrives (api-notes#listeners). */
const LISTENERS: ReadonlySet<string> = new Set(['webhook', 'distributed', 'stream']);
const LISTENING_ADAPTORS = /^(?:Webhook|AS2|VAN|Topic)/;

function flowsOf(graph: AccountGraph): MirrorDocument[] {
  return ofType(graph, 'flows').filter((flow) => !isForeign(flow));
}

function keyOfFlow({ id }: MirrorDocument): Key {
  return `flows/${id}`;
}

function isEnabled({ doc }: MirrorDocument): boolean {
  return doc.disabled !== true;
}

/** An instance takes its steps from another flow. */
function isInstance({ doc }: MirrorDocument): boolean {
  return textAt(doc, '_abstractFlowId') !== undefined;
}

function hasSteps(doc: JsonObject): boolean {
  const branches = objectsAt(doc, 'routers').flatMap((router) => objectsAt(router, 'branches'));
  return (
    textAt(doc, '_importId') !== undefined ||
    objectsAt(doc, 'pageProcessors').length > 0 ||
    branches.some((branch) => objectsAt(branch, 'pageProcessors').length > 0)
  );
}

function emptyFlows(graph: AccountGraph): Problem[] {
  return flowsOf(graph).flatMap((flow) => {
    if (isInstance(flow)) return [];
    const sources = objectsAt(flow.doc, 'pageGenerators').length > 0 || textAt(flow.doc, '_exportId');
    const lacks = [...(sources ? [] : ['source']), ...(hasSteps(flow.doc) ? [] : ['destination'])];
    return lacks.length === 0 ? [] : [{ key: keyOfFlow(flow), message: `the flow has no ${lacks.join(' and no ')}` }];
  });
}

/** Whether a source waits for something to arrive instead of running on a schedule. */
function isListener(doc: JsonObject | undefined): boolean {
  return (
    LISTENERS.has(String(doc?.type)) ||
    LISTENING_ADAPTORS.test(String(doc?.adaptorType)) ||
    doc?.webhook !== undefined ||
    doc?.distributed !== undefined
  );
}

/** Whether a source is a file that a person uploads (a data loader), which runs the flow. */
function isUpload(doc: JsonObject | undefined): boolean {
  return doc?.type === 'simple' || doc?.adaptorType === 'SimpleExport';
}

/** Whether anything starts a flow: a schedule, a listener, an uploaded file or another flow. */
export function hasStarter(graph: AccountGraph, flow: MirrorDocument): boolean {
  const { doc } = flow;
  const sources = objectsAt(doc, 'pageGenerators');
  const exportIds = [textAt(doc, '_exportId'), ...sources.map((source) => textAt(source, '_exportId'))];
  return (
    textAt(doc, 'schedule') !== undefined ||
    sources.some((source) => textAt(source, 'schedule') !== undefined) ||
    exportIds.some((id) => {
      const source = id === undefined ? undefined : graph.nodes.get(`exports/${id}`)?.doc;
      return isListener(source) || isUpload(source);
    }) ||
    graph.usedBy(keyOfFlow(flow)).some(({ kind }) => kind === 'starts' || kind === 'mentions')
  );
}

function unscheduledFlows(graph: AccountGraph): Problem[] {
  return flowsOf(graph)
    .filter((flow) => isEnabled(flow) && flow.doc.isAbstract !== true && !isInstance(flow))
    .filter((flow) => hasSteps(flow.doc) && !hasStarter(graph, flow))
    .map((flow) => ({
      key: keyOfFlow(flow),
      message: 'the flow is enabled but never starts: no schedule, no listener, and no other flow starts it',
    }));
}

function startsDisabled(graph: AccountGraph): Problem[] {
  return flowsOf(graph)
    .filter(isEnabled)
    .flatMap((flow) =>
      graph
        .uses(keyOfFlow(flow))
        .filter(({ kind, to }) => kind === 'starts' && graph.nodes.get(to)?.doc.disabled === true)
        .filter(({ to }) => to.startsWith('flows/'))
        .map(({ to, place }) => ({
          key: keyOfFlow(flow),
          place,
          message: `starts "${nameOf(graph, to)}" (${to}), which is disabled; the chain stops here`,
        })),
    );
}

function cycles(graph: AccountGraph): Problem[] {
  const chains = new Graph({ directed: true });
  for (const { kind, from, to } of graph.edges) if (kind === 'starts') chains.setEdge(from, to);
  return alg.findCycles(chains).map((members) => {
    const inOrder = [...members].sort();
    const through = inOrder.length > 1 ? ` through ${inOrder.slice(1).join(', ')}` : '';
    return { key: inOrder[0] ?? '', message: `the flow starts itself again${through}; the chain never ends` };
  });
}

/** Ends of branches that are not routers of the list (api-notes#routers). */
const RESERVED: ReadonlySet<string> = new Set(['outputRouter', 'apiRouter']);

function deadBranches(graph: AccountGraph): Problem[] {
  return ['flows', 'tools', 'apis']
    .flatMap((typeName) => ofType(graph, typeName))
    .filter((document) => !isForeign(document))
    .flatMap(({ type, id, doc }) => {
      const builder = getOwn(doc, 'builder');
      const routers = [...objectsAt(doc, 'routers'), ...objectsAt(builder, 'routers')];
      const known = new Set(routers.map((router) => textAt(router, 'id')));
      return routers.flatMap((router, r) =>
        objectsAt(router, 'branches').flatMap((branch, b) => {
          const next = textAt(branch, 'nextRouterId');
          if (next === undefined || known.has(next) || RESERVED.has(next)) return [];
          return [
            {
              key: `${type.name}/${id}`,
              place: `${builder === undefined ? '' : 'builder.'}routers[${r}].branches[${b}].nextRouterId`,
              message: `the branch "${textAt(branch, 'name') ?? ''}" leads to the router ${next}, which does not exist`,
            },
          ];
        }),
      );
    });
}

function duplicateNames(graph: AccountGraph): Problem[] {
  const groups = new Map<string, MirrorDocument[]>();
  for (const document of graph.nodes.values()) {
    const { type, doc, title } = document;
    const name = textAt(doc, 'name');
    if (name === undefined || !NAMED.has(type.name) || isForeign(document)) continue;
    // Two integrations may each have a flow of the same name.
    const inside = type.name === 'flows' ? (textAt(doc, '_integrationId') ?? '') : '';
    const key = JSON.stringify([type.name, inside, title.trim().toLowerCase().replace(/\s+/g, ' ')]);
    groups.set(key, [...(groups.get(key) ?? []), document]);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => {
      const [first, ...others] = group as [MirrorDocument, ...MirrorDocument[]];
      const { type, id, title } = first;
      const who = others.length === 1 ? `another ${type.noun} has` : `${others.length} other ${type.plural} have`;
      return {
        key: `${type.name}/${id}`,
        place: 'name',
        message: `${who} the same name "${title}": ${others.map((other) => other.id).join(', ')}`,
      };
    });
}

const NAMED: ReadonlySet<string> = new Set([
  'integrations',
  'flows',
  'exports',
  'imports',
  'connections',
  'scripts',
  'lookupcaches',
  'tools',
  'apis',
]);

/** Rules about flows, branches and names. */
export const FLOW_RULES: readonly Rule[] = [
  {
    id: 'empty-flow',
    severity: 'warning',
    about: 'a flow without a source or without a destination',
    check: emptyFlows,
  },
  {
    id: 'unscheduled-flow',
    severity: 'warning',
    about: 'an enabled flow that nothing starts',
    check: unscheduledFlows,
  },
  {
    id: 'starts-disabled-flow',
    severity: 'warning',
    about: 'an enabled flow that starts a disabled flow when it ends',
    check: startsDisabled,
  },
  { id: 'endless-chain', severity: 'error', about: 'flows that start each other in a cycle', check: cycles },
  {
    id: 'dead-branch',
    severity: 'error',
    about: 'a branch that leads to a router that does not exist',
    check: deadBranches,
  },
  {
    id: 'duplicate-name',
    severity: 'warning',
    about: 'two resources of the same type and name, which people and a restore by name may confuse',
    check: duplicateNames,
  },
];
