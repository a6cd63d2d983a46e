import type { Json } from './json.ts';
import { type Place, visitLeaves } from './places.ts';
import { isInside, type Pattern } from './where.ts';

/** A line of a value. */
export interface Line {
  readonly place: Place;
  /** Number of the line in a text of several, from 1. */
  readonly line?: number;
  readonly text: string;
}

/** A line in which something was found. */
export interface Occurrence extends Line {
  /** Where in the line it begins, in characters from 0. */
  readonly at: number;
}

/** Every value of a document as text, line by line; only those at or inside the places of a pattern. */
export function linesOf(doc: Json, field: Pattern | undefined): Line[] {
  const lines: Line[] = [];
  visitLeaves(doc, (leaf, place) => {
    if (field && !isInside(field, place)) return;
    const text = String(leaf);
    if (!text.includes('\n')) lines.push({ place, text });
    else for (const [i, line] of text.split(/\r?\n/).entries()) lines.push({ place, line: i + 1, text: line });
  });
  return lines;
}

/** The lines that a search finds. @param search where each text matches; `-1`: not at all */
export function occurrencesIn(
  lines: readonly Line[],
  search: (texts: readonly string[]) => readonly number[],
): Occurrence[] {
  const found = search(lines.map(({ text }) => text));
  return lines.flatMap((line, i) => ((found[i] ?? -1) < 0 ? [] : [{ ...line, at: found[i] ?? 0 }]));
}

/** A search for a text, letter case aside. */
export function textSearch(wanted: string): (texts: readonly string[]) => readonly number[] {
  const lower = wanted.toLowerCase();
  return (texts) => texts.map((text) => text.toLowerCase().indexOf(lower));
}
