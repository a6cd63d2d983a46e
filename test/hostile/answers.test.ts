import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { gateway } from '../support/gateway.ts';
import { eachOf } from '../support/table.ts';
import { cli, Workspace } from '../support/workspace.ts';

const TOTAL = 25;
const SIZE = 7;

/** A mirror of flows alone, through a gateway that answers requests for their list itself. */
async function flowsThrough(
  meets: (url: URL, response: ServerResponse, records: readonly Json[]) => boolean,
  settings: Record<string, Json> = {},
) {
  const account = await sample();
  const [model] = account.emulator.state.all('flows');
  const flows = Array.from({ length: TOTAL }, (_, i) => ({
    ...model,
    _id: `64f0000000000000000a0${String(i).padStart(3, '0')}`,
    name: `Flow ${i}`,
  }));
  const before = await gateway(account.url, ({ url, method }, response) => {
    const asked = new URL(url, 'http://x');
    return method === 'GET' && asked.pathname === '/v1/flows' && meets(asked, response, flows as Json[]);
  });
  const space = new Workspace({
    prod: { baseUrl: before.url, token: account.owner.token, include: ['flows'], ...settings },
  });
  return { account, space, before };
}

function page(url: URL, response: ServerResponse, records: readonly Json[], link: (next: string) => string): true {
  const start = Number(url.searchParams.get('cursor') ?? 0);
  const next = start + SIZE;
  response.writeHead(200, {
    'content-type': 'application/json',
    ...(next < records.length ? { link: link(`/v1/flows?cursor=${next}`) } : {}),
  });
  response.end(JSON.stringify(records.slice(start, next)));
  return true;
}

describe('the end of a list is never guessed', () => {
  it.each<[string, (next: string) => string]>([
    ['link-single-quotes', (next) => `<${next}>; rel='next'`],
    ['right-link-forms', (next) => `</v1/flows?a=1,2>; rel="prev", <${next}>; title="a, <b>; c"; REL="last Next",`],
  ])('%s: every page is read', async (_, link) => {
    const { space } = await flowsThrough((url, response, records) => page(url, response, records, link));

    expect(await space.sync()).toMatchObject({ code: 0, types: [{ type: 'flows', state: 'complete', listed: TOTAL }] });
    expect(space.files()).toHaveLength(TOTAL);
  });

  eachOf<[string, (next: string) => string]>(
    [
      ['without a relation', (next) => `<${next}>`],
      ['without brackets', (next) => `${next}; rel="next"`],
      ['to two next pages', (next) => `<${next}>; rel="next", </v1/flows?cursor=1>; rel="next"`],
      ['to another host', () => '<https://evil.example/v1/flows>; rel="next"'],
    ],
    { quick: 1 },
  )('link-single-quotes: a link %s leaves the type incomplete', async (_, link) => {
    const { space } = await flowsThrough((url, response, records) => page(url, response, records, link));

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['flows'] });
  });

  eachOf<[string, number, string | undefined]>(
    [
      ['200 without a body', 200, undefined],
      ['an envelope of errors', 200, '{"errors": []}'],
      ['an envelope with a failure', 200, '{"items": [], "message": "try later"}'],
      ['a next page that is no address', 200, '{"items": [], "nextPageURL": {"skip": 7}}'],
      ['202', 202, '[]'],
      ['205', 205, undefined],
      ['206', 206, '[]'],
      ['404 of a gateway', 404, '<html><h1>404 Not Found</h1></html>'],
    ],
    { quick: 1 },
  )('listing-cut-by-odd-success: %s as a promised page is asked again, then incomplete', async (_, status, body) => {
    let failures = 1;
    const { space, before } = await flowsThrough((url, response, records) => {
      if (!url.searchParams.has('cursor') || failures-- <= 0)
        return page(url, response, records, (next) => `<${next}>; rel="next"`);
      response.writeHead(status, body === undefined ? { 'content-length': 0 } : {}).end(body);
      return true;
    });

    expect(await space.sync()).toMatchObject({ code: 0, types: [{ listed: TOTAL }] });
    failures = Number.POSITIVE_INFINITY;
    before.seen.length = 0;
    const cut = await space.sync('--full');

    expect(cut).toMatchObject({ code: 3, incomplete: ['flows'], changes: [] });
    expect(before.seen.filter((url) => url.includes('cursor'))).toHaveLength(2);
    expect(space.files()).toHaveLength(TOTAL);
  });

  eachOf<[string, string]>(
    [
      ['records without an _id', '[{"name": "a"}]'],
      ['an object with another array', '{"flows": []}'],
      ['two arrays', '{"items": [], "data": []}'],
      ['nothing but an object', '{}'],
      ['a text', '"no flows"'],
      ['null', 'null'],
      ['numbers', '[1, 2]'],
      ['lists', '[[], []]'],
      ['a page of HTML', '<html>Sign in</html>'],
      ['a list that is cut off', '[{"_id": "64f0000000000000000a0001"}'],
      ['a list and more', '[] []'],
      ['brackets without end', '['.repeat(100_000)],
      ['brackets in an envelope', `{"items": [${'['.repeat(50_000)}${']'.repeat(50_000)}]}`],
      ['brackets in an object', `{"x": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
      [
        'a document nested too deep',
        `[{"_id": "64f0000000000000000a0001", "x": ${'['.repeat(300)}${']'.repeat(300)}}]`,
      ],
      ['an _id that is no text', '[{"_id": {"toString": null}}]'],
      ['more records than a page has', `[${'{"_id":"a"},'.repeat(100_001)}{"_id":"a"}]`],
      [
        'numbers beyond all, thousands of them',
        `[{"_id": "64f0000000000000000a0001", "x": [${'1e400,'.repeat(20_000)}1]}]`,
      ],
      ['a document of half a million values', `[{"_id": "64f0000000000000000a0001", "x": [${'1,'.repeat(500_001)}1]}]`],
      ['more values than are parsed', `[{"_id": "64f0000000000000000a0001", "x": [${'1,'.repeat(2_000_001)}1]}]`],
    ],
    { quick: 1 },
  )('%s instead of the list leaves the type incomplete, and its files as they are', async (_, body) => {
    let hostile = false;
    const { space } = await flowsThrough(
      (url, response, records) => {
        if (!hostile) return page(url, response, records, (next) => `<${next}>; rel="next"`);
        response.writeHead(200, { 'content-type': 'application/json' }).end(body);
        return true;
      },
      { retries: 0 },
    );
    await space.sync();
    hostile = true;

    const report = await space.sync('--full');

    expect(report).toMatchObject({ code: 3, incomplete: ['flows'], changes: [] });
    expect(report.types.find(({ type }) => type === 'flows')?.reason).toMatch(/^\S.{10,}/);
    expect(space.files()).toHaveLength(TOTAL);
  });

  const flow = (i: number): Json => ({ _id: `64f0000000000000001${String(i).padStart(5, '0')}`, name: 'x' });
  /** What the page behind a cursor holds, and which one it leads to. */
  const ENDLESS: [what: string, at: (cursor: number) => readonly [Json[], next: number]][] = [
    ['on itself', (at) => [[flow(at)], at]],
    ['by one record a page', (at) => [[flow(at)], at + 1]],
    [
      'with all that was there before on each page',
      (at) => [Array.from({ length: at + 1 }, (_, i) => flow(i)), at + 1],
    ],
    ['by nothing', (at) => [at === 0 ? [flow(0)] : [], at + 1]],
    ['in a circle', (at) => [[flow(at)], (at + 1) % 3]],
    ['with the same page at other addresses', (at) => [[flow(0)], at + 1]],
  ];

  eachOf(ENDLESS, { quick: 1 })('a list that goes on %s is given up soon', async (_, at) => {
    const { space, before } = await flowsThrough((url, response) => {
      const [records, next] = at(Number(url.searchParams.get('cursor') ?? 0));
      response.writeHead(200, { 'content-type': 'application/json', link: `</v1/flows?cursor=${next}>; rel="next"` });
      response.end(JSON.stringify(records));
      return true;
    });

    const { code, types } = await space.sync();

    expect({ code, types }).toMatchObject({ code: 3, types: [{ type: 'flows', state: 'incomplete' }] });
    expect(JSON.stringify(types)).toMatch(/does not end|already read|repeats records/);
    expect(before.seen.length).toBeLessThan(1_100);
    expect(space.files()).toHaveLength(0);
  });

  it('a list of very many pages with two records each is read to its end', { tags: 'slow' }, async () => {
    const { space } = await flowsThrough((url, response) => {
      const at = Number(url.searchParams.get('cursor') ?? 0);
      const link = at < 600 ? { link: `</v1/flows?cursor=${at + 1}>; rel="next"` } : {};
      response.writeHead(200, { 'content-type': 'application/json', ...link });
      response.end(JSON.stringify([flow(2 * at), flow(2 * at + 1)]));
      return true;
    });

    expect(await space.sync()).toMatchObject({ code: 0, types: [{ type: 'flows', state: 'complete', listed: 1_202 }] });
  });

  eachOf<[string, number, string | undefined]>(
    [
      ['an empty list', 200, '[]'],
      ['204', 204, undefined],
    ],
    { quick: 1 },
  )('listing-cut-by-odd-success: %s as a promised page is asked for again', async (_, status, body) => {
    let lies = 1;
    const { space, before } = await flowsThrough((url, response, records) => {
      if (!url.searchParams.has('cursor') || lies-- <= 0)
        return page(url, response, records, (next) => `<${next}>; rel="next"`);
      response.writeHead(status).end(body);
      return true;
    });

    expect(await space.sync()).toMatchObject({ code: 0, types: [{ listed: TOTAL }] });
    expect(before.seen.filter((url) => url.includes('cursor')).length).toBeGreaterThan(1);
  });

  it('listing-cut-by-odd-success: 204 alone is an empty page', async () => {
    const { space } = await flowsThrough((url, response, records) => {
      const all = { start: Number(url.searchParams.get('cursor') ?? 0) };
      if (all.start < records.length) {
        response.writeHead(200, { link: `</v1/flows?cursor=${records.length}>; rel="next"` });
        response.end(JSON.stringify(records));
      } else response.writeHead(204).end();
      return true;
    });

    expect(await space.sync()).toMatchObject({ code: 0, types: [{ listed: TOTAL }] });
  });
});

describe('bodies and pages', () => {
  type Coded = (records: Buffer) => readonly [coding: string | undefined, body: Buffer];
  const through = (coded: Coded) =>
    flowsThrough(
      (_url, response, records) => {
        const [coding, body] = coded(Buffer.from(JSON.stringify(records)));
        response.writeHead(200, coding === undefined ? {} : { 'content-encoding': coding }).end(body);
        return true;
      },
      { retries: 0 },
    );

  eachOf<[string, Coded]>(
    [
      ['two members of gzip', (b) => ['gzip', Buffer.concat([gzipSync(b.subarray(0, 9)), gzipSync(b.subarray(9))])]],
      ['zeros behind gzip', (b) => ['gzip', Buffer.concat([gzipSync(b), Buffer.alloc(20)])]],
      ['br over gzip', (b) => ['gzip, br', brotliCompressSync(gzipSync(b))]],
      ['raw deflate', (b) => ['deflate', deflateRawSync(b)]],
    ],
    { quick: 1 },
  )('right-codings: %s is read', async (_, coded) => {
    const { space } = await through(coded);

    expect(await space.sync()).toMatchObject({ code: 0, types: [{ listed: TOTAL }] });
  });

  eachOf<[string, Coded]>(
    [
      ['gzip that is cut off', (b) => ['gzip', gzipSync(b).subarray(0, -20)]],
      ['gzip by name only', (b) => ['gzip', b]],
      ['an unknown coding', (b) => ['utf-8', b]],
      ['a byte order mark', (b) => [undefined, Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), b])]],
      ['Latin-1', (b) => [undefined, Buffer.from(b.toString().replace('Flow 0', 'Größe'), 'latin1')]],
    ],
    { quick: 1 },
  )('right-codings: %s leaves the type incomplete', async (_, coded) => {
    const { space } = await through(coded);

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['flows'], changes: [] });
  });

  it('right-duplicates-over-pages: of two states of a record the newer one is mirrored, once', {
    tags: 'slow',
  }, async () => {
    const { space } = await flowsThrough((url, response, records) => {
      const [first] = records as readonly JsonObject[];
      const older = { ...first, name: 'Older', lastModified: '2026-01-01T00:00:00.000Z' };
      const newer = { ...first, name: 'Newer', lastModified: '2026-01-02T00:00:00.000Z' };
      const pages = [newer, ...records.slice(1, SIZE), older, ...records.slice(SIZE)];
      return page(url, response, pages, (next) => `<${next}>; rel="next"`);
    });

    expect(await space.sync()).toMatchObject({ code: 0 });
    const head = space.git('rev-parse', 'HEAD');

    expect(await space.sync()).toMatchObject({ code: 0, changes: [] });
    expect(space.git('rev-parse', 'HEAD')).toBe(head);
    expect(space.files()).toHaveLength(TOTAL);
    expect(space.files().filter((path) => path.includes('newer'))).toHaveLength(1);
  });
});

describe('what does not exist says the API alone', () => {
  const GATEWAY: readonly [string, number, string][] = [
    ['a page of HTML', 404, '<html><h1>404 Not Found</h1></html>'],
    ['nothing', 404, ''],
    ['JSON of another program', 404, '{"message":"no Route matched with those values"}'],
    ['an empty list of errors', 404, '{"errors":[]}'],
    ['410 of another program', 410, '{"error":"gone"}'],
  ];

  eachOf(GATEWAY, { quick: 0 })('%s deletes nothing', async (_, status, body) => {
    const account = await sample();
    let missing = false;
    const before = await gateway(account.url, ({ url }, response) => {
      if (!missing || !/^\/v1\/scripts\/[0-9a-f]+/.test(url)) return false;
      response.writeHead(status).end(body);
      return true;
    });
    const settings = { baseUrl: before.url, token: account.owner.token, include: ['scripts'], retries: 0 };
    const space = new Workspace({ prod: settings });
    await space.run('sync');
    const files = space.files();
    account.emulator.faults.add({ match: { path: '/v1/scripts' }, fault: { kind: 'dropRecords', count: 1 } });
    missing = true;

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['scripts'], changes: [] });
    expect(space.files()).toEqual(files);
  });

  eachOf(
    [
      [404, '<html>404</html>'],
      [403, '<html>Forbidden by policy</html>'],
      [402, ''],
    ],
    { quick: 1 },
  )('a gateway that answers %i with %j makes no type unavailable', async (status, body) => {
    const account = await sample();
    const before = await gateway(account.url, ({ url }, response) => {
      if (!url.startsWith('/v1/tags')) return false;
      response.writeHead(status).end(body);
      return true;
    });
    // All other types must be read, however busy the machine is.
    const limits = { retries: 0, requestTimeout: '60s' };
    const settings = { baseUrl: before.url, token: account.owner.token, exclude: ['lookupcaches'], ...limits };
    const space = new Workspace({ prod: settings });

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['tags'], unavailable: [] });
  });
});

/** Accepts connections on a port of its own; closed when the test ends. */
async function listener(met: (socket: Socket, nth: number) => void): Promise<{ url: string; count: () => number }> {
  const open = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    open.add(socket);
    count += 1;
    socket.on('error', () => socket.destroy());
    met(socket, count);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, count: () => count };
}

/** Sends a piece every few milliseconds, as long as anyone listens. */
function drip(socket: { write(piece: string): unknown; on(event: 'close', then: () => void): unknown }, piece: string) {
  const timer = setInterval(() => socket.write(piece), 20);
  socket.on('close', () => clearInterval(timer));
}

describe('requests end', () => {
  const opened = 'HTTP/1.1 200 OK\r\n\r\n';
  eachOf<[string, (socket: Socket) => void, baseUrl?: string]>(
    [
      ['closes after CONNECT', (socket) => socket.on('data', () => socket.end())],
      ['says nothing', () => undefined],
      ['opens a tunnel to nowhere', (socket) => socket.once('data', () => socket.write(opened))],
      ['closes at once', (socket) => socket.end()],
      ['resets', (socket) => socket.on('data', () => socket.resetAndDestroy())],
      ['says 100 for ever', (socket) => socket.on('data', () => drip(socket, 'HTTP/1.1 100 Continue\r\n\r\n'))],
      ['never ends its head', (socket) => socket.on('data', () => drip(socket, 'x'))],
      ['opens a tunnel and closes', (socket) => socket.once('data', () => socket.end(opened))],
      [
        'answers CONNECT itself',
        (socket) => socket.once('data', () => socket.end(`${opened}<html>`)),
        'http://127.0.0.1',
      ],
    ],
    { quick: 1 },
  )(
    'proxy-closes-connect: a proxy that %s is tried twice, with a pause',
    async (_, met, baseUrl = 'https://a.example') => {
      const proxy = await listener(met);
      const settings = { baseUrl, token: 'the-token', retries: 1, requestTimeout: '1s' };
      const space = new Workspace({ prod: settings });
      const began = performance.now();

      const outcome = await cli(['sync'], space.dir, { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url });

      expect(outcome.code).toBe(1);
      expect(outcome.err).not.toContain('the-token');
      expect(proxy.count()).toBeGreaterThanOrEqual(2);
      expect(proxy.count()).toBeLessThan(6);
      expect(performance.now() - began).toBeGreaterThan(200);
    },
  );

  eachOf(
    [
      ['407 Proxy Authentication Required', '', ': the proxy answered 407\n'],
      ['502 Bad Gateway', '<html><h1>502</h1></html>', ': the proxy answered 502\n'],
      ['200 OK', '<html><h1>Sign in first</h1></html>', ': what answers does not speak TLS\n'],
      ['302 Found', '', ': the proxy answered 302\n'],
    ],
    { quick: 1 },
  )(
    'right-tls-and-proxy-answers: a proxy that answers %s ends the run, without a secret',
    async (status, body, words) => {
      const head = `HTTP/1.1 ${status}\r\nlocation: http://evil.example/\r\ncontent-length: ${body.length}\r\n\r\n`;
      const proxy = await listener((socket) => socket.once('data', () => socket.write(head + body)));
      const settings = { baseUrl: 'https://api.example', token: 'the-token', retries: 1, requestTimeout: '1s' };
      const space = new Workspace({ prod: settings });
      const address = proxy.url.replace('http://', 'http://user:hidden-word@');

      const { code, out, err } = await cli(['sync'], space.dir, { HTTPS_PROXY: address });

      expect(code).toBe(1);
      expect(out + err).not.toMatch(/the-token|hidden-word/);
      expect(out).toContain(words);
      expect(proxy.count()).toBeLessThan(6);
    },
  );

  eachOf<[string, (response: ServerResponse) => void, RegExp]>(
    [
      ['a body that drips', (response) => drip(response.writeHead(200), ' '), /no complete answer within 2 s/],
      [
        'a head that drips',
        ({ socket }) => socket && drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
        /no complete answer within 2 s/,
      ],
      [
        'a body that never ends',
        (response) => void response.writeHead(200).write('['),
        /no complete answer within 2 s/,
      ],
      [
        'a body without end',
        (response) => {
          const more = () => void (response.destroyed || response.write(' '.repeat(65_536), () => setImmediate(more)));
          more();
        },
        /longer than 64 KiB \(maxResponse\)/,
      ],
      [
        'a body that grows when unpacked',
        (response) => {
          const packed = gzipSync(Buffer.alloc(1_000_000));
          response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
        },
        /unpacks to more than 64 KiB \(maxResponse\)/,
      ],
    ],
    { quick: 1 },
  )('timeout-drip-body: %s leaves the type incomplete', async (_, answer, reason) => {
    const { space } = await flowsThrough(
      (_url, response) => {
        answer(response);
        return true;
      },
      { requestTimeout: '2s', retries: 0, maxResponse: '64KiB' },
    );

    const report = await space.sync();

    expect(report).toMatchObject({ code: 3, incomplete: ['flows'] });
    expect(JSON.stringify(report)).toMatch(reason);
  });

  eachOf(
    [
      ['an hour', '3600', 1],
      ['a number beyond all', '9'.repeat(400), 1],
      ['a date years ahead', 'Fri, 31 Dec 9999 23:59:59 GMT', 1],
      ['a second, again and again', '0.3', 3],
    ],
    { quick: 0 },
  )('retry-after-unusable: a pause of %s ends the run', async (_, pause, requests) => {
    let asked = 0;
    const account = await sample();
    const before = await gateway(account.url, ({ url }, response) => {
      if (!url.startsWith('/v1/flows')) return false;
      asked += 1;
      response.writeHead(429, { 'retry-after': pause }).end('{"errors":[{"code":"rate_limited","message":"slow"}]}');
      return true;
    });
    const settings = { baseUrl: before.url, token: account.owner.token, maxPause: '800ms' };
    const space = new Workspace({ prod: settings });

    const outcome = await space.run('sync');

    expect(outcome.code).toBe(3);
    expect(outcome.out + outcome.err).toContain('asks to wait longer than maxPause (0.8 s)');
    expect(asked).toBe(requests);
    // Nobody else's request would be answered either.
    const last = before.seen.findLastIndex((url) => url.includes('/v1/flows'));
    expect(before.seen.length - last).toBeLessThan(10);
  });
});

describe('audit-times-without-zone', () => {
  eachOf([['2026-11-28T10:15:30.000'], ['2026-11-28 10:15:30'], ['2026-11-28T10:15:30.000Z']], { quick: 1 })(
    'a time as %j means the same moment in every zone',
    async (form) => {
      vi.stubEnv('TZ', 'America/New_York');
      onTestFinished(() => void vi.unstubAllEnvs());
      expect(new Date(2026, 0, 1).getTimezoneOffset()).toBe(300);
      const account = await sample();
      // The first whole second after the first run: an entry from before it would be told already.
      let entryTime = '';
      let edited = '';
      const before = await gateway(account.url, ({ url }, response) => {
        if (!url.startsWith('/v1/audit') || edited === '') return false;
        const [byUser] = [account.person('administrator')].map(({ _id, name, email }) => ({ _id, name, email }));
        const entry = { _id: 'e1', resourceType: 'flow', _resourceId: edited, event: 'update', source: 'ui', byUser };
        response.writeHead(200).end(JSON.stringify([{ ...entry, time: inForm(entryTime, form) }]));
        return true;
      });
      const space = new Workspace({ prod: { baseUrl: before.url, token: account.owner.token, include: ['flows'] } });
      await space.run('sync');
      entryTime = new Date(Math.ceil(Date.now() / 1_000) * 1_000).toISOString();
      edited = String(account.emulator.state.all('flows')[0]?._id);
      account.emulator.act(account.owner.token).set('flows', edited, { description: 'new' });

      expect(await space.sync()).toMatchObject({ code: 0 });
      expect(space.git('log', '-1', '--format=%an %ad', '--date=iso-strict').trim()).toBe(
        `${account.person('administrator').name} ${entryTime.slice(0, 19)}+00:00`,
      );
    },
  );
});

/** A time, written as the example is: with or without parts of a second, a `T` and a zone. */
function inForm(time: string, example: string): string {
  const written = example.includes('T') ? time : time.replace('T', ' ');
  return example.endsWith('Z') ? written : written.slice(0, example.length);
}

/**
 * Restores a flow that `first` edited, with an edit of the administrator just before the write: the administrator is
 * named.
 */
async function expectNamed(account: TestAccount, baseUrl: string, first: string): Promise<Workspace> {
  const space = new Workspace({ prod: { baseUrl, token: account.owner.token, include: ['flows'] } });
  await space.run('sync');
  const good = space.git('rev-parse', 'HEAD').trim();
  const id = String(account.emulator.state.all('flows').find((flow) => !flow._connectorId)?._id);
  const { email, name } = account.person('administrator');
  account.emulator.act(first).set('flows', id, { description: 'bad' });
  await space.run('sync');
  account.emulator.beforeWrite = () => {
    account.emulator.beforeWrite = undefined;
    account.emulator.act(email).set('flows', id, { description: 'slipped in' });
  };

  const outcome = await space.run('restore', 'all', '--at', good, '--yes');

  expect(outcome.code).toBe(4);
  expect(outcome.out + outcome.err).toContain(name);
  return space;
}

/** The log of the account as some accounts show it. */
function auditThrough(account: TestAccount, change: (entry: Record<string, Json>) => Record<string, Json>) {
  return gateway(account.url, ({ url }, response) => {
    if (!url.startsWith('/v1/audit')) return false;
    const { searchParams } = new URL(url, 'http://x');
    const [from, to] = ['from', 'to'].map((name) => searchParams.get(name) ?? '');
    const inside = account.emulator.state.audit().filter(({ time }) => time >= String(from) && time <= String(to));
    response.writeHead(200).end(JSON.stringify((inside as unknown as Record<string, Json>[]).map(change)));
    return true;
  });
}

describe('restore-false-conflict', () => {
  const withoutPath = (entry: Record<string, Json>): Record<string, Json> => ({
    ...entry,
    fieldChanges: [{ oldValue: 'a', newValue: 'b' }],
  });
  eachOf<[string, (entry: Record<string, Json>) => Record<string, Json>]>(
    [
      ['without field names', withoutPath],
      ['without fields', ({ fieldChanges: _, ...entry }) => entry],
      [
        'with values cut off',
        (entry) => ({ ...entry, fieldChanges: [{ fieldPath: 'description', oldValue: '', newValue: 'bad…' }] }),
      ],
      [
        'that is a moment late',
        ({ fieldChanges: _, ...entry }) => ({
          ...entry,
          time: new Date(Date.parse(String(entry.time)) + 30).toISOString(),
        }),
      ],
    ],
    { quick: 0 },
  )('an edit that the mirror holds is none, in a log %s', async (_, change) => {
    const account = await sample();
    const before = await auditThrough(account, change);
    const space = new Workspace({ prod: { baseUrl: before.url, token: account.owner.token, include: ['flows'] } });
    await space.run('sync');
    const good = space.git('rev-parse', 'HEAD').trim();
    const id = String(account.emulator.state.all('flows').find((flow) => !flow._connectorId)?._id);
    const { email } = account.person('administrator');
    account.emulator.act(email).set('flows', id, { description: 'worse' });
    await wait(5);
    account.emulator.act(email).set('flows', id, { description: 'bad and long' });
    await space.run('sync');

    const outcome = await space.run('restore', 'all', '--at', good, '--yes');

    expect(outcome.out + outcome.err).not.toMatch(/edited meanwhile|overwritten/);
    expect(outcome.code).toBe(0);
  });

  it('an edit before an own write is none, however short before', { tags: 'slow' }, async () => {
    // All of it within the time in which the log and the account need not agree.
    const start = Date.now();
    const now = (): Date => new Date(start + (Date.now() - start) / 100);
    const account = await sample({ lastModifiedBy: 'id', now });
    const before = await auditThrough(account, ({ fieldChanges: _, ...entry }) => entry);
    const space = new Workspace({ prod: { baseUrl: before.url, token: account.owner.token, include: ['flows'] } });
    await space.run('sync');
    const id = String(account.emulator.state.all('flows').find((flow) => !flow._connectorId)?._id);
    account.emulator.act(account.person('administrator').email).set('flows', id, { description: 'bad' });
    await space.run('sync');
    expect(await space.run('undo', 'HEAD', '--yes')).toMatchObject({ code: 0 });

    const outcome = await space.run('undo', 'HEAD', '--yes');

    expect(outcome.out + outcome.err).not.toMatch(/edited meanwhile|overwritten/);
    expect(outcome.code).toBe(0);
    expect(account.emulator.state.get('flows', id)?.description).toBe('bad');
  });

  it('an edit just before the write is one all the same', { tags: 'slow' }, async () => {
    const account = await sample();
    const before = await auditThrough(account, withoutPath);
    await expectNamed(account, before.url, account.person('administrator').email);
  });

  it.each([
    ['someone else', false],
    ['the same person', true],
  ])(
    'an edit just before the write is one although the document names its editor: after one of %s',
    { tags: 'slow' },
    async (_, isSame) => {
      const start = Date.now();
      const account = await sample({ now: () => new Date(start + (Date.now() - start) / 100) });
      const { _id, email } = account.person('administrator');
      // Set once, by an edit long ago, and never again.
      const before = await gateway(account.url, ({ method, url, headers }, response) => {
        if (method !== 'GET' || !url.startsWith('/v1/flows')) return false;
        void fetch(account.url + url, { headers: { authorization: String(headers.authorization) } })
          .then((answer) => answer.text())
          .then((text) => response.end(text.replaceAll('"lastModified":', `"lastModifiedBy":"${_id}",$&`)));
        return true;
      });
      const space = await expectNamed(account, before.url, isSame ? email : account.owner.email);
      expect(space.git('log', '-p')).toContain('slipped in');
    },
  );
});

eachOf<[what: string, change: (script: JsonObject) => JsonObject, hidesOne: boolean]>(
  [
    ['leaves it out', ({ content: _, ...rest }) => rest, false],
    ['says null', (script) => ({ ...script, content: null }), false],
    ['leaves it out, of a script that the list hides', ({ content: _, ...rest }) => rest, true],
  ],
  { quick: 1 },
)('code is not taken for removed where an answer %s', async (_, change, hidesOne) => {
  const account = await sample();
  let isLacking = false;
  const hidden = hidesOne ? account.emulator.state.all('scripts')[0]?._id : undefined;
  const before = await gateway(account.url, ({ url, headers }, response) => {
    const isMet = isLacking && /^\/v1\/scripts\b/.test(url);
    if (isMet)
      void fetch(account.url + url, { headers: { authorization: String(headers.authorization) } })
        .then((answer) => answer.json() as Promise<JsonObject | JsonObject[]>)
        .then((body) => {
          if (Array.isArray(body)) return body.filter(({ _id }) => _id !== hidden);
          return hidden === undefined || body._id === hidden ? change(body) : body;
        })
        .then((body) => response.end(JSON.stringify(body)));
    return isMet;
  });
  const space = new Workspace({ prod: { baseUrl: before.url, token: account.owner.token, include: ['scripts'] } });
  await space.mirrored();
  const files = space.files();
  isLacking = true;

  const kept = await space.sync('--full');
  expect(kept).toMatchObject({ code: 3, incomplete: ['scripts'], changes: [] });
  expect(JSON.stringify(kept.types)).toContain('save a comment in its place there');
  expect(space.files()).toEqual(files);
  // A consent to deletions is none to what an answer lacks.
  expect(await space.sync('--full', '--allow-deletions')).toMatchObject({ code: 3, incomplete: ['scripts'] });
  expect(space.files()).toEqual(files);
});
