import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { account, doc, id, start } from './support.ts';

const PATH = `/v1/lookupcaches/${id('c', 1)}`;

function seedWith(count: number, value: (n: number) => string | number = (n) => n) {
  const entries = Array.from({ length: count }, (_, n) => ({ key: `k${String(n).padStart(5, '0')}`, value: value(n) }));
  return account({ lookupcaches: [doc(id('c', 1), 'Cache')] }, { lookupData: { [id('c', 1)]: entries } });
}

interface Page {
  readonly data: readonly JsonObject[];
  readonly nextPageURL?: string;
}

describe('lookup cache data', () => {
  it('comes in pages of a thousand keys, linked from the body', async () => {
    const { send, emulator } = await start({ seed: seedWith(2_500) });
    const pages: Page[] = [];

    let path = `${PATH}/getData`;
    for (;;) {
      const page = (await send('POST', path)).body as unknown as Page;
      pages.push(page);
      if (page.nextPageURL === undefined) break;
      expect(page.nextPageURL).toMatch(/^\/lookupcaches\/.*startAfterKey=k/);
      path = `/v1${page.nextPageURL}`;
    }

    expect(pages.map(({ data }) => data.length)).toEqual([1_000, 1_000, 500]);
    expect(emulator.requests).toHaveLength(3);
  });

  it('links absolutely, or relative to the host, when configured to', async () => {
    const absolute = await start({ seed: seedWith(1_001), nextPageUrl: 'absolute' });
    const relative = await start({ seed: seedWith(1_001), nextPageUrl: 'relative' });

    const first = (await absolute.send('POST', `${PATH}/getData`)).body as unknown as Page;
    const second = (await relative.send('POST', `${PATH}/getData`)).body as unknown as Page;

    expect(first.nextPageURL).toMatch(new RegExp(`^${absolute.emulator.url}${PATH}/getData\\?startAfterKey=`));
    expect(second.nextPageURL).toMatch(/^\/v1\/lookupcaches/);
  });

  it('ends a page at 5 MB', async () => {
    const { send } = await start({ seed: seedWith(10, () => 'x'.repeat(1024 * 1024)) });

    const page = (await send('POST', `${PATH}/getData`)).body as unknown as Page;

    expect(page.data).toHaveLength(4);
    expect(page.nextPageURL).toBeDefined();
    expect((await send('POST', `${PATH}/getData`, { keys: page.data.map(({ key }) => key ?? '') })).status).toBe(200);
    const all = Array.from({ length: 10 }, (_, n) => `k0000${n}`);
    expect((await send('POST', `${PATH}/getData`, { keys: all })).status).toBe(400);
  });

  it('is found by keys and by their beginning', async () => {
    const { send } = await start({ seed: seedWith(20) });

    expect((await send('POST', `${PATH}/getData`, { keys: ['k00003', 'none'] })).body).toEqual({
      data: [{ key: 'k00003', value: 3 }],
    });
    expect((await send('POST', `${PATH}/getData`, { startsWith: 'k0001' })).body).toMatchObject({
      data: { length: 10 },
    });
  });

  it('is written, deleted and purged, and shows in the size of the cache', async () => {
    const { send, get } = await start({ seed: seedWith(2) });

    await send('POST', `${PATH}/data`, [
      { key: 'k00000', value: { changed: true } },
      { key: 'new', value: null },
    ]);
    expect((await get(PATH)).body).toMatchObject({ size: 3 });
    expect((await send('DELETE', `${PATH}/data`, ['new'])).status).toBe(200);
    expect((await send('POST', `${PATH}/getData`)).body).toEqual({
      data: [
        { key: 'k00000', value: { changed: true } },
        { key: 'k00001', value: 1 },
      ],
    });
    expect((await send('DELETE', `${PATH}/data/purge`)).status).toBe(204);
    expect((await get(PATH)).body).toMatchObject({ size: 0 });
  });

  it('takes at most a thousand entries a call', async () => {
    const { send } = await start({ seed: seedWith(0) });
    const entries = Array.from({ length: 1_001 }, (_, n) => ({ key: `n${n}`, value: n }));

    expect((await send('POST', `${PATH}/data`, entries)).status).toBe(422);
    expect((await send('POST', `${PATH}/data`, { data: entries.slice(1) })).status).toBe(200);
  });
});
