import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { account, codeOf, connection, doc, id, idsOf, integration, script, smallShop, start } from './support.ts';

const BIN = '/v1/recycleBinTTL';
const CONNECTION = `${BIN}/connections/${id('2', 1)}`;

function withConnection() {
  const integrations = [integration(1, { _registeredConnectionIds: [id('2', 1)] })];
  return account({ integrations, connections: [connection(1)] });
}

describe('the recycle bin', () => {
  it('lists model and document, with the time of deletion as lastModified', async () => {
    const { send, get, time } = await start({ seed: account({ scripts: [script(1)] }) });
    time.advance(5);

    await send('DELETE', `/v1/scripts/${id('6', 1)}`);

    expect((await get(BIN)).body).toEqual([
      { model: 'Script', doc: { ...script(1), lastModified: '2026-03-01T12:00:05.000Z' } },
    ]);
    expect(idsOf(await get(`${BIN}/scripts`))).toEqual([id('6', 1)]);
    expect(idsOf(await get(`${BIN}/scripts/${id('6', 1)}`))).toEqual([id('6', 1)]);
    expect((await get(`${BIN}/flows`)).status).toBe(204);
  });

  it('knows users and trading partners by their models', async () => {
    const { send, get } = await start({ seed: account({ tpconnectors: [doc(id('c', 1), 'Own')] }) });
    const [share] = idsOf(await get('/v1/ashares'));

    await send('DELETE', `/v1/ashares/${String(share)}`);
    await send('DELETE', `/v1/tpconnectors/${id('c', 1)}`);

    expect(idsOf(await get(`${BIN}/users`))).toEqual([share]);
    expect(idsOf(await get(`${BIN}/tpconnectors`))).toEqual([id('c', 1)]);
  });

  it('does not take what the documents do not name', async () => {
    const { send, get } = await start({ seed: account({ tags: [doc(id('d', 1), '', { tag: 'later' })] }) });

    await send('DELETE', `/v1/tags/${id('d', 1)}`);

    expect((await get(BIN)).status).toBe(204);
    expect((await get(`${BIN}/tags`)).status).toBe(404);
  });

  it('brings a connection back with its id, its secrets and its place', async () => {
    const { send, emulator } = await start({ seed: withConnection() });

    await send('DELETE', `/v1/connections/${id('2', 1)}`);
    const during = emulator.state.get('integrations', id('1', 1))?._registeredConnectionIds;
    const answer = await send('POST', `${CONNECTION}/doCascadeRestore`, {});

    expect(during).toEqual([]);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ _id: id('2', 1), http: { auth: { token: { token: '******' } } } });
    expect(emulator.state.get('connections', id('2', 1))).toMatchObject({
      http: { auth: { token: { token: 'secret-1' } } },
    });
    expect(emulator.state.get('integrations', id('1', 1))?._registeredConnectionIds).toEqual([id('2', 1)]);
    expect(emulator.state.bin()).toEqual([]);
  });

  it('can have the older form of restoring only', async () => {
    const { send } = await start({ seed: withConnection(), cascadeRestore: 404 });
    await send('DELETE', `/v1/connections/${id('2', 1)}`);

    expect((await send('POST', `${CONNECTION}/doCascadeRestore`, {})).status).toBe(404);
    const answer = await send('POST', CONNECTION, {});
    expect([answer.status, answer.text]).toEqual([204, '']);
  });

  it('brings an integration back with what fell with it, and a flow not before its integration', async () => {
    const { send, emulator } = await start({ seed: account(smallShop()) });
    await send('DELETE', `/v1/integrations/${id('1', 1)}`);

    const early = await send('POST', `${BIN}/flows/${id('5', 1)}/doCascadeRestore`, {});
    await send('POST', `${BIN}/integrations/${id('1', 1)}/doCascadeRestore`, {});

    expect([early.status, codeOf(early)]).toEqual([422, 'invalid_ref']);
    expect(emulator.state.get('flows', id('5', 1))?.name).toBe('Flow 1');
    expect(emulator.state.bin()).toEqual([]);
  });

  it('purges permanently, manually or after 30 days', async () => {
    const { send, get, time } = await start({ seed: account({ scripts: [script(1), script(2)] }) });
    await send('DELETE', `/v1/scripts/${id('6', 1)}`);
    await send('DELETE', `/v1/scripts/${id('6', 2)}`);

    expect((await send('DELETE', `${BIN}/scripts/${id('6', 1)}`)).status).toBe(204);
    expect(idsOf(await get(`${BIN}/scripts`))).toEqual([id('6', 2)]);
    time.advance(31 * 86_400);
    expect((await get(`${BIN}/scripts`)).status).toBe(204);
    expect((await send('POST', `${BIN}/scripts/${id('6', 2)}`, {})).status).toBe(404);
  });

  it('loses the entries of a lookup cache, unless configured otherwise', async () => {
    const seed = account(
      { lookupcaches: [doc(id('c', 1), 'Cache')] },
      { lookupData: { [id('c', 1)]: [{ key: 'a', value: 1 }] } },
    );
    const loses = await start({ seed });
    const keeps = await start({ seed, binKeepsLookupData: true });

    for (const { send } of [loses, keeps]) {
      await send('DELETE', `/v1/lookupcaches/${id('c', 1)}`);
      await send('POST', `${BIN}/lookupcaches/${id('c', 1)}/doCascadeRestore`, {});
    }

    expect(loses.emulator.state.lookupData(id('c', 1))).toEqual([]);
    expect(keeps.emulator.state.lookupData(id('c', 1))).toEqual([{ key: 'a', value: 1 }]);
  });

  it('may show a single entry as an object', async () => {
    const { send, get } = await start({ seed: account({ scripts: [script(1)] }), binById: 'object' });
    await send('DELETE', `/v1/scripts/${id('6', 1)}`);

    expect((await get(`${BIN}/scripts/${id('6', 1)}`)).body).toMatchObject({ _id: id('6', 1) });
  });

  it('marks a deleted EDI profile, and takes the mark off again', async () => {
    const { send, get } = await start({
      seed: account({ ediprofiles: [doc(id('e', 1), 'P', { fileType: 'edix12' })] }),
    });
    await send('DELETE', `/v1/ediprofiles/${id('e', 1)}`);

    const [entry] = (await get(`${BIN}/ediprofiles`)).body as JsonObject[];
    await send('POST', `${BIN}/ediprofiles/${id('e', 1)}`, {});

    expect(entry).toHaveProperty('deletedAt');
    expect((await get(`/v1/ediprofiles/${id('e', 1)}`)).body).not.toHaveProperty('deletedAt');
  });
});
