import { setMaxListeners } from 'node:events';
import PQueue from 'p-queue';
import { findType } from '../../catalogue/index.ts';
import { clientOf } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { purge, readBin } from '../../celigo/recycle-bin.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { equalJson } from '../../core/paths.ts';
import { documentPaths, headCommit, type NamedCommit, readDocuments, readState } from '../../history/state.ts';
import { openRestore } from '../restore/session.ts';
import type { DrillFinding } from './drill-findings.ts';
import { counts, namesOf } from './drill-guards.ts';
import type { DrillRecord } from './drill-record.ts';
import type { CleanUp } from './drill-report.ts';
import { type Drill, isInterrupted, isRemovalStarted, madeBy, restoreDeps, wholeTarget } from './drill-state.ts';

/** What one round of deletions left. */
interface Removal {
  readonly left: readonly DrillFinding[];
  readonly requests: number;
}

/**
 * Refuses to delete what someone has worked on since it was kept.
 * @param commit the target as the drill left it
 * @throws AppError `GUARD`, GitFailure
 */
async function checkUnchanged({ ownGit, target }: Drill, commit: string, made: readonly Key[]): Promise<void> {
  const read = async (named: NamedCommit): Promise<Map<Key, JsonObject>> => {
    const state = await readState(ownGit, target.name, named);
    const documents = await readDocuments(state, documentPaths(state));
    return new Map(documents.map(({ type, id, doc }) => [keyOf(type.name, id), doc]));
  };
  const kept = await read({ commit, date: new Date(0) });
  const now = await read(await headCommit(ownGit));
  const changed = made.filter((key) => now.has(key) && !equalJson(now.get(key), kept.get(key)));
  if (changed.length === 0) return;
  throw new AppError(
    'GUARD',
    `drill --into ${target.name}: ${namesOf(changed)} changed since an earlier drill kept it. Nothing was deleted`,
    { hint: 'Use another account, or delete what was changed manually if no one needs it' },
  );
}

/** Deletes what the drill made, in reverse order of its creation. @throws AppError, ApiError, GitFailure */
async function removeMade(drill: Drill, record: DrillRecord, made: readonly Key[]): Promise<Removal> {
  const { ownGit } = drill;
  const target = wholeTarget(drill.target, false);
  // An earlier removal has changed things itself, to be able to delete them.
  const kept = isRemovalStarted(drill) ? undefined : record.kept;
  const session = await openRestore(
    restoreDeps(drill, record),
    {
      what: ['what the drill made'],
      remove: made,
      from: target.name,
      target,
      dryRun: false,
      prune: false,
      withDependencies: false,
      enableFlows: false,
      force: true,
      allowTargetChange: true,
      secrets: new Map(),
      overrides: new Map(),
    },
    isInterrupted(drill) ? {} : undefined,
  );
  try {
    if (kept) await checkUnchanged(drill, kept, made);
    const { outcomes, plan, requests } = await session.apply();
    const why = new Map(outcomes.map(({ step, reason }) => [step.key, reason]));
    for (const { key, action, reason } of plan.steps) if (action === 'impossible') why.set(key, reason);
    const state = await readState(ownGit, target.name, await headCommit(ownGit));
    const unlisted = outcomes.filter(({ result }) => result !== 'done').map(({ step }) => step.key);
    const there = new Set<Key>([...state.documents.keys(), ...unlisted].filter(counts));
    const own = new Set(made);
    const left = [...there].map(
      (key): DrillFinding => ({
        what: key,
        title: '',
        why: own.has(key)
          ? (why.get(key) ?? 'it is still there, although it was deleted')
          : 'the drill did not make it: it was left as it is',
      }),
    );
    return { left, requests };
  } finally {
    await session.close();
  }
}

/**
 * Takes what the drill made and deleted out of the recycle bin, where it would keep iClients from being deleted
 * (api-notes#iclient-delete) and names from being used again. What cannot be purged goes by itself.
 * @returns how many are gone permanently, in how many requests
 */
async function purgeMade(drill: Drill, made: readonly Key[]): Promise<{ purged: number; requests: number }> {
  const { target, deps } = drill;
  setMaxListeners(0, deps.signal);
  const client = clientOf(target, deps.env, { userAgent: deps.userAgent });
  const unlessRefused = async <T>(work: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof ApiError && error.status !== undefined && error.status < 500) return otherwise;
      throw error;
    }
  };
  try {
    const bin = await unlessRefused(readBin(client, deps.signal), new Map());
    const queue = new PQueue({ concurrency: target.concurrency });
    const done = await queue.addAll(
      made
        .filter((key) => bin.has(key))
        .map((key) => async () => {
          const type = findType(typeIn(key));
          const gone = type && purge(client, type, idIn(key), deps.signal).then(() => true);
          return gone ? unlessRefused(gone, false) : false;
        }),
    );
    return { purged: done.filter(Boolean).length, requests: client.stats.requests };
  } finally {
    await client.close();
  }
}

/**
 * Leaves nothing in the target of what the drill made, nor in its recycle bin.
 * @throws AppError, ApiError, GitFailure
 */
export async function removeAll(drill: Drill, record: DrillRecord): Promise<CleanUp> {
  const made = madeBy(drill);
  let { left, requests } = await removeMade(drill, record, made);
  let { purged, requests: more } = await purgeMade(drill, made);
  requests += more;
  const own = new Set(made);
  if (purged > 0 && left.some(({ what }) => own.has(what))) {
    const again = await removeMade(drill, record, made);
    const last = await purgeMade(drill, made);
    left = again.left;
    purged += last.purged;
    requests += again.requests + last.requests;
  }
  const there = new Set(left.map(({ what }) => what));
  return { deleted: made.filter((key) => !there.has(key)).length, purged, kept: false, left, requests };
}
