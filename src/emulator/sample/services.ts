import type { JsonObject } from '../../core/json.ts';
import { doc, sandboxed, summary } from './build.ts';
import { credentials } from './credentials.ts';
import { compare, hook, map, transform2 } from './expressions.ts';
import { branch, look, write } from './flow-parts.ts';
import { ids } from './ids.ts';
import { people } from './people.ts';

const { connections, exports, imports, scripts } = ids;

function objectSchema(properties: JsonObject, required: readonly string[] = []): JsonObject {
  return { type: 'object', properties, required };
}

const text: JsonObject = { type: 'string' };

export const tools: readonly JsonObject[] = [
  sandboxed(ids.tools.address, {
    name: 'Address checker',
    description: 'Says whether a postal address exists, and corrects small mistakes.',
    _integrationId: ids.integrations.service,
    input: {
      name: 'Address',
      description: 'The address to check',
      schema: objectSchema({ zip: text, country: text }, ['zip']),
      mockInput: { zip: '5003', country: 'NO' },
      transform: transform2(
        [map('zip', '$.zip'), map('country', '$.country', 'string', { default: 'NO' })],
        [{ name: 'zone', _lookupCacheId: ids.lookupCaches.postcodes, extract: 'zone', allowFailures: true }],
      ),
    },
    routers: [
      {
        id: 'toolAddr01a',
        name: 'Start',
        routeRecordsTo: 'first_matching_branch',
        routeRecordsUsing: 'input_filters',
        branches: [
          branch(
            'Norway',
            compare('equals', 'string', 'country', 'NO'),
            [look(exports.addressLookup, [['data[0]', 'match']])],
            { nextRouterId: 'outputRouter' },
          ),
          branch('Abroad', [], [], { nextRouterId: 'outputRouter' }),
        ],
      },
    ],
    output: {
      name: 'Result',
      schema: objectSchema({ valid: { type: 'boolean' }, corrected: text }),
      mappings: [map('valid', '$.match.ok', 'boolean'), map('corrected', '$.match.address')],
      lookups: [],
    },
    ...summary('Answers whether an address exists.', '2025-11-30T10:12:00.000Z'),
  }),
  sandboxed(ids.tools.availability, {
    name: 'Availability in stores',
    description: 'How many of an article are free, by location.',
    _integrationId: ids.integrations.warehouse,
    input: {
      name: 'Article',
      schema: objectSchema({ sku: text, store: text, bin: text }, ['sku']),
      mockInput: { sku: 'SKI-178', store: 'bergen' },
    },
    routers: [
      {
        id: 'toolStock01',
        name: 'Start',
        routeRecordsTo: 'first_matching_branch',
        routeRecordsUsing: 'input_filters',
        branches: [
          branch('All', [], [look(exports.zoneLookup, [['data[0].zone', 'zone']])], { nextRouterId: 'outputRouter' }),
        ],
      },
    ],
    output: {
      name: 'Stock',
      schema: objectSchema({ available: { type: 'integer' }, zone: text }),
      mappings: [map('available', '$.qty', 'number'), map('zone', '$.zone')],
      lookups: [],
      hooks: { postMap: hook('afterStatus', scripts.api) },
    },
  }),
];

export const apis: readonly JsonObject[] = [
  sandboxed(ids.apis.orderStatus, {
    name: 'Order tracking / public',
    description: 'What the order page of the shop shows.',
    type: 'builder',
    version: 'v1',
    disabled: false,
    _integrationId: ids.integrations.shop,
    _apiGroupingId: ids.groups.publicApis,
    builder: {
      request: {
        name: 'Track order',
        relativeURI: '/orders/:number/track',
        method: 'GET',
        headers: [{ key: 'X-Storefront', description: 'no, se or de' }],
        pathParams: [{ key: 'number' }],
        queryParams: [{ key: 'verbose', dataType: 'boolean' }],
        mockRequest: { pathParams: { number: '5501' }, headers: {}, queryParams: {} },
      },
      routers: [
        {
          id: 'apiStatus01',
          name: 'Main',
          routeRecordsTo: 'first_matching_branch',
          routeRecordsUsing: 'input_filters',
          branches: [
            branch(
              'Default',
              [],
              [look(exports.zoneLookup, [['data[0].zone', 'zone']]), write(imports.addressTool, [['valid', 'valid']])],
              { nextRouterId: 'apiRouter' },
            ),
          ],
        },
      ],
      responseRouter: { id: 'apiRouter', routeRecordsUsing: 'input_filters' },
      responses: [
        {
          id: 'resp200',
          name: 'Known order',
          type: 'success',
          statusCode: 200,
          headers: [{ key: 'Cache-Control', value: 'private, max-age=30' }],
          inputFilter: { version: '1', rules: compare('notempty', 'string', 'zone') },
          bodySchema: objectSchema({ status: text, zone: text }),
          mappings: [
            { generate: 'status', extract: '$.status' },
            { generate: 'zone', extract: '$.zone' },
          ],
          hooks: { postMap: hook('afterStatus', scripts.api) },
        },
        { id: 'resp404', name: 'Unknown order', type: 'fail', statusCode: 404, headers: [], mappings: [] },
      ],
    },
    apim: [{ status: 'published', publishedAt: '2025-12-02T09:00:00.000Z' }],
  }),
  sandboxed(ids.apis.health, {
    name: 'Health',
    type: 'script',
    version: 'v1',
    disabled: false,
    _integrationId: ids.integrations.warehouse,
    script: hook('handleHealth', scripts.api),
    ...hook('handleHealth', scripts.api),
    apim: [],
  }),
  // Older than API types: no `type`, no version; script and function are the configuration.
  sandboxed(ids.apis.legacyOrders, {
    name: 'Orders from the old tills',
    description: 'To be removed with the tills.',
    ...hook('handleLegacyOrder', scripts.api),
    shipworks: { username: 'till', password: credentials.shipworksPassword },
  }),
];

export const mcpServers: readonly JsonObject[] = [
  sandboxed(ids.mcpServers.support, {
    name: 'Service desk assistant',
    relativeURI: '/service-desk',
    description: 'What the assistant of the service desk may do.',
    disabled: false,
    _userId: people.ingrid._id,
    tools: [
      {
        _toolId: ids.tools.address,
        name: 'verify_address',
        disabled: false,
        annotations: {
          title: 'Address checker',
          readOnlyHint: true,
          destructiveHint: false,
          idempotentHint: true,
          openWorldHint: false,
        },
        overrides: { connections: [{ _abstractId: connections.shop, _id: connections.shop }] },
      },
      { _toolId: ids.tools.availability, name: 'availability', disabled: false },
    ],
    apis: [{ _apiId: ids.apis.orderStatus, name: 'track_order', disabled: true }],
    prompts: [],
    resources: [{ _fileId: ids.storage.returnsPolicy, title: 'Returns policy', disabled: false }],
    oauth: { _mcpOAuthProviderId: ids.mcpOAuthProviders.company },
    _networkPolicyId: ids.networkPolicies.offices,
  }),
  sandboxed(ids.mcpServers.warehouse, {
    name: 'Lager (prøve)',
    relativeURI: '/warehouse-trial',
    description: '',
    disabled: true,
    _userId: people.ingrid._id,
    tools: [{ _toolId: ids.tools.availability, name: 'availability', disabled: true }],
    apis: [],
    prompts: [],
    resources: [],
  }),
];

export const mcpOAuthProviders: readonly JsonObject[] = [
  doc(ids.mcpOAuthProviders.company, {
    name: 'Company login',
    _userId: people.ingrid._id,
    issuerURL: 'https://login.fjellrand.example.com',
    audience: 'https://mcp.fjellrand.example.com',
    scopes: ['mcp:read', 'mcp:write'],
    useIntrospection: true,
    clientId: 'service-desk-assistant',
    clientSecret: credentials.mcpOAuthClientSecret,
  }),
];
