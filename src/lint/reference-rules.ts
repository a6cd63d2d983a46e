import { findType } from '../catalogue/index.ts';
import { idIn, type Key, typeIn } from '../core/keys.ts';
import { type AccountGraph, isForeign, ofType } from '../graph/account-graph.ts';
import type { Problem, Rule } from './types.ts';

/** Types that something else should use. Other types are used by a caller, a person or a schedule. */
const PARTS: readonly string[] = [
  'lookupcaches',
  'filedefinitions',
  'ediprofiles',
  'iclients',
  'agents',
  'stacks',
  'asynchelpers',
  'tpconnectors',
  'httpconnectors',
  'mcpoauthproviders',
  'tools',
];

function nounOf(type: string): string {
  return findType(type)?.noun ?? type;
}

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
  const core = new Set(['integrations', 'flows', 'exports', 'imports', 'connections', 'scripts']);
  const held = new Set([...graph.nodes.keys()].map((key) => typeIn(key)));
  return graph.missing.flatMap(({ from, to, place }) => {
    const [type, id] = [typeIn(to), idIn(to)];
    // Nothing is known of types that are not mirrored; Celigo's own iClients are in no account.
    if (!(core.has(type) || held.has(type)) || type === 'iclients') return [];
    return [{ key: from, place, message: `refers to the ${nounOf(type)} ${id}, which does not exist` }];
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
    check: unused(PARTS, (noun) => `nothing uses this ${noun}`),
  },
];
