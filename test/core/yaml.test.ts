import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { load as jsYamlLoad } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Json } from '../../src/core/json.ts';
import { readOwnYaml } from '../../src/core/own-yaml.ts';
import { parseYaml, renderYaml, YamlError } from '../../src/core/yaml.ts';
import { cases } from '../support/fuzz.ts';

/** Strings on which YAML readers disagree, or which break careless writers. */
const NASTY = [
  '',
  ' ',
  '  ',
  '\n',
  ' \n',
  '\n ',
  '\t',
  '\ta',
  'a\t',
  '\r',
  '\r\n',
  'a\r\nb',
  'a\n',
  'a\n\n',
  '\na',
  '\n\na\n',
  ' a\nb',
  'a\n b',
  'a\n \n',
  'a\n\t',
  'a\n  \nb',
  'a \nb ',
  '  a\n    b\n',
  '\n  a\n',
  '\t\na',
  'yes',
  'No',
  'ON',
  'y',
  'N',
  'true',
  'False',
  'null',
  '~',
  'Null',
  '1',
  '-1',
  '+1',
  '0',
  '012',
  '0o17',
  '0x1F',
  '0b1',
  '1_000',
  '1e3',
  '1.',
  '.5',
  '1.0',
  '.inf',
  '-.INF',
  '.nan',
  'NaN',
  'inf',
  '12:30:45',
  '1:2',
  '2001-01-01',
  '2001-12-14t21:59:43.10-05:00',
  '=',
  '<<',
  '*',
  '*a',
  '&a',
  '!a',
  '!!str',
  '|',
  '>',
  '%a',
  '@a',
  '`a',
  '- a',
  '-',
  '---',
  '...',
  '--- a',
  '?',
  '? a',
  ': a',
  ':',
  'a:',
  'a: b',
  'a #b',
  '#a',
  'a#',
  '{a}',
  '[a]',
  '{',
  ']',
  ',',
  '"',
  "'",
  "'a'",
  '"a"',
  '\\',
  '\\n',
  'a\\',
  '559012345678901234567890',
  '6512e4567890123456789012',
  '5e1234',
  '64f0a1b2c3d4e5f601020304',
  'a\u0085b',
  'a\u2028b\u2029',
  '\ufeff',
  'a\ufeff',
  '\u0000',
  'a\u0000b',
  '\u001b[31m',
  '\u007f',
  '\u0080',
  '\u00a0',
  '\u202e',
  '\ud800',
  '\udc00a',
  'a\ud800\nb',
  '😀',
  '😀\n😀\n',
  '\uffff',
  '\ufffe',
  '__proto__',
  'constructor',
  'toString',
  'naïve',
  'Ünïcode: #1',
  '日本語',
  'ⓐ',
  '? 0,15 6-22 ? * *',
  '{{record.id}}',
  'function a() {\n  return 1;\n}\n',
  'a\n---\nb\n...\n',
  '%YAML\n%b\n',
  'a\n# b\n',
  'x'.repeat(2000),
  'k'.repeat(1023),
  'k'.repeat(1024),
  'k'.repeat(1025),
  'long line '.repeat(400),
];

const nastyString = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('\n', ' ', '\t', 'a', ':', '#', '-', '\r', '"', '\\', '\ud83d', '\ude00', '|', '\u2028'),
    maxLength: 14,
  }),
  fc.tuple(fc.constantFrom(...NASTY), fc.constantFrom(...NASTY)).map(([a, b]) => a + b),
);

const number = fc.oneof(
  // Without -0, which is written as 0.
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.integer(),
  fc.constantFrom(0, 1e21, 1e-7, 5e-324, 2 ** 53),
);

const json = fc.letrec<{ value: Json; object: Json; array: Json[] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    nastyString,
    number,
    fc.boolean(),
    fc.constant(null),
    tie('object'),
    tie('array'),
  ),
  array: fc.array(tie('value'), { maxLength: 5 }),
  object: fc.array(fc.tuple(nastyString, tie('value')), { maxLength: 5 }).map((entries) => {
    const object: Record<string, Json> = {};
    for (const [key, value] of entries) {
      Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
    }
    return object;
  }),
})).value;

/** Reads pairs of YAML and the value it stands for; prints what a reader takes for something else. */
const PYTHON = `
import json, sys, yaml
wrong = []
for text, value in json.load(sys.stdin):
    for reader in (yaml.CSafeLoader, yaml.SafeLoader):
        try:
            if yaml.load(text, Loader=reader) != value: wrong.append([reader.__name__, text])
        except yaml.YAMLError as error: wrong.append([reader.__name__, text, str(error)])
print(json.dumps(wrong))
`;
const PYYAML = spawnSync('python3', ['-c', 'import yaml; yaml.CSafeLoader']).status === 0;

describe('renderYaml', () => {
  it('is read back as exactly the same value, whatever the JSON', () => {
    fc.assert(
      fc.property(json, (value) => {
        // vitest's equality trips over keys such as `constructor`; node's does not.
        assert.deepStrictEqual(parseYaml(renderYaml(value)), value);
      }),
      cases(3000),
    );
  });

  it('writes -0 as JSON does: a change of its sign, which no comparison shows, is none', () => {
    expect(renderYaml({ a: -0, b: [-0] })).toBe(renderYaml({ a: 0, b: [0] }));
  });

  it('is read by the fast reader, except for keys too long for it', () => {
    fc.assert(
      fc.property(json, (value) => {
        const yaml = renderYaml(value);
        if (!/^\s*(?:- )*\? /m.test(yaml)) assert.deepStrictEqual(readOwnYaml(yaml), value);
      }),
      cases(3000),
    );
    for (const text of NASTY.filter(({ length }) => length < 1000)) {
      const value: Json = { a: { [`k${text}`]: [text, [text], { b: text }] }, list: [[], {}, [{}]], z: text };
      expect(readOwnYaml(renderYaml(value)), JSON.stringify(text)).toStrictEqual(value);
    }
  });

  it('leaves to the library what it did not write, also where the fast reader would take it for something else', () => {
    expect(parseYaml('a: yes # a comment\n')).toEqual({ a: 'yes' });
    expect(parseYaml('a:   1\nb: 0x10\n')).toEqual({ a: 1, b: 16 });
    expect(parseYaml("a: 'b'\nc: >\n  d\n  e\n")).toEqual({ a: 'b', c: 'd e\n' });
    expect(parseYaml('{"a": [1, {"b": null}]}')).toEqual({ a: [1, { b: null }] });
    expect(() => parseYaml('a: 1\na: 2\n')).toThrow(YamlError);
    expect(() => parseYaml('a: *b\n')).toThrow(YamlError);
    expect(() => parseYaml(`${'- '.repeat(100_000)}1\n`)).toThrow();
  });

  it('keeps each awkward string as value, as key and in a list, for readers of YAML 1.1 and 1.2', () => {
    for (const text of NASTY) {
      const value: Json = { a: { [`k${text}`]: [text, [text], { b: text }] }, z: text };
      const yaml = renderYaml(value);
      expect(parse(yaml), JSON.stringify(text)).toStrictEqual(value);
      expect(parse(yaml, { version: '1.1' }), JSON.stringify(text)).toStrictEqual(value);
      expect(jsYamlLoad(yaml), JSON.stringify(text)).toStrictEqual(value);
    }
  });

  it.skipIf(!PYYAML)('right-yaml-readers: is read back by libyaml and by a reader of its own kind in Python', () => {
    const strings = fc.sample(nastyString, { numRuns: 1_000, seed: 15 }).filter((text) => text.isWellFormed());
    const values: Json[] = [...NASTY.filter((text) => text.isWellFormed()), ...strings].map((text) => {
      return { a: { [`k${text}`]: [text, [text], { b: text }] }, z: text };
    });
    const input = JSON.stringify(values.map((value) => [renderYaml(value), value]));
    const wrong = execFileSync('python3', ['-c', PYTHON], { input, encoding: 'utf8', maxBuffer: 1 << 28 });
    expect(JSON.parse(wrong)).toEqual([]);
  });

  it('right-yaml-readers: agrees with independent readers on random strings', { tags: 'slow' }, () => {
    fc.assert(
      fc.property(nastyString, nastyString, (a, b) => {
        const value: Json = { a, list: [b, { b }], nested: { [`x${b}`]: a } };
        const yaml = renderYaml(value);
        assert.deepStrictEqual(jsYamlLoad(yaml), value);
        assert.deepStrictEqual(parse(yaml, { version: '1.1' }), value);
      }),
      cases(3000),
    );
  });

  it('sorts keys by code point at every depth', () => {
    const yaml = renderYaml({ '\u{1f600}': 1, '\uffee': 2, b: { z: 1, a: [{ d: 1, c: 2 }] }, B: 3, 10: 1, 9: 1 });
    expect(yaml).toBe('"10": 1\n"9": 1\nB: 3\nb:\n  a:\n    - c: 2\n      d: 1\n  z: 1\n"\uffee": 2\n"\u{1f600}": 1\n');
  });

  it('writes text of several lines as a literal block and never folds', () => {
    const text = `one\n${'wide '.repeat(60)}end\n`;
    expect(renderYaml({ text })).toBe(`text: |\n  one\n  ${'wide '.repeat(60)}end\n`);
    expect(renderYaml({ text: 'a\nb' })).toBe('text: |-\n  a\n  b\n');
  });

  it('writes a long text as it writes a short one', () => {
    const short = 'größe\n\n\n  x …\n👍\n';
    const count = 10_000;
    const line = `\n${' '.repeat(4)}`;
    const once = `größe\n\n${line}  x …${line}👍`;
    expect(renderYaml({ a: { b: short.repeat(count) } })).toBe(
      `a:\n  b: |${line}${Array.from({ length: count }, () => once).join(line)}\n`,
    );
  });

  it('quotes object ids and strings that look like something else', () => {
    expect(renderYaml(['64f0a1b2c3d4e5f601020304', 'no', '1.10', 'plain words', '? 0 15 * *'])).toBe(
      '- "64f0a1b2c3d4e5f601020304"\n- "no"\n- "1.10"\n- plain words\n- "? 0 15 * *"\n',
    );
  });

  it('escapes characters that could reorder or hide text on a screen', () => {
    expect(renderYaml({ a: 'x\u202ey', b: 'x\u200by' })).toBe('a: "x\\u202ey"\nb: "x\\u200by"\n');
  });
});

describe('parseYaml', () => {
  it.each([
    ['duplicate keys', 'a: 1\na: 2\n'],
    ['aliases', 'a: &x [1]\nb: *x\n'],
    ['custom tags', 'a: !thing 1\n'],
    ['several documents', 'a: 1\n---\nb: 2\n'],
    ['broken syntax', 'a: [1\n'],
    ['a whole number beyond 2^53', 'a: 9007199254740993\n'],
    ['a number that loses the zeros in front', 'a: 0150\n'],
    ['a fraction with more digits than a number has', 'a: 0.12345678901234567890123\n'],
  ])('refuses %s', (_name, text) => {
    expect(() => parseYaml(text)).toThrow(YamlError);
  });

  it('reads numbers that are exact, and long ones in quotes', () => {
    const text = 'a: 9007199254740992\nb: +1.50\nc: 1e21\nd: .5\ne: "9007199254740993"\nf: 0x10\n';
    expect(parseYaml(text)).toEqual({ a: 9007199254740992, b: 1.5, c: 1e21, d: 0.5, e: '9007199254740993', f: 16 });
  });

  it('names the line of an error', () => {
    expect(() => parseYaml('a: 1\nb: 2\na: 3\n')).toThrow(expect.objectContaining({ line: 3 }));
  });
});
