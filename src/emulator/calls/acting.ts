import type { Json, JsonObject } from '../../core/json.ts';
import { type Account, typeOf } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { notFound } from '../model/api-fault.ts';
import { withPlaces } from '../model/state-view.ts';
import { removeDocument } from './deleting.ts';
import { cascadeRestore } from './recycle-bin.ts';
import { createDocument, patchDocument, replaceDocument } from './writes.ts';

/**
 * A person who works in the user interface: the same rules, checks, audit entries and side effects as over HTTP, with
 * `ui` as their source. Documents have their secrets in plain text. Refusals are thrown as ApiFault.
 */
export interface Acting {
  readonly create: (type: string, doc: JsonObject) => JsonObject;
  /** Replaces a document, by a new one or by what a function makes of the stored one. */
  readonly update: (type: string, id: string, next: JsonObject | ((current: JsonObject) => JsonObject)) => JsonObject;
  /** Changes single places (`http.relativeURI`, `routers[0].name`) and keeps the rest; `undefined` removes one. */
  readonly set: (type: string, id: string, changes: Readonly<Record<string, Json | undefined>>) => JsonObject;
  /** JSON Patch, with the API's list of fields. */
  readonly patch: (type: string, id: string, operations: readonly Json[]) => JsonObject;
  readonly remove: (type: string, id: string) => void;
  /** Brings a deleted document back from the recycle bin, with what it uses. */
  readonly restore: (type: string, id: string) => void;
}

export function actAs(account: Account, actor: Actor): Acting {
  function update(typeName: string, id: string, next: JsonObject | ((current: JsonObject) => JsonObject)): JsonObject {
    const type = typeOf(typeName);
    if (typeof next !== 'function') return replaceDocument(account, actor, type, id, next);
    const current = account.store.get(typeName, id);
    if (!current) throw notFound(type.noun);
    return replaceDocument(account, actor, type, id, next(current));
  }

  return {
    create: (typeName, doc) => createDocument(account, actor, typeOf(typeName), doc),
    update,
    set: (typeName, id, changes) => update(typeName, id, (current) => withPlaces(current, changes)),
    patch: (typeName, id, operations) => patchDocument(account, actor, typeOf(typeName), id, operations),
    remove: (typeName, id) => removeDocument(account, actor, typeOf(typeName), id),
    restore: (typeName, id) => cascadeRestore(account, actor, typeOf(typeName), id),
  };
}
