import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import type { ResourceType } from '../../src/catalogue/types.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { mergeDocuments, mergeValues } from '../../src/core/merge.ts';
import { mergeSequences } from '../../src/core/merge-sequences.ts';
import { equalJson, setSteps } from '../../src/core/paths.ts';
import { covers, type Place, placeText, visitLeaves } from '../../src/core/places.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { cases } from '../support/fuzz.ts';

const FLOWS = findType('flows') as ResourceType;
const IMPORTS = findType('imports') as ResourceType;
const INTEGRATIONS = findType('integrations') as ResourceType;

const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
/** Few keys and values, so that sides meet. */
const small: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<Json>(1, 2, 'x', 'y', null, true, 'a\nb\nc', 'a\nB\nc', 'a\nb\nC'),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('value'), { maxKeys: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.uniqueArray(
      fc.record({ _id: fc.constantFrom('1', '2', '3'), v: tie('value') }).map((item) => item as JsonObject),
      { selector: (item) => item._id, maxLength: 3 },
    ),
  ),
})).value;
const any = fc.oneof(small, json);
const maybe = fc.option(any, { nil: undefined });

interface Row {
  readonly base?: Json | undefined;
  readonly changed?: Json | undefined;
  readonly live?: Json | undefined;
  readonly result?: Json;
  readonly conflicts?: readonly string[];
}

function mergeRow({ base, changed, live }: Row): { result?: Json; conflicts?: string[] } {
  const { value, conflicts } = mergeValues({ base, changed, live });
  if (conflicts.length === 0) return value === undefined ? {} : { result: value };
  return { conflicts: conflicts.map(({ place, lines }) => `${placeText(place)}${lines ? `:${lines[0] + 1}` : ''}`) };
}

const item = (id: string, v: number, more: JsonObject = {}): JsonObject => ({ _id: id, v, ...more });

const ROWS: readonly (readonly [what: string, row: Row])[] = [
  ['a field that the change left alone', { base: { a: 1 }, changed: { a: 1 }, live: { a: 2 }, result: { a: 2 } }],
  ['a field that live left alone', { base: { a: 1 }, changed: { a: 2 }, live: { a: 1 }, result: { a: 2 } }],
  ['the same change on both sides', { base: { a: 1 }, changed: { a: 2 }, live: { a: 2 }, result: { a: 2 } }],
  ['two changes of one field', { base: { a: 1 }, changed: { a: 2 }, live: { a: 3 }, conflicts: ['a'] }],
  ['neighbours', { base: { a: 1, b: 1 }, changed: { a: 2, b: 1 }, live: { a: 1, b: 2 }, result: { a: 2, b: 2 } }],
  ['null is a value, absence is none', { base: {}, changed: { a: null }, live: {}, result: { a: null } }],
  ['null against absence', { base: { a: 1 }, changed: { a: null }, live: {}, conflicts: ['a'] }],
  ['a field that goes', { base: { a: 1, b: 1 }, changed: { b: 1 }, live: { a: 1, b: 2 }, result: { b: 2 } }],
  ['a field that goes and changes', { base: { a: 1 }, changed: {}, live: { a: 2 }, conflicts: ['a'] }],
  [
    'a block that goes while a field is added',
    { base: { s: { a: 1 } }, changed: {}, live: { s: { a: 1, b: 2 } }, result: { s: { b: 2 } } },
  ],
  [
    'a block that goes while a field changes',
    { base: { s: { a: 1 } }, changed: {}, live: { s: { a: 2 } }, conflicts: ['s.a'] },
  ],
  [
    'blocks that both sides add',
    { base: {}, changed: { s: { a: 1 } }, live: { s: { b: 2 } }, result: { s: { a: 1, b: 2 } } },
  ],
  ['a value against a block', { base: { a: 1 }, changed: { a: { b: 1 } }, live: { a: 2 }, conflicts: ['a'] }],
  [
    'a credential is one value',
    {
      base: { a: { $secret: '1' } },
      changed: { a: { $secret: '2' } },
      live: { a: { $secret: '3' } },
      conflicts: ['a'],
    },
  ],
  ['elements of one length', { base: [1, 2, 3], changed: [1, 9, 3], live: [1, 2, 8], result: [1, 9, 8] }],
  [
    'fields of elements',
    { base: [{ a: 1, b: 1 }], changed: [{ a: 2, b: 1 }], live: [{ a: 1, b: 2 }], result: [{ a: 2, b: 2 }] },
  ],
  ['a list that one side made longer', { base: [1, 2], changed: [1, 2, 3], live: [9, 2], conflicts: [''] }],
  [
    'elements that one side swapped',
    { base: [{ k: 1 }, { k: 2 }], changed: [{ k: 2 }, { k: 1 }], live: [{ k: 1, w: 1 }, { k: 2 }], conflicts: [''] },
  ],
  [
    'elements with ids, put in and edited',
    {
      base: [item('1', 1), item('2', 1)],
      changed: [item('1', 1), item('3', 1), item('2', 1)],
      live: [item('1', 1), item('2', 2)],
      result: [item('1', 1), item('3', 1), item('2', 2)],
    },
  ],
  [
    'an element taken out, another edited',
    {
      base: [item('1', 1), item('2', 1)],
      changed: [item('2', 1)],
      live: [item('1', 1), item('2', 2)],
      result: [item('2', 2)],
    },
  ],
  [
    'an element taken out and edited',
    {
      base: [item('1', 1), item('2', 1)],
      changed: [item('2', 1)],
      live: [item('1', 1, { w: 1 }), item('2', 1)],
      conflicts: ['[0]'],
    },
  ],
  [
    'a new order and an edit',
    {
      base: [item('1', 1), item('2', 1)],
      changed: [item('2', 1), item('1', 1)],
      live: [item('1', 1), item('2', 2)],
      result: [item('2', 2), item('1', 1)],
    },
  ],
  [
    'two new orders',
    {
      base: [item('1', 1), item('2', 1), item('3', 1)],
      changed: [item('2', 1), item('1', 1), item('3', 1)],
      live: [item('3', 1), item('1', 1), item('2', 1)],
      conflicts: [''],
    },
  ],
  [
    'elements that both sides append',
    {
      base: [item('1', 1)],
      changed: [item('1', 1), item('2', 1)],
      live: [item('1', 1), item('3', 1)],
      conflicts: [''],
    },
  ],
  [
    'lines of a text',
    { base: 'a\nb\nc\nd\ne', changed: 'A\nb\nc\nd\ne', live: 'a\nb\nc\nd\nE\nf', result: 'A\nb\nc\nd\nE\nf' },
  ],
  ['one line changed twice', { base: 'a\nb\nc\nd', changed: 'a\nb\nC\nd', live: 'a\nb\n3\nd', conflicts: [':3'] }],
  ['neighbouring lines', { base: 'a\nb\nc\nd', changed: 'a\nB\nc\nd', live: 'a\nb\nC\nd', conflicts: [':2'] }],
  ['the same line added by both', { base: 'a\nb', changed: 'a\nx\nb', live: 'a\nx\nb\nc', result: 'a\nx\nb\nc' }],
  [
    'lines of which one side changed all ends',
    { base: 'a\nb\nc', changed: 'a\r\nB\r\nc', live: 'x\na\nb\nc', result: 'x\r\na\r\nB\r\nc' },
  ],
  ['the same ends by both', { base: 'a\nb\nc', changed: 'a\r\nb\r\nC', live: 'A\r\nb\r\nc', result: 'A\r\nb\r\nC' }],
  ['ends that go back', { base: 'a\r\nb\r\nc', changed: 'a\nb\nc', live: 'a\r\nb\r\nC', result: 'a\nb\nC' }],
  [
    'a line changed twice, and all ends',
    { base: 'a\nb\nc', changed: 'a\r\nB\r\nc', live: 'a\n2\nc', conflicts: [':2'] },
  ],
  ['ends of some lines', { base: 'a\nb\nc', changed: 'a\r\nb\nc', live: 'a\nb\nC', result: 'a\r\nb\nC' }],
  ['texts without lines', { base: 'a', changed: 'b', live: 'c', conflicts: [''] }],
];

describe('the merge of a change into a live value', () => {
  it.each(ROWS)('%s', (_what, row) => {
    const { result, conflicts } = row;
    const expected = conflicts ? { conflicts } : result === undefined ? {} : { result };
    expect(mergeRow(row)).toEqual(expected);
    // The same from the other side.
    expect(mergeRow({ ...row, changed: row.live, live: row.changed })).toEqual(expected);
  });

  it('names the three values, of texts the lines', () => {
    expect(mergeValues({ base: { a: 1, t: 'a\nb' }, changed: { t: 'a\nB' }, live: { a: 3, t: 'a\n2' } })).toEqual({
      value: { a: 3, t: 'a\n2' },
      conflicts: [
        { place: ['a'], base: 1, live: 3 },
        { place: ['t'], lines: [1, 2], base: 'b', changed: 'B', live: '2' },
      ],
      taken: [],
      already: [],
    });
  });

  it.each<[what: string, live: string, found: object]>([
    ['that live does not have yet', 'a\nB', { value: 'a\r\nB', taken: [{ place: [] }], already: [] }],
    ['that live has already', 'a\r\nB', { value: 'a\r\nB', taken: [], already: [{ place: [] }] }],
  ])('names another end of all lines %s', (_, live, found) => {
    const merged = mergeValues({ base: 'a\nb', changed: 'a\r\nb', live });
    expect(merged).toEqual({ conflicts: [], ...found });
  });

  it('lets the change prevail where that is asked for, and nowhere else', () => {
    const sides = {
      base: { a: 1, b: 1, t: 'a\nb\nc\nd', l: [item('1', 1)] },
      changed: { a: 2, b: 1, t: 'a\nB\nc\nd', l: [item('1', 1), item('2', 1)] },
      live: { a: 3, b: 4, t: 'a\n2\nc\nD', l: [item('1', 1), item('3', 1)] },
    };
    const { value, conflicts } = mergeValues(sides, undefined, 'changed');
    expect(value).toEqual({ a: 2, b: 4, t: 'a\nB\nc\nD', l: [item('1', 1), item('2', 1), item('3', 1)] });
    expect(conflicts).toHaveLength(3);
  });
});

describe('the laws of the merge', () => {
  const whole = (sides: { base?: Json; changed?: Json; live?: Json }) =>
    mergeValues({ base: sides.base, changed: sides.changed, live: sides.live });

  it('identity: where one side changed nothing, the other one is the result', () => {
    fc.assert(
      fc.property(maybe, maybe, (base, side) => {
        for (const sides of [
          { base, changed: base, live: side },
          { base, changed: side, live: base },
          { base, changed: side, live: side },
        ]) {
          const { value, conflicts } = mergeValues(sides);
          expect(conflicts).toEqual([]);
          expect(equalJson(value, side)).toBe(true);
        }
      }),
      cases(200),
    );
  });

  it('symmetry: the sides can be exchanged', () => {
    fc.assert(
      fc.property(maybe, maybe, maybe, (base, changed, live) => {
        const [one, other] = [
          mergeValues({ base, changed, live }),
          mergeValues({ base, changed: live, live: changed }),
        ];
        const values = (list: typeof one.conflicts, swap: boolean): string[] =>
          list
            .map((c) => JSON.stringify([c.lines, c.base, swap ? c.live : c.changed, swap ? c.changed : c.live]))
            .sort();
        expect(values(other.conflicts, true)).toEqual(values(one.conflicts, false));
        if (one.conflicts.length === 0) expect(equalJson(one.value, other.value)).toBe(true);
      }),
      cases(500),
    );
  });

  it('idempotence: a change that was merged has nothing left to do', () => {
    fc.assert(
      fc.property(maybe, maybe, maybe, (base, changed, live) => {
        const first = mergeValues({ base, changed, live });
        if (first.conflicts.length > 0) return;
        const again = mergeValues({ base, changed, live: first.value });
        // What changed places may be past recognition: then it is a conflict, and nothing is changed.
        expect(equalJson(again.value, first.value)).toBe(true);
      }),
      cases(500),
    );
  });

  it('nothing is lost in silence: each field that a side changed is in the result, or a conflict', () => {
    const tree: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<Json>(1, 2, 3, null),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { minKeys: 1, maxKeys: 3 }),
      ),
    })).value;
    const leaves = (value: Json | undefined): Map<string, Json> => {
      const found = new Map<string, Json>();
      if (value !== undefined) visitLeaves(value, (leaf, place) => found.set(placeText(place), leaf));
      return found;
    };
    fc.assert(
      fc.property(tree, tree, tree, (base, changed, live) => {
        const { value, conflicts } = whole({ base, changed, live });
        const [before, after] = [leaves(base), leaves(value)];
        const known = conflicts.map(({ place }) => placeText(place));
        const inConflict = (place: string): boolean =>
          known.some((other) => other === '' || place === other || `${place}.`.startsWith(`${other}.`));
        for (const side of [changed, live]) {
          const now = leaves(side);
          for (const place of new Set([...before.keys(), ...now.keys()]))
            if (now.get(place) !== before.get(place) && !inConflict(place))
              expect([place, after.get(place)]).toEqual([place, now.get(place)]);
        }
        // And nothing is in it that no side has.
        for (const [place, leaf] of after)
          expect([changed, live].some((side) => leaves(side).get(place) === leaf)).toBe(true);
      }),
      cases(500),
    );
  });

  it('disjoint edits of the documents of the sample account commute, and none is lost', () => {
    const documents = Object.entries(sampleAccount().resources).flatMap(([name, docs]) => {
      const type = findType(name);
      return type ? docs.map((doc) => ({ type, doc, places: placesOf(type, doc) })) : [];
    });
    expect(documents.length).toBeGreaterThan(100);
    const some = fc.array(fc.nat(), { maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...documents), some, some, ({ type, doc: base, places }, ours, theirs) => {
        const pick = (numbers: readonly number[], parity: number): Place[] => {
          const half = places.filter((_, i) => i % 2 === parity);
          return half.length === 0 ? [] : numbers.map((n) => half[n % half.length] as Place);
        };
        const edit = (doc: JsonObject, at: readonly Place[], text: string): JsonObject =>
          at.reduce<JsonObject>((held, place) => setSteps(held, place, text) as JsonObject, doc);
        const [mine, yours] = [pick(ours, 0), pick(theirs, 1)];
        const sides = { base, changed: edit(base, mine, 'ours'), live: edit(base, yours, 'theirs') };
        const { value, conflicts } = mergeDocuments(type, sides);
        expect(conflicts).toEqual([]);
        expect(value).toEqual(edit(edit(base, mine, 'ours'), yours, 'theirs'));
      }),
      cases(300),
    );
  });
});

/** Places of single values, but not in sets: another element is there then. */
function placesOf(type: ResourceType, doc: JsonObject): Place[] {
  const places: Place[] = [];
  const sets = Object.keys(type.sets ?? {});
  visitLeaves(doc, (_leaf, place) => {
    if (place.at(-1) !== '_id' && !sets.some((path) => covers(path, place))) places.push(place);
  });
  return places;
}

describe('the merge of sequences', () => {
  const line = fc.constantFrom('', '}', 'a', 'b', 'c', 'd');
  const text = fc.array(line, { maxLength: 12 });

  it('returns parts that together are the three sequences, and only conflicts where both differ', () => {
    fc.assert(
      fc.property(text, text, text, (base, changed, live) => {
        const parts = mergeSequences(base, changed, live);
        for (const [name, list] of [
          ['base', base],
          ['changed', changed],
          ['live', live],
        ] as const)
          expect(parts.flatMap((part) => list.slice(...part[name]))).toEqual(list);
        for (const part of parts) {
          const [b, c, l] = [base.slice(...part.base), changed.slice(...part.changed), live.slice(...part.live)];
          if (part.from === 'kept' || part.from === 'changed') expect(l).toEqual(b);
          if (part.from === 'kept' || part.from === 'live') expect(c).toEqual(b);
          if (part.from === 'both') expect(c).toEqual(l);
        }
      }),
      cases(500),
    );
  });

  it('merges 50,000 lines with many equal ones at once', () => {
    const base = Array.from({ length: 50_000 }, (_, i) => (i % 3 === 0 ? '' : i % 7 === 0 ? '  }' : `line ${i}`));
    const edited = (offset: number): string[] => {
      const copy = [...base];
      for (let i = 0; i < 20; i++) copy[2_500 * i + offset] = `edited ${offset}`;
      return copy;
    };
    const began = process.cpuUsage();
    const parts = mergeSequences(base, edited(500), edited(1_500));
    expect(parts.filter(({ from }) => from === 'changed')).toHaveLength(20);
    expect(parts.filter(({ from }) => from === 'live')).toHaveLength(20);
    // Time of the processor, in µs: other work on the machine does not count.
    expect(process.cpuUsage(began).user).toBeLessThan(2_000_000);
    // Nothing in common: one conflict, and no memory for every pair of lines.
    const other = base.map((_, i) => `other ${i}`);
    expect(
      mergeSequences(
        base,
        other,
        base.map((_, i) => `third ${i}`),
      ).map(({ from }) => from),
    ).toEqual(['conflict']);
  });
});

describe('the merge of documents', () => {
  const flow = (more: JsonObject = {}): JsonObject => ({ _id: 'f', name: 'Sync', ...more });

  it.each([
    ['an addition that is undone', flow(), undefined, flow(), undefined, []],
    ['an addition that someone edited', flow(), undefined, flow({ disabled: true }), undefined, ['disabled']],
    ['an addition that is gone', flow(), undefined, undefined, undefined, []],
    ['a deletion that is undone', undefined, flow(), undefined, flow(), []],
    ['a deletion that someone undid', undefined, flow(), flow(), flow(), []],
    ['an edit of what is gone', flow({ a: 1 }), flow({ a: 2 }), undefined, undefined, ['']],
  ] as const)('%s', (_what, base, changed, live, value, conflicts) => {
    const merged = mergeDocuments(FLOWS, { base, changed, live });
    expect(merged.conflicts.map(({ place }) => placeText(place))).toEqual(conflicts);
    if (conflicts.length === 0) expect(merged.value).toEqual(value);
  });

  it('merges sets by their elements, in the order of the mirror', () => {
    const doc = (ids: readonly string[]): JsonObject => ({ _id: 'i', _registeredConnectionIds: ids });
    const merged = mergeDocuments(INTEGRATIONS, {
      base: doc(['a', 'b']),
      changed: doc(['a', 'b', 'd']),
      live: doc(['b', 'c']),
    });
    expect(merged).toMatchObject({ value: doc(['b', 'c', 'd']), conflicts: [] });
    const without = mergeDocuments(INTEGRATIONS, { base: { _id: 'i' }, changed: doc(['a']), live: doc(['b']) });
    expect(without).toMatchObject({ value: doc(['a', 'b']), conflicts: [] });
  });

  it('merges aliases by their name', () => {
    const doc = (...aliases: JsonObject[]): JsonObject => ({ _id: 'i', aliases });
    const base = doc({ alias: 'a', _flowId: '1' }, { alias: 'b', _flowId: '1' });
    const changed = doc({ alias: 'a', _flowId: '2' }, { alias: 'b', _flowId: '1' });
    const live = doc({ alias: 'a', _flowId: '1' }, { alias: 'b', _flowId: '3' }, { alias: 'c', _flowId: '1' });
    expect(mergeDocuments(INTEGRATIONS, { base, changed, live })).toMatchObject({
      value: doc({ alias: 'a', _flowId: '2' }, { alias: 'b', _flowId: '3' }, { alias: 'c', _flowId: '1' }),
      conflicts: [],
    });
  });

  it('lets a copy follow its original, and names one that contradicts it', () => {
    const doc = (lookups: Json, more: JsonObject = {}): JsonObject => ({ _id: 'x', lookups, ...more });
    const [base, changed] = [doc([{ name: 'b' }]), doc([{ name: 'c' }])];
    expect(
      mergeDocuments(IMPORTS, { base, changed, live: doc([{ name: 'b' }], { http: { lookups: [{ name: 'b' }] } }) }),
    ).toMatchObject({ value: doc([{ name: 'c' }], { http: { lookups: [{ name: 'c' }] } }), conflicts: [] });
    const filter = (rules: Json, copy?: Json): JsonObject => ({
      _id: 'x',
      filter: { expression: { rules }, ...(copy === undefined ? {} : { rules: copy }) },
    });
    const sides = { base: filter(['b']), changed: filter(['c']), live: filter(['b'], ['other']) };
    expect(mergeDocuments(IMPORTS, sides).conflicts).toEqual([
      { place: ['filter', 'rules'], base: ['b'], changed: ['c'], live: ['other'] },
    ]);
    expect(mergeDocuments(IMPORTS, sides, 'changed').value).toEqual(filter(['c'], ['c']));
  });
});
