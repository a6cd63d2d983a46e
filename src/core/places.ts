import { getOwn, isArray, isObject, type Json, unquoted } from './json.ts';
import { isFieldStep, stepsOf } from './paths.ts';

/** One place in a document: keys and indexes from its root. */
export type Place = readonly (string | number)[];

/** A place for people: `routers[0].branches[1].name`; keys that would be read wrong are quoted. */
export function placeText(place: Place): string {
  let text = '';
  for (const step of place) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[^.[\]"]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** The place that a text such as `http.headers[0].value` names. Texts come from logs and commits: none is refused. */
export function placeOf(text: string): Place {
  return [...text.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map((match) => {
    if (match[1] !== undefined) return Number(match[1]);
    return match[2] === undefined ? (match[3] ?? '') : (unquoted(`"${match[2]}"`) ?? match[2]);
  });
}

/** The value at a place, or `undefined`. */
export function atPlace(value: Json | undefined, place: Place): Json | undefined {
  let held = value;
  for (const step of place) {
    if (typeof step === 'number') held = isArray(held) ? held[step] : undefined;
    else held = isObject(held) ? getOwn(held, step) : undefined;
  }
  return held;
}

/** Whether a catalogue path (`routers[].name`) names the place or something that holds it. */
export function covers(path: string, place: Place): boolean {
  const steps = stepsOf(path);
  return steps.length <= place.length && steps.every((step, i) => isFieldStep(step, place[i]));
}

/**
 * Visits every value that is neither array nor object, with its place. `enter` may hold back from a subtree; for leaves
 * that are not `wanted`, nothing is called.
 */
export function visitLeaves(
  value: Json,
  visit: (leaf: Json, place: Place) => void,
  enter: (value: Json, place: Place) => boolean = () => true,
  wanted: (leaf: Json) => boolean = () => true,
): void {
  const at = (held: Json, above: Place, step?: string | number): void => {
    const isInner = isArray(held) || isObject(held);
    // Most leaves are of no interest, and a place takes longer than the look at a value.
    if (!isInner && !wanted(held)) return;
    const place = step === undefined ? above : [...above, step];
    if (!enter(held, place)) return;
    if (isArray(held)) for (let i = 0; i < held.length; i++) at(held[i] as Json, place, i);
    else if (isObject(held)) for (const key of Object.keys(held)) at(held[key] as Json, place, key);
    else visit(held, place);
  };
  at(value, []);
}
