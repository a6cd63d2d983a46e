import { diffArrays } from 'diff';
import stableStringify from 'fast-json-stable-stringify';
import { getOwn, isArray, isObject, type Json } from './json.ts';
import { compareCodePoints } from './order.ts';
import { equalJson } from './paths.ts';
import { type Place, placeText } from './places.ts';

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
  let [at, now] = [0, 0];
  let removed: { item: Json; index: number }[] = [];
  const flush = (): void => {
    for (const { item, index } of removed) out.push(fieldChange([...place, index], item, undefined));
    removed = [];
  };
  for (const part of diffArrays(before.map(stableStringify), after.map(stableStringify))) {
    const count = part.value.length;
    if (part.removed) {
      flush();
      removed = part.value.map((_, i) => ({ item: before[at + i] as Json, index: at + i }));
      at += count;
    } else if (part.added) {
      for (let i = 0; i < count; i++) {
        const old = removed.shift();
        const item = after[now + i] as Json;
        if (old) out.push(...diffFields(old.item, item, [...place, now + i]));
        else out.push(fieldChange([...place, now + i], undefined, item));
      }
      flush();
      now += count;
    } else {
      flush();
      at += count;
      now += count;
    }
  }
  flush();
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
