import { EXIT } from '../../core/errors.ts';
import { fieldChangeJson } from '../../core/field-diff.ts';
import { keyOf } from '../../core/keys.ts';
import { placeText } from '../../core/places.ts';
import type { UndoConflict } from '../../core/take-back.ts';
import { oneLine, shownName } from '../../core/unseen.ts';
import { digestOfWork } from '../../plan/planfile.ts';
import { planRequests, type RestoreTime, restoreTime } from '../../plan/restore-time.ts';
import { isActing, type Plan, type Step } from '../../plan/types.ts';
import type { CommitReport, SyncReport } from '../report.ts';
import type { Applied } from './apply.ts';
import type { Switched } from './enable.ts';
import type { Journal } from './journal.ts';
import type { LiveAccount } from './live.ts';
import type { LostUpdate, LostUpdates } from './lost-updates.ts';
import type { Prepared } from './prepared.ts';
import type { Compared, Drift } from './read-back.ts';
import type { Outcome } from './write-log.ts';

/** What the stages after the plan found. */
export interface Results {
  readonly journal: Journal;
  readonly applied: Applied;
  readonly switched: Switched;
  readonly lost: LostUpdates;
  /** Commits that keep the lost updates. */
  readonly preserved: ReadonlyMap<LostUpdate, CommitReport>;
  /** The account as the restore left it. */
  readonly mirrored: LiveAccount;
  readonly compared: Compared;
  /** Requests of the writing stages, reads before writes included, and how long they took. */
  readonly writes: number;
  readonly applyMs: number;
}

/** What a restore did, or with `planned` would do. */
export interface RestoreReport {
  readonly account: string;
  readonly from: string;
  readonly restoreId?: string;
  readonly plan: Plan;
  readonly verdict: 'planned' | 'unchanged' | 'done' | 'partial' | 'refused' | 'conflict';
  readonly exitCode: number;
  readonly outcomes: readonly Outcome[];
  readonly drift: readonly Drift[];
  readonly warnings: readonly string[];
  readonly enabled: readonly string[];
  readonly commits: readonly CommitReport[];
  readonly remote: SyncReport['remote'];
  /** How long carrying out the plan takes; absent where there is nothing to do. */
  readonly time?: RestoreTime;
  /** Ids of the state → new ids. */
  readonly newIds: Readonly<Record<string, string>>;
  readonly requests: number;
  /** As in {@link Results}. */
  readonly writes: number;
  readonly applyMs: number;
  readonly durationMs: number;
}

/** The report of a plan that is not (or not yet) applied. */
export function plannedReport(prepared: Prepared): RestoreReport {
  const { plan, refusals, client, live, plannedAtMs, incomplete, request } = prepared;
  const blocked = plan.steps.some(({ action }) => action === 'blocked');
  const acting = plan.steps.some(isActing);
  const time = acting ? restoreTime(planRequests(plan.steps, live.report.requests), request.target) : undefined;
  const contested = plan.steps.some(({ conflicts = [] }) => conflicts.length > 0);
  return {
    account: plan.account,
    from: plan.from,
    plan,
    verdict: refusals.length > 0 ? 'refused' : acting ? 'planned' : contested ? 'conflict' : 'unchanged',
    exitCode: refusals.length > 0 || contested ? EXIT.refused : blocked || incomplete ? EXIT.partial : EXIT.done,
    outcomes: [],
    drift: [],
    warnings: plan.warnings,
    enabled: [],
    commits: [],
    remote: { state: 'skipped' },
    ...(time ? { time } : {}),
    newIds: {},
    requests: live.report.requests + client.stats.requests,
    writes: 0,
    applyMs: 0,
    durationMs: Math.round(performance.now() - plannedAtMs),
  };
}

/** What became of a plan. */
export function finalReport(prepared: Prepared, results: Results): RestoreReport {
  const { client, live, request, wanted } = prepared;
  const { journal, switched, lost, preserved, mirrored, compared, writes, applyMs } = results;
  const outcomes = finalOutcomes(results);
  const conflict =
    lost.found.length > 0 ||
    outcomes.some(({ result, step }) => result === 'conflict' || (step.conflicts?.length ?? 0) > 0);
  const partial =
    prepared.incomplete ||
    compared.drift.length > 0 ||
    mirrored.report.incomplete.length > 0 ||
    // What comes back because something uses it was not there at that time.
    (request.prune && wanted.some(({ neededBy }) => neededBy !== undefined)) ||
    outcomes.some(({ result }) => result !== 'done');
  return {
    ...plannedReport(prepared),
    restoreId: journal.head.id,
    verdict: conflict ? 'conflict' : partial ? 'partial' : 'done',
    exitCode: conflict ? EXIT.refused : partial ? EXIT.partial : EXIT.done,
    outcomes,
    drift: compared.drift,
    warnings: finalWarnings(prepared, results),
    enabled: switched.on.map(({ key }) => key),
    commits: [...live.report.commits, ...preserved.values(), ...mirrored.report.commits],
    newIds: Object.fromEntries(
      outcomes.flatMap(({ step, id }) => (id !== undefined && id !== step.id ? [[step.key, id]] : [])),
    ),
    requests: live.report.requests + client.stats.requests + mirrored.report.requests,
    writes,
    applyMs,
  };
}

/** The outcomes of the steps, with what switching on and the audit log say of them. */
function finalOutcomes({ applied, switched, lost }: Results): Outcome[] {
  const tried = new Map(applied.outcomes);
  // What is only switched on has no step besides.
  for (const step of switched.on) if (!tried.has(step.key)) tried.set(step.key, { step, result: 'done' });
  for (const { step, reason, failed } of switched.off) {
    const before = tried.get(step.key);
    if (failed && (before?.result ?? 'done') === 'done')
      tried.set(step.key, { ...before, step, result: 'failed', reason: `left disabled: ${reason}` });
  }
  return [...tried.values()].map((outcome): Outcome => {
    const key = keyOf(outcome.step.type, outcome.id ?? outcome.step.id);
    const edit = lost.found.find(({ type, id }) => keyOf(type.name, id) === key);
    return edit ? { ...outcome, result: 'conflict', reason: `edited by ${edit.by.name} meanwhile` } : outcome;
  });
}

function finalWarnings({ plan }: Prepared, { switched, lost, preserved, mirrored, compared }: Results): string[] {
  return [
    ...plan.warnings,
    ...switched.off.map(({ step, reason }) => `${step.key} "${shownName(step.title)}" was left disabled: ${reason}`),
    ...compared.serverMade,
    ...(lost.notice ? [lost.notice] : []),
    ...mirrored.report.incomplete.map((type) => `${type} could not be mirrored completely after the restore: run sync`),
    ...lost.found.map((edit) => {
      const commit = preserved.get(edit);
      const where = commit
        ? `commit ${commit.id.slice(0, 10)} keeps it (restore it from there)`
        : "see the account's audit log for details";
      const fields = edit.fields.join(', ') || 'unknown fields';
      const key = keyOf(edit.type.name, edit.id);
      return `${key} was edited by ${edit.by.name} during the restore (${fields}): the edit was overwritten; ${where}`;
    }),
  ];
}

/**
 * A conflict as `--json` prints it: of an undo, the value that the change left, the one before it, the one there is; of
 * an apply, the one before the change, the one that it makes, the one there is.
 */
function conflictJson({ place, lines, base, changed, live, returned }: UndoConflict, isApply: boolean) {
  return {
    place: placeText(place),
    ...(lines ? { line: lines[0] + 1 } : {}),
    ...(base === undefined ? {} : isApply ? { before: base } : { left: base }),
    ...(changed === undefined ? {} : { wanted: changed }),
    ...(live === undefined ? {} : { live }),
    ...(returned ? { returned } : {}),
  };
}

function stepJson(step: Step, outcome: Outcome | undefined, isApply: boolean) {
  return {
    type: step.type,
    id: step.id,
    ...((outcome?.id ?? step.targetId) ? { targetId: outcome?.id ?? step.targetId } : {}),
    name: oneLine(step.title),
    path: step.path,
    action: step.action,
    ...(step.method ? { way: step.method } : {}),
    level: step.level,
    reason: outcome?.reason ?? step.reason,
    ...(outcome ? { result: outcome.result } : {}),
    changes: step.changes.map(fieldChangeJson),
    ...(step.late.length > 0 ? { late: step.late } : {}),
    ...(step.credentials.length > 0 ? { credentials: step.credentials } : {}),
    ...(step.markers ? { markers: step.markers } : {}),
    ...(step.targets ? { targets: step.targets } : {}),
    ...(step.conflict ? { conflict: true } : {}),
    ...(step.conflicts ? { conflicts: step.conflicts.map((conflict) => conflictJson(conflict, isApply)) } : {}),
    ...(step.enable ? { enable: true } : {}),
  };
}

/** The report as `--json` prints it. */
export function restoreJson(report: RestoreReport) {
  const outcomes = new Map(report.outcomes.map((outcome) => [outcome.step.key, outcome]));
  const { plan, outcomes: _outcomes, account, from, restoreId, ...rest } = report;
  return {
    version: 1,
    account,
    from,
    ...(restoreId ? { restoreId } : {}),
    state: plan.state,
    ...(plan.undone ? { undo: plan.undone } : {}),
    ...(plan.applied ? { apply: { ...plan.applied, digest: digestOfWork(plan) } } : {}),
    ...rest,
    unchanged: plan.unchanged,
    steps: plan.steps.map((step) => stepJson(step, outcomes.get(step.key), plan.applied !== undefined)),
  };
}
