import { it } from 'vitest';

/** As `it.each`, for tests that take long: only the first rows of the table belong to the quick suite. */
export function eachOf<const Row extends [unknown, ...unknown[]]>(
  rows: readonly Row[],
  { quick }: { readonly quick: number },
): (name: string, test: (...row: Row) => Promise<void>) => void {
  return (name, test) => {
    const run = test as unknown as (...row: unknown[]) => Promise<void>;
    if (quick > 0) it.each(rows.slice(0, quick))(name, run);
    it.each(rows.slice(quick))(name, { tags: 'slow' }, run);
  };
}
