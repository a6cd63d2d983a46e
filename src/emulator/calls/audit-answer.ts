import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { auditTypeOf } from '../model/audit.ts';
import { projectionOf } from '../rules/projection.ts';
import type { Call } from './call.ts';
import { json, type Reply } from './reply.ts';

/**
 * `GET /v1/audit`, or the log of one record. An empty list, never 204; a `Link` only where the account pages so
 * (api-notes#audit-log).
 * @throws ApiFault 403 for all but administrators and the owner
 */
export function auditAnswer(call: Call, record?: { readonly type: ResourceType; readonly id: string }): Reply {
  const { account, actor, query } = call;
  account.access.needsAdministrator(actor);
  const projection = projectionOf(query, 'audit', true);
  const filters = new URLSearchParams(query);
  if (record) {
    filters.set('resourceType', auditTypeOf(record.type));
    filters.set('_resourceId', record.id);
  }
  // Entries are plain JSON; those of a seed may have other shapes than the usual ones.
  const found = account.audit.find(filters) as readonly object[] as readonly JsonObject[];
  const entries = projection ? found.map((entry) => projection.apply(entry)) : found;
  const { auditShape, auditPaging, auditChange } = account.behaviour;
  const shown = auditChange === 'object' ? entries.map((entry) => withSingleChange(entry)) : entries;
  const body = auditShape === 'array' ? shown : { [auditShape]: shown };
  return json(body, 200, auditPaging === 'link' ? nextLink(call, found.length) : {});
}

/** Types whose entries may show one change as an object instead of a list (api-notes#audit-shapes). */
const SINGLE_CHANGE: ReadonlySet<unknown> = new Set(['stack', 'sync']);

function withSingleChange(entry: JsonObject): JsonObject {
  const { fieldChanges, ...rest } = entry;
  const [only, ...others] = isArray(fieldChanges) ? fieldChanges : [];
  const single = only !== undefined && others.length === 0 && SINGLE_CHANGE.has(entry.resourceType);
  return single ? { ...rest, fieldChange: only } : entry;
}

/** The `Link` header after a full answer, by the only parameter that the log's documents name. */
function nextLink({ address, query, account }: Call, count: number): Record<string, string> {
  const { auditPage, auditCap } = account.behaviour;
  if (count < Math.min(Number(query.get('limit') ?? auditPage), auditCap)) return {};
  const next = new URLSearchParams(query);
  next.set('offset', String(Number(query.get('offset') ?? 0) + count));
  return { link: `<${address}?${next.toString()}>; rel="next"` };
}
