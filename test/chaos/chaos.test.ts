import { expect, it } from 'vitest';
import { PROGRAM } from '../support/workspace.ts';
import { chaos } from './engine.ts';

it('what must hold does after each of 12 rounds of edits and faults (npm run chaos has more)', async () => {
  const result = await chaos({ rounds: 12, seed: 20261124, program: PROGRAM });

  expect(result.violations).toEqual([]);
  expect(result.rounds).toBe(12);
  expect([...result.faults.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(40);
});
