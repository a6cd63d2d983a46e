import stableStringify from 'fast-json-stable-stringify';
import { getOwn, isArray, isObject, type Json } from './json.ts';
import { compareCodePoints } from './order.ts';
import { equalJson } from './paths.ts';
import { type Place, placeText } from './places.ts';
import { matchLists } from './sequences.ts';

/** One field in which two states of a document differ; a missing side means that the field is absent there. */
export interface FieldChange {
  readonly place: Place;
  readonly before?: Json;
  readonly after?: Json;
}

/** Lists longer than this are compared as one value: finding moved elements would cost too much. */
const LONGEST_LIST = 2_000;

/** A change of the value at `place`; `undefined`: absent. */
export function fieldChange(place: Place, before: Json | undefined, after: Json | undefined): FieldChange {
  return { place, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

/** Elements that were put in or taken out shift the others: only what really differs is reported. */
function diffLists(before: readonly Json[], after: readonly Json[], place: Place): FieldChange[] {
  if (before.length === after.length) {
    return before.flatMap((item, i) => diffFields(item, after[i], [...place, i]));
  }
  if (before.length > LONGEST_LIST || after.length > LONGEST_LIST) return [fieldChange(place, before, after)];
  const out: FieldChange[] = [];
  let [at, to] = [0, 0];
  for (const { old, now, count } of matchLists(before.map(stableStringify), after.map(stableStringify))) {
    // An element that was put in where another was taken out replaces it.
    const replaced = Math.min(old - at, now - to);
    for (let i = 0; i < now - to; i++) {
      const old = i < replaced ? before[at + i] : undefined;
      for (const field of diffFields(old, after[to + i], [...place, to + i])) out.push(field);
    }
    for (let i = at + replaced; i < old; i++) out.push(fieldChange([...place, i], before[i], undefined));
    [at, to] = [old + count, now + count];
  }
  return out;
}

/**
 * The fields in which two values differ, in the order of their keys. An object or list that is new or gone is one
 * change. Indexes are those of `after`, and of `before` for what was taken out.
 */
export function diffFields(before: Json | undefined, after: Json | undefined, place: Place = []): FieldChange[] {
  if (equalJson(before, after)) return [];
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(compareCodePoints);
    return keys.flatMap((key) => diffFields(getOwn(before, key), getOwn(after, key), [...place, key]));
  }
  if (isArray(before) && isArray(after)) return diffLists(before, after, place);
  return [fieldChange(place, before, after)];
}

/** A change of one field, as `--json` prints it. */
interface FieldChangeJson {
  readonly place: string;
  readonly before?: Json;
  readonly after?: Json;
}

export function fieldChangeJson({ place, ...sides }: FieldChange): FieldChangeJson {
  return { place: placeText(place), ...sides };
}
