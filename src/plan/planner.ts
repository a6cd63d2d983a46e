import { type Key, keyOf } from '../core/keys.ts';
import { valueAt } from '../core/paths.ts';
import { blockDangling } from './dangling.ts';
import { planOne } from './decide.ts';
import { followerSteps, followingReturns, handWork } from './dependents.ts';
import { type Draft, draft, neverMade, type PlanInput } from './draft.ts';
import { type Node, orderByNeed } from './order.ts';
import { realValues } from './secrets.ts';
import type { Plan, Step } from './types.ts';
import { embeddedElsewhere, warningsOf } from './warnings.ts';

export type { PlanInput } from './draft.ts';

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

/**
 * The plan that brings the target to the wanted state. Pure: the same input gives the same plan, whatever the order of
 * its lists.
 */
export function planRestore(given: PlanInput): Plan {
  const deletions = deletionSteps(given);
  const leaving = new Set(deletions.filter(({ action }) => action === 'delete').map(({ key }) => key));
  const input: PlanInput = {
    ...given,
    supplied: (document) => realValues(given.supplied(document)),
    // What goes need not follow.
    followers: given.followers.filter(({ type, id }) => !leaving.has(keyOf(type.name, id))),
  };
  const documents = new Map(
    [...input.wanted]
      .map((document) => [keyOf(document.type.name, document.id), document] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const drafts = new Map<Key, Draft>();
  for (const [key, document] of documents) drafts.set(key, planOne(document, input));
  const dangling = blockDangling(drafts, documents, input);
  const created = new Map<string, Key>();
  for (const [key, { action, id }] of drafts) if (action === 'create') created.set(id, key);
  // What an earlier restore had made of it is gone as well, and may still be named.
  for (const [old, id] of input.ids) {
    const key = created.get(id);
    if (key !== undefined) created.set(old, key);
  }
  const followers = followerSteps(input, drafts, created);
  for (const step of followers) drafts.set(step.key, step);
  for (const step of followingReturns(input, drafts, documents, created)) drafts.set(step.key, step);

  const followed = new Map(input.followers.map((live) => [keyOf(live.type.name, live.id), live]));
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
      key: keyOf(live.type.name, live.id),
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
            (path) => valueAt(document.doc, path) !== undefined && !document.type.restore.strip?.includes(path),
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
    warnings: [
      ...warningsOf(finished, documents, input),
      ...handWork(followers),
      ...dangling,
      ...embeddedElsewhere(input, created),
    ],
  };
}
