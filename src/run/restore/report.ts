import { fieldChangeJson } from '../../core/field-diff.ts';
import { oneLine } from '../../core/message.ts';
import type { Plan, Step } from '../../plan/types.ts';
import type { CommitReport, SyncReport } from '../report.ts';
import type { Outcome } from './write-log.ts';

/** A resource that the server does not show as it was asked for. */
export interface Drift {
  readonly key: string;
  readonly title: string;
  readonly places: readonly string[];
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
  /** Ids of the state → new ids. */
  readonly newIds: Readonly<Record<string, string>>;
  readonly requests: number;
  /** Requests of the apply phase, looks before writes included, and how long it took. */
  readonly writes: number;
  readonly applyMs: number;
  readonly durationMs: number;
}

function stepJson(step: Step, outcome: Outcome | undefined) {
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
    ...(step.conflict ? { conflict: true } : {}),
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
    ...rest,
    unchanged: plan.unchanged,
    steps: plan.steps.map((step) => stepJson(step, outcomes.get(step.key))),
  };
}
