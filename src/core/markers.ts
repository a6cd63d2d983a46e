import { isArray, isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from './json.ts';

/**
 * Two objects of a mirrored document are not data but markers: `{$file: name}` is the text of the file
 * `name` next to the document, `{$secret: fingerprint}` for a credential. Data that looks like a marker gets one
 * `$` more, so that nothing is lost.
 */
const LOOKS_LIKE_MARKER = /^\$+(?:file|secret)$/;
/** A key of data that was escaped: one `$` more than the data has. */
export const ESCAPED_KEY = /^\$\$+(?:file|secret)$/;

/** The key to write for the only key `key` of a data object. */
export function escapeKey(key: string): string {
  return LOOKS_LIKE_MARKER.test(key) ? `$${key}` : key;
}

export function fileMarker(name: string): JsonObject {
  return { $file: name };
}

export function secretMarker(fingerprint: string): JsonObject {
  return { $secret: fingerprint };
}

function soleString(value: Json | undefined, key: string): string | undefined {
  if (!isObject(value)) return undefined;
  const keys = Object.keys(value);
  const held = keys.length === 1 && keys[0] === key ? value[key] : undefined;
  return typeof held === 'string' ? held : undefined;
}

/** The file a `{$file}` marker names, or `undefined` for anything else. */
export function fileOf(value: Json | undefined): string | undefined {
  return soleString(value, '$file');
}

/** The fingerprint in a `{$secret}` marker, or `undefined` for anything else. */
export function secretOf(value: Json | undefined): string | undefined {
  return soleString(value, '$secret');
}

/** What replaces a credential that was taken out of a text. */
export const REDACTION = /\[\[redacted ([0-9a-f]{12})\]\]/g;

export function redaction(fingerprint: string): string {
  return `[[redacted ${fingerprint}]]`;
}

/** Fingerprints of what was taken out of a text, in order. */
export function redactionsIn(text: string): string[] {
  return text.includes('[[redacted ') ? [...text.matchAll(REDACTION)].map(([, print]) => print ?? '') : [];
}

/** A text with the same mark in the place of each credential, to compare what remains of two. */
export function withoutRedactions(text: string): string {
  return text.replace(REDACTION, redaction(''));
}

/** The text with what `of` gives for each fingerprint; `undefined` when it does not know one. */
export function fillRedactions(text: string, of: (fingerprint: string) => string | undefined): string | undefined {
  let complete = true;
  const filled = text.replace(REDACTION, (mark, print: string) => {
    const value = of(print);
    if (value === undefined) complete = false;
    return value ?? mark;
  });
  return complete ? filled : undefined;
}

/** Visits every value of a document, parents first. */
export function walk(value: Json, visit: (value: Json) => void): void {
  visit(value);
  if (isArray(value)) for (const item of value) walk(item, visit);
  else if (isObject(value)) for (const key of Object.keys(value)) walk(value[key] as Json, visit);
}

/**
 * The document as data: side files put in their places, escaped keys restored. Secrets stay markers.
 * @param read text of a side file by its name; throws when the file is missing
 */
export function joinFiles(value: Json, read: (name: string) => string): Json {
  if (isArray(value)) return value.map((item) => joinFiles(item, read));
  if (!isObject(value)) return value;
  const name = fileOf(value);
  if (name !== undefined) return read(name);
  const keys = Object.keys(value);
  const only = keys.length === 1 ? (keys[0] as string) : undefined;
  const out: MutableJsonObject = {};
  if (only !== undefined && ESCAPED_KEY.test(only)) {
    setOwn(out, only.slice(1), joinFiles(value[only] as Json, read));
    return out;
  }
  for (const key of keys) setOwn(out, key, joinFiles(value[key] as Json, read));
  return out;
}
