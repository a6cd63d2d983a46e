import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { valueAt } from '../../src/core/paths.ts';
import { account, connection, doc, exportDoc, id, people, smallShop, start } from './support.ts';

const PATH = `/v1/connections/${id('2', 1)}`;

function wired(fields: JsonObject): JsonObject {
  return connection(1, fields);
}

describe('reads', () => {
  it('mask credentials in lists, by id and in the recycle bin', async () => {
    const { get, emulator } = await start({ seed: account({ connections: [connection(1), connection(2)] }) });
    emulator.act(people.owner.token).remove('connections', id('2', 2));

    for (const path of ['/v1/connections', PATH, '/v1/recycleBinTTL', `/v1/recycleBinTTL/connections/${id('2', 2)}`]) {
      const { text } = await get(path);
      expect(text).toContain('"token":"******"');
      expect(text).not.toContain('secret-');
    }
  });

  it('show a block of encrypted fields as one string', async () => {
    const http = { auth: { type: 'custom' }, encrypted: { apiKey: 'k', pin: 'p' } };
    const { get } = await start({ seed: account({ connections: [wired({ http })] }) });

    expect((await get(PATH)).body).toMatchObject({ http: { encrypted: '******' } });
  });

  it('use four asterisks for the query parameters of an iClient', async () => {
    const oauth2 = { clientSecret: 's', auth: { queryParameters: { audience: 'a' } } };
    const { get } = await start({ seed: account({ iclients: [doc(id('8', 1), 'C', { provider: 'x', oauth2 })] }) });

    expect((await get('/v1/iclients')).body).toMatchObject([
      { oauth2: { clientSecret: '******', auth: { queryParameters: { audience: '****' } } } },
    ]);
  });

  it('shows no key of a service account, and keeps it when a PUT leaves it out', async () => {
    const google = { serviceAccountJSON: '{"client_email":"a@b.test","private_key":"k"}' };
    const stored = doc(id('8', 1), 'C', { provider: 'googleserviceaccount', googleserviceaccount: google });
    const { get, send, emulator } = await start({ seed: account({ iclients: [stored] }), completes: true });
    const path = `/v1/iclients/${id('8', 1)}`;

    expect((await get(path)).text).not.toContain('private_key');
    await send('PUT', path, (await get(path)).body);
    expect(emulator.state.get('iclients', id('8', 1))).toMatchObject({
      googleserviceaccount: { ...google, clientEmail: 'a@b.test' },
    });
  });

  it('show what was never set as absent, and some credentials in plain text', async () => {
    const seed = account({
      agents: [doc(id('a', 1), 'Agent', { accessToken: 'agent-secret' })],
      exports: [exportDoc(1, { adaptorType: 'WebhookExport', webhook: { verify: 'token', token: 'w' } })],
      ediprofiles: [doc(id('e', 1), 'Partner', { fileType: 'edix12', isa04: 'CODE' })],
    });
    const { get } = await start({ seed });

    expect((await get('/v1/agents')).body).toMatchObject([{ accessToken: 'agent-secret' }]);
    expect((await get('/v1/ediprofiles')).body).toMatchObject([{ isa04: 'CODE' }]);
    const [hook] = (await get('/v1/exports')).body as JsonObject[];
    expect(hook?.webhook).toEqual({ verify: 'token', token: '******' });
  });
});

describe('writes of masks', () => {
  it('store the mask as the credential, which takes the connection offline', async () => {
    const { emulator, get, send } = await start({ seed: account(smallShop()) });

    const answer = await send('PUT', PATH, (await get(PATH)).body);

    expect(answer.status).toBe(200);
    expect(emulator.state.get('connections', id('2', 1))).toMatchObject({
      offline: true,
      http: { auth: { token: { token: '******' } } },
    });
  });

  it('keep the stored credential under the other reading of the documents', async () => {
    const { emulator, get, send } = await start({ seed: account(smallShop()), maskedWrites: 'keep' });

    await send('PUT', PATH, (await get(PATH)).body);

    expect(emulator.state.get('connections', id('2', 1))).toMatchObject({
      offline: false,
      http: { auth: { token: { token: 'secret-1' } } },
    });
  });

  it('keep the stored credential of iClients and MCP servers in any case, and lose it when it is omitted', async () => {
    const iclient = doc(id('8', 1), 'C', { provider: 'custom_oauth2', oauth2: { clientId: 'c', clientSecret: 's' } });
    const aws = doc(id('8', 2), 'A', { provider: 'awsIam', awsIam: { externalId: 'celigo-1' } });
    const { emulator, get, send } = await start({ seed: account({ iclients: [iclient, aws] }) });
    const path = `/v1/iclients/${id('8', 1)}`;
    const secret = () => valueAt(emulator.state.get('iclients', id('8', 1)), 'oauth2.clientSecret');

    await send('PUT', path, (await get(path)).body);
    expect(secret()).toBe('s');
    await send('PUT', path, { ...iclient, oauth2: { clientId: 'c' } });
    expect(secret()).toBeUndefined();
    // An id that is fixed is no error.
    const changed = await send('PUT', `/v1/iclients/${id('8', 2)}`, { ...aws, awsIam: { externalId: 'mine' } });
    expect(changed.body).toMatchObject({ awsIam: { externalId: 'celigo-1' } });
  });

  it('erase a credential that is left out', async () => {
    const { emulator, send } = await start({ seed: account(smallShop()) });

    await send('PUT', PATH, { name: 'C', type: 'http', http: { auth: { type: 'token', token: {} } } });

    expect(emulator.state.get('connections', id('2', 1))).toMatchObject({
      offline: true,
      http: { auth: { token: {} } },
    });
  });

  it('leave credentials alone when a PATCH changes something else', async () => {
    const { emulator, send } = await start({ seed: account(smallShop()) });

    const answer = await send('PATCH', PATH, [{ op: 'replace', path: '/name', value: 'Shop' }]);

    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(emulator.state.get('connections', id('2', 1))).toMatchObject({
      name: 'Shop',
      offline: false,
      http: { auth: { token: { token: 'secret-1' } } },
    });
  });

  it('bring a connection back online with real credentials', async () => {
    const offline = connection(1, { offline: true, http: { auth: { type: 'token', token: {} } } });
    const { emulator, send } = await start({ seed: account({ connections: [offline] }) });

    await send('PUT', PATH, { name: 'C', type: 'http', http: { auth: { type: 'token', token: { token: 'new' } } } });

    expect(emulator.state.get('connections', id('2', 1))?.offline).toBe(false);
  });

  it('create a connection without credentials, offline', async () => {
    const { send } = await start();

    const answer = await send('POST', '/v1/connections', {
      name: 'NS',
      type: 'netsuite',
      netsuite: { account: 'tstdrv1' },
    });

    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({ offline: true, netsuite: { account: 'TSTDRV1' } });
  });
});

describe('calls that show or change a secret', () => {
  it('exist for agents and stacks', async () => {
    const seed = account({
      agents: [doc(id('a', 1), 'Agent', { accessToken: 'agent-secret' })],
      stacks: [
        doc(id('b', 1), 'Server', { type: 'server', server: { systemToken: 'stack-secret' } }),
        doc(id('b', 2), 'Lambda', { type: 'lambda', lambda: { secretAccessKey: 's' } }),
      ],
    });
    const { get, send, emulator } = await start({ seed });

    expect((await get(`/v1/agents/${id('a', 1)}/display-token`)).body).toEqual({ accessToken: 'agent-secret' });
    expect((await get(`/v1/stacks/${id('b', 1)}/systemToken`)).body).toEqual({ systemToken: 'stack-secret' });
    expect((await get(`/v1/stacks/${id('b', 2)}/systemToken`)).status).toBe(404);
    await send('DELETE', `/v1/stacks/${id('b', 1)}/systemToken`);
    expect(JSON.stringify(emulator.state.get('stacks', id('b', 1)))).not.toContain('stack-secret');
  });
});
