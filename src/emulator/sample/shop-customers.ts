import type { JsonObject } from '../../core/json.ts';
import { credentials } from './credentials.ts';
import { field } from './expressions.ts';
import { flow, source, within, write } from './flow-parts.ts';
import { ids } from './ids.ts';
import { exportDoc, httpExport, httpImport, netsuiteImport, sqlImport } from './steps.ts';
import type { Story } from './story.ts';

const { connections, exports: exportIds, imports: importIds } = ids;

const exports: readonly JsonObject[] = [
  exportDoc(exportIds.refundHook, 'WebhookExport', 'Refunds as they happen', {
    type: 'webhook',
    webhook: {
      provider: 'custom',
      verify: 'hmac',
      algorithm: 'sha256',
      encoding: 'base64',
      key: credentials.refundHookKey,
      header: 'X-Shop-Hmac-Sha256',
      path: '/',
      requestMediaType: 'json',
      successStatusCode: 204,
      successMediaType: 'json',
      successResponseHeaders: [],
    },
    sampleData: '{"refund":{"id":71,"order_id":5501}}',
  }),
  httpExport(
    exportIds.shopCustomers,
    'Kunder fra nettbutikken',
    connections.shop,
    { relativeURI: '/customers.json?updated_at_min={{lastExportDateTime}}', response: { resourcePath: 'customers' } },
    { type: 'delta', delta: { dateFormat: 'YYYY-MM-DDTHH:mm:ss[Z]' }, pageSize: 100 },
  ),
  httpExport(
    exportIds.giftCards,
    'Gift cards sold',
    connections.shop,
    { relativeURI: '/gift_cards.json?status=enabled', response: { resourcePath: 'gift_cards' } },
    { type: 'test', test: { limit: 25 } },
  ),
];

const imports: readonly JsonObject[] = [
  netsuiteImport(importIds.creditMemo, 'Credit memo for a refund', 'creditmemo', {
    operation: 'add',
    mapping: {
      fields: [
        field('refund.id', 'externalid'),
        field('refund.note', 'memo', { discardIfEmpty: true }),
        field('refund.order_id', 'createdfrom', { internalId: true }),
      ],
      lists: [
        {
          generate: 'item',
          jsonPath: 'refund.refund_line_items',
          fields: [
            field('refund.refund_line_items[*].sku', 'item'),
            field('refund.refund_line_items[*].quantity', 'quantity'),
          ],
        },
      ],
    },
  }),
  netsuiteImport(importIds.nsCustomer, 'Customers', 'customer', {
    internalIdLookup: { expression: '["email","is","{{{email}}}"]' },
    mapping: {
      fields: [
        field('email', 'email'),
        field('first_name', 'firstname'),
        field('last_name', 'lastname'),
        { hardCodedValue: 'T', generate: 'isperson', internalId: true },
        field('default_address.country_code', 'subsidiary', { internalId: true }),
      ],
      lists: [],
    },
  }),
  httpImport(
    importIds.giftCardBalance,
    'Gift card balances',
    connections.shop,
    {
      method: 'POST',
      path: '/gift_cards/{{record.id}}/adjust.json',
      body:
        '{\n  "adjustment": {\n    "amount": "{{record.delta}}",\n' +
        '    "note": "ERP {{timestamp "YYYY-MM-DD"}}"\n  }\n}',
    },
    { mockResponse: [{ statusCode: 200, id: '88', errors: [], ignored: false }] },
  ),
  sqlImport(
    importIds.refundLog,
    'Keep a record of the refund',
    `INSERT INTO audit.refund (refund_id, order_id, body)
VALUES (
  {{record.refund.id}},
  {{record.refund.order_id}},
  '{{{json record.refund}}}'
)
ON CONFLICT (refund_id) DO NOTHING`,
    {
      lookups: [
        {
          name: 'refundExists',
          query: 'SELECT 1 AS found FROM audit.refund WHERE refund_id = {{record.refund.id}}',
          extract: 'found',
          allowFailures: true,
        },
      ],
    },
  ),
];

const inShop = within(ids.integrations.shop, ids.groups.orders);

const flows: readonly JsonObject[] = [
  flow(ids.flows.refunds, 'Refunds: webhook → credit memo', {
    ...inShop,
    pageGenerators: [source(exportIds.refundHook)],
    pageProcessors: [write(importIds.creditMemo, [['id', 'creditMemoId']]), write(importIds.refundLog)],
  }),
  flow(ids.flows.customers, 'Kunder: nettbutikk → NetSuite', {
    description: 'Runs ahead of the orders, so that each order finds its customer.',
    ...inShop,
    timezone: 'Europe/Oslo',
    schedule: '? 10,40 6-22 ? * *',
    pageGenerators: [source(exportIds.shopCustomers)],
    pageProcessors: [write(importIds.nsCustomer, [['id', 'customerId']])],
    runPageGeneratorsInParallel: true,
  }),
  flow(
    ids.flows.giftCards,
    'Gift cards: balances between the web shop, the tills in Bergen, Oslo and Göteborg, ' +
      'and NetSuite (do not run by hand)',
    {
      ...inShop,
      disabled: true,
      wizardState: 'step1',
      pageGenerators: [source(exportIds.giftCards, { setupInProgress: true })],
      pageProcessors: [write(importIds.giftCardBalance)],
    },
  ),
];

/** Customers, and what they get back: refunds and gift cards. */
export const shopCustomers: Story = { flows, exports, imports };
