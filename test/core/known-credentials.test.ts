import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFingerprint } from '../../src/core/digest.ts';
import { createKnownCredentials, withoutKnown } from '../../src/core/known-credentials.ts';
import { cases } from '../support/fuzz.ts';

const fingerprint = createFingerprint('the key of the mirror');
const VALUE = 'tulip9bulb7Qz93hLmN';

function knowing(...secrets: readonly string[]) {
  const known = createKnownCredentials({ fingerprint, held: () => new Map(), own: [] });
  for (const secret of secrets) known.learn(secret, fingerprint(secret));
  return { known, clean: (text: string) => withoutKnown({ fingerprint, known }, text) };
}

describe('a known credential', () => {
  const mark = `[[redacted ${fingerprint(VALUE)}]]`;
  it.each([
    ['alone', VALUE, mark],
    ['in a sentence', `use ${VALUE}, please`, `use ${mark}, please`],
    ['at its end', `It is ${VALUE}.`, `It is ${mark}.`],
    ['after a scheme', `Bearer ${VALUE}`, `Bearer ${mark}`],
    ['in an address', `https://a.test/x?k=${VALUE}&l=1`, `https://a.test/x?k=${mark}&l=1`],
    ['in a path', `https://a.test/${VALUE}/orders`, `https://a.test/${mark}/orders`],
    ['in code', `call('${VALUE}');\nconst a = \`${VALUE}\`;`, `call('${mark}');\nconst a = \`${mark}\`;`],
    ['in JSON', `{"a":"${VALUE}"}`, `{"a":"${mark}"}`],
    ['in JSON within a text', `"{\\"a\\":\\"${VALUE}\\"}"`, `"{\\"a\\":\\"${mark}\\"}"`],
    ['in an expression', `{{lookup "${VALUE}"}}`, `{{lookup "${mark}"}}`],
    ['in a longer word', `x${VALUE}`, `x${VALUE}`],
  ] as const)('%s', (_, text, expected) => {
    expect(knowing(VALUE).clean(text)).toBe(expected);
  });

  it.each([
    'password',
    'admin',
    '12345678',
    'hmac-sha256',
    'HMAC-SHA256',
    'application/json',
    'Summer2026',
    'oauth2',
    'Order sync 2026',
    'https://api.example.test/v1',
    '65a1b2c3d4e5f60718293a4b',
    'shop-12345678',
    '2026-11-28T12:00:00.000Z',
  ] as const)('does not blank out ordinary texts: %s', (value) => {
    expect(knowing(value).clean(`a ${value} b`)).toBe(`a ${value} b`);
  });

  it('is known by its fingerprint alone, with and without its length, after a scheme, too', () => {
    for (const secret of [VALUE, `Bearer ${VALUE}`, `Basic ${VALUE}`]) {
      for (const length of [0, secret.length]) {
        const held = new Map([[fingerprint(secret), length]]);
        const known = createKnownCredentials({ fingerprint, held: () => held, own: [] });
        expect(known.find(`a ${VALUE} b`)).toEqual([{ kind: 'known credential', start: 2, end: 2 + VALUE.length }]);
        expect(known.find('a tulip9bulb7Qz93hLmM b')).toEqual([]);
      }
    }
  });

  it('is known in the parts of an object and behind a scheme', () => {
    expect(knowing(`Bearer ${VALUE}`).clean(`a ${VALUE}`)).toBe(`a ${mark}`);
    expect(knowing(JSON.stringify({ user: 'ops', key: VALUE })).clean(`a ${VALUE}`)).toBe(`a ${mark}`);
  });

  it.each([
    ['as the first text', 0],
    ['after very many', 20_000],
  ])('that was read before it was known, %s, is named', (_, others) => {
    const { known } = knowing();
    for (let i = 0; i < others; i++) known.find(`order-number ${i}-${i * 7919}-reference`);
    expect(known.find(`before: ${VALUE}`)).toEqual([]);
    known.learn(VALUE, fingerprint(VALUE));
    known.learn('other8word5Xy', fingerprint('other8word5Xy'));
    expect(known.late()).toEqual([VALUE]);
  });

  it('is found in any text, and nothing else is', () => {
    const { known } = knowing(VALUE);
    const delimiter = fc.constantFrom(' ', '"', "'", '<', '>', '(', ')', '[', ']', '{', '}', ',', ';', '|', '\\', '\n');
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), delimiter, delimiter, fc.string({ maxLength: 60 }), (a, b, c, d) => {
        const text = `${a}${b}${VALUE}${c}${d}`;
        const found = known.find(text);
        expect(found.map(({ start, end }) => text.slice(start, end))).toEqual([VALUE]);
      }),
      cases(300),
    );
  });
});
