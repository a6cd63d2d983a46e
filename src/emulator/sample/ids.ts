/** First eight digits of an id: when the resource was made. */
function seconds(day: string, index: number): number {
  // Five days and a few odd hours apart, so that creation times look like those of an account that grew.
  return Date.parse(`${day}T07:12:31.000Z`) / 1000 + index * (5 * 86_400 + 13_577);
}

/** Ids for `names`, in order: creation time, a constant of the account, the type's code, a counter. */
function mint<const N extends readonly string[]>(code: string, day: string, names: N) {
  const pairs = names.map((name, index) => {
    const time = seconds(day, index).toString(16).padStart(8, '0');
    return [name, `${time}c3a91b7e4${code}${(index + 1).toString(16).padStart(5, '0')}`] as const;
  });
  return Object.fromEntries(pairs) as { readonly [K in N[number]]: string };
}

/** The id of the `counter`th audit entry, made at `time`. */
export function auditId(time: string, counter: number): string {
  const made = Math.floor(Date.parse(time) / 1000).toString(16);
  return `${made}c3a91b7e42e${counter.toString(16).padStart(5, '0')}`;
}

/** When the resource of this id was made. */
export function createdAt(id: string): string {
  const time = Number.parseInt(id.slice(0, 8), 16) * 1000 + (Number.parseInt(id.slice(-3), 16) % 1000);
  return new Date(time).toISOString();
}

/** Every id of the sample account, by type and a short name, so that a misspelt reference does not compile. */
export const ids = {
  people: mint('10', '2025-01-02', ['ingrid', 'priya', 'mateo', 'amara', 'jonas', 'keiko']),
  integrations: mint('11', '2025-01-06', ['shop', 'partners', 'warehouse', 'service', 'returnsApp', 'replication']),
  groups: mint('12', '2025-01-07', ['orders', 'catalogue', 'incoming', 'outgoing', 'publicApis']),
  flows: {
    ...mint('13', '2025-01-20', [
      'orders',
      'refunds',
      'stock',
      'prices',
      'fulfilments',
      'customers',
      'giftCards',
      'partnerOrders',
      'partnerOrdersHartmann',
      'partnerOrdersMoller',
      'shipNotices',
      'invoices',
      'acknowledgements',
      'reservations',
      'snapshot',
      'adjustments',
      'triage',
      'accounts',
      'wonDeals',
      'appReturns',
      'appRefunds',
      'errorDigest',
      'tillSales',
    ]),
    // Digits, one `e`, digits: YAML would read it as a number unless it is quoted.
    exchangeRates: '6820e5141730260094158337',
  },
  exports: {
    ...mint('14', '2025-01-13', [
      'shopOrders',
      'refundHook',
      'shopCustomers',
      'giftCards',
      'productLookup',
      'stock',
      'prices',
      'fulfilments',
      'creditLookup',
      'reservations',
      'snapshot',
      'adjustments',
      'zoneLookup',
      'partnerOrders',
      'shipments',
      'invoices',
      'partnerAcks',
      'priceLists',
      'accounts',
      'wonDeals',
      'contactLookup',
      'ticketHook',
      'carrierHook',
      'ticketHistory',
      'slotReport',
      'slotReportStatus',
      'slotReportRows',
      'catalogueFeed',
      'catalogueFeedStatus',
      'flowErrors',
      'tillSales',
      'appReturns',
      'appRefunds',
      'addressLookup',
    ]),
    // Digits only: the other shape that YAML would read as a number.
    exchangeRates: '682401197305526418093741',
  },
  imports: mint('15', '2025-01-14', [
    'salesOrder',
    'creditMemo',
    'nsCustomer',
    'partnerSalesOrder',
    'dealSalesOrder',
    'inventoryAdjustment',
    'shopStock',
    'shopPrice',
    'shopFulfilment',
    'shopOrderTags',
    'giftCardBalance',
    'refundLog',
    'orderAudit',
    'snapshotRows',
    'reservationDone',
    'rateRows',
    'ackRegister',
    'shipNotice',
    'invoiceFile',
    'ackFile',
    'priceListFile',
    'sfAccount',
    'sfTask',
    'sfCase',
    'deskReply',
    'deskTags',
    'alert',
    'alertOld',
    'postcodeCache',
    'tillJournal',
    'riskAgent',
    'triageAgent',
    'maskPersonalData',
    'moderateReplies',
    'addressTool',
    'stockTool',
    'appReturnOrder',
    'appRefundStatus',
  ]),
  connections: mint('16', '2025-01-08', [
    'shop',
    'netsuite',
    'salesforce',
    'hartmann',
    'moller',
    'warehouse',
    'desk',
    'alerts',
    'rates',
    'crmMcp',
    'till',
    'celigo',
    'appShop',
    'carrier',
  ]),
  scripts: mint('17', '2025-01-10', ['orders', 'stock', 'router', 'settings', 'partners', 'api', 'support', 'rates']),
  iclients: mint('18', '2025-01-07', ['shop', 'netsuite', 'salesforce', 'desk']),
  agents: mint('19', '2025-01-09', ['bergen', 'gothenburg']),
  stacks: mint('1a', '2025-01-09', ['hooks', 'lambda']),
  asyncHelpers: mint('1b', '2025-04-02', ['slotReport', 'catalogueFeed']),
  fileDefinitions: mint('1c', '2025-03-03', ['order850', 'shipNotice856', 'ack997', 'desadv']),
  ediProfiles: mint('1d', '2025-03-04', ['hartmann', 'moller', 'nordvik']),
  partnerConnectors: mint('1e', '2025-03-05', ['hartmann', 'moller', 'catalogueA', 'catalogueB', 'catalogueC']),
  lookupCaches: mint('1f', '2025-02-11', ['postcodes', 'skus', 'carriers']),
  tools: mint('20', '2025-05-19', ['address', 'availability']),
  apis: mint('21', '2025-05-26', ['orderStatus', 'health', 'legacyOrders']),
  mcpServers: mint('22', '2025-08-18', ['support', 'warehouse']),
  httpConnectors: mint('23', '2025-02-03', ['desk', 'shopCatalogue', 'mailCatalogue']),
  connectorParts: mint('24', '2025-02-03', ['api', 'version', 'oauthCondition', 'ticket', 'listTickets']),
  notifications: mint('25', '2025-06-02', ['orders', 'refunds', 'netsuite', 'shop', 'moller']),
  tags: mint('26', '2025-06-03', ['partner', 'finance', 'known']),
  shares: mint('27', '2025-01-15', ['priya', 'mateo', 'amara', 'jonas', 'keiko']),
  accessTokens: mint('28', '2025-06-10', ['backup', 'shopForms', 'retired']),
  environments: mint('29', '2025-07-01', ['staging', 'training']),
  ssoClients: mint('2a', '2025-07-08', ['company']),
  mcpOAuthProviders: mint('2b', '2025-08-11', ['company']),
  syncs: mint('2c', '2025-09-01', ['items']),
  networkPolicies: mint('2e', '2025-08-12', ['offices']),
  agentGroups: mint('2f', '2025-10-06', ['warehouses']),
  topics: mint('30', '2025-10-13', ['stockMoved']),
  datasets: mint('31', '2025-09-01', ['item', 'inventory']),
  storage: mint('2d', '2025-08-12', ['manuals', 'drafts', 'returnsPolicy']),
} as const;

/** Ids of things outside the account, to which its documents refer all the same. */
export const externalIds = {
  returnsAppConnector: '65f1a0c4c3a91b00ee000001',
  returnsAppTemplateConnection: '65f1a0c5c3a91b00ee000002',
  starterTemplate: '64c2d7e9c3a91b00ee000003',
  oldShopOrders: '63b8f112c3a91b00ee000004',
  stagingUser: '68631a07c3a91b00ee000005',
  trainingUser: '68631a44c3a91b00ee000006',
} as const;
