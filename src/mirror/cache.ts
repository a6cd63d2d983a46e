import { createHash } from 'node:crypto';
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
import { join } from 'node:path';

/** Raised when the shape of the files changes; an older cache is then ignored. */
const VERSION = 4;
const INDEX = 'index.json';

/** A file of the mirror: path inside the account's folder, git object id. */
export type FileEntry = readonly [path: string, oid: string];

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
}

/** A file of the cache cannot be read. The remedy is to remove the cache and start over. */
export class CacheDamaged extends Error {}

type StoredResource = [raw: string, modified: string, ...files: string[]];
/** Most pages have no next address of their own. */
type StoredMark = number | [count: number, next: string];

interface StoredDetails {
  pages: Record<string, CachedPage>;
  resources: Record<string, StoredResource>;
}

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
  types: Record<string, StoredType>;
}

/** The file that a type's details were read from or written to, so that unchanged ones are not written again. */
const storedIn = new WeakMap<() => TypeDetails, string>();

function folderOf(stateDir: string, account: string): string {
  return join(stateDir, `${account}.cache`);
}

function unpack([raw, modified, ...flat]: StoredResource): CachedResource {
  const files: FileEntry[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) files.push([flat[i] as string, flat[i + 1] as string]);
  return { raw, modified, files };
}

function lazyDetails(path: string, file: string): () => TypeDetails {
  let details: TypeDetails | undefined;
  const read = (): TypeDetails => {
    if (details) return details;
    try {
      const stored = JSON.parse(readFileSync(path, 'utf8')) as StoredDetails;
      details = {
        pages: new Map(Object.entries(stored.pages)),
        resources: new Map(Object.entries(stored.resources).map(([id, entry]) => [id, unpack(entry)])),
      };
      return details;
    } catch (cause) {
      throw new CacheDamaged(path, { cause });
    }
  };
  storedIn.set(read, file);
  return read;
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
    const stored = JSON.parse(readFileSync(join(folder, INDEX), 'utf8')) as StoredIndex;
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
        details: lazyDetails(path, type.file),
      });
    }
    return { rules: stored.rules, tree: stored.tree, lastRun: stored.lastRun, lastFull: stored.lastFull, types };
  } catch {
    // Absent or damaged: either way, it is rebuilt.
    return undefined;
  }
}

function replaceFile(path: string, text: string): void {
  const draft = `${path}.tmp`;
  writeFileSync(draft, text);
  renameSync(draft, path);
}

/** Writes the details of one type under a name that its content decides. Gives the name. */
function writeDetails(folder: string, typeName: string, type: CachedType): string {
  const before = storedIn.get(type.details);
  if (before && existsSync(join(folder, before))) return before;
  const draft = join(folder, `${typeName}.tmp`);
  const hash = createHash('sha256');
  const handle = openSync(draft, 'w', 0o600);
  try {
    // Piece by piece: the text of a large type in one string would be the run's peak of memory.
    for (const piece of detailsText(type.details())) {
      hash.update(piece);
      writeSync(handle, piece);
    }
  } finally {
    closeSync(handle);
  }
  const file = `${typeName}-${hash.digest('base64url').slice(0, 22)}.json`;
  renameSync(draft, join(folder, file));
  return file;
}

/** The JSON of {@link StoredDetails}, some thousand entries at a time. */
function* detailsText({ pages, resources }: TypeDetails): Generator<string> {
  yield `{"pages":${JSON.stringify(Object.fromEntries(pages))},"resources":{`;
  let lines: string[] = [];
  let first = true;
  for (const [id, { raw, modified, files }] of resources) {
    lines.push(`${first ? '' : ','}${JSON.stringify(id)}:${JSON.stringify([raw, modified, ...files.flat()])}`);
    first = false;
    if (lines.length < 1_000) continue;
    yield lines.join('');
    lines = [];
  }
  yield `${lines.join('')}}}`;
}

/** Replaces the cache: details first, the index that names them last, in one step. */
export function writeCache(stateDir: string, account: string, cache: Cache): void {
  const folder = folderOf(stateDir, account);
  mkdirSync(folder, { recursive: true });
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
  const index: StoredIndex = {
    version: VERSION,
    rules: cache.rules,
    tree: cache.tree,
    ...(cache.lastRun ? { lastRun: cache.lastRun } : {}),
    ...(cache.lastFull ? { lastFull: cache.lastFull } : {}),
    types,
  };
  replaceFile(join(folder, INDEX), JSON.stringify(index));
  const named = new Set([INDEX, ...Object.values(types).map(({ file }) => file)]);
  for (const name of readdirSync(folder)) if (!named.has(name)) rmSync(join(folder, name), { force: true });
}

export function removeCache(stateDir: string, account: string): void {
  rmSync(folderOf(stateDir, account), { recursive: true, force: true });
}
