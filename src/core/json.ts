/** Any value that JSON can carry. Arrays and objects are treated as immutable everywhere in the program. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/**
 * The most collections that one document may have inside each other: what is accepted from a server is written, and
 * what is written can be read. Documents of the API have up to a hundred. Functions may call themselves so often.
 */
export const DEEPEST = 200;

/** Why a document is refused that has more. */
export const TOO_DEEP = `nested more than ${DEEPEST} levels deep`;

/** A JSON object. Keys may be anything, `__proto__` included: set them with {@link setOwn}. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A JSON object under construction. */
export interface MutableJsonObject {
  [key: string]: Json;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Sets an own property, also where plain assignment would not (`__proto__`). */
export function setOwn(target: MutableJsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[key] = value;
  }
}

/** The text of a JSON string with its quotation marks; `undefined` for anything else. */
export function unquoted(json: string): string | undefined {
  try {
    const text = JSON.parse(json) as Json;
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

/** A value with every text in it changed; keys stay. */
export function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (isArray(value)) return value.map((item) => mapTexts(item, change));
  if (!isObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const key of Object.keys(value)) setOwn(out, key, mapTexts(value[key] as Json, change));
  return out;
}

/** Reads an own property; inherited ones (`constructor`, `toString`) do not count. */
export function getOwn(source: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(source, key) ? source[key] : undefined;
}
