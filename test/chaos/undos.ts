import {
  beginHistory,
  chooseEdited,
  type Draft,
  type Edited,
  editOnce,
  noteCommits,
  noteEdits,
} from '../support/edit-history.ts';
import type { Dice } from '../support/random.ts';
import {
  type Change,
  changesBetween,
  conflictsOf,
  problemsOf,
  revertedIn,
  type State,
  stateOf,
  type UndoStep,
  withoutShared,
} from '../support/undo-model.ts';
import { checkRepository, checkRun } from './checks.ts';
import { count, must, type Round, type Scenario, type Tally } from './engine.ts';
import type { Outcome, World } from './world.ts';

/** What is known of a world besides the world itself. */
interface Story {
  readonly world: World;
  readonly edited: Edited;
  /** All that happened in it: every round goes on with the history of those before. */
  readonly draft: Draft;
}

/** Of so many commits, the newest, one or more are taken back: older ones meet conflicts only. */
const RECENT = 12;

async function run({ world }: Story, tally: Tally, ...words: string[]): Promise<Outcome> {
  const outcome = await world.run(...words, '--json');
  tally.runs += 1;
  checkRun(world, outcome);
  return outcome;
}

/** Edits by several people. */
function edit({ world, edited, draft }: Story, dice: Dice, tally: Tally): void {
  for (let n = dice.between(1, 4); n > 0; n--, tally.edits++) editOnce(world, edited, draft, dice);
  noteEdits(world, draft);
}

async function mirror(story: Story, tally: Tally): Promise<void> {
  const { code } = await run(story, tally, 'sync');
  must(code === 0, () => `a sync ends with ${code}`);
  noteCommits(story.world, story.draft);
}

/** What is to be taken back: words of the command line, and the changes that they mean. */
interface Choice {
  readonly kind: string;
  readonly words: readonly string[];
  readonly isUndone: (change: Change) => boolean;
}

/** What is mirrored, and was not taken back already. */
function inForce({ changes, reverts }: Draft): Change[] {
  const { isReverted } = revertedIn(changes, reverts);
  const gone = new Set(['', ...changes.filter(isReverted).map(({ commit }) => commit)]);
  return changes.filter(({ commit }) => !gone.has(commit));
}

function choose(draft: Draft, dice: Dice): Choice {
  const open = inForce(draft);
  const commits = [...new Set(open.map(({ commit }) => commit))].slice(-RECENT);
  const recent = open.filter(({ commit }) => commits.includes(commit));
  const kind = dice.pick(['one commit', 'some commits', 'a range', 'one person', 'one resource']);
  if (kind === 'one person') {
    const { by } = dice.pick(recent);
    // Not what the same person does before it is mirrored.
    const isUndone = (change: Change): boolean => change.by === by && commits.includes(change.commit);
    return { kind, words: [...commits, '--by', by], isUndone };
  }
  if (kind === 'one resource') {
    const { key } = dice.pick(recent);
    const some = [...new Set(recent.filter((change) => change.key === key).map(({ commit }) => commit))];
    const part = dice.some(some, dice.between(1, some.length));
    return { kind, words: [...part, key], isUndone: (change) => change.key === key && part.includes(change.commit) };
  }
  const from = dice.between(0, commits.length - 1);
  const part =
    kind === 'one commit'
      ? [dice.pick(commits)]
      : kind === 'a range'
        ? commits.slice(from, dice.between(from + 1, commits.length))
        : dice.some(commits, dice.between(1, commits.length));
  return { kind, words: part, isUndone: ({ commit }) => part.includes(commit) };
}

function sameAs(wanted: State, held: State): string[] {
  return changesBetween(wanted, held, () => ({ commit: '', by: '' })).map(
    ({ key, field, before, after }) => `${key} ${field} is ${after} and was ${before}`,
  );
}

/** Takes back what a run of `undo` did: everything is as it was before. */
async function undoTheUndo(story: Story, tally: Tally, own: readonly string[], before: State): Promise<void> {
  const { world, draft } = story;
  const { code, out } = await run(story, tally, 'undo', ...own, '--yes');
  must(code === 0, () => `the undo of an undo ends with ${code}: ${out.slice(0, 1_500)}`);
  const lost = sameAs(before, stateOf(world.emulator));
  must(lost.length === 0, () => `the undo of an undo does not give back what was:\n  ${lost.join('\n  ')}`);
  noteCommits(world, draft, (change) => own.includes(change.commit));
}

/** Checks one undo of a history, and perhaps what taking it back again gives. */
async function undoOnce(story: Story, { dice, tally, kinds }: Trial): Promise<void> {
  const { world, draft } = story;
  const { kind, words, isUndone } = choose(draft, dice);
  kinds.push(`undo of ${kind}`);
  count(tally.faults, `undo of ${kind}`);
  const before = stateOf(world.emulator);
  const { code, out, err } = await run(story, tally, 'undo', ...words, '--yes');
  if (code === 64 && err.includes('in one run')) {
    const left = draft.changes.filter(withoutShared(isUndone, [err]));
    must(left.length === 0, () => `undo ${words.join(' ')} ends with 64, and means ${JSON.stringify(left)}`);
    const lost = sameAs(before, stateOf(world.emulator));
    must(lost.length === 0, () => `an undo that was refused changed the account:\n  ${lost.join('\n  ')}`);
    await mirror(story, tally);
    return;
  }
  must(code === 0 || code === 4, () => `undo ${words.join(' ')} ends with ${code}: ${err}${out.slice(0, 1_500)}`);
  const { steps, warnings } = JSON.parse(out) as { steps: readonly UndoStep[]; warnings: readonly string[] };
  const conflicts = conflictsOf(steps);
  must(
    (code === 4) === conflicts.size > 0,
    () => `${conflicts.size} conflicts, and exit code ${code}: ${warnings.join('; ')} ${out.slice(0, 1_500)}`,
  );
  for (const held of conflicts.values()) for (const _ of held) count(tally.faults, 'conflict');
  const isTaken = withoutShared(isUndone, warnings);
  const problems = problemsOf(before, stateOf(world.emulator), draft, isTaken, conflicts);
  must(
    problems.length === 0,
    () => `undo ${words.join(' ')} (${kind}):\n  ${problems.join('\n  ')}\n${told(draft, isTaken, steps)}`,
  );
  const own = noteCommits(world, draft, isTaken);
  if (own.length > 0 && dice.chance(0.2)) await undoTheUndo(story, tally, own, before);
}

/** What a round goes through and counts. */
interface Trial {
  readonly dice: Dice;
  readonly tally: Tally;
  readonly kinds: string[];
}

/** A history for whoever looks for the cause. */
function told({ changes }: Draft, isUndone: (change: Change) => boolean, steps: readonly UndoStep[]): string {
  const keys = new Set(changes.filter(isUndone).map(({ key }) => key));
  const lines = changes
    .filter(({ key }) => keys.has(key))
    .map(
      (change) =>
        `  ${isUndone(change) ? '-' : ' '} ${change.commit.slice(0, 8)} ${change.by} ${change.key} ${change.field}: ` +
        `${change.before?.slice(0, 80)} → ${change.after?.slice(0, 80)}`,
    );
  const conflicts = [...conflictsOf(steps)].map(([key, held]) => `  ${key}: ${JSON.stringify(held).slice(0, 500)}`);
  return [...lines, ...conflicts].join('\n');
}

/**
 * Histories by several people, from which some changes are taken back: nothing of anybody else is lost. A round adds to
 * the history of those before, undos included. Half of what it adds is mirrored by the undo itself only.
 */
export const undos: Scenario = {
  account: 'plain',
  remote: false,
  roundsAWorld: 25,
  async begin(world): Promise<Round> {
    const edited = chooseEdited(world);
    checkRun(world, await world.run('sync', '--json'));
    const story: Story = { world, edited, draft: beginHistory(world) };

    return async (dice, tally, kinds) => {
      world.emulator.clearRequests();
      while (inForce(story.draft).length === 0 || dice.chance(0.3)) {
        edit(story, dice, tally);
        await mirror(story, tally);
      }
      edit(story, dice, tally);
      await undoOnce(story, { dice, tally, kinds });
      if (!dice.chance(0.04)) return;
      const { code, out } = await run(story, tally, 'sync');
      const made = (JSON.parse(out) as { accounts: { commits: unknown[] }[] }).accounts.flatMap(
        ({ commits }) => commits,
      );
      must(code === 0 && made.length === 0, () => `a sync after an undo ends with ${code} and ${made.length} commits`);
      checkRepository(world);
    };
  },
};
