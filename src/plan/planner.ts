import { isAppPart, type MirrorDocument } from '../core/documents.ts';
import { diffFields, type FieldChange } from '../core/field-diff.ts';
import type { JsonObject } from '../core/json.ts';
import { equalJson, stepsOf, valueAt } from '../core/paths.ts';
import { covers, placeOf, placeText } from '../core/places.ts';
import { type Reference, referencesOf } from '../core/references.ts';
import {
  createBody,
  patchFor,
  restorable,
  switchesToTurnOn,
  updateBody,
  WRITTEN_APART,
  withLiveSwitches,
} from './body.ts';
import { embeddedIds } from './ids.ts';
import { type Node, orderByNeed } from './order.ts';
import { type Supplied, secretDifferences, secretPlaces } from './secrets.ts';
import {
  type IdMap,
  type Key,
  keyOf,
  type Live,
  type LiveDocument,
  type Plan,
  type Step,
  type Wanted,
} from './types.ts';

export interface PlanInput extends Pick<Plan, 'account' | 'from' | 'target' | 'state'> {
  readonly wanted: readonly Wanted[];
  readonly live: ReadonlyMap<Key, Live>;
  /** Ids known to be others in the target. */
  readonly ids: IdMap;
  /** Whether the target has this resource (by the target's id); `undefined`: not known. */
  readonly exists: (dir: string, id: string) => boolean | undefined;
  /** Whether the state holds this resource, wanted or not. */
  readonly inState: (dir: string, id: string) => boolean;
  readonly supplied: (document: MirrorDocument) => Supplied;
  readonly enableFlows: boolean;
  readonly sampleData: boolean;
  /** Live resources that the state does not have and that shall go. */
  readonly deletions: readonly LiveDocument[];
  /** Live resources that refer to something that gets a new id. */
  readonly followers: readonly LiveDocument[];
  /** Fingerprint of a live document. */
  readonly versionOf: (doc: JsonObject) => string;
}

type Draft = Omit<Step, 'level' | 'late'>;

function draft(
  document: Pick<MirrorDocument, 'type' | 'id' | 'title' | 'path'>,
  rest: Partial<Draft> & Pick<Draft, 'action' | 'reason'>,
): Draft {
  return {
    key: keyOf(document.type.dir, document.id),
    dir: document.type.dir,
    id: document.id,
    title: document.title,
    path: document.path,
    changes: [],
    credentials: [],
    conflict: false,
    enable: false,
    ...rest,
  };
}

/** Why a resource can never be made by us, and what to do; `undefined` for one that can. */
function neverMade({ type, doc }: MirrorDocument): string | undefined {
  if (isAppPart(doc)) return 'part of an Integration App: install the app again, it makes its own parts';
  if (doc.published === true) return 'published by Celigo, not by the account';
  if (type.restore.mode === 'manual') return type.restore.note ?? 'has to be made by hand';
  return undefined;
}

function list(places: readonly string[]): string {
  return places.slice(0, 5).join(', ') + (places.length > 5 ? ` and ${places.length - 5} more` : '');
}

/** What a write needs that a person must hand in, or the way it can be made without. */
function wayOf(
  document: MirrorDocument,
  live: { readonly raw: JsonObject; readonly doc: JsonObject },
  forms: { readonly wanted: JsonObject; readonly live: JsonObject },
  changes: readonly FieldChange[],
  input: Pick<PlanInput, 'ids' | 'supplied' | 'sampleData'>,
): { way: 'put' | 'patch' } | { blocked: readonly string[]; why: string } {
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
  if (filled.missing.length === 0 && erased.length === 0) return { way: 'put' };
  const credentials = [...secretPlaces(document.doc), ...secretPlaces(live.doc)].map(({ place }) => place);
  const patch = patchFor(
    type,
    forms.wanted,
    forms.live,
    changes.map(({ place }) => place),
    credentials,
  );
  if (patch) return { way: 'patch' };
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
function planLive(
  document: Wanted,
  live: Extract<Live, { state: 'live' }>,
  input: PlanInput,
  matched: boolean,
): Draft {
  const { type } = document;
  const wanted = withLiveSwitches(
    type,
    restorable(type, document.doc, input.ids),
    restorable(type, live.doc, new Map()),
  );
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
        way: 'patch',
        reason: 'switched on at the end',
        changes: on,
        enable,
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
    (path) =>
      valueAt(document.doc, path) !== undefined && !equalJson(valueAt(wanted, path), valueAt(now, path)),
  );
  if (fixed.length > 0) {
    const reason = `${list(fixed)} cannot be changed once it is made: delete it by hand, then restore it again (it gets a new id)`;
    return draft(document, { ...common, action: 'blocked', reason, changes });
  }
  const way = wayOf(document, live, { wanted, live: now }, changes, input);
  if ('blocked' in way)
    return draft(document, {
      ...common,
      action: 'blocked',
      reason: way.why,
      changes,
      credentials: way.blocked,
    });
  return draft(document, { ...common, action: 'update', way: way.way, reason: 'differs', changes, enable });
}

function planBinned(document: Wanted, live: Extract<Live, { state: 'binned' }>, input: PlanInput): Draft {
  const { type } = document;
  const wanted = withLiveSwitches(
    type,
    restorable(type, document.doc, input.ids),
    restorable(type, live.doc, new Map()),
  );
  const now = restorable(type, live.doc, new Map());
  const base = {
    ...(live.id === document.id ? {} : { targetId: live.id }),
    action: 'undelete' as const,
    reason: 'in the recycle bin: comes back with its id and its credentials',
    version: input.versionOf(live.doc),
    enable:
      input.enableFlows && switchesToTurnOn(type, document.doc, live.doc).length > 0 && !isAppPart(live.doc),
  };
  // What stands with the parent comes back with it.
  const apart = new Set(WRITTEN_APART[type.dir] ?? []);
  const changes = isAppPart(document.doc)
    ? []
    : diffFields(now, wanted).filter(({ place }) => !apart.has(String(place[0])));
  if (changes.length === 0) return draft(document, base);
  const way = wayOf(document, { raw: live.doc, doc: live.doc }, { wanted, live: now }, changes, input);
  if ('way' in way) return draft(document, { ...base, way: way.way, changes });
  return draft(document, {
    ...base,
    reason: `${base.reason}; the difference stays: ${way.why}`,
    changes,
    credentials: way.blocked,
  });
}

function planGone(document: Wanted, input: PlanInput): Draft {
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
  // What the server mints anew is nobody's to enter.
  const minted = type.restore.strip ?? [];
  const missing = places.filter((place) => !minted.some((path) => covers(path, placeOf(place))));
  const bin = type.restore.mode === 'bulk' ? 'not there' : 'neither there nor in the recycle bin';
  return draft(document, {
    action: 'create',
    reason: `${bin}: gets a new id`,
    credentials: missing,
    enable:
      input.enableFlows &&
      (type.restore.switches ?? []).some((path) => valueAt(document.doc, path) === false),
  });
}

function planOne(document: Wanted, input: PlanInput): Draft {
  const live = input.live.get(keyOf(document.type.dir, document.id)) ?? { state: 'gone' };
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
        reason: `the target's own "${live.title}" is used and left as it is`,
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

/** References whose target decides whether a write is accepted. Free-form settings refer to nothing as far as the server knows. */
function bindingReferences(document: MirrorDocument): readonly (Reference & { dir: string })[] {
  return referencesOf(document.type, document.doc).filter(
    (reference): reference is Reference & { dir: string } =>
      reference.dir !== null && !/^settings[.[]/.test(reference.place),
  );
}

function isLate(document: MirrorDocument, reference: Reference): boolean {
  const { bare = [], late = [] } = document.type.restore;
  return [...bare, ...late].some((path) => covers(path, placeOf(reference.place)));
}

/** Blocks every write that refers to what is not there and will not be, and what needs a blocked one. */
function blockDangling(
  drafts: Map<Key, Draft>,
  documents: ReadonlyMap<Key, Wanted>,
  input: PlanInput,
): string[] {
  const warnings: string[] = [];
  const sameAccount = input.account === input.from;
  const problemOf = (
    document: Wanted,
    reference: Reference & { dir: string },
    step: Draft,
  ): string | undefined => {
    const key = keyOf(reference.dir, reference.id);
    const other = drafts.get(key);
    if (other && other.action !== 'blocked' && other.action !== 'impossible') return undefined;
    if (
      other?.targetId !== undefined ||
      (other && sameAccount && input.exists(reference.dir, reference.id) !== false)
    )
      return undefined;
    const target = input.ids.get(reference.id) ?? (sameAccount ? reference.id : undefined);
    if (target !== undefined && input.exists(reference.dir, target) !== false) return undefined;
    const live = input.live.get(step.key);
    if (live?.state === 'live' && referencesOf(document.type, live.doc).some(({ id }) => id === target))
      return undefined;
    if (other)
      return `needs ${key}, which ${other.action === 'impossible' ? `cannot be restored (${other.reason})` : 'is blocked'}`;
    if (input.inState(reference.dir, reference.id))
      return `${reference.place} refers to ${key}, which is not there: add --with-dependencies, or name it too`;
    return `${reference.place} refers to ${key}, which exists neither live nor in the mirror at that time`;
  };
  for (let again = true; again; ) {
    again = false;
    for (const [key, step] of drafts) {
      const document = documents.get(key);
      if (!document || (step.action !== 'create' && step.action !== 'update')) continue;
      const problem = bindingReferences(document)
        .filter((reference) => !(step.action === 'create' && isLate(document, reference)))
        .map((reference) => problemOf(document, reference, step))
        .find((found) => found !== undefined);
      if (problem === undefined) continue;
      drafts.set(key, { ...step, action: 'blocked', reason: problem, enable: false });
      again = true;
    }
  }
  for (const [key, step] of drafts) {
    const document = documents.get(key);
    if (!document || step.action !== 'create') continue;
    for (const reference of bindingReferences(document)) {
      const problem = isLate(document, reference) ? problemOf(document, reference, step) : undefined;
      if (problem) warnings.push(`${key} "${step.title}" will stay without ${reference.place}: ${problem}`);
    }
  }
  return warnings;
}

function followerSteps(
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

function deletionSteps(input: PlanInput): Draft[] {
  return input.deletions.map((live) => {
    const never = neverMade(live);
    const base = { version: input.versionOf(live.doc), conflict: live.changed };
    return never
      ? draft(live, {
          ...base,
          action: 'impossible',
          reason: `not in the mirror at that time, but ${never}`,
          conflict: false,
        })
      : draft(live, { ...base, action: 'delete', reason: 'not in the mirror at that time' });
  });
}

function warningsOf(steps: readonly Step[], documents: ReadonlyMap<Key, Wanted>, input: PlanInput): string[] {
  const warnings: string[] = [];
  const created = new Map<string, Key>();
  for (const { action, id, key } of steps) if (action === 'create') created.set(id, key);
  for (const step of steps) {
    const name = `${step.key} "${step.title}"`;
    const document = documents.get(step.key);
    if (!document) continue;
    const { doc, type } = document;
    if (step.action === 'unchanged' && step.credentials.length > 0)
      warnings.push(
        `${name}: the live credentials stay; those of that time are not in the mirror (${list(step.credentials)})`,
      );
    if (step.action === 'create' && step.credentials.length > 0) {
      const effect = type.dir === 'connections' ? 'will be offline until you enter' : 'is created without';
      warnings.push(`${name} ${effect} ${list(step.credentials)}`);
    }
    if (step.action === 'create' && (doc.adaptorType === 'WebhookExport' || doc.type === 'webhook'))
      warnings.push(`${name}: a webhook gets a new URL with its new id; every sender has to be told`);
    if (
      step.action === 'create' &&
      Array.isArray(doc._registeredLookupCacheIds) &&
      doc._registeredLookupCacheIds.length > 0
    )
      warnings.push(`${name}: its lookup caches have to be registered with it by hand`);
    if (step.action === 'create' && type.dir === 'ediprofiles')
      warnings.push(`${name}: its control number starts again; set it by hand before the first interchange`);
    const off = type.restore.switches?.some((path) => valueAt(doc, path) === false) ?? false;
    if (step.action === 'create' && off && !step.enable)
      warnings.push(`${name} will be left disabled (--enable-flows switches on)`);
    if (step.action === 'undelete' && off && type.dir === 'flows')
      warnings.push(`${name} was enabled when it was deleted: it runs again as soon as it is back`);
    const live = input.live.get(step.key);
    if (
      step.action !== 'create' &&
      live?.state === 'live' &&
      !step.enable &&
      switchesToTurnOn(type, doc, live.doc).length > 0
    )
      warnings.push(
        `${name} stays disabled, though it was enabled at that time (--enable-flows switches on)`,
      );
    if (created.size > 0 || input.ids.size > 0) {
      for (const { place, id } of embeddedIds(doc, (id) => created.has(id) || input.ids.has(id)))
        warnings.push(
          `${name}: ${place} holds the id ${id}${created.has(id) ? ` of ${created.get(id)}` : ''} inside a longer text; it is not rewritten`,
        );
    }
  }
  return warnings;
}

/** Ids that are about to change, inside longer texts of resources that are not restored. */
function embeddedElsewhere(input: PlanInput, created: ReadonlyMap<string, Key>): string[] {
  const wanted = new Set(input.wanted.map(({ type, id }) => keyOf(type.dir, id)));
  return input.followers.flatMap((live) => {
    const key = keyOf(live.type.dir, live.id);
    if (wanted.has(key)) return [];
    return embeddedIds(live.doc, (id) => created.has(id)).map(
      ({ place, id }) =>
        `${key} "${live.title}": ${place} holds the id ${id} of ${created.get(id)} inside a longer text; it is not rewritten`,
    );
  });
}

/**
 * The plan that brings the target to the wanted state. Pure: the same input gives the same plan, whatever the order of
 * its lists.
 */
export function planRestore(input: PlanInput): Plan {
  const documents = new Map(
    [...input.wanted]
      .map((document) => [keyOf(document.type.dir, document.id), document] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const drafts = new Map<Key, Draft>();
  for (const [key, document] of documents) drafts.set(key, planOne(document, input));
  const dangling = blockDangling(drafts, documents, input);
  const created = new Map<string, Key>();
  for (const [key, { action, id }] of drafts) if (action === 'create') created.set(id, key);
  const followers = followerSteps(input, drafts, created);
  for (const step of followers) drafts.set(step.key, step);
  const deletions = deletionSteps(input);

  const followed = new Map(input.followers.map((live) => [keyOf(live.type.dir, live.id), live]));
  const nodes: Node[] = [...drafts.values()]
    .filter(({ action }) => action === 'create' || action === 'update' || action === 'undelete')
    .flatMap((step) => {
      const document = documents.get(step.key) ?? followed.get(step.key);
      return document
        ? [{ key: step.key, type: document.type, doc: document.doc, arrives: step.action !== 'update' }]
        : [];
    });
  const order = orderByNeed(nodes);
  const last = Math.max(0, ...order.levels.values());
  const removal = orderByNeed(
    input.deletions.map((live) => ({
      key: keyOf(live.type.dir, live.id),
      type: live.type,
      doc: live.doc,
      arrives: false,
    })),
  );
  const lowest = Math.max(0, ...removal.levels.values());

  const finished = [...drafts.values(), ...deletions].map((step): Step => {
    const document = documents.get(step.key);
    const bare =
      step.action === 'create' && document
        ? (document.type.restore.bare ?? []).filter(
            (path) =>
              valueAt(document.doc, path) !== undefined && !document.type.restore.strip?.includes(path),
          )
        : [];
    const late = step.action === 'create' ? [...new Set([...bare, ...(order.late.get(step.key) ?? [])])] : [];
    // What refers to others goes before them.
    const level =
      step.action === 'delete'
        ? last + 1 + lowest - (removal.levels.get(step.key) ?? 0)
        : (order.levels.get(step.key) ?? 0);
    return { ...step, level, late };
  });
  const quiet = (step: Step): boolean =>
    step.action === 'unchanged' && step.credentials.length === 0 && step.targetId === undefined;
  const steps = finished
    .filter((step) => !quiet(step))
    .sort(
      (a, b) =>
        Number(a.action === 'impossible') - Number(b.action === 'impossible') ||
        a.level - b.level ||
        (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
    );
  return {
    account: input.account,
    from: input.from,
    target: input.target,
    state: input.state,
    steps,
    unchanged: finished.filter(({ action }) => action === 'unchanged').length,
    warnings: [...warningsOf(finished, documents, input), ...dangling, ...embeddedElsewhere(input, created)],
  };
}
