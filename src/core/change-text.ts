import type { FieldChange } from './field-diff.ts';
import { isArray, isObject, type Json } from './json.ts';
import { oneLine, visibleLine } from './message.ts';
import { placeText } from './places.ts';
import { matchLists } from './sequences.ts';
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

/** The differing lines of two texts with two lines around each. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  const out: DiffLine[] = [];
  const add = (sign: '+' | '-' | ' ', lines: readonly string[], from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const line = lines[i] ?? '';
      out.push({ sign, text: line.endsWith('\n') ? line.slice(0, -1) : line, line: i + 1 });
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
  return out;
}

/** Longest value in one line of it, in characters. */
const LONGEST_VALUE = 200;

/** A change in the lines of a ```diff block, safe to print. */
export function changeDiff(field: FieldChange): string[] {
  const { place, before, after, byLine } = changeText(field);
  const name = oneLine(place) || '(document)';
  if (byLine) {
    return [
      `  ${name}:`,
      ...diffLines(before ?? '', after ?? '').map(({ sign, text: line }) =>
        sign === 'gap' ? '  …' : `${sign}   ${visibleLine(line)}`,
      ),
    ];
  }
  const line = (sign: string, value: string | undefined): string[] =>
    value === undefined
      ? []
      : [`${sign} ${name}: ${visibleLine(value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value)}`];
  return [...line('-', before), ...line('+', after)];
}
