import { isAppPart, type MirrorDocument } from '../core/documents.ts';
import { diffFields, type FieldChange } from '../core/field-diff.ts';
import type { JsonObject } from '../core/json.ts';
import { keyOf } from '../core/keys.ts';
import { equalJson, stepsOf, valueAt } from '../core/paths.ts';
import { atPlace, covers, placeOf, placeText } from '../core/places.ts';
import { secretPlaces } from '../core/secret-places.ts';
import { createBody, patchFor, restorable, switchesToTurnOn, updateBody, writtenApart } from './body.ts';
import { reachable } from './converged.ts';
import { type Draft, draft, list, neverMade, type PlanInput } from './draft.ts';
import { secretDifferences } from './secrets.ts';
import type { Live, Wanted } from './types.ts';

/** What a write needs that a person must hand in, or the way it can be made without. */
export function methodOf(
  document: MirrorDocument,
  live: { readonly raw: JsonObject; readonly doc: JsonObject },
  forms: { readonly wanted: JsonObject; readonly live: JsonObject },
  changes: readonly FieldChange[],
  input: Pick<PlanInput, 'ids' | 'supplied' | 'sampleData'>,
): { method: 'put' | 'patch' } | { blocked: readonly string[]; why: string } {
  const { type } = document;
  const supplied = input.supplied(document);
  const filled = updateBody({
    type,
    wanted: document.doc,
    live,
    ids: input.ids,
    supplied,
    sampleData: input.sampleData,
  });
  const wantedSecrets = secretPlaces(document.doc).map(({ place }) => placeText(place));
  // A mask that the wanted state does not have: writing without it erases what nobody can bring back.
  const erased = secretPlaces(live.doc)
    .filter(({ fingerprint }) => fingerprint === undefined)
    .map(({ place }) => placeText(place))
    .filter((place) => !wantedSecrets.includes(place) && !supplied.has(place));
  if (filled.missing.length === 0 && erased.length === 0) return { method: 'put' };
  const credentials = [...secretPlaces(document.doc), ...secretPlaces(live.doc)].map(({ place }) => place);
  const patch = patchFor(
    type,
    forms.wanted,
    forms.live,
    changes.map(({ place }) => place),
    credentials,
  );
  if (patch) return { method: 'patch' };
  return filled.missing.length > 0
    ? {
        blocked: filled.missing,
        why: `it holds credentials that the mirror does not have; hand in ${list(filled.missing)} with --secrets, or make the change by hand`,
      }
    : {
        blocked: erased,
        why: `the wanted state has no ${list(erased)}, and the live credential would be lost; agree with --secrets (value null), or make the change by hand`,
      };
}

/** An update, or the reason why there is none. */
export function planLive(
  document: Wanted,
  live: Extract<Live, { state: 'live' }>,
  input: PlanInput,
  matched: boolean,
): Draft {
  const { type } = document;
  const wanted = reachable(type, restorable(type, document.doc, input.ids), restorable(type, live.doc, new Map()));
  const now = restorable(type, live.doc, new Map());
  const changes = diffFields(now, wanted);
  const common = {
    ...(live.id === document.id ? {} : { targetId: live.id }),
    version: input.versionOf(live.doc),
    conflict: live.changed,
  };
  const turnOn = switchesToTurnOn(type, restorable(type, document.doc, input.ids), now);
  const enable = input.enableFlows && turnOn.length > 0 && !isAppPart(live.doc);
  const secrets = secretDifferences(document.doc, live.doc);
  if (changes.length === 0) {
    if (enable) {
      const on = turnOn.map((path) => ({ place: stepsOf(path), before: true, after: false }));
      return draft(document, {
        ...common,
        action: 'update',
        method: 'patch',
        reason: 'switched on at the end',
        changes: on,
        enable,
      });
    }
    // Nothing else differs, but a credential that the live document lacks is handed in.
    const supplied = input.supplied(document);
    const lacking = secrets.filter((place) => supplied.has(place) && atPlace(live.doc, placeOf(place)) === undefined);
    if (lacking.length > 0 && type.restore.mode !== 'manual' && !isAppPart(live.doc)) {
      const method = methodOf(document, live, { wanted, live: now }, [], input);
      if ('method' in method && method.method === 'put')
        return draft(document, {
          ...common,
          action: 'update',
          method: 'put',
          reason: `gets ${list(lacking)} from --secrets`,
        });
    }
    return draft(document, {
      ...common,
      action: 'unchanged',
      reason: 'as wanted',
      conflict: false,
      credentials: matched ? [] : secrets,
    });
  }
  if (type.restore.mode === 'manual') {
    return draft(document, {
      ...common,
      action: 'impossible',
      reason: type.restore.note ?? 'has to be changed by hand',
      changes,
      conflict: false,
    });
  }
  if (isAppPart(live.doc) || isAppPart(document.doc)) {
    return draft(document, {
      ...common,
      action: 'impossible',
      reason: 'part of an Integration App: only the app changes its parts',
      changes,
      conflict: false,
    });
  }
  const fixed = (type.restore.immutable ?? []).filter(
    (path) => valueAt(document.doc, path) !== undefined && !equalJson(valueAt(wanted, path), valueAt(now, path)),
  );
  if (fixed.length > 0) {
    const reason = `${list(fixed)} cannot be changed once it is made: delete it by hand, then restore it again (it gets a new id)`;
    return draft(document, { ...common, action: 'blocked', reason, changes });
  }
  const method = methodOf(document, live, { wanted, live: now }, changes, input);
  if ('blocked' in method)
    return draft(document, {
      ...common,
      action: 'blocked',
      reason: method.why,
      changes,
      credentials: method.blocked,
    });
  return draft(document, {
    ...common,
    action: 'update',
    method: method.method,
    reason: 'differs',
    changes,
    enable,
  });
}

export function planBinned(document: Wanted, live: Extract<Live, { state: 'binned' }>, input: PlanInput): Draft {
  const { type } = document;
  const wanted = reachable(type, restorable(type, document.doc, input.ids), restorable(type, live.doc, new Map()));
  const now = restorable(type, live.doc, new Map());
  const base = {
    ...(live.id === document.id ? {} : { targetId: live.id }),
    action: 'undelete' as const,
    reason: 'in the recycle bin: comes back with its id and its credentials',
    version: input.versionOf(live.doc),
    enable: input.enableFlows && switchesToTurnOn(type, document.doc, live.doc).length > 0 && !isAppPart(live.doc),
  };
  // What is kept with the parent comes back with it.
  const apart = new Set(writtenApart(type));
  const changes = isAppPart(document.doc)
    ? []
    : diffFields(now, wanted).filter(({ place }) => !apart.has(String(place[0])));
  if (changes.length === 0) return draft(document, base);
  const method = methodOf(document, { raw: live.doc, doc: live.doc }, { wanted, live: now }, changes, input);
  if ('method' in method) return draft(document, { ...base, method: method.method, changes });
  return draft(document, {
    ...base,
    reason: `${base.reason}; the difference stays: ${method.why}`,
    changes,
    credentials: method.blocked,
  });
}

export function planGone(document: Wanted, input: PlanInput): Draft {
  const { type } = document;
  const never = neverMade(document);
  if (never) return draft(document, { action: 'impossible', reason: never });
  const { missing: places } = createBody({
    type,
    wanted: document.doc,
    ids: input.ids,
    supplied: input.supplied(document),
    late: [],
  });
  const cut = secretPlaces(document.doc)
    .filter(({ place, inText }) => inText && places.includes(placeText(place)))
    .map(({ place }) => placeText(place));
  if (cut.length > 0) {
    return draft(document, {
      action: 'blocked',
      reason: `credentials were taken out of ${list(cut)} and are nowhere to be had; hand in the whole text with --secrets`,
      credentials: cut,
    });
  }
  // What the server mints anew is nobody's to enter.
  const minted = type.restore.strip ?? [];
  const missing = places.filter((place) => !minted.some((path) => covers(path, placeOf(place))));
  const bin = type.restore.mode === 'bulk' ? 'not there' : 'neither there nor in the recycle bin';
  return draft(document, {
    action: 'create',
    reason: `${bin}: gets a new id`,
    credentials: missing,
    enable: input.enableFlows && (type.restore.switches ?? []).some((path) => valueAt(document.doc, path) === false),
  });
}

export function planOne(document: Wanted, input: PlanInput): Draft {
  const live = input.live.get(keyOf(document.type.name, document.id)) ?? { state: 'gone' };
  switch (live.state) {
    case 'same':
      return draft(document, {
        action: 'unchanged',
        reason: 'as wanted',
        ...(live.id === document.id ? {} : { targetId: live.id }),
      });
    case 'matched':
      return draft(document, {
        action: 'unchanged',
        reason: `uses the existing "${live.title}" unchanged`,
        existing: true,
        targetId: live.id,
      });
    case 'unknown':
      return draft(document, { action: 'blocked', reason: live.reason });
    case 'impossible':
      return draft(document, { action: 'impossible', reason: live.reason });
    case 'live':
      return planLive(document, live, input, input.account !== input.from);
    case 'binned':
      return planBinned(document, live, input);
    case 'gone':
      return planGone(document, input);
  }
}
