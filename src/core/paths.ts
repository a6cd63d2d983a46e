import { getOwn, isArray, isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from './json.ts';

/** A catalogue path cut into steps: a key, `[]` for every element, `*` for any key. */
export type Steps = readonly string[];

const PARSED = new Map<string, Steps>();

/** The steps of a catalogue path such as `routers[].branches[]._exportId`. */
export function stepsOf(path: string): Steps {
  let steps = PARSED.get(path);
  if (!steps) {
    steps = path
      .replaceAll('[]', '.[]')
      .split('.')
      .filter((step) => step !== '');
    PARSED.set(path, steps);
  }
  return steps;
}

/** Sets or removes (`undefined`) one key of a copy; the same object when nothing changes. */
export function withKey(source: JsonObject, key: string, value: Json | undefined): JsonObject {
  if (value === getOwn(source, key)) return source;
  if (value !== undefined) {
    const copy: MutableJsonObject = { ...source };
    setOwn(copy, key, value);
    return copy;
  }
  const copy: MutableJsonObject = {};
  for (const name of Object.keys(source)) if (name !== key) setOwn(copy, name, source[name] as Json);
  return copy;
}

/** As {@link withKey} for several keys that are there, with one copy. */
function withKeys(source: JsonObject, changed: ReadonlyMap<string, Json | undefined>): JsonObject {
  if (changed.size <= 1) {
    for (const [key, value] of changed) return withKey(source, key, value);
    return source;
  }
  const copy: MutableJsonObject = {};
  for (const name of Object.keys(source)) {
    const value = changed.has(name) ? changed.get(name) : source[name];
    if (value !== undefined) setOwn(copy, name, value);
  }
  return copy;
}

/**
 * A copy of `value` in which every value at `steps` went through `change`; `undefined` removes it. Shares what
 * did not change, and is `value` itself when nothing did.
 */
export function mapAt(value: Json, steps: Steps, change: (held: Json) => Json | undefined, from = 0): Json {
  const step = steps[from];
  if (step === undefined) return value;
  const last = from === steps.length - 1;
  const descend = (held: Json): Json | undefined => (last ? change(held) : mapAt(held, steps, change, from + 1));
  if (step === '[]') {
    if (!isArray(value)) return value;
    let copy: Json[] | undefined;
    for (const [index, held] of value.entries()) {
      const next = descend(held) ?? null;
      if (next === held) continue;
      copy ??= [...value];
      copy[index] = next;
    }
    return copy ?? value;
  }
  if (!isObject(value)) return value;
  const changed = new Map<string, Json | undefined>();
  for (const key of step === '*' ? Object.keys(value) : [step]) {
    const held = getOwn(value, key);
    if (held === undefined) continue;
    const next = descend(held);
    if (next !== held) changed.set(key, next);
  }
  return withKeys(value, changed);
}

/** As {@link mapAt} for a complete document and a catalogue path. */
export function mapPath(doc: JsonObject, path: string, change: (held: Json) => Json | undefined): JsonObject {
  return mapAt(doc, stepsOf(path), change) as JsonObject;
}

/** A document without the members at these catalogue paths. */
export function withoutPaths(doc: JsonObject, paths: readonly string[]): JsonObject {
  return paths.reduce((held, path) => mapPath(held, path, () => undefined), doc);
}

/** All values at a catalogue path. */
export function valuesAt(value: Json | undefined, path: string): readonly Json[] {
  let level: Json[] = value === undefined ? [] : [value];
  for (const step of stepsOf(path)) {
    const next: Json[] = [];
    for (const held of level) {
      if (step === '[]') {
        // One by one: a call takes so many arguments and no more.
        if (isArray(held)) for (const item of held) next.push(item);
      } else if (isObject(held)) {
        for (const key of step === '*' ? Object.keys(held) : [step]) {
          const inner = getOwn(held, key);
          if (inner !== undefined) next.push(inner);
        }
      }
    }
    level = next;
  }
  return level;
}

/** The value at a path of plain keys (`http.auth.type`), or `undefined`. */
export function valueAt(value: Json | undefined, path: string): Json | undefined {
  let held = value;
  for (const key of stepsOf(path)) held = isObject(held) ? getOwn(held, key) : undefined;
  return held;
}

/** Keys and indexes of one place: `routers[0].branches[1].name`. */
function placeSteps(place: string): readonly (string | number)[] {
  return [...place.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map((match) =>
    match[1] === undefined ? (match[2] ?? '') : Number(match[1]),
  );
}

/** A copy with the one place set, or removed with `undefined`; missing objects on the way are made. */
export function setPlace(doc: JsonObject, place: string, value: Json | undefined): JsonObject {
  return setSteps(doc, placeSteps(place), value) as JsonObject;
}

/** As {@link setPlace}, for a place already cut into keys and indexes. */
export function setSteps(held: Json | undefined, steps: readonly (string | number)[], value: Json | undefined): Json {
  const [step, ...rest] = steps;
  if (step === undefined) return value ?? null;
  if (isArray(held)) {
    const index = step === '-' ? held.length : Number(step);
    if (rest.length === 0 && value === undefined) return held.filter((_, at) => at !== index);
    const copy = [...held];
    copy[index] = setSteps(held[index], rest, value);
    return copy;
  }
  const object: JsonObject = isObject(held) ? held : {};
  const key = String(step);
  if (rest.length === 0) return withKey(object, key, value);
  const inner = getOwn(object, key);
  if (inner === undefined && value === undefined) return object;
  return withKey(object, key, setSteps(inner, rest, value));
}

/** A copy with a value at each of these places that are there: as {@link setSteps} for many at once. */
export function withSteps(
  doc: JsonObject,
  values: readonly { readonly place: readonly (string | number)[]; readonly value: Json }[],
): JsonObject {
  const copy = structuredClone(doc) as JsonObject;
  for (const { place, value } of values) {
    let held: Json | undefined = copy;
    for (const step of place.slice(0, -1))
      held = isArray(held) ? held[Number(step)] : isObject(held) ? getOwn(held, String(step)) : undefined;
    const last = place.at(-1);
    if (last === undefined) continue;
    if (isArray(held)) (held as Json[])[Number(last)] = value;
    else if (isObject(held)) setOwn(held as MutableJsonObject, String(last), value);
  }
  return copy;
}

/** Whether two values are the same JSON, whatever the order of their keys. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isArray(a)) return isArray(b) && a.length === b.length && a.every((item, at) => equalJson(item, b[at]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => equalJson(a[key], getOwn(b, key)));
}

/** A string, or `undefined` for anything else. */
export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Whether one step of a catalogue path matches one step of a place. */
export function isFieldStep(step: string, actual: string | number | undefined): boolean {
  if (step === '[]') return typeof actual === 'number';
  return typeof actual === 'string' && (step === '*' || step === actual);
}
