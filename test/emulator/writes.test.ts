import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { setPlace, valueAt } from '../../src/core/paths.ts';
import {
  account,
  codeOf,
  connection,
  doc,
  exportDoc,
  flow,
  id,
  importDoc,
  integration,
  script,
  smallShop,
  start,
} from './support.ts';

const FLOW = `/v1/flows/${id('5', 1)}`;
const EXPORT = `/v1/exports/${id('3', 1)}`;
const SCRIPT = `/v1/scripts/${id('6', 1)}`;

describe('creating', () => {
  it('answers 201 with an id minted by the server, whatever id was sent', async () => {
    const { send, get } = await start();

    const made = await send('POST', '/v1/scripts', { _id: id('6', 9), name: 'Hooks', content: 'x' });
    const { _id, createdAt, lastModified } = made.body as Record<string, string>;

    expect(made.status).toBe(201);
    expect(_id).toMatch(/^[0-9a-f]{24}$/);
    expect(_id).not.toBe(id('6', 9));
    // The first eight digits are the time in seconds.
    expect(new Date(Number.parseInt(String(_id).slice(0, 8), 16) * 1000).toISOString()).toBe(
      '2026-03-01T12:00:00.000Z',
    );
    expect([createdAt, lastModified]).toEqual(['2026-03-01T12:00:00.000Z', '2026-03-01T12:00:00.000Z']);
    expect((await get(`/v1/scripts/${_id}`)).status).toBe(200);
  });

  it('mints what a client cannot choose', async () => {
    const { send } = await start({ seed: account(smallShop()) });

    const made = await send('POST', '/v1/exports', { ...exportDoc(1), name: 'Copy', asynchronous: false });

    expect((made.body as JsonObject).apiIdentifier).not.toBe('e1');
    expect(made.body).toMatchObject({ asynchronous: true, sandbox: false });
  });

  it('gives iClients and async helpers no creation date', async () => {
    const { send } = await start();

    expect((await send('POST', '/v1/iclients', { name: 'C', provider: 'google' })).body).not.toHaveProperty(
      'createdAt',
    );
  });

  it('registers a new connection with the integrations that are named', async () => {
    const { send, emulator } = await start({ seed: account({ integrations: [integration(1)] }) });
    const post = (ids: readonly string[]) =>
      send('POST', '/v1/connections', { name: 'C', type: 'http', http: {}, __integrationIds: ids });

    const made = await post([id('1', 1)]);
    const { _id, ...stored } = made.body as JsonObject;
    expect(stored).not.toHaveProperty('__integrationIds');
    expect(emulator.state.get('integrations', id('1', 1))).toMatchObject({ _registeredConnectionIds: [_id] });
    expect((await post([id('1', 9)])).status).toBe(404);
    expect(codeOf(await post(Array.from({ length: 101 }, () => id('1', 1))))).toBe('batch_size_exceeded');
  });

  it('marks a connection as of a trading partner by a call of its own only', async () => {
    const body = { name: 'F', type: 'ftp', ftp: { type: 'sftp', tradingPartner: true } };
    const { send, get } = await start();
    const made = (await send('POST', '/v1/connections', body)).body as JsonObject;
    const path = `/v1/connections/${String(made._id)}`;

    expect(made).not.toHaveProperty('ftp.tradingPartner');
    await send('PUT', `${path}/tradingPartner`);
    expect((await get(path)).body).toMatchObject({ ftp: { tradingPartner: true } });
    await send('PUT', path, { ...body, ftp: { type: 'sftp' } });
    expect((await get(path)).body).toMatchObject({ ftp: { tradingPartner: true } });
  });

  it('starts a flow that was not sent disabled', async () => {
    const { send, emulator } = await start({ seed: account(smallShop()) });

    const running = await send('POST', '/v1/flows', { name: 'Runs', pageGenerators: [{ _exportId: id('3', 1) }] });
    await send('POST', '/v1/flows', { name: 'Waits', disabled: true });

    expect(running.body).toMatchObject({ disabled: false });
    expect(emulator.state.starts()).toMatchObject([{ type: 'flows', id: (running.body as JsonObject)._id }]);
  });
});

describe('replacing', () => {
  it('erases what the body leaves out', async () => {
    const { send } = await start({ seed: account(smallShop()) });

    const answer = await send('PUT', EXPORT, { name: 'Bare', adaptorType: 'HTTPExport', _connectionId: id('2', 1) });

    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty('http');
    expect(answer.body).toMatchObject({ apiIdentifier: 'e1', pageSize: 20 });
  });

  it('ignores read-only fields that come back', async () => {
    const { send, get } = await start({ seed: account(smallShop()) });
    const live = (await get(FLOW)).body as JsonObject;

    const answer = await send('PUT', FLOW, {
      ...live,
      _id: id('5', 8),
      createdAt: 'x',
      lastExecutedAt: 'x',
      sandbox: true,
    });

    expect(answer.body).toMatchObject({ _id: id('5', 1), createdAt: live.createdAt ?? '' });
    expect(answer.body).not.toHaveProperty('lastExecutedAt');
    expect(answer.body).not.toHaveProperty('sandbox');
  });

  it('bumps lastModified even when nothing changes', async () => {
    const { send, get, time } = await start({ seed: account(smallShop()) });
    const live = (await get(FLOW)).body as JsonObject;
    time.advance(60);

    const answer = await send('PUT', FLOW, live);

    expect((answer.body as JsonObject).lastModified).toBe('2026-03-01T12:01:00.000Z');
  });

  it('keeps the code of a script without content', async () => {
    const { send, emulator } = await start({ seed: account({ scripts: [script(1)] }) });

    expect((await send('PUT', SCRIPT, { name: 'Hooks' })).status).toBe(200);
    expect(emulator.state.get('scripts', id('6', 1))).toMatchObject({ name: 'Hooks', content: script(1).content });
  });

  it('keeps what a PUT may leave out, and clears it with null', async () => {
    const cases: readonly (readonly [type: string, stored: JsonObject, path: string, block?: JsonObject])[] = [
      ['connections', connection(1, { endUserProvidedFields: ['a'] }), 'endUserProvidedFields'],
      ['connections', connection(1, { ftp: { concurrencyLevel: 3 } }), 'ftp.concurrencyLevel', { ftp: {} }],
      ['connections', connection(1, { ftp: { targetConcurrencyLevel: 3 } }), 'ftp.targetConcurrencyLevel', { ftp: {} }],
      ['mcpservers', doc(id('8', 1), 'M', { relativeURI: '/m', _networkPolicyId: id('9', 1) }), '_networkPolicyId'],
    ];
    for (const [type, stored, path, block = {}] of cases) {
      const { send, emulator } = await start({ seed: account({ [type]: [stored] }) });
      const address = `/v1/${type}/${String(stored._id)}`;
      const bare = { ...stored, [path.split('.')[0] ?? '']: undefined, ...block } as JsonObject;
      const held = () => valueAt(emulator.state.get(type, String(stored._id)), path);

      await send('PUT', address, bare);
      expect(held(), path).toEqual(valueAt(stored, path));
      await send('PUT', address, setPlace(bare, path, null));
      expect(held(), path).toBeUndefined();
    }
  });

  it('ignores a position in a topic that stays the same, and how an API logs', async () => {
    const topics = [1, 2].map((n) => doc(id('d', n), `Topic ${n}`));
    const read = (n: number, startPosition: string): JsonObject => ({ topic: { _topicId: id('d', n), startPosition } });
    const step = (n: number, position: string) => exportDoc(1, { adaptorType: 'TopicExport', ...read(n, position) });
    const { _connectionId, ...stored } = step(1, 'earliest');
    const apis = [doc(id('6', 1), 'A', { type: 'builder', logging: { mode: 'errors' } })];
    const { send } = await start({ seed: account({ topics, exports: [stored], apis }) });
    const put = async (type: string, body: JsonObject) => (await send('PUT', `/v1/${type}/${body._id}`, body)).body;

    expect(await put('exports', { ...stored, ...read(1, 'latest') })).toMatchObject(read(1, 'earliest'));
    expect(await put('exports', { ...stored, ...read(2, 'latest') })).toMatchObject(read(2, 'latest'));
    expect(await put('apis', { ...apis[0], logging: { mode: 'all' } })).toMatchObject({ logging: { mode: 'errors' } });
    const made = await send('POST', '/v1/apis', { name: 'B', type: 'builder', logging: { mode: 'all' } });
    expect(made.body).not.toHaveProperty('logging');
  });

  it('resets the mapping of a response that is left out, or comes in the form of its schema', async () => {
    const step = (responseMapping?: JsonObject) => ({
      pageProcessors: [{ type: 'import', _importId: id('4', 1), ...(responseMapping ? { responseMapping } : {}) }],
    });
    const mapping = { fields: [{ extract: 'id', generate: 'id' }], lists: [] };
    const { send } = await start({ seed: account({ ...smallShop(), flows: [flow(1, step(mapping))] }) });

    expect((await send('PUT', FLOW, flow(1, step()))).body).not.toHaveProperty('pageProcessors.0.responseMapping');
    const odd = await send('PUT', FLOW, flow(1, step({ fields: { type: [{ extract: 'id', generate: 'id' }] } })));
    expect(odd.body).toMatchObject(step({ fields: [] }));
  });

  it('moves a tool to another integration, with its connections', async () => {
    const tools = [
      doc(id('7', 1), 'T', {
        _integrationId: id('1', 1),
        routers: [
          { id: 'a', branches: [{ nextRouterId: 'outputRouter', pageProcessors: [{ _importId: id('4', 1) }] }] },
        ],
      }),
    ];
    const { integrations = [], ...shop } = smallShop();
    const seed = account({ ...shop, integrations: [...integrations, integration(2)], tools });
    const { send, emulator } = await start({ seed });

    await send('PUT', `/v1/tools/${id('7', 1)}`, { ...tools[0], _integrationId: id('1', 2) });

    expect(emulator.state.get('integrations', id('1', 2))).toMatchObject({ _registeredConnectionIds: [id('2', 1)] });
  });

  it('refuses a change of what is fixed', async () => {
    const { send } = await start({ seed: account(smallShop()) });

    const answer = await send('PUT', EXPORT, { ...exportDoc(1), adaptorType: 'FTPExport' });

    expect([answer.status, codeOf(answer)]).toEqual([422, 'invalid_field']);
  });

  it('ignores a change of an AS2 id silently', async () => {
    const as2 = { as2Id: 'ME', partnerId: 'YOU' };
    const { send } = await start({ seed: account({ connections: [connection(1, { type: 'as2', as2 })] }) });

    const answer = await send('PUT', `/v1/connections/${id('2', 1)}`, {
      name: 'C',
      type: 'as2',
      as2: { ...as2, as2Id: 'OTHER' },
    });

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ as2: { as2Id: 'ME' } });
  });

  it('answers 404 for an unknown id, and 405 where a type cannot be written', async () => {
    const { send, get } = await start();

    const missing = await get(`/v1/flows/${id('5', 7)}`);
    expect([missing.status, codeOf(missing)]).toEqual([404, 'invalid_ref']);
    expect((await get('/v1/flows/not-an-id')).status).toBe(404);
    expect((await get('/v1/nothing')).status).toBe(404);
    expect((await send('POST', '/v1/ssoclients', {})).status).toBe(405);
  });

  it('shows who changed a record last, when asked to', async () => {
    const byId = await start({ seed: account(smallShop()), lastModifiedBy: 'id' });
    const byObject = await start({ seed: account(smallShop()), lastModifiedBy: 'object' });

    byId.emulator.act('max').set('flows', id('5', 1), { name: 'n' });
    byObject.emulator.act('max').set('flows', id('5', 1), { name: 'n' });

    expect((await byId.get(FLOW)).body).toMatchObject({ lastModifiedBy: id('f', 2) });
    expect((await byObject.get(FLOW)).body).toMatchObject({ lastModifiedBy: { name: 'Max Manager' } });
  });
});

describe('patching', () => {
  it('answers 204 and changes listed fields, elements of arrays among them', async () => {
    const { send, get } = await start({ seed: account(smallShop()) });

    const answer = await send('PATCH', FLOW, [
      { op: 'replace', path: '/disabled', value: false },
      { op: 'replace', path: '/pageGenerators/0/schedule', value: '? 0 6 ? * *' },
    ]);

    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await get(FLOW)).body).toMatchObject({
      disabled: false,
      pageGenerators: [{ _exportId: id('3', 1), schedule: '? 0 6 ? * *' }],
    });
  });

  it('refuses other fields, bodies that are no patch, and types without a list', async () => {
    const { send } = await start({
      seed: account({ ...smallShop(), stacks: [doc(id('b', 1), 'S', { type: 'server' })] }),
    });

    expect((await send('PATCH', EXPORT, [{ op: 'replace', path: '/name', value: 'n' }])).status).toBe(422);
    expect((await send('PATCH', FLOW, { name: 'n' })).status).toBe(400);
    expect((await send('PATCH', `/v1/stacks/${id('b', 1)}`, [])).status).toBe(405);
  });
});

describe('bodies', () => {
  it('need a content type, the right one, and JSON inside', async () => {
    const { emulator, send } = await start();
    const bare = await fetch(`${emulator.url}/v1/scripts`, {
      method: 'POST',
      headers: { authorization: 'Bearer owner-token' },
      body: Buffer.from('{}'),
    });

    expect(bare.status).toBe(400);
    expect((await send('POST', '/v1/scripts', '{}', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await send('POST', '/v1/scripts', '{"name":', {})).status).toBe(400);
    expect((await send('POST', '/v1/scripts', [], {})).status).toBe(400);
  });
});

describe('normalisation', () => {
  it('stores enumerations in their own case', async () => {
    const { send } = await start();

    const answer = await send('POST', '/v1/connections', {
      name: 'C',
      type: 'http',
      http: {
        mediaType: 'JSON',
        formType: 'HTTP',
        ping: { method: 'get' },
        auth: { type: 'Token', token: { token: 't' } },
        concurrencyLevel: 99,
      },
    });

    expect(answer.body).toMatchObject({
      http: {
        mediaType: 'json',
        formType: 'http',
        ping: { method: 'GET' },
        auth: { type: 'token' },
        concurrencyLevel: 25,
      },
    });
  });

  it('mirrors filters, drops empty hooks and adds defaults', async () => {
    const { send } = await start({ seed: account(smallShop()) });

    const answer = await send('POST', '/v1/exports', {
      name: 'E',
      adaptorType: 'HTTPExport',
      _connectionId: id('2', 1),
      filter: { type: 'expression', expression: { rules: ['notempty', 'id'], version: '1' } },
      hooks: { preSavePage: { function: null, _scriptId: null } },
    });

    expect(answer.body).toMatchObject({
      filter: { rules: ['notempty', 'id'], version: '1' },
      hooks: {},
      pageSize: 20,
      skipRetries: false,
    });
    expect((answer.body as { hooks: JsonObject }).hooks).not.toHaveProperty('preSavePage');
  });

  it('makes of a connection what the platform manages and knows', async () => {
    const cases: readonly (readonly [sent: JsonObject, stored: JsonObject])[] = [
      [{ type: 'ftp', ftp: { type: 'ftp' } }, { ftp: { port: 21 } }],
      [{ type: 'ftp', ftp: { type: 'ftps' } }, { ftp: { port: 21 } }],
      [{ type: 'ftp', ftp: { type: 'ftps', useImplicitFtps: true } }, { ftp: { port: 990 } }],
      [{ type: 'netsuite', netsuite: { wsdlVersion: '2023.1' } }, { netsuite: { wsdlVersion: 'next' } }],
      [{ type: 'netsuite', netsuite: { wsdlVersion: '2025.1' } }, { netsuite: { wsdlVersion: 'latest' } }],
      [{ type: 'netsuite', netsuite: { wsdlVersion: '2018.1' } }, { netsuite: { wsdlVersion: 'latest' } }],
      [{ type: 'http', http: { concurrencyLevel: 0 } }, { http: { concurrencyLevel: 1 } }],
      [
        { type: 'http', autoRecoverRateLimitErrors: true, http: { targetConcurrencyLevel: 8, concurrencyLevel: 2 } },
        { http: { targetConcurrencyLevel: 8, concurrencyLevel: 8 } },
      ],
      [
        { type: 'http', autoRecoverRateLimitErrors: true, http: { concurrencyLevel: 6 } },
        { http: { targetConcurrencyLevel: 6, concurrencyLevel: 6 } },
      ],
      [
        { type: 'http', autoRecoverRateLimitErrors: false, http: { targetConcurrencyLevel: 8, concurrencyLevel: 2 } },
        { http: { concurrencyLevel: 2 } },
      ],
    ];
    const { send } = await start();
    for (const [sent, stored] of cases) {
      const made = await send('POST', '/v1/connections', { name: 'C', ...sent });
      expect(made.body, JSON.stringify(sent)).toMatchObject(stored);
    }
    const off = { autoRecoverRateLimitErrors: false, http: { targetConcurrencyLevel: 8 } };
    const made = await send('POST', '/v1/connections', { name: 'C', type: 'http', ...off });
    expect(made.body).not.toHaveProperty('http.targetConcurrencyLevel');
  });

  it('leaves the level of a connection to the platform while it recovers from rate limits', async () => {
    const [recovering, http] = [
      { autoRecoverRateLimitErrors: true },
      { targetConcurrencyLevel: 8, concurrencyLevel: 8 },
    ];
    const { send, emulator } = await start({
      seed: account({ connections: [connection(1, { ...recovering, http })] }),
    });
    const put = async (level: JsonObject, more: JsonObject = recovering) => {
      const sent = connection(1, { ...more, http: { ...http, ...level } });
      return (await send('PUT', `/v1/connections/${id('2', 1)}`, sent)).body;
    };
    emulator.state.touch('connections', id('2', 1), { 'http.concurrencyLevel': 2 });

    expect(await put({ concurrencyLevel: 5 })).toMatchObject({ http: { concurrencyLevel: 2 } });
    expect(await put({ targetConcurrencyLevel: 12 })).toMatchObject({ http: { concurrencyLevel: 12 } });
    expect(await put({ concurrencyLevel: 5 }, { autoRecoverRateLimitErrors: false })).toMatchObject({
      http: { concurrencyLevel: 5 },
    });
  });

  it('turns a scope into an array, pads EDI ids and fills ports in', async () => {
    const { send } = await start();

    const iclient = await send('POST', '/v1/iclients', { name: 'C', provider: 'x', oauth2: { scope: 'read write' } });
    const profile = await send('POST', '/v1/ediprofiles', { name: 'P', fileType: 'edix12', tpInterchangeId: 'ACORN' });
    const ftp = await send('POST', '/v1/connections', { name: 'F', type: 'ftp', ftp: { type: 'sftp', password: 'p' } });

    expect(iclient.body).toMatchObject({ oauth2: { scope: ['read', 'write'], useNewAuthFailSchema: true } });
    expect(profile.body).toMatchObject({ tpInterchangeId: 'ACORN          ', controlNumber: 1 });
    expect(ftp.body).toMatchObject({ ftp: { port: 22 }, offline: false });
  });

  it('takes only name and description of an agent', async () => {
    const { send } = await start();

    const answer = await send('POST', '/v1/agents', { name: 'A', description: 'd', version: '9', accessToken: 'mine' });

    expect(answer.body).toMatchObject({ name: 'A', description: 'd' });
    expect(answer.body).not.toHaveProperty('version');
    expect((answer.body as JsonObject).accessToken).not.toBe('mine');
  });
});

describe('deleting', () => {
  it('answers 204, or 200 for lookup caches', async () => {
    const { send } = await start({ seed: account({ scripts: [script(1)], lookupcaches: [doc(id('c', 1), 'Cache')] }) });

    expect((await send('DELETE', SCRIPT)).status).toBe(204);
    expect((await send('DELETE', SCRIPT)).status).toBe(404);
    expect((await send('DELETE', `/v1/lookupcaches/${id('c', 1)}`)).status).toBe(200);
  });

  it('is refused while something refers to the document', async () => {
    const tools = [doc(id('7', 1), 'Tool', { _integrationId: id('1', 1) })];
    const mcpservers = [doc(id('8', 1), 'Server', { relativeURI: '/s', tools: [{ _toolId: id('7', 1), name: 't' }] })];
    const { send } = await start({ seed: account({ ...smallShop(), tools, mcpservers }) });

    expect((await send('DELETE', EXPORT)).status).toBe(422);
    expect((await send('DELETE', `/v1/connections/${id('2', 1)}`)).status).toBe(422);
    expect((await send('DELETE', `/v1/tools/${id('7', 1)}`)).status).toBe(422);
  });

  it('keeps an iClient until the connections that use it are purged', async () => {
    const connections = [connection(1, { http: { _iClientId: id('8', 1) } })];
    const { send } = await start({
      seed: account({ connections, iclients: [doc(id('8', 1), 'C', { provider: 'x' })] }),
    });
    const iclient = `/v1/iclients/${id('8', 1)}`;

    expect((await send('DELETE', iclient)).status).toBe(422);
    await send('DELETE', `/v1/connections/${id('2', 1)}`);
    expect((await send('DELETE', iclient)).status).toBe(422);
    await send('DELETE', `/v1/recycleBinTTL/connections/${id('2', 1)}`);
    expect((await send('DELETE', iclient)).status).toBe(204);
  });

  it('keeps the counters of integrations in step', async () => {
    const shop = smallShop();
    const seed = account({ ...shop, imports: [importDoc(1)], flows: [flow(1), flow(2)] });
    const { send, emulator } = await start({ seed });

    await send('DELETE', `/v1/flows/${id('5', 2)}`);

    expect(emulator.state.get('integrations', id('1', 1))).toMatchObject({
      numFlows: 1,
      lastModified: '2025-02-01T00:00:00.000Z',
    });
  });
});
