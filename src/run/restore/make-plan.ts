import type { MirrorDocument } from '../../core/documents.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf, typeIn } from '../../core/keys.ts';
import { recordedDocuments } from '../../history/recorded.ts';
import type { Repository } from '../../mirror/repository.ts';
import { type PlanInput, planRestore } from '../../plan/planner.ts';
import { endsInPath, hasBase, precedentOf } from '../../plan/targets.ts';
import { isActing, type LiveDocument, type Plan, type Precedent } from '../../plan/types.ts';
import type { Chosen } from './choose-state.ts';
import type { Fetched } from './fetch-target.ts';
import { type LiveAccount, versionOf } from './live.ts';
import type { Matched } from './match.ts';
import { documentsWith, idsToFind, replacedIds } from './out-of-scope.ts';
import { isSameAccount, type RestoreContext, suppliedFor } from './request.ts';
import { createdKeys, touchedKeys } from './resume.ts';
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
  { deps, request, repository, resumed }: RestoreContext,
  { state, selection, undone, edits }: Chosen,
  { live, wants, ids, userId, made, writer }: Fetched,
  { wanted, found }: Matched,
): Promise<Planned> {
  const { target } = request;
  const sameAccount = isSameAccount(request);
  const inState = (key: Key): boolean => state.documents.has(key);
  const own = resumed ? touchedKeys(resumed) : new Set<Key>();
  const createdNow = resumed ? createdKeys(resumed) : new Set<Key>();
  const gone = wanted.filter((document) => found.get(keyOf(document.type.name, document.id))?.state === 'gone');
  const moved = new Set(sameAccount ? [...gone.map(({ id }) => id), ...idsToFind(live, ids)] : []);
  const unlessOwn = (document: LiveDocument): LiveDocument =>
    own.has(keyOf(document.type.name, document.id)) ? { ...document, changed: false } : document;
  const dependents = (await documentsWith(live, moved)).map(unlessOwn);
  const deletions = (await wants.deletions()).map(unlessOwn);
  const shown = await askForUnlisted(wanted, {
    writer,
    live,
    inState,
    ids,
    sameAccount,
    concurrency: target.concurrency,
  });
  const input: PlanInput = {
    account: target.name,
    from: request.from,
    target: { baseUrl: target.baseUrl, userId },
    state: { commit: state.commit ?? '', date: (state.date ?? deps.now()).toISOString() },
    ...(undone ? { undone: undone.commits.map(({ commit }) => commit) } : {}),
    ...(edits ? { applied: { base: edits.before.commit ?? '', commit: edits.after.commit ?? '' } } : {}),
    wanted,
    live: found,
    ids,
    exists: (typeName, id) => shown.get(keyOf(typeName, id)) ?? live.has(keyOf(typeName, id)),
    inState: (typeName, id) => inState(keyOf(typeName, id)),
    supplied: (document) => suppliedFor(request, document),
    made,
    enableFlows: request.enableFlows,
    sampleData: target.sampleData,
    deletions,
    // What a drill made is used by nothing else.
    users: request.remove ? [] : await documentsWith(live, new Set(deletions.map(({ id }) => id))),
    contested: wants.contested,
    dependents,
    replaced: sameAccount ? replacedIds(live, ids, dependents) : new Map(),
    // What another account does not list, such as Celigo's own iClients, has no credentials of that account.
    lends: (key) => !createdNow.has(key) && (sameAccount || live.has(key) !== false),
    endsInPath: () => false,
    precedents: () => [],
    versionOf,
  };
  const plan = await planWithPrecedents(input, { live, repository, sameAccount });
  const documents = new Map(
    [...dependents, ...wanted].map((document) => [keyOf(document.type.name, document.id), document]),
  );
  // Selected, but as wanted without a fetch; dependents have steps of their own.
  const evaluated = new Set([
    ...wanted.map(({ type, id }) => keyOf(type.name, id)),
    ...plan.steps.map(({ key }) => key),
  ]);
  let converged = 0;
  for (const key of selection.selected) if (!evaluated.has(key)) converged += 1;
  const unseen = sameAccount ? unread(live, selection.selected) : [];
  const warnings = [...wants.warnings, ...plan.warnings, ...unseen];
  return {
    plan: { ...plan, warnings, unchanged: plan.unchanged + converged },
    documents,
    incomplete: unseen.length > 0,
  };
}

/**
 * The plan. Where new resources send credentials of others, it is made again with what the account has or had: this is
 * read only then.
 */
async function planWithPrecedents(
  input: PlanInput,
  { live, repository, sameAccount }: { live: LiveAccount; repository: Repository; sameAccount: boolean },
): Promise<Plan> {
  const plan = planRestore(input);
  const leading = plan.steps.filter(({ targets = [] }) => targets.some(({ isNew }) => isNew));
  if (leading.length === 0) return plan;
  const types = new Set(leading.map(({ type }) => type));
  const there = await live.documents(live.keys().filter((key) => types.has(typeIn(key)) || hasBase(key)));
  const known = new Map<string, Precedent[]>([...types].map((name) => [name, []]));
  for (const { type, doc } of there.values()) known.get(type.name)?.push(precedentOf(type, doc, input.ids));
  // What the plan changes may end otherwise then.
  const changed = new Set(plan.steps.filter(isActing).map(({ type, id, targetId = id }) => keyOf(type, targetId)));
  const recorded = sameAccount
    ? await recordedDocuments(repository.git, input.account, new Set(leading.map(({ key }) => key)))
    : new Map<Key, readonly JsonObject[]>();
  return planRestore({
    ...input,
    endsInPath: (key) => {
      const document = changed.has(key) ? undefined : there.get(key);
      return document !== undefined && endsInPath(document.type, document.doc);
    },
    precedents: ({ type, id }) => [
      ...(known.get(type.name) ?? []),
      ...(recorded.get(keyOf(type.name, id)) ?? []).map((doc) => precedentOf(type, doc, input.ids)),
    ],
  });
}

/** Warnings of selected types that could not be listed: what they show as unchanged is what the mirror last saw. */
function unread({ report }: Fetched['live'], selected: ReadonlySet<Key>): string[] {
  const isSelected = (type: string): boolean => [...selected].some((key) => typeIn(key) === type);
  return report.types.flatMap(({ type, state, reason }) =>
    state === 'incomplete' && isSelected(type)
      ? [`${type} could not be listed completely (${reason}): what was changed or deleted of them may be missing here`]
      : [],
  );
}
