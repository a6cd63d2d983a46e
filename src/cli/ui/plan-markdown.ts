import type { RootContent } from 'mdast';
import { changeDiff, diffLine, madeOf } from '../../core/change-text.ts';
import { counted } from '../../core/counted.ts';
import { partOf, shortened } from '../../core/cut.ts';
import { breakDirectives } from '../../core/directives.ts';
import type { AppError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { bullets, code, heading, paragraph, renderMarkdown, text } from '../../core/markdown.ts';
import { placeText } from '../../core/places.ts';
import type { UndoConflict } from '../../core/take-back.ts';
import { oneLine, shownName } from '../../core/unseen.ts';
import { digestOfWork } from '../../plan/planfile.ts';
import type { RestoreTime } from '../../plan/restore-time.ts';
import { isActing, type Plan, type Step } from '../../plan/types.ts';
import { LONGEST as LONGEST_VALUE, short } from './change-view.ts';
import { countSteps, describeMarker, planTakes, targetWords } from './restore-view.ts';

/** Forges refuse longer comments; in characters. */
const LONGEST = 60_000;
/** Room for the sentence about what is left out, in characters. */
const ROOM = 4_000;
/** No resource takes fewer characters. */
const SMALLEST = 150;
/** The longest diagram, in characters: a larger one cannot be read anyway. */
const LONGEST_DIAGRAM = 20_000;
/** Most lines of the changes of one resource. */
const MOST_LINES = 300;
const MOST_WARNINGS = 50;
const MOST_NAMES = 30;
/** The longest line or name, in characters. */
const LONGEST_LINE = 500;

/** What a comment holds besides the plan. */
export interface CommentFacts {
  /** Why the plan would be refused. */
  readonly refusals: readonly AppError[];
  /** How long carrying it out takes; absent where there is nothing to do. */
  readonly time?: RestoreTime | undefined;
  /** Mermaid of the flows that it changes. */
  readonly diagram?: string;
}

function clipped(line: string): string {
  return shortened(line, LONGEST_LINE);
}

/** Text between tags: no name of an account is markup. */
function escaped(value: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return breakDirectives(clipped(oneLine(value))).replace(/[&<>"]/g, (sign) => entities[sign] ?? sign);
}

function conflictLines({ place, lines, base, changed, live }: UndoConflict): string[] {
  const where = `${placeText(place) || '(document)'}${lines ? `, line ${lines[0] + 1}` : ''}`;
  const side = (sign: string, called: string, held: Json | undefined): string[] => {
    const made = madeOf(base, held, LONGEST_VALUE);
    if (typeof made === 'string') return [`${sign} ${called}${made}`];
    return [`! ${called.trimEnd()}`, ...made.map(diffLine)];
  };
  return [
    `! ${oneLine(where)}: changed in the account, too`,
    `  before: ${base === undefined ? '(absent)' : short(base)}`,
    ...side('+', 'in Git: ', changed),
    ...side('-', 'now:    ', live),
  ];
}

/** One resource, folded. */
function details(step: Step): RootContent[] {
  const lines = [
    ...(step.conflicts ?? []).flatMap(conflictLines),
    ...step.changes.flatMap(changeDiff),
    ...(step.markers ?? []).map((marker) => `! ${describeMarker(marker)}`),
    ...(step.targets ?? []).map((target) => `! ${targetWords(target)}`),
  ].map(clipped);
  const shown = lines.slice(0, MOST_LINES);
  if (lines.length > shown.length) shown.push(`  … ${lines.length - shown.length} more lines`);
  const action = step.conflicts ? 'conflict' : step.action;
  const name = `<b>${escaped(action)}</b> ${escaped(step.type)} “${escaped(shownName(step.title || step.id))}”`;
  return [
    { type: 'html', value: `<details><summary>${name}</summary>` },
    paragraph(code(clipped(step.path)), text(`: ${clipped(oneLine(step.reason))}`)),
    ...(shown.length > 0 ? [{ type: 'code', lang: 'diff', value: shown.join('\n') } as const] : []),
    { type: 'html', value: '</details>' },
  ];
}

function head(plan: Plan, { refusals, diagram, time }: CommentFacts): RootContent[] {
  const { account, applied, warnings } = plan;
  const idle = !plan.steps.some(isActing);
  const conflicts = plan.steps.filter((step) => step.conflicts);
  const facts = applied
    ? [code(applied.commit.slice(0, 10)), text(' compared with '), code(applied.base.slice(0, 10)), text(': ')]
    : [];
  const more = warnings.length - MOST_WARNINGS;
  const cautions = [
    ...refusals.map(({ message, hint }) => [text(clipped(`Would be refused: ${message}. ${hint ?? ''}`))]),
    ...(conflicts.length > 0
      ? [[text(`${counted(conflicts.length, 'conflict')}: others changed the same; these resources stay as they are.`)]]
      : []),
    ...warnings.slice(0, MOST_WARNINGS).map((warning) => [text(clipped(warning))]),
    ...(more > 0 ? [[text(`and ${counted(more, 'more warning', 'more warnings')}`)]] : []),
  ];
  const drawing: RootContent[] =
    diagram === undefined
      ? []
      : diagram.length > LONGEST_DIAGRAM
        ? [paragraph(text('The flows that change are too large for a diagram.'))]
        : [heading(3, text('Flows')), { type: 'code', lang: 'mermaid', value: diagram }];
  return [
    heading(2, text(`${account}: ${idle ? 'nothing to do' : 'what would change'}`)),
    paragraph(...facts, text(`${countSteps(plan)}${time ? `; ${planTakes(plan, time)}` : ''}.`)),
    paragraph(text('Plan '), code(digestOfWork(plan))),
    ...(cautions.length > 0 ? [heading(3, text('Warnings')), ...bullets(cautions)] : []),
    ...drawing,
  ];
}

/**
 * A plan as the comment of a pull request: counts, warnings, the flows as a diagram, and the fields of each resource,
 * folded. At most 60,000 characters: resources that have no room are named. No name or value of an account is markup.
 */
export function planMarkdown(plan: Plan, facts: CommentFacts): string {
  const steps = plan.steps.filter(({ action }) => action !== 'unchanged');
  let shown = partOf(renderMarkdown(head(plan, facts)), 0, LONGEST - ROOM);
  const left: Step[] = [];
  if (steps.length > 0) shown += `\n${renderMarkdown([heading(3, text('Resources'))])}`;
  for (const step of steps) {
    const full = shown.length > LONGEST - ROOM - SMALLEST;
    const part = full ? '' : `\n${renderMarkdown(details(step))}`;
    if (full || shown.length + part.length > LONGEST - ROOM) left.push(step);
    else shown += part;
  }
  if (left.length === 0) return shown;
  const names = left.slice(0, MOST_NAMES).map(({ key, action }) => `${key} (${action})`.slice(0, 100));
  const more = left.length - names.length;
  const unshown = `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const sentence = `No room for: ${unshown}. Without --format the plan is complete.`;
  return partOf(`${shown}\n${renderMarkdown([paragraph(text(sentence))])}`, 0, LONGEST);
}
