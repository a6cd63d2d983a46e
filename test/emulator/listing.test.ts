import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { cases } from '../support/fuzz.ts';
import {
  type Answer,
  account,
  codeOf,
  connection,
  doc,
  exportDoc,
  flow,
  id,
  idsOf,
  importDoc,
  linkOf,
  people,
  script,
  smallShop,
  start,
} from './support.ts';

const SCRIPTS = Array.from({ length: 7 }, (_, n) => script(n + 1));

/** The bytes of an answer, as the owner gets it. */
function rawGet(url: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () =>
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${people.owner.token}\r\nconnection: close\r\n\r\n`,
      ),
    );
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('end', () => resolve(text)).on('error', reject);
  });
}

describe('collections', () => {
  it('are paged by Link with absolute addresses, and end without a next', async () => {
    const { get, emulator } = await start({ seed: account({ scripts: SCRIPTS }) });

    const first = await get('/v1/scripts?limit=3');
    const second = await get(linkOf(first, 'next') ?? '');
    const third = await get(linkOf(second, 'next') ?? '');

    expect(linkOf(first, 'next')).toBe(`${emulator.url}/v1/scripts?limit=3&skip=3`);
    expect(linkOf(first, 'prev')).toBeUndefined();
    expect(linkOf(second, 'prev')).toContain('skip=0');
    expect([first, second, third].flatMap(idsOf)).toEqual(SCRIPTS.map(({ _id }) => _id));
    expect(linkOf(third, 'next')).toBeUndefined();
  });

  it('show every record once, whatever the page length', async () => {
    const { get } = await start({ seed: account({ scripts: SCRIPTS }) });

    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), async (limit) => {
        const seen: Json[] = [];
        let next: string | undefined = `/v1/scripts?limit=${limit}`;
        while (next !== undefined) {
          const answer: Answer = await get(next);
          expect(idsOf(answer).length).toBeLessThanOrEqual(limit);
          seen.push(...idsOf(answer));
          next = linkOf(answer, 'next');
        }
        expect(seen).toEqual(SCRIPTS.map(({ _id }) => _id));
      }),
      cases(20),
    );
  });

  it('cut a large limit down to the page size, and use the smaller default without one', async () => {
    const { get } = await start({ seed: account({ scripts: SCRIPTS }), pageSize: 5, defaultPageSize: 2 });

    expect(idsOf(await get('/v1/scripts?limit=1000'))).toHaveLength(5);
    expect(idsOf(await get('/v1/scripts'))).toHaveLength(2);
  });

  it('may refuse a large limit instead', async () => {
    const { get } = await start({ pageSize: 100, largeLimit: 'reject' });

    expect((await get('/v1/scripts?limit=1000')).status).toBe(400);
    expect((await get('/v1/scripts?limit=none')).status).toBe(400);
  });

  it('may be paged in the body, fold their Link, lose parameters in it, and refuse parameters', async () => {
    const seed = account({ scripts: SCRIPTS });
    const first = async (more: Parameters<typeof start>[0]): Promise<Answer> =>
      (await start({ ...more, seed })).get('/v1/scripts?limit=3&x=1');

    expect((await first({ seed, paging: 'body' })).body).toMatchObject({
      data: [{}, {}, {}],
      nextPageURL: '/scripts?limit=3&x=1&skip=3',
    });
    expect(linkOf(await first({ seed, linkQuery: 'paging' }), 'next')).toMatch(/scripts\?limit=3&skip=3$/);
    expect((await first({ seed, otherParameters: 'reject' })).status).toBe(400);
    expect(
      await rawGet((await start({ seed, linkForm: 'folded' })).emulator.url, '/v1/scripts?limit=3&skip=1'),
    ).toMatch(/\r\nlink: <[^\r\n]*>; rel="next",\r\n {2}<[^\r\n]*>; rel="prev"\r\n/);
  });

  it('may leave out more than is documented, and be packed', async () => {
    const { get } = await start({
      seed: account({ scripts: SCRIPTS.map((doc) => ({ ...doc, description: 'x' })) }),
      abridged: { scripts: ['description'] },
      coding: 'gzip',
    });

    const list = await get('/v1/scripts');
    expect(JSON.stringify(list.body)).not.toContain('description');
    expect((await get(`/v1/scripts/${SCRIPTS[0]?._id}`)).body).toHaveProperty('description');
    expect(list.headers.get('content-encoding')).toBe('gzip');
  });

  it('keep other parameters in their links', async () => {
    const { get } = await start({ seed: account({ flows: [flow(1), flow(2)] }) });

    const link = linkOf(await get('/v1/flows?includeInstances=true&limit=1'), 'next');

    expect(new URL(link ?? '').searchParams.get('includeInstances')).toBe('true');
  });

  it('answer 204 without a body for an empty collection where that is documented', async () => {
    const { get } = await start();
    const empty = ['flows', 'connections', 'exports', 'imports', 'tools', 'apis', 'mcpservers', 'lookupcaches'];
    const more = [
      'filedefinitions',
      'ediprofiles',
      'tpconnectors',
      'ssoclients',
      'recycleBinTTL',
      'state',
      'notifications',
    ];

    for (const path of [...empty, ...more]) {
      const answer = await get(`/v1/${path}`);
      expect([path, answer.status, answer.text]).toEqual([path, 204, '']);
    }
  });

  it('answer an empty array elsewhere', async () => {
    const { get } = await start();

    for (const path of [
      'integrations',
      'scripts',
      'iclients',
      'stacks',
      'agents',
      'asynchelpers',
      'accesstokens',
      'audit',
    ]) {
      const answer = await get(`/v1/${path}`);
      expect([path, answer.status, answer.text]).toEqual([path, 200, '[]']);
    }
  });

  it('ignore paging for iClients', async () => {
    const iclients = [1, 2, 3].map((n) => doc(id('8', n), `Client ${n}`, { provider: 'google' }));
    const { get } = await start({ seed: account({ iclients }) });

    const answer = await get('/v1/iclients?limit=1');

    expect(idsOf(answer)).toHaveLength(3);
    expect(answer.headers.get('link')).toBeNull();
  });

  it('are found whatever the case of the path', async () => {
    const { get } = await start({ seed: account({ ...smallShop() }) });

    expect((await get('/V1/iClients')).status).toBe(200);
    expect((await get(`/v1/Flows/${id('5', 1).toUpperCase()}`)).status).toBe(200);
  });

  it('show a change at once', async () => {
    const { emulator, get } = await start({ seed: account({ scripts: SCRIPTS }) });
    await get('/v1/scripts');

    emulator.act(people.admin.token).set('scripts', id('6', 3), { name: 'Renamed' });
    emulator.act(people.admin.token).remove('scripts', id('6', 1));

    const names = ((await get('/v1/scripts')).body as { name: string }[]).map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(['Script 2', 'Renamed']);
  });
});

describe('what lists leave out', () => {
  it('is the content of scripts', async () => {
    const { get } = await start({ seed: account({ scripts: [script(1)] }) });

    expect(((await get('/v1/scripts')).body as Json[])[0]).not.toHaveProperty('content');
    expect((await get(`/v1/scripts/${id('6', 1)}`)).body).toHaveProperty('content');
  });

  it('is every instance flow, unless asked for', async () => {
    const flows = [flow(1, { isAbstract: true }), flow(2, { _abstractFlowId: id('5', 1), pageProcessors: [] })];
    const { get } = await start({ seed: account({ flows }) });

    expect(idsOf(await get('/v1/flows'))).toEqual([id('5', 1)]);
    expect(idsOf(await get('/v1/flows?includeInstances=true'))).toEqual([id('5', 1), id('5', 2)]);
    expect((await get(`/v1/flows/${id('5', 2)}`)).status).toBe(200);
  });

  it('is the notifications of others, unless asked for', async () => {
    const notifications = [people.admin, people.manager].map(({ _id, name, email }, n) =>
      doc(id('9', n + 1), '', { type: 'flow', _flowId: id('5', 1), subscribedByUser: { _id, name, email } }),
    );
    const { get, as } = await start({ seed: account({ ...smallShop(), notifications }) });

    expect((await get('/v1/notifications')).status).toBe(204);
    expect(idsOf(await as(people.admin.token).get('/v1/notifications'))).toEqual([id('9', 1)]);
    expect(idsOf(await get('/v1/notifications?users=all'))).toEqual([id('9', 1), id('9', 2)]);
  });

  it('is the parts of connectors: resources, and endpoints of one', async () => {
    const parts = {
      httpconnectors: [doc(id('b', 1), 'Own', { published: false, supportedBy: {} })],
      httpconnectorresources: [doc(id('b', 9), 'Ticket', { published: false, _httpConnectorId: id('b', 1) })],
      httpconnectorendpoints: [doc(id('b', 8), 'List', { _httpConnectorResourceIds: [id('b', 9)] })],
    };
    const { get } = await start({ seed: account(parts) });
    const path = `/v1/httpconnectors/${id('b', 1)}`;

    expect(((await get('/v1/httpconnectors')).body as Json[])[0]).not.toHaveProperty('supportedBy');
    expect((await get(path)).body).not.toHaveProperty('httpConnectorResources');
    expect((await get(`${path}?returnEverything=true`)).body).toMatchObject({
      httpConnectorResources: [{ _id: id('b', 9), published: false }],
      httpConnectorEndpoints: [{ _id: id('b', 8) }],
    });
    const listed = await get(`${path}/httpconnectorresources`);
    expect(idsOf(listed)).toEqual([id('b', 9)]);
    expect((listed.body as Json[])[0]).not.toHaveProperty('published');
    expect((await get(`${path}/${id('b', 9)}`)).body).toMatchObject({ name: 'Ticket', published: false });
    expect(idsOf(await get(`${path}/${id('b', 9)}/httpconnectorendpoints`))).toEqual([id('b', 8)]);
    expect((await get(`${path}/${id('b', 9)}/${id('b', 8)}`)).body).toMatchObject({ name: 'List' });
    expect((await get(`${path}/${id('b', 7)}`)).status).toBe(404);
  });
});

describe('special collections', () => {
  it('hold agents and guardrails among the imports', async () => {
    const imports = ['HTTPImport', 'AiAgentImport', 'GuardrailImport'].map((adaptorType, n) =>
      importDoc(n + 1, { adaptorType }),
    );
    const { get } = await start({ seed: account({ imports }) });

    expect(idsOf(await get('/v1/imports?adaptorType=AiAgentImport'))).toHaveLength(3);
  });

  it('answer trading partner connectors under both spellings, published ones among them', async () => {
    const tpconnectors = [doc(id('c', 1), 'Own', { published: false }), doc(id('c', 2), 'Celigo', { published: true })];
    const { get } = await start({ seed: account({ tpconnectors }) });

    expect(idsOf(await get('/v1/tpconnectors'))).toHaveLength(2);
    expect(idsOf(await get('/v1/tradingPartnerConnectors?publishedOnly=true'))).toEqual([id('c', 2)]);
  });

  it('of connectors and templates are refused to accounts that are not partners', async () => {
    const { get } = await start({ seed: account() });

    expect((await get('/v1/connectors')).status).toBe(403);
    expect((await get('/v1/templates')).status).toBe(403);
  });

  it('filter tools by integration', async () => {
    const tools = [1, 2].map((n) => doc(id('7', n), `Tool ${n}`, { _integrationId: id('1', n) }));
    const { get } = await start({ seed: account({ tools }) });

    expect(idsOf(await get(`/v1/tools?_integrationId=${id('1', 2)}`))).toEqual([id('7', 2)]);
  });

  it('walk storage by folder, wrapped in items', async () => {
    const storageitems = [
      doc(id('d', 1), 'Folder', { type: 'folder' }),
      doc(id('d', 2), 'File', { type: 'file', _parentId: id('d', 1) }),
    ];
    const { get } = await start({ seed: account({ storageitems }) });

    expect((await get('/v1/storage/items')).body).toMatchObject({ items: [{ _id: id('d', 1) }] });
    expect((await get(`/v1/storage/items?_parentId=${id('d', 1)}`)).body).toMatchObject({
      items: [{ _id: id('d', 2) }],
    });
    expect((await get(`/v1/storage/items/${id('d', 2)}`)).status).toBe(200);
  });

  it('list state by key only, and write it with plain-text answers', async () => {
    const { get, send } = await start({ seed: account({}, { state: { Cursor: { at: 5 } } }) });

    expect((await get('/v1/state')).body).toEqual({ keys: ['Cursor'] });
    expect((await get('/v1/state/Cursor')).body).toEqual({ at: 5 });
    expect((await get('/v1/state/cursor')).status).toBe(404);
    const [made, changed] = [
      await send('PUT', '/v1/state/New', { n: 1 }),
      await send('PUT', '/v1/state/New', { n: 2 }),
    ];
    expect([made.text, changed.text]).toEqual(['Created', 'OK']);
    expect((await send('DELETE', '/v1/state/New')).status).toBe(204);
  });

  it('keep state of single resources apart', async () => {
    const { get, send } = await start({ seed: account(smallShop()) });
    const path = `/v1/exports/${id('3', 1)}/state`;

    expect((await get(path)).status).toBe(204);
    await send('PUT', `${path}/Page`, { n: 1 });
    expect((await get(path)).body).toEqual({ keys: ['Page'] });
    expect((await get('/v1/state')).status).toBe(204);
    expect((await send('DELETE', `${path}/Page`)).status).toBe(200);
  });
});

describe('include and exclude', () => {
  const seed = account({
    exports: [exportDoc(1, { http: { relativeURI: '/a', method: 'GET' } })],
    iclients: [doc(id('8', 1), 'Client', { provider: 'google' })],
  });

  it('cut records down to the fields named, and what is always there', async () => {
    const { get } = await start({ seed });

    const { body } = await get('/v1/exports?include=http.method,nothing.here,lastModified');

    expect(body).toEqual([
      {
        _id: id('3', 1),
        name: 'Export 1',
        adaptorType: 'HTTPExport',
        http: { method: 'GET' },
        lastModified: '2025-02-01T00:00:00.000Z',
      },
    ]);
  });

  it('leave single fields out', async () => {
    const { get } = await start({ seed });

    const [record] = (await get('/v1/exports?exclude=http.method,name,_id')).body as { http: Json }[];

    expect(record).toMatchObject({ _id: id('3', 1), http: { relativeURI: '/a' } });
    expect(record).not.toHaveProperty('name');
    expect(record?.http).not.toHaveProperty('method');
  });

  it('follow changes of the record', async () => {
    const { emulator, get } = await start({ seed });
    await get('/v1/exports?include=description');

    emulator.state.touch('exports', id('3', 1), { description: 'new' });

    expect((await get('/v1/exports?include=description')).body).toMatchObject([{ description: 'new' }]);
  });

  it('are refused with odd characters, together, and by lists that do not take them', async () => {
    const { get } = await start({ seed });

    for (const path of ['exports?include=a-b', 'exports?include=a&exclude=b', 'iclients?include=name']) {
      expect([path, codeOf(await get(`/v1/${path}`))]).toEqual([path, 'invalid_query_params']);
    }
    expect((await get('/v1/exports?include[]=name')).status).toBe(500);
  });

  it('are ignored when empty, and on a single record', async () => {
    const { get } = await start({ seed });

    expect((await get('/v1/exports?include=')).body).toMatchObject([{ pageSize: 20 }]);
    expect((await get(`/v1/exports/${id('3', 1)}?include=name`)).body).toHaveProperty('pageSize');
  });
});

describe('what others provide', () => {
  it('is in no list, can be read by its id and referred to, and not be written', async () => {
    const [iclient, stack] = [doc(id('8', 9), 'Of Celigo', { provider: 'google' }), doc(id('b', 9), 'Of a partner')];
    const seed = account({ connections: [connection(1)] }, { unlisted: { iclients: [iclient], stacks: [stack] } });
    const { get, send } = await start({ seed });

    expect((await get('/v1/iclients')).body).toEqual([]);
    expect((await get('/v1/stacks')).body).toEqual([]);
    expect((await get('/v1/shared/stacks')).body).toMatchObject([{ _id: id('b', 9) }]);
    expect((await get(`/v1/iclients/${id('8', 9)}`)).body).toMatchObject({ name: 'Of Celigo' });
    expect((await send('PUT', `/v1/iclients/${id('8', 9)}`, iclient)).status).toBe(404);
    const user = { name: 'C', type: 'http', http: { _iClientId: id('8', 9) } };
    expect((await send('POST', '/v1/connections', user)).status).toBe(201);
  });
});
