import type { Json } from './json.ts';
import type { Range } from './merge-sequences.ts';
import type { Place } from './places.ts';

/** A change (from `base` to `changed`) and what it meets; `undefined`: absent there. */
export interface Sides<T = Json> {
  readonly base: T | undefined;
  readonly changed: T | undefined;
  readonly live: T | undefined;
}

/**
 * A part of a document. Indexes are those of the base, of an element that the base lacks those of `changed`, else of
 * `live`: whatever a change meets, its parts have the same places.
 */
export interface Spot {
  readonly place: Place;
  /** Lines of a text, as the base has them. */
  readonly lines?: Range;
}

/** What the change wants to be otherwise, and someone else changed, too. Of texts, the values are the lines. */
export interface MergeConflict extends Spot {
  readonly base?: Json;
  readonly changed?: Json;
  readonly live?: Json;
}

/** Who prevails where both sides changed the same. */
export type Prevailing = 'live' | 'changed';

/** The result of a merge. */
export interface Merged<T = Json> {
  /** `undefined`: absent. Where there are conflicts, it holds what the prevailing side has. */
  readonly value: T | undefined;
  readonly conflicts: readonly MergeConflict[];
  /** What live had as the base has it, and has now as the change wants it. */
  readonly taken: readonly Spot[];
  /** What live had already as the change wants it. */
  readonly already: readonly Spot[];
}
