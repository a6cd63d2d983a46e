import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitRecords } from '../../src/core/records.ts';
import { cases } from '../support/fuzz.ts';

function split(text: string): unknown[] | undefined {
  return splitRecords(Buffer.from(text))?.map((bytes) => JSON.parse(bytes.toString()));
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
        const before = new Set(records.filter(() => answers.next().value).map((record) => JSON.stringify(record)));
        const found = splitRecords(Buffer.from(JSON.stringify(records)), (part) => before.has(part.toString()));
        expect(found?.map(String)).toEqual(records.map((record) => JSON.stringify(record)));
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

it('looks at each byte once, whatever the records before seemed to be', () => {
  let seen = 0;
  const text = `[${'{"a":1},'.repeat(20_000)}{"_id":"a"},{"_id":"b"}]`;

  splitRecords(Buffer.from(text), (part) => {
    seen += part.length;
    return false;
  });

  expect(seen).toBeLessThan(2 * text.length);
});
