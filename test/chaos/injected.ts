import type { Dice } from '../support/random.ts';
import type { World } from './world.ts';

/** A fault that was brought about. */
export interface Injected {
  readonly kind: string;
  /** Takes back what a person would have to take back; what the program has to mend by itself stays. */
  readonly heal?: () => void;
  /** A commit that somebody made in Git. */
  readonly commit?: string;
}

/** Brings about one fault; `undefined` where it cannot be had just now. */
export type Injector = (world: World, dice: Dice) => Injected | undefined;
