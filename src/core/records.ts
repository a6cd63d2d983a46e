const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Index of the quote that ends the string opened at `start`, or -1. */
function endOfString(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    at = bytes.indexOf(QUOTE, at + 1);
    if (at < 0) return -1;
    let slashes = 0;
    while (bytes[at - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
}

/** Index after the object that starts at `start`, or -1 when it does not end. */
function endOfObject(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
      if (at < 0) return -1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

/**
 * How many values a JSON text has; any number above `most` once it has more. A value takes memory of its own, so that
 * the smallest texts, `[],[],…`, take twenty times their length when they are parsed.
 */
export function countValues(bytes: Buffer, most: number): number {
  let count = 0;
  for (let at = 0; at < bytes.length && count <= most; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
      if (at < 0) return count;
    } else if (byte === COMMA || byte === OPEN_BRACE || byte === OPEN_BRACKET) count += 1;
  }
  return count;
}

/** The most records that one answer may have: pages of the API have a thousand. */
export const MOST_RECORDS = 100_000;

/** Elements one after the other that were there before with the same bytes. */
interface Known {
  readonly ids: readonly string[];
  /** Of their bytes, with what is between them. */
  readonly length: number;
}

/** An element, or several in a row that were known before. */
export interface Part<K extends Known> {
  /** A view of the text. */
  readonly bytes: Buffer;
  readonly known: K | undefined;
}

/**
 * Cuts a JSON array of objects into the bytes of its elements without parsing them: several times cheaper, and
 * elements with the bytes of the last run need never be parsed.
 * @param knownAt the elements that begin at this index, if these very bytes were there before: they are not looked at
 * @returns `undefined` when the text is not plainly such an array, or has more than {@link MOST_RECORDS}; the caller
 * then parses all of it. An element is not checked to be valid JSON: its parser finds out.
 */
export function splitRecords<K extends Known = Known>(
  bytes: Buffer,
  knownAt: (at: number) => K | undefined = () => undefined,
): Part<K>[] | undefined {
  let at = 0;
  let count = 0;
  const skipBlanks = (): void => {
    while (isBlank(bytes[at])) at += 1;
  };
  skipBlanks();
  if (bytes[at] !== OPEN_BRACKET) return undefined;
  at += 1;
  const parts: Part<K>[] = [];
  skipBlanks();
  if (bytes[at] === CLOSE_BRACKET) at += 1;
  else {
    for (;;) {
      skipBlanks();
      if (bytes[at] !== OPEN_BRACE) return undefined;
      const known = knownAt(at);
      const end = known ? at + known.length : endOfObject(bytes, at);
      count += known?.ids.length ?? 1;
      if (end < 0 || count > MOST_RECORDS) return undefined;
      parts.push({ bytes: bytes.subarray(at, end), known });
      at = end;
      skipBlanks();
      const sign = bytes[at];
      at += 1;
      if (sign === CLOSE_BRACKET) break;
      if (sign !== COMMA) return undefined;
    }
  }
  skipBlanks();
  return at === bytes.length ? parts : undefined;
}

/** How the API begins a record. */
const ID = '{"_id":"';
/** The longest id that is looked for. Bytes. */
const LONGEST_ID = 200;

/** The id of the element that begins at an index, where that is the first thing in it and plainly written. */
export function idAt(bytes: Buffer, at: number): string | undefined {
  const start = at + ID.length;
  if (bytes.toString('latin1', at, start) !== ID) return undefined;
  const end = bytes.subarray(start, start + LONGEST_ID).indexOf(QUOTE);
  const id = end > 0 ? bytes.toString('latin1', start, start + end) : '';
  return /^[\w.~-]+$/.test(id) ? id : undefined;
}
