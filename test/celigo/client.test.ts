import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { fetchAudit, fetchEdits } from '../../src/celigo/audit.ts';
import { type ApiClient, createClient } from '../../src/celigo/client.ts';
import { readErrorBody } from '../../src/celigo/errors.ts';
import { recordsOf, walkCollection } from '../../src/celigo/paging.ts';
import { isObject, type Json } from '../../src/core/json.ts';
import { proxiesOf } from '../../src/net/proxies.ts';
import { selfSigned } from '../support/self-signed.ts';
import { tunnelProxy } from '../support/tunnel.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly at: number;
  readonly authorization: string | undefined;
}

type Handler = (request: IncomingMessage, response: ServerResponse, nth: number) => void;

async function serve(handler: Handler): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    seen.push({
      method: request.method ?? '',
      url: request.url ?? '',
      at: performance.now(),
      authorization: request.headers.authorization,
    });
    handler(request, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

function client(url: string, more: Partial<Parameters<typeof createClient>[0]> = {}): ApiClient {
  const made = createClient({
    baseUrl: url,
    token: 'the-token',
    rateLimit: { perSecond: 1000, burst: 1000 },
    concurrency: 4,
    requestTimeoutMs: 2_000,
    maxResponseBytes: 2 ** 28,
    maxPauseMs: 300_000,
    retries: 3,
    userAgent: 'test',
    ...more,
  });
  onTestFinished(() => made.close());
  return made;
}

/** In the form of the API itself. */
const REFUSAL = '{"errors":[{"code":"x","message":"no"}]}';
const signal = new AbortController().signal;
// As many requests wait for it as a test sends at once.
setMaxListeners(0, signal);
const json = (response: ServerResponse, body: unknown, headers = {}): void => {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};

describe('throttling', () => {
  it('holds back every request of the account while the server asks for a pause', async () => {
    const { url, seen } = await serve((_request, response, nth) => {
      if (nth === 1)
        response.writeHead(429, { 'retry-after': '1' }).end('{"errors":[{"code":"rate_limited","message":"slow"}]}');
      else json(response, []);
    });
    const api = client(url, { concurrency: 1 });

    await Promise.all(Array.from({ length: 8 }, (_, i) => api.send({ url: `/v1/x${i}`, signal })));

    const reported = seen[0]?.at ?? 0;
    expect(seen.slice(1).map(({ at }) => at - reported >= 990)).toEqual(Array(8).fill(true));
    expect(api.stats.throttledMs).toBeGreaterThan(900);
  });

  it('lowers the own rate, so that one refusal is not followed by the next', async () => {
    const { url, seen } = await serve((_request, response, nth) => {
      if (nth === 20) response.writeHead(429, { 'retry-after': '1' }).end();
      else json(response, []);
    });
    const api = client(url, { rateLimit: { perSecond: 20, burst: 100 }, concurrency: 1 });

    await Promise.all(Array.from({ length: 24 }, (_, i) => api.send({ url: `/v1/x${i}`, signal })));

    const gaps = seen.slice(21).map(({ at }, i) => at - (seen[20 + i]?.at ?? 0));
    // 10 a second, growing; before the refusal they were sent at once.
    expect(gaps.map((gap) => gap > 60)).toEqual([true, true, true, true]);
  });

  it.each(['', '-1', '0', '2, 2', 'Sat, 28 Nov 2020 10:00:00 GMT'])(
    'waits as without the header where Retry-After is %j',
    async (value) => {
      const { url, seen } = await serve((_request, response, nth) =>
        nth === 1 ? response.writeHead(429, { 'retry-after': value }).end() : json(response, []),
      );

      await client(url).send({ url: '/v1/x', signal });

      expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThan(950);
    },
  );

  it('never sends faster than its own limit', async () => {
    const { url, seen } = await serve((_request, response) => json(response, []));
    const api = client(url, { rateLimit: { perSecond: 10, burst: 5 }, concurrency: 10 });
    // Not from the first arrival: on a busy machine it may be late.
    const began = performance.now();

    await Promise.all(Array.from({ length: 15 }, (_, i) => api.send({ url: `/v1/x${i}`, signal })));

    expect((seen[14]?.at ?? 0) - began).toBeGreaterThan(900);
  });
});

describe('trying again', () => {
  it.each([408, 429, 500, 502, 503, 504, 599])('is done after %i', async (status) => {
    const { url, seen } = await serve((_request, response, nth) =>
      nth < 2 ? response.writeHead(status).end() : json(response, { ok: 1 }),
    );

    expect(await client(url).json({ url: '/v1/x', signal })).toEqual({ ok: 1 });
    expect(seen).toHaveLength(2);
  });

  it.each([400, 402, 403, 404, 405, 409, 415, 418, 422, 301, 304])('is not done after %i', async (status) => {
    const { url, seen } = await serve((_request, response) =>
      response.writeHead(status, { location: 'http://elsewhere.example/' }).end(REFUSAL),
    );

    await expect(client(url).send({ url: '/v1/x', signal })).rejects.toMatchObject({ status });
    expect(seen).toHaveLength(1);
  });

  it('is done for resets, cut bodies and bodies that are no JSON', { tags: 'slow' }, async () => {
    const { url, seen } = await serve((request, response, nth) => {
      if (nth === 1) request.socket.destroy();
      else if (nth === 2) {
        response.writeHead(200, { 'content-length': '100' }).write('[{"a"');
        setImmediate(() => response.destroy());
      } else if (nth === 3) response.writeHead(200).end('<html>maintenance</html>');
      else json(response, [1]);
    });

    expect(await client(url).json({ url: '/v1/x', signal })).toEqual([1]);
    expect(seen).toHaveLength(4);
  });

  it('is never done for a POST whose fate is unknown, only after 429', async () => {
    const { url, seen } = await serve((request, response, nth) => {
      if (nth === 1) response.writeHead(429, { 'retry-after': '0' }).end();
      else request.socket.destroy();
    });

    await expect(client(url).send({ method: 'POST', url: '/v1/flows', body: {}, signal })).rejects.toMatchObject({
      transient: true,
    });
    expect(seen).toHaveLength(2);
  });

  it('is done after the time limit of one request, also when the answer drips', async () => {
    const { url, seen } = await serve((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    });

    await expect(client(url, { requestTimeoutMs: 500, retries: 1 }).json({ url: '/v1/x', signal })).rejects.toThrow(
      'no complete answer within 0.5 s',
    );
    expect(seen).toHaveLength(2);
  });

  it('gives up after the configured number, with the reason', async () => {
    const { url, seen } = await serve((_request, response) => response.writeHead(503).end('upstream down'));

    await expect(client(url, { retries: 1 }).send({ url: '/v1/x', signal })).rejects.toThrow(
      'GET /v1/x answered 503 (upstream down)',
    );
    expect(seen).toHaveLength(2);
  });

  it('stops at once when the run is stopped', async () => {
    const { url } = await serve(() => undefined);
    const stop = new AbortController();
    const pending = client(url).send({ url: '/v1/x', signal: stop.signal });
    stop.abort(new Error('stopped'));

    await expect(pending).rejects.toThrow('stopped');
  });
});

describe('the token', () => {
  it('is never in the words of a refusal', async () => {
    const { url } = await serve((_request, response) =>
      response.writeHead(401).end('{"message":"Bearer Authentication Failed"}'),
    );

    await expect(client(url).send({ url: '/v1/x', signal })).rejects.toMatchObject({
      code: 'AUTH',
      message: expect.not.stringContaining('the-token'),
    });
  });

  it('does not travel to another origin, by link, nextPageURL or redirect', async () => {
    const foreign = await serve((_request, response) => json(response, []));
    const { url, seen } = await serve((request, response) => {
      if (request.url?.startsWith('/v1/link'))
        json(response, [{ _id: 'a' }], { link: `<${foreign.url}/v1/link?skip=1>; rel="next"` });
      else if (request.url?.startsWith('/v1/next'))
        json(response, { data: [{ _id: 'a' }], nextPageURL: `${foreign.url}/v1/x` });
      else response.writeHead(302, { location: `${foreign.url}/v1/x` }).end();
    });
    const api = client(url);
    for (const path of ['/v1/link', '/v1/next', '/v1/redirect'])
      await expect(walk(api, path)).rejects.toThrow(/another host|302/);

    expect(seen).toHaveLength(3);
    expect(foreign.seen).toHaveLength(0);
  });
});

describe('a packed body', () => {
  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['deflate, gzip', (body: Buffer) => gzipSync(deflateSync(body))],
    ['Identity', (body: Buffer) => body],
  ])('is unpacked: %s', async (coding, pack) => {
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': coding }).end(pack(Buffer.from('{"name":"Größe"}'))),
    );

    expect(await client(url).json({ url: '/v1/x', signal })).toEqual({ name: 'Größe' });
  });

  it('is asked for only in codings that can be read', async () => {
    let asked: unknown;
    const { url } = await serve((request, response) => {
      asked = request.headers['accept-encoding'];
      json(response, []);
    });
    await client(url).send({ url: '/v1/x', signal });

    expect(asked).toBe('gzip, deflate, br');
  });

  it('in an unknown coding is an error that names it, at once', async () => {
    const { url, seen } = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'zstd' }).end('xxxx'),
    );

    await expect(client(url).send({ url: '/v1/x', signal })).rejects.toThrow('unknown Content-Encoding "zstd"');
    expect(seen).toHaveLength(1);
  });

  it('that ends too early inside an answer of full length is fetched again', async () => {
    const whole = gzipSync(JSON.stringify(Array.from({ length: 500 }, (_, i) => ({ _id: i }))));
    const { url } = await serve((_request, response, nth) =>
      response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(nth === 1 ? whole.subarray(0, whole.length - 20) : whole),
    );

    expect(await client(url).json({ url: '/v1/x', signal })).toHaveLength(500);
  });

  it('does not hide a refusal', async () => {
    const { url } = await serve((_request, response, nth) =>
      nth === 1
        ? response
            .writeHead(422, { 'content-encoding': 'gzip' })
            .end(gzipSync('{"errors":[{"code":"x","message":"no name"}]}'))
        : response.writeHead(409, { 'content-encoding': 'zstd' }).end('xxxx'),
    );
    const api = client(url);

    await expect(api.send({ url: '/v1/x', signal })).rejects.toMatchObject({ status: 422, apiCode: 'x' });
    await expect(api.send({ url: '/v1/x', signal })).rejects.toMatchObject({ status: 409 });
  });

  it('that unpacks to more than it may is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(3 * 1024 * 1024));
    const { url, seen } = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );

    await expect(client(url, { maxResponseBytes: 2 ** 20 }).send({ url: '/v1/x', signal })).rejects.toThrow(
      'unpacks to more than 1 MiB (maxResponse)',
    );
    expect(seen).toHaveLength(1);
  });
});

/** Answers in bytes of its own making: the head as given, `body` behind it, in two pieces. */
async function rawServer(head: string, body: string): Promise<{ url: string; heads: string[] }> {
  const heads: string[] = [];
  const { createServer: listen } = await import('node:net');
  const server = listen((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
      heads.push(data.toString());
      const text = `${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
      const cut = text.indexOf('rel=');
      socket.write(text.slice(0, cut));
      setTimeout(() => socket.end(text.slice(cut)), 20);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heads };
}

const FOLDED = 'HTTP/1.1 200 OK\r\nLink: </v1/c?skip=0>; rel="first",\r\n  </v1/c?skip=3>;\r\n\t rel="next"';

describe('a folded Link', () => {
  it('is read, with the token sent to no other host', async () => {
    const { url, heads } = await rawServer(FOLDED, '[]');

    const { headers } = await client(url).send({ url: '/v1/c', signal });

    expect(headers.link).toBe('</v1/c?skip=0>; rel="first", </v1/c?skip=3>; rel="next"');
    expect(heads).toHaveLength(2);
    expect(heads[1]).toMatch(/connection: close/i);
  });

  it('is read through the tunnel of a proxy as well', async () => {
    const { url } = await rawServer(FOLDED, '[]');
    const proxy = await tunnelProxy();

    const { headers } = await client(url, { proxies: { httpProxy: proxy.url, httpsProxy: '', noProxy: '' } }).send({
      url: '/v1/c',
      signal,
    });

    expect(headers.link).toContain('rel="next"');
    expect(proxy.targets).toHaveLength(2);
  });

  it('lets nothing else through that is not HTTP', async () => {
    const { url } = await rawServer(`${FOLDED}\r\nbad header: \x01`, '[]');

    await expect(client(url, { retries: 0 }).send({ url: '/v1/c', signal })).rejects.toThrow(/protocol/);
  });

  it('never causes a write to be sent twice', async () => {
    const { url, heads } = await rawServer(FOLDED, '[]');

    await expect(client(url).send({ method: 'POST', url: '/v1/c', body: {}, signal })).rejects.toMatchObject({
      transient: true,
    });
    expect(heads).toHaveLength(1);
  });
});

describe('TLS', () => {
  it.each([
    ['directly', false],
    ['through a proxy', true],
  ])('is verified even when the environment turns the check off, %s', async (_name, proxied) => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    let reached = false;
    const url = await selfSigned((_request, response) => {
      reached = true;
      response.end('[]');
    });
    const proxy = await tunnelProxy();
    const proxies = proxied ? { httpProxy: '', httpsProxy: proxy.url, noProxy: '' } : undefined;

    await expect(client(url, { retries: 0, proxies }).send({ url: '/v1/x', signal })).rejects.toThrow(/certificate/);
    expect(reached).toBe(false);
    expect(proxy.targets).toHaveLength(proxied ? 1 : 0);
  });
});

describe('a proxy of the environment', () => {
  it.each([
    ['HTTPS_PROXY', 'proxy.example:3128'],
    ['https_proxy', 'http://user:geheim@'],
    ['HTTP_PROXY', 'http://user:geheim%@proxy.example'],
    ['http_proxy', 'ftp://user:geheim@proxy.example'],
  ])('%s that is no address is refused by name, without its value', (name, value) => {
    let failure: unknown;
    try {
      proxiesOf({ [name]: value });
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: 'USAGE', message: expect.stringContaining(name) });
    expect(JSON.stringify(failure)).not.toContain('geheim');
  });

  it('is taken from small letters first, and none means none', () => {
    expect(proxiesOf({})).toBeUndefined();
    expect(proxiesOf({ HTTPS_PROXY: '' })).toBeUndefined();
    expect(proxiesOf({ https_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:1', NO_PROXY: 'x.example' })).toEqual({
      httpProxy: '',
      httpsProxy: 'http://a:1',
      noProxy: 'x.example',
    });
  });
});

async function walk(api: ApiClient, path: string): Promise<string[]> {
  const ids: string[] = [];
  await walkCollection(api, {
    path,
    paged: true,
    signal,
    read: (response) => {
      const { records, nextPageUrl } = recordsOf(response);
      return { records, nextPageUrl, count: records.length };
    },
    visit: async ({ records }) => {
      const fresh = records
        .map((record) => String(isObject(record) ? record._id : ''))
        .filter((id) => !ids.includes(id));
      ids.push(...fresh);
      return fresh.length;
    },
  });
  return ids;
}

/** A collection of `total` records, paged by `how`. */
function collection(
  total: number,
  how: (start: number, url: URL) => { page: number; next?: string; wrap?: (page: Json[]) => unknown; link?: string },
): Handler {
  const all = Array.from({ length: total }, (_, i) => ({ _id: `id${i}` }));
  return (request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    const start = Number(url.searchParams.get('skip') ?? url.searchParams.get('start') ?? 0);
    const { page, link, wrap } = how(start, url);
    const records = all.slice(start, start + page);
    if (records.length === 0) response.writeHead(204).end();
    else json(response, wrap ? wrap(records) : records, link && start + page < total ? { link } : {});
  };
}

describe('walking a collection', () => {
  const cases: [string, number, Handler][] = [
    ['in one page', 5, collection(5, () => ({ page: 1000 }))],
    ['that is empty', 0, collection(0, () => ({ page: 1000 }))],
    [
      'by absolute-path links',
      25,
      collection(25, (start) => ({
        page: 10,
        link: `</v1/c?skip=${start + 10}>; rel="next", </v1/c?skip=0>; rel=prev`,
      })),
    ],
    [
      'by links with folded values',
      25,
      collection(25, (start) => ({ page: 10, link: `</v1/c?skip=${start + 10}>;  rel="prev next"` })),
    ],
    ['by relative links', 25, collection(25, (start) => ({ page: 10, link: `<c?skip=${start + 10}>; rel=next` }))],
    ['without links, in full pages of 100', 250, collection(250, () => ({ page: 100 }))],
    ['without links, ending on a full page', 200, collection(200, () => ({ page: 100 }))],
    ['without links, of exactly 1001', 1001, collection(1001, () => ({ page: 1001 }))],
    [
      'by nextPageURL without /v1',
      25,
      collection(25, (start) => ({
        page: 10,
        wrap: (data) => ({ data, ...(start < 20 ? { nextPageURL: `/c?start=${start + 10}` } : {}) }),
      })),
    ],
    [
      'by nextPageURL with /v1',
      25,
      collection(25, (start) => ({
        page: 10,
        wrap: (data) => ({ data, ...(start < 20 ? { nextPageURL: `v1/c?start=${start + 10}` } : {}) }),
      })),
    ],
    [
      'from a server that refuses the limit',
      25,
      (request, response) =>
        request.url?.includes('limit')
          ? response.writeHead(400).end()
          : collection(25, () => ({ page: 1000 }))(request, response, 0),
    ],
    [
      'from a server that ignores skip',
      100,
      (_request, response) =>
        json(
          response,
          Array.from({ length: 100 }, (_, i) => ({ _id: `id${i}` })),
        ),
    ],
  ];
  it.each(cases)('%s finds every record', async (_name, total, handler) => {
    const { url } = await serve(handler);

    expect(await walk(client(url), '/v1/c')).toHaveLength(total);
  });

  it.each([
    [
      'leads in a circle',
      (url: URL) => `</v1/c?limit=1000${url.searchParams.has('skip') ? '' : '&skip=1'}>; rel="next"`,
    ],
    [
      'promises more but repeats itself',
      (url: URL) => `</v1/c?skip=${Number(url.searchParams.get('skip') ?? 0) + 1}>; rel="next"`,
    ],
  ])('that %s is an error, not an end', async (_name, link) => {
    const { url } = await serve((request, response) =>
      json(response, [{ _id: 'a' }], { link: link(new URL(request.url ?? '', 'http://x')) }),
    );

    await expect(walk(client(url), '/v1/c')).rejects.toThrow(/earlier/);
  });

  const odd: [string, number, string | undefined, string][] = [
    ['a message', 200, '{"message":"moved"}', 'not a list'],
    ['a text', 200, '"text"', 'not a list'],
    ['a number', 200, '7', 'not a list'],
    ['two lists', 200, '{"items":[],"data":[]}', 'not a list'],
    ['a list of errors', 200, '{"errors":[]}', 'not a list'],
    ['an unknown envelope', 200, '{"flows":[{"_id":"a"}]}', 'not a list'],
    ['an envelope with errors', 200, '{"data":[],"errors":[{"message":"x"}]}', 'not a list'],
    ['a page of HTML', 200, '<html>maintenance</html>', 'not JSON'],
    ['200 without a body', 200, undefined, '200 without a body'],
    ['a part of a list', 206, '[]', '206 with a body'],
    ['a promise of a list', 202, '[]', '202 with a body'],
  ];

  it.each(odd)('takes %s for no list: it is asked for again, then an error', async (_, status, body, message) => {
    const { url, seen } = await serve((_request, response) => response.writeHead(status).end(body));

    await expect(walk(client(url, { retries: 1 }), '/v1/c')).rejects.toThrow(message);
    expect(seen).toHaveLength(2);
  });

  it.each(odd)('whose second page is %s is an error, unless it gets better', async (_, status, body, message) => {
    let failures = 1;
    const { url, seen } = await serve((request, response) => {
      const second = new URL(request.url ?? '', 'http://x').searchParams.has('skip');
      if (second && failures-- > 0) response.writeHead(status).end(body);
      else json(response, [{ _id: second ? 'b' : 'a' }], second ? {} : { link: '</v1/c?skip=1>; rel="next"' });
    });
    const once = client(url, { retries: 1 });

    expect(await walk(once, '/v1/c')).toEqual(['a', 'b']);
    expect(seen).toHaveLength(3);
    failures = 2;
    await expect(walk(once, '/v1/c')).rejects.toThrow(message);
  });

  it.each([
    ['204 without a body', 204, undefined],
    ['an empty array', 200, '[]'],
    ['an empty array in a documented envelope', 200, '{"items":[]}'],
  ])('is empty when the answer is %s', async (_, status, body) => {
    const { url, seen } = await serve((_request, response) => response.writeHead(status).end(body));

    expect(await walk(client(url), '/v1/c')).toEqual([]);
    expect(seen).toHaveLength(1);
  });
});

describe('the audit log', () => {
  const entry = (n: number) => ({
    _id: `e${n}`,
    resourceType: 'flow',
    _resourceId: 'f',
    event: 'update',
    source: 'ui',
    time: new Date(n * 1000).toISOString(),
    byUser: { _id: 'u', name: 'U', email: 'u@x' },
  });

  it.each([
    ['a bare array', (e: unknown) => e],
    ['{audit}', (audit: unknown) => ({ audit })],
    ['{auditLogs}', (auditLogs: unknown) => ({ auditLogs })],
  ])('is read from %s', async (_name, wrap) => {
    const { url } = await serve((_request, response) => json(response, wrap([entry(2), entry(1), entry(2)])));

    expect((await fetchAudit(client(url), new Date(0), new Date(10_000), signal)).map(({ id }) => id)).toEqual([
      'e1',
      'e2',
    ]);
  });

  it('is in the order of its moments, whatever their offset, and knows people by their bare id', async () => {
    const { url } = await serve((_request, response) =>
      json(response, [
        { ...entry(1), time: '2026-01-01T10:00:00-05:00', byUser: 'u1' },
        { ...entry(2), time: '2026-01-01T11:00:00Z', byUser: undefined, _byUserId: 'u2' },
        { ...entry(3), time: 'some day' },
      ]),
    );

    const notes = await fetchAudit(client(url), new Date(0), new Date(), signal);

    expect(notes.map(({ id, by }) => [id, by.id])).toEqual([
      ['e2', 'u2'],
      ['e1', 'u1'],
    ]);
  });

  it('shows what changed as a list or as one object, and newer types in any spelling', async () => {
    const change = { fieldPath: 'name', oldValue: 'a', newValue: 'b' };
    const { url } = await serve((_request, response) =>
      json(response, [
        { ...entry(1), resourceType: 'sync', fieldChange: change },
        { ...entry(2), resourceType: 'MCPServers', fieldChanges: [change, { ...change, fieldPath: 'x' }] },
        { ...entry(3), resourceType: 'lookup_cache', fieldChange: [change] },
        entry(4),
      ]),
    );

    const edits = await fetchEdits(client(url), new Date(0), new Date(10_000), signal);

    expect(edits.map(({ resourceType, fields }) => [resourceType, fields.map(({ path }) => path)])).toEqual([
      ['sync', ['name']],
      ['mcpserver', ['name', 'x']],
      ['lookupcache', ['name']],
      ['flow', []],
    ]);
  });

  it('is cut into slices of time where an answer may have been cut off', async () => {
    const all = Array.from({ length: 2500 }, (_, i) => entry(i));
    const { url } = await serve((request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams;
      const inside = all.filter(({ time }) => time >= String(query.get('from')) && time <= String(query.get('to')));
      json(response, inside.slice(-1000));
    });

    expect(await fetchAudit(client(url), new Date(0), new Date(2_500_000), signal)).toHaveLength(2500);
  });
});

describe('error bodies', () => {
  it.each([
    [
      '{"errors":[{"code":"invalid_ref","message":"not found","field":"_id"}]}',
      { message: '_id: not found', apiCode: 'invalid_ref' },
    ],
    ['{"errors":[{"code":7,"message":"odd"}]}', { message: 'odd', apiCode: '7' }],
    ['{"message":"Unauthorized"}', { message: 'Unauthorized', apiCode: undefined }],
    [
      '<html><head><style>p{}</style></head><body><p>Bad  gateway</p></body></html>',
      { message: 'Bad gateway', apiCode: undefined },
    ],
    ['', { message: '', apiCode: undefined }],
    ['{"message":{"toString":null}}', { message: '{"toString":null}', form: undefined }],
    ['{"errors":[{"code":{"a":1},"message":["x"]}]}', { message: '["x"]', apiCode: '{"a":1}' }],
    ['{"errors":[]}', { message: '', form: undefined }],
    ['{"errors":[{}]}', { message: '', form: undefined }],
    ['{"errors":[{"code":"invalid_ref"}]}', { message: 'invalid_ref', form: 'errors' }],
    ['{"message":"Forbidden"}', { message: 'Forbidden', form: 'message' }],
  ])('%s', (body, expected) => {
    expect(readErrorBody(body)).toMatchObject(expected);
  });

  it('are read in their beginning only, however long they are', async () => {
    const { url, seen } = await serve((_request, response, nth) => {
      if (nth === 1) response.writeHead(422).end(`no name ${' '.repeat(9_000_000)}`);
      else response.writeHead(422, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(9_000_000)));
    });
    const api = client(url);

    for (const text of ['GET /v1/x answered 422 (no name)', 'GET /v1/x answered 422'])
      await expect(api.send({ url: '/v1/x', signal })).rejects.toMatchObject({ message: text, status: 422 });
    expect(api.stats.bytes).toBeLessThan(2_000_000);
    expect(seen).toHaveLength(2);
  });

  it('takes no longer for a page that is all beginnings of scripts', () => {
    expect(readErrorBody('<script'.repeat(1_000_000)).form).toBeUndefined();
  });
});
