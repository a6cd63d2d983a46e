import { isArray, type Json } from '../core/json.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { valueAt } from '../core/paths.ts';
import { placeText } from '../core/places.ts';
import { restorable } from './body.ts';
import { blockDangling, lateField } from './dangling.ts';
import { compare, planOne } from './decide.ts';
import { createdInstead, dependentReturns, dependentSteps, handWork } from './dependents.ts';
import { type Draft, draft, list, neverMade, type PlanInput } from './draft.ts';
import { type Node, orderByNeed, orderOfDeletion } from './order.ts';
import { realValues } from './secrets.ts';
import { stillUsed } from './still-used.ts';
import { targetChanges, withoutCredentials } from './targets.ts';
import type { Contested, IdMap, Plan, Step, TargetChange, Wanted } from './types.ts';
import { embeddedElsewhere, warningsOf } from './warnings.ts';

export type { PlanInput } from './draft.ts';

function deletionSteps(input: PlanInput): Draft[] {
  return input.deletions.map((live) => {
    const never = neverMade(live) ?? live.type.restore.undeletable;
    const base = { version: input.versionOf(live.doc), conflict: live.changed };
    const why = live.why ?? 'not in the mirror at that time';
    return never
      ? draft(live, { ...base, action: 'impossible', reason: `${why}, but ${never}`, conflict: false })
      : draft(live, { ...base, action: 'delete', reason: why });
  });
}

/** The step of what is left as it is, since others changed the same fields. */
function contestedStep(document: Contested, winner: string): Draft {
  const { id, isLive, goes, conflicts } = document;
  const fields = [...new Set(conflicts.map(({ place }) => placeText(place) || 'the document'))];
  const target = isLive ? { targetId: id } : {};
  const why = goes ? `the ${winner} deletes it, and it was changed since` : 'changed since';
  const reason = `${why}: ${list(fields)}; it is left as it is (--force lets the ${winner} win)`;
  return draft(document, { action: 'blocked', reason, conflicts, ...target });
}

/** What the plan does to every resource, before its order is known. */
interface Decided {
  readonly drafts: ReadonlyMap<Key, Draft>;
  /** What gets a new id: id in the state → key. */
  readonly created: ReadonlyMap<string, Key>;
  readonly deletions: readonly Draft[];
  /** What creations leave out because it refers to what will not be there. */
  readonly without: ReadonlyMap<Key, readonly string[]>;
  /** Of references and dependents. */
  readonly warnings: readonly string[];
}

/** What was deleted need not follow, and a mask supplies no credential. */
function prepared(given: PlanInput, deletions: readonly Draft[]): PlanInput {
  const leaving = new Set(deletions.filter(({ action }) => action === 'delete').map(({ key }) => key));
  return {
    ...given,
    supplied: (document) => realValues(given.supplied(document)),
    dependents: given.dependents.filter(({ type, id }) => !leaving.has(keyOf(type.name, id))),
  };
}

function createdIds(drafts: ReadonlyMap<Key, Draft>, ids: IdMap): Map<string, Key> {
  const created = new Map<string, Key>();
  for (const [key, { action, id }] of drafts) if (action === 'create') created.set(id, key);
  // What an earlier restore created in its place is gone as well, and may still be referred to.
  for (const [old, id] of ids) {
    const key = created.get(id);
    if (key !== undefined) created.set(old, key);
  }
  return created;
}

function decide(documents: ReadonlyMap<Key, Wanted>, input: PlanInput, deletions: readonly Draft[]): Decided {
  const drafts = new Map<Key, Draft>();
  for (const [key, document] of documents) drafts.set(key, planOne(document, input));
  for (const document of input.contested) {
    const step = contestedStep(document, input.applied ? 'change' : 'undo');
    drafts.set(step.key, step);
  }
  for (let changed = true; changed; ) {
    const instead = createdInstead(input, drafts, documents, createdIds(drafts, input.ids));
    for (const step of instead) drafts.set(step.key, step);
    changed = instead.length > 0;
  }
  const dangling = blockDangling(drafts, documents, input);
  const created = createdIds(drafts, input.ids);
  const dependents = dependentSteps(input, drafts, created);
  for (const step of dependents) drafts.set(step.key, step);
  for (const step of dependentReturns(input, drafts, documents, created)) drafts.set(step.key, step);
  return {
    drafts,
    created,
    deletions,
    warnings: [...handWork(dependents), ...dangling.warnings, ...stillUsed(input, drafts, documents, deletions)],
    without: dangling.without,
  };
}

/** Fields that every creation of this document leaves out. An empty list waits for nothing. */
function bareFields({ type, doc }: Wanted): string[] {
  const { bare = [], strip = [] } = type.restore;
  const waits = (held: Json | undefined): boolean => held !== undefined && !(isArray(held) && held.length === 0);
  return bare.filter((path) => waits(valueAt(doc, path)) && !strip.includes(path));
}

/** Steps with their level, and with what their creation leaves out: what refers to others is deleted before them. */
function order(documents: ReadonlyMap<Key, Wanted>, input: PlanInput, { drafts, deletions, without }: Decided): Step[] {
  const dependents = new Map(input.dependents.map((live) => [keyOf(live.type.name, live.id), live]));
  const nodes = [...drafts.values()].flatMap(({ key, action, targetId }): Node[] => {
    const document = documents.get(key) ?? dependents.get(key);
    if (!document || (action !== 'create' && action !== 'update' && action !== 'undelete')) return [];
    const live = input.live.get(key);
    const binned = action === 'undelete' && live?.state === 'binned' ? { binned: live.doc } : {};
    const target = targetId === undefined ? {} : { targetId };
    return [{ key, type: document.type, doc: document.doc, arrives: action !== 'update', ...binned, ...target }];
  });
  const writing = orderByNeed(nodes);
  const leaving = new Set(deletions.filter(({ action }) => action === 'delete').map(({ key }) => key));
  const removal = orderOfDeletion(
    input.deletions
      .map(({ type, id, doc }) => ({ key: keyOf(type.name, id), type, doc }))
      .filter(({ key }) => leaving.has(key)),
  );
  const arriving = new Set([...drafts.values()].flatMap(({ action, key }) => (action === 'create' ? [key] : [])));
  const bare = withoutCredentials(arriving, documents, input);
  const targetsOf = (step: Draft): Pick<Step, 'targets'> => {
    const document = documents.get(step.key);
    const targets = document ? changedTargets(step, document, input, bare) : [];
    return targets.length > 0 ? { targets } : {};
  };
  const afterAll = 1 + Math.max(0, ...writing.levels.values()) + Math.max(0, ...removal.levels.values());
  return [...drafts.values(), ...deletions].map((step): Step => {
    if (step.action === 'delete') {
      const level = afterAll - (removal.levels.get(step.key) ?? 0);
      return { ...step, level, late: removal.late.get(step.key) ?? [] };
    }
    const document = documents.get(step.key);
    const left = document ? bareFields(document) : [];
    const absent = without.get(step.key) ?? [];
    const fields = absent.flatMap((place) => (document && lateField(document, { place })) ?? []);
    const waiting = [...left, ...(writing.late.get(step.key) ?? []), ...fields];
    const late = step.action === 'create' ? [...new Set(waiting)] : [];
    const level = writing.levels.get(step.key) ?? 0;
    return { ...step, level, late, ...(absent.length > 0 ? { absent } : {}), ...targetsOf(step) };
  });
}

/** The targets that a step changes next to credentials that stay. @param created what it creates without any */
function changedTargets(step: Draft, document: Wanted, input: PlanInput, created: ReadonlySet<Key>): TargetChange[] {
  const live = input.live.get(step.key);
  const isThere = step.action !== 'create' && (live?.state === 'live' || live?.state === 'binned');
  const forms = isThere
    ? compare(document, live, input).forms
    : { wanted: restorable(document.type, document.doc, input.ids), live: undefined };
  return targetChanges(step, forms, { document, live: isThere ? live.doc : undefined, input, created });
}

/** Whether a step says nothing that anyone needs to see. */
function isQuiet(step: Step): boolean {
  return step.action === 'unchanged' && step.credentials.length === 0 && step.targetId === undefined;
}

function byOrder(a: Step, b: Step): number {
  return (
    Number(a.action === 'impossible') - Number(b.action === 'impossible') ||
    a.level - b.level ||
    (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  );
}

/**
 * The plan that brings the target to the wanted state. Pure: the same input gives the same plan, whatever the order of
 * its lists.
 */
export function planRestore(given: PlanInput): Plan {
  const deletions = deletionSteps(given);
  const input = prepared(given, deletions);
  const documents = new Map(
    input.wanted
      .map((document) => [keyOf(document.type.name, document.id), document] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const decided = decide(documents, input, deletions);
  const steps = order(documents, input, decided);
  const { account, from, target, state, undone, applied } = input;
  return {
    account,
    from,
    target,
    state,
    ...(undone ? { undone } : {}),
    ...(applied ? { applied } : {}),
    steps: steps.filter((step) => !isQuiet(step)).sort(byOrder),
    unchanged: steps.filter(({ action }) => action === 'unchanged').length,
    warnings: [
      ...warningsOf(steps, documents, input),
      ...decided.warnings,
      ...embeddedElsewhere(input, decided.created),
    ],
  };
}
