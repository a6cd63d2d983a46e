import { apart, type Credential, replaceCredentials } from './credential-text.ts';
import { DEEPEST, type Json } from './json.ts';
import { redaction } from './markers.ts';
import { visitLeaves } from './places.ts';
import { looksSecret } from './secret-words.ts';

/** The shortest value that is recognised outside its own place. */
const SHORTEST = 8;
/** The same for a credential of the program that looks like words. */
const SHORTEST_OWN = 16;
/** The longest one: what the patterns keep while they search is in proportion to the value. */
const LONGEST = 2 ** 16;
/** An id of a resource. */
const ID = /^[0-9a-f]{24}$/;
/** What is said of one that is found. */
const KNOWN = 'known credential';
/** Values that one run learns; more are those of records, each of which is in one place. */
const MOST = 100_000;
/** Texts that one run keeps because they hold none, and how long they may be. */
const MOST_WITHOUT = 10_000;
const LONGEST_WITHOUT = 100;
const NONE: readonly never[] = [];
/** Whether one was seen before it was known: bits of Bloom filters. New memory is slow: most runs need the small. */
const SEEN_BITS = { first: 2 ** 18, others: 2 ** 25 } as const;
/** Texts that the first one takes. */
const MOST_IN_FIRST = 2 ** 14;
/** What a header may have before its credential: the fingerprint may be that of both. */
const SCHEMES = ['', 'Bearer ', 'Basic '] as const;
const SCHEME = /^(?:basic|bearer|token|apikey|ssws|oauth)\s+/i;
/** Words joined by anything, each with a number at most: a name, a version, an algorithm. No word is empty: linear. */
const WORD = '(?:[A-Z]?[a-z]+\\d{0,4}|[A-Z]+\\d{0,4}|\\d+)';
const ORDINARY = new RegExp(`^${WORD}?(?:[^A-Za-z0-9]+${WORD})*[^A-Za-z0-9]*$`);

/** What ends a candidate: everywhere, in an address, before a value, and in words. Later kinds contain earlier ones. */
const KINDS = { hard: 1, query: 2, part: 3, word: 4 } as const;
const KIND = new Uint8Array(128);
for (let code = 0; code < KIND.length; code++) {
  const char = String.fromCharCode(code);
  if (/[\s"'`<>{}()[\],;|\\]/.test(char) || code < 32) KIND[code] = KINDS.hard;
  else if (/[&?#]/.test(char)) KIND[code] = KINDS.query;
  else if (/[/@:=]/.test(char)) KIND[code] = KINDS.part;
  else if (!/[\w-]/.test(char)) KIND[code] = KINDS.word;
}

/** Whether a value is recognised wherever it is: trivial ones would blank out ordinary texts. */
function isDistinctive(value: string): boolean {
  if (value.length < SHORTEST || value.length > LONGEST || !/\d/.test(value) || ORDINARY.test(value)) return false;
  return looksSecret(value, 'key') || looksSecret(value, 'password');
}

/** Credentials that were seen in a place of their own: each is one wherever else it is. */
export interface KnownCredentials {
  /** Notes a credential, and its fingerprint. */
  readonly learn: (secret: string, print: string) => void;
  /** Where a text has one of them, in their order. */
  readonly find: (text: string) => readonly Credential[];
  /** Those that may be in texts which were searched before they were known. */
  readonly late: () => readonly string[];
  /**
   * Fingerprints → lengths in UTF-16 units, of those that are recognised elsewhere; not those of the program itself.
   */
  readonly prints: () => ReadonlyMap<string, number>;
  /** Whether there are fingerprints that `held` did not have. */
  readonly hasNews: () => boolean;
}

/** What is known before a run reads anything. */
interface KnownBefore {
  readonly fingerprint: (secret: string) => string;
  /** Fingerprints → lengths; 0 where it is not known. Asked for when first needed. */
  readonly held: () => ReadonlyMap<string, number>;
  /** Credentials of the program itself. */
  readonly own: readonly string[];
}

/** A copy that does not keep the text alive that it was cut from. */
function copyOf(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

/** The credentials that a value consists of: without its scheme, and the texts of an object. */
function partsOf(secret: string): string[] {
  const texts: string[] = [];
  if (/^[[{]/.test(secret)) {
    try {
      visitLeaves(
        JSON.parse(secret) as Json,
        (leaf) => typeof leaf === 'string' && texts.push(leaf),
        (_, place) => place.length < DEEPEST,
      );
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return texts.length > 0 ? texts : [secret.replace(SCHEME, '')];
}

/** Parts of a text between characters of a kind or a stronger one, each with a digit and long enough. */
function pieces(text: string, { start, end }: Span, kind: number): Piece[] {
  const found: Piece[] = [];
  let [from, digit, joined] = [start, false, false];
  for (let at = start; at <= end; at++) {
    const code = at < end ? text.charCodeAt(at) : 32;
    const own = code < 128 ? (KIND[code] as number) : 0;
    if (own === 0 || own > kind) {
      digit ||= code >= 48 && code <= 57;
      joined ||= own > kind;
      continue;
    }
    if (digit && at - from >= SHORTEST) found.push({ start: from, end: at, joined });
    [from, digit, joined] = [at + 1, false, false];
  }
  return found;
}

/** Part of a text, in UTF-16 units. */
interface Span {
  readonly start: number;
  readonly end: number;
}

interface Piece extends Span {
  /** Whether weaker characters divide it further. */
  readonly joined: boolean;
}

/** What follows the first name of a part: `key=…`. */
function assignedIn(text: string, { start, end }: Span): Span[] {
  for (let at = start; at < end - SHORTEST; at++) {
    const char = text[at];
    if (char === '=' || char === ':') return [{ start: at + 1, end }];
  }
  return [];
}

function occurrences(text: string, word: string): Credential[] {
  const found: Credential[] = [];
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
    found.push({ kind: KNOWN, start: at, end: at + word.length });
  }
  return found;
}

/** Everything in a text that may be a credential, the longest first. The time is linear in its length. */
function candidatesIn(text: string): Span[] {
  const found: Span[] = [];
  const divide = (whole: Piece, kind: number): void => {
    if (!whole.joined) return;
    for (const part of kind > KINDS.word ? [] : pieces(text, whole, kind)) {
      const divided = part.end - part.start < whole.end - whole.start;
      if (divided) found.push(part);
      if (kind === KINDS.query) found.push(...assignedIn(text, part));
      divide(part, kind + 1);
    }
  };
  for (const whole of pieces(text, { start: 0, end: text.length }, KINDS.hard)) {
    found.push(whole);
    const last = text.charCodeAt(whole.end - 1);
    if (last === 46 || last === 58 || last === 33 || last === 63) found.push({ ...whole, end: whole.end - 1 });
    divide(whole, KINDS.query);
  }
  return found;
}

/** Two places of a bit among any power of two of them, by the characters. */
function bitsOf(text: string, { start, end }: Span): [number, number] {
  let [one, two] = [0x811c9dc5, end - start];
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    one = Math.imul(one ^ code, 0x01000193);
    two = Math.imul(two, 31) + code;
  }
  return [one ^ (one >>> 15), two ^ (two >>> 13)];
}

/** The candidates that were looked at, none of which can be read from it. */
function createSeen() {
  const first = createFilter(SEEN_BITS.first);
  const others = createFilter(SEEN_BITS.others);
  let count = 0;
  return {
    add(text: string, span: Span) {
      count += 1;
      (count > MOST_IN_FIRST ? others : first).add(bitsOf(text, span));
    },
    has(text: string): boolean {
      const bits = bitsOf(text, { start: 0, end: text.length });
      return first.has(bits) || others.has(bits);
    },
  };
}

/** @param size a power of two */
function createFilter(size: number) {
  let bytes: Uint8Array | undefined;
  return {
    add(bits: readonly number[]) {
      bytes ??= new Uint8Array(size / 8);
      for (const bit of bits) {
        const at = bit & (size - 1);
        bytes[at >> 3] = (bytes[at >> 3] as number) | (1 << (at & 7));
      }
    },
    has(bits: readonly number[]): boolean {
      return bits.every((bit) => {
        const at = bit & (size - 1);
        return ((bytes?.[at >> 3] ?? 0) >> (at & 7)) & 1;
      });
    },
  };
}

/** Credentials of the program, and what they consist of, as far as they differ from words. */
function ownParts(own: readonly string[]): string[] {
  const parts = own.flatMap((value) => [value, ...partsOf(value)]);
  return [...new Set(parts)].filter((part) => part.length >= SHORTEST_OWN || isDistinctive(part));
}

/** What was known before, by its fingerprints alone. */
function heldCredentials(fingerprint: KnownBefore['fingerprint'], held: KnownBefore['held']) {
  const asked = new Map<string, boolean>();
  let known: Set<number> | undefined;
  const lengths = (): ReadonlySet<number> => {
    known ??= new Set(held().values());
    return known;
  };
  const mayBe = (length: number): boolean =>
    lengths().has(0) || SCHEMES.some((scheme) => lengths().has(scheme.length + length));
  /** Alone, or with a scheme before it. */
  const isHeld = (value: string): boolean =>
    SCHEMES.some((scheme) => {
      if (!lengths().has(0) && !lengths().has(scheme.length + value.length)) return false;
      return held().has(fingerprint(scheme + value));
    });
  return {
    /** Whether one of them has this length. */
    mayBe,
    has(value: string): boolean {
      if (lengths().size === 0) return false;
      const answered = asked.get(value);
      if (answered !== undefined) return answered;
      const answer = isDistinctive(value) && isHeld(value);
      if (asked.size < MOST) asked.set(copyOf(value), answer);
      return answer;
    },
  };
}

/** Knows what was known before, and what it learns. */
export function createKnownCredentials({ fingerprint, held, own }: KnownBefore): KnownCredentials {
  const clear = new Set<string>();
  const learnt = new Map<string, number>();
  const seen = createSeen();
  const late: string[] = [];
  const before = heldCredentials(fingerprint, held);
  /** Texts that hold nothing of what is known now: names and values repeat from document to document. */
  const without = new Set<string>();
  /** Lengths of what is known in plain text. */
  const clearLengths = new Set<number>();

  function keep(value: string): boolean {
    if (clear.has(value) || clear.size >= MOST) return false;
    const copy = copyOf(value);
    clear.add(copy);
    without.clear();
    clearLengths.add(copy.length);
    if (seen.has(copy)) late.push(copy);
    return true;
  }

  const given = ownParts(own);
  // Candidates have a digit.
  const words = given.filter((part) => !/\d/.test(part));
  for (const part of given) if (/\d/.test(part)) keep(part);

  return {
    learn(secret, print) {
      for (const part of new Set([secret, ...partsOf(secret)])) {
        if (!isDistinctive(part) || !keep(part)) continue;
        learnt.set(part === secret ? print : fingerprint(part), part.length);
      }
    },
    find(text) {
      if (text.length < SHORTEST || without.has(text) || ID.test(text)) return NONE;
      const found: Credential[] = words.flatMap((word) => occurrences(text, word));
      for (const span of candidatesIn(text)) {
        const { start, end } = span;
        seen.add(text, span);
        const length = end - start;
        if (!clearLengths.has(length) && !before.mayBe(length)) continue;
        const value = text.slice(start, end);
        if (clear.has(value) || before.has(value)) found.push({ kind: KNOWN, start, end });
      }
      if (found.length > 0) return apart(text, found);
      if (text.length <= LONGEST_WITHOUT && without.size < MOST_WITHOUT) without.add(text);
      return NONE;
    },
    late: () => late,
    prints() {
      const measured = [...held()].filter(([, length]) => length > 0);
      return new Map([...measured, ...learnt]);
    },
    hasNews: () => [...learnt.keys()].some((print) => (held().get(print) ?? 0) === 0),
  };
}

/** What takes out of texts that are not documents what is known to be a credential. */
export interface Masking {
  readonly fingerprint: (secret: string) => string;
  readonly known?: KnownCredentials;
}

/** A text with a mark in the place of each known credential. */
export function withoutKnown({ fingerprint, known }: Masking, text: string): string {
  const found = known?.find(text) ?? [];
  return found.length === 0 ? text : replaceCredentials(text, (one) => redaction(fingerprint(one)), found);
}
