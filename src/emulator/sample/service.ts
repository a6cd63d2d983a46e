import type { JsonObject } from '../../core/json.ts';
import { lately, summary } from './build.ts';
import { credentials } from './credentials.ts';
import { compare, field, filter, hook, map, mapObject } from './expressions.ts';
import { branch, flow, look, source, within, write } from './flow-parts.ts';
import { ids } from './ids.ts';
import { exportDoc, httpExport, httpImport, importDoc, netsuiteImport } from './steps.ts';
import type { Story } from './story.ts';

const { connections, exports: exportIds, imports: importIds, scripts } = ids;

function soql(id: string, name: string, query: string, more: JsonObject): JsonObject {
  return exportDoc(id, 'SalesforceExport', name, {
    _connectionId: connections.salesforce,
    salesforce: { type: 'soql', api: 'rest', soql: { query } },
    ...more,
  });
}

function salesforceImport(
  id: string,
  name: string,
  sObjectType: string,
  block: JsonObject,
  fields: JsonObject,
): JsonObject {
  return importDoc(id, 'SalesforceImport', name, {
    _connectionId: connections.salesforce,
    distributed: false,
    salesforce: { operation: 'upsert', sObjectType, api: 'rest', ...block },
    mapping: { fields: Object.entries(fields).map(([generate, extract]) => ({ extract, generate })), lists: [] },
  });
}

const exports: readonly JsonObject[] = [
  soql(
    exportIds.accounts,
    'Accounts changed in Salesforce',
    `SELECT Id, Name, BillingCity, BillingCountry,
       (SELECT Id, Email FROM Contacts WHERE IsDeleted = false)
FROM   Account
WHERE  LastModifiedDate > {{lastExportDateTime}}
  AND  Type = 'Customer'
ORDER  BY LastModifiedDate`,
    { type: 'delta', delta: { dateField: 'LastModifiedDate' }, pageSize: 100 },
  ),
  exportDoc(exportIds.wonDeals, 'SalesforceExport', 'Opportunity won (real-time)', {
    _connectionId: connections.salesforce,
    type: 'distributed',
    salesforce: {
      type: 'distributed',
      sObjectType: 'Opportunity',
      distributed: {
        disabled: false,
        qualifier: "StageName = 'Closed Won'",
        referencedFields: ['Account.Name', 'Owner.Email'],
        relatedLists: [
          {
            sObjectType: 'OpportunityLineItem',
            parentField: 'OpportunityId',
            referencedFields: ['Product2.ProductCode'],
          },
        ],
      },
    },
  }),
  soql(
    exportIds.contactLookup,
    'Contact by e-mail',
    "SELECT Id, AccountId FROM Contact WHERE Email = '{{record.requester.email}}' LIMIT 1",
    { isLookup: true },
  ),
  exportDoc(exportIds.ticketHook, 'WebhookExport', 'New ticket', {
    type: 'webhook',
    webhook: {
      provider: 'custom',
      verify: 'secret_url',
      token: credentials.ticketHookToken,
      requestMediaType: 'json',
      successStatusCode: 204,
    },
    filter: filter(compare('notequals', 'string', 'channel', 'spam')),
    hooks: { preSavePage: hook('trimTickets', scripts.support) },
    sampleData: '{"id":"T-1","description":"Hei! Teltet mitt lekker …"}',
  }),
  httpExport(
    exportIds.ticketHistory,
    'Earlier tickets of the customer',
    connections.desk,
    {
      relativeURI: '/tickets?requester={{encodeURI record.requester.email}}&sort=-created',
      formType: 'assistant',
      paging: { method: 'page', page: 1, maxPagePath: 'meta.pages' },
      response: { resourcePath: 'tickets' },
      _httpConnectorVersionId: ids.connectorParts.version,
      _httpConnectorResourceId: ids.connectorParts.ticket,
      _httpConnectorEndpointId: ids.connectorParts.listTickets,
    },
    {
      isLookup: true,
      assistant: 'fjelldesk',
      assistantMetadata: { resource: 'ticket', operation: 'listTickets', version: 'v3' },
    },
  ),
  httpExport(
    exportIds.addressLookup,
    'Look up an address',
    connections.shop,
    { relativeURI: '/addresses/validate.json?zip={{record.zip}}&country={{record.country}}' },
    { isLookup: true },
  ),
];

const imports: readonly JsonObject[] = [
  salesforceImport(
    importIds.sfAccount,
    'Upsert account',
    'Account',
    { idLookup: { extract: 'netsuiteId', whereClause: '' }, upsert: { externalIdField: 'NetSuite_Id__c' } },
    { Name: 'companyname', NetSuite_Id__c: 'internalid', BillingCountry: 'country' },
  ),
  salesforceImport(
    importIds.sfTask,
    'Task for the account owner',
    'Task',
    { operation: 'insert' },
    { Subject: 'subject', WhatId: 'accountId', Description: 'description' },
  ),
  salesforceImport(
    importIds.sfCase,
    'Mirror of a B2B ticket as a case',
    'Case',
    { upsert: { externalIdField: 'Ticket_Id__c' } },
    { Ticket_Id__c: 'id', Subject: 'subject', Priority: 'priority' },
  ),
  netsuiteImport(importIds.dealSalesOrder, 'Sales order from a won deal', 'salesorder', {
    operation: 'add',
    mapping: {
      fields: [field('Id', 'externalid'), field('Account.Name', 'entity', { internalId: true })],
      lists: [
        {
          generate: 'item',
          jsonPath: 'OpportunityLineItems',
          fields: [
            field('OpportunityLineItems[*].Product2.ProductCode', 'item'),
            field('OpportunityLineItems[*].Quantity', 'quantity'),
          ],
        },
      ],
    },
  }),
  httpImport(
    importIds.deskReply,
    'Reply to the ticket',
    connections.desk,
    { method: 'POST', path: '/tickets/{{record.id}}/replies' },
    { mappings: [mapObject('reply', [map('html', '$.draft'), map('internal', '$.internal', 'boolean')])] },
  ),
  httpImport(
    importIds.deskTags,
    'Queue and tags',
    connections.desk,
    { method: 'PATCH', path: '/tickets/{{record.id}}' },
    {
      mappings: [map('queue', '$.queue'), map('tags', '$.tags', 'stringarray')],
      hooks: { postSubmit: { function: 'notifyAgents', _stackId: ids.stacks.hooks } },
    },
  ),
];

const inService = within(ids.integrations.service);

const flows: readonly JsonObject[] = [
  flow(ids.flows.triage, 'Ticket triage 🤖', {
    description: 'Masks personal data, lets a model suggest a queue, and moderates what it would answer.',
    ...inService,
    pageGenerators: [source(exportIds.ticketHook)],
    routers: [
      {
        id: 'tG9queue01x',
        name: 'Understand',
        routeRecordsTo: 'first_matching_branch',
        routeRecordsUsing: 'input_filters',
        branches: [
          branch(
            'All tickets',
            [],
            [
              look(exportIds.contactLookup, [['data[0].AccountId', 'accountId']]),
              look(exportIds.ticketHistory, [['data', 'history']], { proceedOnFailure: true }),
              write(
                importIds.triageAgent,
                [
                  ['_json.queue', 'suggestedQueue'],
                  ['_json.confidence', 'confidence'],
                  ['_json.draft', 'draft'],
                ],
                { hooks: { postResponseMap: hook('applyTriage', scripts.support) } },
              ),
              write(importIds.moderateReplies, [['flagged', 'blocked']]),
            ],
            { nextRouterId: 'tG9write02y' },
          ),
        ],
      },
      {
        id: 'tG9write02y',
        name: 'Act',
        routeRecordsTo: 'all_matching_branches',
        routeRecordsUsing: 'input_filters',
        branches: [
          branch('Always', [], [write(importIds.deskTags)]),
          branch('Safe draft', compare('equals', 'boolean', 'blocked', false), [write(importIds.deskReply)]),
          branch('B2B', compare('notempty', 'string', 'accountId'), [write(importIds.sfCase), write(importIds.sfTask)]),
        ],
      },
    ],
    lastErrorAt: lately(ids.flows.triage),
    ...summary('Sorts new tickets into queues.'),
  }),
  flow(ids.flows.accounts, 'Accounts: Salesforce ↔ NetSuite', {
    ...inService,
    schedule: '? 0 * ? * *',
    pageGenerators: [source(exportIds.accounts)],
    pageProcessors: [write(importIds.sfAccount)],
  }),
  flow(ids.flows.wonDeals, 'Won deals → sales orders', {
    ...inService,
    pageGenerators: [source(exportIds.wonDeals)],
    pageProcessors: [write(importIds.dealSalesOrder, [['id', 'salesOrderId']])],
  }),
];

export const serviceAndSales: Story = { flows, exports, imports };
