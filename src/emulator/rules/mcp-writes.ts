import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { mapPath, withKey } from '../../core/paths.ts';
import type { Context } from './draft.ts';

/** Parts of an MCP server that keep their id over a PUT while this member stays the same (api-notes#mcp-servers). */
const KEPT_BY: readonly (readonly [list: string, member: string])[] = [
  ['prompts', 'name'],
  ['resources', '_fileId'],
];

function withIds(doc: JsonObject, { account, stored }: Context): JsonObject {
  let out = doc;
  for (const [list, member] of KEPT_BY) {
    const [parts, before] = [doc[list], stored?.[list]];
    if (!isArray(parts)) continue;
    const known = new Map(isArray(before) ? before.filter(isObject).map((part) => [part[member], part._id]) : []);
    const next = parts.map((part): Json => {
      if (!isObject(part)) return part;
      const id = known.get(part[member]) ?? (account.behaviour.completes ? account.mint() : undefined);
      return withKey(part, '_id', id);
    });
    out = withKey(out, list, next);
  }
  return out;
}

/** A PUT that carries them approves the definitions of all upstream tools again (api-notes#mcp-servers). */
function approved(doc: JsonObject, { body, stored }: Context): JsonObject {
  if (!stored || body.upstreamMcpConnections === undefined) return doc;
  return mapPath(doc, 'upstreamMcpConnections[].tools[]', (tool) =>
    isObject(tool) && tool.changedSinceApproval === true ? { ...tool, changedSinceApproval: false } : tool,
  );
}

/** What the server makes of a written MCP server. */
export function normaliseMcpServer(doc: JsonObject, context: Context): JsonObject {
  const switched = ['tools[]', 'apis[]'].reduce(
    (held, path) =>
      mapPath(held, path, (entry) =>
        isObject(entry) && entry.disabled === undefined ? { ...entry, disabled: true } : entry,
      ),
    doc,
  );
  return withIds(approved(switched, context), context);
}
