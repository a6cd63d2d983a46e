import type { Json, JsonObject } from '../../core/json.ts';
import { doc, lately } from './build.ts';
import { credentials } from './credentials.ts';
import { externalIds, ids } from './ids.ts';
import { people, subscriber } from './people.ts';

type Guest = keyof typeof ids.shares;

/** The access record of a person: everyone but the owner has one. */
function share(name: Guest, fields: JsonObject): JsonObject {
  const { _id, name: fullName, email } = people[name];
  const lastSignIn = lately(_id);
  return doc(ids.shares[name], {
    accepted: true,
    dismissed: false,
    disabled: false,
    accountSSORequired: false,
    accountMFARequired: true,
    ...fields,
    lastSignIn,
    sharedWithUser: { _id, email, name: fullName, lastSignIn, allowedToResetMFA: true, accountSSOLinked: 'not_linked' },
  });
}

export const ashares: readonly JsonObject[] = [
  share('priya', { accessLevel: 'administrator', accountSSORequired: true }),
  share('mateo', { accessLevel: 'administrator' }),
  share('amara', {
    accessLevel: 'manage',
    mcpServerAccessLevel: [{ _mcpServerId: ids.mcpServers.support, scopes: ['mcp:read', 'mcp:write'] }],
  }),
  share('jonas', {
    integrationAccessLevel: [{ _integrationId: ids.integrations.partners, accessLevel: 'manage' }],
    accountMFARequired: false,
  }),
  share('keiko', { accessLevel: 'monitor' }),
];

function apiToken(id: string, name: string, token: string, fields: JsonObject): JsonObject {
  return doc(id, { name, token, revoked: false, legacyNetSuite: false, fullAccess: false, ...fields });
}

export const accessTokens: readonly JsonObject[] = [
  apiToken(ids.accessTokens.backup, 'Nightly backup', credentials.backupApiToken, {
    description: 'Reads everything, writes only on a restore.',
    fullAccess: true,
    lastUsedAt: lately(ids.accessTokens.backup),
  }),
  apiToken(ids.accessTokens.shopForms, 'Shop forms', credentials.shopFormsApiToken, {
    description: 'The contact form of the shop starts two steps.',
    _connectionIds: [ids.connections.shop],
    _exportIds: [ids.exports.ticketHook, ids.exports.addressLookup],
    _importIds: [ids.imports.orderAudit],
    _apiIds: [ids.apis.orderStatus],
    _mcpServerIds: [ids.mcpServers.support],
    lastUsedAt: lately(ids.accessTokens.shopForms),
  }),
  apiToken(ids.accessTokens.retired, 'Agency 2024 (retired)', credentials.retiredApiToken, {
    description: '',
    revoked: true,
    autoPurgeAt: '2026-12-31T00:00:00.000Z',
  }),
];

function notification(id: string, type: string, target: JsonObject, person: keyof typeof people): JsonObject {
  return doc(id, { type, ...target, subscribedByUser: subscriber(person) });
}

export const notifications: readonly JsonObject[] = [
  notification(ids.notifications.orders, 'flow', { _flowId: ids.flows.orders }, 'amara'),
  notification(ids.notifications.refunds, 'flow', { _flowId: ids.flows.refunds }, 'amara'),
  notification(ids.notifications.netsuite, 'connection', { _connectionId: ids.connections.netsuite }, 'mateo'),
  notification(ids.notifications.shop, 'integration', { _integrationId: ids.integrations.shop }, 'priya'),
  notification(ids.notifications.moller, 'connection', { _connectionId: ids.connections.moller }, 'jonas'),
];

export const tags: readonly JsonObject[] = [
  doc(ids.tags.partner, { tag: 'ask the partner', tagId: 'q7Hs2' }),
  doc(ids.tags.finance, { tag: 'økonomi ser på det', tagId: 'b0Lw9' }),
  doc(ids.tags.known, { tag: 'known, ignore', tagId: 'Zx41d' }),
];

export const networkPolicies: readonly JsonObject[] = [
  doc(ids.networkPolicies.offices, {
    name: 'Offices and VPN',
    description: 'Bergen, Gothenburg, and the VPN of the service desk.',
    allowList: ['192.0.2.0/26', '198.51.100.17', '2001:db8:40::/48'],
    denyList: ['192.0.2.13'],
  }),
];

export const environments: readonly JsonObject[] = [
  doc(ids.environments.staging, {
    name: 'Rehearsal',
    description: 'Copies of the partner flows, against the NetSuite sandbox.',
    enabled: true,
    _envUserId: externalIds.stagingUser,
    apim: { orgId: 'fjellrand-rehearsal', envId: 'reh' },
  }),
  doc(ids.environments.training, {
    name: 'Training',
    description: '',
    enabled: false,
    _envUserId: externalIds.trainingUser,
  }),
];

export const ssoClients: readonly JsonObject[] = [
  doc(ids.ssoClients.company, {
    type: 'oidc',
    orgId: 'fjellrand',
    disabled: false,
    oidc: {
      issuerURL: 'https://login.fjellrand.example.com',
      clientId: 'integrator',
      clientSecret: credentials.ssoClientSecret,
    },
  }),
];

export const syncs: readonly JsonObject[] = [
  doc(ids.syncs.items, {
    name: 'Items: NetSuite → warehouse',
    disabled: false,
    _userId: people.ingrid._id,
    _integrationId: ids.integrations.replication,
    source: { _connectionId: ids.connections.netsuite },
    destination: { _connectionId: ids.connections.warehouse },
    lastExecutedAt: lately(ids.syncs.items),
  }),
];

/** What the sync copies: tables of the source, the columns of each, and how rows are written. */
export const datasets: readonly JsonObject[] = [
  doc(ids.datasets.item, {
    _syncId: ids.syncs.items,
    name: 'item',
    externalId: 'item',
    enable: true,
    ingestionMode: 'merge',
    userActionRequired: false,
    dataElements: [
      { name: 'id', externalId: 'id', enable: true, primaryKey: true },
      { name: 'displayname', externalId: 'displayname', enable: true },
      { name: 'vendorcontact', externalId: 'vendorcontact', enable: true, mask: 'hash' },
    ],
  }),
  doc(ids.datasets.inventory, {
    _syncId: ids.syncs.items,
    name: 'inventorybalance',
    externalId: 'inventorybalance',
    enable: false,
    ingestionMode: 'append',
    userActionRequired: false,
    dataElements: [
      { name: 'item', externalId: 'item', enable: true },
      { name: 'quantityonhand', externalId: 'quantityonhand', enable: true },
    ],
  }),
];

function storageItem(id: string, type: 'folder' | 'file', name: string, fields: JsonObject): JsonObject {
  return doc(id, { type, name, description: '', __v: 0, ...fields });
}

export const storageItems: readonly JsonObject[] = [
  storageItem(ids.storage.manuals, 'folder', 'Manuals', { __ancestorIds: [] }),
  storageItem(ids.storage.drafts, 'folder', 'Drafts', {
    _parentId: ids.storage.manuals,
    __ancestorIds: [ids.storage.manuals],
  }),
  storageItem(ids.storage.returnsPolicy, 'file', 'returns-policy-2026.pdf', {
    description: 'As printed on the delivery note.',
    _parentId: ids.storage.manuals,
    __ancestorIds: [ids.storage.manuals],
    size: 182_334,
    mimeType: 'application/pdf',
    status: 'ready',
  }),
];

/** What scripts remember between runs. */
export const state: Readonly<Record<string, Json>> = {
  'orders.lastGiftWrapReport': '2026-05-29',
  'partners.controlNumbers': { hartmann: 1204, moller: 87 },
  'rates.lastGood': { day: '2026-05-29', EUR: 11.62, SEK: 1.041, DKK: 1.557 },
  'tills.paused': false,
};

/** What single flows and steps remember between runs. */
export const resourceState: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  [`flows/${ids.flows.orders}`]: { 'lastOrder.number': 58_213 },
  [`exports/${ids.exports.addressLookup}`]: { 'quota.left': { day: '2026-05-29', calls: 1_870 } },
};
