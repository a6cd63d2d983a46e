import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idAt, splitRecords } from '../../src/core/records.ts';
import { cases } from '../support/fuzz.ts';

function split(text: string): unknown[] | undefined {
  return splitRecords(Buffer.from(text))?.map(({ bytes }) => JSON.parse(bytes.toString()));
}

describe('splitRecords', () => {
  it('cuts any array of objects into exactly its elements', () => {
    const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
    fc.assert(
      fc.property(fc.array(object, { maxLength: 6 }), fc.constantFrom(0, 2, '\t'), (records, indent) => {
        const text = JSON.stringify(records, null, indent);
        expect(split(text)).toEqual(JSON.parse(text));
      }),
      cases(1000),
    );
  });

  it('cuts the same elements where some were known before', () => {
    const parts = fc.constantFrom([{ _id: 'a' }, { _id: 'b' }], []);
    const object = fc.record({ _id: fc.string(), parts, text: fc.constantFrom('a', '},{"_id":"b') });
    fc.assert(
      fc.property(fc.array(object, { maxLength: 6 }), fc.infiniteStream(fc.boolean()), (records, answers) => {
        const text = Buffer.from(JSON.stringify(records));
        const lengths = records.map((record) => Buffer.byteLength(JSON.stringify(record)));
        // Some elements, and some with the one behind them.
        const known = new Map<number, { ids: string[]; length: number }>();
        for (let [i, at] = [0, 1]; i < records.length; at += (lengths[i] ?? 0) + 1, i++) {
          if (!answers.next().value) continue;
          const both = answers.next().value && i + 1 < records.length;
          const length = (lengths[i] ?? 0) + (both ? 1 + (lengths[i + 1] ?? 0) : 0);
          known.set(at, { ids: both ? ['a', 'b'] : ['a'], length });
        }
        const found = splitRecords(text, (at) => known.get(at)) ?? [];
        expect(found.map(({ bytes }) => bytes.toString()).join(',')).toBe(text.subarray(1, -1).toString());
        for (const { bytes, known: part } of found)
          expect(JSON.parse(`[${bytes}]`)).toHaveLength(part?.ids.length ?? 1);
      }),
      cases(300),
    );
  });

  it.each(['', '{}', '[1]', '[[]]', 'null', '[{}', '[{}]x', '[{},]', '[{"a":"]', '[{"a":"\\"}]', '<html>', '[{}{}]'])(
    'gives up on %s',
    (text) => {
      expect(split(text)).toBeUndefined();
    },
  );

  it('is not misled by quotes, brackets and backslashes inside strings', () => {
    expect(split('[{"a":"}],[{\\"\\\\"},{"b":"\\\\\\""}]')).toEqual([{ a: '}],[{"\\' }, { b: '\\"' }]);
  });
});

it.each([
  ['{"_id":"6783a068c3a91b7e41200002","name":"a"}', '6783a068c3a91b7e41200002'],
  ['{"_id":"a~b_c-1"}', 'a~b_c-1'],
  ['{"name":"a","_id":"b"}', undefined],
  ['{ "_id":"a"}', undefined],
  ['{"_id":"a\\u0062"}', undefined],
  ['{"_id":"', undefined],
  ['{"_id":""}', undefined],
  [`{"_id":"${'a'.repeat(300)}"}`, undefined],
  ['', undefined],
])('idAt finds the id of %j', (text, id) => {
  expect(idAt(Buffer.from(`[${text}`), 1)).toBe(id);
});
