import { findType } from '../../catalogue/index.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { diffFields } from '../../core/field-diff.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { type Key, keyOf, typeIn } from '../../core/keys.ts';
import { readPath } from '../../core/layout.ts';
import { setSteps, stepsOf, valueAt } from '../../core/paths.ts';
import { placeText } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import type { Refusal } from '../../emulator/http/server.ts';
import { documentPaths, type MirrorState, readDocuments } from '../../history/state.ts';
import { restorable, switchesOf } from '../../plan/body.ts';
import { converge, type Made } from '../../plan/converged.ts';
import { bindingReferences, isOptional, latePlaces, withoutLate } from '../../plan/dangling.ts';
import { fillSecrets } from '../../plan/secrets.ts';
import { isActing, type Step, type Wanted } from '../../plan/types.ts';
import type { Prepared } from '../restore/prepared.ts';
import type { RestoreReport } from '../restore/report.ts';
import { readServerMade } from '../restore/server-made.ts';
import type { Outcome } from '../restore/write-log.ts';
import { doubtsOf, strayMasks } from './document-doubts.ts';
import { causesOf, type DrillFinding, type Lost } from './drill-causes.ts';

export type { DrillFinding } from './drill-causes.ts';

/** By type: resources of the mirror, and those that were restored and are the same afterwards. */
export type TypeCounts = Readonly<Record<string, { readonly documents: number; readonly restored: number }>>;

/** Counts by type. @param names types of the mirror's resources, one a resource @param back of those that came back */
function countByType(names: readonly string[], back: readonly string[]): TypeCounts {
  const count = (all: readonly string[], type: string): number => all.filter((name) => name === type).length;
  return Object.fromEntries(
    [...new Set(names)].sort().map((type) => [type, { documents: count(names, type), restored: count(back, type) }]),
  );
}

/** What a rehearsal found. */
export interface DrillFindings {
  /** Restored, and the same afterwards. */
  readonly restored: number;
  readonly types: TypeCounts;
  /** Restored here, though the API may refuse it. */
  readonly warnings: readonly DrillFinding[];
  /** Known to be impossible to restore through the API, with what to do. */
  readonly explained: readonly DrillFinding[];
  /** Faults of the mirror or of the restore. */
  readonly unexplained: readonly DrillFinding[];
}

/**
 * Whether a blocked step is blocked only by what cannot be restored through the API: according to the plan, or because
 * it is of a type of which the account lists nothing at all (no licence, no right), or for want of a credential.
 * @param mirrored types that the mirror holds something of
 */
function explainedBy(
  step: Step,
  prepared: Prepared,
  steps: ReadonlyMap<Key, Step>,
  mirrored: ReadonlySet<string>,
  everyCredential: boolean,
  seen: ReadonlySet<Key> = new Set(),
): boolean {
  if (step.credentials.length > 0 && !everyCredential) return true;
  const document = prepared.documents.get(step.key);
  if (seen.has(step.key) || !document) return false;
  const inner = new Set([...seen, step.key]);
  let explained = false;
  for (const reference of bindingReferences(document)) {
    const key = keyOf(reference.type, reference.id);
    const other = steps.get(key);
    // What others provide is there, although no listing shows it.
    const isThere = prepared.state.documents.has(key) || findType(reference.type)?.hasPublic;
    const met = other ? !['blocked', 'impossible'].includes(other.action) : isThere;
    if (met || isOptional(document, reference)) continue;
    explained = other
      ? other.action === 'impossible' || explainedBy(other, prepared, steps, mirrored, everyCredential, inner)
      : findType(reference.type)?.presence !== 'core' && !mirrored.has(reference.type);
    if (!explained) return false;
  }
  return explained;
}

/** What decides how a resource may differ from the mirror. */
interface Circumstances {
  readonly ids: ReadonlyMap<string, string>;
  readonly made: Made;
  readonly enabled: boolean;
  readonly everyCredential: boolean;
}

/**
 * Places of the mirror that did not come back, except for credentials. What the account has besides, in a place that
 * the mirror does not hold, was added by the server (api-notes#defaults).
 */
function compare(document: MirrorDocument, live: JsonObject, circumstances: Circumstances): string[] {
  const { type, doc } = document;
  const { ids, made, enabled, everyCredential } = circumstances;
  let [held, found] = [doc as Json, live as Json];
  // Without its value, an entry of a list is not sent either.
  if (!everyCredential)
    [held, found] = [doc, live].map((one) => fillSecrets(type, one, new Map(), undefined).doc) as [Json, Json];
  for (const { place } of secretPlaces(held).reverse()) {
    held = setSteps(held, place, undefined);
    found = setSteps(found, place, undefined);
  }
  const switches = switchesOf(type, doc);
  const unknown = enabled ? switches.filter((path) => valueAt(doc, path) === undefined) : switches;
  if (type.entries && doc[type.entries] === undefined) unknown.push(type.entries);
  for (const path of unknown) found = setSteps(found, stepsOf(path), undefined);
  if (!enabled) for (const path of switches) held = setSteps(held, stepsOf(path), undefined);
  const [wanted, now] = [restorable(type, held as JsonObject, ids), restorable(type, found as JsonObject, new Map())];
  return diffFields(converge(type, wanted, now, made).doc, now)
    .filter(({ before }) => before !== undefined)
    .map(({ place }) => placeText(place));
}

/** The ids in the account that a rehearsal made → the resources of the mirror. */
function originals(prepared: Prepared): Map<Key, MirrorDocument> {
  return new Map(
    prepared.wanted.map((document) => [
      keyOf(document.type.name, prepared.ids.get(document.id) ?? document.id),
      document,
    ]),
  );
}

/** What the API may refuse of the resources, as far as they were written. */
function refused(prepared: Prepared, refusals: readonly Refusal[]): DrillFinding[] {
  const written = originals(prepared);
  return refusals.flatMap(({ type, id, field, code, message }) => {
    const document = written.get(keyOf(type, id));
    const what = document ? keyOf(type, document.id) : keyOf(type, id);
    const place = field === '' || message.includes(field) ? '' : `${field}: `;
    return [{ what, title: document?.title ?? '', why: `may be refused by the API: ${place}${message} (${code})` }];
  });
}

/** References to what others provide and no listing shows (api-notes#unlisted). */
export function unlistedReferences(
  documents: readonly MirrorDocument[],
): { readonly document: MirrorDocument; readonly place: string; readonly type: string; readonly id: string }[] {
  const held = new Set(documents.map(({ type, id }) => keyOf(type.name, id)));
  return documents.flatMap((document) =>
    referencesOf(document.type, document.doc).flatMap(({ place, type, id }) =>
      type !== null && findType(type)?.hasPublic && !held.has(keyOf(type, id)) ? [{ document, place, type, id }] : [],
    ),
  );
}

function provided(documents: readonly MirrorDocument[]): DrillFinding[] {
  return unlistedReferences(documents).map(({ document, place, type, id }) => ({
    what: keyOf(document.type.name, document.id),
    title: document.title,
    why:
      `${place} refers to ${keyOf(type, id)}, which Celigo or another account provides: ` +
      'the API refuses it if it no longer exists',
  }));
}

/** Compares what came back with what was there, resource by resource. */
export async function evaluate(
  prepared: Prepared,
  report: RestoreReport,
  again: MirrorState,
  seen: {
    readonly documents: readonly MirrorDocument[];
    /** Files that could not be read: path inside the account's folder → the finding. */
    readonly faults: ReadonlyMap<string, DrillFinding>;
    readonly refusals: readonly Refusal[];
    /** Whether the restore switched on what was on; otherwise everything came back switched off. */
    readonly enabled: boolean;
    /** Whether every credential was passed; otherwise what waits for one is not a fault. */
    readonly everyCredential: boolean;
  },
): Promise<DrillFindings> {
  const explained: DrillFinding[] = [];
  const lost: LostDocument[] = [];
  const steps = new Map(report.plan.steps.map((step) => [step.key, step]));
  const outcomes = new Map(report.outcomes.map((outcome) => [outcome.step.key, outcome]));
  const held = new Map<Key, JsonObject>();
  for (const { type, id, doc } of await readDocuments(again, documentPaths(again))) held.set(keyOf(type.name, id), doc);
  const mirrored = new Set([...prepared.state.documents.values()].map(({ type: typeName }) => typeName));
  const made = readServerMade(prepared.repository.stateDir, report.account);
  const { ids } = prepared;
  const { enabled, everyCredential } = seen;
  const back: string[] = [];
  const written: Wanted[] = [];
  for (const document of prepared.wanted) {
    const { type, id, title } = document;
    const what = keyOf(type.name, id);
    const step = steps.get(what);
    if (step?.action !== 'impossible' && step?.action !== 'blocked') {
      written.push(document);
      continue;
    }
    const known = step.action === 'impossible' || explainedBy(step, prepared, steps, mirrored, everyCredential);
    if (known) explained.push({ what, title, why: step.reason });
    else lost.push({ document, lack: { why: step.reason, isBlocked: true } });
  }
  const never = new Set(explained.map(({ what }) => what as Key));
  for (const document of written) {
    const { type, id, title } = document;
    const what = keyOf(type.name, id);
    const step = steps.get(what);
    const target = keyOf(type.name, ids.get(id) ?? id);
    const live = held.get(target);
    const outcome = step && isActing(step) ? (outcomes.get(what) ?? { step, result: 'skipped' as const }) : undefined;
    const circumstances = { ids, made: new Set(made.get(target)), enabled, everyCredential };
    const lack = lackOf(document, outcome, live, circumstances);
    const why = lack && outcome?.id !== undefined ? lackOfOthers(document, live, circumstances, never) : undefined;
    if (lack === undefined) back.push(type.name);
    else if (why !== undefined) explained.push({ what, title, why });
    else lost.push({ document, lack });
  }
  const warnings = [...refused(prepared, seen.refusals), ...provided(seen.documents), ...doubtful(seen.documents)];
  const types = countByType(
    [...seen.documents.map(({ type }) => type.name), ...[...seen.faults.keys()].map(typeIn)],
    back,
  );
  const unexplained = causesOf(seen.faults, lostOf(lost, seen));
  return { restored: back.length, types, warnings, explained, unexplained };
}

/** How a resource is not as it was. */
interface Lack {
  readonly why: string;
  /** It was not written: something that it refers to is not there. */
  readonly isBlocked?: true;
  /** It was written, and lacks references. */
  readonly isIncomplete?: true;
  /** Where it differs. */
  readonly places?: readonly string[];
}

interface LostDocument {
  readonly document: MirrorDocument;
  readonly lack: Lack;
}

/** What of each lost resource is due to others that are lost. */
function lostOf(
  lost: readonly LostDocument[],
  { documents, faults }: { documents: readonly MirrorDocument[]; faults: ReadonlyMap<string, DrillFinding> },
): Lost[] {
  const files = [...faults.keys()].flatMap((path) => readPath(path) ?? []).map(({ type, id }) => keyOf(type, id));
  const gone = new Set([...files, ...lost.map(({ document: { type, id } }) => keyOf(type.name, id))]);
  const there = new Set([...gone, ...documents.map(({ type, id }) => keyOf(type.name, id))]);
  return lost.map(({ document, lack }): Lost => {
    const key = keyOf(document.type.name, document.id);
    const references = referencesOf(document.type, document.doc).flatMap(({ type, id, place }) =>
      type === null ? [] : [{ place, key: keyOf(type, id) }],
    );
    const needed = references.filter((one) => one.key !== key && gone.has(one.key));
    const isMissing = bindingReferences(document).some(
      (one) => !there.has(keyOf(one.type, one.id)) && !isOptional(document, one) && !findType(one.type)?.hasPublic,
    );
    const differs = lack.places?.some((place) => !needed.some((one) => place.startsWith(one.place))) ?? false;
    const isOwn =
      needed.length === 0 || differs || (lack.isBlocked ? isMissing : !lack.isIncomplete && lack.places === undefined);
    return {
      key,
      finding: { what: key, title: document.title, why: lack.why },
      needs: needed.map((one) => one.key),
      isOwn,
    };
  });
}

/** What looks wrong, although it was restored. */
function doubtful(documents: readonly MirrorDocument[]): DrillFinding[] {
  return documents.flatMap((document) =>
    doubtsOf(document).map((why) => ({ what: keyOf(document.type.name, document.id), title: document.title, why })),
  );
}

/** Why a resource lacks nothing but references to what cannot be restored through the API, or `undefined`. */
function lackOfOthers(
  document: MirrorDocument,
  live: JsonObject | undefined,
  circumstances: Circumstances,
  never: ReadonlySet<Key>,
): string | undefined {
  const needed = bindingReferences(document).filter((one) => never.has(keyOf(one.type, one.id)));
  const places = latePlaces(document, needed);
  const rest = { ...document, doc: withoutLate(document.doc, places) };
  // What is not complete is not switched on.
  const off = { ...circumstances, enabled: false };
  if (places.length === 0 || lackOf(rest, undefined, live, off) !== undefined) return undefined;
  const others = [...new Set(needed.map(({ type, id }) => keyOf(type, id)))];
  return `comes back without ${places.join(', ')}, since ${others.join(', ')} cannot be restored`;
}

/** How a resource is not as it was, or `undefined`. */
function lackOf(
  document: MirrorDocument,
  outcome: Outcome | undefined,
  live: JsonObject | undefined,
  circumstances: Circumstances,
): Lack | undefined {
  if (outcome && outcome.result !== 'done') {
    const why = outcome.reason ?? 'was not restored';
    if (outcome.result === 'skipped') return { why, isBlocked: true };
    return outcome.id === undefined ? { why } : { why, isIncomplete: true };
  }
  if (!live) return { why: 'is missing after the restore' };
  const places = compare(document, live, circumstances);
  if (places.length > 0) return { why: `differs after the restore: ${places.slice(0, 10).join(', ')}`, places };
  const masks = strayMasks(document).map((place) => `${place} holds a mask, and is not a field for a credential`);
  return masks.length > 0 ? { why: `${masks.join('; ')}: the mirror does not have what was there` } : undefined;
}
