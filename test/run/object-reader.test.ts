import { expect, it } from 'vitest';
import { objectReader } from '../../src/run/sync/collect/object-reader.ts';

it('reads the objects of a moment by one process, and no two processes at once', async () => {
  const calls: (readonly string[])[] = [];
  let running = 0;
  const read = objectReader({
    async objects(oids) {
      running += 1;
      expect(running).toBe(1);
      calls.push([...oids]);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (oids.includes('gone')) throw new Error('gone');
      return oids.map((oid) => Buffer.from(`text of ${oid}`));
    },
  });

  const first = ['a', 'b'].map(read);
  await Promise.resolve().then(() => undefined);
  const second = ['c', 'gone'].map(read);
  const outcomes = await Promise.allSettled([...first, ...second]);
  const third = await Promise.all(['d', 'd'].map(read));

  expect(calls).toEqual([
    ['a', 'b'],
    ['c', 'gone'],
    ['d', 'd'],
  ]);
  expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? String(outcome.value) : 'failed'))).toEqual([
    'text of a',
    'text of b',
    'failed',
    'failed',
  ]);
  expect(third.map(String)).toEqual(['text of d', 'text of d']);
});
