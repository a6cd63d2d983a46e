import { madeOf } from '../../core/change-text.ts';
import type { Json } from '../../core/json.ts';
import { idIn } from '../../core/keys.ts';
import { covers, placeOf, placeText } from '../../core/places.ts';
import type { UndoConflict } from '../../core/take-back.ts';
import { shownName } from '../../core/unseen.ts';
import { digestOfWork } from '../../plan/planfile.ts';
import { type RestoreTime, restoreTimeText } from '../../plan/restore-time.ts';
import { isActing, type MarkerChange, type Plan, type Step, type TargetChange } from '../../plan/types.ts';
import type { RestoreReport } from '../../run/restore/report.ts';
import { describeChange, describeLines, LONGEST, short } from './change-view.ts';
import { counted, printable, type Style, summarised } from './style.ts';
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

/** Steps of a plan by what they do, for its first line. */
const COUNTED = {
  create: 'to create',
  update: 'to update',
  undelete: 'to undelete',
  delete: 'to delete',
  blocked: 'blocked',
  impossible: 'not restorable',
} as const;

/** Most new resources of a restore of which the fields are shown. */
const MOST_NEW = 20;
/** New ids listed one by one. */
const MOST_IDS = 20;
/** Commits that are named in one line. */
const MOST_COMMITS = 5;

function paint(action: Step['action'], style: Style): (text: string) => string {
  if (action === 'create' || action === 'undelete') return style.green;
  if (action === 'delete' || action === 'blocked') return style.red;
  return action === 'update' ? style.yellow : style.dim;
}

/** `1 to create, 2 to update, 3 unchanged`. @param style colours of the parts; none when absent */
export function countSteps(plan: Plan, style?: Style): string {
  const parts = Object.entries(COUNTED).flatMap(([action, words]) => {
    const count = plan.steps.filter((step) => step.action === action).length;
    const part = `${count} ${words}`;
    return count > 0 ? [style ? paint(action as Step['action'], style)(part) : part] : [];
  });
  return [...parts, `${plan.unchanged} unchanged`].join(', ');
}

/** What a marker is in the place of, safe to print. */
export function describeMarker({ place, is, from }: MarkerChange): string {
  const where = printable(place);
  if (is === 'changed') return `credential: ${where} is another one in the account now, which stays`;
  return from === undefined
    ? `marker: ${where} is the marker of a credential that the account does not have in this place`
    : `marker: ${where} is the marker of the credential at ${printable(from)}, and fits there only`;
}

/** What a target is, safe to print: `http.baseURI changes next to credentials that stay`. */
export function targetWords({ field, isNew }: TargetChange): string {
  const what = isNew ? 'gets credentials that the account has' : 'changes next to credentials that stay';
  return `${printable(field)} ${what}`;
}

/** A conflict with its three values; of those with lines, what the two sides made of the base. */
function describeConflict(conflict: UndoConflict, isApply: boolean, style: Style): string[] {
  const { place, lines, base, changed, live, returned } = conflict;
  const where = lines ? `${placeText(place)}, line ${lines[0] + 1}` : placeText(place) || '(document)';
  const why = returned ? 'changed since, and again to the same value' : 'changed since';
  const side = (called: string, held: Json | undefined, painted: (text: string) => string): string[] => {
    const made = madeOf(base, held, LONGEST);
    if (typeof made === 'string') return [`        ${called}${painted(made)}`];
    return [`        ${called.trimEnd()}:`, ...describeLines(made, style).map((line) => `          ${line}`)];
  };
  return [
    `      ${style.red('conflict')} ${printable(where)}: ${why}`,
    `        ${isApply ? 'before  ' : 'the change left  '}${base === undefined ? '(absent)' : short(base)}`,
    ...side(isApply ? 'in Git  ' : 'before it        ', changed, style.green),
    ...side(isApply ? 'now     ' : 'now              ', live, style.red),
  ];
}

function describeStep(step: Step, isApply: boolean, style: Style): string[] {
  const { action, key, targetId, title, reason } = step;
  if (action === 'unchanged') return step.existing ? [style.dim(`  = ${key} → ${targetId}: ${printable(reason)}`)] : [];
  const head = paint(action, style)(`${SIGN[action]} ${action === 'impossible' ? 'not restorable' : action}`);
  const how = step.method === 'patch' ? ' (PATCH)' : '';
  const ids = targetId && targetId !== idIn(key) ? `${key} → ${targetId}` : key;
  const lines = [`  ${head}${how} ${ids} ${style.bold(`"${shownName(title)}"`)}${style.dim(`: ${printable(reason)}`)}`];
  if (step.conflict && action !== 'impossible')
    lines.push(`      ${style.red('conflict: changed in the account since the last sync')}`);
  for (const conflict of step.conflicts ?? []) lines.push(...describeConflict(conflict, isApply, style));
  for (const change of step.changes) lines.push(...describeChange(change, style).map((line) => `      ${line}`));
  for (const marker of step.markers ?? []) lines.push(`      ${style.yellow(describeMarker(marker))}`);
  for (const target of step.targets ?? []) lines.push(`      ${style.red(`target: ${targetWords(target)}`)}`);
  const when = action === 'delete' ? 'removed beforehand, since they use each other' : 'added in a second write';
  // Of a list, other entries may be added.
  const never = (step.absent ?? []).filter((place) => !place.endsWith(']')).map(placeOf);
  const later = step.late.filter((path) => !never.some((place) => covers(path, place)));
  if (later.length > 0) lines.push(style.dim(`      ${when}: ${later.join(', ')}`));
  if (step.enable) lines.push(style.green('      enabled at the end'));
  return lines;
}

/** Some of many. */
function listed(names: readonly string[]): string {
  const more = names.length - MOST_COMMITS;
  return more > 0 ? `${names.slice(0, MOST_COMMITS).join(', ')} and ${more} more` : names.join(', ');
}

/** What carrying out a plan takes: `takes about 11 minutes (4,012 requests) and 49 credentials`. */
export function planTakes({ steps }: Plan, time: RestoreTime): string {
  const needy = steps.filter((step) => isActing(step) || step.action === 'blocked');
  const credentials = needy.reduce((sum, step) => sum + step.credentials.length, 0);
  return `takes ${restoreTimeText(time)}${credentials > 0 ? ` and ${counted(credentials, 'credential')}` : ''}`;
}

/** What a person is asked before a plan is carried out: `Write 12 resources, delete 3, in production (https://…)?` */
export function questionOf({ steps, account, target }: Pick<Plan, 'steps' | 'account' | 'target'>): string {
  const acting = steps.filter(isActing);
  const deletions = acting.filter(({ action }) => action === 'delete').length;
  const writes = acting.length - deletions;
  const where = `${account} (${target.baseUrl})`;
  if (acting.length === 0) return `Finish the interrupted restore of ${where}?`;
  if (writes === 0) return `Delete ${counted(deletions, 'resource')} in ${where}?`;
  return `Write ${counted(writes, 'resource')}${deletions > 0 ? `, delete ${deletions},` : ''} in ${where}?`;
}

/** The plan for a person: every step with its field changes, then warnings and counts. */
export function describePlan(plan: Plan, style: Style, time?: RestoreTime): string {
  const source = plan.from === plan.account ? plan.account : `${plan.from} into ${plan.account}`;
  const commit = style.cyan(plan.state.commit.slice(0, 10) || 'now');
  const when = style.dim(`(${plan.state.date.slice(0, 16).replace('T', ' ')} UTC)`);
  const named = (id: string): string => style.cyan(id.slice(0, 10));
  const { undone, applied } = plan;
  // Who restores an account knows what it was; who reviews what others wrote reads all of it.
  const created = applied ? 0 : plan.steps.filter(({ action }) => action === 'create').length;
  const shown = (step: Step): Step =>
    created > MOST_NEW && step.action === 'create' ? { ...step, changes: [] } : step;
  const what = undone
    ? `without ${listed(undone.map(named))}`
    : applied
      ? `with the changes of ${named(applied.base)}..${named(applied.commit)}`
      : `as of ${commit} ${when}`;
  const lines = [
    ...plan.steps.flatMap((step) => describeStep(shown(step), applied !== undefined, style)),
    ...(created > MOST_NEW
      ? [style.dim(`  the fields of the ${created} new resources are in the output of --json`)]
      : []),
    ...plan.warnings.map((warning) => `  ${style.yellow('warning:')} ${printable(warning)}`),
    ...(time ? [`  ${planTakes(plan, time)}`] : []),
    ...(applied ? [style.dim(`  plan ${digestOfWork(plan)}`)] : []),
  ];
  return summarised(`${style.bold(source)} ${what}: ${countSteps(plan, style)}`, lines);
}

/** The result of a restore for a person. */
export function describeOutcome(report: RestoreReport, style: Style): string {
  const rest = report.outcomes.filter(({ result }) => result !== 'done');
  const done = report.outcomes.length - rest.length;
  const word = report.exitCode === 0 ? style.green('restored') : style.red('partly restored');
  const requests = counted(report.requests, 'request');
  const facts = `(${requests}, ${(report.durationMs / 1000).toFixed(1)} s, restore ${report.restoreId})`;
  const fresh = Object.entries(report.newIds);
  const known = new Set(report.plan.warnings);
  const steps = counted(report.outcomes.length, 'step');
  const lines = [
    ...rest.map(
      ({ step, result, reason }) =>
        `  ${style.red(result)} ${step.key} "${shownName(step.title)}": ${printable(reason ?? step.reason)}`,
    ),
    ...report.drift.map(
      ({ key, title, places, because }) =>
        `  ${style.red('differs')} ${key} "${shownName(title)}": ` +
        (because ?? `the server stored other values of ${printable(places.join(', '))}`),
    ),
    ...fresh.slice(0, MOST_IDS).map(([key, id]) => style.dim(`  ${key} is now ${id}`)),
  ];
  if (fresh.length > MOST_IDS)
    lines.push(style.dim(`  … and ${fresh.length - MOST_IDS} more new ids, see idmaps/ in the mirror`));
  if (report.enabled.length > 0) lines.push(`  enabled: ${report.enabled.join(', ')}`);
  for (const warning of report.warnings)
    if (!known.has(warning)) lines.push(`  ${style.yellow('warning:')} ${printable(warning)}`);
  lines.push(...describeCommits(report.commits, style), ...describeRemote(report.remote, style));
  return summarised(`${style.bold(report.account)}: ${word}, ${done} of ${steps} ${style.dim(facts)}`, lines);
}
