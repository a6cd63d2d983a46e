import { TestRunner } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Random cases that the test tried; `npm run fuzz` prints them. */
    cases?: number;
  }
}

/** How many times the usual number of random cases: FUZZ=100 npx vitest run …, or npm run fuzz. */
const FACTOR = process.env.FUZZ;
/** Where cases begin without `FUZZ`: a test that passed yesterday passes today. */
const SEED = 20_261_129;

/** Settings of a property test with so many cases: always the same ones; with `FUZZ` more, and others each time. */
export function cases(usual: number): { numRuns: number; seed?: number } {
  const numRuns = Math.max(1, Math.round(usual * Number(FACTOR ?? 1)));
  const test = TestRunner.getCurrentTest();
  if (test) test.meta.cases = (test.meta.cases ?? 0) + numRuns;
  return FACTOR === undefined ? { numRuns, seed: SEED } : { numRuns };
}
