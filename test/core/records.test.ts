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
