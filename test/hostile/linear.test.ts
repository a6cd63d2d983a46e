import { expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import { readErrorBody } from '../../src/celigo/errors.ts';
import { diffLines } from '../../src/core/change-text.ts';
import { credentialsInText } from '../../src/core/credential-parts.ts';
import { credentialsIn, credentialsInData } from '../../src/core/credential-text.ts';
import { inexactNumbers } from '../../src/core/exact-numbers.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { createNormaliser } from '../../src/core/normalise.ts';
import { splitRecords } from '../../src/core/records.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';

const flows = findType('flows');
if (!flows) throw new Error('no flows');
const normalise = createNormaliser(flows, {
  sampleData: false,
  fingerprint: () => 'f'.repeat(12),
  credentials: { fields: 'redact', code: 'redact' },
});

function nested(levels: number): Json {
  let value: Json = 'bottom';
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { k: value };
  return value;
}

function keys(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n');
}

/** Work on an input of a size, which is made before. */
const WORK: readonly (readonly [what: string, size: number, prepare: (size: number) => () => unknown])[] = [
  ['an error page of tags', 400_000, (n) => text('<', n, readErrorBody)],
  ['an error page of scripts', 400_000, (n) => text('<script', n, readErrorBody)],
  [
    'an error of ids',
    200_000,
    (n) => text('64f0000000000000000a0000 ', n, (page) => readErrorBody(`{"message":"${page}"}`)),
  ],
  [
    'YAML of many keys',
    1_500,
    (n) =>
      given(
        keys(n, (i) => `k${i}: 1 # own`),
        parseYaml,
      ),
  ],
  [
    'YAML of one key again and again',
    2_000,
    (n) =>
      given(
        keys(n, () => 'k: 1'),
        (yaml) => attempt(() => parseYaml(yaml)),
      ),
  ],
  [
    'YAML of anchors and aliases',
    2_000,
    (n) => given(`a: &a 1\n${keys(n, (i) => `k${i}: *a`)}`, (yaml) => attempt(() => parseYaml(yaml))),
  ],
  ['YAML of brackets', 20_000, (n) => text('[', n, (yaml) => attempt(() => parseYaml(yaml)))],
  [
    'our YAML',
    20_000,
    (n) =>
      given(
        renderYaml(
          Object.fromEntries(
            keys(n, (i) => `k${i}`)
              .split('\n')
              .map((k) => [k, k]),
          ),
        ),
        parseYaml,
      ),
  ],
  [
    'deep documents',
    100,
    (n) =>
      given(
        Array.from({ length: n }, () => nested(190)),
        (docs) => docs.map((x) => parseYaml(renderYaml(x))),
      ),
  ],
  ['beginnings of JSON Web Tokens', 200_000, (n) => text('eyJ-', n, credentialsIn)],
  ['words for secrets', 100_000, (n) => text('secret password: "', n, credentialsInText)],
  ['texts of JSON', 50_000, (n) => text('{\\"a\\":\\"b', n, (value) => credentialsInData(`{"a":"${value}"}`))],
  [
    'a document of many fields',
    5_000,
    (n) =>
      given(
        {
          _id: 'a',
          settings: Object.fromEntries(
            keys(n, (i) => `k${i}`)
              .split('\n')
              .map((k) => [k, 'token=abc']),
          ),
        } as JsonObject,
        normalise,
      ),
  ],
  [
    'lines without one in common',
    5_000,
    (n) => given([keys(n, (i) => `a${i}`), keys(n, (i) => `b${i}`)] as const, ([a, b]) => diffLines(a, b)),
  ],
  ['tiny records', 200_000, (n) => given(Buffer.from(`[${'{},'.repeat(n / 3)}{}]`), splitRecords)],
  ['numbers', 200_000, (n) => text('1e5,', n, (list) => inexactNumbers(`[${list}1]`))],
];

function given<T>(input: T, work: (input: T) => unknown): () => unknown {
  return () => work(input);
}

function text(piece: string, size: number, work: (text: string) => unknown): () => unknown {
  return given(piece.repeat(Math.ceil(size / piece.length)), work);
}

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

/** Eight times as long, with what sorting and the collector of garbage add; a square would be 64 times. */
const MOST_RATIO = 16;

/** Least time of the processor for some work, in milliseconds: other programs do not count. */
function leastMs(work: () => unknown, times: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}

it.each(WORK)('%s: eight times as much does not take 64 times as long', { tags: 'slow' }, (_, size, prepare) => {
  prepare(size)();
  const ratios: number[] = [];
  // The collector of garbage may come in between.
  for (let tries = 0; tries < 4 && !ratios.some((ratio) => ratio <= MOST_RATIO); tries++) {
    ratios.push(leastMs(prepare(8 * size), 3) / Math.max(leastMs(prepare(size), 5), 0.5));
  }
  expect(Math.min(...ratios)).toBeLessThanOrEqual(MOST_RATIO);
});

it('what the normaliser accepts can be written and read, and what it refuses as too deep cannot be read', () => {
  const doc = (levels: number): JsonObject => ({ _id: 'a', settings: nested(levels) });
  const deepest = normalise(doc(199)).doc;
  expect(parseYaml(renderYaml(deepest))).toEqual(deepest);
  // A comment: read by the library.
  expect(parseYaml(`${renderYaml(deepest)}# own\n`)).toEqual(deepest);
  expect(() => normalise(doc(200))).toThrow('nested more than 200 levels deep');
  expect(() => parseYaml(renderYaml(doc(200)))).toThrow('nested more than 200 levels deep');
});

it('a key that is there twice is found at its line', () => {
  expect(() => parseYaml('a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n')).toThrow(
    expect.objectContaining({ message: 'Map keys must be unique', line: 5 }),
  );
});
