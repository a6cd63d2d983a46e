import { expect, it } from 'vitest';
import { createReadWriteLock } from '../../src/run/restore/read-write-lock.ts';

/** A promise that somebody else fulfils. */
function later(): { promise: Promise<void>; done: () => void } {
  let done: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    done = resolve;
  });
  return { promise, done };
}

it('exclusive work waits for shared work and keeps other work out', async () => {
  const gate = createReadWriteLock();
  const log: string[] = [];
  const [first, second] = [later(), later()];
  const entered = [later(), later()];
  const inside = [first, second].map(({ promise }, i) =>
    gate.shared(async () => {
      log.push(`in ${i}`);
      entered[i]?.done();
      await promise;
      log.push(`out ${i}`);
    }),
  );
  await Promise.all(entered.map(({ promise }) => promise));
  const alone = [0, 1].map((i) => gate.exclusive(async () => void log.push(`alone ${i}`)));
  const after = gate.shared(async () => void log.push('after'));

  first.done();
  await inside[0];
  second.done();
  await Promise.all([...inside, ...alone, after]);

  expect(log).toEqual(['in 0', 'in 1', 'out 0', 'out 1', 'alone 0', 'alone 1', 'after']);
});

it('a failure of shared or exclusive work releases the lock', async () => {
  const gate = createReadWriteLock();
  await expect(gate.shared(() => Promise.reject(new Error('inside')))).rejects.toThrow('inside');
  await expect(gate.exclusive(() => Promise.reject(new Error('alone')))).rejects.toThrow('alone');
  await expect(gate.shared(async () => 'through')).resolves.toBe('through');
});
