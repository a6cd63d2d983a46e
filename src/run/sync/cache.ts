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

/** Raised when the shape of the files changes; an older cache is then ignored. */
const VERSION = 5;
const INDEX = 'index.json';

/** What is known of one mirrored resource. Empty digests mean "not known". */
export interface CachedResource {
  /** Digest of the bytes of its record in the listing. */
  readonly raw: string;
  /** `lastModified` of its record, where it has one. */
  readonly modified: string;
  readonly files: readonly FileEntry[];
}

/** A page of a listing. */
export interface CachedPage {
  readonly ids: readonly string[];
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

type StoredFields = [raw: string, id: string, modified: string, ...files: string[]];
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

const PAGES = z.record(z.string(), z.looseObject({ ids: z.array(z.string()), next: z.string().optional() }));
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

/**
 * A resource as the line that holds it, the JSON of {@link StoredFields}. Most of thousands are only taken over from
 * one run to the next: they are never parsed, and written as they were read.
 */
class StoredResource implements CachedResource {
  readonly line: string;

  constructor(line: string) {
    this.line = line;
  }

  // Digests and ids hold nothing that JSON escapes.
  get raw(): string {
    return this.line.slice(2, this.line.indexOf('"', 2));
  }

  get id(): string {
    const start = this.line.indexOf('"', 2) + 3;
    return this.line.slice(start, this.line.indexOf('"', start));
  }

  get modified(): string {
    return this.fields()[2];
  }

  get files(): readonly FileEntry[] {
    const [, , , ...flat] = this.fields();
    return flat.flatMap((path, i) => (i % 2 === 0 ? [[path, flat[i + 1] as string] as const] : []));
  }

  private fields(): StoredFields {
    try {
      const fields = JSON.parse(this.line) as unknown;
      if (Array.isArray(fields) && fields.every((field) => typeof field === 'string')) return fields as StoredFields;
    } catch {
      // Not JSON at all.
    }
    throw new CacheDamaged(this.line.slice(0, 40));
  }
}

function lineOf(id: string, resource: CachedResource): string {
  if (resource instanceof StoredResource) return resource.line;
  const { raw, modified, files } = resource;
  return JSON.stringify([raw, id, modified, ...files.flat()] satisfies StoredFields);
}

/** The name of a type's file, by the hash of what it holds. */
function fileName(typeName: string, sha256: string): string {
  return `${typeName}-${sha256.slice(0, 22)}.jsonl`;
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
  const [first = '', ...lines] = bytes.toString('utf8').split('\n');
  return {
    pages: readPages(first, path),
    resources: new Map(
      lines.map((line) => {
        const resource = new StoredResource(line);
        return [resource.id, resource];
      }),
    ),
  };
}

/** @throws CacheDamaged for anything but pages */
function readPages(line: string, path: string): Map<string, CachedPage> {
  try {
    return new Map(Object.entries(PAGES.parse(JSON.parse(line)) as Record<string, CachedPage>));
  } catch (cause) {
    throw new CacheDamaged(path, { cause });
  }
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

/** One line for the pages, one for each resource; some thousand at a time. */
function* detailsText({ pages, resources }: TypeDetails): Generator<string> {
  yield JSON.stringify(Object.fromEntries(pages));
  let lines: string[] = [];
  for (const [id, resource] of resources) {
    lines.push(lineOf(id, resource));
    if (lines.length < 1_000) continue;
    yield `\n${lines.join('\n')}`;
    lines = [];
  }
  if (lines.length > 0) yield `\n${lines.join('\n')}`;
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
