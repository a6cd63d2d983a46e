import type { JsonObject } from '../../core/json.ts';
import { sandboxed, summary } from './build.ts';
import { credentials, pem } from './credentials.ts';
import { externalIds, ids } from './ids.ts';

function connection(id: string, name: string, type: string, fields: JsonObject, backlog = 0): JsonObject {
  return sandboxed(id, { name, type, offline: false, queues: [{ name: id, size: backlog }], ...fields });
}

function bearer(token: string): JsonObject {
  return { token, location: 'header', headerName: 'Authorization', scheme: 'Bearer' };
}

const parts = ids.connectorParts;

const shop = connection(ids.connections.shop, 'Webshop – fjellrand.example.com', 'http', {
  assistant: 'shopify',
  http: {
    formType: 'assistant',
    mediaType: 'json',
    baseURI: 'https://shop.fjellrand.example.com/admin/api/2025-10',
    concurrencyLevel: 6,
    targetConcurrencyLevel: 4,
    headers: [
      { name: 'X-Caller', value: 'integration' },
      { name: 'Accept-Language', value: 'nb-NO' },
    ],
    unencrypted: { storeName: 'fjellrand' },
    encrypted: { apiSecret: credentials.shopApiSecret },
    encryptedFields: [{ id: 'apiSecret', label: 'API secret' }],
    ping: { relativeURI: '/shop.json', method: 'GET', successPath: 'shop.id', successValues: [], failValues: [] },
    rateLimit: { limit: 4, failStatusCode: 429 },
    _httpConnectorId: ids.httpConnectors.shopCatalogue,
    _iClientId: ids.iclients.shop,
    auth: {
      type: 'oauth',
      oauth: {
        grantType: 'authorizecode',
        authURI: 'https://shop.fjellrand.example.com/oauth/authorize',
        tokenURI: 'https://shop.fjellrand.example.com/oauth/token',
        scope: ['read_orders', 'write_inventory', 'write_fulfillments', 'read_customers'],
        scopeDelimiter: ',',
        clientCredentialsLocation: 'body',
        useIClientFields: true,
      },
      token: { ...bearer(credentials.shopToken), refreshToken: credentials.shopRefreshToken },
    },
  },
  settings: { team: 'commerce', storefronts: ['no', 'se', 'de'] },
  microServices: { disableNetSuiteWebServices: false, disableFtp: false, disableHttp: false },
  ...summary('The public web shop, three storefronts behind one admin API.'),
});

/** Belongs to the Integration App and shares the shop's rate limit. */
const appShop = connection(ids.connections.appShop, 'Webshop (returns portal)', 'http', {
  _connectorId: externalIds.returnsAppConnector,
  _integrationId: ids.integrations.returnsApp,
  externalId: 'returns_portal_shop',
  _borrowConcurrencyFromConnectionId: ids.connections.shop,
  queues: [{ name: ids.connections.shop, size: 0 }],
  assistant: 'shopify',
  http: {
    formType: 'assistant',
    mediaType: 'json',
    baseURI: 'https://shop.fjellrand.example.com/admin/api/2025-10',
    auth: {
      type: 'token',
      token: { token: credentials.appShopToken, location: 'header', headerName: 'X-Access-Token', scheme: ' ' },
    },
  },
});

const netsuite = connection(
  ids.connections.netsuite,
  'NetSuite (live)',
  'netsuite',
  {
    netsuite: {
      authType: 'token',
      account: 'FJR0042187',
      environment: 'production',
      tokenId: credentials.netsuiteTokenId,
      tokenSecret: credentials.netsuiteTokenSecret,
      roleId: '1187',
      _iClientId: ids.iclients.netsuite,
      wsdlVersion: 'latest',
      concurrencyLevel: 5,
      suiteAppInstalled: true,
      dataCenterURLs: {
        restDomain: 'https://fjr0042187.restlets.example.test',
        webservicesDomain: 'https://fjr0042187.suitetalk.example.test',
        systemDomain: 'https://fjr0042187.app.example.test',
      },
    },
    settings: { team: 'finance systems', changeWindow: 'Tue 20:00–22:00 CET' },
  },
  14,
);

const salesforce = connection(ids.connections.salesforce, 'Salesforce (B2B sales)', 'salesforce', {
  salesforce: {
    oauth2FlowType: 'refreshToken',
    sandbox: false,
    baseURI: 'https://fjellrand.my.salesforce.example.test',
    refreshToken: credentials.salesforceRefreshToken,
    bearerToken: credentials.salesforceBearerToken,
    _iClientId: ids.iclients.salesforce,
    username: 'integration@fjellrand.example.com',
    concurrencyLevel: 5,
    scope: ['api', 'refresh_token'],
    info: {
      user_id: '005SAMPLE000001',
      organization_id: '00DSAMPLE000001',
      preferred_username: 'integration@fjellrand.example.com',
      name: 'Integration User',
      locale: 'nb_NO',
    },
  },
});

const hartmann = connection(ids.connections.hartmann, 'SFTP Hartmann & Söhne', 'ftp', {
  _agentId: ids.agents.gothenburg,
  ftp: {
    type: 'sftp',
    hostURI: 'sftp.hartmann.example.test',
    port: 22,
    username: 'fjellrand_in',
    authKey: pem('OPENSSH PRIVATE KEY', credentials.hartmannKeyBody),
    usePassiveMode: true,
    userDirectoryIsRoot: false,
    concurrencyLevel: 1,
    _tpConnectorId: ids.partnerConnectors.hartmann,
  },
  pgp: {
    publicKey: pem('PGP PUBLIC KEY BLOCK', 'sample public key of Hartmann, shortened'),
    privateKey: pem('PGP PRIVATE KEY BLOCK', credentials.hartmannPgpKeyBody),
    passphrase: credentials.hartmannPgpPassphrase,
    asciiArmored: true,
    compressionAlgorithm: 'zip',
  },
});

/** Offline since the partner changed its host key. */
const moller = connection(
  ids.connections.moller,
  'SFTP Møller Sport A/S',
  'ftp',
  {
    offline: true,
    ftp: {
      type: 'sftp',
      hostURI: 'edi.moller-sport.example.test',
      port: 2222,
      username: 'FJR-PROD',
      password: credentials.mollerPassword,
      usePassiveMode: true,
      userDirectoryIsRoot: true,
      concurrencyLevel: 1,
      _tpConnectorId: ids.partnerConnectors.moller,
    },
  },
  3,
);

const warehouse = connection(ids.connections.warehouse, 'Warehouse DB (Bergen)', 'rdbms', {
  _agentId: ids.agents.bergen,
  rdbms: {
    type: 'postgresql',
    host: 'wms-db.internal.fjellrand.example.com',
    port: 5432,
    database: 'wms',
    user: 'integration_rw',
    password: credentials.warehousePassword,
    ssl: { ca: pem('CERTIFICATE', credentials.warehouseCaBody) },
    concurrencyLevel: 4,
    options: [
      { name: 'connectTimeout', value: '20000' },
      { name: 'application_name', value: 'integrator' },
    ],
  },
});

const desk = connection(ids.connections.desk, 'Service desk', 'http', {
  assistant: 'fjelldesk',
  http: {
    formType: 'assistant',
    mediaType: 'json',
    baseURI: 'https://desk.fjellrand.example.com/api/v3',
    concurrencyLevel: 3,
    unencrypted: { plan: 'growth', apiKey: credentials.deskPlanKey },
    ping: { relativeURI: '/me', method: 'GET' },
    _httpConnectorId: ids.httpConnectors.desk,
    _httpConnectorApiId: parts.api,
    _httpConnectorVersionId: parts.version,
    _iClientId: ids.iclients.desk,
    auth: {
      type: 'token',
      token: {
        ...bearer(credentials.deskToken),
        refreshToken: credentials.deskRefreshToken,
        refreshRelativeURI: 'https://desk.fjellrand.example.com/oauth/token',
        refreshMethod: 'POST',
        refreshMediaType: 'urlencoded',
        refreshBody: `grant_type=refresh_token&client_secret=${credentials.deskRefreshClientSecret}`,
        refreshTokenPath: 'access_token',
      },
      failStatusCode: 401,
    },
  },
});

/** Entered in a hurry during an incident: credentials stand in plain headers. */
const alerts = connection(ids.connections.alerts, 'Alert channel 🚨', 'http', {
  http: {
    formType: 'http',
    mediaType: 'json',
    baseURI: 'https://chat.fjellrand.example.com/hooks',
    headers: [
      { name: 'Authorization', value: `Basic ${credentials.alertBasic}` },
      { name: 'X-Api-Key', value: credentials.alertApiKey },
      { name: 'X-Room', value: 'integration-alerts' },
    ],
    auth: { type: 'custom' },
  },
  debugUntil: '2026-03-03T11:20:00.000Z',
});

const carrier = connection(ids.connections.carrier, 'Carrier (Postbud)', 'http', {
  http: {
    formType: 'http',
    mediaType: 'json',
    baseURI: 'https://api.postbud.example.test/v2',
    concurrencyLevel: 2,
    ping: { relativeURI: '/ping', method: 'GET' },
    auth: { type: 'basic', basic: { username: 'fjellrand-prod', password: credentials.carrierPassword } },
  },
});

const rates = connection(ids.connections.rates, 'Exchange rates (legacy REST)', 'rest', {
  isHTTP: false,
  rest: {
    authType: 'basic',
    mediaType: 'json',
    baseURI: `https://feed:${credentials.ratesUrlPassword}@rates.bank.example.test/v1`,
    basicAuth: { username: 'fjellrand', password: credentials.ratesPassword },
    headers: [{ name: 'Accept', value: 'application/json' }],
    pingRelativeURI: '/status',
    pingMethod: 'GET',
  },
});

const crmMcp = connection(ids.connections.crmMcp, 'Customer insight (MCP)', 'mcp', {
  mcp: {
    protocol: 'http',
    serverURL: 'https://mcp.insight.example.test/v1',
    timeout: 60,
    allowedTools: ['find_customer', 'list_recent_contacts'],
    http: { auth: { type: 'token', token: bearer(credentials.crmMcpToken) }, headers: [] },
  },
});

const till = connection(ids.connections.till, 'Tills in the stores', 'wrapper', {
  _agentGroupId: ids.agentGroups.warehouses,
  wrapper: {
    _stackId: ids.stacks.hooks,
    pingFunction: 'ping',
    unencrypted: { stores: 'bergen,oslo,göteborg' },
    encrypted: { siteKey: credentials.tillSiteKey },
    concurrencyLevel: 2,
  },
});

/** The account talks to its own API. */
const celigo = connection(ids.connections.celigo, 'This account (own API)', 'http', {
  assistant: 'integratorceligoapi',
  http: {
    formType: 'assistant',
    mediaType: 'json',
    baseURI: 'https://api.integrator.io/',
    concurrencyLevel: 1,
    auth: { type: 'token', token: bearer(credentials.celigoToken) },
  },
});

export const connections: readonly JsonObject[] = [
  shop,
  netsuite,
  salesforce,
  hartmann,
  moller,
  warehouse,
  desk,
  alerts,
  rates,
  crmMcp,
  till,
  celigo,
  appShop,
  carrier,
];
