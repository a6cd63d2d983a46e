import { describe, expect, it } from 'vitest';
import { account, id, idsOf, linkOf, people, script, smallShop, start } from './support.ts';

const SCRIPTS = Array.from({ length: 4 }, (_, n) => script(n + 1));

describe('faults', () => {
  it('answer instead of the API, as often as they say', async () => {
    const { emulator, get } = await start();
    emulator.faults.add({
      match: { path: '/v1/flows' },
      times: 2,
      fault: { kind: 'status', status: 503, body: { message: 'later' } },
    });

    const answers = [await get('/v1/flows'), await get('/v1/flows/x'), await get('/v1/flows'), await get('/v1/tags')];

    expect(answers.map(({ status }) => status)).toEqual([503, 503, 204, 200]);
    expect(emulator.faults.pending()).toEqual([]);
  });

  it('choose requests by method, pattern, query and number', async () => {
    const { emulator, get, send } = await start({ seed: account({ scripts: SCRIPTS }) });
    emulator.faults.add({ match: { method: 'PUT', path: '/v1/*/6*' }, fault: { kind: 'status', status: 500 } });
    emulator.faults.add({ match: { path: '/v1/scripts', query: { skip: '2' }, nth: 2 }, fault: { kind: 'html' } });

    expect((await get(`/v1/scripts/${id('6', 1)}`)).status).toBe(200);
    expect((await send('PUT', `/v1/scripts/${id('6', 1)}`, { name: 'n' })).status).toBe(500);
    expect((await get('/v1/scripts?skip=2')).status).toBe(200);
    expect((await get('/v1/scripts?skip=1')).status).toBe(200);
    const page = await get('/v1/scripts?skip=2');
    expect([page.status, page.headers.get('content-type')]).toEqual([502, 'text/html']);
  });

  it('cut the connection before or after a write takes effect', async () => {
    const { emulator, send } = await start();
    emulator.faults.add({ match: { method: 'POST' }, fault: { kind: 'reset' } });
    emulator.faults.add({ match: { method: 'POST' }, fault: { kind: 'applyThenReset' } });

    await expect(send('POST', '/v1/scripts', { name: 'A', content: 'a' })).rejects.toThrow();
    expect(emulator.state.count('scripts')).toBe(0);
    await expect(send('POST', '/v1/scripts', { name: 'B', content: 'b' })).rejects.toThrow();
    expect(emulator.state.count('scripts')).toBe(1);
    expect(emulator.requests.map(({ status, fault }) => [status, fault])).toEqual([
      [0, 'reset'],
      [0, 'applyThenReset'],
    ]);
  });

  it('can lie about a write that took effect', async () => {
    const { emulator, send } = await start();
    emulator.faults.add({ fault: { kind: 'applyThenStatus', status: 504 } });

    expect((await send('POST', '/v1/scripts', { name: 'A', content: 'a' })).status).toBe(504);
    expect(emulator.state.count('scripts')).toBe(1);
  });

  it('let the body of an answer come byte by byte', async () => {
    const { emulator, get } = await start({ seed: account({ scripts: SCRIPTS }) });
    const { body: whole } = await get('/v1/scripts');
    emulator.faults.add({ fault: { kind: 'drip', ms: 1 } });

    const headers = { authorization: `Bearer ${people.owner.token}` };
    const { body } = await fetch(`${emulator.url}/v1/scripts`, { headers });
    const drops: Uint8Array[] = [];
    for await (const drop of body ?? []) drops.push(drop as Uint8Array);

    expect(JSON.parse(Buffer.concat(drops).toString())).toEqual(whole);
    expect(drops.length).toBeGreaterThan(10);
  });

  it('end an answer in the middle', async () => {
    const { emulator, get } = await start({ seed: account({ scripts: SCRIPTS }) });
    emulator.faults.add({ fault: { kind: 'truncate' } });

    await expect(get('/v1/scripts')).rejects.toThrow();
  });

  it('never answer, until the emulator closes', async () => {
    const { emulator, get } = await start();
    emulator.faults.add({ fault: { kind: 'stall' } });

    const answer = get('/v1/flows').catch(() => 'cut');
    await expect.poll(() => emulator.requests.length).toBe(1);
    await emulator.close();

    expect(await answer).toBe('cut');
  });

  it('empty, shorten and misdirect lists', async () => {
    const { emulator, get } = await start({ seed: account({ scripts: SCRIPTS }) });
    for (const fault of [
      { kind: 'emptyList' },
      { kind: 'dropRecords', count: 1 },
      { kind: 'noLink' },
      { kind: 'nextLink' },
      { kind: 'nextLink', url: 'https://elsewhere.example.test/' },
      { kind: 'body', body: '[{"_id":' },
    ] as const) {
      emulator.faults.add({ fault });
    }
    const page = () => get('/v1/scripts?limit=2');

    expect((await page()).text).toBe('[]');
    expect(idsOf(await page())).toHaveLength(1);
    expect((await page()).headers.get('link')).toBeNull();
    expect(linkOf(await page(), 'next')).toBe(`${emulator.url}/v1/scripts?limit=2`);
    expect(linkOf(await page(), 'next')).toBe('https://elsewhere.example.test/');
    expect((await page()).body).toBeUndefined();
    expect(linkOf(await page(), 'next')).toContain('skip=2');
  });

  it('can be taken back', async () => {
    const { emulator, get } = await start();
    emulator.faults.add({ times: 'always', fault: { kind: 'status', status: 500 } });
    await get('/v1/flows');

    emulator.faults.clear();

    expect((await get('/v1/flows')).status).toBe(204);
  });
});

describe('the hook before writes', () => {
  it('lets another person edit first', async () => {
    const { emulator, send } = await start({ seed: account(smallShop()) });
    const seen: string[] = [];
    emulator.beforeWrite = ({ method, type: dir, id: target }) => {
      seen.push(`${method} ${dir} ${target ?? '-'}`);
      emulator.act(people.manager.token).set('scripts', id('6', 1), { description: 'edited meanwhile' });
    };

    await send('GET', '/v1/scripts');
    await send('PUT', `/v1/flows/${id('5', 1)}`, { name: 'n', disabled: true });
    await send('POST', '/v1/scripts', { name: 'n', content: 'c' });

    expect(seen).toEqual([`PUT flows ${id('5', 1)}`, 'POST scripts -']);
    expect(emulator.state.get('scripts', id('6', 1))?.description).toBe('edited meanwhile');
  });
});
