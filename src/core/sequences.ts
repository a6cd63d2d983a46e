/** Elements that two lists have in common: `count` of them, from `old` in the one and from `now` in the other. */
interface Match {
  readonly old: number;
  readonly now: number;
  readonly count: number;
}

/** The same number for the same text. */
function numbered(texts: readonly string[], numbers: Map<string, number>): Int32Array {
  return Int32Array.from(texts, (text) => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  });
}

/**
 * What stayed between two lists when as little as possible was taken out and put in (Myers' algorithm), in order. The
 * last match is the end of both lists and may be empty.
 * @param mostEdits where more are needed, everything between the common beginning and end is taken out and put in: the
 *   time grows with the square of their number
 */
export function matchLists(
  before: readonly string[],
  after: readonly string[],
  mostEdits = Number.POSITIVE_INFINITY,
): Match[] {
  const least = Math.min(before.length, after.length);
  let [head, tail] = [0, 0];
  while (head < least && before[head] === after[head]) head += 1;
  while (tail < least - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const numbers = new Map<string, number>();
  const old = numbered(before.slice(head, before.length - tail), numbers);
  const now = numbered(after.slice(head, after.length - tail), numbers);
  // Where everything comes or goes there is nothing to match.
  const inner = old.length === 0 || now.length === 0 ? [] : matchMiddle(old, now, mostEdits);
  return [
    ...(head > 0 ? [{ old: 0, now: 0, count: head }] : []),
    ...inner.map((match) => ({ ...match, old: match.old + head, now: match.now + head })),
    { old: before.length - tail, now: after.length - tail, count: tail },
  ];
}

/**
 * Whether the furthest path of `edits` edits on diagonal number `i` put an element in last, rather than took one out.
 */
function putIn(previous: Int32Array, i: number, edits: number): boolean {
  return i === 0 || (i !== edits && (previous[i - 1] as number) < (previous[i] as number));
}

function matchMiddle(old: Int32Array, now: Int32Array, mostEdits: number): Match[] {
  /** By number of edits: how far into `old` each diagonal gets; its number is (old - now + edits) / 2. */
  const furthest: Int32Array[] = [];
  for (let edits = 0; edits <= mostEdits; edits++) {
    const row = new Int32Array(edits + 1);
    const previous = furthest[edits - 1];
    furthest.push(row);
    for (let i = 0; i <= edits; i++) {
      let x = 0;
      if (previous) x = putIn(previous, i, edits) ? (previous[i] as number) : (previous[i - 1] as number) + 1;
      let y = x - 2 * i + edits;
      while (x < old.length && y < now.length && old[x] === now[y]) [x, y] = [x + 1, y + 1];
      row[i] = x;
      if (x === old.length && y === now.length) return matchesOn(furthest, x, y);
    }
  }
  return [];
}

/** The matches on the path that ended at `x` and `y`, walked back. */
function matchesOn(furthest: readonly Int32Array[], endX: number, endY: number): Match[] {
  const matches: Match[] = [];
  let [x, y] = [endX, endY];
  for (let edits = furthest.length - 1; edits >= 0; edits--) {
    const i = (x - y + edits) / 2;
    const previous = furthest[edits - 1];
    const put = previous !== undefined && putIn(previous, i, edits);
    const from = previous ? (previous[put ? i : i - 1] as number) : 0;
    const start = previous && !put ? from + 1 : from;
    if (x > start) matches.push({ old: start, now: y - (x - start), count: x - start });
    y = y - (x - start) - (put ? 1 : 0);
    x = from;
  }
  return matches.reverse();
}
