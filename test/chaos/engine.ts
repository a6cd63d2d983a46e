import { existsSync, rmSync } from 'node:fs';
import { type Editors, editorsOf } from './edits.ts';
import { type Injected, inject } from './faults.ts';
import { type Dice, diceOf } from './random.ts';
import { filesIn, makeWorld, type Outcome, type World } from './world.ts';

/** Rounds that one account and its mirror live. */
const ROUNDS_A_WORLD = 20;
/** Runs after which a mirror must be whole again, once everything around it is. */
const HEALING_RUNS = 4;

export interface ChaosOptions {
  readonly rounds: number;
  readonly seed: number;
  /** The built program. */
  readonly program: string;
  /** The first world; to see one again without those before it. */
  readonly firstWorld?: number;
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

export interface ChaosResult {
  readonly rounds: number;
  readonly runs: number;
  readonly edits: number;
  /** Faults that took effect, by kind. */
  readonly faults: ReadonlyMap<string, number>;
  /** Exit codes of the runs under faults. */
  readonly codes: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
}

class Broken extends Error {}

function must(holds: boolean, problem: () => string): void {
  if (!holds) throw new Broken(problem());
}

/** What is known of a world besides the world itself. */
interface Story {
  readonly world: World;
  readonly editors: Editors;
  /** Trees of the account's folder that a whole run left behind: the history must hold each. */
  readonly states: Set<string>;
}

function treeOf(world: World, commit: string): string {
  return world.git('rev-parse', `${commit}:prod`).trim();
}

function checkRun(world: World, outcome: Outcome): void {
  const text = `${outcome.out}${outcome.err}`;
  must(
    !/internal error|\n\s+at .+\(.+:\d+:\d+\)/.test(text),
    () => `a trace instead of a message: ${text.slice(0, 2_000)}`,
  );
  must(
    outcome.code === undefined || [0, 1, 3, 4].includes(outcome.code),
    () => `exit code ${outcome.code}: ${outcome.err.slice(0, 500)}`,
  );
  for (const secret of world.secrets) must(!text.includes(secret), () => 'a secret was printed');
}

/** What holds at any time, whatever went wrong. */
function checkHistory({ world, editors }: Story): void {
  if (!existsSync(world.mirror)) return;
  let log: string;
  try {
    log = world.git('log', '--format=%B', 'HEAD');
  } catch {
    return;
  }
  for (const [, id = ''] of log.matchAll(/^- deleted: [a-z]+\/[^ ]*\.([0-9a-f]{24})\.yaml/gm)) {
    must(editors.everDeleted.has(id), () => `a deletion that never happened was committed: ${id}`);
  }
}

/** What holds once everything is whole again. */
async function checkWhole(story: Story): Promise<void> {
  const { world, states } = story;
  checkHistory(story);
  must(
    world.git('status', '--porcelain').trim() === '',
    () => `the work tree is not clean: ${world.git('status', '--porcelain')}`,
  );
  must(isSound(world), () => 'git fsck finds faults');
  const [ours, fresh] = [filesIn(`${world.mirror}/prod`), await world.fresh()];
  const names = new Set([...ours.keys(), ...fresh.keys()]);
  const different = [...names].filter((name) => ours.get(name) !== fresh.get(name));
  must(different.length === 0, () => `not equal to the account: ${different.slice(0, 5).join(', ')}`);
  for (const text of ours.values()) {
    for (const secret of world.secrets) must(!text.includes(secret), () => 'a secret is in the mirror');
  }
  const head = world.git('rev-parse', 'HEAD').trim();
  must(
    world.gitIn(world.remote, 'rev-parse', 'refs/heads/main').trim() === head,
    () => 'the remote does not have what the clone has',
  );
  const commits = world.git('rev-list', '--first-parent', 'HEAD').split('\n').filter(Boolean);
  const held = new Set(commits.map((commit) => treeOf(world, commit)));
  for (const state of states)
    must(held.has(state), () => `a state that a run saw is no longer in the history: ${state}`);
}

/** Edits that happen while the program lists: each after some requests more. */
function editDuring(story: Story, dice: Dice): { readonly stop: () => number } {
  const { emulator } = story.world;
  let edits = 0;
  let due = dice.between(2, 12);
  const timer = setInterval(() => {
    if (emulator.requests.length < due || edits >= 4) return;
    story.editors.edit(dice);
    edits += 1;
    due = emulator.requests.length + dice.between(2, 12);
  }, 1);
  return {
    stop: () => {
      clearInterval(timer);
      return edits;
    },
  };
}

/** Whether every object of the history is there: a run does not read those that it does not need. */
function isSound(world: World): boolean {
  try {
    world.git('fsck', '--strict', '--no-dangling');
    return true;
  } catch {
    return false;
  }
}

async function heal(story: Story, injected: readonly Injected[]): Promise<number> {
  const { world } = story;
  world.emulator.faults.clear();
  for (const { heal: mend } of [...injected].reverse()) mend?.();
  let last: Outcome | undefined;
  for (let run = 1; run <= HEALING_RUNS; run++) {
    last = await world.sync();
    checkRun(world, last);
    const ruined = injected.some(({ ruinsClone }) => ruinsClone) && existsSync(world.mirror);
    if (last.code === 0 && !(ruined && !isSound(world))) return run;
    // The documented remedy for a clone whose objects are gone: a fresh one.
    if (ruined) {
      rmSync(world.mirror, { recursive: true });
      story.states.clear();
    }
  }
  throw new Broken(
    `does not become whole again: exit ${last?.code}: ${/"error": \{[^}]*\}/.exec(last?.out ?? '')?.[0] ?? last?.out.slice(-600)} ${/"remote": \{[^}]*\}/.exec(last?.out ?? '')?.[0] ?? ''}`,
  );
}

/** Lives worlds of random edits and faults, and looks after each round whether what must hold does. */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const faults = new Map<string, number>();
  const codes = new Map<string, number>();
  const violations: Violation[] = [];
  let [runs, edits, rounds] = [0, 0, 0];
  const count = (map: Map<string, number>, key: string): void => {
    map.set(key, (map.get(key) ?? 0) + 1);
  };
  for (let number = options.firstWorld ?? 0; rounds < options.rounds; number++) {
    const world = await makeWorld(options.program);
    const story: Story = { world, editors: editorsOf(world), states: new Set() };
    const dice = diceOf(options.seed * 1_000_003 + number);
    try {
      checkRun(world, await world.sync());
      for (let round = 0; round < ROUNDS_A_WORLD && rounds < options.rounds; round++) {
        rounds += 1;
        let injected: Injected[] = [];
        try {
          for (let n = dice.between(1, 4); n > 0; n--, edits++) story.editors.edit(dice);
          injected = inject(world, dice);
          world.emulator.clearRequests();
          const during = dice.chance(0.5) ? editDuring(story, dice) : undefined;
          const kill = dice.chance(0.2);
          const before = world.emulator.faults.pending().length;
          const outcome = kill ? await world.killed(dice.between(150, 1_800)) : await world.sync();
          edits += during?.stop() ?? 0;
          runs += 1;
          checkRun(world, outcome);
          count(codes, kill && outcome.code === undefined ? 'killed' : String(outcome.code));
          // A fault of the API that no request met was none.
          let unmet = world.emulator.faults.pending().length;
          for (const { kind } of injected) {
            if (kind.startsWith('http') && unmet > 0 && before > 0) unmet -= 1;
            else count(faults, kind);
          }
          if (during) count(faults, 'data changed while it was read');
          if (kill && outcome.code === undefined) count(faults, 'kill -9');
          if (!injected.some(({ ruinsClone }) => ruinsClone)) checkHistory(story);
          runs += await heal(story, injected);
          if (existsSync(world.mirror)) story.states.add(treeOf(world, 'HEAD'));
          await checkWhole(story);
          options.onRound?.(
            `world ${number} round ${round}: ${injected.map(({ kind }) => kind).join(', ')} → ${outcome.code ?? 'killed'}`,
          );
        } catch (error) {
          const problem =
            error instanceof Error
              ? error instanceof Broken
                ? error.message
                : (error.stack ?? error.message)
              : String(error);
          violations.push({ world: number, round, problem, faults: injected.map(({ kind }) => kind) });
          options.onRound?.(`world ${number} round ${round}: VIOLATION ${problem.slice(0, 300)}`);
          // Nothing after it in this world would prove anything.
          break;
        }
      }
    } finally {
      await world.close(options.keep === true && violations.some((violation) => violation.world === number));
    }
  }
  return { rounds, runs, edits, faults, codes, violations };
}
