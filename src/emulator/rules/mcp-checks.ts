import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { textOf, valuesAt } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import { invalid } from '../model/api-fault.ts';
import type { Draft, Faults } from './draft.ts';

function twice(values: readonly Json[]): Json | undefined {
  return values.find((value, at) => values.indexOf(value) !== at);
}

/** Lists of an MCP server in which something occurs once, with the code of the refusal (api-notes#mcp-servers). */
const ONCE: readonly { readonly paths: readonly string[]; readonly code?: string }[] = [
  { paths: ['tools[].name', 'apis[].name'] },
  { paths: ['apis[]._apiId'] },
  { paths: ['prompts[].name'], code: 'mcp_server_duplicate_prompt_name' },
  { paths: ['resources[]._fileId'], code: 'mcp_server_duplicate_file_not_allowed' },
];

function* checkOnce(doc: JsonObject): Faults {
  for (const { paths, code } of ONCE) {
    const double = twice(paths.flatMap((path) => valuesAt(doc, path)));
    const [first = ''] = paths;
    const field = first.slice(0, first.indexOf('['));
    if (double !== undefined) yield invalid(field, `${String(double)} occurs twice in ${field}`, code);
  }
}

/** Anything that the server offers: what has a switch of its own counts only when it is on. */
function offersSomething(doc: JsonObject): boolean {
  const switched = [...valuesAt(doc, 'tools[]'), ...valuesAt(doc, 'apis[]')];
  const others = ['prompts[]', 'resources[]', 'upstreamMcpConnections[].tools[]'].flatMap((path) =>
    valuesAt(doc, path),
  );
  return (
    switched.some((entry) => isObject(entry) && entry.disabled !== true) ||
    others.some((entry) => isObject(entry) && entry.disabled !== true && entry.enabled !== false)
  );
}

/** What the server refuses in an MCP server (api-notes#mcp-servers). */
export function* checkMcpServer({ doc, stored }: Draft, account: Account): Faults {
  if (!stored && !account.behaviour.accountAlias) {
    yield invalid('_id', 'the account needs an alias first', 'mcp_server_account_alias_required');
  }
  if (!/^\/[^\s/]/.test(textOf(doc.relativeURI) ?? '')) {
    yield invalid('relativeURI', 'relativeURI must begin with a slash and a segment');
  }
  yield* checkOnce(doc);
  if (doc.sandbox === true && isArray(doc.resources) && doc.resources.length > 0) {
    yield invalid('resources', 'not in a sandbox', 'mcp_server_resources_not_allowed_in_sandbox');
  }
  for (const api of valuesAt(doc, 'apis[]._apiId')) {
    const kind = account.store.get('apis', String(api))?.type;
    if (kind === 'script') yield invalid('apis', 'only APIs of the builder can be offered');
  }
  if (doc.disabled === false && !offersSomething(doc)) {
    yield invalid('disabled', 'a server that is enabled needs something enabled to offer');
  }
}
