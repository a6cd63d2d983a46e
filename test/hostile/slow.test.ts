import { describe, expect, it } from 'vitest';
import { diffLines } from '../../src/core/change-text.ts';
import { credentialsIn, credentialsInData } from '../../src/core/credential-text.ts';
import { inexactNumbers } from '../../src/core/exact-numbers.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';

/** Where the time grew with the square of the size, each of these took minutes, and so did not pass. */
const SIZE = 1_000_000;

function filled(piece: string): string {
  return piece.repeat(SIZE / piece.length);
}

function lines(word: string): string {
  return Array.from({ length: 50_000 }, (_, i) => `${word} ${i}`).join('\n');
}

describe('the time for a text grows with its length alone', { tags: 'slow' }, () => {
  it.each([
    ['what could be the scheme of a URL', `${filled('a.')} x://a:b@c`, 1],
    ['beginnings of JSON Web Tokens', filled('eyJaaaaaaaa-'), 0],
    ['beginnings of GitLab tokens', filled('gl'), 0],
    ['many of them', "pwd='Wint3rHike'\n".repeat(100_000), 100_000],
    ['a word', filled('token '), 0],
    ['a name and an equals sign', filled('api_key='), 0],
    ['a name in quotes', filled('"secret": '), 0],
    ['a call', filled("password('"), 0],
    ['an element', filled('<token '), 0],
    ['an authorisation', filled('Basic aaaaaaaa'), 0],
    ['a long word', filled('keykeykey'), 0],
    ['blanks', filled(' '), 0],
  ])('credentials: %s', (_, text, count) => {
    expect(credentialsIn(text)).toHaveLength(count);
  });

  it('credentials: JSON in a text of JSON', () => {
    expect(credentialsInData(`["${filled('{\\"a\\":1},')}"]`)).toEqual([]);
  });

  it('numbers: zeros between two digits', () => {
    expect(inexactNumbers(`[0.1${filled('0')}1]`)).toHaveLength(1);
  });

  it('YAML: empty lines before a text', () => {
    const value = { a: `${filled('\n')}x` };
    expect(parseYaml(renderYaml(value))).toEqual(value);
  });

  it('differences: no line in common', () => {
    expect(diffLines(lines('old'), lines('new'))).toHaveLength(100_000);
  });
});

describe('differences of texts with hardly a line in common', { tags: 'slow' }, () => {
  it('are reported as replaced, without what both begin and end with but the lines around', () => {
    const reported = diffLines(`head\n${lines('old')}\ntail\n`, `head\n${lines('new')}\nmore\ntail\n`);

    expect(reported).toHaveLength(100_003);
    expect(reported[0]).toEqual({ sign: ' ', text: 'head', line: 1 });
    expect(reported[1]).toEqual({ sign: '-', text: 'old 0', line: 2 });
    expect(reported[50_001]).toEqual({ sign: '+', text: 'new 0', line: 2 });
    expect(reported.at(-2)).toEqual({ sign: '+', text: 'more', line: 50_002 });
    expect(reported.at(-1)).toEqual({ sign: ' ', text: 'tail', line: 50_003 });
  });
});
