import { structuredPatch } from 'diff';
import type { FieldChange } from './field-diff.ts';
import { isArray, isObject, type Json } from './json.ts';
import { placeText } from './places.ts';
import { renderYaml } from './yaml.ts';

/** One field before and after, as text. A missing side means that the field is absent there. */
export interface ChangeText {
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

/** Texts of several lines and objects are told by line, everything else on one. */
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

/** A line of a difference; `gap` stands for lines that are left out between two places. */
export interface DiffLine {
  readonly sign: '+' | '-' | ' ' | 'gap';
  readonly text: string;
  /** Number of the line before (`-`) or after the change, from 1. */
  readonly line: number;
}

/** The differing lines of two texts with two lines around each. */
export function diffLines(before: string, after: string): DiffLine[] {
  const { hunks } = structuredPatch('', '', before, after, '', '', { context: 2 });
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
