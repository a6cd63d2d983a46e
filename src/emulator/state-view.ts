import { RESOURCE_TYPES } from '../catalogue/index.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Account, Start } from './account.ts';
import { withPlaces } from './acting.ts';
import type { LookupEntry } from './lookup-entries.ts';
import type { AccountSeed, AuditEntry } from './seed.ts';

/** What an account holds, in clear, for the eyes of tests. */
export interface StateView {
  readonly get: (dir: string, id: string) => JsonObject | undefined;
  /** All documents of a type, in the order of their ids. */
  readonly all: (dir: string) => readonly JsonObject[];
  readonly count: (dir: string) => number;
  /** Deleted documents, as they are in the recycle bin. */
  readonly bin: () => readonly { readonly dir: string; readonly doc: JsonObject }[];
  /** The audit log, oldest entry first. */
  readonly audit: () => readonly AuditEntry[];
  readonly lookupData: (cache: string) => readonly LookupEntry[];
  /** Global state. */
  readonly state: () => Readonly<Record<string, Json>>;
  /** What writes switched on since the start: flows that would run, APIs that would answer. */
  readonly starts: () => readonly Start[];
  /**
   * Changes places of a document (`lastExecutedAt`, `queues[0].size`) as the platform does by itself: no checks, no
   * audit entry, no new `lastModified`. `undefined` removes one.
   */
  readonly touch: (dir: string, id: string, changes: Readonly<Record<string, Json | undefined>>) => void;
  /** Everything, in the form of a seed (people aside), with the recycle bin and the starts. */
  readonly dump: () => Dump;
}

export interface Dump extends Omit<AccountSeed, 'people'> {
  readonly bin: readonly { readonly dir: string; readonly doc: JsonObject }[];
  readonly starts: readonly Start[];
}

export function createStateView(account: Account): StateView {
  const { store } = account;
  const all = (dir: string): readonly JsonObject[] => [...store.all(dir)];
  const bin = () => [...account.bin.values()].map(({ dir, doc }) => ({ dir, doc }));
  const state = () => Object.fromEntries(account.state.get('') ?? []);

  return {
    get: store.get,
    all,
    count: store.size,
    bin,
    audit: account.audit.all,
    lookupData: account.lookups.of,
    state,
    starts: () => account.starts,
    touch(dir, id, changes) {
      const doc = store.get(dir, id);
      if (!doc) throw new Error(`there is no document ${id} among the ${dir}`);
      store.put(dir, withPlaces(doc, changes));
    },
    dump: () => ({
      resources: Object.fromEntries(
        RESOURCE_TYPES.map(({ dir }) => [dir, all(dir)] as const).filter(([, docs]) => docs.length > 0),
      ),
      lookupData: Object.fromEntries(
        [...account.lookups.caches()].map((cache) => [cache, account.lookups.of(cache)]),
      ),
      state: state(),
      audit: account.audit.all(),
      bin: bin(),
      starts: account.starts,
    }),
  };
}
