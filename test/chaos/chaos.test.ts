import { expect, it } from 'vitest';
import { PROGRAM } from '../support/workspace.ts';
import { chaos } from './engine.ts';
import { restores } from './restores.ts';
import { syncs } from './syncs.ts';

it('what must hold of a mirror does after each of 12 rounds of edits and faults (npm run chaos has more)', async () => {
  const result = await chaos(syncs, { rounds: 12, seed: 20261124, program: PROGRAM });

  expect(result.violations).toEqual([]);
  expect(result.rounds).toBe(12);
  expect([...result.faults.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(40);
}, 300_000);

it('what must hold of a restore does after each of 6 rounds of damage and faults', async () => {
  const result = await chaos(restores, { rounds: 6, seed: 20261127, program: PROGRAM });

  expect(result.violations).toEqual([]);
  expect(result.rounds).toBe(6);
  expect([...result.faults.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10);
}, 300_000);
