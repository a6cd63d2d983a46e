import { expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import { readErrorBody } from '../../src/celigo/errors.ts';
import { readLinks } from '../../src/celigo/links.ts';
import { diffLines } from '../../src/core/change-text.ts';
import { credentialsInText } from '../../src/core/credential-parts.ts';
import { credentialsIn, credentialsInData } from '../../src/core/credential-text.ts';
import { inexactNumbers } from '../../src/core/exact-numbers.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { createKnownCredentials } from '../../src/core/known-credentials.ts';
import { createNormaliser } from '../../src/core/normalise.ts';
import { withoutPaths } from '../../src/core/paths.ts';
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
  [
    'what may be a known credential',
    5_000,
    (n) => text('-', n, (all) => knowing().learn(`${all}tulip9bulb7Qz93`, 'x')),
  ],
  ['a search for known credentials', 50_000, (n) => text('tulip9bulb7Qz93/a-1=', n, (all) => knowing().find(all))],
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
  ['links of a header', 20_000, (n) => text('</v1/flows?a=1>; rel="prev"; title="a, b", ', n, readLinks)],
  ['parameters of a link', 20_000, (n) => text(`; rel='next' ; title="\\\\"`, n, (all) => readLinks(`<a>${all}`))],
  ['a link without end', 20_000, (n) => text('\\\\"', n, (all) => readLinks(`<a>; rel="${all}`))],
  [
    'many headers of links',
    2_000,
    (n) =>
      given(
        Array.from({ length: n }, () => '<a>; rel="prev"'),
        readLinks,
      ),
  ],
  [
    'fields of any name',
    20_000,
    (n) =>
      given(Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, 'x'])), (fields) =>
        withoutPaths({ fields }, ['fields.*']),
      ),
  ],
  ['numbers', 200_000, (n) => text('1e5,', n, (list) => inexactNumbers(`[${list}1]`))],
];

function knowing() {
  return createKnownCredentials({ fingerprint: (value) => value, held: () => new Map(), own: ['tulip9bulb7Qz93'] });
}

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

/** What doubling the input may cost beyond double the time: 30 %. */
const MOST_EXCESS = 1.3;
/** The smallest input takes as long as this, above what the clock blurs, and the largest fits beside young objects. */
const LEAST_MS = 0.5;
const ROUNDS = 12;

/** Time of the processor for some work, in milliseconds: other programs do not count. */
function msOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** The time of a doubling in proportion to double the time before it: the mean of all, which evens out one that is off. */
function excessOf(least: readonly number[]): number {
  const doublings = least.length - 1;
  return ((least.at(-1) ?? 0) / (least[0] ?? 0)) ** (1 / doublings) / 2;
}

/**
 * Work on 1, 2, 4 and 8 times an input: of each the least time of several rounds, until they are within the limit.
 * @returns as {@link excessOf}
 */
function excess(size: number, prepare: (size: number) => () => unknown): number {
  let base = size;
  // Compiled first, then measured.
  for (let i = 0; i < 3; i++) prepare(base)();
  while (Math.min(msOf(prepare(base)), msOf(prepare(base))) < LEAST_MS) base *= 2;
  const works = [1, 2, 4, 8].map((times) => prepare(times * base));
  const least = works.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS && (round < 2 || excessOf(least) > MOST_EXCESS); round++)
    for (const [i, work] of works.entries()) least[i] = Math.min(least[i] ?? 0, msOf(work));
  return excessOf(least);
}

it.each(WORK)('%s: twice as much takes twice as long, within 30 %', { tags: 'slow' }, (_, size, prepare) => {
  expect(excess(size, prepare)).toBeLessThanOrEqual(MOST_EXCESS);
});

it('a time that grows with the square of the input is seen', { tags: 'slow' }, () => {
  const square = (n: number): (() => unknown) =>
    text('a', n, (all) => [...all].map((_, i) => all.slice(i).search(/b/)));
  expect(excess(1_000, square)).toBeGreaterThan(MOST_EXCESS);
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

it.each([
  ['brackets', '['],
  ['braces', '{a: '],
  ['dashes', '- '],
  ['question marks', '? '],
])('%s of any depth are refused before anything calls itself that deep', (_, sign) => {
  // Where the stack ends while V8 compiles a regular expression, the process ends with it.
  for (const depth of [600, 1_500, 2_500, 5_000])
    expect(() => parseYaml(`a: 1\nb:\n  ${sign.repeat(depth)}x`)).toThrow('nested more than 200 levels deep');
});
