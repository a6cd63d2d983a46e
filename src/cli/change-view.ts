import { structuredPatch } from 'diff';
import type { FieldChange } from '../core/field-diff.ts';
import { isArray, isObject, type Json } from '../core/json.ts';
import { oneLine } from '../core/message.ts';
import { placeText } from '../core/places.ts';
import { renderYaml } from '../core/yaml.ts';
import type { Style } from './style.ts';

/** Longest value on one line, and most lines of one that has several. */
const LONGEST = 160;
const MOST_LINES = 60;

/** Text that is safe on a terminal, line by line. */
function lines(text: string): string[] {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) =>
      line
        .replace(/\t/g, '  ')
        .replace(/[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, '�'),
    );
}

/** A value on one line, cut where it is long. */
export function short(value: Json): string {
  const text = oneLine(JSON.stringify(value));
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function cut(block: string[], style: Style): string[] {
  return block.length > MOST_LINES
    ? [...block.slice(0, MOST_LINES), style.dim(`… and ${block.length - MOST_LINES} more lines`)]
    : block;
}

function isLong(value: Json | undefined): boolean {
  return isObject(value)
    ? Object.keys(value).length > 1
    : isArray(value)
      ? value.length > 1
      : typeof value === 'string' && value.includes('\n');
}

function block(value: Json, sign: string, paint: (text: string) => string): string[] {
  const text = typeof value === 'string' ? value : renderYaml(value);
  return lines(text).map((line) => paint(`${sign} ${line}`));
}

function lineDiff(before: string, after: string, style: Style): string[] {
  const patch = structuredPatch('', '', before, after, '', '', { context: 2 });
  return patch.hunks.flatMap((hunk, i) => [
    ...(i > 0 ? [style.dim('  ⋮')] : []),
    ...hunk.lines
      .filter((line) => !line.startsWith('\\'))
      .map((line) => {
        const text = `${line[0] ?? ' '} ${lines(line.slice(1))[0] ?? ''}`;
        return line.startsWith('+')
          ? style.green(text)
          : line.startsWith('-')
            ? style.red(text)
            : style.dim(text);
      }),
  ]);
}

/** One field before and after, for a terminal: values on one line, texts of several lines as a diff of lines. */
export function describeChange(change: FieldChange, style: Style): string[] {
  const place = oneLine(placeText(change.place)) || '(document)';
  const { before, after } = change;
  const indent = (body: string[]): string[] => cut(body, style).map((line) => `    ${line}`);
  if (typeof before === 'string' && typeof after === 'string' && (isLong(before) || isLong(after))) {
    return [`${style.yellow('~')} ${place}:`, ...indent(lineDiff(before, after, style))];
  }
  if (before === undefined && after !== undefined) {
    return isLong(after)
      ? [`${style.green('+')} ${place}:`, ...indent(block(after, '+', style.green))]
      : [`${style.green('+')} ${place}: ${style.green(short(after))}`];
  }
  if (after === undefined && before !== undefined) {
    return isLong(before)
      ? [`${style.red('-')} ${place}:`, ...indent(block(before, '-', style.red))]
      : [`${style.red('-')} ${place}: ${style.red(short(before))}`];
  }
  if (isLong(before) || isLong(after)) {
    const [old, now] = [before, after].map((value) =>
      typeof value === 'string' ? value : renderYaml(value ?? null),
    );
    return [`${style.yellow('~')} ${place}:`, ...indent(lineDiff(old ?? '', now ?? '', style))];
  }
  return [
    `${style.yellow('~')} ${place}: ${style.red(short(before ?? null))} → ${style.green(short(after ?? null))}`,
  ];
}
