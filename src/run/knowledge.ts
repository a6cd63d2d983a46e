import { readPath } from '../core/layout.ts';
import type { Cache, CachedResource, CachedType, FileEntry } from '../mirror/cache.ts';

/** What is known of one type when a run begins: truth from the repository, digests from the cache. */
export interface KnownType {
  readonly resources: ReadonlyMap<string, CachedResource>;
  readonly pages: ReadonlyMap<string, readonly string[]>;
  readonly abridged: boolean | undefined;
}

export const NOTHING_KNOWN: KnownType = { resources: new Map(), pages: new Map(), abridged: undefined };

/** Files in HEAD by type and id. Files that are not the mirror's are passed over. */
function groupFiles(files: ReadonlyMap<string, string>): Map<string, Map<string, FileEntry[]>> {
  const types = new Map<string, Map<string, FileEntry[]>>();
  for (const [path, oid] of files) {
    const parts = readPath(path);
    if (!parts) continue;
    let ids = types.get(parts.dir);
    if (!ids) {
      ids = new Map();
      types.set(parts.dir, ids);
    }
    const entries = ids.get(parts.id);
    if (entries) entries.push([path, oid]);
    else ids.set(parts.id, [[path, oid]]);
  }
  return types;
}

function sameFiles(a: readonly FileEntry[], b: readonly FileEntry[]): boolean {
  const byPath = new Map(b);
  return a.length === b.length && a.every(([path, oid]) => byPath.get(path) === oid);
}

/**
 * Joins what HEAD holds with what the cache remembers of it. A remembered digest counts only where the files it
 * led to are those in HEAD and the rules are the same; everything else is found out again.
 * @param files files of the account's folder in HEAD; `undefined` when the cache describes exactly that tree
 */
export function knownTypes(
  files: ReadonlyMap<string, string> | undefined,
  cache: Cache | undefined,
  rules: string,
): ReadonlyMap<string, KnownType> {
  const sameRules = cache?.rules === rules;
  if (cache && !files && sameRules) return cache.types;
  const known = new Map<string, KnownType>();
  const cachedFiles = (): Map<string, string> =>
    new Map(
      [...(cache?.types.values() ?? [])].flatMap((type) =>
        [...type.resources.values()].flatMap(({ files }) => [...files]),
      ),
    );
  for (const [dir, ids] of groupFiles(files ?? cachedFiles())) {
    const remembered: CachedType | undefined = cache?.types.get(dir);
    let intact = sameRules && remembered !== undefined && remembered.resources.size === ids.size;
    const resources = new Map<string, CachedResource>();
    for (const [id, entries] of ids) {
      const old = remembered?.resources.get(id);
      const valid = sameRules && old !== undefined && sameFiles(old.files, entries);
      intact &&= valid;
      resources.set(id, valid ? old : { raw: '', doc: '', files: entries });
    }
    known.set(dir, {
      resources,
      pages: intact && remembered ? remembered.pages : new Map(),
      abridged: sameRules ? remembered?.abridged : undefined,
    });
  }
  return known;
}
