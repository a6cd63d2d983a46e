import type { JsonObject } from '../../core/json.ts';
import { lately, sandboxed } from './build.ts';
import { hook } from './expressions.ts';
import { externalIds, ids } from './ids.ts';

const { connections, flows, lookupCaches } = ids;

function integration(id: string, name: string, fields: JsonObject): JsonObject {
  return sandboxed(id, {
    name,
    install: [],
    mode: 'settings',
    installSteps: [],
    uninstallSteps: [],
    changeEditionSteps: [],
    flowGroupings: [],
    ...fields,
  });
}

/** What the server counts. */
function counts(id: string, flowCount: number, connectionCount: number, offline = 0, errors = 0): JsonObject {
  return {
    numFlows: flowCount,
    numError: errors,
    numRegisteredConnections: connectionCount,
    numOfflineConnections: offline,
    ...(errors > 0 && { lastErrorAt: lately(id) }),
  };
}

const dispatchForm: JsonObject = {
  form: {
    fieldMap: {
      lastDispatch: {
        id: 'lastDispatch',
        name: 'lastDispatch',
        label: 'Last dispatch of the day',
        type: 'text',
        required: true,
      },
    },
    layout: { fields: ['lastDispatch'] },
  },
};

const shop = integration(ids.integrations.shop, 'Webshop → ERP', {
  description: 'Orders, refunds, stock, prices and fulfilments between the web shop and NetSuite.',
  readme:
    '<h3>Webshop → ERP</h3>\n<p>Looked after by Amara. Escalation: #integration-alerts.</p>\n' +
    '<ul>\n  <li>Changes: Tuesdays after 20:00.</li>\n  <li>Do not run <b>Gift cards</b> by hand.</li>\n</ul>\n',
  _registeredConnectionIds: [
    connections.warehouse,
    connections.shop,
    connections.netsuite,
    connections.alerts,
    connections.till,
  ],
  _registeredLookupCacheIds: [lookupCaches.skus, lookupCaches.postcodes],
  flowGroupings: [
    {
      _id: ids.groups.orders,
      name: 'Orders & refunds',
      settings: { lastDispatch: '14:30' },
      settingsForm: dispatchForm,
    },
    { _id: ids.groups.catalogue, name: 'Stock & prices' },
  ],
  apiGroupings: [{ _id: ids.groups.publicApis, name: 'For customers' }],
  aliases: [
    { alias: 'netsuite', description: 'The one and only NetSuite account', _connectionId: connections.netsuite },
    { alias: 'webOrders', _flowId: flows.orders },
    { alias: 'postcodes', _lookupCacheId: lookupCaches.postcodes },
    { alias: 'salesOrder', _importId: ids.imports.salesOrder },
    { alias: 'orderSource', description: 'orders as the shop sends them', _exportId: ids.exports.shopOrders },
  ],
  settings: { subsidiary: '2', safetyStock: 2, verifyCredit: false, vatRates: { no: 25, se: 25, de: 19 } },
  settingsForm: {
    form: {
      fieldMap: {
        subsidiary: { id: 'subsidiary', name: 'subsidiary', label: 'Subsidiary', type: 'select', options: [] },
        safetyStock: { id: 'safetyStock', name: 'safetyStock', label: 'Safety stock', type: 'text', required: true },
        verifyCredit: {
          id: 'verifyCredit',
          name: 'verifyCredit',
          label: 'Check the database on save',
          type: 'checkbox',
        },
      },
      layout: { fields: ['subsidiary', 'safetyStock', 'verifyCredit'] },
    },
    init: hook('prepareForm', ids.scripts.settings),
  },
  preSave: hook('validateSettings', ids.scripts.settings),
  ...counts(ids.integrations.shop, 7, 5, 0, 2),
});

const partners = integration(ids.integrations.partners, 'Wholesale EDI (Hartmann & Söhne, Møller Sport)', {
  description: 'X12 with the two chains that stock our own brand; one abstract flow, one instance per partner.',
  _templateId: externalIds.starterTemplate,
  _registeredConnectionIds: [connections.hartmann, connections.moller, connections.netsuite, connections.warehouse],
  _registeredLookupCacheIds: [lookupCaches.skus],
  flowGroupings: [
    { _id: ids.groups.incoming, name: 'Incoming' },
    { _id: ids.groups.outgoing, name: 'Outgoing' },
  ],
  aliases: [{ alias: 'partnerSftp', _connectionId: connections.hartmann }],
  settings: { contact: 'edi@fjellrand.example.com', testIndicator: 'P' },
  ...counts(ids.integrations.partners, 6, 4, 1, 5),
});

const warehouse = integration(ids.integrations.warehouse, '📦 Warehouse Bergen', {
  description: 'The warehouse system (PostgreSQL) against NetSuite and the reporting schema.',
  _registeredConnectionIds: [
    connections.warehouse,
    connections.netsuite,
    connections.shop,
    connections.celigo,
    connections.carrier,
  ],
  _registeredLookupCacheIds: [lookupCaches.carriers],
  aliases: [],
  settings: {},
  ...counts(ids.integrations.warehouse, 3, 5),
});

const service = integration(ids.integrations.service, 'Service & sales (desk, Salesforce)', {
  description: 'Tickets, accounts and won deals. AI steps answer to the policy on the wiki.',
  _registeredConnectionIds: [connections.desk, connections.salesforce, connections.crmMcp, connections.netsuite],
  aliases: [{ alias: 'desk', _connectionId: connections.desk }],
  settings: { language: 'nb', autoReply: false },
  ...counts(ids.integrations.service, 3, 4),
});

const returnsApp = integration(ids.integrations.returnsApp, 'Returns Portal – NetSuite', {
  _connectorId: externalIds.returnsAppConnector,
  version: '2.11.3',
  tag: 'EU entity',
  installSteps: [
    {
      name: 'Connect the shop',
      description: 'Choose or create the connection to your shop',
      completed: true,
      type: 'connection',
      _connectionId: connections.appShop,
      sourceConnection: { _id: externalIds.returnsAppTemplateConnection, type: 'http', name: 'Shop' },
    },
    { name: 'Connect NetSuite', completed: true, type: 'connection', _connectionId: connections.netsuite },
    { name: 'Verify the bundle', completed: true, type: 'hidden', function: 'verifyBundle' },
  ],
  uninstallSteps: [{ name: 'Remove webhooks', completed: false, type: 'hidden', function: 'removeHooks' }],
  _registeredConnectionIds: [connections.appShop, connections.netsuite],
  settings: {
    storeMap: { [`exports_${ids.exports.appReturns}_lastReturn`]: 'R-20391' },
    general: {
      fields: [
        {
          name: `imports_${ids.imports.appReturnOrder}_restockFee`,
          label: 'Restocking fee',
          type: 'input',
          value: '0',
        },
      ],
    },
    _flowId: flows.appReturns,
  },
  updateInProgress: false,
  ...counts(ids.integrations.returnsApp, 2, 2),
});

const replication = integration(ids.integrations.replication, 'Item master replication', {
  syncs: true,
  _registeredConnectionIds: [connections.netsuite, connections.warehouse],
  ...counts(ids.integrations.replication, 0, 2),
});

export const integrations: readonly JsonObject[] = [shop, partners, warehouse, service, returnsApp, replication];
