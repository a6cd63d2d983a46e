import { CLAMP_RANGE, CLAMPED_FIELDS } from '../catalogue/common.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { diffFields } from '../core/field-diff.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { setSteps } from '../core/paths.ts';
import { covers, type Place } from '../core/places.ts';
import { withLiveSwitches } from './body.ts';

/** A value that the server stores in place of the one it is sent, without an error (api-notes#clamped). */
interface Converged {
  readonly place: Place;
  readonly wanted: Json;
  readonly live: Json;
}

/** `surely`: no licence allows the wanted value; otherwise the server may have reduced it. */
function isClamped(wanted: number, live: number, surely: boolean): boolean {
  const { least, greatest } = CLAMP_RANGE;
  if (wanted < least) return live === least;
  return greatest.includes(live) && wanted > (surely ? Math.max(...greatest) : live);
}

/** Differences that a write leaves as they are. Both are restorable forms with the ids of the target. */
function convergedBetween(type: ResourceType, wanted: JsonObject, live: JsonObject, surely: boolean): Converged[] {
  return diffFields(wanted, live).flatMap(({ place, before, after }): Converged[] => {
    if (before === undefined || after === undefined) return [];
    const clamped =
      CLAMPED_FIELDS.has(String(place.at(-1))) &&
      typeof before === 'number' &&
      typeof after === 'number' &&
      isClamped(before, after, surely);
    const known = Object.entries(type.settles ?? {}).find(([path]) => covers(path, place))?.[1] ?? [];
    const replaced = known.some((value) => value === after) && !known.some((value) => value === before);
    return clamped || replaced ? [{ place, wanted: before, live: after }] : [];
  });
}

/** Values that the server is known to store differently. Both are restorable forms with the ids of the target. */
export function madeByServer(type: ResourceType, wanted: JsonObject, live: JsonObject): Converged[] {
  return convergedBetween(type, wanted, live, false);
}

/**
 * The wanted document as far as an update can bring it about: switches stay as they are live, and so does what the
 * server would not accept. Both are restorable forms with the ids of the target.
 */
export function reachable(type: ResourceType, wanted: JsonObject, live: JsonObject): JsonObject {
  const switched = withLiveSwitches(type, wanted, live);
  return convergedBetween(type, switched, live, true).reduce(
    (held, { place, live: value }) => setSteps(held, place, value) as JsonObject,
    switched,
  );
}
