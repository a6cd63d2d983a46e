import type { Json, JsonObject } from '../../core/json.ts';
import type { AuditEntry } from '../model/seed.ts';
import { auditId, createdAt, ids } from './ids.ts';
import { byUser, type people } from './people.ts';

type Name = keyof typeof people;
type Row = Omit<AuditEntry, '_id'>;
type Change = readonly [fieldPath: string, newValue: Json, oldValue?: Json];

function created(by: Name, resourceType: string, id: string, source = 'ui'): Row {
  return {
    resourceType,
    _resourceId: id,
    source,
    event: 'create',
    time: createdAt(id),
    fieldChanges: [],
    byUser: byUser(by),
  };
}

function updated(
  by: Name,
  time: string,
  resourceType: string,
  id: string,
  changes: readonly Change[],
  source = 'ui',
): Row {
  return {
    resourceType,
    _resourceId: id,
    source,
    event: 'update',
    time,
    fieldChanges: changes.map(([fieldPath, newValue, oldValue]) => ({
      fieldPath,
      newValue,
      ...(oldValue !== undefined && { oldValue }),
    })),
    byUser: byUser(by),
  };
}

const { flows, exports, imports, connections, scripts, integrations } = ids;

const ROWS: readonly Row[] = [
  created('ingrid', 'integration', integrations.shop),
  created('ingrid', 'connection', connections.netsuite),
  created('priya', 'connection', connections.shop),
  created('priya', 'script', scripts.orders),
  created('priya', 'export', exports.shopOrders),
  created('priya', 'import', imports.salesOrder),
  created('mateo', 'flow', flows.orders),
  created('mateo', 'integration', integrations.partners),
  created('jonas', 'export', exports.partnerOrders),
  created('jonas', 'filedefinition', ids.fileDefinitions.order850),
  created('amara', 'flow', flows.refunds),
  created('priya', 'iclient', ids.iclients.desk),
  created('mateo', 'agent', ids.agents.bergen),
  created('priya', 'api', ids.apis.orderStatus, 'api'),
  created('mateo', 'lookupcache', ids.lookupCaches.postcodes),
  updated('amara', '2025-09-11T08:02:17.410Z', 'flow', flows.orders, [
    ['schedule', '? 0,15,30,45 6-22 ? * *', '? 0,30 6-22 ? * *'],
  ]),
  updated('priya', '2025-10-02T13:44:51.008Z', 'import', imports.salesOrder, [
    ['netsuite_da.mapping.fields[1].immutable', true, false],
    ['netsuite_da.lookups[0].map', { NO: '2', SE: '5', DE: '7' }, { NO: '2', SE: '5' }],
  ]),
  updated('mateo', '2025-10-21T06:30:02.777Z', 'connection', connections.moller, [['ftp.port', 2222, 22]]),
  updated('jonas', '2025-11-05T15:12:40.120Z', 'ediprofile', ids.ediProfiles.hartmann, [['gs08', '004010', '003060']]),
  updated('ingrid', '2025-11-19T09:00:00.541Z', 'integration', integrations.shop, [['settings.safetyStock', 2, 1]]),
  updated('amara', '2025-12-01T21:07:33.905Z', 'flow', flows.giftCards, [['disabled', true, false]]),
  updated('priya', '2026-01-13T10:25:18.662Z', 'script', scripts.orders, [['content', 'changed']]),
  updated('priya', '2026-01-13T10:26:02.019Z', 'script', scripts.router, [['content', 'changed']]),
  updated('mateo', '2026-01-27T20:41:09.333Z', 'connection', connections.netsuite, [
    ['netsuite.concurrencyLevel', 5, 3],
  ]),
  updated('amara', '2026-02-10T07:55:26.871Z', 'import', imports.shopStock, [
    ['lookups[0].map.GOT', 'SE'],
    ['lookups[0].default', 'NO-W', 'NO'],
  ]),
  updated('priya', '2026-02-24T20:15:44.290Z', 'export', exports.shopOrders, [
    ['pageSize', 50, 20],
    ['delta.lagOffset', 60_000],
  ]),
  updated('mateo', '2026-03-03T10:58:12.004Z', 'connection', connections.alerts, [['http.headers', 'changed']]),
  updated('jonas', '2026-03-17T12:31:37.118Z', 'flow', flows.partnerOrdersHartmann, [
    ['overrides.exports[0].pageSize', 5, 20],
  ]),
  updated('jonas', '2026-04-02T08:19:05.746Z', 'flow', flows.partnerOrdersMoller, [['disabled', true, false]]),
  updated('priya', '2026-04-14T08:44:59.380Z', 'script', scripts.partners, [['content', 'changed']]),
  updated('mateo', '2026-04-28T07:40:31.612Z', 'flow', flows.fulfilments, [
    ['schedule', '? 0/10 6-23 ? * *', '? 0/30 6-23 ? * *'],
  ]),
  updated('ingrid', '2026-05-05T14:03:20.257Z', 'user', ids.shares.jonas, [
    ['integrationAccessLevel[0].accessLevel', 'manage', 'monitor'],
  ]),
  updated('amara', '2026-05-19T20:22:48.195Z', 'flow', flows.orders, [
    ['routers[1].branches[2].name', 'Finance review 👀', 'Finance review'],
  ]),
  updated(
    'mateo',
    '2026-05-27T20:10:11.490Z',
    'api',
    ids.apis.orderStatus,
    [['builder.responses[0].headers[0].value', 'private, max-age=30', 'no-store']],
    'api',
  ),
];

/** The log, oldest entry first. */
export const audit: readonly AuditEntry[] = ROWS.toSorted((a, b) => (a.time < b.time ? -1 : 1)).map((row, index) => ({
  _id: auditId(row.time, index + 1),
  ...row,
}));

const LAST: ReadonlyMap<string, AuditEntry> = new Map(audit.map((entry) => [entry._resourceId, entry]));

/** The document as its last audit entry left it: changed then, by that person. */
export function agreeWithAudit(document: JsonObject): JsonObject {
  const entry = typeof document._id === 'string' ? LAST.get(document._id) : undefined;
  if (entry === undefined) return document;
  return {
    ...document,
    lastModified: entry.time,
    ...(document.lastModifiedBy !== undefined && { lastModifiedBy: entry.byUser._id }),
  };
}
