import { findType, RESOURCE_TYPES } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import type { JsonObject } from '../core/json.ts';
import { withKey } from '../core/paths.ts';
import { maskSecrets } from './masking.ts';

/** A stored document: its text in clear, and the texts that lists show, made when first needed. */
export interface Entry {
  readonly id: string;
  readonly text: string;
  /** An instance of an abstract flow, left out of ordinary listings (celigo-models 6.2). */
  readonly isInstance: boolean;
  listText?: string;
  projected?: { readonly key: string; readonly text: string };
}

/** The documents of the account, by type. Documents are kept as text: small, and safe from callers' hands. */
export interface Store {
  /** Counts up with every change. */
  readonly version: () => number;
  readonly get: (dir: string, id: string) => JsonObject | undefined;
  readonly has: (dir: string, id: string) => boolean;
  readonly put: (dir: string, doc: JsonObject) => void;
  readonly remove: (dir: string, id: string) => void;
  /** Entries of one type in the order of their ids, which is the order of creation. */
  readonly entries: (dir: string) => readonly Entry[];
  /** Parsed documents of one type, in the same order. */
  readonly all: (dir: string) => IterableIterator<JsonObject>;
  readonly size: (dir: string) => number;
  /** The text a list shows of one entry: masked, without what lists leave out. */
  readonly listText: (dir: string, entry: Entry) => string;
  /** Called after every change with the document as it is now, or `undefined` when it is gone. */
  readonly onChange: (listener: (dir: string, id: string, doc: JsonObject | undefined) => void) => void;
}

interface Collection {
  readonly type: ResourceType;
  readonly byId: Map<string, Entry>;
  ordered: readonly Entry[] | undefined;
}

function compareIds(a: Entry, b: Entry): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The document as a list of its type shows it, without `omitted` fields besides (celigo-platform 2.6). */
export function listForm(type: ResourceType, doc: JsonObject, omitted: readonly string[] = []): JsonObject {
  let form = maskSecrets(type, doc);
  for (const field of [...(type.hydrate?.fields ?? []), ...omitted]) form = withKey(form, field, undefined);
  return form;
}

/** `abridged`: by type, what its list leaves out besides the documented fields. */
export function createStore(abridged: Readonly<Record<string, readonly string[]>> = {}): Store {
  const collections = new Map<string, Collection>(
    RESOURCE_TYPES.map((type) => [type.dir, { type, byId: new Map(), ordered: undefined }]),
  );
  const listeners: ((dir: string, id: string, doc: JsonObject | undefined) => void)[] = [];
  let version = 0;

  function collection(dir: string): Collection {
    const found = collections.get(dir);
    if (!found) throw new Error(`the catalogue has no type ${dir}`);
    return found;
  }

  function entries(dir: string): readonly Entry[] {
    const held = collection(dir);
    held.ordered ??= [...held.byId.values()].sort(compareIds);
    return held.ordered;
  }

  return {
    version: () => version,
    get(dir, id) {
      const entry = collection(dir).byId.get(id);
      return entry && (JSON.parse(entry.text) as JsonObject);
    },
    has: (dir, id) => findType(dir) !== undefined && collection(dir).byId.has(id),
    put(dir, doc) {
      const held = collection(dir);
      const id = String(doc._id);
      const entry: Entry = {
        id,
        text: JSON.stringify(doc),
        isInstance: dir === 'flows' && doc._abstractFlowId !== undefined,
      };
      held.byId.set(id, entry);
      held.ordered = undefined;
      version += 1;
      for (const listener of listeners) listener(dir, id, doc);
    },
    remove(dir, id) {
      const held = collection(dir);
      if (!held.byId.delete(id)) return;
      held.ordered = undefined;
      version += 1;
      for (const listener of listeners) listener(dir, id, undefined);
    },
    entries,
    *all(dir) {
      for (const { text } of entries(dir)) yield JSON.parse(text) as JsonObject;
    },
    size: (dir) => collection(dir).byId.size,
    listText(dir, entry) {
      if (entry.listText === undefined) {
        const doc = JSON.parse(entry.text) as JsonObject;
        const form = listForm(collection(dir).type, doc, abridged[dir]);
        entry.listText = form === doc ? entry.text : JSON.stringify(form);
      }
      return entry.listText;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
