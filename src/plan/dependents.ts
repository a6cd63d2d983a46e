import { isAppPart, type MirrorDocument } from '../core/documents.ts';
import type { FieldChange } from '../core/field-diff.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { covers, placeText } from '../core/places.ts';
import { restorable } from './body.ts';
import { methodOf } from './decide.ts';
import { type Draft, draft, list, type PlanInput } from './draft.ts';
import { wholeIds } from './ids.ts';
import type { IdMap, LiveDocument } from './types.ts';

/** What a restore makes anew, and what an earlier one did: id of old → what to tell of the new one. */
export interface Moved {
  /** Gets its new id in this restore: id in the state → key. */
  readonly created: ReadonlyMap<string, Key>;
  /** Is another one already: old id → id that is there now. */
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
  const anew = new Set<string>();
  const stale = new Set<string>();
  const changes = found.map(({ place, id }): FieldChange => {
    const key = created.get(id);
    if (key !== undefined) anew.add(key);
    else stale.add(`${id}, which is ${replaced.get(id)} now`);
    return { place, before: id, after: key === undefined ? (replaced.get(id) ?? id) : `new id of ${key}` };
  });
  const reasons = [
    ...(anew.size > 0 ? [`refers to ${[...anew].join(', ')}, which gets a new id`] : []),
    ...(stale.size > 0 ? [`still refers to ${list([...stale])}`] : []),
  ];
  return { changes, reason: reasons.join('; ') };
}

/**
 * Steps that bring back from the recycle bin what names something made anew, with the write that makes it follow: the
 * bin gives back the old id, which leads nowhere.
 */
export function followingReturns(
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
    const naming = namingOf(document, { created, replaced: new Map() });
    if (!naming) return [];
    const changes = [...step.changes, ...naming.changes];
    // What stays as it is for want of credentials stays so with its references.
    if (step.method !== undefined || step.credentials.length > 0) return [{ ...step, changes }];
    const form = restorable(document.type, document.doc, new Map());
    const forms = { wanted: form, live: form };
    const way = methodOf(document, { raw: live.doc, doc: live.doc }, forms, naming.changes, input);
    const reason = `${step.reason}; ${naming.reason}`;
    return 'method' in way
      ? [{ ...step, method: way.method, changes, reason }]
      : [{ ...step, changes, credentials: way.blocked, reason: `${reason}, but ${way.why}` }];
  });
}

/** Why nobody but a person can make a live document follow, or `undefined`. */
function byHand({ type, doc }: LiveDocument): string | undefined {
  if (isAppPart(doc)) return 'only its Integration App changes it';
  if (type.restore.mode === 'manual') return `a restore never writes ${type.plural}: change it by hand`;
  // The one call for all of them makes new ones; it cannot change what one is about.
  return type.restore.mode === 'bulk' ? `a ${type.noun} cannot be moved: make it again by hand` : undefined;
}

/** Steps for live resources, wanted or not, that have to follow what is made anew, or was by an earlier restore. */
export function followerSteps(
  input: PlanInput,
  drafts: ReadonlyMap<Key, Draft>,
  created: ReadonlyMap<string, Key>,
): Draft[] {
  // By the id in the target too: what has another one there is planned by its old one.
  const planned = new Map(drafts);
  for (const step of drafts.values())
    if (step.targetId !== undefined) planned.set(keyOf(step.type, step.targetId), step);
  return input.followers.flatMap((live) => {
    const own = planned.get(keyOf(live.type.name, live.id));
    if (own && own.action !== 'unchanged' && own.action !== 'impossible') return [];
    const naming = namingOf(live, { created, replaced: input.replaced });
    if (!naming) return [];
    const { changes, reason } = naming;
    // It cannot be made as it was anyway; that it leads nowhere besides has to be told all the same.
    if (own?.action === 'impossible')
      return [{ ...own, changes: [...own.changes, ...changes], reason: `${own.reason}; ${reason}` }];
    const base = { version: input.versionOf(live.doc), conflict: live.changed, changes };
    const hand = byHand(live);
    if (hand)
      return [draft(live, { ...base, action: 'impossible', reason: `${reason}, but ${hand}`, conflict: false })];
    const fixed = (live.type.restore.immutable ?? []).filter((path) =>
      changes.some(({ place }) => covers(path, place)),
    );
    if (fixed.length > 0)
      return [
        draft(live, {
          ...base,
          action: 'blocked',
          reason: `${reason}, but ${list(fixed)} cannot be changed once it is made: make it again by hand`,
        }),
      ];
    const form = restorable(live.type, live.doc, new Map());
    const way = methodOf(live, { raw: live.doc, doc: live.doc }, { wanted: form, live: form }, changes, {
      ...input,
      ids: new Map(),
    });
    return 'blocked' in way
      ? [
          draft(live, {
            ...base,
            action: 'blocked',
            reason: `${reason}, but ${way.why}`,
            credentials: way.blocked,
          }),
        ]
      : [draft(live, { ...base, action: 'update', method: way.method, reason })];
  });
}

/** What a person has to do, since no restore does it: named one by one, so that it is not overlooked in the list. */
export function handWork(steps: readonly Draft[]): string[] {
  return steps
    .filter(({ action }) => action === 'impossible')
    .map(({ key, title, reason, changes }) => {
      const places = list([...new Set(changes.map(({ place }) => placeText(place)))]);
      return `${key} "${title}" ${reason} (${places})`;
    });
}
