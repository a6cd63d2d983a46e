import { isAppPart, type MirrorDocument } from '../core/documents.ts';
import type { FieldChange } from '../core/field-diff.ts';
import { placeOf } from '../core/places.ts';
import { referencesOf } from '../core/references.ts';
import { restorable } from './body.ts';
import { wayOf } from './decide.ts';
import { type Draft, draft, type PlanInput } from './draft.ts';
import { type Key, keyOf } from './types.ts';

/** Where a document names something that is made anew. */
function changesOf(document: MirrorDocument, created: ReadonlyMap<string, Key>): FieldChange[] {
  return referencesOf(document.type, document.doc)
    .filter(({ id }) => created.has(id))
    .map(({ place, id }) => ({
      place: placeOf(place),
      before: id,
      after: `new id of ${created.get(id)}`,
    }));
}

function namesIn(document: MirrorDocument, created: ReadonlyMap<string, Key>): string {
  const named = referencesOf(document.type, document.doc).flatMap(({ id }) => created.get(id) ?? []);
  return [...new Set(named)].join(', ');
}

/**
 * Steps that bring back from the recycle bin what names something made anew, with the write that makes it follow: the
 * bin gives back the old id, which leads nowhere.
 * @param created id in the state → key of what gets a new id
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
    if (step.action !== 'undelete' || !document || live?.state !== 'binned' || isAppPart(document.doc))
      return [];
    const more = changesOf(document, created);
    if (more.length === 0) return [];
    const changes = [...step.changes, ...more];
    // What stays as it is for want of credentials stays so with its references.
    if (step.way !== undefined || step.credentials.length > 0) return [{ ...step, changes }];
    const form = restorable(document.type, document.doc, new Map());
    const way = wayOf(document, { raw: live.doc, doc: live.doc }, { wanted: form, live: form }, more, input);
    const names = namesIn(document, created);
    return 'way' in way
      ? [
          {
            ...step,
            way: way.way,
            changes,
            reason: `${step.reason}; refers to ${names}, which gets a new id`,
          },
        ]
      : [
          {
            ...step,
            changes,
            credentials: way.blocked,
            reason: `${step.reason}; refers to ${names}, which gets a new id, but ${way.why}`,
          },
        ];
  });
}

/** Steps for live resources, wanted or not, that have to follow what is made anew. */
export function followerSteps(
  input: PlanInput,
  drafts: ReadonlyMap<Key, Draft>,
  created: ReadonlyMap<string, Key>,
): Draft[] {
  return input.followers.flatMap((live) => {
    const key = keyOf(live.type.dir, live.id);
    const own = drafts.get(key);
    if (own && own.action !== 'unchanged') return [];
    const changes = changesOf(live, created);
    if (changes.length === 0) return [];
    const names = namesIn(live, created);
    const base = { version: input.versionOf(live.doc), conflict: live.changed, changes };
    if (isAppPart(live.doc)) {
      return [
        draft(live, {
          ...base,
          action: 'impossible',
          reason: `refers to ${names}, but only its Integration App changes it`,
          conflict: false,
        }),
      ];
    }
    const form = restorable(live.type, live.doc, new Map());
    const way = wayOf(live, { raw: live.doc, doc: live.doc }, { wanted: form, live: form }, changes, {
      ...input,
      ids: new Map(),
    });
    if ('blocked' in way)
      return [
        draft(live, {
          ...base,
          action: live.type.restore.mode === 'manual' ? 'impossible' : 'blocked',
          reason: `refers to ${names}, which gets a new id, but ${way.why}`,
          credentials: way.blocked,
        }),
      ];
    return [
      draft(live, {
        ...base,
        action: 'update',
        way: way.way,
        reason: `refers to ${names}, which gets a new id`,
      }),
    ];
  });
}
