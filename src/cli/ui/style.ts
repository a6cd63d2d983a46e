export { counted } from '../../core/counted.ts';

import pc from 'picocolors';
import { oneLine } from '../../core/unseen.ts';
import type { GlobalOptions, Io } from './io.ts';

export type Style = ReturnType<typeof pc.createColors>;

/** Colours for standard output (or error), where it is a terminal unless turned off. */
export function styleFor(io: Io, options: GlobalOptions, stream: 'out' | 'err' = 'out'): Style {
  const terminal = stream === 'out' ? io.outIsTerminal : io.errIsTerminal;
  const forced = io.env.FORCE_COLOR !== undefined && io.env.FORCE_COLOR !== '0';
  const refused = !options.color || (io.env.NO_COLOR ?? '') !== '' || io.env.TERM === 'dumb';
  return pc.createColors(!refused && (terminal || forced));
}

/** Rows as columns of equal width; the last one has any width. Cells come without colours, `paint` adds them. */
export function table(
  rows: readonly (readonly string[])[],
  paint: (cell: string, column: number, row: number) => string = (cell) => cell,
): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map((row, r) =>
      row
        .map((cell, i) => paint(cell, i, r) + (i === row.length - 1 ? '' : ' '.repeat((widths[i] ?? 0) - cell.length)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Lines that a screen shows. */
const SCREEN = 20;

/** A text that begins with its summary. A long one ends with it, too: its beginning has left the screen. */
export function summarised(summary: string, lines: readonly string[]): string {
  const all = [summary, ...lines];
  const count = all.reduce((sum, line) => sum + line.split('\n').length, 0);
  return `${[...all, ...(count > SCREEN ? [summary] : [])].join('\n')}\n`;
}

/** A name from the account, safe to print. */
export function printable(text: string): string {
  return oneLine(text);
}

/** A text of several lines of which none but the first begins a line: what it quotes cannot pose as another message. */
export function indented(text: string): string {
  return text.replace(/[\r\n]+(?! )/g, '\n  ');
}

/** `2026-11-23 18:05`, in UTC. */
export function minute(time: Date): string {
  return time.toISOString().slice(0, 16).replace('T', ' ');
}
