import { TestRunner } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Random cases that the test tried; `npm run fuzz` prints them. */
    cases?: number;
  }
}

/** How many times the usual number of random cases: FUZZ=100 npx vitest run …, or npm run fuzz. */
const FACTOR = Number(process.env.FUZZ ?? 1);

/** Settings of a property test that tries so many random cases, more when asked for. */
export function cases(usual: number): { numRuns: number } {
  const numRuns = Math.max(1, Math.round(usual * FACTOR));
  const test = TestRunner.getCurrentTest();
  if (test) test.meta.cases = (test.meta.cases ?? 0) + numRuns;
  return { numRuns };
}
