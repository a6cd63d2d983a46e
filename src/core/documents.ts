import { type Catalogue, findType } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { AppError } from './errors.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from './json.ts';
import { readPath, titleOf } from './layout.ts';
import { ESCAPED_KEY, fileOf, redactionsIn, secretOf } from './markers.ts';
import { NEVER_MIRRORED } from './normalise.ts';
import { replaceUnseen } from './unseen.ts';
import { parseYaml, YamlError } from './yaml.ts';

/**
 * A resource as the mirror holds it at one moment. `doc` is what the normaliser made of it: long texts in their places,
 * credentials as `******` or `{$secret}`, data that looks like a marker still escaped.
 */
export interface MirrorDocument {
  readonly type: ResourceType;
  readonly id: string;
  readonly title: string;
  /** Path inside the account's folder. */
  readonly path: string;
  readonly doc: JsonObject;
  /** Its files that are not text in UTF-8, for people: their bytes are not what `doc` shows. Absent: none. */
  readonly notUtf8?: readonly string[];
}

/** Part of an Integration App: installed and changed by the app alone (api-notes#app-parts). */
export function isAppPart(doc: JsonObject): boolean {
  return doc._connectorId !== undefined && doc._connectorId !== null;
}

/** Names of the side files that a document refers to. */
export function sideFilesOf(value: Json): string[] {
  const name = fileOf(value);
  if (name !== undefined) return [name];
  if (isArray(value)) return value.flatMap(sideFilesOf);
  return isObject(value) ? Object.values(value).flatMap(sideFilesOf) : [];
}

function inline(value: Json, read: (name: string) => string): Json {
  const name = fileOf(value);
  if (name !== undefined) return read(name);
  if (isArray(value)) return value.map((item) => inline(item, read));
  if (!isObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const key of Object.keys(value)) setOwn(out, key, inline(value[key] as Json, read));
  return out;
}

/** Whether a value is an entry of a lookup cache (api-notes#lookup-data). */
export function isEntry(value: Json): value is JsonObject {
  return isObject(value) && ['string', 'number'].includes(typeof getOwn(value, 'key'));
}

function parseEntry(line: string): JsonObject | undefined {
  try {
    const value = JSON.parse(line) as Json;
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The entries of a lookup cache: one JSON text a line, each by its key.
 * @param shown the text for people
 * @throws AppError `USAGE` that names a line that is none
 */
export function readEntries(text: string, shown: string): Map<string, { readonly line: string; readonly data: Json }> {
  const lines = [...text.split('\n').entries()].filter(([, line]) => line !== '');
  return new Map(
    lines.map(([i, line]) => {
      const data = parseEntry(line);
      if (data) return [String(data.key), { line, data }];
      throw new AppError('USAGE', `${shown}:${i + 1} is not an entry of a lookup cache`, {
        hint: 'An entry is one line of JSON such as {"key":"a","value":1}; fix the line, or remove it',
      });
    }),
  );
}

/**
 * Checks what is written entry by entry.
 * @param shown the document's path for people
 * @throws AppError `USAGE` for an entry that nothing was taken out of and that is none
 */
export function checkEntries(type: ResourceType, doc: JsonObject, parsed: JsonObject, shown: string): void {
  const text = type.entries === undefined ? undefined : doc[type.entries];
  if (typeof text !== 'string') return;
  const file = fileOf(parsed[type.entries ?? ''] ?? null);
  const own = text.split('\n').map((line) => (redactionsIn(line).length > 0 ? '' : line));
  readEntries(
    own.join('\n'),
    file === undefined ? `${shown}: ${type.entries}` : shown.slice(0, shown.lastIndexOf('/') + 1) + file,
  );
}

/** The document as plain data: escaped keys restored. Credentials must have been taken out or filled in before. */
export function toData(value: Json): Json {
  if (isArray(value)) return value.map(toData);
  if (!isObject(value) || secretOf(value) !== undefined) return value;
  const keys = Object.keys(value);
  const only = keys.length === 1 ? (keys[0] as string) : undefined;
  const out: MutableJsonObject = {};
  for (const key of keys) {
    const name = only !== undefined && ESCAPED_KEY.test(only) ? only.slice(1) : key;
    setOwn(out, name, toData(value[key] as Json));
  }
  return out;
}

function lineOfKey(text: string, key: string): string {
  const at = text.split('\n').findIndex((line) => line.startsWith(`${key}:`) || line.startsWith(`"${key}":`));
  return at < 0 ? '' : `:${at + 1}`;
}

/** Parses the text of a document file. @throws AppError `USAGE` with file, line and cause for invalid YAML */
export function parseFile(text: string, shown: string): Json {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new AppError('USAGE', `${shown}${error.line ? `:${error.line}` : ''} is not valid YAML: ${error.message}`, {
      hint: `Fix the file, or use an earlier version: git log -- ${shown}`,
      cause: error,
    });
  }
}

/** Parses the document file at `path` without its side files. @throws AppError `USAGE` with file, line and cause */
export function parseDocumentFile(path: string, text: string, shown: string): JsonObject {
  const value = parseFile(text, shown);
  const id = readPath(path)?.id;
  if (!isObject(value) || value._id !== id) {
    const held = isObject(value) ? value._id : null;
    const found = typeof held === 'string' ? replaceUnseen(held, ' ') : JSON.stringify(held ?? null);
    const why = isObject(value) ? `it holds the _id ${found}` : 'it holds no document';
    throw new AppError(
      'USAGE',
      `${shown}${isObject(value) ? lineOfKey(text, '_id') : ''} is not a document of the mirror: ${why}`,
      { hint: `The _id is the one in the file's name (${id}); git log -- ${shown} shows earlier versions` },
    );
  }
  return value;
}

/**
 * The document of the file at `path` (inside the account's folder).
 * @param shown the path for people
 * @param readSide text of a side file in the same folder, `undefined` when there is none
 * @throws AppError `USAGE` for a file that was damaged or edited into something else, naming file, line and cause
 */
export function readMirrorDocument(
  path: string,
  text: string,
  shown: string,
  readSide: (name: string) => string | undefined,
  find: Catalogue['find'] = findType,
): MirrorDocument {
  const parts = readPath(path);
  const type = parts ? find(parts.type) : undefined;
  if (!parts?.isDocument || !type) {
    throw new AppError('USAGE', `${shown} is not a document of the mirror`, {
      hint: 'celigo-mirror verify names every file that is not',
    });
  }
  const parsed = parseDocumentFile(path, text, shown);
  const foreign = NEVER_MIRRORED.find((key) => parsed[key] !== undefined);
  if (foreign !== undefined) {
    throw new AppError(
      'USAGE',
      `${shown}${lineOfKey(text, foreign)}: ${foreign} is kept by the server, not by the mirror; it cannot be restored`,
      { hint: 'Remove the key from the file' },
    );
  }
  const doc = text.includes('$file') ? withSideFiles(parsed, shown, readSide) : parsed;
  checkEntries(type, doc, parsed, shown);
  return { type, id: parts.id, title: titleOf(type, doc), path, doc };
}

/** A document with the texts of its side files. @throws AppError `USAGE` that names a missing one */
export function withSideFiles(
  parsed: JsonObject,
  shown: string,
  readSide: (name: string) => string | undefined,
): JsonObject {
  return inline(parsed, (name) => {
    const side = name.includes('/') || name.includes('\\') ? undefined : readSide(name);
    if (side !== undefined) return side;
    throw new AppError('USAGE', `${shown} refers to the file ${name}, which is missing`, {
      hint: `git log -- '*${name}' shows when it went`,
    });
  }) as JsonObject;
}
