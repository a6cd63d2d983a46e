import type { Json } from '../../core/json.ts';

/** One entry of a lookup cache. */
export interface LookupEntry {
  readonly key: string;
  readonly value: Json;
}

/** The entries of all lookup caches, by cache and key. */
export interface LookupEntries {
  /** Keys and values of one cache in the order of the keys. */
  readonly of: (cache: string) => readonly LookupEntry[];
  readonly get: (cache: string, key: string) => LookupEntry | undefined;
  readonly set: (cache: string, entries: Iterable<LookupEntry>) => void;
  readonly delete: (cache: string, keys: Iterable<string>) => void;
  /** Forgets a cache and gives what it held. */
  readonly clear: (cache: string) => readonly LookupEntry[];
  readonly caches: () => Iterable<string>;
}

export function createLookupEntries(seed: Readonly<Record<string, readonly LookupEntry[]>>): LookupEntries {
  const caches = new Map<string, Map<string, LookupEntry>>();
  const sorted = new Map<string, readonly LookupEntry[]>();

  function set(cache: string, entries: Iterable<LookupEntry>): void {
    const held = caches.get(cache) ?? new Map<string, LookupEntry>();
    caches.set(cache, held);
    for (const { key, value } of entries) held.set(key, { key, value });
    sorted.delete(cache);
  }

  for (const [cache, entries] of Object.entries(seed)) set(cache, entries);

  function of(cache: string): readonly LookupEntry[] {
    let list = sorted.get(cache);
    if (!list) {
      list = [...(caches.get(cache)?.values() ?? [])].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
      sorted.set(cache, list);
    }
    return list;
  }

  return {
    of,
    get: (cache, key) => caches.get(cache)?.get(key),
    set,
    delete(cache, keys) {
      for (const key of keys) caches.get(cache)?.delete(key);
      sorted.delete(cache);
    },
    clear(cache) {
      const held = of(cache);
      caches.delete(cache);
      sorted.delete(cache);
      return held;
    },
    caches: () => caches.keys(),
  };
}
