import type { Dice } from '../support/random.ts';
import { byHand, foreign, full, link, readOnly, rights } from './disk-faults.ts';
import {
  away,
  branch,
  cache,
  emptied,
  forced,
  index,
  lock,
  object,
  overtaking,
  racing,
  rejected,
} from './git-faults.ts';
import { readingFault } from './http-faults.ts';
import type { Injected, Injector } from './injected.ts';
import { hands, handsHere } from './people-faults.ts';
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
  emptied,
  hands,
  hands,
  handsHere,
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
const REMOTE = [away, forced, emptied, hands, rejected, racing, overtaking];
/** Only one of remote and clone loses what it holds: both would be the end of a history. */
const LOSING = [emptied, object, branch];
/** Those that cannot happen to one disk at the same time; the first ones come last, or they would keep others away. */
const DISK = [readOnly, full, rights];

/** Those that get in the way of a restore, too. */
const AROUND_RESTORES: readonly Injector[] = [lock, index, cache, rejected, racing, emptied, hands, away, clock, full];

/** Some of a list that can happen at the same time, in an order in which they can. */
function choose(from: readonly Injector[], count: number, dice: Dice): Injector[] {
  const chosen = new Set(dice.some(from, count));
  for (const group of [REMOTE, LOSING, DISK]) {
    const [, ...others] = group.filter((injector) => chosen.has(injector));
    for (const other of others) chosen.delete(other);
  }
  // Somebody commits in a clone that works; a file system that cannot be written to keeps other faults from being made.
  const first = [handsHere].filter((injector) => chosen.delete(injector));
  const last = DISK.filter((injector) => chosen.delete(injector));
  return [...first, ...chosen, ...last];
}

/** Brings about some faults at the API, in git, on the disk or the clock. */
export function inject(world: World, dice: Dice): Injected[] {
  const reading = Array.from({ length: dice.chance(0.3) ? dice.between(0, 2) : dice.between(5, 10) }, () =>
    readingFault(world, dice),
  );
  return [...reading, ...choose(OTHERS, dice.between(1, 4), dice).flatMap((injector) => injector(world, dice) ?? [])];
}

/** Brings about some of those that get in the way of a restore. */
export function injectAround(world: World, dice: Dice): Injected[] {
  return choose(AROUND_RESTORES, dice.between(0, 2), dice).flatMap((injector) => injector(world, dice) ?? []);
}
