import { findType, RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { JsonObject } from '../../core/json.ts';
import { withKey } from '../../core/paths.ts';
import { maskSecrets } from './masking.ts';

/** A stored document: its plain text, and the texts that lists show, made when first needed. */
export interface Entry {
  readonly id: string;
  readonly text: string;
  /** An instance of an abstract flow, left out of ordinary listings (api-notes#flow-instances). */
  readonly isInstance: boolean;
  listText?: string;
  projected?: { readonly key: string; readonly text: string };
}

/** The documents of the account, by type. Documents are kept as text: small, and safe from callers' hands. */
export interface Store {
  /** Counts up with every change. */
  readonly version: () => number;
  readonly get: (type: string, id: string) => JsonObject | undefined;
  readonly has: (type: string, id: string) => boolean;
  readonly put: (type: string, doc: JsonObject) => void;
  readonly remove: (type: string, id: string) => void;
  /** Entries of one type in the order of their ids, which is the order of creation. */
  readonly entries: (type: string) => readonly Entry[];
  /** Parsed documents of one type, in the same order. */
  readonly all: (type: string) => IterableIterator<JsonObject>;
  readonly size: (type: string) => number;
  /** The text a list shows of one entry: masked, without what lists leave out. */
  readonly listText: (type: string, entry: Entry) => string;
  /** Called after every change with the document as it is now, or `undefined` when it is gone. */
  readonly onChange: (listener: (type: string, id: string, doc: JsonObject | undefined) => void) => void;
}

interface Collection {
  readonly type: ResourceType;
  readonly byId: Map<string, Entry>;
  ordered: readonly Entry[] | undefined;
}

function compareIds(a: Entry, b: Entry): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The document as a list of its type shows it, also without `omitted` fields (api-notes#abridged-lists). */
function listForm(type: ResourceType, doc: JsonObject, omitted: readonly string[] = []): JsonObject {
  let form = maskSecrets(type, doc);
  for (const field of [...(type.hydrate?.fields ?? []), ...omitted]) form = withKey(form, field, undefined);
  return form;
}

/** `abridged`: by type, what its list leaves out besides the documented fields. */
export function createStore(abridged: Readonly<Record<string, readonly string[]>> = {}): Store {
  const collections = new Map<string, Collection>(
    RESOURCE_TYPES.map((type) => [type.name, { type, byId: new Map(), ordered: undefined }]),
  );
  const listeners: ((typeName: string, id: string, doc: JsonObject | undefined) => void)[] = [];
  let version = 0;

  function collection(typeName: string): Collection {
    const found = collections.get(typeName);
    if (!found) throw new Error(`the catalogue has no type ${typeName}`);
    return found;
  }

  function entries(typeName: string): readonly Entry[] {
    const held = collection(typeName);
    held.ordered ??= [...held.byId.values()].sort(compareIds);
    return held.ordered;
  }

  return {
    version: () => version,
    get(typeName, id) {
      const entry = collection(typeName).byId.get(id);
      return entry && (JSON.parse(entry.text) as JsonObject);
    },
    has: (typeName, id) => findType(typeName) !== undefined && collection(typeName).byId.has(id),
    put(typeName, doc) {
      const held = collection(typeName);
      const id = String(doc._id);
      const entry: Entry = {
        id,
        text: JSON.stringify(doc),
        isInstance: typeName === 'flows' && doc._abstractFlowId !== undefined,
      };
      const before = held.byId.get(id);
      held.byId.set(id, entry);
      // An edit leaves the order as it is.
      held.ordered = before && held.ordered?.with(held.ordered.indexOf(before), entry);
      version += 1;
      for (const listener of listeners) listener(typeName, id, doc);
    },
    remove(typeName, id) {
      const held = collection(typeName);
      if (!held.byId.delete(id)) return;
      held.ordered = undefined;
      version += 1;
      for (const listener of listeners) listener(typeName, id, undefined);
    },
    entries,
    *all(typeName) {
      for (const { text } of entries(typeName)) yield JSON.parse(text) as JsonObject;
    },
    size: (typeName) => collection(typeName).byId.size,
    listText(typeName, entry) {
      if (entry.listText === undefined) {
        const doc = JSON.parse(entry.text) as JsonObject;
        const form = listForm(collection(typeName).type, doc, abridged[typeName]);
        entry.listText = form === doc ? entry.text : JSON.stringify(form);
      }
      return entry.listText;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
