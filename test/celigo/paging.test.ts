import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApiClient, ApiRequest, ApiResponse } from '../../src/celigo/client.ts';
import { ApiError } from '../../src/celigo/errors.ts';
import { listRecords, recordsOf } from '../../src/celigo/paging.ts';
import type { Json } from '../../src/core/json.ts';
import { cases } from '../support/fuzz.ts';

const BASE = 'https://api.test';

interface Served {
  readonly body?: Json;
  readonly link?: string;
  readonly status?: number;
}

/** A client whose server answers so; the paths and queries that it was asked for. */
function serving(answer: (url: URL) => Served): { client: ApiClient; asked: string[] } {
  const asked: string[] = [];
  const client = {
    baseUrl: BASE,
    async send({ url, accept }: ApiRequest) {
      const target = new URL(url, BASE);
      asked.push(target.pathname + target.search);
      if (asked.length > 1_000) throw new Error('the walk does not end');
      const { body, link, status = 200 } = answer(target);
      if (status >= 400) throw new ApiError(`status ${status}`, { status, transient: status >= 500 });
      const response = {
        status,
        headers: link === undefined ? {} : { link },
        body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
        url: target,
      };
      accept?.(response);
      return response;
    },
  } as unknown as ApiClient;
  return { client, asked };
}

function list(client: ApiClient, options: { paged?: boolean; optional?: Record<string, string> } = {}) {
  const signal = new AbortController().signal;
  return listRecords(client, { path: '/v1/flows', paged: true, signal, ...options }, ({ _id }) => String(_id));
}

function records(from: number, count: number): Json[] {
  return Array.from({ length: count }, (_, i) => ({ _id: `r${from + i}` }));
}

/** A collection of `total` records in pages of `size`, paged in one of the ways that servers have. */
function collection(way: 'link' | 'body' | 'skip', total: number, size: number): (url: URL) => Served {
  return (url) => {
    const at = Number(url.searchParams.get('skip') ?? 0);
    const page = records(at, Math.max(0, Math.min(size, total - at)));
    const next = at + size < total ? `/v1/flows?skip=${at + size}` : undefined;
    if (way === 'link') return { body: page, ...(next ? { link: `<${next}>; rel="next"` } : {}) };
    if (way === 'body') return { body: { data: page, ...(next ? { nextPageURL: next } : {}) } };
    return { body: page };
  };
}

describe('a collection', () => {
  it('is read completely, whichever way it is paged', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('link' as const, 'body' as const),
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 1, max: 12 }),
        async (way, total, size) => {
          const found = await list(serving(collection(way, total, size)).client);
          expect([...found.keys()]).toEqual(records(0, total).map((one) => (one as { _id: string })._id));
        },
      ),
      cases(100),
    );
  });

  it.each([
    // Total, length of a page, requests: one more where the last page is as long as a page can be.
    [0, 100, 1],
    [99, 100, 1],
    [100, 100, 2],
    [101, 100, 2],
    [250, 100, 3],
    [1_000, 1_000, 2],
    [1_001, 1_001, 2],
    [2_500, 1_000, 3],
  ])('of %i records in pages of %i without links is read with %i requests', async (total, size, requests) => {
    const { client, asked } = serving(collection('skip', total, size));

    expect((await list(client)).size).toBe(total);
    expect(asked).toHaveLength(requests);
  });

  it('that gives the same page whatever is skipped ends there', async () => {
    const { client, asked } = serving(() => ({ body: records(0, 100) }));

    expect((await list(client)).size).toBe(100);
    expect(asked).toEqual(['/v1/flows?limit=1000', '/v1/flows?limit=1000&skip=100']);
  });

  it.each<[string, Served[], RegExp]>([
    [
      'leads in a circle',
      [
        { body: records(0, 2), link: '</v1/flows?skip=2>; rel="next"' },
        { body: records(2, 2), link: '</v1/flows?skip=2>; rel="next"' },
      ],
      /already read/,
    ],
    [
      'repeats records and promises more',
      [
        { body: records(0, 2), link: '</v1/flows?skip=2>; rel="next"' },
        { body: records(0, 2), link: '</v1/flows?skip=4>; rel="next"' },
      ],
      /repeats records/,
    ],
    ['leads to another server', [{ body: records(0, 2), link: '<https://evil.test/v1/flows>; rel="next"' }], /evil/],
    ['leads to another server in its body', [{ body: { data: [], nextPageURL: 'https://evil.test/x' } }], /evil/],
    ['has a link that cannot be read', [{ body: records(0, 2), link: '<<;' }], /Link header/],
    ['breaks off on its second page', [{ body: records(0, 100) }, { status: 500 }], /status 500/],
    ['is not a list', [{ body: { message: 'maintenance' } }], /not a list/],
  ])('that %s is an error, never an end', async (_, pages, message) => {
    let nth = -1;
    const { client } = serving(() => {
      nth += 1;
      return pages[Math.min(nth, pages.length - 1)] ?? {};
    });

    await expect(list(client)).rejects.toThrow(message);
  });

  it.each<[string, (url: URL) => boolean, string[]]>([
    ['limit', (url) => url.searchParams.has('limit'), ['?x=1&limit=1000', '?x=1']],
    ['an optional one', (url) => url.searchParams.has('x'), ['?x=1&limit=1000', '?x=1', '?limit=1000']],
    ['both', (url) => url.search !== '', ['?x=1&limit=1000', '?x=1', '?limit=1000', '']],
  ])('is read without the parameters that the server refuses: %s', async (_, refuses, queries) => {
    const { client, asked } = serving((url) => (refuses(url) ? { status: 400 } : { body: records(0, 3) }));

    expect((await list(client, { optional: { x: '1' } })).size).toBe(3);
    expect(asked).toEqual(queries.map((query) => `/v1/flows${query}`));
  });

  it('that refuses everything is an error', async () => {
    await expect(list(serving(() => ({ status: 400 })).client)).rejects.toMatchObject({ status: 400 });
  });

  it('keeps our parameters on a link that lost them', async () => {
    const { client, asked } = serving((url) =>
      url.searchParams.has('skip')
        ? { body: records(2, 1) }
        : { body: records(0, 2), link: '</v1/flows?skip=2>; rel="next"' },
    );

    await list(client, { optional: { x: '1' } });

    expect(asked).toEqual(['/v1/flows?x=1&limit=1000', '/v1/flows?skip=2&x=1']);
  });

  it('that is not paged is asked for without a limit', async () => {
    const { client, asked } = serving(() => ({ body: records(0, 3) }));

    await list(client, { paged: false });

    expect(asked).toEqual(['/v1/flows']);
  });
});

describe('the records of an answer', () => {
  function answer(body: Json): ApiResponse {
    return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(body)), url: new URL('/v1/flows', BASE) };
  }

  it.each<[string, Json, number, string | undefined]>([
    ['an empty list', [], 0, undefined],
    ['a list', [{}, {}], 2, undefined],
    ['an object around one', { items: [{}] }, 1, undefined],
    ['an object around one with a next page', { data: [{}], nextPageURL: '/flows?skip=1' }, 1, '/flows?skip=1'],
    ['an empty next page', { data: [{}], nextPageURL: '' }, 1, undefined],
  ])('are those of %s', (_, body, count, next) => {
    const found = recordsOf(answer(body));
    expect(found.records).toHaveLength(count);
    expect(found.nextPageUrl).toBe(next);
  });

  it.each<[Json]>([
    [{}],
    [{ items: [], data: [] }],
    ['text'],
    [7],
    [null],
    [{ errors: {} }],
    [{ errors: [] }],
    [{ flows: [] }],
  ])('%j is not a list', (body) => {
    expect(() => recordsOf(answer(body))).toThrow(ApiError);
  });
});
