import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Raised when the shape of the file changes; an older file is then ignored. */
const VERSION = 1;

/** A file of the mirror: path inside the account's folder, git object id. */
export type FileEntry = readonly [path: string, oid: string];

/** What is known of one mirrored resource. Empty digests mean "not known". */
export interface CachedResource {
  /** Digest of the bytes of its record in the listing. */
  readonly raw: string;
  /** Digest of its normalised document. */
  readonly doc: string;
  readonly files: readonly FileEntry[];
}

/** One type as the last complete listing left it. */
export interface CachedType {
  /** Digest of a page's body → ids on it. Only pages whose every record is mirrored or rightly left out. */
  readonly pages: ReadonlyMap<string, readonly string[]>;
  readonly resources: ReadonlyMap<string, CachedResource>;
  /** Whether records must be fetched one by one, since lists leave fields out; `undefined`: not tried yet. */
  readonly abridged: boolean | undefined;
}

/** Everything here can be made again from the repository and the API; losing it costs time only. */
export interface Cache {
  /** Digest of everything that decides what a document looks like. */
  readonly rules: string;
  /** Object id of the account's folder that the entries describe. */
  readonly tree: string;
  /** Start of the last run that read everything, server time, ISO. */
  readonly lastRun: string | undefined;
  /** Last time everything was fetched again, unchanged or not, ISO. */
  readonly lastFull: string | undefined;
  /** Audit entries already told in a commit, with their times, for as long as they can turn up again. */
  readonly toldEntries: ReadonlyMap<string, string>;
  readonly types: ReadonlyMap<string, CachedType>;
}

type StoredResource = [raw: string, doc: string, ...files: string[]];

interface StoredCache {
  version: number;
  rules: string;
  tree: string;
  lastRun?: string;
  lastFull?: string;
  told: Record<string, string>;
  types: Record<
    string,
    { abridged?: boolean; pages: Record<string, string[]>; resources: Record<string, StoredResource> }
  >;
}

function pathOf(stateDir: string, account: string): string {
  return join(stateDir, `${account}.cache.json`);
}

function unpack([raw, doc, ...flat]: StoredResource): CachedResource {
  const files: FileEntry[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) files.push([flat[i] as string, flat[i + 1] as string]);
  return { raw, doc, files };
}

/** The cache of an account, or `undefined` when there is none that can be read. */
export function readCache(stateDir: string, account: string): Cache | undefined {
  try {
    const stored = JSON.parse(readFileSync(pathOf(stateDir, account), 'utf8')) as StoredCache;
    if (stored.version !== VERSION) return undefined;
    return {
      rules: stored.rules,
      tree: stored.tree,
      lastRun: stored.lastRun,
      lastFull: stored.lastFull,
      toldEntries: new Map(Object.entries(stored.told)),
      types: new Map(
        Object.entries(stored.types).map(([dir, type]) => [
          dir,
          {
            abridged: type.abridged,
            pages: new Map(Object.entries(type.pages)),
            resources: new Map(Object.entries(type.resources).map(([id, entry]) => [id, unpack(entry)])),
          },
        ]),
      ),
    };
  } catch {
    // Absent or damaged: the same, it is made again.
    return undefined;
  }
}

/** Replaces the cache in one step. */
export function writeCache(stateDir: string, account: string, cache: Cache): void {
  const stored: StoredCache = {
    version: VERSION,
    rules: cache.rules,
    tree: cache.tree,
    ...(cache.lastRun ? { lastRun: cache.lastRun } : {}),
    ...(cache.lastFull ? { lastFull: cache.lastFull } : {}),
    told: Object.fromEntries(cache.toldEntries),
    types: Object.fromEntries(
      [...cache.types].map(([dir, type]) => [
        dir,
        {
          ...(type.abridged === undefined ? {} : { abridged: type.abridged }),
          pages: Object.fromEntries(type.pages) as Record<string, string[]>,
          resources: Object.fromEntries(
            [...type.resources].map(([id, entry]) => [id, [entry.raw, entry.doc, ...entry.files.flat()]]),
          ),
        },
      ]),
    ),
  };
  const path = pathOf(stateDir, account);
  const beside = `${path}.tmp`;
  writeFileSync(beside, JSON.stringify(stored));
  renameSync(beside, path);
}

export function removeCache(stateDir: string, account: string): void {
  rmSync(pathOf(stateDir, account), { force: true });
}
