import { RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { setPlace } from '../../core/paths.ts';
import type { Account, Start } from './account.ts';
import type { LookupEntry } from './lookup-entries.ts';
import type { AccountSeed, AuditEntry } from './seed.ts';

/** What an account holds, with secrets in plain text, for tests. */
export interface StateView {
  readonly get: (type: string, id: string) => JsonObject | undefined;
  /** All documents of a type, in the order of their ids. */
  readonly all: (type: string) => readonly JsonObject[];
  readonly count: (type: string) => number;
  /** Deleted documents, as they are in the recycle bin. */
  readonly bin: () => readonly { readonly type: string; readonly doc: JsonObject }[];
  /** The audit log, oldest entry first. */
  readonly audit: () => readonly AuditEntry[];
  readonly lookupData: (cache: string) => readonly LookupEntry[];
  /** Global state. */
  readonly state: () => Readonly<Record<string, Json>>;
  /** State of single resources, by `<type>/<id>`. */
  readonly resourceState: () => Readonly<Record<string, Readonly<Record<string, Json>>>>;
  /** What writes switched on since the start: flows that would run, APIs that would answer. */
  readonly starts: () => readonly Start[];
  /**
   * Changes places of a document, also a deleted one (`lastExecutedAt`, `queues[0].size`), as the platform does by
   * itself: no checks, no audit entry, no new `lastModified`. `undefined` removes one.
   */
  readonly touch: (type: string, id: string, changes: Readonly<Record<string, Json | undefined>>) => void;
  /** Everything, in the form of a seed (people aside), with the recycle bin and the starts. */
  readonly dump: () => Dump;
}

export interface Dump extends Omit<AccountSeed, 'people'> {
  readonly bin: readonly { readonly type: string; readonly doc: JsonObject }[];
  readonly starts: readonly Start[];
}

/** A document with changes to places of it (`http.relativeURI`, `routers[0].name`); `undefined` removes one. */
export function withPlaces(doc: JsonObject, changes: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.entries(changes).reduce((held, [place, value]) => setPlace(held, place, value), doc);
}

export function createStateView(account: Account): StateView {
  const { store } = account;
  const all = (type: string): readonly JsonObject[] => [...store.all(type)];
  const bin = () => [...account.bin.values()].map(({ type: typeName, doc }) => ({ type: typeName, doc }));
  const state = () => Object.fromEntries(account.state.get('') ?? []);
  const resourceState = () =>
    Object.fromEntries(
      [...account.state].flatMap(([scope, held]) =>
        scope === '' || held.size === 0 ? [] : [[scope, Object.fromEntries(held)] as const],
      ),
    );

  return {
    get: store.get,
    all,
    count: store.size,
    bin,
    audit: account.audit.all,
    lookupData: account.lookups.of,
    state,
    resourceState,
    starts: () => account.starts,
    touch(typeName, id, changes) {
      const doc = store.get(typeName, id);
      const deleted = account.bin.get(`${typeName}/${id}`);
      if (doc) store.put(typeName, withPlaces(doc, changes));
      else if (deleted) account.bin.set(`${typeName}/${id}`, { ...deleted, doc: withPlaces(deleted.doc, changes) });
      else throw new Error(`there is no document ${id} among the ${typeName}`);
    },
    dump: () => ({
      resources: Object.fromEntries(
        RESOURCE_TYPES.map(({ name: typeName }) => [typeName, all(typeName)] as const).filter(
          ([, docs]) => docs.length > 0,
        ),
      ),
      lookupData: Object.fromEntries([...account.lookups.caches()].map((cache) => [cache, account.lookups.of(cache)])),
      state: state(),
      resourceState: resourceState(),
      audit: account.audit.all(),
      bin: bin(),
      starts: account.starts,
    }),
  };
}
