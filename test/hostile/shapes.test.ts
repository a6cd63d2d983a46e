import { hash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import stableStringify from 'fast-json-stable-stringify';
import { describe, expect, it } from 'vitest';
import { readErrorBody } from '../../src/celigo/errors.ts';
import { digestOf } from '../../src/core/digest.ts';
import { readMirrorDocument } from '../../src/core/documents.ts';
import { AppError } from '../../src/core/errors.ts';
import { isObject, type Json } from '../../src/core/json.ts';
import { createKnownCredentials } from '../../src/core/known-credentials.ts';
import { placeOf } from '../../src/core/places.ts';
import { parsePattern } from '../../src/core/where.ts';
import { renderYaml } from '../../src/core/yaml.ts';
import { readStoredState } from '../../src/daemon/state-store.ts';
import type { Git } from '../../src/git/git.ts';
import { readPolicy } from '../../src/lint/policy.ts';
import { parsePlan } from '../../src/plan/planfile.ts';
import { readBinding } from '../../src/run/binding.ts';
import { readIdMaps, recreatedIds } from '../../src/run/idmaps.ts';
import { interrupted } from '../../src/run/restore/journal.ts';
import { readServerMade } from '../../src/run/restore/server-made.ts';
import { readCache } from '../../src/run/sync/cache.ts';
import { CacheDamaged } from '../../src/run/sync/cache-file.ts';
import { sample } from '../support/account.ts';
import { cases } from '../support/fuzz.ts';
import { tempDir, Workspace } from '../support/workspace.ts';

/** Of the cache (src/run/sync/cache.ts). */
const VERSION = 8;
const ID = '64f0c0ffee64f0c0ffee64f0';

/** Members that the readers look for, so that random values reach further than the first check. */
const KEYS = [
  ...['kind', 'key', 'action', 'id', 'version', 'account', 'from', 'what', 'options', 'operator', 'startedAt'],
  ...['request', 'plan', 'steps', 'target', 'state', 'types', 'pages', 'rules', 'tree', 'file', 'size', 'pairs'],
  ...['accounts', 'told', 'health', 'layout', 'ignore', 'allow', 'errors', 'message', 'code', 'toString', '__proto__'],
];
const values: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Json>(null, true, 0, 1, -1, '', 'x', 'end', 'intent', 'done', 'ids', 'match', ID, `flows/${ID}`),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 8 }) as fc.Arbitrary<Json>,
    fc.record(Object.fromEntries(KEYS.slice(0, 11).map((key) => [key, tie('value')])), {
      requiredKeys: [],
    }) as fc.Arbitrary<Json>,
  ),
})).value;

/** Of a well-formed value, one member changed to something else, at any depth. */
function damaged(whole: Json): fc.Arbitrary<Json> {
  const paths: (string | number)[][] = [];
  const visit = (value: Json, path: (string | number)[]): void => {
    paths.push(path);
    if (Array.isArray(value)) value.forEach((inner, at) => void visit(inner as Json, [...path, at]));
    else if (isObject(value)) for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
  };
  visit(whole, []);
  const put = (value: Json, [step, ...rest]: (string | number)[], by: Json): Json => {
    if (step === undefined) return by;
    if (Array.isArray(value)) return value.map((inner, at) => (at === step ? put(inner as Json, rest, by) : inner));
    return isObject(value) ? { ...value, [step]: put(value[step] ?? null, rest, by) } : by;
  };
  return fc.tuple(fc.constantFrom(...paths), values).map(([path, by]) => put(whole, path, by));
}

/** What a reader may do with a file that is not as the program writes it. */
async function refusesByName(read: () => unknown): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!(error instanceof AppError) && !(error instanceof CacheDamaged)) throw error;
    expect(error.message).not.toMatch(/_id undefined|\[object|Cannot read/);
  }
}

const HEAD: Json = {
  ...{ version: 1, id: 'r1', account: 'prod', from: 'prod', commit: 'abc', what: ['all'], base: 'abc' },
  ...{ undo: [{ commit: 'abc', keys: [`flows/${ID}`] }], apply: { ref: 'abc', base: 'abc' }, remove: [`flows/${ID}`] },
  options: { prune: false, withDependencies: false, enableFlows: false, force: false, secrets: false },
  ...{ startedAt: '2026-01-01T00:00:00Z', operator: { name: 'Ann', email: 'ann@x.test' } },
};
const ENTRIES: Json = [
  { kind: 'intent', key: `flows/${ID}`, action: 'update' },
  { kind: 'done', key: `flows/${ID}`, action: 'update', id: ID, doc: { name: 'x' } },
  { kind: 'ids', pairs: [['a', 'b']] },
  { kind: 'match', key: `flows/${ID}`, id: ID },
  { kind: 'applied' },
];
const PLAN: Json = {
  request: {
    ...{ what: ['all'], prune: false, withDependencies: false, enableFlows: false },
    undo: [{ commit: 'abc', keys: [`flows/${ID}`] }],
    apply: { ref: 'abc', base: 'abc' },
  },
  plan: {
    ...{ account: 'prod', from: 'prod', target: { baseUrl: 'https://x.test', userId: 'u' } },
    ...{ state: { commit: 'abc', date: '2026-01-01T00:00:00Z' }, unchanged: 0, warnings: [] },
    steps: [{ key: `flows/${ID}`, dir: 'flows', action: 'update', way: 'put', changes: [], late: [] }],
  },
};
const FIELDS = ['raw', '2026', `flows/a.${ID}.yaml`, 'oid'];
const DETAILS: Json = [
  [FIELDS, 0],
  { pages: [['p', 1, '/x']], chunks: [[JSON.stringify([FIELDS, 0]).length + 1, 5, 'digest', [ID, 'skipped'], 1]] },
];

describe('a file of any shape is read, or refused by name', () => {
  it('a journal of a restore', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'prod.restores'));
    await fc.assert(
      fc.asyncProperty(damaged([HEAD, ...(ENTRIES as Json[])]), async (lines) => {
        const text = (Array.isArray(lines) ? lines : [lines]).map((line) => `${JSON.stringify(line)}\n`).join('');
        writeFileSync(join(dir, 'prod.restores', 'r1.ndjson'), text);
        await refusesByName(() => {
          for (const journal of interrupted(dir, 'prod')) {
            journal.close();
            expect(journal.head.what.concat(journal.head.operator.name).join()).not.toContain('object');
            for (const entry of journal.entries)
              if (entry.kind === 'done') expect(entry.key).toEqual(expect.any(String));
          }
        });
      }),
      cases(300),
    );
  });

  it('a saved plan with the digest of what it holds', async () => {
    await fc.assert(
      fc.asyncProperty(damaged(PLAN), async (saved) => {
        const body = isObject(saved) ? saved : {};
        const digest = digestOf(stableStringify({ request: body.request ?? null, plan: body.plan ?? null }));
        const text = JSON.stringify({ kind: 'celigo-mirror-plan', version: 1, digest, ...body });
        await refusesByName(() => {
          const { request, plan } = parsePlan(text, 'plan.json');
          const undone = request.undo?.flatMap(({ commit, keys }) => [commit, ...keys]) ?? [];
          const applied = request.apply ? [request.apply.ref, request.apply.base] : [];
          const texts = [...request.what, ...undone, ...applied, ...plan.steps.map(({ key }) => key)];
          expect(texts.every((text) => typeof text === 'string')).toBe(true);
          // They name folders.
          expect(`${plan.account} ${plan.from}`).toMatch(/^[a-z0-9-]+ [a-z0-9-]+$/);
        });
      }),
      cases(300),
    );
  });

  it('ids that follow one another without end, or in a circle', () => {
    const chain = (length: number): Map<string, string> =>
      new Map(Array.from({ length }, (_, i) => [`a${i}`, `a${i + 1}`]));
    const last = recreatedIds(chain(50_000), () => false, 'ids');
    expect(last.size).toBe(50_000);
    expect(new Set(last.values())).toEqual(new Set(['a50000']));
    const circle = new Map([
      ...[['a', 'b'] as const, ['b', 'c'] as const, ['c', 'b'] as const],
      ...[['d', 'd'] as const, ['e', 'd'] as const],
    ]);
    const around = recreatedIds(circle, () => false, 'ids');
    expect([...around.keys()]).toEqual([...circle.keys()]);
    expect(around.get('a')).toMatch(/^[bc]$/);
    expect(around.get('e')).toBe('d');
  });

  it('the cache of an account', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'prod.cache'));
    const index = (file: string): Json => ({
      ...{ version: VERSION, rules: 'r', tree: 't', lastRun: '2026-01-01T00:00:00Z', lastFull: '2026-01-01T00:00:00Z' },
      types: { flows: { size: 1, pages: { p: 1, q: [1, '/x'] }, validators: {}, file } },
    });
    await fc.assert(
      fc.asyncProperty(damaged(DETAILS), fc.option(damaged(index('FILE'))), async (details, odd) => {
        const text = (Array.isArray(details) ? details : [details]).map((line) => `${JSON.stringify(line)}\n`).join('');
        const file = `flows-${hash('sha256', text, 'base64url').slice(0, 22)}.jsonl`;
        writeFileSync(join(dir, 'prod.cache', file), text);
        writeFileSync(
          join(dir, 'prod.cache', 'index.json'),
          JSON.stringify(odd ?? index('FILE')).replace('FILE', file),
        );
        const cache = readCache(dir, 'prod');
        expect(cache !== undefined || odd !== null).toBe(true);
        if (!cache) return;
        expect(typeof (cache.lastRun ?? '')).toBe('string');
        await refusesByName(() => {
          for (const type of cache.types.values()) {
            const { pages, resources } = type.details();
            for (const id of resources.keys()) [id, ...(resources.get(id)?.files ?? [])].join();
            for (const { chunks } of pages.values()) for (const { ids, digest } of chunks) [...ids, digest].join();
          }
        });
      }),
      cases(200),
    );
  });

  it('notes of the daemon and of restores', async () => {
    const dir = tempDir();
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        for (const name of ['daemon.json', 'prod.server-made.json'])
          writeFileSync(join(dir, name), JSON.stringify(value));
        for (const account of Object.values(readStoredState(dir).accounts))
          expect(account.failures).toBeTypeOf('number');
        for (const notes of readServerMade(dir, 'prod').values())
          expect(notes.every((note) => note !== null)).toBe(true);
      }),
      cases(300),
    );
  });

  it('a binding, a policy, id maps and a document that were pushed', async () => {
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const text = renderYaml(isObject(value) || Array.isArray(value) ? value : { value });
        const git = { find: async () => [{ id: ID, bytes: Buffer.from(text) }] } as unknown as Git;
        await refusesByName(() => readBinding(value, 'prod/mirror.yaml'));
        await refusesByName(() => readPolicy(text, 'celigo-lint.yaml'));
        await refusesByName(() => readIdMaps(git, 'idmaps/a-b.yaml'));
        const path = `flows/x.${ID}.yaml`;
        await refusesByName(() => readMirrorDocument(path, text, `prod/${path}`, () => undefined));
      }),
      cases(300),
    );
  });

  it('entries of a lookup cache: the line is named', async () => {
    const file = `lookupcaches/x.${ID}.yaml`;
    const text = renderYaml({ _id: ID, name: 'x', data: { $file: `x.${ID}.ndjson` } });
    const read = (data: string): unknown =>
      readMirrorDocument(file, text, `prod/${file}`, () => `{"key":"a","value":1}\n${data}\n{"key":2}\n`);
    for (const sound of ['{"key":"b"}', '', '{"key":"b","value":"[[redacted 0123456789ab]]}', '{"key":-1}'])
      expect(read(sound)).toMatchObject({ id: ID });
    for (const odd of [
      '{"key":"b"',
      'x',
      '[]',
      'null',
      '{}',
      '{"key":{"toString":null}}',
      '"a"',
      '{"key":"b"} {}',
      '\r',
    ])
      expect(() => read(odd), odd).toThrow(`prod/lookupcaches/x.${ID}.ndjson:2 is not an entry of a lookup cache`);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          values.map((v) => JSON.stringify(v)),
        ),
        (v) => refusesByName(() => read(v)),
      ),
      cases(300),
    );
  });

  it('names of fields that a log, a commit or a person gives', async () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom('["', '"]', '\\', '\\x', '\\"', '\u0001', '[', ']', '0', '.', 'a'))
        .map((all) => all.join('')),
    );
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        placeOf(name);
        await refusesByName(() => parsePattern(name, '--where'));
      }),
      cases(300),
    );
    expect(() => parsePattern('["\\x"]', '--where')).toThrow('is not a valid path of a field');
    expect(placeOf('a["\\x"].b')).toEqual(['a', '\\x', 'b']);
  });

  it('a credential that is nested beyond all limits', () => {
    const known = createKnownCredentials({ fingerprint: (text) => text, held: () => new Map(), own: [] });
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(() => known.learn(`${deep.slice(0, 100_000)}"tulip9bulb7Qz93"${deep.slice(100_000)}`, 'x')).not.toThrow();
  });

  it('a refusal of the server', () => {
    fc.assert(
      fc.property(values, (value) => {
        const { message, apiCode } = readErrorBody(JSON.stringify(value));
        expect(`${message}${apiCode}`).not.toMatch(/\[object|[\u0000-\u001f\u202e]/);
      }),
      cases(500),
    );
    expect(readErrorBody('{"message": {"toString": null}}').message).toBe('{"toString":null}');
    expect(readErrorBody('{"errors": [{"message": "a\\u001b[8m\\nerror: \\u202eb"}]}').message).toBe('a [8m error: b');
  });
});

it('a folder with the name of a lock of git is named, and left to whoever made it', async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['scripts'] } });
  await space.mirrored();
  const held = join(space.mirror, '.git', 'index.lock', 'held');
  mkdirSync(held, { recursive: true });
  const script = String(account.emulator.state.all('scripts')[0]?._id);
  account.emulator.act(account.owner.token).set('scripts', script, { description: 'edited' });

  const { code, out, err } = await space.run('sync');

  // The commit is made; its files follow once the folder is gone.
  expect(code).toBe(3);
  expect(out + err).toContain('index.lock');
  expect(out + err).not.toContain('internal error');
  expect(existsSync(held)).toBe(true);
});
