import { describe, expect, it } from 'vitest';
import { inexactNumbers, isExact, TooManyInexact } from '../../src/core/exact-numbers.ts';

describe('a number', () => {
  it.each([
    ...['0', '-0', '1.0', '1.10', '100', '1e2', '1E+2', '9007199254740992', '9007199254740994', '-0.5e-3', '0e9'],
    ...['0.1', '0.10000000000000001', '1700000000000000000', '1e21', '123456789012345680000', '5e-324', '-0.0'],
    ...['1.7976931348623157e308', '3.141592653589793', '0.30000000000000004'],
  ])('%s is kept', (text) => {
    expect(isExact(text)).toBe(true);
    expect(inexactNumbers(`{"n":${text}}`)).toEqual([]);
  });

  it.each([
    ...['12345678901234567890', '9007199254740993', '-9007199254740993', '1e400', '-1e400', '1e-400'],
    ...['0.1000000000000000055511151231257827', '90071992547409930e-1', '1.2345e-320'],
  ])('%s would change silently, and is found', (text) => {
    expect(isExact(text)).toBe(false);
    for (const json of [text, `{"n":${text}}`, `[1, ${text}]`, `{"n" : [{}, ${text} ]}`]) {
      expect(inexactNumbers(json).map((found) => found.text)).toEqual([text]);
    }
  });

  it('is found where it is, and never inside a text', () => {
    const big = '12345678901234567890';
    const json = `{"a":",${big}","b\\"":[{"c":"\\\\"},{"d":${big}}],"e":{"f":[]},"${big}":[[1,${big}]]}`;
    JSON.parse(json);

    expect(inexactNumbers(json)).toEqual([
      { place: ['b"', 1, 'd'], text: big },
      { place: [big, 0, 1], text: big },
    ]);
  });

  it('is not looked for any further in a document that has ten thousand of them', () => {
    expect(inexactNumbers(`[${'1e400,'.repeat(9_999)}1]`)).toHaveLength(9_999);
    expect(() => inexactNumbers(`[${'1e400,'.repeat(10_001)}1]`)).toThrow(TooManyInexact);
  });
});
