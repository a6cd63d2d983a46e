import { findType, RESOURCE_TYPES } from '../catalogue/index.ts';
import type { JsonObject } from '../core/json.ts';
import { type Reference, referencesOf } from '../core/references.ts';
import type { Store } from './store.ts';

/** One document, by type and id. */
export interface Target {
  readonly dir: string;
  readonly id: string;
}

/** Who refers to whom. Built when first asked, kept up to date from then on. */
export interface Links {
  /** Documents that refer to this one. */
  readonly usersOf: (target: Target) => readonly Target[];
  /** Documents that this one refers to, existing or not. */
  readonly usedBy: (source: Target) => readonly Target[];
}

/** References of a document inside the account, free-form settings aside. */
export function internalReferences(dir: string, doc: JsonObject): readonly (Reference & { dir: string })[] {
  const type = findType(dir);
  if (!type) return [];
  return referencesOf(type, doc).filter(
    (reference): reference is Reference & { dir: string } =>
      reference.dir !== null && reference.id !== doc._id && !/(^|\.)settings[.[]/.test(reference.place),
  );
}

const keyOf = ({ dir, id }: Target): string => `${dir}/${id}`;

function targetOf(key: string): Target {
  const slash = key.indexOf('/');
  return { dir: key.slice(0, slash), id: key.slice(slash + 1) };
}

export function createLinks(store: Store): Links {
  let built = false;
  const outgoing = new Map<string, ReadonlySet<string>>();
  const incoming = new Map<string, Set<string>>();

  function update(dir: string, id: string, doc: JsonObject | undefined): void {
    const source = keyOf({ dir, id });
    for (const target of outgoing.get(source) ?? []) incoming.get(target)?.delete(source);
    outgoing.delete(source);
    if (!doc) return;
    const targets = new Set(internalReferences(dir, doc).map(keyOf));
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
    for (const { dir } of RESOURCE_TYPES) {
      for (const doc of store.all(dir)) update(dir, String(doc._id), doc);
    }
  }

  store.onChange((dir, id, doc) => {
    if (built) update(dir, id, doc);
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
