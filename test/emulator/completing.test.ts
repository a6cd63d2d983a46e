import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { valueAt, valuesAt } from '../../src/core/paths.ts';
import { account, doc, id, smallShop, start } from './support.ts';

const ON = { name: 'S', _connectionId: id('2', 1) };
const HELPED = {
  submit: { sameAsStatus: true },
  status: { _exportId: id('3', 1), statusPath: 's', doneValues: ['d'] },
};

/** What is sent, and what is there afterwards beside it. */
const ADDED: readonly (readonly [type: string, sent: JsonObject, added: JsonObject])[] = [
  [
    'imports',
    { ...ON, adaptorType: 'HTTPImport', lookups: [{ name: 'l' }] },
    {
      salesforce: { lookups: [] },
      wrapper: { lookups: [] },
      rdbms: { lookups: [] },
      netsuite_da: { lookups: [], missingOrCorruptedDAConfig: false },
      lookups: [{ name: 'l', default: null, map: null, allowFailures: null }],
    },
  ],
  [
    'imports',
    { ...ON, adaptorType: 'RDBMSImport', rdbms: { query: ['a'] } },
    { rdbms: { query: ['a'], bulkInsert: {} } },
  ],
  ['imports', { ...ON, adaptorType: 'RDBMSImport', rdbms: { bulkInsert: { t: 1 } } }, { rdbms: { query: [] } }],
  [
    'imports',
    { ...ON, adaptorType: 'FTPImport', file: { aggregation: { type: 'page' }, directory: {} } },
    { file: { skipAggregation: true, directory: { pathMode: 'relativePath' } } },
  ],
  [
    'imports',
    { name: 'G', adaptorType: 'GuardrailImport', guardrail: { type: 'ai_agent', aiAgent: { openai: {} } } },
    {
      guardrail: {
        pii: { entities: [], mask: false },
        moderation: { categories: [] },
        aiAgent: { openai: { tools: [] } },
      },
    },
  ],
  ['imports', { ...ON, adaptorType: 'HTTPImport', http: { body: '{}' } }, { http: { body: ['{}'] } }],
  [
    'imports',
    { name: 'T', adaptorType: 'TopicImport', topic: { _topicId: id('9', 1) } },
    { topic: { batchSize: 1_000 } },
  ],
  [
    'exports',
    { name: 'T', adaptorType: 'TopicExport', topic: { _topicId: id('9', 1) } },
    { topic: { startPosition: 'latest', maxWaitTimeMs: 30_000 } },
  ],
  [
    'exports',
    {
      ...ON,
      adaptorType: 'RDBMSExport',
      type: 'stream',
      cdc: { properties: [{ name: 'snapshot.mode', value: 'initial' }] },
    },
    { cdc: { snapshotMode: 'initial' } },
  ],
  [
    'exports',
    { ...ON, adaptorType: 'NetSuiteExport', type: 'distributed', netsuite: { distributed: { disabled: true } } },
    { netsuite: { distributed: { frameworkVersion: 'suiteapp2.0' } } },
  ],
  ['connections', { name: 'C', type: 'http', http: {} }, { autoRecoverRateLimitErrors: true }],
  [
    'connections',
    { name: 'C', type: 'mcp', mcp: { serverURL: 'https://m.test', http: { auth: { type: 'token' } } } },
    { mcp: { timeout: 600_000 } },
  ],
  ['connections', { name: 'C', type: 'van', van: {} }, { van: { as2Id: expect.any(String) as unknown as Json } }],
  [
    'asynchelpers',
    { name: 'A', http: { ...HELPED, result: {} } },
    { http: { status: { initialWaitTime: null, pollWaitTime: null }, result: { _exportId: null } } },
  ],
];

describe('a server that completes documents', () => {
  it('adds what belongs to other adaptors, and what it knows', async () => {
    const seed = account({ ...smallShop(), topics: [doc(id('9', 1), 'Orders')] });
    const { send } = await start({ seed, completes: true });
    const plain = await start({ seed });
    for (const [type, sent, added] of ADDED) {
      const made = await send('POST', `/v1/${type}`, sent);
      expect([made.status, made.body], JSON.stringify(sent)).toMatchObject([201, added]);
      expect((await plain.send('POST', `/v1/${type}`, sent)).status).toBe(201);
    }
  });

  it('gives parts an id, and removes from a guardrail the agent that it does not have', async () => {
    const { send, emulator } = await start({ seed: account(smallShop()), completes: true });
    const server = await send('POST', '/v1/mcpservers', {
      name: 'M',
      relativeURI: '/m',
      permissionSets: [{ name: 'p' }],
    });
    const app = await send('POST', '/v1/integrations', {
      name: 'I',
      installSteps: [{ sourceConnection: { type: 'http' } }],
    });
    const guardrail = { type: 'pii', pii: { entities: ['url'] }, aiAgent: { provider: 'openai' } };
    const guard = await send('POST', '/v1/imports', { name: 'G', adaptorType: 'GuardrailImport', guardrail });

    expect(valuesAt(server.body as Json, 'permissionSets[]._id')).toEqual([expect.stringMatching(/^[0-9a-f]{24}$/)]);
    expect(server.body).toMatchObject({ resources: [] });
    const steps = emulator.state.get('integrations', String(valueAt(app.body as Json, '_id')));
    expect(valuesAt(steps, 'installSteps[].sourceConnection._id')).toHaveLength(1);
    expect(guard.body).not.toHaveProperty('guardrail.aiAgent');
  });

  it('never changes the version of a listener after its creation', async () => {
    const body = {
      ...ON,
      adaptorType: 'NetSuiteExport',
      type: 'distributed',
      netsuite: { distributed: { disabled: true } },
    };
    const { send } = await start({ seed: account(smallShop()), completes: true });
    const made = (await send('POST', '/v1/exports', body)).body as JsonObject;
    const path = `/v1/exports/${String(made._id)}`;
    const other = { ...body, netsuite: { distributed: { disabled: true, frameworkVersion: 'suitebundle' } } };

    expect((await send('PUT', path, body)).body).toMatchObject({ netsuite: made.netsuite ?? null });
    expect((await send('PUT', path, other)).status).toBe(422);
  });
});
