import { expect, it } from 'vitest';
import type { Person } from '../../src/emulator/model/seed.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { people } from '../../src/emulator/sample/people.ts';
import { sample } from '../support/account.ts';
import { beginHistory, chooseEdited, editOnce, noteCommits, noteEdits } from '../support/edit-history.ts';
import { diceOf } from '../support/random.ts';
import {
  type Change,
  conflictsOf,
  planned,
  problemsOf,
  stateOf,
  type UndoStep,
  withoutShared,
} from '../support/undo-model.ts';
import { Workspace } from '../support/workspace.ts';
import { expectCode } from './support.ts';

const EDITS = 60;
/** What is edited, and what that refers to: a sync of it is short. */
const TYPES = ['integrations', 'flows', 'exports', 'imports', 'connections', 'scripts'];
/** One commit in so many is taken back in earnest, the others in a plan. */
const EARNEST = 15;

/** Five people who may edit everything: those of the sample account, and two more. */
function team(): Person[] {
  const { ingrid, priya, mateo } = people;
  const more = ['Ann', 'Ben'].map((name, i) => ({
    _id: `6790b0c0d0e0f0000000000${i}`,
    name,
    email: `${name.toLowerCase()}@example.test`,
    token: `token-of-${name.toLowerCase()}`,
    role: 'administrator' as const,
  }));
  return [ingrid, priya, mateo, ...more];
}

it('of 60 edits by 5 people any one is undone, and all of one person: the others keep theirs, or a conflict names it', {
  tags: 'slow',
  timeout: 1_800_000,
}, async () => {
  const { emulator, url, owner } = await sample({ seed: { ...sampleAccount(), people: team() } });
  const space = new Workspace({ prod: { baseUrl: url, token: owner.token, include: TYPES } });
  const place = { emulator, owner, people: team(), git: (...args: string[]) => space.git(...args) };
  const edited = chooseEdited(place);
  expect(await space.sync()).toMatchObject({ code: 0 });
  const history = beginHistory(place);
  const dice = diceOf(60);
  const commits = (): string[] => [...new Set(history.changes.map(({ commit }) => commit))];
  while (commits().length < EDITS) {
    editOnce(place, edited, history, dice);
    expect(await space.sync()).toMatchObject({ code: 0 });
    noteEdits(place, history);
    noteCommits(place, history);
  }
  expect(new Set(history.changes.map(({ by }) => by)).size).toBe(5);

  async function check(words: readonly string[], isUndone: (change: Change) => boolean, how: string): Promise<number> {
    const before = stateOf(emulator);
    const outcome = await space.run('undo', ...words, how, '--json');
    expectCode(outcome, 0, 4);
    const { steps, warnings } = JSON.parse(outcome.out) as { steps: UndoStep[]; warnings: string[] };
    const isTaken = withoutShared(isUndone, warnings);
    const after = how === '--yes' ? stateOf(emulator) : planned(emulator, before, steps);
    const conflicts = conflictsOf(steps);
    expect([words, problemsOf(before, after, history, isTaken, conflicts)]).toEqual([words, []]);
    expect(outcome.code).toBe(conflicts.size > 0 ? 4 : 0);
    return conflicts.size;
  }

  let conflicts = 0;
  for (const commit of commits()) conflicts += await check([commit], (change) => change.commit === commit, '--dry-run');
  for (const { email } of team()) conflicts += await check(['--by', email], ({ by }) => by === email, '--dry-run');
  // Most are the last of their field, or followed by another one.
  expect(conflicts).toBeGreaterThan(10);

  for (const commit of commits().filter((_, i) => i % EARNEST === EARNEST - 1)) {
    const before = stateOf(emulator);
    const head = space.git('rev-parse', 'HEAD').trim();
    await check([commit], (change) => change.commit === commit, '--yes');
    if (space.git('rev-parse', 'HEAD').trim() === head) continue;
    expectCode(await space.run('undo', 'HEAD', '--yes'), 0);
    expect(stateOf(emulator)).toEqual(before);
  }
  const { email } = people.priya;
  await check(['--by', email], ({ by }) => by === email, '--yes');
});
