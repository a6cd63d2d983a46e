import { findType } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import type { JsonObject } from './json.ts';

/** A record that is reached through one of another type, as its id in the mirror names both (api-notes#below). */
export interface Below {
  /** Member of the document that names the record above. */
  readonly field: string;
  readonly parent: ResourceType;
  readonly parentId: string;
  /** What names it below that record. */
  readonly own: string;
}

/** `<type>-<id>-<own>`. */
const BELOW_ID = /^([a-z]+)-([A-Za-z0-9_]+)-(.+)$/;

/** The id under which the mirror keeps what is called `own` below a record. */
export function belowId(parent: string, parentId: string, own: string): string {
  return `${parent}-${parentId}-${own}`;
}

function fieldOf(type: ResourceType, parent: string): string | undefined {
  return Object.entries(type.list.below ?? {}).find(([, name]) => name === parent)?.[0];
}

/** What an id of a type says; `undefined` for a type that is not below others, and for an id that is not of it. */
export function readBelow(type: ResourceType, id: string): Below | undefined {
  // Asked for every id of an account; most types are below none.
  if (!type.list.below) return undefined;
  const [, name = '', parentId = '', own = ''] = BELOW_ID.exec(id) ?? [];
  const [field, parent] = [fieldOf(type, name), findType(name)];
  return field !== undefined && parent ? { field, parent, parentId, own } : undefined;
}

/** The record above the one that a document describes. */
export function parentIn(type: ResourceType, doc: JsonObject): Omit<Below, 'own'> | undefined {
  for (const [field, name] of Object.entries(type.list.below ?? {})) {
    const [parentId, parent] = [doc[field], findType(name)];
    if (typeof parentId === 'string' && parent) return { field, parent, parentId };
  }
  return undefined;
}

/** Path of a type's collection below one record. */
export function collectionBelow({ list }: ResourceType, parent: string, parentId: string): string {
  return list.path.replace('{type}', parent).replace('{id}', encodeURIComponent(parentId));
}

/** A document as the mirror holds it: with an id of its own, and the member that names the record above. */
export function placedBelow(type: ResourceType, id: string, doc: JsonObject): JsonObject {
  const below = readBelow(type, id);
  return below ? { ...doc, _id: id, [below.field]: below.parentId } : doc;
}

/** The id below the record that another account has in the place of the one above. */
export function idElsewhere(type: ResourceType, id: string, ids: ReadonlyMap<string, string>): string {
  const below = readBelow(type, id);
  return below ? belowId(below.parent.name, ids.get(below.parentId) ?? below.parentId, below.own) : id;
}

/** Types without whose records there are none of this one. */
export function parentTypes({ list: { below, inside } }: ResourceType): readonly string[] {
  return inside ? [inside.type] : Object.values(below ?? {});
}
