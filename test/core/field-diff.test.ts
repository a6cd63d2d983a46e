import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffFields } from '../../src/core/field-diff.ts';
import type { Json } from '../../src/core/json.ts';
import { equalJson } from '../../src/core/paths.ts';
import { atPlace, placeOf, placeText } from '../../src/core/places.ts';
import { cases } from '../support/fuzz.ts';

const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;

function shown(before: Json, after: Json): string[] {
  return diffFields(before, after).map(
    ({ place, before: old, after: now }) => `${placeText(place)}: ${JSON.stringify(old)} → ${JSON.stringify(now)}`,
  );
}

describe('the difference of two documents', () => {
  it('names the fields, in the order of their keys', () => {
    expect(shown({ b: 1, a: { x: 1, y: 2 } }, { a: { x: 1, y: 3 }, c: null })).toEqual([
      'a.y: 2 → 3',
      'b: 1 → undefined',
      'c: undefined → null',
    ]);
  });

  it('distinguishes an element put into a list from those it shifted', () => {
    const before = [{ n: 1 }, { n: 2 }, { n: 3 }];
    expect(shown(before, [{ n: 1 }, { n: 9 }, { n: 2 }, { n: 3 }])).toEqual(['[1]: undefined → {"n":9}']);
    expect(shown(before, [{ n: 1 }, { n: 3 }])).toEqual(['[1]: {"n":2} → undefined']);
  });

  it('compares an element that was replaced by fields', () => {
    expect(shown([{ a: 1, b: 1 }, 'x'], [{ a: 1, b: 2 }])).toEqual(['[0].b: 1 → 2', '[1]: "x" → undefined']);
  });

  it('is empty exactly for equal documents, and every place is where it says', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const changes = diffFields(before, after);
        expect(changes.length === 0).toBe(equalJson(before, after));
        for (const change of changes) {
          if ('after' in change) expect(atPlace(after, change.place)).toEqual(change.after);
          else expect(atPlace(before, change.place)).toEqual(change.before);
        }
      }),
      cases(100),
    );
  });

  it('writes places so that they can be read again', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(99), fc.string({ minLength: 1 })), { minLength: 1 }), (place) => {
        expect(placeOf(placeText(place))).toEqual(place);
      }),
      cases(100),
    );
  });
});
