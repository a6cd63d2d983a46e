import type { JsonObject } from '../../core/json.ts';
import { summary } from './build.ts';
import { compare, field, filter, hook, map, mapEach, mapObject, transform2 } from './expressions.ts';
import { branch, flow, look, source, within, write } from './flow-parts.ts';
import { externalIds, ids } from './ids.ts';
import { httpExport, httpImport, netsuiteImport, sqlExport, sqlImport } from './steps.ts';
import type { Story } from './story.ts';

const { connections, exports: exportIds, imports: importIds, scripts } = ids;
const EVERY_QUARTER = '? 0,15,30,45 6-22 ? * *';

const exports: readonly JsonObject[] = [
  httpExport(
    exportIds.shopOrders,
    'Get orders from the web shop',
    connections.shop,
    {
      relativeURI: '/orders.json?updated_at_min={{lastExportDateTime}}&status=any&limit=250',
      headers: [{ name: 'X-Consumer', value: 'erp-orders' }],
      paging: { method: 'linkheader', lastPageStatusCode: 404, linkHeaderRelation: 'next' },
      response: { resourcePath: 'orders' },
    },
    {
      type: 'delta',
      delta: { dateFormat: 'YYYY-MM-DDTHH:mm:ss[Z]', lagOffset: 60_000 },
      _sourceId: externalIds.oldShopOrders,
      pageSize: 50,
      traceKeyTemplate: '{{record.name}}',
      filter: filter([
        'and',
        compare('notequals', 'string', 'financial_status', 'voided'),
        compare('greaterthan', 'number', 'total_price', 0),
      ]),
      transform: transform2(
        [
          map('id', '$.id'),
          map('name', '$.name'),
          map('email', '$.email'),
          map('total_price', '$.total_price', 'number'),
          mapObject('shipping_address', [
            map('zip', '$.shipping_address.zip'),
            map('country_code', '$.shipping_address.country_code'),
            map('zone', '$.shipping_address.zip', 'string', { lookupName: 'zoneByPostcode' }),
          ]),
          mapEach('lines', '$.line_items[*]', [
            map('sku', '$.line_items[*].sku'),
            map('quantity', '$.line_items[*].quantity', 'number'),
          ]),
        ],
        [{ name: 'zoneByPostcode', _lookupCacheId: ids.lookupCaches.postcodes, extract: 'zone', allowFailures: true }],
      ),
      hooks: { preSavePage: hook('preSavePage', scripts.orders) },
      mockOutput: {
        page_of_records: [{ record: { id: '5501', name: '#NO-5501', total_price: 1249, lines: [{ sku: 'TENT-2P' }] } }],
      },
      sampleData: {
        orders: [{ id: 5501, name: '#NO-5501', email: 'kari@customer.example.test', total_price: '1249.00' }],
      },
      __linkedLookupCacheIds: [ids.lookupCaches.postcodes],
      settings: { team: 'commerce' },
      ...summary('Reads new and changed orders, 250 at a time.'),
    },
  ),
  sqlExport(
    exportIds.creditLookup,
    'Credit limit of a customer',
    `-- Open invoices count against the limit.
SELECT c.credit_limit - COALESCE(SUM(i.open_amount), 0) AS "creditLimit"
FROM   finance.customer c
LEFT   JOIN finance.invoice i
       ON i.customer_id = c.id
      AND i.status <> 'paid'
WHERE  c.email = {{record.email}}
GROUP  BY c.credit_limit
LIMIT  1`,
    { isLookup: true, inputFilter: filter(compare('notempty', 'string', 'email')) },
  ),
];

const imports: readonly JsonObject[] = [
  netsuiteImport(
    importIds.salesOrder,
    'Book sales order',
    'salesorder',
    {
      internalIdLookup: { expression: '[["otherrefnum","equalto","{{{id}}}"]]' },
      missingOrCorruptedDAConfig: false,
      lookups: [
        { name: 'subsidiaryByCountry', map: { NO: '2', SE: '5', DE: '7' }, default: '2', allowFailures: true },
        {
          name: 'customerByMail',
          recordType: 'customer',
          resultField: 'internalid',
          expression: '["email","is","{{{email}}}"]',
          allowFailures: false,
          useDefaultOnMultipleMatches: false,
        },
      ],
      hooks: { preMap: { fileInternalId: '51877', function: 'beforeSalesOrder' } },
      mapping: {
        fields: [
          field('id', 'otherrefnum'),
          field('name', 'custbody_shop_order', { immutable: true }),
          field('email', 'entity', { internalId: true, lookupName: 'customerByMail' }),
          { hardCodedValue: 'B', generate: 'orderstatus', internalId: true },
          field('shipping_address.country_code', 'subsidiary', {
            internalId: true,
            lookupName: 'subsidiaryByCountry',
            conditional: { when: 'record_created' },
          }),
        ],
        lists: [
          {
            generate: 'item',
            jsonPath: 'lines',
            fields: [
              field('lines[*].sku', 'celigo_nlobjSearchInternalId', { isKey: true }),
              field('lines[*].quantity', 'quantity', { isKey: false }),
              field('lines[*].price', 'rate', { isKey: false, discardIfEmpty: true }),
            ],
          },
        ],
      },
    },
    {
      traceKeyTemplate: '{{record.name}}',
      hooks: { preMap: hook('preMap', scripts.orders), postSubmit: hook('postSubmit', scripts.orders) },
      ...summary('One sales order per shop order; finds the customer by e-mail.'),
    },
  ),
  httpImport(
    importIds.shopOrderTags,
    'Tag the order in the shop',
    connections.shop,
    { method: 'PUT', path: '/orders/{{record.id}}.json' },
    { mappings: [mapObject('order', [map('id', '$.id'), map('tags', '$.decision')])] },
  ),
  sqlImport(
    importIds.orderAudit,
    'Order audit trail',
    'INSERT INTO audit.orders (id, name) VALUES ({{record.id}}, {{record.name}})',
  ),
];

const inShop = within(ids.integrations.shop, ids.groups.orders);

const flows: readonly JsonObject[] = [
  flow(ids.flows.orders, 'Orders: web shop → NetSuite', {
    description: 'Every quarter of an hour in opening times. B2B orders over the credit limit wait for finance.',
    ...inShop,
    timezone: 'Europe/Oslo',
    schedule: EVERY_QUARTER,
    skipRetries: false,
    pageGenerators: [
      source(exportIds.shopOrders, {
        type: 'export',
        schedule: EVERY_QUARTER,
        _keepDeltaBehindFlowId: ids.flows.customers,
        _keepDeltaBehindExportId: exportIds.shopCustomers,
      }),
    ],
    routers: [
      {
        id: 'cU2type7Hk3',
        name: 'By customer type',
        routeRecordsTo: 'first_matching_branch',
        routeRecordsUsing: 'input_filters',
        branches: [
          branch(
            'B2B',
            compare('equals', 'boolean', 'b2b', true),
            [
              look(exportIds.creditLookup, [['data[0].creditLimit', 'creditLimit']], {
                hooks: { postResponseMap: hook('markForReview', scripts.orders) },
                proceedOnFailure: false,
              }),
              write(importIds.maskPersonalData, [['flagged', 'personalData']]),
              write(importIds.riskAgent, [['_json.decision', 'decision']], { proceedOnFailure: true }),
            ],
            { description: 'Companies buy on account', nextRouterId: 'wR5ite9Qd1z' },
          ),
          branch('Everyone else', [], [], { nextRouterId: 'wR5ite9Qd1z' }),
        ],
      },
      {
        id: 'wR5ite9Qd1z',
        name: 'Carry out',
        routeRecordsTo: 'all_matching_branches',
        routeRecordsUsing: 'script',
        script: hook('pickBranches', scripts.router),
        branches: [
          branch('Book it', [], [write(importIds.salesOrder, [['id', 'salesOrderId']]), write(importIds.orderAudit)]),
          branch('Parcel address', [], [write(importIds.addressTool, [['valid', 'addressValid']])]),
          branch('Finance review 👀', [], [write(importIds.shopOrderTags), write(importIds.alert)]),
        ],
      },
    ],
    _runNextFlowIds: [ids.flows.stock],
    runPageGeneratorsInParallel: false,
    aliases: [{ alias: 'orderSource', description: 'this flow’s own source', _exportId: exportIds.shopOrders }],
    settings: { storefront: 'no' },
    settingsForm: {
      form: {
        fieldMap: { storefront: { id: 'storefront', name: 'storefront', label: 'Storefront', type: 'text' } },
        layout: { fields: ['storefront'] },
      },
    },
    logging: { mode: 'basic', debugUntil: '2026-05-06T12:00:00.000Z' },
    wizardState: 'done',
    ...summary('Moves shop orders into NetSuite; risky ones are held.'),
  }),
];

export const shopOrders: Story = { flows, exports, imports };
