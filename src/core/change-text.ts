import { structuredPatch } from 'diff';
import type { FieldChange } from './field-diff.ts';
import { isArray, isObject, type Json } from './json.ts';
import { placeText } from './places.ts';
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
 * Texts with more differences are shown as replaced: the time that it takes to match their lines grows with the square.
 */
const MOST_EDITS = 3_000;

function linesOf(text: string): string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

/** All lines of a text and then all of another, without those that both begin and end with. */
function replacedLines(before: string, after: string): DiffLine[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  const least = Math.min(old.length, now.length);
  let [head, tail] = [0, 0];
  while (head < least && old[head] === now[head]) head += 1;
  while (tail < least - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const signed = (lines: string[], sign: '-' | '+'): DiffLine[] =>
    lines.slice(head, lines.length - tail).map((text, i) => ({ sign, text, line: head + i + 1 }));
  return [...signed(old, '-'), ...signed(now, '+')];
}

/** The differing lines of two texts with two lines around each. */
export function diffLines(before: string, after: string): DiffLine[] {
  // Where everything comes or goes there is nothing to match.
  const maxEditLength = before === '' || after === '' ? Number.POSITIVE_INFINITY : MOST_EDITS;
  const patch = structuredPatch('', '', before, after, '', '', { context: 2, maxEditLength });
  if (!patch) return replacedLines(before, after);
  const { hunks } = patch;
  return hunks.flatMap((hunk, i) => {
    const lines: DiffLine[] = i > 0 ? [{ sign: 'gap', text: '', line: 0 }] : [];
    let [old, now] = [hunk.oldStart, hunk.newStart];
    for (const line of hunk.lines) {
      const sign = line[0];
      if (sign !== '+' && sign !== '-' && sign !== ' ') continue;
      lines.push({ sign, text: line.slice(1), line: sign === '-' ? old : now });
      if (sign !== '+') old += 1;
      if (sign !== '-') now += 1;
    }
    return lines;
  });
}
