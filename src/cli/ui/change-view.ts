import { changeText, type DiffLine, diffLines, shownSides } from '../../core/change-text.ts';
import type { Change } from '../../core/changes.ts';
import { shortened } from '../../core/cut.ts';
import type { FieldChange } from '../../core/field-diff.ts';
import type { Json } from '../../core/json.ts';
import { oneLine, visibleLine } from '../../core/unseen.ts';
import type { Style } from './style.ts';

/** Characters of a value on one line, and lines of a value with several. */
export const LONGEST = 160;
const MOST_LINES = 60;

/** The sign of a kind of change. */
export const SIGN: Readonly<Record<Change['kind'], string>> = { added: '+', changed: '~', renamed: '>', deleted: '-' };

/** The colour of a kind of change. */
export function kindPaint(kind: Change['kind'], style: Style): (text: string) => string {
  return kind === 'added' ? style.green : kind === 'deleted' ? style.red : style.yellow;
}

function cut(text: string): string {
  return shortened(text, LONGEST);
}

/** A value on one line, cut where it is long. */
export function short(value: Json): string {
  return cut(oneLine(JSON.stringify(value)));
}

function paintLine({ sign, text }: DiffLine, style: Style): string {
  if (sign === 'gap') return style.dim('  ⋮');
  const line = `${sign} ${visibleLine(text)}`;
  return sign === '+' ? style.green(line) : sign === '-' ? style.red(line) : style.dim(line);
}

/** Lines that differ, for a terminal: the first of them where they are many. */
export function describeLines(lines: readonly DiffLine[], style: Style): string[] {
  const rest = lines.length - MOST_LINES;
  const shown = lines.slice(0, MOST_LINES).map((line) => paintLine(line, style));
  return rest > 0 ? [...shown, style.dim(`… and ${rest} more lines`)] : shown;
}

/** One field before and after, for a terminal: values on one line, texts of several lines as a diff of lines. */
export function describeChange(change: FieldChange, style: Style): string[] {
  const text = changeText(change);
  const { before, after, byLine } = text;
  const place = oneLine(text.place) || '(document)';
  const sign = before === undefined ? style.green('+') : after === undefined ? style.red('-') : style.yellow('~');
  if (byLine) {
    const lines = describeLines(diffLines(before ?? '', after ?? ''), style);
    return [`${sign} ${place}:`, ...lines.map((line) => `    ${line}`)];
  }
  const { before: old, after: now } = shownSides(text, LONGEST);
  if (old === undefined) return [`${sign} ${place}: ${style.green(now ?? '')}`];
  if (now === undefined) return [`${sign} ${place}: ${style.red(old)}`];
  return [`${sign} ${place}: ${style.red(old)} → ${style.green(now)}`];
}
