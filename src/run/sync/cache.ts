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
import { CacheDamaged, type CachedPage, detailsText, fileName, readDetails, type TypeDetails } from './cache-file.ts';

/** Raised when the shape of the files changes; an older cache is then ignored. */
const VERSION = 8;
const INDEX = 'index.json';

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

function recordsOn({ chunks }: CachedPage): number {
  return chunks.reduce((sum, { ids }) => sum + ids.length, 0);
}

/** A type whose details are at hand. */
export function cachedType(
  details: TypeDetails,
  abridged: boolean | undefined,
  validators: CachedType['validators'] = new Map(),
): CachedType {
  return {
    validators,
    pageMarks: new Map([...details.pages].map(([digest, page]) => [digest, markOf(recordsOn(page), page.next)])),
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
