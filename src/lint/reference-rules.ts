import { findType } from '../catalogue/index.ts';
import type { Key } from '../core/keys.ts';
import { type AccountGraph, isForeign, ofType } from '../graph/account-graph.ts';
import type { Problem, Rule } from './types.ts';

/** Types that stand for themselves: a caller, a person or a schedule uses them. */
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

/** Whether anything works with it. Being registered with an integration is no use. */
function isUsed(graph: AccountGraph, key: Key): boolean {
  return graph.usedBy(key).some(({ kind, from }) => kind !== 'belongs' && from !== key);
}

function unused(dirs: readonly string[], message: (noun: string) => string): Rule['check'] {
  return (graph) =>
    dirs
      .flatMap((typeName) => ofType(graph, typeName))
      .filter((document) => !isForeign(document) && !isUsed(graph, `${document.type.name}/${document.id}`))
      .map(({ type, id }) => ({ key: `${type.name}/${id}`, message: message(type.noun) }));
}

function missingReferences(graph: AccountGraph): Problem[] {
  const core = new Set(['integrations', 'flows', 'exports', 'imports', 'connections', 'scripts']);
  const held = new Set([...graph.nodes.keys()].map((key) => key.slice(0, key.indexOf('/'))));
  return graph.missing.flatMap(({ from, to, place }) => {
    const [type = '', id = ''] = to.split('/');
    // A type that is not mirrored at all says nothing; Celigo's own iClients are used without being the account's.
    if (!(core.has(type) || held.has(type)) || type === 'iclients') return [];
    return [{ key: from, place, message: `refers to the ${nounOf(type)} ${id}, which is not there` }];
  });
}

/** Rules about what refers to what. */
export const REFERENCE_RULES: readonly Rule[] = [
  {
    id: 'missing-reference',
    severity: 'error',
    about: 'a reference to a resource that the account does not have: it fails as soon as it is used',
    check: missingReferences,
  },
  {
    id: 'unused-connection',
    severity: 'warning',
    about: 'a connection that nothing works with: credentials that are kept for no reason',
    check: unused(['connections'], () => 'no export, import or other resource works with this connection'),
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
    about: 'an export that is a step of no flow, tool or API',
    check: unused(['exports'], () => 'no flow, tool or API has this export as a step'),
  },
  {
    id: 'orphan-import',
    severity: 'warning',
    about: 'an import that is a step of no flow, tool or API',
    check: unused(['imports'], () => 'no flow, tool or API has this import as a step'),
  },
  {
    id: 'unused-resource',
    severity: 'info',
    about: 'any other part that nothing uses: a lookup cache, a file definition, an iClient, …',
    check: unused(PARTS, (noun) => `nothing uses this ${noun}`),
  },
];
