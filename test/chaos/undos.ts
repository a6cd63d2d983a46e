import { beginHistory, chooseEdited, type Draft, type Edited, editOnce, noteEdits } from '../support/edit-history.ts';
import type { Dice } from '../support/random.ts';
import {
  type Change,
  changesBetween,
  conflictsOf,
  problemsOf,
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
}

async function run({ world }: Story, tally: Tally, ...words: string[]): Promise<Outcome> {
  const outcome = await world.run(...words, '--json');
  tally.runs += 1;
  checkRun(world, outcome);
  return outcome;
}

/** Some syncs, each with the edits since the one before. */
async function makeHistory(story: Story, dice: Dice, tally: Tally): Promise<Draft> {
  const { world, edited } = story;
  const draft = beginHistory(world);
  for (let syncs = dice.between(1, 3); syncs > 0; syncs--) {
    for (let n = dice.between(2, 4); n > 0; n--, tally.edits++) editOnce(world, edited, draft, dice);
    const { code } = await run(story, tally, 'sync');
    must(code === 0, () => `a sync ends with ${code}`);
    noteEdits(world, draft, true);
  }
  return draft;
}

/** What is to be taken back: words of the command line, and the changes that they mean. */
interface Choice {
  readonly kind: string;
  readonly words: readonly string[];
  readonly isUndone: (change: Change) => boolean;
}

function choose({ changes }: Draft, dice: Dice): Choice {
  const commits = [...new Set(changes.map(({ commit }) => commit))];
  const kind = dice.pick(['one commit', 'some commits', 'a range', 'one person', 'one resource']);
  if (kind === 'one person') {
    const { by } = dice.pick(changes);
    // Not what the same person does before it is mirrored.
    return { kind, words: [...commits, '--by', by], isUndone: (change) => change.by === by && change.commit !== '' };
  }
  if (kind === 'one resource') {
    const { key } = dice.pick(changes);
    const some = [...new Set(changes.filter((change) => change.key === key).map(({ commit }) => commit))];
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
async function undoTheUndo(story: Story, tally: Tally, from: string, before: State): Promise<void> {
  const { world } = story;
  const log = world.git('log', '--format=%H %(trailers:key=Celigo-Undo,valueonly,separator=%x2C)', `${from}..HEAD`);
  const own = log.split('\n').flatMap((line) => (/^\w+ \w/.test(line) ? [line.slice(0, line.indexOf(' '))] : []));
  if (own.length === 0) return;
  const { code, out } = await run(story, tally, 'undo', ...own, '--yes');
  must(code === 0, () => `the undo of an undo ends with ${code}: ${out.slice(0, 1_500)}`);
  const lost = sameAs(before, stateOf(world.emulator));
  must(lost.length === 0, () => `the undo of an undo does not give back what was:\n  ${lost.join('\n  ')}`);
}

/** Checks one undo of a history, and perhaps what taking it back again gives. */
async function undoOnce(story: Story, draft: Draft, { dice, tally, kinds }: Trial): Promise<void> {
  const { world, edited } = story;
  const { kind, words, isUndone } = choose(draft, dice);
  kinds.push(`undo of ${kind}`);
  count(tally.faults, `undo of ${kind}`);
  if (dice.chance(0.3)) {
    // Nothing mirrors it but the undo itself.
    editOnce(world, edited, draft, dice);
    tally.edits += 1;
    noteEdits(world, draft, false);
  }
  const before = stateOf(world.emulator);
  const { code, out, err } = await run(story, tally, 'undo', ...words, '--yes');
  if (code === 64 && err.includes('in one run')) {
    const left = draft.changes.filter(withoutShared(isUndone, [err]));
    must(left.length === 0, () => `undo ${words.join(' ')} ends with 64, and means ${JSON.stringify(left)}`);
    const lost = sameAs(before, stateOf(world.emulator));
    must(lost.length === 0, () => `an undo that was refused changed the account:\n  ${lost.join('\n  ')}`);
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
  const problems = problemsOf(before, stateOf(world.emulator), draft.changes, isTaken, conflicts);
  must(
    problems.length === 0,
    () => `undo ${words.join(' ')} (${kind}):\n  ${problems.join('\n  ')}\n${told(draft, isTaken, steps)}`,
  );
  if (dice.chance(0.5)) await undoTheUndo(story, tally, draft.head, before);
}

/** What a round goes through and counts. */
interface Trial {
  readonly dice: Dice;
  readonly tally: Tally;
  readonly kinds: string[];
}

/** A history for whoever looks for the cause. */
function told({ changes }: Draft, isUndone: (change: Change) => boolean, steps: readonly UndoStep[]): string {
  const lines = changes.map(
    (change) =>
      `  ${isUndone(change) ? '-' : ' '} ${change.commit.slice(0, 8)} ${change.by} ${change.key} ${change.field}: ` +
      `${change.before?.slice(0, 80)} → ${change.after?.slice(0, 80)}`,
  );
  const conflicts = [...conflictsOf(steps)].map(([key, held]) => `  ${key}: ${JSON.stringify(held).slice(0, 500)}`);
  return [...lines, ...conflicts].join('\n');
}

/** Random histories by several people, from which some changes are taken back: nothing of anybody else is lost. */
export const undos: Scenario = {
  account: 'small',
  remote: false,
  roundsAWorld: 25,
  async begin(world): Promise<Round> {
    const story: Story = { world, edited: chooseEdited(world) };
    checkRun(world, await world.run('sync', '--json'));

    return async (dice, tally, kinds) => {
      world.emulator.clearRequests();
      const draft = await makeHistory(story, dice, tally);
      if (draft.changes.length === 0) return;
      await undoOnce(story, draft, { dice, tally, kinds });
      if (!dice.chance(0.1)) return;
      const { code, out } = await run(story, tally, 'sync');
      const made = (JSON.parse(out) as { accounts: { commits: unknown[] }[] }).accounts.flatMap(
        ({ commits }) => commits,
      );
      must(code === 0 && made.length === 0, () => `a sync after an undo ends with ${code} and ${made.length} commits`);
      checkRepository(world);
    };
  },
};
