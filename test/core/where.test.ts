import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { placeText, visitLeaves } from '../../src/core/places.ts';
import { fulfils, isInside, parseCondition, parsePattern, valuesAtPattern } from '../../src/core/where.ts';
import { cases } from '../support/fuzz.ts';

const DOC: Json = {
  name: 'Order sync',
  disabled: false,
  pageSize: 20,
  empty: '',
  none: null,
  since: '2026-11-23T10:00Z',
  http: { baseURI: 'https://shop.sandbox.example', headers: [{ name: 'X-Api', value: 'a' }, { name: 'Accept' }] },
  routers: [{ branches: [{ pageProcessors: [{ _importId: 'i1' }, { _exportId: 'e1' }] }] }],
  settings: { 'a.b': { 'c=d': 1 }, '*': 'star' },
};

describe('a condition', () => {
  it.each<[condition: string, holds: boolean]>([
    ['name = Order sync', true],
    ['name = "Order sync"', true],
    ["name = 'Order sync'", true],
    ["name = 'Order'", false],
    ['name ~ "der sy"', true],
    ["name !~ 'der sy'", false],
    ["name >= 'Order'", true],
    ['name=Order', false],
    ['name != Order', true],
    ['name ~ ORDER', true],
    ['name ~ ord*sync', true],
    ['name ~ sync*ord', false],
    ['name !~ refund', true],
    ['disabled = false', true],
    ['disabled != true', true],
    ['missing != true', true],
    ['missing = true', false],
    ['none = null', true],
    ['none exists', true],
    ['nothing exists', false],
    ['nothing missing', true],
    ['empty =', true],
    ['name =', false],
    ['pageSize > 19', true],
    ['pageSize > 20', false],
    ['pageSize >= 20', true],
    ['pageSize < 9', false],
    ['pageSize <= 100', true],
    ['pageSize = 20.0', true],
    ['pageSize < many', false],
    ['since > 2026-11-01', true],
    ['since < 2026-11-01', false],
    ['disabled > 0', false],
    ['http.baseURI ~ sandbox', true],
    ['*.baseURI ~ sandbox', true],
    ['**.baseURI ~ sandbox', true],
    ['baseURI exists', false],
    ['http.headers[].name = Accept', true],
    ['http.headers[*].name = Accept', true],
    ['http.headers[0].name = Accept', false],
    ['http.headers[1].name = Accept', true],
    ['http.headers.*.name = Accept', true],
    ['http.headers.0.name = Accept', false],
    ['http.headers = [{"name":"X-Api","value":"a"},{"name":"Accept"}]', true],
    ['http.headers ~ x-api', true],
    ['**._importId = i1', true],
    ['**._exportId != e1', false],
    ['routers[].branches[].pageProcessors[]._importId exists', true],
    ['settings["a.b"]["c=d"] = 1', true],
    ['settings["*"] = star', true],
    ['**["c=d"] > 0', true],
    ['** = e1', true],
  ])('%s: %s', (text, holds) => {
    expect(fulfils(DOC, parseCondition(text, '--where'))).toBe(holds);
  });

  it.each([
    '',
    'name',
    '= x',
    'name is x',
    '.name = x',
    'a..b = x',
    'a[ = x',
    'a["b] = x',
    'a[x] = 1',
    'name exists x',
  ])('is refused by name: %j', (text) => {
    expect(() => parseCondition(text, '--where')).toThrow(/^--where: ".*" is not a valid (condition|path of a field)$/);
  });

  it.each(['~', '!~', '<', '<=', '>', '>='])('refuses %s without a value', (symbol) => {
    expect(() => parseCondition(`name ${symbol}`, '--where')).toThrow(`--where: "name ${symbol}" has no value after`);
    expect(() => parseCondition(`name ${symbol} 1`, '--where')).not.toThrow();
  });
});

describe('a path with wildcards', () => {
  it('finds a value by the place that is shown for it, and nothing else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const doc = { held: json as Json };
        visitLeaves(doc, (leaf, place) => {
          // A key with an asterisk is quoted by who writes the path.
          if (place.some((step) => String(step).includes('*'))) return;
          const pattern = parsePattern(placeText(place), '--field');
          expect(valuesAtPattern(doc, pattern)).toEqual([{ place, value: leaf }]);
          expect(isInside(pattern, [...place, 'deeper', 0])).toBe(true);
          expect(isInside(pattern, ['other'])).toBe(false);
        });
      }),
      cases(100),
    );
  });

  it('takes no longer where many wildcards fit in many ways', () => {
    let deep: Json = 'end';
    for (let i = 0; i < 200; i++) deep = { a: deep };
    const started = process.cpuUsage();
    const many = `${'**.a.'.repeat(9)}**.b = x`;
    expect(fulfils(deep, parseCondition(many, '--where'))).toBe(false);
    // Time of the processor, in µs: other work on the machine does not count.
    expect(process.cpuUsage(started).user).toBeLessThan(2_000_000);
  });

  it('leads where a regular expression of its steps leads', () => {
    const words = { a: '/a', '*': '/[^/]*', '**': '(/[^/]*)*' } as const;
    const steps = fc.array(fc.constantFrom('a', '*', '**'), { minLength: 1, maxLength: 6 });
    const place = fc.array(fc.constantFrom('a', 'b'), { maxLength: 6 });
    fc.assert(
      fc.property(steps, place, (pattern, at) => {
        const same = new RegExp(`^${pattern.map((step) => words[step]).join('')}(/.*)?$`);
        const text = at.map((step) => `/${step}`).join('');
        expect(isInside(parsePattern(pattern.join('.'), '--field'), at)).toBe(same.test(text));
      }),
      cases(100),
    );
  });
});
