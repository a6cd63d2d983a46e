import { findType, RESOURCE_TYPES } from '../catalogue/index.ts';
import { idIn, type Key, typeIn } from '../core/keys.ts';
import { type AccountGraph, isForeign, ofType } from '../graph/account-graph.ts';
import type { Problem, Rule } from './types.ts';

/** Types of which nothing is of use unless something refers to it. */
const SERVING = RESOURCE_TYPES.filter(({ servesOthers }) => servesOthers).map(({ name }) => name);

/** Whether anything works with a resource. Registration with an integration does not count. */
function isUsed(graph: AccountGraph, key: Key): boolean {
  return graph.usedBy(key).some(({ kind, from }) => kind !== 'belongs' && from !== key);
}

function unused(types: readonly string[], message: (noun: string) => string): Rule['check'] {
  return (graph) =>
    types
      .flatMap((typeName) => ofType(graph, typeName))
      .filter((document) => !isForeign(document) && !isUsed(graph, `${document.type.name}/${document.id}`))
      .map(({ type, id }) => ({ key: `${type.name}/${id}`, message: message(type.noun) }));
}

function missingReferences(graph: AccountGraph): Problem[] {
  const held = new Set([...graph.nodes.keys()].map((key) => typeIn(key)));
  return graph.missing.flatMap(({ from, to, place }) => {
    const [name, id] = [typeIn(to), idIn(to)];
    const type = findType(name);
    // Nothing is known of types that are not mirrored; what Celigo provides is in no account.
    if (!(type?.presence === 'core' || held.has(name)) || type?.hasPublic) return [];
    return [{ key: from, place, message: `refers to the ${type?.noun ?? name} ${id}, which does not exist` }];
  });
}

/** Rules about references. */
export const REFERENCE_RULES: readonly Rule[] = [
  {
    id: 'missing-reference',
    severity: 'error',
    about: 'a reference to a resource that does not exist; it fails when it is used',
    check: missingReferences,
  },
  {
    id: 'unused-connection',
    severity: 'warning',
    about: 'a connection that nothing uses: credentials kept for no reason',
    check: unused(['connections'], () => 'no export, import or other resource uses this connection'),
  },
  {
    id: 'unused-script',
    severity: 'warning',
    about: 'a script that no hook, router, API or form calls',
    check: unused(['scripts'], () => 'nothing calls this script'),
  },
  {
    id: 'orphan-export',
    severity: 'warning',
    about: 'an export that no flow, tool or API uses',
    check: unused(['exports'], () => 'no flow, tool or API uses this export'),
  },
  {
    id: 'orphan-import',
    severity: 'warning',
    about: 'an import that no flow, tool or API uses',
    check: unused(['imports'], () => 'no flow, tool or API uses this import'),
  },
  {
    id: 'unused-resource',
    severity: 'info',
    about: 'any other resource that nothing uses: a lookup cache, a file definition, an iClient, …',
    check: unused(SERVING, (noun) => `nothing uses this ${noun}`),
  },
];
