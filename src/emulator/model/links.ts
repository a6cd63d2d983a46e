import { findType, RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Reference, referencesOf, SETTINGS } from '../../core/references.ts';
import type { Store } from './store.ts';

/** One document, by type and id. */
export interface Target {
  readonly type: string;
  readonly id: string;
}

/** Who refers to whom. Built when first asked, kept up to date from then on. */
export interface Links {
  /** Documents that refer to this one. */
  readonly usersOf: (target: Target) => readonly Target[];
  /** Documents that this one refers to, existing or not. */
  readonly usedBy: (source: Target) => readonly Target[];
}

/** References of a document inside the account, free-form settings and what it is below aside. */
export function internalReferences(typeName: string, doc: JsonObject): readonly (Reference & { type: string })[] {
  const type = findType(typeName);
  if (!type) return [];
  return referencesOf(type, doc).filter(
    (reference): reference is Reference & { type: string } =>
      reference.type !== null &&
      reference.id !== doc._id &&
      type.list.below?.[reference.place] === undefined &&
      !SETTINGS.test(reference.place),
  );
}

const keyOf = ({ type, id }: Target): string => `${type}/${id}`;

function targetOf(key: string): Target {
  const slash = key.indexOf('/');
  return { type: key.slice(0, slash), id: key.slice(slash + 1) };
}

export function createLinks(store: Store): Links {
  let built = false;
  const outgoing = new Map<string, ReadonlySet<string>>();
  const incoming = new Map<string, Set<string>>();

  function update(type: string, id: string, doc: JsonObject | undefined): void {
    const source = keyOf({ type, id });
    for (const target of outgoing.get(source) ?? []) incoming.get(target)?.delete(source);
    outgoing.delete(source);
    if (!doc) return;
    const targets = new Set(internalReferences(type, doc).map(keyOf));
    if (targets.size === 0) return;
    outgoing.set(source, targets);
    for (const target of targets) {
      const sources = incoming.get(target);
      if (sources) sources.add(source);
      else incoming.set(target, new Set([source]));
    }
  }

  function build(): void {
    if (built) return;
    built = true;
    for (const { name: typeName } of RESOURCE_TYPES) {
      for (const doc of store.all(typeName)) update(typeName, String(doc._id), doc);
    }
  }

  store.onChange((typeName, id, doc) => {
    if (built) update(typeName, id, doc);
  });

  return {
    usersOf(target) {
      build();
      return [...(incoming.get(keyOf(target)) ?? [])].map(targetOf);
    },
    usedBy(source) {
      build();
      return [...(outgoing.get(keyOf(source)) ?? [])].map(targetOf);
    },
  };
}
