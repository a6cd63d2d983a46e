import { isObject, type Json } from '../core/json.ts';
import { fillRedactions, REDACTION, redactionsIn, withoutRedactions } from '../core/markers.ts';

/** Characters before a credential in which its name is searched for. */
const BEFORE = 120;
/**
 * The last name before a credential and what is between the two: `"apiKey": "`, `?token=`, `Authorization: Bearer `.
 */
const NAME = /(?<![\w$.-])[\w$.-]*[^\w$.-]*(?:(?<![\w$.-])(?:basic|bearer|token|apikey|ssws|oauth)\s+(?:[^\w$.-]*))?$/i;

/** For each credential that was taken out of a text, in order: which one it was, and what it is surrounded by. */
export function contextsOf(text: string): string[] {
  return [...text.matchAll(REDACTION)].map(({ 0: mark, 1: print = '', index }) => {
    const before = text.slice(Math.max(0, index - BEFORE), index);
    return JSON.stringify([print, NAME.exec(before)?.[0] ?? before, text[index + mark.length] ?? '']);
  });
}

/** A text of the mirror with its credentials. */
interface FilledText {
  readonly text: string;
  /** The same text with other credentials, which stay. */
  readonly other: boolean;
}

/** A live text in the form of the mirror, with what was taken out of it. */
interface LiveText {
  readonly raw: string;
  /** Fingerprint → credential. */
  readonly taken: ReadonlyMap<string, string>;
}

/**
 * A text of the mirror with its credentials, each in the surroundings in which the live text has it, and no more often;
 * `undefined` where the live text does not have one of them so.
 * @param shown the live text in the form of the mirror
 * @param live the same as the account has it; absent while it is only asked whether it can be done
 * @param records the text is a list of records, one a line, each with its key
 */
export function fillText(
  wanted: string,
  shown: string,
  live: LiveText | undefined,
  records: boolean,
): FilledText | undefined {
  if (records) {
    const filled = fillRecords(wanted, shown, live);
    return filled.complete ? { text: filled.text, other: false } : undefined;
  }
  const left = new Map<string, number>();
  for (const place of contextsOf(shown)) left.set(place, (left.get(place) ?? 0) + 1);
  const isOwn = contextsOf(wanted).every((place) => {
    const count = left.get(place) ?? 0;
    left.set(place, count - 1);
    return count > 0;
  });
  const text = isOwn ? (live ? fillRedactions(wanted, (print) => live.taken.get(print)) : wanted) : undefined;
  if (text !== undefined) return { text, other: false };
  return withoutRedactions(wanted) === withoutRedactions(shown)
    ? { text: live?.raw ?? wanted, other: true }
    : undefined;
}

/** Records with what was taken out of them. `complete`: none is missing. */
export interface FilledRecords {
  readonly text: string;
  readonly complete: boolean;
}

function keyOfRecord(line: string): string | undefined {
  try {
    const record = JSON.parse(line) as Json;
    return isObject(record) ? JSON.stringify(record.key ?? null) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Records of the mirror, one a line, with the credentials of the live records of the same keys. Those of which a
 * credential is not known are left out.
 * @param shown the live records in the form of the mirror, line by line those of `live`
 */
export function fillRecords(wanted: string, shown: string, live: LiveText | undefined): FilledRecords {
  const raw = (live?.raw ?? shown).split('\n');
  const known = new Map(shown.split('\n').map((line, i) => [keyOfRecord(line), { line, raw: raw[i] ?? '' }]));
  const lines = wanted.split('\n');
  const filled = lines.flatMap((line) => {
    if (redactionsIn(line).length === 0) return [line];
    const key = keyOfRecord(line);
    const theirs = key === undefined ? undefined : known.get(key);
    const one = theirs && fillText(line, theirs.line, live && { ...live, raw: theirs.raw }, false);
    return one ? [one.text] : [];
  });
  return { text: filled.join('\n'), complete: filled.length === lines.length };
}
