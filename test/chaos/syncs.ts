import { existsSync, rmSync } from 'node:fs';
import type { Dice } from '../support/random.ts';
import { killWriter, onceWriting } from '../support/writing.ts';
import { checkClaim, checkRepository, checkRun, isSound } from './checks.ts';
import { type Editors, editorsOf } from './edits.ts';
import { Broken, count, countFaults, must, type Round, type Scenario } from './engine.ts';
import { inject } from './faults.ts';
import { liedTo } from './http-faults.ts';
import type { Injected } from './injected.ts';
import { checkCommits, checkTold } from './told.ts';
import { after, filesIn, type Outcome, type Strike, type World } from './world.ts';

/** Runs after which a mirror must be whole again, once everything around it is. */
const HEALING_RUNS = 4;

const SYNC = ['sync', '--json'] as const;

/** What is known of a world besides the world itself. */
interface Story {
  readonly world: World;
  readonly editors: Editors;
  /** Trees of the account's folder that a whole run left behind: the history must hold each. */
  readonly states: Set<string>;
  /** Commits that people made in Git: the history must hold each. */
  readonly handMade: Set<string>;
  /** When the world began. */
  readonly began: number;
  /** Whether a part of the history could not be read for a while. */
  damaged: boolean;
}

function treeOf(world: World, commit: string): string {
  return world.git('rev-parse', `${commit}:prod`).trim();
}

/** As {@link treeOf}; nothing where somebody removed the folder. */
function folderOf(world: World, commit: string): string | undefined {
  return world.git('ls-tree', commit, 'prod').split(/[ \t]/)[2];
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
  const { world, editors, states, handMade, began, damaged } = story;
  checkHistory(story);
  checkRepository(world);
  const [ours, fresh] = [filesIn(`${world.mirror}/prod`), await world.fresh()];
  const names = new Set([...ours.keys(), ...fresh.keys()]);
  const different = [...names].filter((name) => ours.get(name) !== fresh.get(name));
  must(different.length === 0, () => `not equal to the account: ${different.slice(0, 5).join(', ')}`);
  for (const text of ours.values()) {
    for (const secret of world.secrets) must(!text.includes(secret), () => 'a secret is in the mirror');
  }
  const commits = world.git('rev-list', 'HEAD').trim().split('\n');
  const held = new Set(commits.map((commit) => folderOf(world, commit)));
  for (const state of states)
    must(held.has(state), () => `a state that a run saw is no longer in the history: ${state}`);
  for (const commit of handMade)
    must(commits.includes(commit), () => `a commit that somebody made is no longer in the history: ${commit}`);
  checkCommits(world, editors.edits, began);
  await checkTold(world, editors.edits, damaged);
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

function healFaults(world: World, injected: readonly Injected[]): void {
  world.hurry(false);
  world.emulator.faults.clear();
  for (const { heal } of [...injected].reverse()) heal?.();
}

/** Does what the program says of a commit in the clone that is not the mirror's. */
function followRemedy({ world: { git, remote }, handMade }: Story): void {
  // They are made again.
  handMade.clear();
  git('-c', 'user.name=x', '-c', 'user.email=x@x', 'pull', '--quiet', '--rebase', remote, 'main');
}

/** Runs the program until the mirror is whole again. Gives the number of runs that it took. */
async function heal(story: Story, injected: readonly Injected[]): Promise<number> {
  const { world } = story;
  let last: Outcome | undefined;
  for (let run = 1; run <= HEALING_RUNS; run++) {
    last = await world.run(...SYNC);
    checkRun(world, last);
    if (/git pull --rebase/.test(last.out)) followRemedy(story);
    if (last.code !== 0) continue;
    if (isSound(world)) return run;
    // What no run reads can be missing without a sign. Then doctor tells, and a fresh clone is the remedy.
    must(
      injected.some(({ kind }) => /^git (?:object|pack)/.test(kind)),
      () => 'git fsck finds faults',
    );
    const doctor = await world.run('doctor', '--json');
    must(/"check": "objects",\s+"verdict": "fault"/.test(doctor.out), () => 'doctor does not see what is missing');
    rmSync(world.mirror, { recursive: true });
  }
  const reported = (part: string): string => new RegExp(`"${part}": \\{[^}]*\\}`).exec(last?.out ?? '')?.[0] ?? '';
  const why = `${reported('error') || last?.out.slice(-600)} ${reported('remote')}`;
  throw new Broken(`does not become complete again: exit ${last?.code}: ${why}`);
}

/** A run under faults. */
interface Tried {
  readonly outcome: Outcome;
  /** Kinds of faults beside those that were injected before. */
  readonly met: readonly string[];
}

/** Runs the program once: in peace, or killed at some moment, or with nobody who reads what it says. */
async function tryRun(world: World, dice: Dice): Promise<Tried> {
  const how = dice.next();
  if (how < 0.1) {
    const both = dice.chance(0.3);
    return { outcome: await world.unread(both, ...SYNC), met: [both ? 'no terminal any more' : 'output closed'] };
  }
  if (how < 0.2) {
    const writer = killWriter(world.mirror, dice.between(0, 20));
    const outcome = await world.run(...SYNC);
    return { outcome, met: writer.stop() ? ['git killed while it writes'] : [] };
  }
  if (how > 0.4) return { outcome: await world.run(...SYNC), met: [] };
  let writer: { readonly stop: () => boolean } | undefined;
  const pause = dice.between(0, 15);
  const inWriter: Strike = (kill) => {
    writer = onceWriting(world.mirror, pause, () => {
      void kill();
      return true;
    });
  };
  const outcome = await world.killed(how < 0.3 ? inWriter : after(dice.between(150, 1_800)), ...SYNC);
  writer?.stop();
  return { outcome, met: outcome.code === undefined ? ['kill -9'] : [] };
}

/** Random histories of an account, mirrored while everything around the mirror goes wrong. */
export const syncs: Scenario = {
  account: 'small',
  roundsAWorld: 20,
  async begin(world): Promise<Round> {
    const story: Story = {
      world,
      editors: editorsOf(world),
      states: new Set(),
      handMade: new Set(),
      began: Date.now(),
      damaged: false,
    };
    checkRun(world, await world.run(...SYNC));

    return async (dice, tally, kinds) => {
      for (let n = dice.between(1, 4); n > 0; n--, tally.edits++) story.editors.edit(dice);
      const injected = inject(world, dice);
      kinds.push(...injected.map(({ kind }) => kind));
      const isDamaged = kinds.some((kind) => /^git (?:object|pack|branch)/.test(kind));
      story.damaged ||= isDamaged;
      for (const { commit } of injected) if (commit && !isDamaged) story.handMade.add(commit);
      world.emulator.clearRequests();
      const during = dice.chance(0.5) ? editDuring(story, dice) : undefined;
      world.hurry(true);
      const { outcome, met } = await tryRun(world, dice).finally(() => {
        tally.edits += during?.stop() ?? 0;
      });
      kinds.push(...met);
      tally.runs += 1;
      const isTrue = outcome.code === 0 && !liedTo(world);
      checkClaim(world, outcome);
      healFaults(world, injected);
      countFaults(world, kinds, tally);
      checkRun(world, outcome);
      count(tally.codes, String(outcome.code ?? 'killed'));
      if (during) count(tally.faults, 'data changed while it was read');
      checkHistory(story);
      const left = isTrue && !during && existsSync(world.mirror) ? treeOf(world, 'HEAD') : undefined;
      tally.runs += await heal(story, injected);
      if (existsSync(world.mirror)) {
        const tree = treeOf(world, 'HEAD');
        must(left === undefined || left === tree, () => 'a run ends with 0, and the next one finds what it did not do');
        story.states.add(tree);
      }
      await checkWhole(story);
    };
  },
};
