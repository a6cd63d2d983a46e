import type { JsonObject } from '../../core/json.ts';
import { compare, field, filter, hook, map, mapEach } from './expressions.ts';
import { flow, source, within, write } from './flow-parts.ts';
import { ids } from './ids.ts';
import { exportDoc, importDoc, netsuiteImport, searchExport, sqlImport } from './steps.ts';
import type { Story } from './story.ts';

const { connections, exports: exportIds, imports: importIds, scripts } = ids;

function ediFile(definition: string): JsonObject {
  return {
    encoding: 'utf8',
    type: 'filedefinition',
    output: 'records',
    skipDelete: false,
    batchSize: 5,
    fileDefinition: { _fileDefinitionId: definition, allowPartialSuccess: false },
  };
}

/** A file written for a partner. */
function partnerFile(id: string, name: string, directory: string, fileName: string, more: JsonObject): JsonObject {
  return importDoc(id, 'FTPImport', name, {
    _connectionId: connections.hartmann,
    ftp: { directoryPath: directory, fileName, inProgressFileName: `${fileName}.part` },
    ...more,
  });
}

const exports: readonly JsonObject[] = [
  exportDoc(exportIds.partnerOrders, 'FTPExport', 'Partner orders (850)', {
    _connectionId: connections.hartmann,
    _ediProfileId: ids.ediProfiles.hartmann,
    ftp: {
      directoryPath: '/out/orders',
      fileNameStartsWith: '850',
      fileNameEndsWith: '.edi',
      backupDirectoryPath: '/out/done',
      _tpConnectorId: ids.partnerConnectors.hartmann,
    },
    file: {
      ...ediFile(ids.fileDefinitions.order850),
      filter: { type: 'script', script: hook('isComplete', scripts.partners) },
    },
    hooks: { preSavePage: hook('readOrders', scripts.partners) },
    rawData: 'a91b7e4140000e67f2c3a91b7e4140000e67f2c3a91b7e4140000e67',
  }),
  searchExport(exportIds.shipments, 'Shipments to partners', 'itemfulfillment', 'customsearch_fjr_asn', {
    type: 'once',
    once: { booleanField: 'custbody_asn_sent' },
    groupByFields: ['internalid', 'shipmentnumber'],
  }),
  searchExport(exportIds.invoices, 'Invoices to partners', 'invoice', 'customsearch_fjr_edi_invoices', {
    type: 'once',
    once: { booleanField: 'custbody_edi_sent' },
  }),
  exportDoc(exportIds.partnerAcks, 'FTPExport', 'Acknowledgements (997)', {
    _connectionId: connections.hartmann,
    _ediProfileId: ids.ediProfiles.hartmann,
    ftp: { directoryPath: '/out/acks', fileNameStartsWith: '997' },
    file: ediFile(ids.fileDefinitions.ack997),
  }),
  exportDoc(exportIds.priceLists, 'FTPExport', 'Supplier price lists (CSV)', {
    _connectionId: connections.moller,
    ftp: { directoryPath: '/preise', fileNameEndsWith: '.csv' },
    file: {
      encoding: 'win1252',
      type: 'csv',
      output: 'records',
      skipDelete: true,
      csv: { columnDelimiter: ';', rowDelimiter: '\n', hasHeaderRow: true, trimSpaces: true, rowsToSkip: 1 },
      groupByFields: ['Artikel'],
    },
    sampleData: 'Artikel;Preis;Währung\nZELT-2P;199,00;EUR\n',
  }),
];

const imports: readonly JsonObject[] = [
  netsuiteImport(
    importIds.partnerSalesOrder,
    'Book sales order',
    'salesorder',
    {
      operation: 'add',
      lookups: [
        { name: 'partnerCustomer', map: { HARTMANN: '80112', 'MOLLER-SPORT': '80257' }, allowFailures: false },
        {
          name: 'itemByGtin',
          recordType: 'item',
          resultField: 'internalid',
          expression: '["upccode","is","{{{gtin}}}"]',
          allowFailures: false,
        },
      ],
      mapping: {
        fields: [
          field('poNumber', 'otherrefnum'),
          field('orderedOn', 'trandate', { dateFormat: 'YYYY-MM-DD', dateTimezone: 'Europe/Berlin' }),
          field('parties.buyer.name', 'entity', { internalId: true, lookupName: 'partnerCustomer' }),
        ],
        lists: [
          {
            generate: 'item',
            jsonPath: 'lines',
            fields: [
              field('lines[*].gtin', 'item', { internalId: true, lookupName: 'itemByGtin' }),
              field('lines[*].quantity', 'quantity'),
              field('lines[*].price', 'rate'),
            ],
          },
        ],
      },
    },
    { idLockTemplate: '{{record.poNumber}}' },
  ),
  partnerFile(importIds.shipNotice, 'Ship notice (856)', '/in/856', '856_{{timestamp}}.edi', {
    _ediProfileId: ids.ediProfiles.hartmann,
    file: { type: 'filedefinition', fileDefinition: { _fileDefinitionId: ids.fileDefinitions.shipNotice856 } },
    hooks: { preMap: hook('shipNoticeLines', scripts.partners) },
    mappings: [
      map('BSN.BSN02', '$.shipmentNumber'),
      map('TD1.TD107', '$.totalGrams', 'number'),
      mapEach('LIN', '$.lines[*]', [map('LIN03', '$.lines[*].gtin'), map('SN102', '$.lines[*].quantity', 'number')]),
    ],
  }),
  partnerFile(importIds.invoiceFile, 'Invoice file', '/in/810', '810_{{record.tranid}}.xml', {
    file: {
      type: 'xml',
      xml: {
        body: `<?xml version="1.0" encoding="UTF-8"?>
<Invoice number="{{record.tranid}}" currency="{{record.currency}}">
  <Buyer gln="{{record.gln}}"/>
  {{#each record.lines}}
  <Line gtin="{{this.gtin}}" quantity="{{this.quantity}}">{{this.amount}}</Line>
  {{/each}}
  <Total>{{record.total}}</Total>
</Invoice>
`,
      },
    },
  }),
  partnerFile(importIds.ackFile, 'Acknowledgement file (997)', '/in/997', '997_{{record.controlNumber}}.edi', {
    _ediProfileId: ids.ediProfiles.hartmann,
    file: { type: 'filedefinition', fileDefinition: { _fileDefinitionId: ids.fileDefinitions.ack997 } },
    mappings: [map('AK1.AK102', '$.groupControl'), map('AK9.AK901', '$.code')],
  }),
  partnerFile(
    importIds.priceListFile,
    'Net price list for partners',
    '/in/prices',
    'prices-{{timestamp "YYYYMMDD"}}.csv',
    {
      file: { type: 'csv', encoding: 'utf8', csv: { columnDelimiter: ',', includeHeader: true } },
      mapping: {
        fields: [
          { extract: 'sku', generate: 'SKU' },
          { extract: 'net', generate: 'Net price' },
        ],
        lists: [],
      },
    },
  ),
  sqlImport(
    importIds.ackRegister,
    'Register acknowledgement',
    `UPDATE edi.outbound
SET    ack_status = '{{record.status}}',
       acked_at   = now()
WHERE  group_control = {{record.groupControl}}`,
    { filter: filter(compare('notempty', 'string', 'groupControl')) },
  ),
];

const { incoming, outgoing } = ids.groups;
const inPartners = (group: string): JsonObject => within(ids.integrations.partners, group);

/** What one partner changes in the abstract flow. */
function instance(id: string, name: string, partner: string, connection: string, more: JsonObject): JsonObject {
  return flow(id, name, {
    ...inPartners(incoming),
    _abstractFlowId: ids.flows.partnerOrders,
    hidden: false,
    overrides: {
      connections: [{ _abstractId: connections.hartmann, _id: connection }],
      exports: [
        {
          _abstractId: exportIds.partnerOrders,
          _connectionId: connection,
          pageSize: 5,
          inputFilter: { version: '1', rules: compare('equals', 'string', 'partner', partner) },
          settings: { partner },
        },
      ],
      imports: [
        {
          _abstractId: importIds.partnerSalesOrder,
          _connectionId: connections.netsuite,
          idLockTemplate: `${partner}-{{record.poNumber}}`,
        },
      ],
    },
    overridesHelper: {
      fields: [],
      connections: [{ _abstractId: connections.hartmann, fields: ['_id'] }],
      exports: [
        { _abstractId: exportIds.partnerOrders, fields: ['_connectionId', 'pageSize', 'inputFilter', 'settings'] },
      ],
      imports: [{ _abstractId: importIds.partnerSalesOrder, fields: ['idLockTemplate'] }],
      routers: [],
    },
    ...more,
  });
}

const flows: readonly JsonObject[] = [
  flow(ids.flows.partnerOrders, 'Partner orders (template for all partners)', {
    ...inPartners(incoming),
    disabled: true,
    isAbstract: true,
    numInstances: 2,
    pageGenerators: [source(exportIds.partnerOrders)],
    pageProcessors: [write(importIds.partnerSalesOrder, [['id', 'salesOrderId']]), write(importIds.ackFile)],
    aliases: [],
  }),
  instance(ids.flows.partnerOrdersHartmann, 'Partner orders: Hartmann & Söhne', 'hartmann', connections.hartmann, {
    schedule: '? 0,30 5-20 ? * 1-6',
  }),
  instance(ids.flows.partnerOrdersMoller, 'Partner orders: Møller Sport A/S', 'moller', connections.moller, {
    disabled: true,
  }),
  flow(ids.flows.shipNotices, 'Ship notices 856', {
    ...inPartners(outgoing),
    schedule: '? 15 * ? * *',
    pageGenerators: [source(exportIds.shipments)],
    pageProcessors: [write(importIds.shipNotice)],
  }),
  flow(ids.flows.invoices, 'Invoices 810 / XML', {
    ...inPartners(outgoing),
    timezone: 'Europe/Berlin',
    schedule: '? 0 18 ? * 1-5',
    pageGenerators: [source(exportIds.invoices)],
    pageProcessors: [write(importIds.invoiceFile), write(importIds.priceListFile, [], { proceedOnFailure: true })],
    _runNextFlowIds: [ids.flows.acknowledgements],
  }),
  flow(ids.flows.acknowledgements, 'Acknowledgements 997', {
    ...inPartners(incoming),
    pageGenerators: [source(exportIds.partnerAcks), source(exportIds.priceLists, { skipRetries: true })],
    pageProcessors: [
      write(importIds.ackRegister, [['code', 'code']], {
        hooks: { postResponseMap: hook('acknowledge', scripts.partners) },
      }),
    ],
  }),
];

export const partnerTrade: Story = { flows, exports, imports };
