/** Something with a size to choose by. */
interface Sized {
  /** Bytes. */
  readonly length: number;
}

/** A few of many, chosen while they pass by. */
export interface Sample<T extends Sized> {
  readonly add: (item: T) => void;
  /** The largest, the smallest, and at most `most` spread evenly over all, the first among them. */
  readonly chosen: () => readonly T[];
}

/** Longer ones would take much memory until they are compared. Bytes. */
const LONGEST = 2 * 2 ** 20;

export function createSample<T extends Sized>(most: number): Sample<T> {
  let spread: T[] = [];
  let stride = 1;
  let count = 0;
  let largest: T | undefined;
  let smallest: T | undefined;
  return {
    add(item) {
      if (item.length > LONGEST) return;
      if (!largest || item.length > largest.length) largest = item;
      if (!smallest || item.length < smallest.length) smallest = item;
      if (count % stride === 0) spread.push(item);
      count += 1;
      if (spread.length <= most) return;
      spread = spread.filter((_, i) => i % 2 === 0);
      stride *= 2;
    },
    chosen: () => [...new Set([...spread, ...(largest ? [largest] : []), ...(smallest ? [smallest] : [])])],
  };
}
