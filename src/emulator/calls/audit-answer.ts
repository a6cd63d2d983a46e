import type { ResourceType } from '../../catalogue/types.ts';
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
  const found = account.audit.find(filters);
  const entries = projection
    ? found.map(({ byUser, fieldChanges, ...entry }) =>
        projection.apply({
          ...entry,
          byUser: { ...byUser },
          fieldChanges: fieldChanges.map((change) => ({ ...change })),
        }),
      )
    : found;
  const { auditShape, auditPaging } = account.behaviour;
  const body = auditShape === 'array' ? entries : { [auditShape]: entries };
  return json(body, 200, auditPaging === 'link' ? nextLink(call, found.length) : {});
}

/** The `Link` header after a full answer, by the only parameter that the log's documents name. */
function nextLink({ address, query, account }: Call, count: number): Record<string, string> {
  const { auditPage, auditCap } = account.behaviour;
  if (count < Math.min(Number(query.get('limit') ?? auditPage), auditCap)) return {};
  const next = new URLSearchParams(query);
  next.set('offset', String(Number(query.get('offset') ?? 0) + count));
  return { link: `<${address}?${next.toString()}>; rel="next"` };
}
