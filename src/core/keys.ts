/** One resource of an account: `<type>/<id>`, such as `flows/678df75fc3a91b7e41300001`. */
export type Key = string;

/** The key of a resource. */
export function keyOf(type: string, id: string): Key {
  return `${type}/${id}`;
}

/** Name of the type in a key, or in a path inside the account's folder. */
export function typeIn(keyOrPath: string): string {
  return keyOrPath.slice(0, Math.max(0, keyOrPath.indexOf('/')));
}

/** The id in a key. */
export function idIn(key: Key): string {
  return key.slice(key.indexOf('/') + 1);
}

const OBJECT_ID = /^[0-9a-f]{24}$/;

/** Whether a value has the form of an id of the API. */
export function isObjectId(value: unknown): value is string {
  return typeof value === 'string' && value.length === 24 && OBJECT_ID.test(value);
}

/**
 * Whether a text is an id of the API but for the case of its letters: the API has them in lower case, and on many
 * disks both would name the same file.
 */
export function isMiscasedId(text: string): boolean {
  return text.length === 24 && !OBJECT_ID.test(text) && OBJECT_ID.test(text.toLowerCase());
}
