import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffLines } from '../../src/core/change-text.ts';
import { matchLists } from '../../src/core/sequences.ts';
import { cases } from '../support/fuzz.ts';

const letters = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 14 });

/** The fewest elements that must be taken out and put in, by the table of longest common subsequences. */
function fewestEdits(before: readonly string[], after: readonly string[]): number {
  let row = after.map(() => 0);
  for (const one of before) {
    const next: number[] = [];
    for (const [i, other] of after.entries()) {
      next.push(one === other ? (row[i - 1] ?? 0) + 1 : Math.max(row[i] ?? 0, next[i - 1] ?? 0));
    }
    row = next;
  }
  return before.length + after.length - 2 * (row.at(-1) ?? 0);
}

describe('what stayed between two lists', () => {
  it('is in both, in order, up to the end of both, and as much as possible', () => {
    fc.assert(
      fc.property(letters, letters, (before, after) => {
        let [at, to, matched] = [0, 0, 0];
        for (const { old, now, count } of matchLists(before, after)) {
          expect(old >= at && now >= to).toBe(true);
          expect(before.slice(old, old + count)).toEqual(after.slice(now, now + count));
          [at, to, matched] = [old + count, now + count, matched + count];
        }
        expect([at, to]).toEqual([before.length, after.length]);
        expect(before.length + after.length - 2 * matched).toBe(fewestEdits(before, after));
      }),
      cases(500),
    );
  });

  it('is the beginning and the end alone where more edits are needed', () => {
    const matches = matchLists([...'hab.cdt'], [...'hxy.zwt'], 3);

    expect(matches).toEqual([
      { old: 0, now: 0, count: 1 },
      { old: 6, now: 6, count: 1 },
    ]);
  });
});

describe('the lines in which two texts differ', () => {
  it('make the new text of the old one, with at most two lines around each', () => {
    const texts = fc.tuple(letters, fc.boolean()).map(([lines, ended]) => lines.join('\n') + (ended ? '\n' : ''));
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const [old, now] = [before.split('\n'), after.split('\n')];
        const plain = (text: string): string => text.replace('  (no line break at the end)', '');
        const lines = diffLines(before, after).map((line) => ({ ...line, text: plain(line.text) }));
        for (const { sign, text, line } of lines) {
          if (sign !== 'gap') expect((sign === '-' ? old : now)[line - 1]).toBe(text);
        }
        const kept = old.filter((_, i) => !lines.some(({ sign, line }) => sign === '-' && line === i + 1));
        const added = lines.filter(({ sign }) => sign === '+');
        for (const { line, text } of added) kept.splice(line - 1, 0, text);
        expect(kept.join('\n').replace(/\n$/, '')).toBe(after.replace(/\n$/, ''));
        const signs = lines.map(({ sign }) => (sign === 'gap' ? '.' : sign)).join('');
        expect(signs).toMatch(/^ {0,2}(?:[+-]+(?: {0,4}| {2}\. {2})(?=[+-]))*[+-]* {0,2}$/);
      }),
      cases(500),
    );
  });

  it.each<[name: string, before: string, after: string, lines: string[]]>([
    ['the same ends', 'a\r\nb\r\n', 'a\r\nB\r\n', ['  a', '- b', '+ B']],
    ['other ends alone', 'a\nb\n', 'a\r\nb\r\n', ['- (all lines end with LF)', '+ (all lines end with CRLF)']],
    [
      'other ends, too',
      'a\r\nb',
      'a\nB',
      ['- (all lines end with CRLF)', '+ (all lines end with LF)', '  a', '- b', '+ B'],
    ],
    ['another end of one line', 'a\nb\n', 'a\nb\r\n', ['  a', '- b', '+ b\r']],
    ['a new text', '', 'a\r\nb\r\n', ['+ a', '+ b']],
  ])('shows %s', (_name, before, after, lines) => {
    expect(diffLines(before, after).map(({ sign, text }) => `${sign} ${text}`)).toEqual(lines);
  });
});
