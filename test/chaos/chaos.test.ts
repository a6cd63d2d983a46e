import { expect, it } from 'vitest';
import { PROGRAM } from '../support/workspace.ts';
import { chaos } from './engine.ts';
import { restores } from './restores.ts';
import { syncs } from './syncs.ts';
import { undos } from './undos.ts';

it('what must hold of a mirror does after each of 8 rounds of edits and faults (npm run chaos has more)', {
  tags: 'slow',
  timeout: 600_000,
}, async () => {
  const result = await chaos(syncs, { rounds: 8, seed: 20261124, program: PROGRAM });

  expect(result.violations).toEqual([]);
  expect(result.rounds).toBe(8);
  expect([...result.faults.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(25);
});

it('what must hold of a restore does after each of 4 rounds of damage and faults', {
  tags: 'slow',
  timeout: 600_000,
}, async () => {
  const result = await chaos(restores, { rounds: 4, seed: 20261127, program: PROGRAM });

  expect(result.violations).toEqual([]);
  expect(result.rounds).toBe(4);
  expect([...result.faults.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(6);
});

it('what must hold of an undo does after each of 4 random histories by several people', {
  tags: 'slow',
  timeout: 600_000,
}, async () => {
  const result = await chaos(undos, { rounds: 4, seed: 20261128, program: PROGRAM });

  expect(result.violations).toEqual([]);
  expect(result.rounds).toBe(4);
  expect(result.edits).toBeGreaterThan(8);
});
