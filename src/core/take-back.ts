import type { ResourceType } from '../catalogue/types.ts';
import { diffFields, type FieldChange } from './field-diff.ts';
import { isObject, type JsonObject } from './json.ts';
import { secretOf } from './markers.ts';
import { mergeDocuments } from './merge.ts';
import type { MergeConflict, Prevailing, Sides, Spot } from './merge-types.ts';
import { atPlace } from './places.ts';

/** One change of a resource in the past; `undefined`: it did not exist. */
export interface PastChange {
  readonly before: JsonObject | undefined;
  readonly after: JsonObject | undefined;
  /** It is to be taken back. */
  readonly undone: boolean;
  /**
   * How many changes later someone took it back already: what it left, and until then the others, shows what no one
   * wanted to keep.
   */
  readonly reverted?: number;
}

/** A field that cannot be taken back without losing what someone else did. */
export interface UndoConflict extends MergeConflict {
  /** Live has the value that the change left, but it is someone else's: the field had another one in between. */
  readonly returned?: true;
}

/** A resource without the changes that are taken back. */
export interface TakenBack {
  readonly value: JsonObject | undefined;
  readonly conflicts: readonly UndoConflict[];
}

/** Whether one of two places is the other one, or inside it. */
function overlap(a: Spot, b: Spot): boolean {
  const least = Math.min(a.place.length, b.place.length);
  for (let i = 0; i < least; i++) if (a.place[i] !== b.place[i]) return false;
  if (!a.lines || !b.lines) return true;
  return a.lines[0] <= b.lines[1] && b.lines[0] <= a.lines[1];
}

type Change = Pick<Sides<JsonObject>, 'base' | 'changed'>;

/** The fields that a change changes. A block that comes or goes is all that is in it: others may have other fields. */
function fieldsOf({ base, changed }: Change): FieldChange[] {
  return diffFields(base, changed).flatMap((field) => (field.place.length === 0 ? [field] : eachField(field)));
}

function eachField(field: FieldChange): FieldChange[] {
  const { place, before, after } = field;
  const block = before === undefined ? after : after === undefined ? before : undefined;
  if (!isObject(block) || secretOf(block) !== undefined || Object.keys(block).length === 0) return [field];
  return Object.entries(block).flatMap(([key, value]) =>
    eachField({ place: [...place, key], ...(before === undefined ? { after: value } : { before: value }) }),
  );
}

/** The fields of a change that are in a part of the document, or that hold it. */
function fieldsIn(change: Change, spot: Spot): Spot[] {
  if (spot.lines) return [spot];
  return fieldsOf(change)
    .filter((field) => overlap(field, spot))
    .map(({ place }) => ({ place: place.length > spot.place.length ? place : spot.place }));
}

/** The fields of a change that are in both of two parts: they had another value in between. */
function returned(change: Change, taken: Spot, spot: MergeConflict): UndoConflict[] {
  if (spot.lines && spot.base !== undefined) return [{ ...spot, live: spot.base, returned: true }];
  return fieldsOf(change)
    .filter((field) => overlap(field, taken) && overlap(field, spot))
    .map((field) => {
      // Of an element or a document that comes or goes, the field in it.
      const inside = spot.place.slice(field.place.length);
      const [before, after] = [atPlace(field.before, inside), atPlace(field.after, inside)];
      return {
        place: [...field.place, ...inside],
        ...(before === undefined ? {} : { base: before, live: before }),
        ...(after === undefined ? {} : { changed: after }),
        returned: true,
      };
    });
}

/**
 * Takes changes of one resource back, the newest first, and nothing else: what others did later stays. A field that
 * someone else changed since is a conflict, also where it has come to the same value again.
 * @param changes of the resource, oldest first, from the first one that is taken back on
 */
export function takeBack(
  type: ResourceType,
  changes: readonly PastChange[],
  live: JsonObject | undefined,
  prevailing: Prevailing = 'live',
): TakenBack {
  let value = live;
  const conflicts: UndoConflict[] = [];
  /** What stays of later states without the changes that were taken back so far. */
  const later: (JsonObject | undefined)[] = [];
  /** What someone else made as a newer change found it: it is theirs, whatever older changes left there. */
  const theirs: Spot[] = [];
  /** The same of a deletion: that the resource is there again is theirs, what its fields hold is not. */
  const revived: Spot[] = [];
  /** Of each state in `later`, the change that left it. */
  const left: number[] = [];
  for (const [at, { before, after, undone, reverted }] of [...changes.entries()].reverse()) {
    const sides = { base: after, changed: before };
    if (!undone) {
      if (reverted === undefined) {
        later.push(after);
        left.push(at);
        continue;
      }
      for (const [i, state] of later.entries())
        if ((left[i] ?? 0) < at + reverted) later[i] = mergeDocuments(type, { ...sides, live: state }).value;
      continue;
    }
    const merged = mergeDocuments(type, { ...sides, live: value }, prevailing);
    conflicts.push(...merged.conflicts);
    // Where a resource does not go since someone edited it, so does none of its fields.
    const stays = before === undefined && merged.conflicts.length > 0;
    const taken: readonly Spot[] = stays ? [{ place: [] }] : merged.taken;
    const contest = (all: readonly MergeConflict[]): void => {
      // No one edits an id: with it, the resource came or went.
      const spots = all.some(({ place }) => place.length === 1 && place[0] === '_id') ? [{ place: [] }] : all;
      for (const spot of spots) {
        const found = taken.filter((one) => overlap(one, spot)).flatMap((one) => returned(sides, one, spot));
        // A text may be taken as a whole, for its line ends, and some of its lines besides.
        const isKnown = ({ place }: Spot): boolean =>
          conflicts.some(
            (known) => (place.length > 0 || known.place.length === 0) && overlap({ place: known.place }, { place }),
          );
        for (const conflict of found) if (!isKnown(conflict)) conflicts.push(conflict);
      }
    };
    contest(theirs);
    if (!before || !after) contest(revived);
    for (const [i, state] of later.entries()) {
      const then = mergeDocuments(type, { ...sides, live: state }, 'changed');
      later[i] = then.value;
      // That it was gone for a while does not mean that someone edited its fields.
      if (state !== undefined || !before || !after) contest([...then.conflicts, ...then.already]);
    }
    // What was taken back before is as the change found it, and no one else's.
    if (reverted === undefined)
      for (const spot of merged.already) (after ? theirs : revived).push(...fieldsIn(sides, spot));
    value = merged.value;
  }
  return { value, conflicts };
}
