import { matchLists } from './sequences.ts';

/** Elements from the first index up to, but without, the second. */
export type Range = readonly [from: number, to: number];

/** A part of three sequences, in order. */
export interface MergedPart {
  /**
   * `kept`: no side differs from the base; `changed` or `live`: that side alone does; `both`: both do, in the same way;
   * `conflict`: both do, each in its own way.
   */
  readonly from: 'kept' | 'changed' | 'live' | 'both' | 'conflict';
  readonly base: Range;
  readonly changed: Range;
  readonly live: Range;
}

/** Where more elements than this come and go, all between the common beginning and end count as changed. */
const MOST_EDITS = 2_000;

/** A part of the base, and what is in its place on one side. */
interface Hunk {
  readonly base: Range;
  readonly other: Range;
}

function hunksOf(base: readonly string[], other: readonly string[]): Hunk[] {
  const hunks: Hunk[] = [];
  let [at, to] = [0, 0];
  for (const { old, now, count } of matchLists(base, other, MOST_EDITS)) {
    if (old > at || now > to) hunks.push({ base: [at, old], other: [to, now] });
    [at, to] = [old + count, now + count];
  }
  return hunks;
}

/** One side of the merge while it is walked. */
interface Walk {
  readonly hunks: readonly Hunk[];
  next: number;
  /** How far indexes of this side are ahead of those of the base, after the hunks that were passed. */
  ahead: number;
}

/** Takes the hunks that begin within, or right after, a part of the base; where they end. */
function pass(walk: Walk, end: number): number {
  let last = end;
  for (let hunk = walk.hunks[walk.next]; hunk && hunk.base[0] <= last; hunk = walk.hunks[walk.next]) {
    last = Math.max(last, hunk.base[1]);
    walk.ahead = hunk.other[1] - hunk.base[1];
    walk.next += 1;
  }
  return last;
}

function same(a: readonly string[], [from, to]: Range, b: readonly string[], [start, end]: Range): boolean {
  return to - from === end - start && a.slice(from, to).every((item, i) => item === b[start + i]);
}

/**
 * Merges what two sides made of a sequence (diff3). Changes of neighbouring elements are one change: that they do not
 * concern each other is not certain.
 * @returns parts in order, which together are the three sequences
 */
export function mergeSequences(
  base: readonly string[],
  changed: readonly string[],
  live: readonly string[],
): MergedPart[] {
  const ours: Walk = { hunks: hunksOf(base, changed), next: 0, ahead: 0 };
  const theirs: Walk = { hunks: hunksOf(base, live), next: 0, ahead: 0 };
  const parts: MergedPart[] = [];
  let at = 0;
  const startOf = ({ hunks, next }: Walk): number => hunks[next]?.base[0] ?? Number.POSITIVE_INFINITY;
  const keep = (to: number): void => {
    if (to <= at) return;
    const range = ({ ahead }: Walk): Range => [at + ahead, to + ahead];
    parts.push({ from: 'kept', base: [at, to], changed: range(ours), live: range(theirs) });
    at = to;
  };
  for (let start = 0; ; ) {
    start = Math.min(startOf(ours), startOf(theirs));
    if (start === Number.POSITIVE_INFINITY) break;
    keep(start);
    const [ourStart, theirStart] = [start + ours.ahead, start + theirs.ahead];
    const [ourNext, theirNext] = [ours.next, theirs.next];
    let end = start;
    for (let reached = -1; reached !== end; ) {
      reached = end;
      end = pass(theirs, pass(ours, end));
    }
    const part = {
      base: [start, end] as const,
      changed: [ourStart, end + ours.ahead] as const,
      live: [theirStart, end + theirs.ahead] as const,
    };
    const [weDid, theyDid] = [ours.next > ourNext, theirs.next > theirNext];
    const from = !theyDid
      ? 'changed'
      : !weDid
        ? 'live'
        : same(changed, part.changed, live, part.live)
          ? 'both'
          : 'conflict';
    parts.push({ from, ...part });
    at = end;
  }
  keep(base.length);
  return parts;
}
