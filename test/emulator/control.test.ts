import { describe, expect, it } from 'vitest';
import { emptyAccount, startEmulator } from '../../src/emulator/http/server.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { account, codeOf, id, people, smallShop, start } from './support.ts';

describe('the control endpoints', () => {
  it('set and forget faults', async () => {
    const { get, send } = await start();

    await send('POST', '/_emulator/faults', [
      { match: { path: '/v1/flows' }, times: 'always', fault: { kind: 'status', status: 500 } },
    ]);
    const during = await get('/v1/flows');
    await send('DELETE', '/_emulator/faults');

    expect(during.status).toBe(500);
    expect((await get('/v1/flows')).status).toBe(204);
    expect(codeOf(await send('POST', '/_emulator/faults', { fault: { kind: 'flood' } }))).toBe('invalid_fault');
  });

  it('edit as a person in the browser', async () => {
    const { get, send } = await start({ seed: account(smallShop()) });

    const answer = await send('POST', '/_emulator/edits', [
      { as: people.manager.email, action: 'update', type: 'flows', id: id('5', 1), set: { name: 'Renamed', 'a.b': 1 } },
      { as: people.admin._id, action: 'create', type: 'scripts', doc: { name: 'New', content: 'c' } },
      {
        as: people.admin.token,
        action: 'patch',
        type: 'flows',
        id: id('5', 1),
        patch: [{ op: 'replace', path: '/disabled', value: false }],
      },
      { as: people.admin.token, action: 'remove', type: 'scripts', id: id('6', 1) },
      { as: people.admin.token, action: 'restore', type: 'scripts', id: id('6', 1) },
    ]);

    expect(answer.status).toBe(200);
    expect((await get('/v1/audit')).body).toHaveLength(5);
    expect((await get(`/v1/flows/${id('5', 1)}`)).body).toMatchObject({
      name: 'Renamed',
      a: { b: 1 },
      disabled: false,
    });
    for (const edit of [
      { as: 'nobody', type: 'flows' },
      { as: people.admin.token, type: 'fables' },
    ]) {
      expect(codeOf(await send('POST', '/_emulator/edits', [edit]))).toBe('invalid_edit');
    }
  });

  it('touch, revoke and dump', async () => {
    const { get, send, as } = await start({ seed: account(smallShop()) });

    await send('POST', '/_emulator/touch', [
      { type: 'connections', id: id('2', 1), set: { offline: true, 'queues[0].size': 9 } },
    ]);
    await send('POST', '/_emulator/revoke', { token: people.admin.token });
    const dump = await get('/_emulator/dump');

    expect(dump.body).toMatchObject({
      resources: {
        connections: [{ offline: true, queues: [{ size: 9 }], http: { auth: { token: { token: 'secret-1' } } } }],
      },
      audit: [],
    });
    expect((await as(people.admin.token).get('/v1/flows')).status).toBe(401);
  });

  it('log requests with the name behind the token, themselves aside', async () => {
    const { get, send, as } = await start();
    await as(people.admin.token).get('/v1/flows?limit=5');
    await as('nobody').get('/v1/flows');

    expect((await get('/_emulator/requests')).body).toEqual([
      { method: 'GET', path: '/v1/flows', query: '?limit=5', status: 204, by: 'Ada Admin' },
      { method: 'GET', path: '/v1/flows', query: '', status: 401 },
    ]);
    await send('DELETE', '/_emulator/requests');
    expect((await get('/_emulator/requests')).body).toEqual([]);
  });
});

describe('the sample account', () => {
  it('takes every document of its own back unchanged, defaults aside', async () => {
    const seed = sampleAccount();
    const { emulator } = await start({ seed });
    const act = emulator.act(seed.people[0]?.token ?? '');

    for (const [dir, docs] of Object.entries(seed.resources)) {
      if (['notifications', 'ssoclients', 'storageitems', 'syncs', 'accesstokens'].includes(dir)) continue;
      for (const doc of docs.filter(({ published }) => published !== true)) {
        const { lastModified: _before, lastModifiedBy: _editor, ...rest } = doc;
        const expected = dir === 'imports' || dir === 'exports' ? { name: doc.name } : rest;
        expect(act.update(dir, String(doc._id), doc)).toMatchObject(expected as object);
      }
    }
  });

  it('switches nothing on by being put back', async () => {
    const seed = sampleAccount();
    const { emulator } = await start({ seed });
    const act = emulator.act(seed.people[0]?.token ?? '');

    for (const flow of emulator.state.all('flows')) act.update('flows', String(flow._id), flow);

    expect(emulator.state.starts()).toEqual([]);
  });
});

describe('an empty account', () => {
  it('has an owner and nothing else', async () => {
    const emulator = await startEmulator({ seed: emptyAccount() });
    const response = await fetch(`${emulator.url}/v1/tokenInfo`, { headers: { authorization: 'Bearer owner-token' } });
    await emulator.close();

    expect(await response.json()).toEqual({ _userId: emptyAccount().people[0]?._id });
  });
});
