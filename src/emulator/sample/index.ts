import type { JsonObject } from '../../core/json.ts';
import type { AccountSeed } from '../model/seed.ts';
import {
  accessTokens,
  ashares,
  datasets,
  environments,
  networkPolicies,
  notifications,
  resourceState,
  ssoClients,
  state,
  storageItems,
  syncs,
  tags,
} from './account.ts';
import { artificialSteps } from './artificial.ts';
import { agreeWithAudit, audit } from './audit.ts';
import { asyncHelpers, lookupCaches, lookupData } from './caches.ts';
import {
  agentGroups,
  agents,
  httpConnectorEndpoints,
  httpConnectorResources,
  httpConnectors,
  iclients,
  stacks,
  topics,
} from './clients.ts';
import { connections } from './connections.ts';
import { integrations } from './integrations.ts';
import { otherFlows } from './other-flows.ts';
import { ediProfiles, fileDefinitions, partnerConnectors } from './partner-data.ts';
import { partnerTrade } from './partners.ts';
import { PEOPLE } from './people.ts';
import { scripts } from './scripts/index.ts';
import { serviceAndSales } from './service.ts';
import { apis, mcpOAuthProviders, mcpServers, tools } from './services.ts';
import { shopCatalogue } from './shop-catalogue.ts';
import { shopCustomers } from './shop-customers.ts';
import { shopOrders } from './shop-orders.ts';
import { warehouse } from './warehouse.ts';

export { sampleCredentials } from './credentials.ts';

const STORIES = [shopOrders, shopCustomers, shopCatalogue, partnerTrade, warehouse, serviceAndSales, otherFlows];

const RESOURCES: AccountSeed['resources'] = {
  integrations,
  flows: STORIES.flatMap((story) => story.flows),
  exports: STORIES.flatMap((story) => story.exports),
  imports: [...STORIES.flatMap((story) => story.imports), ...artificialSteps],
  connections,
  scripts,
  iclients,
  agents,
  agentgroups: agentGroups,
  topics,
  stacks,
  httpconnectors: httpConnectors,
  httpconnectorresources: httpConnectorResources,
  httpconnectorendpoints: httpConnectorEndpoints,
  mcpoauthproviders: mcpOAuthProviders,
  asynchelpers: asyncHelpers,
  filedefinitions: fileDefinitions,
  ediprofiles: ediProfiles,
  tpconnectors: partnerConnectors,
  lookupcaches: lookupCaches,
  tools,
  apis,
  mcpservers: mcpServers,
  notifications,
  tags,
  ashares,
  accesstokens: accessTokens,
  environments,
  ssoclients: ssoClients,
  syncs,
  datasets,
  networkpolicies: networkPolicies,
  storageitems: storageItems,
};

const SEED: AccountSeed = {
  people: PEOPLE,
  resources: Object.fromEntries(
    Object.entries(RESOURCES).map(([type, docs]): [string, readonly JsonObject[]] => [type, docs.map(agreeWithAudit)]),
  ),
  lookupData,
  state,
  resourceState,
  audit,
};

/**
 * The account of Fjellrand Outfitters, a maker of outdoor gear with a web shop, three stores, a warehouse and
 * two wholesale partners. Always the same, to the byte; each call gives a copy of its own.
 */
export function sampleAccount(): AccountSeed {
  return structuredClone(SEED);
}
