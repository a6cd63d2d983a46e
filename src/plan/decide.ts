import type { ResourceType } from '../catalogue/types.ts';
import { isAppPart, type MirrorDocument } from '../core/documents.ts';
import { diffFields, type FieldChange, fieldChange } from '../core/field-diff.ts';
import type { JsonObject } from '../core/json.ts';
import { keyOf } from '../core/keys.ts';
import { equalJson, stepsOf, valueAt } from '../core/paths.ts';
import { atPlace, covers, type Place, placeOf, placeText } from '../core/places.ts';
import { markedKeys, secretPlaces } from '../core/secret-places.ts';
import { shownName } from '../core/unseen.ts';
import { bothRestorable, creatable, createBody, patchFor, switchesToTurnOn, updateBody } from './body.ts';
import { type Kept, reachable } from './converged.ts';
import { type Draft, draft, list, neverMade, type PlanInput } from './draft.ts';
import { rewriteIds } from './ids.ts';
import { writtenApart } from './left-out.ts';
import { markerChanges } from './own-places.ts';
import { liveSecret, type Supplied, secretDifferences } from './secrets.ts';
import type { Live, MarkerChange, Wanted, WriteMethod } from './types.ts';

/** Two states of one resource in the form in which a restore compares them. */
interface Forms {
  readonly wanted: JsonObject;
  readonly live: JsonObject;
}

/** A document of the target, as the API shows it and as the mirror would hold it. */
interface Pair {
  readonly raw: JsonObject;
  readonly doc: JsonObject;
}

/** How an update is written, or why it cannot be: `blocked` are the places of the credentials that it lacks. */
type Method = { readonly method: WriteMethod } | { readonly blocked: readonly string[]; readonly why: string };

/** Chooses how to write a document over the live one without losing a credential. */
export function methodOf(
  document: MirrorDocument,
  live: Pair,
  forms: Forms,
  changes: readonly FieldChange[],
  input: Pick<PlanInput, 'ids' | 'supplied' | 'sampleData'>,
): Method {
  const { type } = document;
  const supplied = input.supplied(document);
  const { ids, sampleData } = input;
  const { missing } = updateBody({ type, wanted: document.doc, live, ids, supplied, sampleData });
  const [ours, theirs] = [secretPlaces(document.doc), secretPlaces(live.doc)];
  const wanted = new Set(ours.map(({ place }) => placeText(place)));
  // A mask that the wanted state does not have: writing without it erases a credential that nothing brings back.
  const erased = theirs
    .filter(({ fingerprint }) => fingerprint === undefined)
    .map(({ place }) => placeText(place))
    .filter((place) => !wanted.has(place) && !supplied.has(place));
  if (missing.length === 0 && erased.length === 0) return { method: 'put' };
  const credentials = [...ours, ...theirs].map(({ place }) => place);
  const places = changes.map(({ place }) => place);
  if (patchFor(type, forms.wanted, forms.live, places, credentials)) return { method: 'patch' };
  return missing.length > 0
    ? {
        blocked: missing,
        why:
          `it holds credentials that the mirror does not have; pass ${list(missing)} with --secrets, ` +
          'or make the change manually',
      }
    : {
        blocked: erased,
        why:
          `the wanted state has no ${list(erased)}, and the live credential would be lost; ` +
          'agree with --secrets (value null), or make the change manually',
      };
}

/** Markers of a document that stand for no credential of the live one in their places, unless values are handed in. */
function foreignMarkers(
  document: MirrorDocument,
  doc: JsonObject,
  live: JsonObject,
  supplied: Supplied,
): MarkerChange[] {
  return markerChanges(doc, live, document.type.entries).filter(
    ({ is, place }) => is !== 'changed' && !supplied.has(place),
  );
}

/** Why markers block a write, without a full stop; `undefined` where there are none. */
function markerFault(markers: readonly MarkerChange[]): string | undefined {
  if (markers.length === 0) return undefined;
  const places = markers.map(({ place, from }) => (from === undefined ? place : `${place} (which is that of ${from})`));
  return (
    `the account has no credential for the marker in ${list(places)}: a credential is put back in its own place ` +
    'only; remove the marker, or pass a value with --secrets'
  );
}

/**
 * Why no write may bring about the markers of a document, or `undefined`: they stand for credentials that the live
 * document does not have in these places.
 */
export function markerHindrance(
  document: MirrorDocument,
  live: JsonObject,
  input: Pick<PlanInput, 'ids' | 'supplied'>,
): string | undefined {
  const doc = rewriteIds(document.doc, input.ids);
  return markerFault(foreignMarkers(document, doc, live, input.supplied(document)));
}

/** What a live document has to do with the wanted one. */
interface Compared {
  readonly forms: Forms;
  /** Differences that are left alone. */
  readonly kept: readonly Kept[];
  readonly changes: readonly FieldChange[];
  /** Switches that are off and were on. */
  readonly turnOn: readonly string[];
  /** What every step for it says. */
  readonly common: Pick<Draft, 'targetId' | 'version' | 'conflict' | 'markers'>;
}

function targetId(document: Wanted, id: string): Pick<Draft, 'targetId'> {
  return id === document.id ? {} : { targetId: id };
}

export function compare(
  document: Wanted,
  live: Extract<Live, { state: 'live' | 'binned' }>,
  input: Pick<PlanInput, 'ids' | 'made' | 'versionOf'>,
): Compared {
  const { type } = document;
  const { wanted: then, live: now } = bothRestorable(type, document.doc, live.doc, input.ids);
  const { doc: wanted, kept } = reachable(type, then, now, input.made(type.name, live.id));
  const markers = markerChanges(rewriteIds(document.doc, input.ids), live.doc, type.entries);
  return {
    forms: { wanted, live: now },
    kept,
    changes: diffFields(now, wanted),
    turnOn: switchesToTurnOn(type, then, now),
    common: {
      ...targetId(document, live.id),
      version: input.versionOf(live.doc),
      conflict: live.state === 'live' && live.changed,
      ...(markers.length > 0 ? { markers } : {}),
    },
  };
}

type LiveState = Extract<Live, { state: 'live' }>;

/** A step for a live document that differs in nothing but switches or credentials. */
function planEqual(document: Wanted, live: LiveState, compared: Compared, input: PlanInput): Draft {
  const { forms, turnOn, common } = compared;
  const { type } = document;
  const isOurs = !isAppPart(live.doc);
  // A copy without its credentials is as wanted as it can be: the account never had them.
  const isCopy = input.account !== input.from && (common.markers ?? []).every(({ is }) => is !== 'moved');
  const hindered =
    type.restore.mode === 'manual' || !isOurs || isCopy ? undefined : markerHindrance(document, live.doc, input);
  if (hindered !== undefined) return blockedByMarkers(document, live, compared, input, hindered);
  if (input.enableFlows && turnOn.length > 0 && isOurs) {
    const changes = turnOn.map((path) => ({ place: stepsOf(path), before: true, after: false }));
    const reason = 'switched on at the end';
    return draft(document, { ...common, action: 'update', method: 'patch', reason, changes, enable: true });
  }
  const secrets = secretDifferences(document.doc, live.doc);
  const supplied = input.supplied(document);
  const lacking = secrets.filter(
    (place) => supplied.has(place) && liveSecret(document.doc, live.doc, placeOf(place)) === undefined,
  );
  if (lacking.length > 0 && type.restore.mode !== 'manual' && isOurs) {
    const method = methodOf(document, live, forms, [], input);
    if ('method' in method && method.method === 'put') {
      const reason = `gets ${list(lacking)} from --secrets`;
      return draft(document, { ...common, action: 'update', method: 'put', reason });
    }
  }
  const credentials = input.account === input.from ? secrets : [];
  return draft(document, { ...common, action: 'unchanged', reason: 'as wanted', conflict: false, credentials });
}

/** Places of markers that stand for no credential of the live document. */
function unfilled({ markers = [] }: Compared['common']): string[] {
  return markers.filter(({ is }) => is !== 'changed').map(({ place }) => place);
}

/** A step that is not made, with the markers among its changes: without them, what holds one looks empty. */
function blockedByMarkers(
  document: Wanted,
  { doc: live }: LiveState,
  { common, changes }: Compared,
  { ids }: PlanInput,
  reason: string,
): Draft {
  const { type, doc } = document;
  const credentials = unfilled(common);
  const wanted = creatable(type, doc, ids);
  const held = creatable(type, live, new Map());
  const marked = credentials.map(placeOf).map((place) => {
    // What is new as a whole is shown as a whole.
    const outermost = place.findIndex((_, at) => atPlace(held, place.slice(0, at + 1)) === undefined);
    const shown = outermost < 0 ? place : place.slice(0, outermost + 1);
    return fieldChange(shown, atPlace(held, shown), atPlace(wanted, shown));
  });
  const isMarked = (place: Place): boolean => marked.some((one) => placeText(one.place) === placeText(place));
  const all = [...changes.filter(({ place }) => !isMarked(place)), ...marked];
  return draft(document, { ...common, action: 'blocked', reason, changes: all, credentials });
}

/** Why no write can make a live document as wanted, or `undefined`. */
function hindrance({ type, doc }: Wanted, live: LiveState, { forms }: Compared): Refusal | undefined {
  if (type.restore.mode === 'manual')
    return { action: 'impossible', conflict: false, reason: type.restore.note ?? 'must be changed manually' };
  if (isAppPart(live.doc) || isAppPart(doc))
    return {
      action: 'impossible',
      conflict: false,
      reason: 'part of an Integration App: only the app changes its parts',
    };
  const fixed = (type.restore.immutable ?? []).filter(
    (path) => valueAt(doc, path) !== undefined && !equalJson(valueAt(forms.wanted, path), valueAt(forms.live, path)),
  );
  if (fixed.length === 0) return undefined;
  return {
    action: 'blocked',
    reason:
      `${list(fixed)} cannot be changed after creation: ` +
      'delete it manually, then restore it again (it gets a new id)',
  };
}

type Refusal = Pick<Draft, 'action' | 'reason'> & Partial<Pick<Draft, 'conflict'>>;

/** An update, or the reason why there is none. */
function planLive(document: Wanted, live: LiveState, input: PlanInput): Draft {
  const compared = compare(document, live, input);
  const { changes, common, forms, turnOn } = compared;
  if (changes.length === 0) return planEqual(document, live, compared, input);
  const refusal = hindrance(document, live, compared);
  if (refusal) return draft(document, { ...common, changes, ...refusal });
  const hindered = markerHindrance(document, live.doc, input);
  if (hindered !== undefined) return blockedByMarkers(document, live, compared, input, hindered);
  const written = methodOf(document, live, forms, changes, input);
  if ('blocked' in written) {
    const { blocked: credentials, why: reason } = written;
    return draft(document, { ...common, action: 'blocked', reason, changes, credentials });
  }
  const enable = input.enableFlows && turnOn.length > 0;
  return draft(document, { ...common, action: 'update', method: written.method, reason: 'differs', changes, enable });
}

function planBinned(document: Wanted, live: Extract<Live, { state: 'binned' }>, input: PlanInput): Draft {
  const { type } = document;
  const { forms, changes: all, common } = compare(document, live, input);
  const base = {
    ...common,
    action: 'undelete' as const,
    reason:
      document.neededBy === undefined
        ? 'in the recycle bin: comes back with its id and its credentials'
        : `in the recycle bin: comes back too, since ${document.neededBy} uses it`,
    enable: input.enableFlows && switchesToTurnOn(type, document.doc, live.doc).length > 0 && !isAppPart(live.doc),
  };
  // What is kept with the parent comes back with it.
  const apart = new Set(writtenApart(type));
  const hidden = (type.binOmits ?? []).filter((field) => document.doc[field] !== undefined);
  const unseen = new Set([...apart, ...hidden]);
  const changes = isAppPart(document.doc) ? [] : all.filter(({ place }) => !unseen.has(String(place[0])));
  const hindered = isAppPart(document.doc) ? undefined : markerHindrance(document, live.doc, input);
  if (changes.length + hidden.length === 0 && hindered === undefined) return draft(document, base);
  const written: Method =
    hindered === undefined
      ? methodOf(document, { raw: live.doc, doc: live.doc }, forms, changes, input)
      : { blocked: unfilled(common), why: hindered };
  const later = hidden.length > 0 ? `; ${list(hidden)} is compared when it is back` : '';
  if ('method' in written)
    return draft(document, { ...base, method: written.method, changes, reason: `${base.reason}${later}` });
  const reason = `${base.reason}; the difference stays: ${written.why}`;
  return draft(document, { ...base, reason, changes, credentials: written.blocked });
}

/** Whether a text is kept in a file of its own: without a part of it, it would run and do something else. */
function isCode(type: ResourceType, place: Place): boolean {
  return Object.keys(type.sideFiles ?? {}).some((path) => covers(path, place));
}

function planGone(document: Wanted, input: PlanInput): Draft {
  const { type, doc } = document;
  const never = neverMade(document);
  if (never) return draft(document, { action: 'impossible', reason: never });
  const supplied = input.supplied(document);
  const inKeys = markedKeys(doc).map(({ place }) => placeText(place));
  if (inKeys.length > 0) {
    const reason = `a key is the marker of a credential (${list(inKeys)}), which the mirror never writes`;
    return draft(document, { action: 'blocked', reason, credentials: inKeys });
  }
  const { missing: places } = createBody({ type, wanted: doc, ids: input.ids, supplied, late: [] });
  const cut = secretPlaces(doc)
    .filter(({ place, inText }) => inText && isCode(type, place) && places.includes(placeText(place)))
    .map(({ place }) => placeText(place));
  if (cut.length > 0) {
    return draft(document, {
      action: 'blocked',
      reason:
        `credentials were removed from ${list(cut)} and are not in the mirror; ` +
        'pass the complete text with --secrets',
      credentials: cut,
    });
  }
  // What the server issues with the creation is not for a person to enter.
  const issued = type.restore.strip ?? [];
  const absent = type.restore.mode === 'bulk' ? 'not in the account' : 'not in the account or its recycle bin';
  return draft(document, {
    action: 'create',
    reason: `${absent}: will be created with a new id`,
    changes: diffFields({}, creatable(type, doc, input.ids)),
    credentials: places.filter((place) => !issued.some((path) => covers(path, placeOf(place)))),
    enable: input.enableFlows && (type.restore.switches ?? []).some((path) => valueAt(doc, path) === false),
  });
}

/** The step for one wanted resource, by what the target holds in its place. */
export function planOne(document: Wanted, input: PlanInput): Draft {
  const { notUtf8 } = document;
  if (notUtf8) {
    const are = notUtf8.length === 1 ? 'is' : 'are';
    const reason = `${list(notUtf8)} ${are} not text in UTF-8: save as UTF-8, and commit`;
    return draft(document, { action: 'blocked', reason });
  }
  const live = input.live.get(keyOf(document.type.name, document.id)) ?? { state: 'gone' };
  switch (live.state) {
    case 'same':
      return draft(document, { action: 'unchanged', reason: 'as wanted', ...targetId(document, live.id) });
    case 'matched':
      return draft(document, {
        action: 'unchanged',
        reason: `uses the existing "${shownName(live.title)}" unchanged`,
        existing: true,
        targetId: live.id,
      });
    case 'unknown':
      return draft(document, { action: 'blocked', reason: live.reason });
    case 'impossible':
      return draft(document, { action: 'impossible', reason: live.reason });
    case 'live':
      return planLive(document, live, input);
    case 'binned':
      return planBinned(document, live, input);
    case 'gone':
      return planGone(document, input);
  }
}
