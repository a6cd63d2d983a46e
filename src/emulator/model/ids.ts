/** Ids made here carry this in the place of machine and process. */
const MACHINE = 'e3a0b5c7d1';

/**
 * Mints ids as the server does: creation time in seconds, machine, counter (api-notes#ids). The same clock
 * gives the same ids.
 */
export function createIds(now: () => Date): () => string {
  let counter = 0;
  return () => {
    counter += 1;
    const seconds = Math.floor(now().getTime() / 1000);
    return `${seconds.toString(16).padStart(8, '0')}${MACHINE}${counter.toString(16).padStart(6, '0')}`;
  };
}

const ALPHABET = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** A made-up credential or code that depends on `seed` alone. */
export function codeOf(seed: string, length: number): string {
  let state = 2_166_136_261;
  for (const char of seed) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  let code = '';
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    code += ALPHABET[Math.floor((state / 2 ** 32) * ALPHABET.length)];
  }
  return code;
}

const OBJECT_ID = /^[0-9a-f]{24}$/i;

export function isObjectId(text: string): boolean {
  return OBJECT_ID.test(text);
}
