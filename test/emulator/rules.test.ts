import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import {
  account,
  codeOf,
  connection,
  doc,
  exportDoc,
  flow,
  id,
  integration,
  smallShop,
  start,
  verdicts,
} from './support.ts';

const ROUTER = {
  id: 'a',
  routeRecordsTo: 'first_matching_branch',
  routeRecordsUsing: 'input_filters',
  branches: [{ name: 'All' }],
};

describe('every type', () => {
  it('needs its required fields', async () => {
    expect(await verdicts({}, '/v1/flows', [{}, { name: '' }])).toEqual([
      '422 missing_required_field',
      '422 missing_required_field',
    ]);
    expect(await verdicts({}, '/v1/scripts', [{ name: 'n' }])).toEqual(['422 missing_required_field']);
    expect(await verdicts({}, '/v1/mcpservers', [{ name: 'n' }])).toEqual(['422 missing_required_field']);
  });

  it('refuses references to nothing', async () => {
    const bodies = [
      { name: 'E', adaptorType: 'HTTPExport', _connectionId: id('2', 9) },
      {
        name: 'E',
        adaptorType: 'HTTPExport',
        _connectionId: id('2', 1),
        hooks: { preSavePage: { _scriptId: id('6', 9) } },
      },
    ];
    expect(await verdicts(smallShop(), '/v1/exports', bodies)).toEqual(['422 invalid_ref', '422 invalid_ref']);
  });

  it('does not look for references inside settings and samples', async () => {
    const body = { ...exportDoc(1), settings: { _exportId: id('3', 9) }, sampleData: { _flowId: id('5', 9) } };
    expect(await verdicts(smallShop(), '/v1/exports', [body])).toEqual(['201']);
  });

  it('accepts the iClients of Celigo itself, which no list shows', async () => {
    const connections = [connection(1, { http: { _iClientId: id('8', 1) } })];
    const body = { name: 'C', type: 'http', http: { _iClientId: id('8', 1) } };
    expect(await verdicts({ connections }, '/v1/connections', [body])).toEqual(['201']);
  });

  it('checks enumerations and lengths', async () => {
    const bodies = [
      { name: 'C', type: 'fax', fax: {} },
      { name: 'n'.repeat(101), type: 'http', http: {} },
    ];
    expect(await verdicts({}, '/v1/connections', bodies)).toEqual(['422 enum', '422 size_limit_exceeded']);
  });

  it('has limits and enumerations of its own', async () => {
    const long = (most: number): string => 'n'.repeat(most + 1);
    const script = { content: 'x' };
    const file = { name: 'F', version: '1', format: 'delimited' };
    const cases: readonly (readonly [type: string, body: JsonObject, verdict: string])[] = [
      ['integrations', { name: long(100) }, '422 size_limit_exceeded'],
      ['integrations', { name: 'I', readme: long(51_200) }, '422 size_limit_exceeded'],
      ['flows', { name: long(150) }, '422 size_limit_exceeded'],
      ['flows', { name: 'n'.repeat(150), description: 'd'.repeat(5_120), disabled: true }, '201'],
      ['flows', { name: 'F', description: long(5_120) }, '422 size_limit_exceeded'],
      ['scripts', { ...script, name: long(100) }, '422 size_limit_exceeded'],
      ['agents', { name: long(100) }, '422 size_limit_exceeded'],
      ['stacks', { name: long(1_024), type: 'server' }, '422 size_limit_exceeded'],
      ['stacks', { name: 'S', type: 'cloud' }, '422 enum'],
      ['tools', { name: long(100), _integrationId: id('1', 1) }, '422 size_limit_exceeded'],
      ['mcpservers', { name: long(150), relativeURI: '/m' }, '422 size_limit_exceeded'],
      ['filedefinitions', { ...file, rules: [{ name: long(20_480) }] }, '422 size_limit_exceeded'],
      ['filedefinitions', { ...file, version: '3', rules: [{}] }, '422 enum'],
      ['iclients', { provider: 'google' }, '201'],
      ['iclients', { name: 'C' }, '422 missing_required_field'],
      ['asynchelpers', { name: 'A', http: { submit: { sameAsStatus: true } } }, '422 missing_required_field'],
      ['connections', { name: 'C', type: 'ftp', ftp: { port: 70_000 } }, '422 invalid_field_value'],
    ];
    const { send } = await start({ seed: account(smallShop()) });
    for (const [type, body, verdict] of cases) {
      const answer = await send('POST', `/v1/${type}`, body);
      const found = [answer.status, codeOf(answer)].filter((part) => part !== undefined).join(' ');
      expect(found, `${type} ${JSON.stringify(body).slice(0, 80)}`).toBe(verdict);
    }
  });

  it('refuses new REST steps and keeps old ones, unless configured otherwise', async () => {
    const seed = account({ ...smallShop(), exports: [exportDoc(1, { adaptorType: 'RESTExport' })] });
    const body = { name: 'R', adaptorType: 'RESTExport', _connectionId: id('2', 1) };
    const strict = await start({ seed });
    const kind = await start({ seed, legacyRest: 'accept' });

    expect((await strict.send('POST', '/v1/exports', body)).status).toBe(422);
    expect((await strict.send('PUT', `/v1/exports/${id('3', 1)}`, body)).status).toBe(200);
    expect((await kind.send('POST', '/v1/exports', body)).status).toBe(201);
  });
});

describe('flows', () => {
  const bodies = {
    both: { name: 'F', pageProcessors: [{ type: 'import', _importId: id('4', 1) }], routers: [ROUTER] },
    duplicates: { name: 'F', routers: [ROUTER, ROUTER] },
    nowhere: { name: 'F', routers: [{ ...ROUTER, branches: [{ nextRouterId: 'z' }] }] },
    alias: { name: 'F', aliases: [{ alias: 'x', _exportId: id('3', 1) }] },
    group: { name: 'F', _integrationId: id('1', 1), _flowGroupingId: id('e', 1) },
  };

  it('are refused when their steps make no sense', async () => {
    expect(await verdicts(smallShop(), '/v1/flows', Object.values(bodies))).toEqual([
      '422 invalid_field',
      '422 invalid_field',
      '422 invalid_field',
      '422 alias_not_supported',
      '201',
    ]);
  });

  it('have schedules that the server understands, even while they are disabled', async () => {
    const schedules: readonly (readonly [string, string])[] = [
      ['? 0,30 6-22 ? * 1-5', '201'],
      ['? 0/10 6-23 ? * *', '201'],
      ['0 15 10 ? * MON-FRI', '201'],
      ['*/30 * * * * *', '422 schedule_not_supported'],
      ['* * * * * *', '422 schedule_not_supported'],
      ['0,30 * * * * *', '422 schedule_not_supported'],
      ['every day', '422 invalid_value'],
      ['0 5 * * *', '422 invalid_value'],
    ];
    const flows = schedules.map(([schedule]) => ({ name: 'F', disabled: true, schedule }));
    expect(await verdicts({}, '/v1/flows', flows)).toEqual(schedules.map(([, verdict]) => verdict));
    const generators = schedules.map(([schedule]) => ({
      name: 'F',
      disabled: true,
      pageGenerators: [{ _exportId: id('3', 1), schedule }],
    }));
    expect(await verdicts(smallShop(), '/v1/flows', generators)).toEqual(schedules.map(([, verdict]) => verdict));
  });

  it('say that a step is being set up where it has no id', async () => {
    const branches = (step: JsonObject) => [{ id: 'a', branches: [{ pageProcessors: [step] }] }];
    const bodies = [
      { pageGenerators: [{}] },
      { pageGenerators: [{ setupInProgress: true }] },
      { pageProcessors: [{ type: 'import' }] },
      { pageProcessors: [{ type: 'import', setupInProgress: true }] },
      { routers: branches({ type: 'export' }) },
      { routers: branches({ type: 'export', setupInProgress: true }) },
    ].map((steps) => ({ name: 'F', disabled: true, ...steps }));
    const refused = '422 missing_required_field';
    expect(await verdicts({}, '/v1/flows', bodies)).toEqual([refused, '201', refused, '201', refused, '201']);
  });

  it('are in groups of their own integration', async () => {
    const integrations = [
      integration(1, { flowGroupings: [{ _id: id('e', 1), name: 'Own' }] }),
      integration(2, { flowGroupings: [{ _id: id('e', 2), name: 'Foreign' }] }),
    ];
    const { send } = await start({ seed: account({ integrations }) });
    const post = (group: string) =>
      send('POST', '/v1/flows', { name: 'F', disabled: true, _integrationId: id('1', 1), _flowGroupingId: group });

    expect((await post(id('e', 1))).body).toMatchObject({ _flowGroupingId: id('e', 1) });
    expect(codeOf(await post(id('e', 2)))).toBe('flowgrouping_not_belong');
    expect((await post(id('e', 9))).body).not.toHaveProperty('_flowGroupingId');
    const api = await send('POST', '/v1/apis', { name: 'A', disabled: true, _apiGroupingId: id('e', 1) });
    expect(codeOf(api)).toBe('missing_required_field');
  });

  it('without an integration are kept, moved or refused', async () => {
    const body = { name: 'F', disabled: true };
    const post = async (standaloneFlows: 'keep' | 'move' | 'refuse') => {
      const { send, get } = await start({ standaloneFlows });
      const [made, again] = [await send('POST', '/v1/flows', body), await send('POST', '/v1/flows', body)];
      return { made, again, integrations: (await get('/v1/integrations')).body };
    };

    expect((await post('keep')).made.body).not.toHaveProperty('_integrationId');
    expect(codeOf((await post('refuse')).made)).toBe('standalone_flows_not_supported');
    const { made, again, integrations } = await post('move');
    const [home, ...more] = integrations as readonly JsonObject[];
    expect([home?.name, more]).toEqual(['Standalone flows', []]);
    for (const { body: flowBody } of [made, again]) expect(flowBody).toMatchObject({ _integrationId: home?._id });
  });

  it('cannot live in an integration made for syncs', async () => {
    const integrations = [integration(1, { syncs: true })];
    expect(await verdicts({ integrations }, '/v1/flows', [{ name: 'F', _integrationId: id('1', 1) }])).toEqual([
      '422 invalid_field',
    ]);
  });

  it('lose overrides that come without their description', async () => {
    const overrides = { exports: [{ _abstractId: id('3', 1), pageSize: 5 }] };
    const flows = [
      flow(1, { isAbstract: true }),
      flow(2, { _abstractFlowId: id('5', 1), pageProcessors: [], pageGenerators: [] }),
    ];
    const { send } = await start({ seed: account({ ...smallShop(), flows }) });
    const path = `/v1/flows/${id('5', 2)}`;

    const without = await send('PUT', path, { name: 'I', disabled: true, overrides });
    const together = await send('PUT', path, {
      name: 'I',
      disabled: true,
      overrides,
      overridesHelper: { exports: [] },
    });

    expect(without.body).not.toHaveProperty('overrides');
    expect(together.body).toMatchObject({ overrides, _abstractFlowId: id('5', 1) });
  });

  it('count the instances of an abstract flow, and cannot become one later', async () => {
    const { send, emulator } = await start({
      seed: account({ ...smallShop(), flows: [flow(1, { isAbstract: true }), flow(2)] }),
    });

    await send('POST', '/v1/flows', { name: 'I', disabled: true, _abstractFlowId: id('5', 1) });
    const late = await send('PUT', `/v1/flows/${id('5', 2)}`, { name: 'L', _abstractFlowId: id('5', 1) });

    expect(emulator.state.get('flows', id('5', 1))).toMatchObject({ numInstances: 1 });
    expect(late.status).toBe(422);
  });
});

const STATIONS = { partnerStationInfo: {}, userStationInfo: {} };

describe('connections', () => {
  it('of some kinds need an agent or credentials at once', async () => {
    const bodies = [
      { name: 'F', type: 'filesystem', filesystem: {} },
      { name: 'O', type: 'rdbms', rdbms: { type: 'oracle', password: 'p' } },
      { name: 'S', type: 's3', s3: { accessKeyId: 'k' } },
      { name: 'N', type: 'netsuite', netsuite: { authType: 'basic' } },
      { name: 'T', type: 'ftp', ftp: { _tpConnectorId: id('c', 9) } },
    ];
    expect(await verdicts({}, '/v1/connections', bodies)).toEqual([
      '422 missing_required_field',
      '422 missing_required_field',
      '422 missing_required_field',
      '422 netsuite_wsdl_tba_mandatory',
      '422 tpconnector_not_found',
    ]);
  });

  it('need what their kind needs', async () => {
    const client = (provider: string, n: number, more: JsonObject = {}) =>
      doc(id('8', n), provider, { provider, ...more });
    const iclients = [
      client('google', 1),
      client('awsIam', 2, { awsIam: { roleArn: 'arn:aws:iam::1:role/celigo-http-adaptor-x' } }),
      client('azureserviceprincipal', 3),
      client('awsIam', 4, { awsIam: { roleArn: 'arn:aws:iam::1:role/other' } }),
      client('custom_oauth2', 5),
    ];
    const rdbms = (type: string, more: JsonObject): JsonObject => ({ type: 'rdbms', rdbms: { type, ...more } });
    const iam = { authType: 'awsIam' };
    const aws = (n: number) => ({ type: 'http', http: { auth: { type: 'awsiam' }, _iClientId: id('8', n) } });
    const adls = (n: number) => ({
      type: 'http',
      http: { baseURI: 'https://a.dfs.core.windows.net', _iClientId: id('8', n) },
    });
    const gcs = { baseURI: 'https://storage.googleapis.com', _iClientId: id('8', 5) };
    const cases: readonly (readonly [JsonObject, string])[] = [
      [{ type: 'http' }, '422 missing_required_field'],
      [{ type: 'jdbc', jdbc: { type: 'activedirectory' } }, '422 missing_required_field'],
      [rdbms('snowflake', { snowflake: { authType: 'keyPair' } }), '422 missing_required_field'],
      [rdbms('snowflake', { snowflake: { authType: 'basic' } }), '201'],
      [rdbms('redshift', {}), '422 missing_required_field'],
      [rdbms('redshift', { redshift: { ...iam, workgroupName: 'w' } }), '422 missing_required_field'],
      [rdbms('redshift', { redshift: iam, _iClientId: id('8', 2) }), '422 invalid_field'],
      [rdbms('redshift', { redshift: { ...iam, workgroupName: 'w' }, _iClientId: id('8', 2) }), '201'],
      [rdbms('mssql', { mssql: { authType: 'azure-service-principal' } }), '422 missing_required_field'],
      [rdbms('mssql', { mssql: { authType: 'azure-service-principal' }, _iClientId: id('8', 1) }), '422 invalid_field'],
      [{ type: 's3', s3: { authType: 'awsIam' } }, '422 missing_required_field'],
      [{ type: 's3', s3: { authType: 'awsIam', _iClientId: id('8', 1) } }, '422 invalid_field'],
      [{ type: 's3', s3: { authType: 'awsIam', _iClientId: id('8', 2) } }, '201'],
      [{ type: 'http', http: { auth: { type: 'awsiam' } } }, '422 missing_required_field'],
      [aws(1), '422 invalid_field'],
      [aws(4), '422 invalid_field_value'],
      [aws(2), '201'],
      [adls(1), '422 invalid_field'],
      [adls(3), '201'],
      [{ type: 'http', http: gcs }, '422 GCS_PROJECT_ID_MISSING'],
      [{ type: 'http', http: { ...gcs, unencrypted: { googleProjectId: 'p' } } }, '201'],
      [{ type: 'mcp', mcp: { http: { auth: { type: 'token' } } } }, '422 missing_required_field'],
      [
        { type: 'mcp', mcp: { serverURL: 'https://m', http: { auth: { type: 'oauth' } } } },
        '422 missing_required_field',
      ],
      [{ type: 'mcp', mcp: { serverURL: 'https://m', http: { auth: { type: 'token' } } } }, '201'],
      [{ type: 'as2', as2: { as2Id: 'ME', partnerStationInfo: {} } }, '422 missing_required_field'],
      [{ type: 'http', http: {}, connectionRole: 'mcpChild' }, '422 mcp_child_generic_route_not_allowed'],
      [{ type: 'http', http: { concurrencyLevel: 2.5 } }, '422 invalid_field_value'],
    ];
    const bodies = cases.map(([body]) => ({ name: 'C', ...body }));
    expect(await verdicts({ iclients }, '/v1/connections', bodies)).toEqual(cases.map(([, verdict]) => verdict));
  });

  it('need a value in every header', async () => {
    const lists = ['http.headers', 'rest.headers', 'rdbms.options'];
    const bodies = lists.map((list) => {
      const [type = '', member = ''] = list.split('.');
      return { name: 'C', type, [type]: { [member]: [{ name: 'X-Api-Key' }] } };
    });
    const refused = lists.map(() => '422 missing_required_field');
    expect(await verdicts({}, '/v1/connections', bodies, { legacyRest: 'accept' })).toEqual(refused);
    const exports = [{ ...exportDoc(2), cdc: { properties: [{ name: 'database.password' }] } }];
    expect(await verdicts(smallShop(), '/v1/exports', exports)).toEqual(['422 missing_required_field']);
  });

  it('have AS2 ids of their own, also against the recycle bin', async () => {
    const as2 = { as2Id: 'ME', partnerId: 'YOU' };
    const { send } = await start({ seed: account({ connections: [connection(1, { type: 'as2', as2 })] }) });

    await send('DELETE', `/v1/connections/${id('2', 1)}`);

    const twin = { name: 'B', type: 'as2', as2: { ...as2, ...STATIONS } };
    expect(codeOf(await send('POST', '/v1/connections', twin))).toBe('invalid_field');
  });

  it('get a key pair when an AS2 one comes without', async () => {
    const { send, emulator } = await start();

    const made = await send('POST', '/v1/connections', { name: 'A', type: 'as2', as2: { as2Id: 'X', ...STATIONS } });

    const stored = emulator.state.get('connections', String((made.body as JsonObject)._id));
    expect(stored).toMatchObject({ as2: { encrypted: { userPrivateKey: expect.any(String) } } });
  });
});

const MAPPED = { generate: 'a', dataType: 'object', status: 'Active' };

describe('imports', () => {
  it('need active mappings, and what their kind needs', async () => {
    const base = { name: 'I', _connectionId: id('2', 1) };
    const bodies = [
      {
        ...base,
        adaptorType: 'HTTPImport',
        mappings: [{ ...MAPPED, mappings: [{ generate: 'b', dataType: 'string' }] }],
      },
      { ...base, adaptorType: 'ToolImport' },
      { ...base, adaptorType: 'GuardrailImport', guardrail: { type: 'pii', pii: { entities: [] } } },
      { adaptorType: 'HTTPImport', name: 'I' },
      { name: 'I', adaptorType: 'GuardrailImport', guardrail: { type: 'ai_agent' } },
    ];
    expect(await verdicts(smallShop(), '/v1/imports', bodies)).toEqual([
      '422 status_field_absent',
      '422 missing_required_field',
      '422 missing_required_field',
      '422 missing_required_field',
      '201',
    ]);
  });
});

describe('tools, APIs and MCP servers', () => {
  it('have branches that lead somewhere, and tools a name of their own', async () => {
    const base = { name: 'T', _integrationId: id('1', 1) };
    const bodies = [
      { ...base, routers: [ROUTER] },
      { ...base, routers: [{ ...ROUTER, branches: [{ nextRouterId: 'outputRouter' }] }] },
      base,
    ];
    expect(await verdicts(smallShop(), '/v1/tools', bodies)).toEqual(['422 invalid_field', '201', '422 invalid_field']);
  });

  it('have routers and trace keys that make sense', async () => {
    const tool = (n: number, more: JsonObject) => ({ name: `T${n}`, _integrationId: id('1', 1), ...more });
    const branches = [{ nextRouterId: 'outputRouter' }];
    const bodies = [
      tool(1, { routers: [{ id: 'a', routeRecordsTo: 'first_matching_branch', branches }] }),
      tool(2, { routers: [{ id: 'a', routeRecordsUsing: 'input_filters', branches }] }),
      tool(3, { routers: [{ id: 'a', branches }] }),
      tool(4, { input: { traceKeyTemplate: 'no expression' } }),
      tool(5, { input: { traceKeyTemplate: '{{record.id' } }),
      tool(6, { input: { traceKeyTemplate: 'order-{{record.id}}' } }),
      tool(7, { input: { traceKeyTemplate: `{{a}}${'n'.repeat(1_024)}` } }),
    ];
    expect(await verdicts(smallShop(), '/v1/tools', bodies)).toEqual([
      '422 invalid_flow_router_config',
      '422 invalid_flow_router_config',
      '201',
      '422 invalid_field',
      '422 invalid_field',
      '201',
      '422 size_limit_exceeded',
    ]);
  });

  it('have routes of their own, and answer as soon as they are made', async () => {
    const { send, emulator } = await start();
    const request = { relativeURI: '/orders', method: 'GET' };
    const body = { name: 'A', type: 'builder', version: 'v1', builder: { request } };

    const first = await send('POST', '/v1/apis', body);
    const second = await send('POST', '/v1/apis', body);
    const other = await send('POST', '/v1/apis', { ...body, version: 'v2', disabled: true });

    expect([first.status, second.status, other.status]).toEqual([201, 422, 201]);
    expect(first.body).toMatchObject({ disabled: false, builder: { responseRouter: { id: 'apiRouter' } } });
    expect(emulator.state.starts()).toHaveLength(1);
  });

  it('show the script of a typed API twice, and keep that of an old one', async () => {
    const { send } = await start({ seed: account(smallShop()) });
    const script = { _scriptId: id('6', 1), function: 'f1' };

    const typed = await send('POST', '/v1/apis', { name: 'A', type: 'script', script, disabled: true });
    const old = await send('POST', '/v1/apis', { name: 'B', ...script, disabled: true });

    expect(typed.body).toMatchObject({ script, ...script });
    expect(old.body).toMatchObject(script);
    expect(old.body).not.toHaveProperty('type');
  });

  it('are off by default as MCP servers, with a path of their own, and lose entries that a PUT omits', async () => {
    const tools = [doc(id('7', 1), 'T', { _integrationId: id('1', 1) })];
    const { send } = await start({ seed: account({ ...smallShop(), tools }) });
    const body = { name: 'M', relativeURI: '/support', tools: [{ _toolId: id('7', 1), name: 't' }] };

    const made = await send('POST', '/v1/mcpservers', body);
    const path = `/v1/mcpservers/${String((made.body as JsonObject)._id)}`;

    expect(made.body).toMatchObject({ disabled: true, tools: [{ disabled: true }], apis: [] });
    expect((await send('POST', '/v1/mcpservers', body)).status).toBe(422);
    expect((await send('POST', '/v1/mcpservers', { ...body, relativeURI: 'support' })).status).toBe(422);
    expect((await send('PUT', path, { name: 'M', relativeURI: '/support' })).body).toMatchObject({ tools: [] });
  });
});

describe('lookup caches', () => {
  it('reserve their name, also from the recycle bin', async () => {
    const { send } = await start({ seed: account({ lookupcaches: [doc(id('c', 1), 'Regions')] }) });

    expect((await send('POST', '/v1/lookupcaches', { name: 'Regions' })).status).toBe(422);
    await send('DELETE', `/v1/lookupcaches/${id('c', 1)}`);
    expect((await send('POST', '/v1/lookupcaches', { name: 'Regions' })).status).toBe(422);
    await send('DELETE', `/v1/recycleBinTTL/lookupcaches/${id('c', 1)}`);
    expect((await send('POST', '/v1/lookupcaches', { name: 'Regions' })).status).toBe(201);
  });
});

describe('the other types', () => {
  it('refuse to change records that Celigo publishes', async () => {
    const httpconnectors = [doc(id('b', 1), 'Shopify', { published: true })];
    const { send } = await start({ seed: account({ httpconnectors }) });

    expect((await send('PUT', `/v1/httpconnectors/${id('b', 1)}`, { name: 'Mine' })).status).toBe(403);
    expect((await send('DELETE', `/v1/httpconnectors/${id('b', 1)}`)).status).toBe(403);
  });

  it('mint new ids for the parts of a new connector', async () => {
    const { send } = await start();

    const made = await send('POST', '/v1/httpconnectors', {
      name: 'Own',
      published: true,
      versions: [{ _id: id('b', 5), name: 'v1' }],
    });

    expect(made.body).toMatchObject({ published: false, versions: [{ name: 'v1' }] });
    expect(JSON.stringify(made.body)).not.toContain(id('b', 5));
  });

  it('want syncs in their integration, and their read-only fields left out of a PUT', async () => {
    const integrations = [integration(1), integration(2, { syncs: true })];
    const { send } = await start({ seed: account({ integrations, connections: [connection(1)] }) });

    expect((await send('POST', '/v1/syncs', { name: 'S', _integrationId: id('1', 1) })).status).toBe(422);
    const made = await send('POST', '/v1/syncs', { name: 'S', disabled: true, _integrationId: id('1', 2) });
    const path = `/v1/syncs/${String((made.body as JsonObject)._id)}`;
    expect((await send('PUT', path, { name: 'S', _integrationId: id('1', 2) })).status).toBe(422);
    const changed = await send('PUT', path, { name: 'Renamed', disabled: true });
    expect(changed.body).toMatchObject({ name: 'Renamed', _integrationId: id('1', 2) });
  });

  it('switch environments back and forth', async () => {
    const { send } = await start({ seed: account({ environments: [doc(id('e', 1), 'Test', { enabled: true })] }) });
    const path = `/v1/environments/${id('e', 1)}/enable`;

    expect((await send('PUT', path)).body).toMatchObject({ enabled: false });
    expect((await send('PUT', path)).body).toMatchObject({ enabled: true });
  });

  it('write notifications in bulk, by e-mail address', async () => {
    const { send, get } = await start({ seed: account(smallShop()) });
    const wish = { _flowId: id('5', 1), subscribed: true, subscribedByUserEmail: 'ada@example.test' };

    expect((await send('PUT', '/v1/notifications', [wish, wish])).status).toBe(200);
    expect((await get('/v1/notifications?users=all')).body).toMatchObject([
      { type: 'flow', _flowId: id('5', 1), subscribedByUser: { name: 'Ada Admin' } },
    ]);
    const stranger = await send('PUT', '/v1/notifications', [{ ...wish, subscribedByUserEmail: 'x@example.test' }]);
    expect(codeOf(stranger)).toBe('invalid_user');
    expect((await send('PUT', '/v1/notifications', [{ ...wish, _connectionId: id('2', 1) }])).status).toBe(422);
    await send('PUT', '/v1/notifications', [{ ...wish, subscribed: false }]);
    expect((await get('/v1/notifications?users=all')).status).toBe(204);
  });
});
