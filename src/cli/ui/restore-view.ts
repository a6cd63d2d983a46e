import type { Plan, Step } from '../../plan/types.ts';
import type { RestoreReport } from '../../run/restore/report.ts';
import { describeChange } from './change-view.ts';
import { printable, type Style } from './style.ts';
import { describeCommits, describeRemote } from './sync-view.ts';

const SIGN = {
  create: '+',
  update: '~',
  undelete: '↺',
  delete: '-',
  unchanged: '=',
  blocked: '!',
  impossible: '·',
} as const;
const WORD = {
  create: 'to create',
  update: 'to update',
  undelete: 'to undelete',
  delete: 'to delete',
  blocked: 'blocked',
  impossible: 'not restorable',
} as const;

function paint(action: Step['action'], style: Style): (text: string) => string {
  if (action === 'create' || action === 'undelete') return style.green;
  if (action === 'delete' || action === 'blocked') return style.red;
  return action === 'update' ? style.yellow : style.dim;
}

function counts(plan: Plan, style: Style): string {
  const parts = Object.entries(WORD).flatMap(([action, word]) => {
    const count = plan.steps.filter((step) => step.action === action).length;
    return count > 0 ? [paint(action as Step['action'], style)(`${count} ${word}`)] : [];
  });
  return [...parts, `${plan.unchanged} unchanged`].join(', ');
}

function describeStep(step: Step, style: Style): string[] {
  const how = step.method === 'patch' ? ' (PATCH)' : '';
  const id = step.targetId ? `${step.key} → ${step.targetId}` : step.key;
  const head = paint(step.action, style)(`${SIGN[step.action]} ${step.action}`);
  const lines = [
    `  ${head}${how} ${id} ${style.bold(`"${printable(step.title)}"`)}${style.dim(`: ${printable(step.reason)}`)}`,
  ];
  if (step.conflict && step.action !== 'impossible')
    lines.push(`      ${style.red('conflict: changed live since the last sync')}`);
  for (const change of step.changes) lines.push(...describeChange(change, style).map((line) => `      ${line}`));
  if (step.late.length > 0) lines.push(style.dim(`      completed afterwards: ${step.late.join(', ')}`));
  if (step.enable) lines.push(style.green('      switched on at the end'));
  return lines;
}

/** The plan for a person: every step with its field changes, then warnings and counts. */
export function describePlan(plan: Plan, style: Style): string {
  const source = plan.from === plan.account ? plan.account : `${plan.from} into ${plan.account}`;
  const when = plan.state.date.slice(0, 16).replace('T', ' ');
  const lines = [
    `${style.bold(source)} as of ${style.cyan(plan.state.commit.slice(0, 10) || 'now')} ${style.dim(`(${when} UTC)`)}: ${counts(plan, style)}`,
  ];
  for (const step of plan.steps) {
    if (step.action !== 'unchanged') lines.push(...describeStep(step, style));
    else if (step.targetId && /own/.test(step.reason))
      lines.push(style.dim(`  = ${step.key} → ${step.targetId}: ${printable(step.reason)}`));
  }
  for (const warning of plan.warnings) lines.push(`  ${style.yellow('warning:')} ${printable(warning)}`);
  return `${lines.join('\n')}\n`;
}

/** What became of a plan, for a person. */
export function describeOutcome(report: RestoreReport, style: Style): string {
  const lines: string[] = [];
  const done = report.outcomes.filter(({ result }) => result === 'done').length;
  const rest = report.outcomes.filter(({ result }) => result !== 'done');
  const seconds = (report.durationMs / 1000).toFixed(1);
  const word = report.exitCode === 0 ? style.green('restored') : style.red('restored in part');
  lines.push(
    `${style.bold(report.account)}: ${word}: ${done} of ${report.outcomes.length} steps ${style.dim(`(${report.requests} requests, ${seconds} s, restore ${report.restoreId})`)}`,
  );
  for (const { step, result, reason } of rest) {
    lines.push(`  ${style.red(result)} ${step.key} "${printable(step.title)}": ${printable(reason ?? step.reason)}`);
  }
  for (const { key, title, places } of report.drift) {
    lines.push(
      `  ${style.red('differs')} ${key} "${printable(title)}": the server shows ${printable(places.join(', '))} otherwise than asked`,
    );
  }
  const fresh = Object.entries(report.newIds);
  for (const [key, id] of fresh.slice(0, 20)) lines.push(style.dim(`  ${key} is now ${id}`));
  if (fresh.length > 20) lines.push(style.dim(`  … and ${fresh.length - 20} more new ids, see idmaps/ in the mirror`));
  if (report.enabled.length > 0) lines.push(`  switched on: ${report.enabled.join(', ')}`);
  const said = new Set(report.plan.warnings);
  for (const warning of report.warnings)
    if (!said.has(warning)) lines.push(`  ${style.yellow('warning:')} ${printable(warning)}`);
  lines.push(...describeCommits(report.commits, style), ...describeRemote(report.remote, style));
  return `${lines.join('\n')}\n`;
}
