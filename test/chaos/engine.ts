import PQueue from 'p-queue';
import { type Dice, diceOf } from '../support/random.ts';
import { makeWorld, type World, type WorldOptions } from './world.ts';

export interface ChaosOptions {
  readonly rounds: number;
  readonly seed: number;
  /** The built program. */
  readonly program: string;
  /** The first world; to see one again without those before it. */
  readonly firstWorld?: number;
  /** Worlds that live at the same time: a round waits more than it works. 1 unless given. */
  readonly jobs?: number;
  /** Leave the folder of a world with a violation where it is. */
  readonly keep?: boolean;
  readonly onRound?: (line: string) => void;
}

/** Something that must never happen. */
export interface Violation {
  readonly world: number;
  readonly round: number;
  readonly problem: string;
  /** Faults of the round. */
  readonly faults: readonly string[];
}

/** What is counted while it happens. */
export interface Tally {
  runs: number;
  edits: number;
  /** Faults that took effect, by kind. */
  readonly faults: Map<string, number>;
  /** Exit codes of the runs under faults; `killed` for those that had none. */
  readonly codes: Map<string, number>;
}

export interface ChaosResult extends Tally {
  readonly rounds: number;
  readonly violations: readonly Violation[];
}

/** One round: edits, faults, the program, and a look whether what must hold does. `kinds` takes the faults. */
export type Round = (dice: Dice, tally: Tally, kinds: string[]) => Promise<void>;

/** What is done to a world. */
export interface Scenario {
  readonly account: WorldOptions['account'];
  readonly remote?: boolean;
  /** Rounds that one account and its mirror live. */
  readonly roundsAWorld: number;
  /** Prepares a world; gives what each round of it does. */
  readonly begin: (world: World) => Promise<Round>;
}

/** A violation, distinguished from faults of the suite itself. */
export class Broken extends Error {}

export function must(holds: boolean, problem: () => string): void {
  if (!holds) throw new Broken(problem());
}

export function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

/** Faults that choose the status of an answer. */
const REPLACING: ReadonlySet<string> = new Set(['status', 'applyThenStatus', 'body', 'html']);

/** Counts the faults of a round: those of the API for each request that met one, the others once. */
export function countFaults({ emulator }: World, kinds: readonly string[], { faults }: Tally): void {
  for (const { fault, status } of emulator.requests)
    if (fault !== undefined) count(faults, `http ${fault}${REPLACING.has(fault) ? ` ${status}` : ''}`);
  for (const kind of kinds) if (!/^(?:http|write) /.test(kind)) count(faults, kind);
}

function problemOf(error: unknown): string {
  if (error instanceof Broken) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** How many rounds each world lives, so that together they are as many as asked for. */
function shares(rounds: number, roundsAWorld: number): number[] {
  return Array.from({ length: Math.ceil(rounds / roundsAWorld) }, (_, i) =>
    Math.min(roundsAWorld, rounds - i * roundsAWorld),
  );
}

/** Lives worlds of random edits and faults, and looks after each round whether what must hold does. */
export async function chaos(scenario: Scenario, options: ChaosOptions): Promise<ChaosResult> {
  const tally: Tally = { runs: 0, edits: 0, faults: new Map(), codes: new Map() };
  const violations: Violation[] = [];
  let rounds = 0;

  async function live(number: number, wanted: number): Promise<void> {
    const world = await makeWorld({
      program: options.program,
      account: scenario.account,
      remote: scenario.remote ?? true,
    });
    const dice = diceOf(options.seed * 1_000_003 + number);
    let broken = false;
    try {
      const once = await scenario.begin(world);
      // Nothing after a violation would prove anything in its world.
      for (let round = 0; round < wanted && !broken; round++) {
        rounds += 1;
        const kinds: string[] = [];
        try {
          await once(dice, tally, kinds);
          options.onRound?.(`world ${number} round ${round}: ${kinds.join(', ')}`);
        } catch (error) {
          broken = true;
          const problem = problemOf(error);
          violations.push({ world: number, round, problem, faults: kinds });
          options.onRound?.(`world ${number} round ${round}: VIOLATION ${problem.slice(0, 300)}`);
        }
      }
    } finally {
      await world.close(options.keep === true && broken);
    }
  }

  const queue = new PQueue({ concurrency: options.jobs ?? 1 });
  const first = options.firstWorld ?? 0;
  await queue.addAll(shares(options.rounds, scenario.roundsAWorld).map((wanted, i) => () => live(first + i, wanted)));
  return { ...tally, rounds, violations };
}
