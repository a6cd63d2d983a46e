import assert from 'node:assert';
import { readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClient } from '../../src/celigo/client.ts';
import { ApiError } from '../../src/celigo/errors.ts';
import { recordsOf, walkCollection } from '../../src/celigo/paging.ts';
import { printable } from '../../src/cli/ui/style.ts';
import { loadConfig } from '../../src/config/load.ts';
import { readAllSecrets } from '../../src/config/secrets-file.ts';
import { parseDocumentFile } from '../../src/core/documents.ts';
import { AppError } from '../../src/core/errors.ts';
import type { Json } from '../../src/core/json.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';
import { parsePlan, renderPlan } from '../../src/plan/planfile.ts';
import { cases } from '../support/fuzz.ts';
import { cli, tempDir } from '../support/workspace.ts';

const ID = '64f0c0ffee64f0c0ffee64f0';
const PATH = `scripts/hooks.${ID}.yaml`;

/** What YAML, JSON and people make of a file that should not be so. */
const SPLINTERS = [
  '&a ',
  '*a',
  '!!js/function ',
  '!!binary ',
  '<<: ',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '\t',
  '\u0000',
  '\u202e',
  '\ufeff',
  '\ud800',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '|\n',
  '>-\n',
  ': ',
  '- ',
  '#',
  '? ',
  '\r',
  '__proto__: ',
  '$file: ../../x',
  '$secret: x',
  '0o7',
  '1e999',
  '${HOME}',
];

interface Wound {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

const wounds = fc.array(
  fc.record<Wound>({
    at: fc.nat(10_000),
    length: fc.nat(40),
    text: fc.oneof(fc.constantFrom(...SPLINTERS), fc.string({ unit: 'binary', maxLength: 12 }), fc.constant('')),
  }),
  { minLength: 1, maxLength: 6 },
);

/** A text with pieces cut out and others put in. */
function wounded(text: string, all: readonly Wound[]): string {
  return all.reduce((held, { at, length, text: put }) => {
    const from = held.length === 0 ? 0 : at % held.length;
    return held.slice(0, from) + put + held.slice(from + length);
  }, text);
}

/** Runs something that may refuse, but only with a message that is meant for people. */
async function refusesOrGives<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) && !(error instanceof ApiError)) throw error;
    expect(error.message).not.toBe('');
    return undefined;
  }
}

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);

describe('a file that was damaged in any way', () => {
  it('of the mirror is refused, or read as a document of its id that is written as it is read', {
    tags: 'slow',
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), json), wounds, async (fields, all) => {
        const text = wounded(renderYaml({ ...fields, _id: ID, name: 'Hooks' }), all);
        const doc = await refusesOrGives(() => parseDocumentFile(PATH, text, PATH));
        if (doc === undefined) return;
        expect(doc._id).toBe(ID);
        assert.deepStrictEqual(parseYaml(renderYaml(doc)), doc);
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      }),
      cases(600),
    );
  });

  it('with a saved plan is refused', () => {
    const plan = renderPlan({
      request: { what: ['all'], prune: false, withDependencies: false, enableFlows: false },
      plan: {
        account: 'prod',
        from: 'prod',
        target: { baseUrl: 'https://api.integrator.io', userId: ID },
        state: { commit: 'a'.repeat(40), date: '2026-01-01T00:00:00Z' },
        steps: [],
        unchanged: 3,
        warnings: ['one'],
      },
    });
    const essence = (text: string): string => JSON.stringify(JSON.parse(text));
    fc.assert(
      fc.property(wounds, (all) => {
        const text = wounded(plan, all);
        try {
          parsePlan(text, 'plan.json');
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          return;
        }
        // Blanks between tokens, and members that nobody reads, may differ.
        expect(essence(text).replace(/\s/g, '')).toContain(essence(plan).slice(1, -1).replace(/\s/g, '').slice(-60));
      }),
      cases(600),
    );
  });

  it('of the configuration, or with credentials, is refused with a message, or understood', async () => {
    const dir = tempDir();
    const good = [
      'repository: { path: ./mirror, remote: "git@github.com:acme/mirror.git", branch: main }',
      'accounts:',
      '  production:',
      '    region: us',
      '    token: ${TOKEN}',
      '    include: ["*"]',
      'schedule: "*/15 * * * *"',
      'notifications: { ops: { type: slack, url: "https://hooks.example/x" } }',
      'guards: { maxDeletions: 25, maxDeletionShare: 0.2 }',
      '',
    ].join('\n');
    const env = { TOKEN: 'not-for-anybody-to-see' };
    await fc.assert(
      fc.asyncProperty(wounds, async (all) => {
        writeFileSync(join(dir, 'celigo-mirror.yaml'), wounded(good, all));
        const config = await refusesOrGives(() => loadConfig({ cwd: dir, env }));
        if (config) expect(config.accounts.length).toBeGreaterThan(0);
        writeFileSync(join(dir, 's.yaml'), wounded('connections/Shop API: { a.b: ${TOKEN}, c: [1] }\n', all));
        try {
          readAllSecrets('s.yaml', { env, cwd: dir, runProgram: () => env.TOKEN });
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          expect(String(error)).not.toContain(env.TOKEN);
        }
      }),
      cases(300),
    );
  });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const printableText = fc.string({ unit: fc.constantFrom(...'<>;,="/?&= rel next prev 1https:v1.evil'.split('')) });
const link = fc.oneof(
  printableText,
  fc.constantFrom(
    '</v1/flows?skip=1>; rel="next"',
    '<https://evil.example/v1/flows?skip=2>; rel=next',
    '<//evil.example/v1/flows>; rel="next"',
    '<>; rel="next"',
    '</v1/flows?skip=1>; rel="prev next"',
    'rel=next',
    '<http://[::1>; rel="next"',
  ),
);
const records = fc.array(fc.oneof(fc.record({ _id: fc.constantFrom('a', 'b', 'c') }), json), { maxLength: 4 });
const answers: fc.Arbitrary<Answer> = fc.record({
  status: fc.constantFrom(200, 200, 200, 200, 204, 301, 307, 400, 404, 418, 500, 503),
  headers: fc.record(
    {
      link,
      'content-type': fc.constantFrom('application/json', 'text/html', 'application/json; charset=utf-8', 'x'),
      location: fc.constantFrom('https://evil.example/', '/v1/flows', 'file:///etc/passwd'),
      'retry-after': fc.constantFrom('0', 'soon', '-1', 'Wed, 21 Oct 2015 07:28:00 GMT'),
    },
    { requiredKeys: [] },
  ),
  body: fc.oneof(
    records.map((list) => JSON.stringify(list)),
    fc.record({ data: records, nextPageURL: link }).map((page) => JSON.stringify(page)),
    fc.string({ unit: 'binary' }),
  ),
});

async function serving(): Promise<{ url: string; script: (next: readonly Answer[]) => void; asked: () => number }> {
  let left: Answer[] = [];
  let count = 0;
  const server: Server = createServer((_, response) => {
    count += 1;
    const answer = left.shift() ?? { status: 200, headers: {}, body: '[]' };
    response.writeHead(answer.status, answer.headers);
    response.end(answer.status === 204 ? undefined : answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    script: (next) => {
      left = [...next];
      count = 0;
    },
    asked: () => count,
  };
}

describe('a server that answers anything', () => {
  it('is read to an end or refused, and never followed elsewhere', { tags: 'slow' }, async () => {
    const { url, script, asked } = await serving();
    const client = createClient({
      baseUrl: url,
      token: 't',
      userAgent: 'x',
      rateLimit: { perSecond: 100_000, burst: 1_000 },
      concurrency: 4,
      retries: 0,
      requestTimeoutMs: 2_000,
      maxResponseBytes: 2 ** 28,
      maxPauseMs: 300_000,
    });
    onTestFinished(() => client.close());
    await fc.assert(
      fc.asyncProperty(fc.array(answers, { minLength: 1, maxLength: 5 }), async (list) => {
        script(list);
        const seen = new Set<string>();
        await refusesOrGives(() =>
          walkCollection(client, {
            path: '/v1/flows',
            paged: true,
            signal: AbortSignal.timeout(5_000),
            read: (response) => {
              const { records: found, nextPageUrl } = recordsOf(response);
              return { count: found.length, nextPageUrl, found };
            },
            visit: async ({ found }) => {
              const fresh = found.filter((record) => !seen.has(JSON.stringify(record)));
              for (const record of fresh) seen.add(JSON.stringify(record));
              return fresh.length;
            },
          }),
        );
        // However it went: it came to its end by itself.
        expect(asked()).toBeLessThan(20);
      }),
      cases(400),
    );
  });
});

describe('a text from the account', () => {
  it('is one line without commands for a terminal, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(printable(text)).not.toMatch(
          /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/,
        );
      }),
      cases(2000),
    );
  });
});

describe('words that a person types', () => {
  it('end in a message or in nothing, and make no files', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'celigo-mirror.yaml'), 'accounts: { prod: { baseUrl: "http://127.0.0.1:9", token: x } }\n');
    const before = readdirSync(dir);
    const word = fc.oneof(
      fc.constantFrom('--at', '--from', '--json', '--by', '--', '-', '--output=pwned', '--exec=touch pwned', 'all'),
      fc.constantFrom('flows/x', 'integration/', '../../etc/passwd', '$(touch pwned)', '`touch pwned`', 'HEAD@{1}'),
      fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replaceAll('\u0000', '')),
    );
    const command = fc.constantFrom('log', 'show', 'blame', 'diff', 'report', 'impact', 'lint', 'verify');
    await fc.assert(
      fc.asyncProperty(command, fc.array(word, { maxLength: 5 }), async (name, words) => {
        const { code, out, err } = await cli([name, ...words], dir);
        expect([0, 1, 64]).toContain(code);
        expect(`${out}${err}`).not.toMatch(/internal error|\n\s+at .+:\d+:\d+/);
        expect(readdirSync(dir)).toEqual(before);
      }),
      cases(150),
    );
  });
});
