import { isAppPart, type MirrorDocument } from '../core/documents.ts';
import type { FieldChange } from '../core/field-diff.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { covers, placeText } from '../core/places.ts';
import { shownName } from '../core/unseen.ts';
import { restorable } from './body.ts';
import { methodOf, planOne } from './decide.ts';
import { type Draft, draft, list, type PlanInput } from './draft.ts';
import { wholeIds } from './ids.ts';
import type { IdMap, LiveDocument, Wanted } from './types.ts';

/** What this restore creates again, and what earlier ones did. */
interface Moved {
  /** Gets a new id in this restore: id in the state → key. */
  readonly created: ReadonlyMap<string, Key>;
  /** Has a new id already: old id → id that exists now. */
  readonly replaced: IdMap;
}

/** A document that names what has, or is about to get, another id. */
interface Naming {
  readonly changes: readonly FieldChange[];
  /** Why it has to be written, without a full stop. */
  readonly reason: string;
}

function namingOf(document: MirrorDocument, { created, replaced }: Moved): Naming | undefined {
  const form = restorable(document.type, document.doc, new Map());
  const found = wholeIds(form, (id) => created.has(id) || replaced.has(id));
  if (found.length === 0) return undefined;
  const fresh = new Set<string>();
  const stale = new Set<string>();
  const changes = found.map(({ place, id }): FieldChange => {
    const key = created.get(id);
    if (key !== undefined) fresh.add(key);
    else stale.add(`${id}, which is ${replaced.get(id)} now`);
    return { place, before: id, after: key === undefined ? (replaced.get(id) ?? id) : `new id of ${key}` };
  });
  const reasons = [
    ...(fresh.size > 0 ? [`refers to ${[...fresh].join(', ')}, which gets a new id`] : []),
    ...(stale.size > 0 ? [`still refers to ${list([...stale])}`] : []),
  ];
  return { changes, reason: reasons.join('; ') };
}

/**
 * Creations in place of what the recycle bin would bring back in vain: it refers to what is created again, or was by an
 * earlier restore, in a field that no write changes.
 */
export function createdInstead(
  input: PlanInput,
  drafts: ReadonlyMap<Key, Draft>,
  documents: ReadonlyMap<Key, Wanted>,
  created: ReadonlyMap<string, Key>,
): Draft[] {
  return [...drafts].flatMap(([key, step]) => {
    const document = documents.get(key);
    if (step.action !== 'undelete' || !document) return [];
    const naming = namingOf(document, { created, replaced: input.ids });
    const fixed = (document.type.restore.immutable ?? []).filter((path) =>
      naming?.changes.some(({ place }) => covers(path, place)),
    );
    if (!naming || fixed.length === 0) return [];
    const instead = planOne(document, { ...input, live: new Map() });
    if (instead.action !== 'create') return [];
    const reason = `${naming.reason}, and ${list(fixed)} cannot be changed: will be created with a new id`;
    return [{ ...instead, reason }];
  });
}

/**
 * Steps that bring something back from the recycle bin that refers to what is created again, with the write that makes
 * it follow: the bin returns it with the old id in it, which no longer exists.
 */
export function dependentReturns(
  input: PlanInput,
  drafts: ReadonlyMap<Key, Draft>,
  documents: ReadonlyMap<Key, MirrorDocument>,
  created: ReadonlyMap<string, Key>,
): Draft[] {
  return [...drafts].flatMap(([key, step]) => {
    const document = documents.get(key);
    const live = input.live.get(key);
    if (step.action !== 'undelete' || !document || live?.state !== 'binned' || isAppPart(document.doc)) return [];
    // What was replaced before is part of the difference already.
    const naming = namingOf(document, { created, replaced: input.ids });
    if (!naming) return [];
    const changes = [...step.changes, ...naming.changes];
    // What stays as it is for lack of credentials keeps its references, too.
    if (step.method !== undefined || step.credentials.length > 0) return [{ ...step, changes }];
    const form = restorable(document.type, document.doc, new Map());
    const forms = { wanted: form, live: form };
    const written = methodOf(document, { raw: live.doc, doc: live.doc }, forms, naming.changes, input);
    const reason = `${step.reason}; ${naming.reason}`;
    return 'method' in written
      ? [{ ...step, method: written.method, changes, reason }]
      : [{ ...step, changes, credentials: written.blocked, reason: `${reason}, but ${written.why}` }];
  });
}

/** Why only a person can make a live document follow, or `undefined`. */
function manualOnly({ type, doc }: LiveDocument): string | undefined {
  if (isAppPart(doc)) return 'only its Integration App changes it';
  if (type.restore.mode === 'manual') return `a restore never writes ${type.plural}: change it manually`;
  // The one call for the collection creates new ones; it cannot change what one is about.
  return type.restore.mode === 'bulk' ? `a ${type.noun} cannot be moved: create it again manually` : undefined;
}

/** Steps for live resources, wanted or not, that refer to what is created again, or was by an earlier restore. */
export function dependentSteps(
  input: PlanInput,
  drafts: ReadonlyMap<Key, Draft>,
  created: ReadonlyMap<string, Key>,
): Draft[] {
  // By the id in the target too: what has another one there is planned by its old one.
  const planned = new Map(drafts);
  for (const step of drafts.values())
    if (step.targetId !== undefined) planned.set(keyOf(step.type, step.targetId), step);
  return input.dependents.flatMap((live) => {
    const own = planned.get(keyOf(live.type.name, live.id));
    if (own && own.action !== 'unchanged' && own.action !== 'impossible') return [];
    const naming = namingOf(live, { created, replaced: input.replaced });
    if (!naming) return [];
    const { changes, reason } = naming;
    // It cannot be restored anyway; that its reference is broken is reported all the same.
    if (own?.action === 'impossible')
      return [{ ...own, changes: [...own.changes, ...changes], reason: `${own.reason}; ${reason}` }];
    const base = { version: input.versionOf(live.doc), conflict: live.changed, changes };
    const manual = manualOnly(live);
    if (manual)
      return [draft(live, { ...base, action: 'impossible', reason: `${reason}, but ${manual}`, conflict: false })];
    const fixed = (live.type.restore.immutable ?? []).filter((path) =>
      changes.some(({ place }) => covers(path, place)),
    );
    if (fixed.length > 0)
      return [
        draft(live, {
          ...base,
          action: 'blocked',
          reason: `${reason}, but ${list(fixed)} cannot be changed after creation: create it again manually`,
        }),
      ];
    const form = restorable(live.type, live.doc, new Map());
    const written = methodOf(live, { raw: live.doc, doc: live.doc }, { wanted: form, live: form }, changes, {
      ...input,
      ids: new Map(),
    });
    return 'blocked' in written
      ? [
          draft(live, {
            ...base,
            action: 'blocked',
            reason: `${reason}, but ${written.why}`,
            credentials: written.blocked,
          }),
        ]
      : [draft(live, { ...base, action: 'update', method: written.method, reason })];
  });
}

/** What a person has to do because no restore does it: one by one, so that none is overlooked in the list of steps. */
export function handWork(steps: readonly Draft[]): string[] {
  return steps
    .filter(({ action }) => action === 'impossible')
    .map(({ key, title, reason, changes }) => {
      const places = list([...new Set(changes.map(({ place }) => placeText(place)))]);
      return `${key} "${shownName(title)}" ${reason} (${places})`;
    });
}
