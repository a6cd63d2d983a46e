import type { JsonObject } from '../../core/json.ts';
import { hook, map } from './expressions.ts';
import { flow, source, write } from './flow-parts.ts';
import { externalIds, ids } from './ids.ts';
import { exportDoc, httpExport, importDoc } from './steps.ts';
import type { Story } from './story.ts';

const { connections, exports: exportIds, imports: importIds, scripts } = ids;

/** Members of the Integration App: the app's vendor maintains them. */
const inApp: JsonObject = {
  _connectorId: externalIds.returnsAppConnector,
  _integrationId: ids.integrations.returnsApp,
};

const exports: readonly JsonObject[] = [
  // Made before HTTP steps existed: a block that newer documents do not have.
  exportDoc(exportIds.exchangeRates, 'RESTExport', 'Daily exchange rates', {
    _connectionId: connections.rates,
    rest: { relativeURI: '/latest?base=NOK', method: 'GET', resourcePath: 'rates', headers: [], formType: 'rest' },
    hooks: { preSavePage: hook('normaliseRates', scripts.rates) },
  }),
  httpExport(exportIds.flowErrors, 'Open errors of the order flow', connections.celigo, {
    relativeURI: `/v1/flows/${ids.flows.orders}/${importIds.salesOrder}/errors`,
    response: { resourcePath: 'errors' },
  }),
  exportDoc(exportIds.tillSales, 'WrapperExport', 'Sales of the tills', {
    _connectionId: connections.till,
    wrapper: { function: 'readSales', configuration: { days: 1, stores: ['bergen', 'oslo', 'göteborg'] } },
  }),
  httpExport(
    exportIds.appReturns,
    'Returns portal: new returns',
    connections.appShop,
    { relativeURI: '/returns.json', formType: 'assistant' },
    {
      ...inApp,
      externalId: 'returns_portal_export',
      assistant: 'shopify',
      assistantMetadata: { resource: 'returns', operation: 'list' },
    },
  ),
  httpExport(
    exportIds.appRefunds,
    'Returns portal: refund status',
    connections.appShop,
    { relativeURI: '/refunds.json', formType: 'assistant' },
    { ...inApp, externalId: 'returns_portal_refund_export', assistant: 'shopify' },
  ),
];

const imports: readonly JsonObject[] = [
  importDoc(importIds.rateRows, 'RDBMSImport', 'Exchange rates', {
    _connectionId: connections.warehouse,
    rdbms: {
      query: [
        'INSERT INTO finance.rate (currency, day, rate) ' +
          "VALUES ('{{record.currency}}', '{{record.date}}', {{record.rate}})",
      ],
      queryType: ['per_record'],
    },
  }),
  importDoc(importIds.tillJournal, 'WrapperImport', 'Kassenjournal', {
    _connectionId: connections.till,
    wrapper: { function: 'writeJournal', configuration: { format: 'SIE4' } },
    mapping: { fields: [{ extract: 'receipt', generate: 'verification' }], lists: [] },
  }),
  importDoc(importIds.appReturnOrder, 'NetSuiteDistributedImport', 'Returns portal: return authorisation', {
    ...inApp,
    externalId: 'returns_portal_rma_import',
    _connectionId: connections.netsuite,
    distributed: true,
    netsuite_da: {
      operation: 'add',
      recordType: 'returnauthorization',
      mapping: { fields: [{ extract: 'id', generate: 'externalid' }], lists: [] },
    },
  }),
  importDoc(importIds.appRefundStatus, 'HTTPImport', 'Returns portal: refund status', {
    ...inApp,
    externalId: 'returns_portal_status_import',
    _connectionId: connections.appShop,
    http: {
      relativeURI: ['/returns/{{record.id}}.json'],
      method: ['PUT'],
      body: [],
      batchSize: 1,
      formType: 'assistant',
    },
    mappings: [map('status', '$.status')],
  }),
];

const flows: readonly JsonObject[] = [
  // One export, one import, at the top: how flows looked in the beginning.
  flow(ids.flows.exchangeRates, 'Daily exchange rates', {
    _exportId: exportIds.exchangeRates,
    _importId: importIds.rateRows,
    schedule: '? 15 16 ? * 1-5',
    timezone: 'Europe/Oslo',
  }),
  flow(ids.flows.errorDigest, 'Error digest to the alert channel', {
    disabled: true,
    schedule: '? 0 7 ? * 1-5',
    pageGenerators: [source(exportIds.flowErrors)],
    pageProcessors: [write(importIds.alertOld)],
  }),
  flow(ids.flows.tillSales, 'Till sales → journal', {
    pageGenerators: [source(exportIds.tillSales)],
    pageProcessors: [write(importIds.tillJournal)],
    schedule: '? 0 22 ? * *',
  }),
  flow(ids.flows.appReturns, 'Returns: portal → NetSuite', {
    ...inApp,
    externalId: 'returns_portal_flow',
    pageGenerators: [source(exportIds.appReturns)],
    pageProcessors: [write(importIds.appReturnOrder)],
  }),
  flow(ids.flows.appRefunds, 'Refund status: NetSuite → portal', {
    ...inApp,
    externalId: 'returns_portal_refund_flow',
    pageGenerators: [source(exportIds.appRefunds)],
    pageProcessors: [write(importIds.appRefundStatus)],
  }),
];

export const otherFlows: Story = { flows, exports, imports };
