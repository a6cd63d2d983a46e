import type { JsonObject } from '../../core/json.ts';
import { summary } from './build.ts';
import { credentials } from './credentials.ts';
import { compare, field, filter, map } from './expressions.ts';
import { branch, flow, look, source, within, write } from './flow-parts.ts';
import { ids } from './ids.ts';
import { exportDoc, httpExport, httpImport, importDoc, netsuiteImport, sqlExport, sqlImport } from './steps.ts';
import type { Story } from './story.ts';

const { connections, exports: exportIds, imports: importIds } = ids;

const exports: readonly JsonObject[] = [
  exportDoc(exportIds.reservations, 'RDBMSExport', 'Reservations to pass on', {
    _connectionId: connections.warehouse,
    type: 'once',
    once: { booleanField: 'passed_on' },
    pageSize: 100,
    rdbms: {
      query: `SELECT r.id, r.sku, SUM(r.qty) AS qty
FROM   wms.reservation r
WHERE  r.passed_on = false
GROUP  BY r.id, r.sku
ORDER  BY r.id`,
      once: { query: `UPDATE wms.reservation\nSET    passed_on = true\nWHERE  id = {{record.id}}` },
    },
  }),
  sqlExport(
    exportIds.snapshot,
    'Nightly stock snapshot',
    `WITH counted AS (
  SELECT sku,
         location,
         SUM(qty) FILTER (WHERE state = 'free')    AS free,
         SUM(qty) FILTER (WHERE state = 'blocked') AS blocked
  FROM   wms.bin
  GROUP  BY sku, location
)
SELECT c.*, a.gtin, a.weight_kg
FROM   counted c
JOIN   wms.article a USING (sku)
WHERE  c.free + c.blocked > 0
-- The report reads in this order.
ORDER  BY c.location, c.sku`,
    { pageSize: 500, ...summary('Counts free and blocked stock per bin.', '2026-03-19T21:05:44.000Z') },
  ),
  sqlExport(
    exportIds.adjustments,
    'Stock adjustments',
    'SELECT id, sku, delta, reason, changed_at FROM wms.adjustment WHERE changed_at > {{lastExportDateTime}}',
    { type: 'delta', delta: { dateField: 'changed_at' } },
  ),
  sqlExport(exportIds.zoneLookup, 'Zone of a bin', 'SELECT zone FROM wms.bin WHERE code = {{record.bin}} LIMIT 1', {
    isLookup: true,
    inputFilter: filter(compare('matches', 'string', 'bin', '^[A-Z]{2}-[0-9]+$')),
  }),
  exportDoc(exportIds.carrierHook, 'WebhookExport', 'Carrier status webhook', {
    type: 'webhook',
    webhook: {
      provider: 'custom',
      verify: 'token',
      token: credentials.carrierHookToken,
      path: 'auth.token',
      username: 'bring',
      password: credentials.carrierHookPassword,
      requestMediaType: 'json',
      successStatusCode: 200,
      successBody: '{"received":true}',
    },
  }),
  // The carrier builds slot reports in the background: submit, ask, fetch.
  httpExport(
    exportIds.slotReport,
    'Delivery slot report',
    connections.carrier,
    {
      method: 'POST',
      relativeURI: '/reports',
      body: '{"type":"slots","from":"{{lastExportDateTime}}"}',
      headers: [{ name: 'X-Auth-Token', value: credentials.reportHeaderToken }],
      _asyncHelperId: ids.asyncHelpers.slotReport,
    },
    { type: 'delta', delta: { dateFormat: 'YYYY-MM-DD' } },
  ),
  httpExport(exportIds.slotReportStatus, 'Delivery slot report: status', connections.carrier, {
    relativeURI: '/reports/{{{export.http.submitResponse.id}}}',
  }),
  httpExport(exportIds.slotReportRows, 'Delivery slot report: rows', connections.carrier, {
    relativeURI: '/reports/{{{export.http.statusResponse.id}}}/rows',
    response: { resourcePath: 'rows' },
  }),
  // A true circle: the helper fetches its result with the very export that starts the job.
  httpExport(exportIds.catalogueFeed, 'Catalogue feed', connections.shop, {
    relativeURI: '/feeds/catalogue.json',
    _asyncHelperId: ids.asyncHelpers.catalogueFeed,
  }),
  httpExport(exportIds.catalogueFeedStatus, 'Catalogue feed: status', connections.shop, {
    relativeURI: '/feeds/catalogue/status.json',
  }),
];

const imports: readonly JsonObject[] = [
  netsuiteImport(importIds.inventoryAdjustment, 'Inventory adjustment', 'inventoryadjustment', {
    operation: 'add',
    mapping: {
      fields: [
        field('id', 'externalid'),
        field('reason', 'memo'),
        { hardCodedValue: '2', generate: 'subsidiary', internalId: true },
      ],
      lists: [
        {
          generate: 'inventory',
          fields: [
            field('sku', 'item'),
            field('delta', 'adjustqtyby'),
            field('zone', 'location', { internalId: true }),
          ],
        },
      ],
    },
  }),
  sqlImport(
    importIds.snapshotRows,
    'Snapshot into the reporting schema',
    `INSERT INTO report.stock (day, sku, location, free, blocked)
VALUES (CURRENT_DATE, '{{record.sku}}', '{{record.location}}', {{record.free}}, {{record.blocked}})
ON CONFLICT (day, sku, location)
DO UPDATE SET free    = EXCLUDED.free,
              blocked = EXCLUDED.blocked`,
  ),
  sqlImport(
    importIds.reservationDone,
    'Mark slots as booked',
    'UPDATE wms.slot SET booked = true WHERE id = {{record.slotId}}',
  ),
  httpImport(
    importIds.postcodeCache,
    'Refill the postcode cache',
    connections.celigo,
    { method: 'POST', path: `/v1/lookupcaches/${ids.lookupCaches.postcodes}/data`, more: { batchSize: 500 } },
    { mappings: [map('key', '$.postcode'), map('value', '$.zone', 'object')] },
  ),
  importDoc(importIds.addressTool, 'ToolImport', 'Verify the address', {
    tool: {
      _toolId: ids.tools.address,
      overrides: { connections: [{ _abstractId: connections.shop, _id: connections.shop }] },
    },
    mappings: [
      {
        generate: 'address',
        dataType: 'object',
        status: 'Active',
        mappings: [map('zip', '$.shipping_address.zip'), map('country', '$.shipping_address.country_code')],
      },
    ],
  }),
  httpImport(importIds.alert, 'Post to the alert channel', connections.alerts, {
    method: 'POST',
    path: '/integration-alerts',
    body: '{"text":"⚠️ {{record.reviewReason}} – order {{record.name}}"}',
    more: { headers: [{ name: 'Authorization', value: `Bearer ${credentials.alertBearer}` }] },
  }),
  httpImport(
    importIds.alertOld,
    'Post to the alert channel',
    connections.alerts,
    { method: 'POST', path: '/old-room', body: '{"text":"{{record.message}}"}' },
    { ignoreExisting: true },
  ),
];

const inWarehouse = within(ids.integrations.warehouse);

const flows: readonly JsonObject[] = [
  flow(ids.flows.reservations, 'Delivery slots → warehouse', {
    ...inWarehouse,
    schedule: '? 0 5 ? * *',
    timezone: 'Europe/Oslo',
    pageGenerators: [source(exportIds.slotReport), source(exportIds.carrierHook)],
    pageProcessors: [write(importIds.reservationDone)],
  }),
  flow(ids.flows.snapshot, 'Stock snapshot / reporting / Bergen', {
    ...inWarehouse,
    schedule: '? 30 23 ? * *',
    timezone: 'Europe/Oslo',
    pageGenerators: [source(exportIds.snapshot), source(exportIds.catalogueFeed)],
    pageProcessors: [write(importIds.snapshotRows), write(importIds.postcodeCache, [], { proceedOnFailure: true })],
    logging: { mode: 'none' },
  }),
  flow(ids.flows.adjustments, 'Adjustments: warehouse → NetSuite', {
    ...inWarehouse,
    schedule: '? 0,15 6-22 ? * *',
    pageGenerators: [source(exportIds.adjustments)],
    routers: [
      {
        id: 'rA1adjSplit',
        name: 'By size',
        routeRecordsTo: 'first_matching_branch',
        routeRecordsUsing: 'input_filters',
        branches: [
          branch('Large', compare('greaterthan', 'number', 'delta', 100), [write(importIds.alertOld)], {
            description: 'A person looks at these first',
          }),
          branch(
            'Normal',
            [],
            [
              look(exportIds.zoneLookup, [['data[0].zone', 'zone']]),
              write(importIds.inventoryAdjustment, [['id', 'adjustmentId']]),
            ],
          ),
        ],
      },
    ],
  }),
];

export const warehouse: Story = { flows, exports, imports };
