import type { Dice } from '../support/random.ts';
import { byHand, foreign, full, link, readOnly, rights } from './disk-faults.ts';
import { away, branch, cache, forced, index, lock, object, overtaking, racing, rejected } from './git-faults.ts';
import { readingFault } from './http-faults.ts';
import type { Injected, Injector } from './injected.ts';
import type { World } from './world.ts';

/** The clock of the machine is wrong. */
const clock: Injector = (world, dice) => {
  world.clockOffset = dice.pick([-1, 1]) * dice.between(60_000, 30 * 86_400_000);
  return {
    kind: 'clock set wrong',
    heal: () => {
      world.clockOffset = 0;
    },
  };
};

/** Faults beside those of HTTP. */
const OTHERS: readonly Injector[] = [
  lock,
  lock,
  index,
  cache,
  cache,
  rejected,
  racing,
  overtaking,
  forced,
  away,
  byHand,
  foreign,
  link,
  full,
  readOnly,
  rights,
  clock,
  object,
  branch,
];

/** Those that cannot happen to one remote at the same time. */
const REMOTE = [away, forced, rejected, racing, overtaking];
/** Those that cannot happen to one disk at the same time; the first ones come last, or they would keep others away. */
const DISK = [readOnly, full, rights];

/** Brings about some faults: most of them at the API, some in git, on the disk or the clock. */
export function inject(world: World, dice: Dice): Injected[] {
  const done: Injected[] = [];
  for (let i = dice.between(5, 10); i > 0; i--) done.push(readingFault(world, dice));
  const chosen = new Set(dice.some(OTHERS, dice.between(1, 4)));
  for (const group of [REMOTE, DISK]) {
    const [, ...others] = group.filter((injector) => chosen.has(injector));
    for (const other of others) chosen.delete(other);
  }
  // A file system that cannot be written to keeps other faults from being made.
  const last = DISK.filter((injector) => chosen.delete(injector));
  for (const injector of [...chosen, ...last]) {
    const injected = injector(world, dice);
    if (injected) done.push(injected);
  }
  return done;
}
