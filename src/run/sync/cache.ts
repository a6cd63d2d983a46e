import { createHash, hash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import type { FileEntry } from '../../core/changes.ts';
import { readPath } from '../../core/layout.ts';

/** Raised when the shape of the files changes; an older cache is then ignored. */
const VERSION = 7;
const INDEX = 'index.json';

/** What is known of one mirrored resource. Empty digests mean "not known". */
export interface CachedResource {
  /** Digest of the bytes of its record in the listing. */
  readonly raw: string;
  /** `lastModified` of its record, where it has one. */
  readonly modified: string;
  readonly files: readonly FileEntry[];
}

/** Of some records, one after the other: the length of their bytes in the page, and the digest of these. */
export type ChunkMark = readonly [length: number, digest: string];

/** A page of a listing. */
export interface CachedPage {
  readonly ids: readonly string[];
  /** None where its records were not read one by one. Which ids a chunk has, the ids themselves say. */
  readonly chunks: readonly ChunkMark[];
  /** `nextPageURL` of its body, where it had one. */
  readonly next?: string;
}

/** What the index holds of a page: enough to skip it. */
export interface PageMark {
  /** Records on it. */
  readonly count: number;
  readonly next?: string;
}

/** What a page was when it was read from an address: enough to ask whether it is still the same (api-notes#etag). */
export interface Validator {
  readonly etag: string;
  /** Digest of its body. */
  readonly page: string;
  /** It had a `Link`: an answer 304 has to show where the list continues now. */
  readonly linked?: true;
  /** Asking with this `ETag` saved nothing. */
  readonly useless?: true;
}

/** The many entries of a type, which a run without changes never needs. */
export interface TypeDetails {
  readonly resources: ReadonlyMap<string, CachedResource>;
  /** By digest of their bodies. Only pages whose every record is mirrored or rightly left out. */
  readonly pages: ReadonlyMap<string, CachedPage>;
}

/** One type as the last complete listing left it. */
export interface CachedType {
  /** By digest of their bodies. */
  readonly pageMarks: ReadonlyMap<string, PageMark>;
  /** By digest of token and address of a page: another token may see other records. */
  readonly validators: ReadonlyMap<string, Validator>;
  /** Mirrored resources. */
  readonly size: number;
  /** Whether records must be fetched one by one, since lists leave fields out; `undefined`: not tried yet. */
  readonly abridged: boolean | undefined;
  /** Reads the rest from disk at the first call. @throws CacheDamaged */
  readonly details: () => TypeDetails;
}

/** Everything here can be rebuilt from the repository and the API; losing it costs time only. */
export interface Cache {
  /** Digest of everything that decides what a document looks like. */
  readonly rules: string;
  /** Object id of the account's folder that the entries describe. */
  readonly tree: string;
  /** Start of the last run that read everything, server time, ISO. */
  readonly lastRun: string | undefined;
  /** Last time everything was fetched again, unchanged or not, ISO. */
  readonly lastFull: string | undefined;
  readonly types: ReadonlyMap<string, CachedType>;
  /**
   * Fingerprints of credentials → their lengths, in UTF-16 units; absent where none were noted. Reads them from disk at
   * the first call. @throws CacheDamaged
   */
  readonly known: (() => ReadonlyMap<string, number>) | undefined;
}

/** A file of the cache cannot be read. The remedy is to remove the cache and start over. */
export class CacheDamaged extends Error {}

type StoredFields = [modified: string, ...files: string[]];
/** Most pages have no next address of their own. */
type StoredMark = number | [count: number, next: string];

interface StoredType {
  abridged?: boolean;
  size: number;
  pages: Record<string, StoredMark>;
  validators?: Record<string, Validator>;
  file: string;
}

interface StoredIndex {
  version: number;
  rules: string;
  tree: string;
  lastRun?: string;
  lastFull?: string;
  known?: string;
  types: Record<string, StoredType>;
}

const VALIDATOR = z.custom<Validator>((value) => typeof value === 'object' && value !== null);
const INDEX_SHAPE = z.looseObject({
  ...{ version: z.number(), rules: z.string(), tree: z.string() },
  ...{ lastRun: z.string().optional(), lastFull: z.string().optional() },
  known: z
    .string()
    .regex(/^[\w.-]+$/)
    .optional(),
  types: z.record(
    z.string(),
    z.looseObject({
      ...{ abridged: z.boolean().optional(), size: z.number(), file: z.string().regex(/^[\w.-]+$/) },
      pages: z.record(z.string(), z.union([z.number(), z.tuple([z.number(), z.string()])])),
      validators: z.record(z.string(), VALIDATOR).optional(),
    }),
  ),
});

/** The file that a type's details were read from or written to, so that unchanged ones are not written again. */
const storedIn = new WeakMap<() => TypeDetails, string>();

function folderOf(stateDir: string, account: string): string {
  return join(stateDir, `${account}.cache`);
}

/** So many resources follow one line of {@link Places}. */
const BLOCK = 1_000;

/** Of each resource of a block: id, digest of its record, and the length of its line with the sign that ends it. */
type Places = (string | number)[];

/**
 * A resource as the line that holds it, the JSON of {@link StoredFields}, where it was read. Most of thousands are only
 * taken over from one run to the next: they are never parsed, and written as they were read.
 */
class StoredResource implements CachedResource {
  /** The file that it is in. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly raw: string;
  readonly #id: string;

  constructor(id: string, bytes: Buffer, start: number, end: number, raw: string) {
    this.#id = id;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.raw = raw;
  }

  get modified(): string {
    return this.fields()[0];
  }

  /** @throws CacheDamaged for a file that is not one of the resource: it would go with it */
  get files(): readonly FileEntry[] {
    const [, ...flat] = this.fields();
    const files = flat.flatMap((path, i) => (i % 2 === 0 ? [[path, flat[i + 1] as string] as const] : []));
    const foreign = files.find(([path]) => readPath(path)?.id !== this.#id);
    if (foreign) throw new CacheDamaged(foreign[0]);
    return files;
  }

  private fields(): StoredFields {
    return textsIn(parseLine(this.bytes.toString('utf8', this.start, this.end))) as StoredFields;
  }
}

/** Some bytes of a file that was read, or of new ones. */
interface Span {
  readonly bytes: Buffer;
  readonly start: number;
  end: number;
}

/** The line of a resource. */
function lineOf(resource: CachedResource): Readonly<Span> {
  if (resource instanceof StoredResource) return resource;
  const { modified, files } = resource;
  const bytes = Buffer.from(`${JSON.stringify([modified, ...files.flat()] satisfies StoredFields)}\n`);
  return { bytes, start: 0, end: bytes.length };
}

/** The name of a type's file, by the hash of what it holds. */
function fileName(typeName: string, sha256: string): string {
  return `${typeName}-${sha256.slice(0, 22)}.jsonl`;
}

const NEWLINE = 0x0a;

/** @throws CacheDamaged */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new CacheDamaged(line.slice(0, 40), { cause });
  }
}

/** @throws CacheDamaged for anything but a list of texts */
function textsIn(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === 'string')) return value;
  throw new CacheDamaged('not a list of texts');
}

/** @throws CacheDamaged for a file that does not hold what its name says */
function readDetails(path: string, typeName: string): TypeDetails {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new CacheDamaged(path, { cause });
  }
  if (basename(path) !== fileName(typeName, hash('sha256', bytes, 'base64url'))) throw new CacheDamaged(path);
  let at = 0;
  const nextLine = (): unknown => {
    const end = bytes.indexOf(NEWLINE, at);
    const line = bytes.toString('utf8', at, end);
    at = end < 0 ? bytes.length : end + 1;
    return parseLine(line);
  };
  const pages = readPages(nextLine());
  const resources = new Map<string, StoredResource>();
  while (at < bytes.length) {
    const places = nextLine();
    if (!Array.isArray(places)) throw new CacheDamaged(path);
    for (let i = 0; i < places.length; i += 3) {
      const id: unknown = places[i];
      const raw: unknown = places[i + 1];
      const length: unknown = places[i + 2];
      if (typeof id !== 'string' || typeof raw !== 'string' || !isLength(length, bytes.length - at))
        throw new CacheDamaged(path);
      resources.set(id, new StoredResource(id, bytes, at, at + length, raw));
      at += length;
    }
  }
  return { pages, resources };
}

function isLength(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= most;
}

/** @throws CacheDamaged for anything but chunks */
function chunksIn(value: unknown): readonly ChunkMark[] {
  const isMark = (item: unknown): item is ChunkMark =>
    Array.isArray(item) && item.length === 2 && Number.isInteger(item[0]) && typeof item[1] === 'string';
  if (Array.isArray(value) && value.every(isMark)) return value;
  throw new CacheDamaged('not a list of chunks');
}

/** @throws CacheDamaged for anything but pages */
function readPages(value: unknown): Map<string, CachedPage> {
  return new Map(
    Object.entries(value ?? {}).map(([digest, page]: [string, Partial<CachedPage> | null]) => {
      const { ids, chunks, next } = page ?? {};
      textsIn([next ?? '']);
      return [digest, { ids: textsIn(ids), chunks: chunksIn(chunks), ...(next === undefined ? {} : { next }) }];
    }),
  );
}

function lazyDetails(path: string, typeName: string): () => TypeDetails {
  let details: TypeDetails | undefined;
  const read = (): TypeDetails => {
    details ??= readDetails(path, typeName);
    return details;
  };
  storedIn.set(read, basename(path));
  return read;
}

const KNOWN = z.record(z.string().regex(/^[0-9a-f]{12}$/), z.number().int().positive());
/** The file that fingerprints were read from or written to. */
const knownIn = new WeakMap<() => ReadonlyMap<string, number>, string>();

function lazyKnown(path: string): () => ReadonlyMap<string, number> {
  let known: ReadonlyMap<string, number> | undefined;
  const read = (): ReadonlyMap<string, number> => {
    try {
      known ??= new Map(Object.entries(KNOWN.parse(JSON.parse(readFileSync(path, 'utf8')))));
    } catch (cause) {
      throw new CacheDamaged(path, { cause });
    }
    return known;
  };
  knownIn.set(read, basename(path));
  return read;
}

/** Writes fingerprints under a name that they decide. Gives the name. */
function writeKnown(folder: string, known: () => ReadonlyMap<string, number>): string {
  const before = knownIn.get(known);
  if (before && existsSync(join(folder, before))) return before;
  const text = JSON.stringify(Object.fromEntries(known()));
  const file = `known-${hash('sha256', text, 'base64url').slice(0, 22)}.json`;
  replaceFile(join(folder, file), text);
  return file;
}

function markOf(count: number, next: string | undefined): PageMark {
  return next === undefined ? { count } : { count, next };
}

/** A type whose details are at hand. */
export function cachedType(
  details: TypeDetails,
  abridged: boolean | undefined,
  validators: CachedType['validators'] = new Map(),
): CachedType {
  return {
    validators,
    pageMarks: new Map([...details.pages].map(([digest, { ids, next }]) => [digest, markOf(ids.length, next)])),
    size: details.resources.size,
    abridged,
    details: () => details,
  };
}

/** The cache of an account, or `undefined` when there is none that can be read. */
export function readCache(stateDir: string, account: string): Cache | undefined {
  const folder = folderOf(stateDir, account);
  try {
    const stored = INDEX_SHAPE.parse(JSON.parse(readFileSync(join(folder, INDEX), 'utf8'))) as StoredIndex;
    if (stored.version !== VERSION) return undefined;
    const types = new Map<string, CachedType>();
    for (const [typeName, type] of Object.entries(stored.types)) {
      const path = join(folder, type.file);
      if (!existsSync(path)) return undefined;
      types.set(typeName, {
        pageMarks: new Map(
          Object.entries(type.pages).map(([digest, mark]) => [
            digest,
            typeof mark === 'number' ? { count: mark } : markOf(...mark),
          ]),
        ),
        validators: new Map(Object.entries(type.validators ?? {})),
        size: type.size,
        abridged: type.abridged,
        details: lazyDetails(path, typeName),
      });
    }
    const { rules, tree, lastRun, lastFull } = stored;
    const known = stored.known === undefined ? undefined : join(folder, stored.known);
    return { rules, tree, lastRun, lastFull, types, known: known && existsSync(known) ? lazyKnown(known) : undefined };
  } catch {
    // Absent or damaged: either way, it is rebuilt.
    return undefined;
  }
}

function replaceFile(path: string, text: string): void {
  const draft = `${path}.tmp`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}

/** Writes the details of one type under a name that its content decides. Gives the name. */
function writeDetails(folder: string, typeName: string, type: CachedType): string {
  const before = storedIn.get(type.details);
  if (before && existsSync(join(folder, before))) return before;
  const draft = join(folder, `${typeName}.tmp`);
  const sha256 = createHash('sha256');
  const handle = openSync(draft, 'w', 0o600);
  try {
    // Piece by piece: the text of a large type in one string would be the run's peak of memory.
    for (const piece of detailsText(type.details())) {
      sha256.update(piece);
      writeSync(handle, piece);
    }
  } finally {
    closeSync(handle);
  }
  const file = fileName(typeName, sha256.digest('base64url'));
  renameSync(draft, join(folder, file));
  return file;
}

/** One line for the pages; then, block by block, one for the places of some resources and one for each of them. */
function* detailsText({ pages, resources }: TypeDetails): Generator<Buffer> {
  yield Buffer.from(`${JSON.stringify(Object.fromEntries(pages))}\n`);
  const block = createBlock();
  for (const [id, resource] of resources) {
    block.add(id, resource);
    if (block.size() === BLOCK) yield block.take();
  }
  if (block.size() > 0) yield block.take();
}

/** Collects the resources of a block. Lines that were read one after the other are copied at once. */
function createBlock() {
  let places: Places = [];
  let spans: Span[] = [];
  return {
    size: () => places.length / 3,
    add(id: string, resource: CachedResource) {
      const { bytes, start, end } = lineOf(resource);
      places.push(id, resource.raw, end - start);
      const last = spans.at(-1);
      if (last?.bytes === bytes && last.end === start) last.end = end;
      else spans.push({ bytes, start, end });
    },
    take() {
      const lines = spans.map(({ bytes, start, end }) => bytes.subarray(start, end));
      const block = Buffer.concat([Buffer.from(`${JSON.stringify(places)}\n`), ...lines]);
      [places, spans] = [[], []];
      return block;
    },
  };
}

/** Replaces the cache: details first, the index that names them last, in one step. */
export function writeCache(stateDir: string, account: string, cache: Cache): void {
  const folder = folderOf(stateDir, account);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const types: StoredIndex['types'] = {};
  for (const [typeName, type] of cache.types) {
    types[typeName] = {
      ...(type.abridged === undefined ? {} : { abridged: type.abridged }),
      size: type.size,
      pages: Object.fromEntries(
        [...type.pageMarks].map(([digest, { count, next }]) => [digest, next === undefined ? count : [count, next]]),
      ),
      ...(type.validators.size === 0 ? {} : { validators: Object.fromEntries(type.validators) }),
      file: writeDetails(folder, typeName, type),
    };
  }
  const known = cache.known && writeKnown(folder, cache.known);
  const index: StoredIndex = {
    version: VERSION,
    rules: cache.rules,
    tree: cache.tree,
    ...(cache.lastRun ? { lastRun: cache.lastRun } : {}),
    ...(cache.lastFull ? { lastFull: cache.lastFull } : {}),
    ...(known === undefined ? {} : { known }),
    types,
  };
  replaceFile(join(folder, INDEX), JSON.stringify(index));
  const named = new Set([INDEX, known, ...Object.values(types).map(({ file }) => file)]);
  for (const name of readdirSync(folder)) if (!named.has(name)) rmSync(join(folder, name), { force: true });
}

export function removeCache(stateDir: string, account: string): void {
  rmSync(folderOf(stateDir, account), { recursive: true, force: true });
}
