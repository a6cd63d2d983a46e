import { findType, RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { type Access, createAccess } from './access.ts';
import { type Actors, createActors, shareOf } from './actors.ts';
import { type AuditLog, createAuditLog } from './audit.ts';
import type { Behaviour } from './behaviour.ts';
import { createIds } from './ids.ts';
import { createLinks, internalReferences, type Links } from './links.ts';
import { createLookupEntries, type LookupEntries } from './lookup-entries.ts';
import type { AccountSeed } from './seed.ts';
import { createStore, type Store } from './store.ts';

/** One deleted document. */
export interface BinEntry {
  readonly type: string;
  readonly doc: JsonObject;
  readonly deletedAt: Date;
  /** Integrations in which a connection or cache was registered. */
  readonly registeredIn: readonly string[];
}

/** Something that began to work, and would now move data or take calls in a real account. */
export interface Start {
  readonly type: string;
  readonly id: string;
  readonly time: string;
}

/** A write that the API may refuse. */
export interface Refusal {
  readonly type: string;
  readonly id: string;
  /** The field at fault. */
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

/** Everything an emulated account consists of. Shared by the modules that act on it. */
export interface Account {
  readonly store: Store;
  readonly links: Links;
  readonly audit: AuditLog;
  readonly actors: Actors;
  readonly access: Access;
  readonly lookups: LookupEntries;
  /** Deleted documents by `<type>/<id>`. */
  readonly bin: Map<string, BinEntry>;
  /** State by scope: the empty string for the account, `<type>/<id>` for one resource. */
  readonly state: Map<string, Map<string, Json>>;
  /** Flows, APIs, MCP servers and syncs that a write switched on, in order. */
  readonly starts: Start[];
  /** Types outside the licence, with the status their endpoints answer. */
  readonly unlicensed: Map<string, 402 | 403 | 404>;
  /** Of others, by `<type>/<id>`; `undefined` for one that can be referred to, but not read (api-notes#unlisted). */
  readonly unlisted: ReadonlyMap<string, JsonObject | undefined>;
  /** Writes that were carried out although the API may refuse them ({@link Behaviour.validation}). */
  readonly refusals: Map<string, Refusal>;
  readonly behaviour: Behaviour;
  readonly now: () => Date;
  readonly mint: () => string;
}

/** The type of a folder name. @throws for one that the catalogue does not have */
export function typeOf(typeName: string): ResourceType {
  const type = findType(typeName);
  if (!type) throw new Error(`the catalogue has no type ${typeName}`);
  return type;
}

/** What the seed says to be unlisted, and what its documents refer to of types that others provide, too. */
function unlistedOf({ unlisted = {}, resources }: AccountSeed, store: Store): Map<string, JsonObject | undefined> {
  const found = new Map<string, JsonObject | undefined>();
  for (const [typeName, docs] of Object.entries(resources)) {
    for (const doc of docs) {
      for (const { type, id } of internalReferences(typeName, doc)) {
        if (findType(type)?.hasPublic && !store.has(type, id)) found.set(`${type}/${id}`, undefined);
      }
    }
  }
  for (const [typeName, docs] of Object.entries(unlisted)) {
    for (const doc of docs) found.set(`${typeName}/${String(doc._id)}`, doc);
  }
  return found;
}

/** What is below a record goes with it. */
function removeBelow(store: Store): void {
  for (const { name, list } of RESOURCE_TYPES) {
    for (const [field, parent] of Object.entries(list.below ?? {})) {
      store.onChange((typeName, id, doc) => {
        if (doc !== undefined || typeName !== parent) return;
        for (const below of store.all(name)) if (below[field] === id) store.remove(name, String(below._id));
      });
    }
  }
}

/** The account that a seed describes. */
export function createAccount(
  seed: AccountSeed,
  options: {
    readonly behaviour: Behaviour;
    readonly now: () => Date;
    readonly unlicensed: Readonly<Record<string, 402 | 403 | 404>>;
  },
): Account {
  const { behaviour, now } = options;
  const store = createStore(behaviour.abridged);
  const links = createLinks(store);
  removeBelow(store);
  const mint = createIds(now);
  const actors = createActors(seed.people, store, now);

  for (const [type, docs] of Object.entries(seed.resources)) {
    typeOf(type);
    for (const doc of docs) {
      const unsigned = behaviour.lastModifiedBy === 'absent' || doc.lastModifiedBy !== undefined;
      const { owner } = actors;
      store.put(
        type,
        unsigned ? doc : { ...doc, lastModifiedBy: behaviour.lastModifiedBy === 'id' ? owner._id : { ...owner } },
      );
    }
  }
  const guests = new Set([...store.all('ashares')].map((doc) => (doc.sharedWithUser as JsonObject | undefined)?._id));
  for (const person of seed.people) {
    if (person.role !== 'owner' && !guests.has(person._id)) {
      store.put('ashares', shareOf(person, mint(), now().toISOString()));
    }
  }

  return {
    store,
    links,
    actors,
    audit: createAuditLog(seed.audit, { behaviour, now, mint }),
    access: createAccess(store, links),
    lookups: createLookupEntries(seed.lookupData),
    bin: new Map(),
    state: new Map(
      Object.entries({ ...seed.resourceState, '': seed.state }).map(([scope, held]) => [
        scope,
        new Map(Object.entries(held)),
      ]),
    ),
    starts: [],
    unlicensed: new Map(Object.entries(options.unlicensed)),
    unlisted: unlistedOf(seed, store),
    refusals: new Map(),
    behaviour,
    now,
    mint,
  };
}

/**
 * Types by the plural that the recycle bin's paths use: the model in lower case plus `s` (api-notes#recycle-bin-names).
 */
export const TYPES_BY_BIN_NAME: ReadonlyMap<string, ResourceType> = new Map(
  RESOURCE_TYPES.flatMap((type) => [
    [type.name, type] as const,
    [`${type.model.toLowerCase()}s`, type] as const,
    ...(type.name === 'tpconnectors' ? [['tradingpartnerconnectors', type] as const] : []),
  ]),
);
