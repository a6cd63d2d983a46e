import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { FileEntry } from '../../core/changes.ts';
import { readPath } from '../../core/layout.ts';
import { type CachedResource, CachedResources, type Chunk, isKnown, type KnownChunk } from './cached-resources.ts';

/** A file of the cache cannot be read. The remedy is to remove the cache and start over. */
export class CacheDamaged extends Error {}

/** A page of a listing. */
export interface CachedPage {
  readonly chunks: readonly Chunk[];
  /** `nextPageURL` of its body, where it had one. */
  readonly next?: string;
}

/** The many entries of a type, which a run without changes never needs. */
export interface TypeDetails {
  readonly resources: CachedResources;
  /** By digest of their bodies. Only pages whose every record is mirrored or rightly left out. */
  readonly pages: ReadonlyMap<string, CachedPage>;
}

/** A resource in the line of its chunk, in the order of its ids; 0 where the record is not mirrored. */
type StoredResource = [raw: string, modified: string, ...files: string[]] | 0;
/** A chunk: the length of its line, and the places of the ids that are not mirrored. */
type StoredChunk = [line: number, length: number, digest: string, ids: readonly string[], ...left: number[]];
/** A page has the next so many chunks. */
type StoredPage = [digest: string, chunks: number, next?: string];

/** The last line: what the lines before it hold. Chunks of no page come last. */
interface Table {
  readonly chunks: readonly StoredChunk[];
  readonly pages: readonly StoredPage[];
}

const NEWLINE = 0x0a;
/** So many resources that are on no page share a chunk, and so many chunks are written at once. */
const MOST = 100;

/** The name of a type's file, by the hash of what it holds. */
export function fileName(typeName: string, sha256: string): string {
  return `${typeName}-${sha256.slice(0, 22)}.jsonl`;
}

/** @throws CacheDamaged */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new CacheDamaged(line.slice(0, 40), { cause });
  }
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

/** @throws CacheDamaged for anything but a resource, and for a file that is not one of it: it would go with it */
function readResource(id: string, stored: unknown): CachedResource | undefined {
  if (stored === 0) return undefined;
  if (!areTexts(stored) || stored.length % 2 !== 0) throw new CacheDamaged(id);
  const [raw = '', modified = '', ...flat] = stored;
  const files = flat.flatMap((path, i): FileEntry[] => (i % 2 === 0 ? [[path, flat[i + 1] ?? '']] : []));
  if (files.some(([path]) => readPath(path)?.id !== id)) throw new CacheDamaged(id);
  return { raw, modified, files };
}

function createChunk(line: Buffer, [, length, digest, ids, ...left]: StoredChunk): KnownChunk {
  let resources: Map<string, CachedResource | undefined> | undefined;
  const places = new Set(left);
  const read = (): Map<string, CachedResource | undefined> => {
    const stored = parseLine(line.toString('utf8'));
    if (!Array.isArray(stored) || stored.length !== ids.length) throw new CacheDamaged('not the resources of a chunk');
    return new Map(ids.map((id, i) => [id, readResource(id, stored[i])]));
  };
  return {
    ...{ ids, length, digest, line },
    mirrored: left.length === 0 ? ids : ids.filter((_, i) => !places.has(i)),
    resource(id) {
      resources ??= read();
      return resources.get(id);
    },
  };
}

/** @throws CacheDamaged for anything but a table */
function readTable(value: unknown): Table {
  const { chunks, pages } = (value ?? {}) as Partial<Table>;
  const isCount = (count: unknown): boolean => Number.isInteger(count) && (count as number) >= 0;
  const isChunk = ([line, length, digest, ids, ...left]: Partial<StoredChunk>): boolean =>
    areTexts([digest]) && areTexts(ids) && [line, length, ...left].every(isCount);
  const isPage = ([digest, count, next = '']: Partial<StoredPage>): boolean =>
    areTexts([digest, next]) && isCount(count);
  const isList = (list: unknown): list is unknown[][] => Array.isArray(list) && list.every(Array.isArray);
  if (!isList(chunks) || !isList(pages) || !chunks.every(isChunk) || !pages.every(isPage))
    throw new CacheDamaged('not a table');
  return { chunks, pages };
}

/** @throws CacheDamaged for a file that does not hold what its name says */
export function readDetails(path: string, typeName: string): TypeDetails {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new CacheDamaged(path, { cause });
  }
  if (basename(path) !== fileName(typeName, hash('sha256', bytes, 'base64url'))) throw new CacheDamaged(path);
  const start = bytes.lastIndexOf(NEWLINE, -2) + 1;
  const table = readTable(parseLine(bytes.toString('utf8', start)));
  let at = 0;
  const chunks = table.chunks.map((stored) => {
    const line = bytes.subarray(at, at + stored[0]);
    at += stored[0];
    return createChunk(line, stored);
  });
  let count = 0;
  const pages = new Map<string, CachedPage>();
  for (const [digest, length, next] of table.pages) {
    pages.set(digest, { chunks: chunks.slice(count, count + length), ...(next === undefined ? {} : { next }) });
    count += length;
  }
  if (at !== start || count > chunks.length) throw new CacheDamaged(path);
  return { pages, resources: new CachedResources(chunks) };
}

/** The line of a chunk, and its row of the table. */
type Written = readonly [line: Buffer, row: StoredChunk];

/** A chunk as it was read. */
function takeOver({ line, length, digest, ids, mirrored }: KnownChunk): Written {
  const held = mirrored === ids ? undefined : new Set(mirrored);
  const left = held ? ids.flatMap((id, i) => (held.has(id) ? [] : [i])) : [];
  return [line, [line.length, length, digest, ids, ...left]];
}

function writeChunk({ length, digest, ids }: Chunk, resources: CachedResources): Written {
  const stored = ids.map((id): StoredResource => {
    const { raw, modified, files } = resources.get(id) ?? {};
    return files ? [raw ?? '', modified ?? '', ...files.flat()] : 0;
  });
  const line = Buffer.from(`${JSON.stringify(stored)}\n`);
  return [line, [line.length, length, digest, ids, ...stored.flatMap((resource, i) => (resource === 0 ? [i] : []))]];
}

/**
 * Chunks of pages, then those that hold what is on no page.
 * @param written ids in chunks that were not taken over: whoever takes the chunks adds them, each before the next one
 */
function* allChunks({ pages, resources }: TypeDetails, written: ReadonlySet<string>): Generator<Chunk> {
  const paged = new Set([...pages.values()].flatMap(({ chunks }) => chunks));
  for (const { chunks } of pages.values()) yield* chunks;
  for (const [chunk] of resources.chunks()) if (!paged.has(chunk)) yield chunk;
  const rest = [...resources.own()].filter((id) => !written.has(id));
  for (let i = 0; i < rest.length; i += MOST) yield { ids: rest.slice(i, i + MOST), length: 0, digest: '' };
}

/**
 * What {@link readDetails} reads: a line for each chunk, which is taken over as it was read where nothing in it
 * changed; then the table. Piece by piece: all of a large type in one text would be the run's peak of memory.
 */
export function* detailsText(details: TypeDetails): Generator<Buffer> {
  const { pages, resources } = details;
  const whole = new Set<Chunk>();
  for (const [chunk, isWhole] of resources.chunks()) if (isWhole) whole.add(chunk);
  const written = new Set<string>();
  const rows: StoredChunk[] = [];
  let lines: Buffer[] = [];
  for (const chunk of allChunks(details, written)) {
    const isWhole = whole.has(chunk) && isKnown(chunk);
    const [line, row] = isWhole ? takeOver(chunk) : writeChunk(chunk, resources);
    if (!isWhole) for (const id of chunk.ids) written.add(id);
    rows.push(row);
    lines.push(line);
    if (lines.length < MOST) continue;
    yield Buffer.concat(lines);
    lines = [];
  }
  yield Buffer.concat(lines);
  yield* tableText(pages, rows);
}

function* tableText(pages: TypeDetails['pages'], rows: readonly StoredChunk[]): Generator<Buffer> {
  const stored = [...pages].map(([digest, { chunks, next }]): StoredPage => {
    return next === undefined ? [digest, chunks.length] : [digest, chunks.length, next];
  });
  yield Buffer.from(`{"pages":${JSON.stringify(stored)},"chunks":[`);
  for (let i = 0; i < rows.length; i += MOST) {
    const text = JSON.stringify(rows.slice(i, i + MOST)).slice(1, -1);
    yield Buffer.from(`${i === 0 ? '' : ','}${text}`);
  }
  yield Buffer.from(']}\n');
}
