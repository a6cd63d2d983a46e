import { expect } from 'vitest';
import { sample } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';
const OTHER_FLOW = '6794c3e8c3a91b7e41300002';
const FORGE = ['-c', 'user.name=Pat', '-c', 'user.email=pat@forge.test'];

/** A message of several commits, as forges and `git rebase` make one of theirs. */
function together(space: Workspace, range: string, bullets: boolean): string {
  const texts = space
    .git('log', '--reverse', '--format=%B%x00', range)
    .split('\0')
    .map((text) => text.trim());
  const parts = texts.filter((text) => text !== '').map((text) => (bullets ? `* ${text}` : text));
  const people = bullets ? '\n\n---------\n\nCo-authored-by: Somebody <somebody@example.test>' : '';
  return `${bullets ? 'Changes of this week (#12)\n\n' : ''}${parts.join('\n\n')}${people}\n`;
}

function squash(space: Workspace, base: string, bullets: boolean): void {
  const message = together(space, `${base}..HEAD`, bullets);
  space.git('reset', '--quiet', '--soft', base);
  space.git(...FORGE, 'commit', '--quiet', '-m', message);
}

async function told(space: Workspace): Promise<string[]> {
  const { out } = await space.run('log', '--json', '--patch');
  const { entries } = JSON.parse(out) as {
    entries: { id: string; what: string; by: { name: string }; baseline: boolean; changes: { after?: unknown }[] }[];
  };
  return entries
    .filter(({ baseline }) => !baseline)
    .map(({ by, what, id, changes }) => `${by.name} ${what} ${id}: ${changes.map(({ after }) => after).join()}`)
    .reverse();
}

function beside(space: Workspace, base: string, bullets: boolean): void {
  space.git('checkout', '--quiet', '-b', 'squashed');
  squash(space, base, bullets);
  space.git('checkout', '--quiet', 'main');
  space.git(...FORGE, 'merge', '--quiet', '--no-edit', 'squashed');
}

function before(space: Workspace, base: string, bullets: boolean): void {
  space.git('checkout', '--quiet', '-b', 'squashed');
  squash(space, base, bullets);
  space.git(...FORGE, 'merge', '--quiet', '--no-edit', 'main');
  space.git('checkout', '--quiet', '-B', 'main');
}

/** What the mirror's own commits tell, and what a squash that took their place still tells. */
const TOLD = ['Jane changed FLOW: first', 'Owner changed FLOW: second', 'Owner changed OTHER_FLOW: another'];
const OF_ONE_RUN = TOLD.filter((line) => !line.includes('second'));
const LEFT = ['celigo-mirror changed FLOW: second', 'celigo-mirror changed OTHER_FLOW: another'];

eachOf<[string, boolean, (space: Workspace, base: string, bullets: boolean) => void, readonly string[]]>(
  [
    ['a forge, into which they are merged', true, before, TOLD],
    ['a forge, in their place', true, squash, LEFT],
    ['a forge, of one run, into which they are merged', true, before, OF_ONE_RUN],
    ['a forge, on a branch that is merged', true, beside, TOLD],
    ['git, into which they are merged', false, before, TOLD],
    ['git, in their place', false, squash, LEFT],
  ],
  { quick: 0 },
)(
  'commits of several people squashed by %s are reported once, and no one is charged with the work of others',
  async (...row) => {
    const [, bullets, make, expected] = row;
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const base = space.git('rev-parse', 'HEAD').trim();
    const [jane, owner] = [account.person('administrator'), account.owner];
    const act = ({ token }: typeof owner, id: string, description: string): void =>
      void account.emulator.act(token).set('flows', id, { description });
    const names = new Map([
      [jane.name, 'Jane'],
      [owner.name, 'Owner'],
      [FLOW, 'FLOW'],
      [OTHER_FLOW, 'OTHER_FLOW'],
    ]);
    const toldNow = async (): Promise<string[]> =>
      (await told(space)).map((line) => [...names].reduce((text, [name, word]) => text.replace(name, word), line));
    act(jane, FLOW, 'first');
    if (expected !== OF_ONE_RUN) {
      await space.sync();
      act(owner, FLOW, 'second');
    }
    act(owner, OTHER_FLOW, 'another');
    await space.sync();
    expect(await toldNow()).toEqual(expected === OF_ONE_RUN ? OF_ONE_RUN : TOLD);
    make(space, base, bullets);

    expect(await toldNow()).toEqual(expected);
    expect(await space.sync()).toMatchObject({ code: 0, changes: [], commits: [] });
    act(jane, FLOW, 'third');
    await space.sync();
    expect(await toldNow()).toEqual([...expected, 'Jane changed FLOW: third']);
  },
);
