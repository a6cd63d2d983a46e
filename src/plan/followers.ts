import { isAppPart } from '../core/documents.ts';
import { placeOf } from '../core/places.ts';
import { referencesOf } from '../core/references.ts';
import { restorable } from './body.ts';
import { wayOf } from './decide.ts';
import { type Draft, draft, type PlanInput } from './draft.ts';
import { type Key, keyOf } from './types.ts';

export function followerSteps(
  input: PlanInput,
  drafts: ReadonlyMap<Key, Draft>,
  created: ReadonlyMap<string, Key>,
): Draft[] {
  return input.followers.flatMap((live) => {
    const key = keyOf(live.type.dir, live.id);
    const own = drafts.get(key);
    if (own && own.action !== 'unchanged') return [];
    const places = referencesOf(live.type, live.doc).filter(({ id }) => created.has(id));
    if (places.length === 0) return [];
    const changes = places.map(({ place, id }) => ({
      place: placeOf(place),
      before: id,
      after: `new id of ${created.get(id)}`,
    }));
    const names = [...new Set(places.map(({ id }) => created.get(id)))].join(', ');
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
