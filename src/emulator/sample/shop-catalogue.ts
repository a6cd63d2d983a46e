import type { JsonObject } from '../../core/json.ts';
import { summary } from './build.ts';
import { compare, filter, hook, map, mapConstant, mapEach, mapObject, transform1 } from './expressions.ts';
import { flow, look, source, within, write } from './flow-parts.ts';
import { ids } from './ids.ts';
import { httpExport, httpImport, importDoc, searchExport } from './steps.ts';
import type { Story } from './story.ts';

const { connections, exports: exportIds, imports: importIds, scripts } = ids;

/** GraphQL travels inside a JSON body. */
const PRODUCT_QUERY = JSON.stringify({
  query: `query variants($sku: String!) {
  productVariants(first: 1, query: $sku) {
    nodes { id inventoryItem { id } price }
  }
}`,
  variables: { sku: 'sku:{{record.sku}}' },
});

const exports: readonly JsonObject[] = [
  searchExport(exportIds.stock, 'Item stock (saved search)', 'item', 'customsearch_fjr_stock', {
    type: 'delta',
    delta: { dateField: 'lastquantityavailablechange' },
    groupByFields: ['internalid'],
    hooks: { preSavePage: hook('sumLocations', scripts.stock) },
    mockOutput: { page_of_records: [{ rows: [{ itemid: 'SKI-178', locationquantityavailable: '12' }] }] },
  }),
  searchExport(exportIds.prices, 'Price levels changed since yesterday', 'pricing', 'customsearch_fjr_prices', {
    pageSize: 250,
    transform: transform1([
      ['itemid', 'sku'],
      ['pricelevel', 'level'],
      ['unitprice', 'price'],
    ]),
  }),
  searchExport(exportIds.fulfilments, 'Item fulfilments', 'itemfulfillment', 'customsearch_fjr_shipped', {
    type: 'delta',
    delta: { dateField: 'lastmodifieddate', lagOffset: 120_000 },
    filter: filter(compare('equals', 'string', 'status', 'shipped')),
  }),
  httpExport(
    exportIds.productLookup,
    'Find the shop variant of a SKU',
    connections.shop,
    {
      method: 'POST',
      relativeURI: '/graphql.json',
      formType: 'graph_ql',
      body: PRODUCT_QUERY,
      response: { resourcePath: 'data.productVariants.nodes', errorPath: 'errors' },
    },
    { isLookup: true },
  ),
];

const imports: readonly JsonObject[] = [
  httpImport(
    importIds.shopStock,
    'Set stock level',
    connections.shop,
    {
      method: 'PUT',
      path: '/inventory/{{record.itemId}}.json',
      more: { response: { resourceIdPath: ['inventory.id'], failPath: ['errors'], failValues: [] } },
    },
    {
      idLockTemplate: '{{record.sku}}',
      traceKeyTemplate: '{{record.sku}}',
      mappings: [
        mapObject('inventory', [
          map('sku', '$.sku'),
          map('available', '$.qty', 'number', { default: '0' }),
          map('region', '$.warehouse', 'string', { lookupName: 'regionOfWarehouse' }),
          map('carrier', '$.carrier', 'string', { lookupName: 'carrierCode' }),
          mapConstant('reason', 'erp-sync', { conditional: { when: 'extract_not_empty' } }),
        ]),
      ],
      lookups: [
        {
          name: 'regionOfWarehouse',
          map: { BGO: 'NO-W', OSL: 'NO-E', GOT: 'SE' },
          default: 'NO-W',
          allowFailures: true,
        },
        { name: 'carrierCode', _lookupCacheId: ids.lookupCaches.carriers, extract: 'code', allowFailures: false },
      ],
      filter: filter(compare('greaterthanorequals', 'number', 'qty', 0)),
      responseTransform: transform1([
        ['inventory.id', 'id'],
        ['inventory.updated_at', 'updatedAt'],
      ]),
      hooks: { postSubmit: hook('afterStock', scripts.stock), postMap: null },
      sampleData: { sku: 'SKI-178', qty: 12, warehouse: 'BGO' },
      mockResponse: [{ statusCode: 200, id: '77120', errors: [], ignored: false }],
      settings: {},
      ...summary('Writes the sellable quantity of one article.'),
    },
  ),
  httpImport(
    importIds.shopPrice,
    'Update variant price',
    connections.shop,
    { method: 'PUT', path: '/variants/{{record.variantId}}.json' },
    {
      mappings: [mapObject('variant', [map('price', '$.price', 'number'), map('compare_at_price', '$.rrp', 'number')])],
      inputFilter: filter([
        'and',
        compare('notempty', 'string', 'variantId'),
        compare('greaterthan', 'number', 'price', 0),
      ]),
    },
  ),
  httpImport(
    importIds.shopFulfilment,
    'Fulfilment with tracking',
    connections.shop,
    { method: 'POST', path: '/orders/{{record.shopOrderId}}/fulfillments.json' },
    {
      mappings: [
        mapObject('fulfillment', [
          map('tracking_number', '$.trackingNumber'),
          map('notify_customer', '$.notify', 'boolean'),
          mapEach('line_items', '$.lines[*]', [
            map('id', '$.lines[*].shopLineId'),
            map('quantity', '$.lines[*].quantity', 'number'),
          ]),
        ]),
      ],
      hooks: { postSubmit: { function: 'printLabels', _stackId: ids.stacks.lambda } },
    },
  ),
  importDoc(importIds.stockTool, 'ToolImport', 'Ask the availability tool', {
    tool: {
      _toolId: ids.tools.availability,
      overrides: { connections: [{ _abstractId: connections.warehouse, _id: connections.warehouse }] },
    },
    mappings: [map('sku', '$.sku'), map('store', '$.store')],
  }),
];

const inShop = within(ids.integrations.shop, ids.groups.catalogue);

const flows: readonly JsonObject[] = [
  flow(ids.flows.stock, 'Stock: NetSuite → web shop', {
    description: 'Saved search plus what the warehouse has reserved.',
    ...inShop,
    timezone: 'Europe/Oslo',
    schedule: '? 5,20,35,50 * ? * *',
    pageGenerators: [
      source(exportIds.stock),
      source(exportIds.reservations, { skipRetries: true, schedule: '? 0 3 ? * 1-5' }),
    ],
    pageProcessors: [
      {
        ...write(importIds.shopStock, [], { proceedOnFailure: false }),
        responseMapping: {
          fields: [{ extract: 'id', generate: 'inventoryId' }],
          lists: [{ generate: 'problems', fields: [{ extract: 'errors[*].code', generate: 'code' }] }],
        },
      },
    ],
    _runNextExportIds: [{ _flowId: ids.flows.orders, _exportId: exportIds.shopOrders }],
    runPageGeneratorsInParallel: true,
    wizardState: 'done',
    free: false,
  }),
  flow(ids.flows.prices, 'Prices: NetSuite → web shop', {
    ...inShop,
    timezone: 'Europe/Oslo',
    schedule: '? 30 4 ? * 2-6',
    pageGenerators: [source(exportIds.prices)],
    pageProcessors: [look(exportIds.productLookup, [['data[0].id', 'variantId']]), write(importIds.shopPrice)],
  }),
  flow(ids.flows.fulfilments, 'Fulfilments: NetSuite → web shop', {
    ...inShop,
    schedule: '? 0/10 6-23 ? * *',
    pageGenerators: [source(exportIds.fulfilments)],
    pageProcessors: [
      write(importIds.stockTool, [['available', 'left']], { proceedOnFailure: true }),
      write(importIds.shopFulfilment),
    ],
    resolvedAt: '2026-04-28T07:41:09.331Z',
  }),
];

export const shopCatalogue: Story = { flows, exports, imports };
