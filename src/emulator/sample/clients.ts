import type { JsonObject } from '../../core/json.ts';
import { doc, lately, sandboxed } from './build.ts';
import { credentials } from './credentials.ts';
import { createdAt, ids } from './ids.ts';
import { people } from './people.ts';

/** The API shows no creation time for these. */
function iclient(id: string, name: string, provider: string, fields: JsonObject): JsonObject {
  const { createdAt: _unknown, ...rest } = sandboxed(id, { name, provider, ...fields });
  return rest;
}

export const iclients: readonly JsonObject[] = [
  iclient(ids.iclients.shop, 'Webshop app', 'shopify', {
    formType: 'assistant',
    _httpConnectorId: ids.httpConnectors.shopCatalogue,
    oauth2: {
      clientId: 'fjellrand-shop-app',
      clientSecret: credentials.shopApiSecret,
      grantType: 'authorizecode',
      scope: ['read_orders', 'write_inventory', 'write_fulfillments', 'read_customers'],
      scopeDelimiter: ',',
      useNewAuthFailSchema: true,
    },
  }),
  iclient(ids.iclients.netsuite, 'NetSuite TBA', 'netsuite', {
    netsuite: { consumerKey: credentials.netsuiteConsumerKey, consumerSecret: credentials.netsuiteConsumerSecret },
  }),
  iclient(ids.iclients.salesforce, 'Salesforce connected app', 'salesforce', {
    salesforce: { clientId: 'fjellrand-connected-app', clientSecret: credentials.salesforceClientSecret },
  }),
  iclient(ids.iclients.desk, 'Service desk OAuth client', 'custom_oauth2', {
    formType: 'http',
    _httpConnectorId: ids.httpConnectors.desk,
    oauth2: {
      clientId: 'fjellrand-desk',
      clientSecret: credentials.deskClientSecret,
      grantType: 'authorizecode',
      auth: { uri: 'https://desk.fjellrand.example.com/oauth/authorize' },
      token: { uri: 'https://desk.fjellrand.example.com/oauth/token', headers: [] },
      refresh: { headers: [] },
      scope: ['tickets:read', 'tickets:write', 'offline_access'],
      scopeDelimiter: ' ',
      clientCredentialsLocation: 'body',
      accessTokenLocation: 'header',
      useNewAuthFailSchema: true,
      failStatusCode: 401,
      failPath: 'error.code',
      failValues: ['token_expired'],
    },
  }),
];

export const agents: readonly JsonObject[] = [
  doc(ids.agents.bergen, {
    name: 'Bergen warehouse agent',
    description: 'VM bgo-wms-02, service account svc-integrator. Reaches the WMS database.',
    accessToken: credentials.bergenAgentToken,
    lastHeartbeatAt: lately(ids.agents.bergen),
    offline: false,
    online: true,
    version: '2.6.4',
    clientDetails: { os: 'linux', arch: 'x64', hostname: 'bgo-wms-02' },
  }),
  doc(ids.agents.gothenburg, {
    name: 'Göteborg office agent',
    description: 'Fixed outgoing address for partners that filter by IP.',
    accessToken: credentials.gothenburgAgentToken,
    lastHeartbeatAt: lately(ids.agents.gothenburg),
    offline: false,
    online: true,
    version: '2.6.1',
    clientDetails: { os: 'win32', arch: 'x64', hostname: 'GOT-EDI-01' },
  }),
];

export const stacks: readonly JsonObject[] = [
  doc(ids.stacks.hooks, {
    name: 'Own hook server (k8s)',
    type: 'server',
    framework: 'twoDotZero',
    _userId: people.ingrid._id,
    server: {
      hostURI: 'https://hooks.fjellrand.example.com',
      systemToken: credentials.stackSystemToken,
      ipRanges: ['203.0.113.16/28', '198.51.100.7/32'],
    },
  }),
  doc(ids.stacks.lambda, {
    name: 'PDF labels (Lambda)',
    type: 'lambda',
    framework: 'twoDotZero',
    _userId: people.ingrid._id,
    lambda: {
      accessKeyId: 'SAMPLE-KEY-ID-LABELS',
      secretAccessKey: credentials.lambdaSecretKey,
      awsRegion: 'eu-north-1',
      functionName: 'fjellrand-labels',
      language: 'Node.js',
    },
  }),
];

/** A connection to the warehouses is served by any agent of the group. */
export const agentGroups: readonly JsonObject[] = [
  doc(ids.agentGroups.warehouses, { name: 'Warehouse agents', description: 'Bergen first.' }),
];

export const topics: readonly JsonObject[] = [
  doc(ids.topics.stockMoved, { name: 'stock-moved', description: 'One event for every movement of goods.' }),
];

/** The service desk's own connector, and two of Celigo's public catalogue, which belong to no one here. */
export const httpConnectors: readonly JsonObject[] = [
  doc(ids.httpConnectors.desk, {
    name: 'Fjelldesk (own)',
    legacyId: 'fjelldesk',
    published: false,
    _userId: people.ingrid._id,
    isGraphQL: false,
    helpURL: 'https://wiki.fjellrand.example.com/fjelldesk',
    baseURIs: ['https://:_tenant.fjellrand.example.com/api/v3'],
    apis: [{ _id: ids.connectorParts.api, name: 'Tickets API' }],
    versions: [{ _id: ids.connectorParts.version, name: 'v3', published: true }],
    supportedBy: {
      connection: {
        conditions: [{ _id: ids.connectorParts.oauthCondition, condition: 'http.auth.type==oauth' }],
        preConfiguredFields: [
          { path: 'http.mediaType', values: ['json'], _conditionIds: [] },
          { path: 'http.auth.oauth.scopeDelimiter', values: [' '], _conditionIds: [ids.connectorParts.oauthCondition] },
        ],
        fieldsUserMustSet: [{ path: 'settings.tenant', values: [], labelOverride: 'Tenant' }],
      },
      export: { preConfiguredFields: [{ path: 'http.paging.method', values: ['page'] }] },
      import: { preConfiguredFields: [] },
      iClient: { preConfiguredFields: [] },
    },
  }),
  ...(
    [
      [ids.httpConnectors.shopCatalogue, 'Shopify', 'shopify'],
      [ids.httpConnectors.mailCatalogue, 'Mailchimp', 'mailchimp'],
    ] as const
  ).map(([id, name, legacyId]) => ({
    _id: id,
    createdAt: createdAt(id),
    lastModified: lately(id),
    name,
    legacyId,
    published: true,
    isGraphQL: false,
    versions: [],
    supportedBy: { connection: { preConfiguredFields: [] } },
  })),
];

export const httpConnectorResources: readonly JsonObject[] = [
  doc(ids.connectorParts.ticket, {
    name: 'Ticket',
    published: false,
    _userId: people.ingrid._id,
    _httpConnectorId: ids.httpConnectors.desk,
    _versionIds: [ids.connectorParts.version],
  }),
];

export const httpConnectorEndpoints: readonly JsonObject[] = [
  doc(ids.connectorParts.listTickets, {
    name: 'List tickets',
    published: false,
    _userId: people.ingrid._id,
    _httpConnectorResourceIds: [ids.connectorParts.ticket],
    method: 'GET',
    relativeURI: '/tickets',
    supportedBy: { type: 'export' },
  }),
];
