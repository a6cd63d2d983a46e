import type { MirrorDocument } from '../../core/documents.ts';
import { type Key, keyOf, typeIn } from '../../core/keys.ts';
import { planRestore } from '../../plan/planner.ts';
import type { LiveDocument, Plan } from '../../plan/types.ts';
import type { Chosen } from './choose-state.ts';
import type { Fetched } from './fetch-target.ts';
import { versionOf } from './live.ts';
import type { Matched } from './match.ts';
import { documentsWith, idsToFind, replacedIds } from './out-of-scope.ts';
import { isSameAccount, type RestoreContext, suppliedFor } from './request.ts';
import { touchedKeys } from './resume.ts';
import { askForUnlisted } from './unlisted.ts';

/** The plan, and the documents that its steps write. */
export interface Planned {
  readonly plan: Plan;
  /** Wanted documents by key, with the ids of the state; dependents that follow a new id as they are live. */
  readonly documents: ReadonlyMap<Key, MirrorDocument>;
  /** A selected type could not be listed: what is unchanged of it is only what the mirror last saw. */
  readonly incomplete: boolean;
}

/** Plans: reads of the target only what may have to follow new ids, or to go. */
export async function makePlan(
  { deps, request, resumed }: RestoreContext,
  { state, selection, undone, edits }: Chosen,
  { live, wants, ids, userId, made, writer }: Fetched,
  { wanted, found }: Matched,
): Promise<Planned> {
  const { target } = request;
  const sameAccount = isSameAccount(request);
  const stateKeys = new Set(state.documents.keys());
  const own = resumed ? touchedKeys(resumed) : new Set<Key>();
  const gone = wanted.filter((document) => found.get(keyOf(document.type.name, document.id))?.state === 'gone');
  const moved = new Set(sameAccount ? [...gone.map(({ id }) => id), ...idsToFind(live, ids)] : []);
  const unlessOwn = (document: LiveDocument): LiveDocument =>
    own.has(keyOf(document.type.name, document.id)) ? { ...document, changed: false } : document;
  const dependents = (await documentsWith(live, moved)).map(unlessOwn);
  const shown = await askForUnlisted(wanted, {
    writer,
    live,
    stateKeys,
    ids,
    sameAccount,
    concurrency: target.concurrency,
  });
  const plan = planRestore({
    account: target.name,
    from: request.from,
    target: { baseUrl: target.baseUrl, userId },
    state: { commit: state.commit ?? '', date: (state.date ?? deps.now()).toISOString() },
    ...(undone ? { undone: undone.commits.map(({ commit }) => commit) } : {}),
    ...(edits ? { applied: { base: edits.before.commit ?? '', commit: edits.after.commit ?? '' } } : {}),
    wanted,
    live: found,
    ids,
    exists: (typeName, id) => shown.get(keyOf(typeName, id)) ?? live.has(typeName, id),
    inState: (typeName, id) => stateKeys.has(keyOf(typeName, id)),
    supplied: (document) => suppliedFor(request, document),
    made,
    enableFlows: request.enableFlows,
    sampleData: target.sampleData,
    deletions: (await wants.deletions()).map(unlessOwn),
    contested: wants.contested,
    dependents,
    replaced: sameAccount ? replacedIds(live, ids, dependents) : new Map(),
    versionOf,
  });
  const documents = new Map(
    [...dependents, ...wanted].map((document) => [keyOf(document.type.name, document.id), document]),
  );
  // Selected, but as wanted without a fetch; dependents have steps of their own.
  const evaluated = new Set([
    ...wanted.map(({ type, id }) => keyOf(type.name, id)),
    ...plan.steps.map(({ key }) => key),
  ]);
  const converged = [...selection.selected].filter((key) => !evaluated.has(key)).length;
  const unseen = sameAccount ? unread(live, selection.selected) : [];
  const warnings = [...wants.warnings, ...plan.warnings, ...unseen];
  return {
    plan: { ...plan, warnings, unchanged: plan.unchanged + converged },
    documents,
    incomplete: unseen.length > 0,
  };
}

/** Warnings of selected types that could not be listed: what they show as unchanged is what the mirror last saw. */
function unread({ report }: Fetched['live'], selected: ReadonlySet<Key>): string[] {
  const types = new Set([...selected].map(typeIn));
  return report.types.flatMap(({ type, state, reason }) =>
    state === 'incomplete' && types.has(type)
      ? [`${type} could not be listed completely (${reason}): what was changed or deleted of them may be missing here`]
      : [],
  );
}
