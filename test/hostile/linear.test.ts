import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import { readErrorBody } from '../../src/celigo/errors.ts';
import { readLinks } from '../../src/celigo/links.ts';
import { diffLines } from '../../src/core/change-text.ts';
import { credentialsInText } from '../../src/core/credential-parts.ts';
import { credentialsIn, credentialsInData } from '../../src/core/credential-text.ts';
import { inexactNumbers } from '../../src/core/exact-numbers.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { createKnownCredentials } from '../../src/core/known-credentials.ts';
import { readMessage } from '../../src/core/message.ts';
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

/** Work on an input of a size, which is made before. */
interface Work {
  readonly what: string;
  /**
   * Of the smallest input. Eight times as much is within the limits of the reader, and within those of V8 beyond which
   * `JSON.parse` itself takes longer for each part: a text of 128 KiB, an object of a thousand keys, much that stays.
   */
  readonly size: number;
  readonly prepare: (size: number) => () => unknown;
}

const KINDS: Readonly<Record<string, readonly Work[]>> = {
  'error pages': [
    { what: 'tags', size: 2_000, prepare: (n) => text('<', n, readErrorBody) },
    { what: 'tags beyond what is read', size: 200_000, prepare: (n) => text('<', n, readErrorBody) },
    { what: 'scripts', size: 2_000, prepare: (n) => text('<script', n, readErrorBody) },
    { what: 'scripts beyond what is read', size: 200_000, prepare: (n) => text('<script', n, readErrorBody) },
    { what: 'styles that end', size: 2_000, prepare: (n) => text('<style></script>', n, readErrorBody) },
    { what: 'blanks', size: 2_000, prepare: (n) => text(' \n\t', n, readErrorBody) },
    {
      what: 'ids',
      size: 2_000,
      prepare: (n) => text('64f0000000000000000a0000 ', n, (page) => readErrorBody(`{"message":"${page}"}`)),
    },
    {
      what: 'errors',
      size: 200,
      prepare: (n) =>
        given(
          JSON.stringify({ errors: Array.from({ length: n }, (_, i) => ({ field: `f${i}`, code: i })) }),
          readErrorBody,
        ),
    },
    { what: 'brackets', size: 10_000, prepare: (n) => text('[', n, readErrorBody) },
  ],
  YAML: [
    {
      what: 'many keys',
      size: 250,
      prepare: (n) =>
        given(
          lines(n, (i) => `k${i}: 1 # own`),
          parseYaml,
        ),
    },
    {
      what: 'one key again and again',
      size: 250,
      prepare: (n) =>
        given(
          lines(n, () => 'k: 1'),
          refusing,
        ),
    },
    {
      what: 'anchors and aliases',
      size: 250,
      prepare: (n) => given(`a: &a 1\n${lines(n, (i) => `k${i}: *a`)}`, refusing),
    },
    {
      what: 'items',
      size: 250,
      prepare: (n) =>
        given(
          lines(n, (i) => `- ${i} # own`),
          parseYaml,
        ),
    },
    { what: 'comments', size: 1_000, prepare: (n) => given(`${lines(n, () => '# own')}\na: 1\n`, parseYaml) },
    { what: 'empty lines', size: 1_000, prepare: (n) => given(`a: 1${'\n'.repeat(n)}b: 2 # own\n`, parseYaml) },
    { what: 'one text', size: 1_000, prepare: (n) => given(`a: |\n${lines(n, () => '  x')}\n# own\n`, parseYaml) },
    {
      what: 'one text in quotes',
      size: 10_000,
      prepare: (n) => text('\\u2028 ', n, (all) => parseYaml(`a: "${all}" # own`)),
    },
    { what: 'as we write it', size: 50, prepare: (n) => given(renderYaml(wide(n)), parseYaml) },
  ],
  nesting: [
    {
      what: 'deep documents',
      size: 5,
      prepare: (n) =>
        given(
          Array.from({ length: n }, () => nested(190)),
          (docs) => docs.map((doc) => parseYaml(renderYaml(doc))),
        ),
    },
    {
      what: 'deep documents with comments',
      size: 2,
      prepare: (n) => given(`a:\n${`- ${'{ a: ['.repeat(50)}${'] }'.repeat(50)}\n`.repeat(n)}`, parseYaml),
    },
    {
      what: 'levels of a document',
      size: 24,
      prepare: (n) => given({ _id: 'a', settings: nested(n) } as JsonObject, normalise),
    },
    { what: 'brackets of YAML', size: 20_000, prepare: (n) => text('[', n, refusing) },
    { what: 'braces of YAML', size: 20_000, prepare: (n) => text('{a: ', n, refusing) },
    { what: 'dashes of YAML', size: 2_000, prepare: (n) => text('- ', n, refusing) },
    { what: 'pairs of brackets', size: 500, prepare: (n) => text('[],', n, (all) => parseYaml(`[${all}1]`)) },
    { what: 'brackets of an answer', size: 10_000, prepare: (n) => text('[', n, (all) => attempt(() => split(all))) },
    { what: 'numbers within brackets', size: 10_000, prepare: (n) => text('[1.0,', n, inexactNumbers) },
  ],
  'the search for credentials': [
    { what: 'beginnings of JSON Web Tokens', size: 10_000, prepare: (n) => text('eyJ-', n, credentialsIn) },
    { what: 'words for secrets', size: 10_000, prepare: (n) => text('secret password: "', n, credentialsInText) },
    {
      what: 'what may be a known one',
      size: 10_000,
      prepare: (n) => text('-', n, (all) => knowing().learn(`${all}tulip9bulb7Qz93`, 'x')),
    },
    { what: 'known ones', size: 10_000, prepare: (n) => text('tulip9bulb7Qz93/a-1=', n, (all) => knowing().find(all)) },
    {
      what: 'texts of JSON',
      size: 10_000,
      prepare: (n) => text('{\\"a\\":\\"b', n, (value) => credentialsInData(`{"a":"${value}"}`)),
    },
    { what: 'addresses', size: 10_000, prepare: (n) => text('https://a:b@c/?token=d&', n, credentialsInText) },
    { what: 'headers', size: 10_000, prepare: (n) => text('Authorization: Bearer ', n, credentialsInText) },
    { what: 'keys in PEM', size: 10_000, prepare: (n) => text('-----BEGIN PRIVATE KEY-----', n, credentialsIn) },
    { what: 'one long word', size: 10_000, prepare: (n) => text('a1B', n, credentialsInText) },
    {
      what: 'a document of many fields',
      size: 500,
      prepare: (n) => given({ _id: 'a', settings: Array.from({ length: n / 5 }, () => wide(5)) }, normalise),
    },
  ],
  'what else a stranger sends': [
    {
      what: 'lines without one in common',
      size: 5_000,
      prepare: (n) => given([lines(n, (i) => `a${i}`), lines(n, (i) => `b${i}`)] as const, ([a, b]) => diffLines(a, b)),
    },
    { what: 'lines of a message', size: 20_000, prepare: (n) => text('A\na\n', n, readMessage) },
    { what: 'changes of a message', size: 5_000, prepare: (n) => text('- added: flows/a.b.yaml: A [', n, readMessage) },
    { what: 'tiny records', size: 1_000, prepare: (n) => given(Buffer.from(`[${'{},'.repeat(n)}{}]`), splitRecords) },
    {
      what: 'links of a header',
      size: 10_000,
      prepare: (n) => text('</v1/flows?a=1>; rel="prev"; title="a, b", ', n, readLinks),
    },
    {
      what: 'parameters of a link',
      size: 10_000,
      prepare: (n) => text(`; rel='next' ; title="\\\\"`, n, (all) => readLinks(`<a>${all}`)),
    },
    {
      what: 'a link without end',
      size: 10_000,
      prepare: (n) => text('\\\\"', n, (all) => readLinks(`<a>; rel="${all}`)),
    },
    {
      what: 'many headers of links',
      size: 250,
      prepare: (n) =>
        given(
          Array.from({ length: n }, () => '<a>; rel="prev"'),
          readLinks,
        ),
    },
    {
      what: 'fields of any name',
      size: 15,
      prepare: (n) => given(wide(n), (fields) => withoutPaths({ fields }, ['fields.*'])),
    },
    { what: 'numbers', size: 10_000, prepare: (n) => text('1e5,', n, (list) => inexactNumbers(`[${list}1]`)) },
  ],
};

function knowing() {
  return createKnownCredentials({ fingerprint: (value) => value, held: () => new Map(), own: ['tulip9bulb7Qz93'] });
}

function wide(keys: number): JsonObject {
  return Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, `token=abc${i}`]));
}

function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n');
}

function split(json: string): unknown {
  return splitRecords(Buffer.from(json));
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

function refusing(yaml: string): unknown {
  return attempt(() => parseYaml(yaml));
}

/**
 * What a part of a larger input may cost, in proportion to the same part of a smaller one. On a busy machine it is up
 * to twice as much; `LINEAR=1.3 npx vitest run test/hostile/linear.test.ts` measures on a quiet one.
 */
const MOST_EXCESS = Number(process.env.LINEAR ?? 2);
const TIMES = [1, 2, 4, 8] as const;
/** What is measured takes at least as long: far above what the clock blurs. */
const LEAST_MS = 2;
const LEAST_ROUNDS = 3;
/** The least time of many rounds is that without what else goes on, garbage and compilation included. */
const MOST_ROUNDS = process.env.LINEAR ? 400 : 60;

/** Collects garbage: none of an earlier measurement counts for a later one. */
const collect = ((): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

/** Time of the processor for some work, in milliseconds: other programs do not count. */
function msOf(work: () => unknown, repeats: number): number {
  collect();
  const before = process.cpuUsage();
  for (let i = 0; i < repeats; i++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Of each input as often as makes the same amount in all; the least time of the rounds so far. */
function measuring(size: number, prepare: (size: number) => () => unknown): { round(): void; growth(): number[] } {
  const works = TIMES.map((times) => prepare(times * size));
  let repeats = 1;
  for (const work of works) work();
  while (msOf(works[0] as () => unknown, 8 * repeats) < LEAST_MS) repeats *= 2;
  const least = works.map(() => Number.POSITIVE_INFINITY);
  return {
    round() {
      for (const [i, work] of works.entries())
        least[i] = Math.min(least[i] ?? 0, msOf(work, (8 * repeats) / (TIMES[i] ?? 1)));
    },
    growth: () => least.map((ms) => ms / (least[0] ?? 0)),
  };
}

/**
 * Work on 1, 2, 4 and 8 times an input, in rounds until it is within the limit.
 * @returns the most that a part of a larger input costs, in proportion to the same part of the smallest
 */
function excess({ size, prepare }: Omit<Work, 'what'>): number {
  const measured = measuring(size, prepare);
  let found = Number.POSITIVE_INFINITY;
  for (let round = 0; round < MOST_ROUNDS && (round < LEAST_ROUNDS || found > MOST_EXCESS); round++) {
    measured.round();
    found = Math.max(...measured.growth());
  }
  return found;
}

describe.each(Object.keys(KINDS))('%s: the time grows with the input', (kind) => {
  it.each(KINDS[kind] ?? [])('$what', { tags: 'slow' }, (work) => {
    expect(excess(work)).toBeLessThanOrEqual(MOST_EXCESS);
  });
});

it('a time that grows faster is seen: with the square, and with the power of 1.5', { tags: 'slow' }, () => {
  const spin = (n: number): (() => unknown) =>
    given(n, (rounds) => {
      let sum = 0;
      for (let i = 0; i < rounds; i++) sum = (sum * 31 + i) % 65_521;
      return sum;
    });
  expect(excess({ size: 300, prepare: (n) => spin(n ** 2) })).toBeGreaterThan(MOST_EXCESS);
  expect(excess({ size: 1_000, prepare: (n) => spin(n ** 1.5) })).toBeGreaterThan(MOST_EXCESS);
  expect(excess({ size: 30_000, prepare: spin })).toBeLessThanOrEqual(MOST_EXCESS);
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
