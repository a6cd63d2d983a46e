import { randomBytes } from 'node:crypto';
import { EXIT } from '../../core/errors.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { valueAt } from '../../core/paths.ts';
import { createGit } from '../../mirror/git.ts';
import { createJournal, type Journal } from '../../mirror/journal.ts';
import { readState } from '../../mirror/state.ts';
import { switchesOf } from '../../plan/body.ts';
import type { Step } from '../../plan/types.ts';
import { idMapPath, readIdMaps, renderIdMaps } from '../idmaps.ts';
import { type Applier, createApplier } from './apply.ts';
import { earlierWrites, withUnsure } from './earlier.ts';
import { switchOn } from './enable.ts';
import { observe } from './live.ts';
import { findSlipped } from './lost-updates.ts';
import { findOperator } from './operator.ts';
import type { Prepared } from './prepare.ts';
import { preserveLostUpdates } from './preserve-lost-updates.ts';
import { broughtAlong, compare } from './read-back.ts';
import type { RestoreReport } from './report.ts';
import type { RestoreDeps } from './request.ts';
import { touchedKeys, undeletedKeys } from './resume.ts';
import { checkRights } from './rights.ts';
import type { ApplyContext, Outcome } from './write-log.ts';

/** Actions that change something. */
const ACTING: ReadonlySet<string> = new Set(['create', 'update', 'undelete', 'delete']);

export function actingSteps(steps: readonly Step[]): Step[] {
  return steps.filter(({ action }) => ACTING.has(action));
}

/** The report of a plan that is not (or not yet) applied. */
export function plannedReport(prepared: Prepared, startedMs: number): RestoreReport {
  const { plan, refusals, client } = prepared;
  const blocked = plan.steps.some(({ action }) => action === 'blocked');
  const acting = actingSteps(plan.steps).length > 0;
  return {
    account: plan.account,
    from: plan.from,
    plan,
    verdict: refusals.length > 0 ? 'refused' : acting ? 'planned' : 'unchanged',
    exitCode: refusals.length > 0 ? EXIT.refused : blocked ? EXIT.partial : EXIT.done,
    outcomes: [],
    drift: [],
    warnings: plan.warnings,
    enabled: [],
    commits: [],
    remote: { state: 'skipped' },
    newIds: {},
    requests: prepared.live.report.requests + client.stats.requests,
    writes: 0,
    applyMs: 0,
    durationMs: Math.round(performance.now() - startedMs),
  };
}

async function beginJournal(deps: RestoreDeps, prepared: Prepared): Promise<Journal> {
  const { request, repository, plan } = prepared;
  if (prepared.journal) return prepared.journal;
  const userGit = createGit({
    cwd: repository.path,
    config: deps.config.repository,
    env: deps.env,
    signal: deps.signal,
  });
  const startedAt = deps.now().toISOString();
  return createJournal(repository.stateDir, {
    version: 1,
    id: `${startedAt.replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`,
    account: plan.account,
    from: plan.from,
    commit: plan.state.commit,
    what: request.what,
    options: {
      prune: request.prune,
      withDependencies: request.withDependencies,
      enableFlows: request.enableFlows,
      force: request.force,
      secrets: request.secrets.size > 0,
    },
    base: (await repository.head()) ?? '',
    startedAt,
    operator: await findOperator(deps.env, userGit, prepared.client, prepared.userId, deps.signal),
  });
}

/** Ids that the target had before the restore began. */
async function oldIds(prepared: Prepared, journal: Journal): Promise<(type: string, id: string) => boolean> {
  const state = await readState(prepared.repository.git, prepared.plan.account, {
    commit: journal.head.base,
    date: new Date(0),
  }).catch(() => undefined);
  const known = new Set<Key>(state?.documents.keys());
  for (const key of prepared.live.keys()) {
    const [typeName = '', id = ''] = key.split('/');
    // What an interrupted restore made counts as new until somebody accounts for it.
    if (!prepared.journal) known.add(keyOf(typeName, id));
  }
  return (typeName, id) => known.has(keyOf(typeName, id));
}

/**
 * Applies a plan: journal, writes level by level, completion, switching on, a look for edits that slipped in, and a last
 * sync that commits what the account holds now with the operator as author. Whatever stops it, the journal tells how to go
 * on.
 * @throws AppError, ApiError, GitFailure when it had to stop; the journal stays open then
 */
export async function carryOut(
  deps: RestoreDeps,
  prepared: Prepared,
  startedMs: number,
  onBegun: (id: string) => void,
): Promise<RestoreReport> {
  const { plan, request, client, repository } = prepared;
  if (!prepared.journal) await checkRights(client, prepared.userId, deps.signal);
  const journal = await beginJournal(deps, prepared);
  onBegun(journal.head.id);
  if (prepared.matches.length > 0)
    journal.append(
      prepared.matches.map((match) => ({ kind: 'match', ...match })),
      true,
    );
  const since = new Date(Math.min(Date.parse(journal.head.startedAt), Date.now()) + client.clockSkewMs());
  try {
    const earlier = await earlierWrites(prepared);
    const requestsBefore = client.stats.requests;
    const applying = performance.now();
    const context: ApplyContext = {
      client,
      writer: prepared.writer,
      journal,
      documents: prepared.documents,
      supplied: prepared.supplied,
      sampleData: request.target.sampleData,
      ids: prepared.ids,
      isOld: await oldIds(prepared, journal),
      foreign: plan.account !== plan.from,
      concurrency: request.target.concurrency,
      progress: deps.progress ?? (() => undefined),
      signal: deps.signal,
    };
    const applier = createApplier(context);
    try {
      await applier.run(plan.steps);
    } catch (error) {
      // Nothing was written: nothing is to be resumed.
      if (!journal.entries.some(({ kind }) => kind === 'done') && isRights(error))
        journal.append([{ kind: 'end', exitCode: 1 }], true);
      throw error;
    }
    await applier.finish();
    const switched = await switchOn(context, plan.steps, applier.outcomes);
    const writes = client.stats.requests - requestsBefore;
    const applyMs = Math.round(performance.now() - applying);
    const slipped = await findSlipped({
      client,
      writer: prepared.writer,
      written: await withUnsure([...applier.unsure].reverse().concat(earlier), applier.written, prepared.writer),
      userId: prepared.userId,
      since,
      signal: deps.signal,
    });
    journal.append([{ kind: 'applied' }], true);
    const kept = await preserveLostUpdates(repository, plan.account, slipped.found, {
      restoreId: journal.head.id,
      transliterate: deps.transliterate,
      now: deps.now(),
    });

    const maps = await nextIdMaps(prepared, applier.outcomes);
    const after = await observe(deps, request.target, repository, {
      dryRun: false,
      restore: {
        id: journal.head.id,
        operator: journal.head.operator,
        touched: allTouched(journal, applier),
        undeleted: undeletedKeys(journal),
        files: maps,
      },
    });
    const { drift, made } = await compare(
      prepared,
      applier.outcomes,
      after,
      new Set(switched.on.map(({ key }) => key)),
    );
    const along = await broughtAlong(prepared, applier.outcomes, after);
    const warnings = [
      ...plan.warnings,
      ...along.map((document) => {
        const runs = switchesOf(document.type, document.doc).some((path) => valueAt(document.doc, path) === false);
        const name = `${keyOf(document.type.name, document.id)} "${document.title}"`;
        return `${name} came back with its integration, though it was not asked for${runs ? ', and is switched on' : ''}`;
      }),
      ...switched.off.map(({ step, reason }) => `${step.key} "${step.title}" was left disabled: ${reason}`),
      ...made,
      ...(slipped.notice ? [slipped.notice] : []),
      ...after.report.incomplete.map((type) => `${type} could not be mirrored whole after the restore: run sync`),
      ...slipped.found.map((edit) => {
        const commit = kept.get(edit);
        const where = commit
          ? `it is kept in the history as ${commit.id.slice(0, 10)} (restore it from there)`
          : 'the audit log of the account tells more';
        return `${keyOf(edit.type.name, edit.id)} was edited by ${edit.by.name} while it was restored (${edit.fields.join(', ') || 'unknown fields'}): the edit was overwritten; ${where}`;
      }),
    ];
    const tried = new Map(applier.outcomes);
    for (const { step, reason, failed } of switched.off) {
      const before = tried.get(step.key);
      if (failed && (before?.result ?? 'done') === 'done')
        tried.set(step.key, { ...before, step, result: 'failed', reason: `left disabled: ${reason}` });
    }
    const outcomes = [...tried.values()].map((outcome): Outcome => {
      const key = keyOf(outcome.step.type, outcome.id ?? outcome.step.id);
      const hit = slipped.found.find(({ type, id }) => keyOf(type.name, id) === key);
      return hit ? { ...outcome, result: 'conflict', reason: `edited by ${hit.by.name} meanwhile` } : outcome;
    });
    const conflict = slipped.found.length > 0 || outcomes.some(({ result }) => result === 'conflict');
    const partial =
      drift.length > 0 ||
      after.report.incomplete.length > 0 ||
      (request.prune && along.length > 0) ||
      outcomes.some(({ result }) => result !== 'done');
    const exitCode = conflict ? EXIT.refused : partial ? EXIT.partial : EXIT.done;
    journal.append([{ kind: 'end', exitCode }], true);
    return {
      ...plannedReport(prepared, startedMs),
      restoreId: journal.head.id,
      verdict: conflict ? 'conflict' : partial ? 'partial' : 'done',
      exitCode,
      outcomes,
      drift,
      warnings,
      enabled: switched.on.map(({ key }) => key),
      commits: [...prepared.live.report.commits, ...kept.values(), ...after.report.commits],
      newIds: newIdsOf(outcomes),
      requests: prepared.live.report.requests + client.stats.requests + after.report.requests,
      writes,
      applyMs,
      durationMs: Math.round(performance.now() - startedMs),
    };
  } finally {
    journal.close();
  }
}

function isRights(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === 'RIGHTS';
}

function newIdsOf(outcomes: readonly Outcome[]): Record<string, string> {
  return Object.fromEntries(
    outcomes.flatMap(({ step, id }) => (id !== undefined && id !== step.id ? [[step.key, id]] : [])),
  );
}

/** Everything the restore wrote, by its id in the target, and what it replaced, by its old one. */
function allTouched(journal: Journal, applier: Applier): Set<Key> {
  return new Set([...touchedKeys(journal), ...applier.written.keys()]);
}

/** The file of ids, when it has to say something new. */
async function nextIdMaps(
  prepared: Prepared,
  outcomes: ReadonlyMap<Key, Outcome>,
): Promise<{ path: string; text: string }[]> {
  const { plan, ids, repository } = prepared;
  const path = idMapPath(plan.from, plan.account);
  const maps = await readIdMaps(repository.git, path);
  const put = (type: string, old: string, id: string): void => {
    const map = maps.get(type) ?? new Map<string, string>();
    maps.set(type, map.set(old, id));
  };
  const before = renderIdMaps(maps);
  const known = new Set<string>();
  const standIns = new Map<string, string[]>();
  for (const [old, id] of ids) standIns.set(id, [...(standIns.get(id) ?? []), old]);
  for (const step of plan.steps) {
    const id = outcomes.get(step.key)?.id ?? step.targetId;
    if (step.action === 'delete' || id === undefined || id === step.id) continue;
    put(step.type, step.id, id);
    if (step.action === 'create') for (const old of standIns.get(id) ?? []) put(step.type, old, id);
  }
  for (const document of prepared.wanted) {
    const id = ids.get(document.id);
    if (id !== undefined && id !== document.id) put(document.type.name, document.id, id);
  }
  for (const map of maps.values()) for (const old of map.keys()) known.add(old);
  // Parts of documents (groups, versions) have ids too. What stands for something that was not made is none.
  const asked = new Set(prepared.wanted.map(({ id }) => id));
  for (const [old, id] of ids) if (!known.has(old) && old !== id && !asked.has(id)) put('parts', old, id);
  const text = renderIdMaps(maps);
  return text === before ? [] : [{ path, text }];
}
