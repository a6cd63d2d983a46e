import { it } from 'vitest';

type Test<Args extends unknown[]> = (name: string, test: (...args: Args) => Promise<void>) => void;
interface Options {
  /** So many rows. */
  readonly quick: number;
  /** For tests of times that a busy machine may exceed once: how often a slow one may be tried again. */
  readonly retry?: number;
}

/** As `it.each`, for tests that take long: only the first rows of the table belong to the quick suite. */
export function eachOf<const Row extends [unknown, ...unknown[]]>(rows: readonly Row[], options: Options): Test<Row>;
export function eachOf<Row extends object>(rows: readonly Row[], options: Options): Test<[Row]>;
export function eachOf(rows: readonly unknown[], { quick, retry = 0 }: Options): Test<never> {
  return (name, test) => {
    const run = test as (...row: unknown[]) => Promise<void>;
    if (quick > 0) it.each(rows.slice(0, quick))(name, run);
    it.each(rows.slice(quick))(name, { tags: 'slow', retry }, run);
  };
}
