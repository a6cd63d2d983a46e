import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import type { ResourceType } from '../../src/catalogue/types.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { equalJson, setSteps } from '../../src/core/paths.ts';
import { atPlace, type Place, placeText } from '../../src/core/places.ts';
import { type PastChange, takeBack } from '../../src/core/take-back.ts';
import { cases } from '../support/fuzz.ts';

const FLOWS = findType('flows') as ResourceType;

/** Fields of a document: at the top, in one block, in elements with an id. */
const FIELDS: readonly Place[] = [
  ['name'],
  ['description'],
  ['settings', 'a'],
  ['settings', 'b'],
  ['routers', 0, 'name'],
  ['routers', 1, 'name'],
];
const START: JsonObject = {
  _id: 'f',
  name: 0,
  routers: [
    { _id: '1', name: 0 },
    { _id: '2', name: 0 },
  ],
};

/** An edit of a person: one field gets a value, or goes. */
interface Edit {
  readonly who: number;
  readonly field: number;
  readonly value: Json | undefined;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  who: fc.nat(4),
  field: fc.nat(FIELDS.length - 1),
  // Few values, so that some come back.
  value: fc.constantFrom<Json | undefined>(1, 2, 3, undefined),
});

/** The changes of a history; edits that change nothing are not in it. */
function historyOf(edits: readonly Edit[]): { readonly edits: Edit[]; readonly states: JsonObject[] } {
  const kept: Edit[] = [];
  const states: JsonObject[] = [START];
  for (const one of edits) {
    const before = states.at(-1) as JsonObject;
    const after = setSteps(before, FIELDS[one.field] as Place, one.value) as JsonObject;
    // A block without fields is not mirrored.
    const clean =
      Object.keys((after.settings as JsonObject | undefined) ?? { x: 1 }).length > 0 ? after : without(after);
    if (equalJson(before, clean)) continue;
    kept.push(one);
    states.push(clean);
  }
  return { edits: kept, states };
}

function without({ settings: _, ...rest }: JsonObject): JsonObject {
  return rest;
}

function undo(
  states: readonly JsonObject[],
  isUndone: (i: number) => boolean,
  prevailing: 'live' | 'changed' = 'live',
) {
  const changes = states.slice(1).map((after, i): PastChange => ({ before: states[i], after, undone: isUndone(i) }));
  const first = changes.findIndex(({ undone }) => undone);
  return first < 0 ? undefined : takeBack(FLOWS, changes.slice(first), states.at(-1), prevailing);
}

/** What each field should be: as the last one who stays left it, or as it was at first. */
function model(edits: readonly Edit[], isUndone: (i: number) => boolean): (Json | undefined)[] {
  return FIELDS.map((place, field) => {
    const last = edits.findLastIndex((one, i) => one.field === field && !isUndone(i));
    return last < 0 ? atPlace(START, place) : edits[last]?.value;
  });
}

function check(all: readonly Edit[], isUndone: (edits: readonly Edit[], i: number) => boolean): void {
  const { edits, states } = historyOf(all);
  const picked = (i: number): boolean => isUndone(edits, i);
  const result = undo(states, picked);
  if (!result) return;
  const expected = model(edits, picked);
  const conflicts = result.conflicts.map(({ place }) => placeText(place));
  for (const [field, place] of FIELDS.entries()) {
    const name = placeText(place);
    const first = edits.findIndex((one, i) => one.field === field && picked(i));
    const touched = first >= 0 && edits.some((one, i) => one.field === field && i > first && !picked(i));
    // A conflict names a field that someone else changed after the change that is taken back; no other.
    const named = conflicts.some((held) => name === held || name.startsWith(`${held}.`));
    if (named && touched) continue;
    expect({ name, named, value: atPlace(result.value, place) }).toEqual({
      name,
      named: false,
      value: expected[field],
    });
  }
  const names = FIELDS.map(placeText);
  expect(conflicts.filter((held) => !names.some((name) => name === held || name.startsWith(`${held}.`)))).toEqual([]);
}

it('line ends that someone else took back and gave again are theirs', () => {
  const states = ['a\nb\nc', 'a\r\nb\r\nc', 'a\nB\nc', 'a\r\nB\r\nc'].map((description) => ({ ...START, description }));

  const result = undo(states, (i) => i === 0);

  expect(result?.conflicts).toMatchObject([{ place: ['description'], returned: true }]);
});

describe('taking changes back', () => {
  it('of 60 edits by 5 people any one: each later field of the others stays, or is a conflict that names it', () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 60, maxLength: 60 }), (edits) => {
        for (let one = 0; one < edits.length; one++) check(edits, (_, i) => i === one);
      }),
      cases(10),
    );
  });

  it('of all that one person did leaves what the others did, or names the conflict: 1,000 histories', () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 60 }), fc.nat(4), (edits, who) => {
        check(edits, (kept, i) => kept[i]?.who === who);
      }),
      cases(1_000),
    );
  });

  it('of any choice of changes', () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 20 }), fc.array(fc.boolean(), { minLength: 20 }), (edits, chosen) => {
        check(edits, (_, i) => chosen[i] === true);
      }),
      cases(500),
    );
  });

  it('once more gives back what was', () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 12 }), fc.nat(11), (all, pick) => {
        const { states } = historyOf(all);
        const result = undo(states, (i) => i === pick % Math.max(1, states.length - 1));
        if (!result || result.conflicts.length > 0) return;
        const live = states.at(-1) as JsonObject;
        const again = takeBack(FLOWS, [{ before: live, after: result.value, undone: true }], result.value);
        expect(again.conflicts).toEqual([]);
        expect(equalJson(again.value, live)).toBe(true);
      }),
      cases(200),
    );
  });

  it('does not name a field because others of its block went and came back', () => {
    const settings = (fields: JsonObject): JsonObject => ({ _id: 'f', ...fields });
    const [both, one, none] = [settings({ settings: { a: 1, b: 1 } }), settings({ settings: { b: 1 } }), settings({})];
    const past: PastChange[] = [
      { before: both, after: one, undone: true },
      { before: one, after: none, undone: true },
      { before: none, after: one, undone: false },
    ];
    expect(takeBack(FLOWS, past, one)).toEqual({ value: both, conflicts: [] });
  });

  it('ignores later states that someone took back', () => {
    const doc = (name: number): JsonObject => ({ _id: 'f', name });
    const past = (more: Pick<PastChange, 'reverted'>): PastChange[] => [
      { before: doc(1), after: doc(2), undone: true },
      { before: doc(2), after: doc(3), undone: false, ...more },
      { before: doc(3), after: doc(2), undone: false },
    ];
    expect(takeBack(FLOWS, past({ reverted: 1 }), doc(2))).toEqual({ value: doc(1), conflicts: [] });
    expect(takeBack(FLOWS, past({}), doc(2)).conflicts).toEqual([
      { place: ['name'], base: 2, changed: 1, live: 2, returned: true },
    ]);
  });

  it('ignores in the states of others what someone took back after them, and only there', () => {
    const doc = (name: number, description: number): JsonObject => ({ _id: 'f', name, description });
    const past: PastChange[] = [
      { before: doc(1, 1), after: doc(2, 1), undone: true },
      { before: doc(2, 1), after: doc(1, 1), undone: false, reverted: 2 },
      { before: doc(1, 1), after: doc(1, 2), undone: false },
      { before: doc(1, 2), after: doc(2, 2), undone: false },
    ];
    expect(takeBack(FLOWS, past, doc(2, 2))).toEqual({ value: doc(1, 2), conflicts: [] });
    const again: PastChange[] = [
      ...past,
      { before: doc(2, 2), after: doc(1, 2), undone: false },
      { before: doc(1, 2), after: doc(2, 2), undone: false },
    ];
    expect(takeBack(FLOWS, again, doc(2, 2)).conflicts).toEqual([
      { place: ['name'], base: 2, changed: 1, live: 2, returned: true },
    ]);
  });

  it('names every field that someone edited in a resource that is not deleted, also one that came back', () => {
    const doc = (name: number, description: number): JsonObject => ({ _id: 'f', name, description });
    const past: PastChange[] = [
      { before: undefined, after: doc(1, 1), undone: true },
      { before: doc(1, 1), after: doc(2, 2), undone: false },
      { before: doc(2, 2), after: doc(1, 2), undone: false },
    ];
    const { value, conflicts } = takeBack(FLOWS, past, doc(1, 2));
    expect(value).toEqual(doc(1, 2));
    expect(conflicts).toEqual([
      { place: ['description'], base: 1, live: 2 },
      { place: ['name'], base: 1, live: 1, returned: true },
    ]);
  });

  it('names the resource, not its id, where someone brought it back with another field', () => {
    const doc = (name: number): JsonObject => ({ _id: 'f', name, description: 1 });
    const past: PastChange[] = [
      { before: undefined, after: doc(2), undone: true },
      { before: doc(2), after: undefined, undone: true },
      { before: undefined, after: doc(1), undone: false },
    ];
    const { value, conflicts } = takeBack(FLOWS, past, doc(1));
    expect(value).toEqual(doc(1));
    expect(conflicts.map(({ place }) => placeText(place))).toEqual(['name', 'name', '']);
  });

  it('deletes no resource that someone brought back, and none that someone deleted again comes back', () => {
    const doc: JsonObject = { _id: 'f' };
    const added = { before: undefined, after: doc, undone: true };
    const deleted = { before: doc, after: undefined, undone: true };
    const stays = (change: PastChange): PastChange => ({ ...change, undone: false });
    expect(takeBack(FLOWS, [added], doc)).toEqual({ value: undefined, conflicts: [] });
    expect(takeBack(FLOWS, [added, stays(deleted), stays(added)], doc).conflicts).toHaveLength(1);
    expect(takeBack(FLOWS, [deleted], undefined)).toEqual({ value: doc, conflicts: [] });
    expect(takeBack(FLOWS, [deleted, stays(added), stays(deleted)], undefined).conflicts).toHaveLength(1);
    // That it was gone for a while is not an edit of its fields.
    const edited = { before: doc, after: { _id: 'f', name: 1 }, undone: true };
    const gone = { before: edited.after, after: undefined, undone: false };
    const back = { before: undefined, after: edited.after, undone: false };
    expect(takeBack(FLOWS, [edited, gone, back], edited.after)).toEqual({ value: doc, conflicts: [] });
    // Whoever deleted it is undone as well, which someone did already.
    const undone = { ...gone, undone: true };
    expect(takeBack(FLOWS, [edited, undone, back], edited.after)).toEqual({ value: doc, conflicts: [] });
    expect(takeBack(FLOWS, [added, deleted, stays(added)], doc).conflicts).toHaveLength(1);
  });
});
