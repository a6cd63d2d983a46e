/** A number of a JSON text that a double, and so every value of this program, cannot hold. */
export interface InexactNumber {
  /** Keys and indexes from the root of the text. */
  readonly place: readonly (string | number)[];
  /** As it is written in the text. */
  readonly text: string;
}

/**
 * Where a number may be too much: sixteen digits and more, or an exponent. Only behind what a number can follow, so
 * that ids and texts hardly ever match.
 */
const SUSPICIOUS = /(?:^|[[:,])\s*-?\d(?:[\d.]{15}|[\d.]*[eE])/;
/** A document with more of them is not read: none of a person has so many. */
const MOST_INEXACT = 10_000;
/** Every double has a decimal of so many digits that means it and no other. */
const DIGITS_OF_A_DOUBLE = 17;
/** Below this, doubles have fewer digits. */
const SMALLEST_NORMAL = 2 ** -1022;

/** What is kept of such a number, for a message. Characters. */
const LONGEST_SHOWN = 100;

/** A text has more numbers that cannot be stored exactly than anyone could look at. */
export class TooManyInexact extends Error {
  constructor() {
    super(`more than ${MOST_INEXACT} numbers cannot be stored exactly`);
  }
}

/** A decimal as its digits without zeros at either end, and the power of ten of the last one. */
function decimalOf(text: string): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = text.replace(/^-/, '').toLowerCase().split('e');
  const [integer = '', fraction = ''] = mantissa.split('.');
  const all = (integer + fraction).replace(/^0+/, '');
  let end = all.length;
  while (all[end - 1] === '0') end -= 1;
  const digits = all.slice(0, end);
  return { digits, exponent: Number(power) - fraction.length + all.length - digits.length };
}

/**
 * Whether reading and writing a number keeps its value. `1.0`, `-0` and `1e2` are kept; so is a fraction of up to 17
 * digits, which is how other languages write a double.
 */
export function isExact(text: string): boolean {
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  const sent = decimalOf(text);
  const kept = decimalOf(String(value));
  if (sent.digits === kept.digits && (sent.digits === '' || sent.exponent === kept.exponent)) return true;
  const isDouble = sent.digits.length <= DIGITS_OF_A_DOUBLE && Math.abs(value) >= SMALLEST_NORMAL;
  return isDouble && sent.exponent < 0;
}

/** Index after the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/**
 * The numbers of a JSON text that JavaScript would change silently. Costs one pass over the text unless some number is
 * long enough.
 * @param text valid JSON
 * @throws TooManyInexact
 */
export function inexactNumbers(text: string): readonly InexactNumber[] {
  if (!SUSPICIOUS.test(text)) return [];
  const found: InexactNumber[] = [];
  const place: (string | number)[] = [];
  /** The last string, which is a key when a colon follows. */
  let last = '';
  const number = /-?\d[\d.eE+-]*/y;
  for (let at = 0; at < text.length; ) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      last = text.slice(at, end);
      at = end;
      continue;
    }
    number.lastIndex = at;
    const held = char === '-' || (char !== undefined && char >= '0' && char <= '9') ? number.exec(text) : null;
    if (held) {
      if (!isExact(held[0])) found.push({ place: [...place], text: held[0].slice(0, LONGEST_SHOWN) });
      if (found.length > MOST_INEXACT) throw new TooManyInexact();
      at += held[0].length;
      continue;
    }
    const top = place.length - 1;
    if (char === '{') place.push('');
    else if (char === '[') place.push(0);
    else if (char === '}' || char === ']') place.pop();
    else if (char === ':') place[top] = JSON.parse(last) as string;
    else if (char === ',' && typeof place[top] === 'number') place[top] = Number(place[top]) + 1;
    at += 1;
  }
  return found;
}
