import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLinks } from '../../src/celigo/links.ts';
import { cases } from '../support/fuzz.ts';

function next(header: string | string[]): readonly string[] | undefined {
  return readLinks(header)?.flatMap(({ target, relations }) => (relations.includes('next') ? [target] : []));
}

describe('the next page of a Link header', () => {
  it.each<[string | string[], string]>([
    ['<a>; rel="next"', 'a'],
    ["<a>; rel='next'", 'a'],
    ['<a>; rel=next', 'a'],
    ['<a>;rel=next', 'a'],
    ['<a>; REL="Next"', 'a'],
    ['<a>; rel = "next"', 'a'],
    ['<a>; rel="last next"', 'a'],
    ["<a>; rel='last  next'", 'a'],
    ['<a>; rel="\\next"', 'a'],
    ['<a>; title="b, <c>; rel=prev"; rel="next"', 'a'],
    ["<a>; title='b, <c>; rel=prev'; rel='next'", 'a'],
    ['<a>; title="say \\"next\\""; rel="next"', 'a'],
    ["<a>; title*=UTF-8'en'%e2%82%ac; rel=next", 'a'],
    ['<a>; crossorigin; rel=next;', 'a'],
    ['<a>; rel="next"; rel="prev"', 'a'],
    ['<p>; rel="prev", <a>; rel="next"', 'a'],
    ['<a>; rel="next",<p>; rel="prev"', 'a'],
    [['<p>; rel="prev"', '<a>; rel="next"'], 'a'],
    ['<a>; rel="next", ,', 'a'],
    [', <a>; rel="next"', 'a'],
    ['< a >; rel="next"', 'a'],
    ['</v1/c?ids=1,2;3&q=a b>; rel="next"', '/v1/c?ids=1,2;3&q=a b'],
    ['<?skip=7>; rel="next"', '?skip=7'],
    ['<//h/v1/c>; rel="next"', '//h/v1/c'],
    ['<>; rel="next"', ''],
    ['<a>;\r\n rel="next"', 'a'],
    ['<a>\t;\trel="next"\t', 'a'],
  ])('%j', (header, target) => {
    expect(next(header)).toEqual([target]);
  });

  it.each<[string | string[]]>([
    ['<a>; rel="prev"'],
    ['<a>; rel="first prev"'],
    ['<a>; rel="prev"; rel="next"'],
    ['<a>; title="rel=next"; rel=prev'],
    ['<a>; rel="nextpage"'],
    [''],
    [',, ,'],
  ])('is none in %j', (header) => {
    expect(next(header)).toEqual([]);
  });

  it.each<[string | string[]]>([
    ['<a>'],
    ['<a>; title="next"'],
    ['<a>; rel'],
    ['<a>; rel=""'],
    ['<a>; rel="next'],
    ['<a; rel="next"'],
    ['a; rel="next"'],
    ['<a> rel="next"'],
    ['<<;'],
    ['<a>; rel="prev" <b>; rel="next"'],
    ['<a>; rel="prev"; <b>; rel="next"'],
    [['<a>; rel="prev"', 'rel="next"']],
    ['rel="next"'],
  ])('is left open by %j', (header) => {
    expect(readLinks(header)).toBeUndefined();
  });

  it('is found again in whatever is written by the rules', () => {
    const token = fc.stringMatching(/^[a-z*!#-]{1,8}$/).filter((name) => name !== 'rel');
    const quoted = fc.string().map((text) => `"${text.replace(/[\r\n]/g, ' ').replace(/["\\]/g, '\\$&')}"`);
    const other = fc.tuple(token, quoted).map(([name, value]) => `;${name}=${value}`);
    const target = fc.stringMatching(/^[^<>\s]{1,20}$/);
    const relation = fc.constantFrom('"next"', "'next'", 'next', '"prev NEXT"');
    fc.assert(
      fc.property(fc.array(other), target, relation, fc.array(other), fc.boolean(), (before, uri, rel, after, more) => {
        const header = `<${uri}>${before.join(' ')}; rel=${rel}${after.join('')}${more ? ', <p>; rel="prev"' : ''}`;
        expect(next(header)).toEqual([uri]);
      }),
      cases(200),
    );
  });
});
