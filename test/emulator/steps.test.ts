import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { valueAt } from '../../src/core/paths.ts';
import { account, connection, doc, exportDoc, id, smallShop, start, verdicts } from './support.ts';

const HTTP = { name: 'S', _connectionId: id('2', 1), adaptorType: 'HTTPImport' };
const ON = { name: 'S', _connectionId: id('2', 1) };
const MAPPED = { generate: 'a', dataType: 'string', status: 'Active' };
const TOPIC = { topic: { _topicId: id('9', 1) } };

/** An account with a topic, a file to send and a listener. */
function shop() {
  const listener = exportDoc(8, { adaptorType: 'WebhookExport', webhook: { provider: 'custom' } });
  const postgres = connection(7, { type: 'rdbms', rdbms: { type: 'postgresql' } });
  const { exports = [], connections = [], ...rest } = smallShop();
  return {
    ...rest,
    exports: [...exports, listener],
    connections: [...connections, postgres],
    topics: [doc(id('9', 1), 'Orders')],
    asynchelpers: [doc(id('9', 2), 'Helper')],
    ediprofiles: [doc(id('9', 3), 'Partner', { fileType: 'edix12' })],
  };
}

type Row = readonly [verdict: string, body: JsonObject];

describe('exports', () => {
  const rows: readonly Row[] = [
    ['201', { ...ON, adaptorType: 'HTTPExport', http: {} }],
    ['422 missing_required_field', { name: 'S', adaptorType: 'HTTPExport' }],
    ['422 missing_required_field', { ...ON, adaptorType: 'HTTPExport', name: '' }],
    ['422 missing_required_field', { ...ON }],
    ['201', { name: 'S', adaptorType: 'WebhookExport', webhook: { verify: 'token' } }],
    ['201', { name: 'S', type: 'simple', simple: {} }],
    ['422 missing_required_field', { name: 'S', adaptorType: 'WebhookExport', webhook: { verify: 'hmac' } }],
    ['422 missing_required_field', { ...ON, adaptorType: 'NetSuiteHTTPExport', http: {} }],
    ['422 enum', { ...ON, adaptorType: 'NetSuiteHTTPExport', http: {}, nsDomainType: 'soap' }],
    ['201', { ...ON, adaptorType: 'NetSuiteHTTPExport', http: {}, nsDomainType: 'restlet' }],
    ['201', { name: 'S', adaptorType: 'TopicExport', ...TOPIC }],
    ['422 not_allowed', { ...ON, adaptorType: 'TopicExport', ...TOPIC }],
    ['422 missing_required_field', { name: 'S', adaptorType: 'TopicExport', topic: {} }],
    ['422 invalid_ref', { name: 'S', adaptorType: 'TopicExport', topic: { _topicId: id('9', 8) } }],
    ['422 min', { name: 'S', adaptorType: 'TopicExport', topic: { ...TOPIC.topic, maxWaitTimeMs: 999 } }],
    ['422 missing_required_field', { ...ON, adaptorType: 'MongodbExport', mongodb: { method: 'find' } }],
    ['422 invalid_field', { ...ON, adaptorType: 'HTTPExport', file: { directory: { id: 'a' } } }],
    ['201', { ...ON, adaptorType: 'HTTPExport', file: { directory: { id: 'a', pathMode: 'directoryId' } } }],
    ['422 not_supported', { ...ON, adaptorType: 'HTTPExport', file: { edi: { _ediProfileId: id('9', 3) } } }],
    [
      '422 not_supported',
      {
        ...ON,
        adaptorType: 'HTTPExport',
        http: { _asyncHelperId: id('9', 2) },
        filter: { type: 'expression', expression: { rules: ['notempty', 'id'], version: '1' } },
      },
    ],
    ['422 invalid_post_parse_listener', { ...ON, adaptorType: 'HTTPExport', _postParseListenerId: id('3', 8) }],
    ['422 size_limit_exceeded', { ...ON, adaptorType: 'HTTPExport', mockOutput: Array.from({ length: 11 }, () => 1) }],
  ];

  it('need what their adaptor needs', async () => {
    expect(
      await verdicts(
        shop(),
        '/v1/exports',
        rows.map(([, body]) => body),
      ),
    ).toEqual(rows.map(([verdict]) => verdict));
  });

  it('of changes need to know where to begin, and may name slots of PostgreSQL only', async () => {
    const stream = { ...ON, type: 'stream' };
    const postgres = { ...stream, _connectionId: id('2', 7), adaptorType: 'RDBMSExport', rdbms: {} };
    const cases: readonly Row[] = [
      ['422 missing_required_field', { ...postgres, cdc: {} }],
      ['201', { ...postgres, cdc: { snapshotMode: 'no_data', slotName: 'celigo_1' } }],
      ['201', { ...postgres, cdc: { properties: [{ name: 'snapshot.mode', value: 'no_data' }] } }],
      ['422 invalid_field_value', { ...postgres, cdc: { snapshotMode: 'no_data', slotName: 'Not-One' } }],
      ['422 not_allowed', { ...stream, adaptorType: 'MongodbExport', mongodb: {}, cdc: { ...MONGO, slotName: 'a' } }],
      ['422 missing_required_field', { ...stream, adaptorType: 'MongodbExport', cdc: { snapshotMode: 'initial' } }],
      ['201', { ...stream, adaptorType: 'MongodbExport', mongodb: {}, cdc: MONGO }],
    ];
    expect(
      await verdicts(
        shop(),
        '/v1/exports',
        cases.map(([, body]) => body),
      ),
    ).toEqual(cases.map(([code]) => code));
  });

  it('of changes have a position that only the server moves', async () => {
    const cdc = { snapshotMode: 'initial', cursor: 'here' };
    const seed = account({ ...smallShop(), exports: [exportDoc(1, { cdc })] });
    const { send, emulator } = await start({ seed });
    const path = `/v1/exports/${id('3', 1)}`;

    await send('PUT', path, exportDoc(1, { cdc: { ...cdc, cursor: 'there' } }));
    expect(valueAt(emulator.state.get('exports', id('3', 1)), 'cdc.cursor')).toBe('here');
    const made = await send('POST', '/v1/exports', { ...exportDoc(1), cdc: { ...cdc, cursor: 'there' } });
    expect(valueAt(made.body as Json, 'cdc.cursor')).toBeUndefined();
  });
});

const MONGO = { snapshotMode: 'initial', captureMode: 'change_streams_update_full' };

describe('imports', () => {
  const rows: readonly Row[] = [
    ['201', { ...HTTP, http: { body: '{}' } }],
    ['201', { name: 'S', adaptorType: 'TopicImport', topic: { ...TOPIC.topic, batchSize: 10 } }],
    ['422 min', { name: 'S', adaptorType: 'TopicImport', topic: { ...TOPIC.topic, batchSize: 0 } }],
    [
      '422 missing_required_field',
      { ...ON, adaptorType: 'NetSuiteDistributedImport', netsuite_da: { operation: 'update' } },
    ],
    ['201', { ...ON, adaptorType: 'NetSuiteDistributedImport', netsuite_da: { operation: 'add' } }],
    ['422 missing_required_field', { ...ON, adaptorType: 'SalesforceImport', salesforce: { operation: 'delete' } }],
    ['422 missing_required_field', { ...ON, adaptorType: 'SalesforceImport', salesforce: { operation: 'upsert' } }],
    ['422 missing_required_field', { ...ON, adaptorType: 'DynamodbImport', dynamodb: { method: 'updateItem' } }],
    ['422 invalid_hook', { ...HTTP, hooks: { postAggregate: { function: 'f' } } }],
    ['422 invalid_field', { ...HTTP, lookups: [{ name: 'l', default: '' }] }],
    ['422 invalid_field', { ...HTTP, http: { lookups: [{ name: 'l', default: '' }] } }],
    ['201', { ...HTTP, lookups: [{ name: 'l', default: null }] }],
  ];

  it('need what their adaptor needs', async () => {
    expect(
      await verdicts(
        shop(),
        '/v1/imports',
        rows.map(([, body]) => body),
      ),
    ).toEqual(rows.map(([verdict]) => verdict));
  });

  it('have a status in every mapping', async () => {
    const cases: readonly (readonly [string, JsonObject])[] = [
      ['201', MAPPED],
      ['201', { ...MAPPED, status: 'Draft' }],
      ['422 invalid_status_enums', { ...MAPPED, status: 'draft' }],
      ['422 status_field_absent', { generate: 'a', dataType: 'string' }],
      ['422 missing_required_field', { generate: 'a', status: 'Active' }],
      ['422 status_field_absent', { ...MAPPED, mappings: [{ generate: 'b', dataType: 'string' }] }],
      ['422 status_field_absent', { ...MAPPED, buildArrayHelper: [{ mappings: [{ dataType: 'string' }] }] }],
    ];
    const bodies = cases.map(([, mapping]) => ({ ...HTTP, mappings: [mapping] }));
    expect(await verdicts(shop(), '/v1/imports', bodies)).toEqual(cases.map(([code]) => code));
  });

  it('of agents and guardrails are checked by their provider and their kind', async () => {
    const agent = { name: 'S', adaptorType: 'AiAgentImport' };
    const guard = { name: 'S', adaptorType: 'GuardrailImport' };
    const cases: readonly Row[] = [
      ['201', { ...agent, aiAgent: { provider: 'openai', openai: { instructions: 'x'.repeat(60_000) } } }],
      ['422 provider_not_found', { ...agent, aiAgent: { provider: 'acme' } }],
      ['422 invalid_provider_config_format', { ...agent, aiAgent: { provider: 'gemini', openai: {} } }],
      ['422 invalid_provider_config_format', { ...agent, aiAgent: { provider: 'groq', model: 'm', litellm: {} } }],
      ['201', { ...agent, aiAgent: { provider: 'groq', model: 'm', instructions: 'Be kind.' } }],
      ['422 invalid_field_value', { ...agent, aiAgent: { provider: 'anthropic', litellm: { temperature: 1.5 } } }],
      ['422 enum', { ...agent, aiAgent: { provider: 'openai', openai: { tools: [{ type: 'codeExecution' }] } } }],
      ['422 not_supported', { ...agent, aiAgent: {}, blob: true }],
      ['201', { ...agent, aiAgent: {}, blob: false }],
      ['422 not_supported', { ...agent, aiAgent: {}, blobKeyPath: 'a' }],
      ['422 guardrail_tools_not_allowed', { ...guard, guardrail: { type: 'ai_agent', aiAgent: { tools: [{}] } } }],
      ['201', { ...guard, guardrail: { type: 'ai_agent', aiAgent: { openai: { tools: [] } } } }],
      ['422 enum', { ...guard, guardrail: { type: 'pii', pii: { entities: ['shoe_size'] } } }],
      ['201', { ...guard, guardrail: { type: 'pii', pii: { entities: ['email_address'] } } }],
      ['422 enum', { ...guard, guardrail: { type: 'moderation', moderation: { categories: ['rude'] } } }],
    ];
    expect(
      await verdicts(
        shop(),
        '/v1/imports',
        cases.map(([, body]) => body),
      ),
    ).toEqual(cases.map(([code]) => code));
  });

  it('may lose their name in a PUT, and not without one be created', async () => {
    const { send } = await start({ seed: account(smallShop()) });

    expect((await send('PUT', `/v1/imports/${id('4', 1)}`, { ...HTTP, name: '' })).status).toBe(200);
    expect((await send('POST', '/v1/imports', { ...HTTP, name: '' })).status).toBe(422);
  });
});

describe('steps', () => {
  it('have the adaptor of their block where they do not name one', async () => {
    const { send } = await start({ seed: account(shop()) });
    const cases: readonly (readonly [string, string, JsonObject])[] = [
      ['exports', 'HTTPExport', { ...ON, http: {} }],
      ['exports', 'NetSuiteHTTPExport', { ...ON, http: {}, nsDomainType: 'suitetalk' }],
      ['exports', 'WebhookExport', { name: 'S', webhook: {} }],
      ['imports', 'NetSuiteDistributedImport', { ...ON, netsuite_da: {} }],
      ['imports', 'TopicImport', { name: 'S', ...TOPIC }],
    ];
    for (const [type, adaptorType, body] of cases) {
      expect((await send('POST', `/v1/${type}`, body)).body, adaptorType).toMatchObject({ adaptorType });
    }
  });

  it('point at the connector of their connection, or at what they pointed at', async () => {
    const [connector, own, foreign] = [id('b', 1), id('b', 2), id('b', 9)];
    const resources = {
      ...smallShop(),
      connections: [connection(1, { http: { _httpConnectorId: connector, _httpConnectorVersionId: id('b', 4) } })],
      httpconnectors: [doc(connector, 'Desk', { versions: [{ _id: id('b', 4) }] })],
      httpconnectorresources: [doc(own, 'Tickets', { _httpConnectorId: connector })],
      httpconnectorendpoints: [
        doc(id('b', 3), 'List', { _httpConnectorResourceIds: [own], method: 'GET', relativeURI: '/tickets' }),
      ],
    };
    const { send } = await start({ seed: account(resources) });
    const post = async (http: JsonObject) => {
      const made = await send('POST', '/v1/exports', { ...ON, adaptorType: 'HTTPExport', http });
      return valueAt(made.body as Json, 'http._httpConnectorResourceId');
    };

    expect(await post({ method: 'GET', relativeURI: '/tickets' })).toBe(own);
    expect(await post({ method: 'GET', relativeURI: '/tickets', _httpConnectorResourceId: foreign })).toBe(own);
    expect(await post({ method: 'GET', relativeURI: '/else', _httpConnectorResourceId: own })).toBe(own);
    expect(await post({ method: 'GET', relativeURI: '/else', _httpConnectorResourceId: foreign })).toBe(foreign);
  });

  it('lose a connector that the account cannot see with their connection, where the server is like that', async () => {
    const body = { name: 'C', type: 'http', http: { _httpConnectorId: id('b', 9), baseURI: 'https://a.test' } };
    const drops = await start({ unknownConnectors: 'drop' });
    const keeps = await start();

    expect((await drops.send('POST', '/v1/connections', body)).body).not.toHaveProperty('http._httpConnectorId');
    expect((await keeps.send('POST', '/v1/connections', body)).body).toHaveProperty('http._httpConnectorId');
  });
});
