import type { FieldPath, ResourceType } from '../catalogue/types.ts';
import type { JsonObject } from './json.ts';
import type { Merged, Prevailing, Sides } from './merge-types.ts';
import { equalJson, setPlace, valueAt } from './paths.ts';
import { placeOf } from './places.ts';

/** Two places that the platform expects to hold the same. */
interface Pair {
  readonly original: FieldPath;
  readonly copy: FieldPath;
  /** The copy is never more than that: one that says something else contradicts the original. */
  readonly strict: boolean;
}

function pairsOf({ expressions = [], copies = {} }: ResourceType): Pair[] {
  const strict = expressions.flatMap((path) =>
    ['rules', 'version'].map((key) => ({
      original: `${path}.expression.${key}`,
      copy: `${path}.${key}`,
      strict: true,
    })),
  );
  const others = Object.entries(copies).flatMap(([original, paths]) =>
    paths.map((copy) => ({ original, copy, strict: false })),
  );
  return [...strict, ...others];
}

/**
 * Merges as one value what the platform keeps twice: where the change knows only one of the two, the other one follows;
 * where it says something else than the one that changes, that is a conflict.
 */
export function copiesFollow(
  type: ResourceType,
  { base, changed, live }: Sides<JsonObject>,
  merged: Merged<JsonObject>,
  prevailing: Prevailing,
): Merged<JsonObject> {
  if (!base || !changed || !live || merged.value === undefined) return merged;
  let { value } = merged;
  const conflicts = [...merged.conflicts];
  for (const { original, copy, strict } of pairsOf(type)) {
    const [before, held] = [valueAt(live, original), valueAt(live, copy)];
    const after = valueAt(value, original);
    const known = valueAt(base, copy) !== undefined || valueAt(changed, copy) !== undefined;
    if (known || before === undefined || held === undefined || equalJson(before, after)) continue;
    if (equalJson(before, held)) value = setPlace(value, copy, after);
    else if (strict) {
      const wanted = after === undefined ? {} : { changed: after };
      conflicts.push({ place: placeOf(copy), ...wanted, base: before, live: held });
      if (prevailing === 'changed') value = setPlace(value, copy, after);
    }
  }
  return { ...merged, value, conflicts };
}
