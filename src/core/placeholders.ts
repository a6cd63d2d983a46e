import { isArray, isObject, type Json } from './json.ts';
import { redactionsIn } from './markers.ts';
import type { Place } from './places.ts';
import { isMask } from './secrets.ts';

/** Something in the place of a credential. */
interface Placeholder {
  readonly place: Place;
  /** What it is, as the end of a sentence: `is a mask`. */
  readonly what: string;
}

/** Why a value is not a credential, or `undefined`. Checks the value alone, not what is inside it. */
function fault(value: Json): string | undefined {
  if (isMask(value)) return 'is a mask';
  if (typeof value === 'string') {
    if (value.trim() === '') return 'is empty';
    return redactionsIn(value).length > 0 ? 'holds what the mirror put in the place of a credential' : undefined;
  }
  const keys = isObject(value) ? Object.keys(value) : isArray(value) ? value : undefined;
  if (keys?.length === 0) return 'is empty';
  if (isObject(value) && keys?.length === 1 && (keys[0] === '$secret' || keys[0] === '$file'))
    return 'is a marker of the mirror';
  return undefined;
}

/**
 * The first place in a value handed in as a credential, or in its members, that holds no value at all: a mask, a marker
 * or placeholder of the mirror, or nothing.
 */
export function placeholderIn(value: Json, place: Place = []): Placeholder | undefined {
  const what = fault(value);
  if (what !== undefined) return { place, what };
  const members: [string | number, Json][] = isArray(value)
    ? [...value.entries()]
    : isObject(value)
      ? Object.entries(value)
      : [];
  for (const [key, held] of members) {
    const found = placeholderIn(held, [...place, key]);
    if (found) return found;
  }
  return undefined;
}
