import { partOf } from './cut.ts';
import type { FieldChange } from './field-diff.ts';
import { isArray, isObject, type Json } from './json.ts';
import { lineEndOf, withLf } from './line-ends.ts';
import { equalJson } from './paths.ts';
import { placeText } from './places.ts';
import { matchLists } from './sequences.ts';
import { escapedText, lookOf, oneLine, visibleLine } from './unseen.ts';
import { renderYaml } from './yaml.ts';

/** One field before and after, as text. A missing side means that the field is absent there. */
interface ChangeText {
  readonly place: string;
  readonly before?: string;
  readonly after?: string;
  /** The sides are texts of lines, to be compared line by line; otherwise JSON on one line each. */
  readonly byLine: boolean;
}

function isLong(value: Json | undefined): boolean {
  if (typeof value === 'string') return value.includes('\n');
  return isObject(value) ? Object.keys(value).length > 1 : isArray(value) && value.length > 1;
}

/** Texts of several lines and objects are shown line by line, everything else on one line. */
export function changeText({ place, before, after }: FieldChange): ChangeText {
  const byLine = isLong(before) || isLong(after);
  const text = (value: Json): string => {
    if (!byLine) return JSON.stringify(value);
    return typeof value === 'string' ? value : renderYaml(value);
  };
  return {
    place: placeText(place),
    byLine,
    ...(before === undefined ? {} : { before: text(before) }),
    ...(after === undefined ? {} : { after: text(after) }),
  };
}

/** A line of a difference; `gap` marks lines left out between two places. */
export interface DiffLine {
  readonly sign: '+' | '-' | ' ' | 'gap';
  readonly text: string;
  /** Number of the line before (`-`) or after the change, from 1. */
  readonly line: number;
  /** It has no line break. */
  readonly isOpen?: true;
  /** The text is not that of the line, which looks the same as one of the other side: it shows what differs. */
  readonly isRevealed?: true;
}

/**
 * Texts with more differences are shown as replaced, from the first one to the last: the time that it takes to match
 * their lines grows with the square.
 */
const MOST_EDITS = 3_000;

/** Lines shown before and after one that differs. */
const AROUND = 2;

/** With their line breaks: a last line without one differs from the same line with it. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/**
 * The differing lines of two texts with two lines around each. That all lines have another end is a line of its own,
 * and no difference of each.
 */
export function diffLines(before: string, after: string): DiffLine[] {
  const ends = [lineEndOf(before), lineEndOf(after)] as const;
  if (!ends.includes('CRLF') || ends.includes('mixed')) return diffOf(before, after);
  const lines = diffOf(withLf(before), withLf(after));
  if (ends[0] === ends[1] || ends.includes('none')) return lines;
  const said = ends.map(
    (end, i): DiffLine => ({
      sign: i === 0 ? '-' : '+',
      text: `(all lines end with ${end})`,
      line: 1,
      isRevealed: true,
    }),
  );
  return lines.some(({ sign }) => sign === '-' || sign === '+') ? [...said, ...lines] : said;
}

function diffOf(before: string, after: string): DiffLine[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  const out: DiffLine[] = [];
  const add = (sign: '+' | '-' | ' ', lines: readonly string[], from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const line = lines[i] ?? '';
      const isOpen = !line.endsWith('\n');
      out.push({ sign, text: isOpen ? line : line.slice(0, -1), line: i + 1, ...(isOpen ? { isOpen } : {}) });
    }
  };
  const matches = matchLists(old, now, MOST_EDITS);
  let [at, to] = [0, 0];
  for (const [i, match] of matches.entries()) {
    add('-', old, at, match.old);
    add('+', now, to, match.now);
    [at, to] = [match.old + match.count, match.now + match.count];
    const after = out.length > 0 ? Math.min(AROUND, match.count) : 0;
    const before = i < matches.length - 1 ? Math.min(AROUND, match.count - after) : 0;
    add(' ', now, match.now, match.now + after);
    if (out.length > 0 && before > 0 && after + before < match.count) out.push({ sign: 'gap', text: '', line: 0 });
    add(' ', now, to - before, to);
  }
  return revealed(out, before.endsWith('\n') !== after.endsWith('\n'));
}

/** The lines of a difference, with what differs in them where they would look the same. */
function revealed(lines: readonly DiffLine[], endsDiffer: boolean): DiffLine[] {
  const looks = (of: DiffLine['sign']): Set<string> =>
    new Set(lines.flatMap(({ sign, text }) => (sign === of ? [lookOf(text)] : [])));
  const others = { '-': looks('+'), '+': looks('-') };
  return lines.map((line) => {
    const { sign, text, isOpen } = line;
    if (sign !== '-' && sign !== '+') return line;
    if (!others[sign].has(lookOf(text))) return line;
    const whole = `${escapedText(text)}${isOpen && endsDiffer ? '  (no line break at the end)' : ''}`;
    return whole === text ? line : { ...line, text: whole, isRevealed: true };
  });
}

/** What is shown before the first difference of a long value, in characters. */
const BEFORE = 40;

/**
 * The sides of a change on one line each, safe to print. Where they would look the same, characters beyond ASCII are
 * escaped; long ones are cut around what differs.
 * @param longest in characters
 */
export function shownSides({ before, after }: Pick<ChangeText, 'before' | 'after'>, longest: number): Sides {
  const isBoth = before !== undefined && after !== undefined;
  const show = isBoth && lookOf(before) === lookOf(after) ? escapedText : visibleLine;
  const [old, now] = [before, after].map((side) => (side === undefined ? undefined : show(side)));
  let at = 0;
  if (old !== undefined && now !== undefined) while (at < old.length && old[at] === now[at]) at += 1;
  const from = at > longest - BEFORE ? at - BEFORE : 0;
  const cut = (side: string): string => {
    const end = from + longest;
    return `${from > 0 ? '…' : ''}${partOf(side, from, end)}${side.length > end ? '…' : ''}`;
  };
  return { ...(old === undefined ? {} : { before: cut(old) }), ...(now === undefined ? {} : { after: cut(now) }) };
}

/**
 * What one side of a conflict made of the base, safe to print: the lines that differ where there are several, else the
 * value on one line, cut around what differs.
 */
export function madeOf(base: Json | undefined, side: Json | undefined, longest: number): string | readonly DiffLine[] {
  if (side === undefined) return '(absent)';
  const after = JSON.stringify(side);
  if (base === undefined || equalJson(base, side)) return shownSides({ after }, longest).after ?? '';
  const { byLine, ...text } = changeText({ place: [], before: base, after: side });
  if (byLine) return diffLines(text.before ?? '', text.after ?? '');
  return shownSides({ before: JSON.stringify(base), after }, longest).after ?? '';
}

interface Sides {
  readonly before?: string;
  readonly after?: string;
}

/** Longest value in one line of it, in characters. */
const LONGEST_VALUE = 200;

/** A line of a difference as those of `diff` are, safe to print. */
export function diffLine({ sign, text }: DiffLine): string {
  return sign === 'gap' ? '  …' : `${sign}   ${visibleLine(text)}`;
}

/** A change in the lines of a ```diff block, safe to print. */
export function changeDiff(field: FieldChange): string[] {
  const text = changeText(field);
  const { place, before, after, byLine } = text;
  const name = oneLine(place) || '(document)';
  if (byLine) {
    return [`  ${name}:`, ...diffLines(before ?? '', after ?? '').map(diffLine)];
  }
  const sides = shownSides(text, LONGEST_VALUE);
  return [
    ...(sides.before === undefined ? [] : [`- ${name}: ${sides.before}`]),
    ...(sides.after === undefined ? [] : [`+ ${name}: ${sides.after}`]),
  ];
}
