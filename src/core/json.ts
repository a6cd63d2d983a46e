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

/** Reads an own property; inherited ones (`constructor`, `toString`) do not count. */
export function getOwn(source: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(source, key) ? source[key] : undefined;
}
