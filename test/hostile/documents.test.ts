import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toData } from '../../src/core/documents.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { tempDir, Workspace } from '../support/workspace.ts';

const idOf = (n: number): string => `64f0c0ffee64f0c0ffee${n.toString(16).padStart(4, '0')}`;

function script(n: number, fields: JsonObject): JsonObject {
  const times = { createdAt: '2026-01-01T00:00:00.000Z', lastModified: '2026-01-01T00:00:00.000Z' };
  return { _id: idOf(n), name: `Script ${n}`, content: 'x\n', ...times, ...fields };
}

async function mirrorOf(scripts: readonly JsonObject[]): Promise<{ account: TestAccount; space: Workspace }> {
  const account = await sample({ seed: { ...emptyAccount(), resources: { scripts } } });
  const space = new Workspace({
    prod: { baseUrl: account.url, token: account.owner.token, include: ['scripts'], requestTimeout: '60s' },
  });
  await space.mirrored();
  return { account, space };
}

/** What the mirror holds of a script. */
async function shown(space: Workspace, n: number): Promise<JsonObject> {
  const outcome = await space.run('show', `scripts/${idOf(n)}`, '--json');
  expect(outcome.code, outcome.err).toBe(0);
  return toData(JSON.parse(outcome.out) as JsonObject) as JsonObject;
}

async function expectSteady(space: Workspace): Promise<void> {
  expect((await space.sync('--full')).verdict).toBe('unchanged');
  expect((await space.run('verify')).code).toBe(0);
  expect(space.git('status', '--porcelain')).toBe('');
}

/** Names that mean something to a file system, a shell, git, a terminal or a reader. */
const NAMES = [
  '../../../etc/passwd',
  '..\\..\\windows\\system32',
  '/absolute',
  'C:\\Users\\x',
  '.git/hooks/post-commit',
  '.gitattributes',
  '--upload-pack=touch pwned',
  '-rf',
  '$(touch pwned) `touch pwned` ; touch pwned',
  'con',
  'NUL.txt',
  'lpt1',
  'aux.yaml',
  'trailing dot.',
  'trailing space ',
  'a\u0000b',
  'a\nCo-authored-by: Mallory <m@x.test>',
  'a\r\n\r\nCeligo-Account: other',
  '\u001b[31mred\u001b[0m\u001b]8;;http://evil.test\u0007link\u001b]8;;\u0007',
  'gnp.\u202eexe',
  '\u2066isolated\u2069',
  'zero\u200bwidth',
  'e\u0301 and \u00e9',
  '\ud800 lone',
  '\udc00\ud800',
  '🏳️‍🌈👩‍👩‍👧',
  '日本語の名前',
  'x'.repeat(5_000),
  '',
  ' ',
  'SAME NAME',
  'same name',
  'Same Name',
  'ſame name',
  '#!/bin/sh',
  '"quoted" \'single\' \\back',
  '<script>alert(1)</script>',
  '[[redacted 0123456789ab]]',
  '{{{{raw}}}}',
  'true',
  '0x1f',
  '2026-11-24',
  '=1+1',
  '- item',
  'key: value',
  '# comment',
  '%TAG',
  '\uFEFFbom',
];

describe('half of a surrogate pair', () => {
  it('yaml-lone-surrogate-libyaml: is kept exactly, and reported with its places, once', { tags: 'slow' }, async () => {
    const { account, space } = await mirrorOf([script(1, {}), script(2, {})]);
    const settings = { x: 'x\ud800y', list: [{ '\udc00': 1 }], whole: '😀', text: 'as code has it: "\\ud800"\n' };
    const owner = account.emulator.act(account.owner.token);
    owner.set('scripts', idOf(1), { settings });
    owner.set('scripts', idOf(2), { settings: { whole: '😀', text: 'as code has it: "\\ud800"\nand "\\udfff"' } });

    const report = await space.sync();

    expect(report.notices).toEqual([
      expect.stringMatching(
        /^scripts\/script-1\..*\.yaml: half of a character .* in settings\.x, settings\.list\[0\]: it is mirrored/,
      ),
    ]);
    expect((await shown(space, 1)).settings).toEqual(settings);
    await expectSteady(space);
    expect((await space.sync('--full')).notices).toEqual([]);
  });
});

describe('names that mean harm', () => {
  it('stay names: in files, commits, terminals and reports', { tags: 'slow' }, async () => {
    const { account, space } = await mirrorOf(NAMES.map((name, n) => script(n, { name })));
    for (const [n, name] of NAMES.entries()) expect((await shown(space, n)).name, JSON.stringify(name)).toBe(name);

    const files = space.git('ls-files', '-z').split('\0').filter(Boolean);
    for (const file of files.filter((path) => path.includes('scripts/')))
      expect(file).toMatch(/^prod\/scripts\/[a-z0-9-]{1,61}\.[0-9a-f]{24}\.(?:yaml|js)$/);
    // On a file system that takes upper and lower case for the same.
    expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(files.length);
    await expectSteady(space);

    // Every commit tells who and what, and none of the names added a line or a trailer to it.
    const lastModified = '2026-02-02T00:00:00.000Z';
    for (const n of NAMES.keys()) {
      account.emulator.state.touch('scripts', idOf(n), { description: 'edited', lastModified });
    }
    await space.sync();
    const trailers = space.git('log', '-1', '--format=%(trailers)');
    expect(trailers).not.toContain('Mallory');
    expect(trailers.match(/Celigo-Account: /g)).toHaveLength(1);
    const lines = space
      .git('log', '-1', '--format=%B')
      .split('\n')
      .filter((line) => line.startsWith('- changed: '));
    expect(lines).toHaveLength(NAMES.length);
    const log = await space.run('log');
    for (const outcome of [
      log,
      await space.run('sync', '--full'),
      await space.run('lint'),
      await space.run('report'),
    ]) {
      expect(outcome.out).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f\u200b\u202a-\u202e\u2066-\u2069]/);
    }
    expect(log.out.split('\n').filter((line) => line.includes('changed')).length).toBe(NAMES.length);
    execFileSync('git', ['clone', '-q', space.mirror, join(tempDir(), 'clone')]);
  });
});

describe('documents of unusual shape', () => {
  const deep = (levels: number): Json =>
    levels === 0 ? 'bottom' : levels % 2 ? [deep(levels - 1)] : { k: deep(levels - 1) };

  const unusual: [string, JsonObject][] = [
    ['150 levels', { settings: { x: deep(150) } }],
    [
      'keys of the prototype',
      JSON.parse(
        '{"settings":{"__proto__":{"a":1},"constructor":{"b":2},"toString":3,"hasOwnProperty":4}}',
      ) as JsonObject,
    ],
    ['numbers at the edge', { settings: { n: [0, -0, 1e21, 1e-7, 9007199254740991, 5e-324, 1.7976931348623157e308] } }],
    [
      'keys that are awkward',
      {
        settings: { '': 1, ' ': 2, '.': 3, '[0]': 4, '\n': 5, '\u202e': 6, $file: { $secret: 'x' }, '<<': 7, '? ': 8 },
      },
    ],
    [
      'our own markers as data',
      { settings: { a: { $file: '../../etc/passwd' }, b: { $secret: 'x' }, c: { $$file: 'x' } } },
    ],
    ['a text of one long line', { description: 'y'.repeat(1_000_000) }],
    ['code with every line end', { content: 'a\r\nb\rc\u2028d\u2029e\n\n\n\tf  \n' }],
    ['code without any end', { content: 'no newline' }],
    ['code that is not well-formed', { content: 'lone \ud800 surrogate\n' }],
    ['empty values', { settings: { a: {}, b: [], c: '', d: null, e: [[], {}, [[]]] } }],
    ['100,000 elements', { settings: { list: Array.from({ length: 100_000 }, (_, i) => i) } }],
    ['20,000 keys', { settings: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key ${i}`, i])) }],
  ];
  eachOf(unusual, { quick: 2 })('%s are kept exactly, and make no noise', async (_, fields) => {
    const { space } = await mirrorOf([script(1, fields)]);

    const held = await shown(space, 1);
    for (const [key, value] of Object.entries(fields))
      expect(JSON.stringify(held[key])).toBe(JSON.stringify(sorted(value as Json)));
    await expectSteady(space);
  });

  it('20 MB in one document are kept exactly, and make no noise', { tags: 'slow' }, async () => {
    const content = `${'// a line of code that is long enough to count\n'.repeat(430_000)}end();\n`;
    expect(content.length).toBeGreaterThan(20_000_000);
    const { space } = await mirrorOf([script(1, { content })]);

    expect((await shown(space, 1)).content).toBe(content);
    expect((await space.sync()).verdict).toBe('unchanged');
  });

  it('of any shape at all come back from the mirror as they are', { tags: 'slow' }, async () => {
    const values = fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' });
    // Names of credentials hide their values; that is another test's matter.
    const settings = fc.dictionary(
      fc.string({ unit: 'binary' }).map((key) => `k${key}`),
      values,
      { maxKeys: 12 },
    );
    const all = fc
      .sample(settings, { numRuns: 400, seed: 20261124 })
      .map((value, n) => script(n, { settings: { value: JSON.parse(JSON.stringify(value)) as Json } }));
    const { space } = await mirrorOf(all);

    const files = await space.run('verify', '--json');
    expect(files.code).toBe(0);
    for (const n of [0, 1, 2, 3, 50, 100, 200, 399]) {
      expect(JSON.stringify((await shown(space, n)).settings)).toBe(JSON.stringify(sorted(all[n]?.settings ?? null)));
    }
    await expectSteady(space);
  });
});

/** Keys in the mirror's order; what `JSON.stringify` makes of `-0` is what the API sends. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const out = Object.create(null) as Record<string, Json>;
  for (const key of Object.keys(value).sort((a, b) => (a < b ? -1 : 1))) {
    Object.defineProperty(out, key, {
      value: sorted((value as JsonObject)[key] as Json),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return out;
}
