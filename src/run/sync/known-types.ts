import type { FileEntry } from '../../core/changes.ts';
import { readPath } from '../../core/layout.ts';
import { type Cache, type CachedType, cachedType } from './cache.ts';
import type { TypeDetails } from './cache-file.ts';
import { CachedResources } from './cached-resources.ts';

/** What is known of a type that was never mirrored. */
export const NOTHING_KNOWN: CachedType = cachedType({ resources: new CachedResources(), pages: new Map() }, undefined);

/** Files in HEAD by type and id. Files that are not the mirror's are skipped. */
export function groupFiles(files: ReadonlyMap<string, string>): Map<string, Map<string, FileEntry[]>> {
  const types = new Map<string, Map<string, FileEntry[]>>();
  for (const [path, oid] of files) {
    const parts = readPath(path);
    if (!parts) continue;
    let ids = types.get(parts.type);
    if (!ids) {
      ids = new Map();
      types.set(parts.type, ids);
    }
    const entries = ids.get(parts.id);
    if (entries) entries.push([path, oid]);
    else ids.set(parts.id, [[path, oid]]);
  }
  return types;
}

export function sameFiles(a: readonly FileEntry[], b: readonly FileEntry[]): boolean {
  const byPath = new Map(b);
  return a.length === b.length && a.every(([path, oid]) => byPath.get(path) === oid);
}

/** One type as HEAD holds it, with every cached digest whose files are still those in HEAD. */
function compare(ids: ReadonlyMap<string, FileEntry[]>, cached: TypeDetails | undefined): TypeDetails {
  let intact = cached !== undefined && cached.resources.size === ids.size;
  const resources = new CachedResources();
  for (const [id, entries] of ids) {
    const old = cached?.resources.get(id);
    const valid = old !== undefined && sameFiles(old.files, entries);
    intact &&= valid;
    resources.set(id, valid ? old : { raw: '', modified: '', files: entries });
  }
  return intact && cached ? cached : { resources, pages: new Map() };
}

/**
 * What HEAD holds of every type, joined with what the cache has of it. A cached digest counts only where the
 * files it led to are those in HEAD and the rules are the same; everything else is read again.
 * @param files files of the account's folder in HEAD
 * @throws CacheDamaged
 */
export function knownTypes(
  files: ReadonlyMap<string, string>,
  cache: Cache | undefined,
  rules: string,
): ReadonlyMap<string, CachedType> {
  const trusted = cache?.rules === rules ? cache : undefined;
  const known = new Map<string, CachedType>();
  for (const [type, ids] of groupFiles(files)) {
    const cached = trusted?.types.get(type);
    known.set(type, cachedType(compare(ids, cached?.details()), cached?.abridged, cached?.validators));
  }
  return known;
}
