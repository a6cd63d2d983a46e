import { expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';
const SCRIPT = '6780c85fc3a91b7e41700001';
const PERSON = ['-c', 'user.name=Pat', '-c', 'user.email=pat@example.test'];

interface Told {
  readonly id: string;
  readonly what: string;
  readonly commit: string;
  readonly changes: readonly { readonly place: string }[];
}

function madeOne(space: Workspace): void {
  space.git('checkout', '--quiet', '--orphan', 'one');
  space.git(...PERSON, 'commit', '--quiet', '-m', 'Without its history');
  space.git('branch', '--force', 'main');
  space.git('checkout', '--quiet', 'main');
}

// What the mirror found there and left as it was is in no commit of its own.
it('a folder that a person made one commit of holds what was there: it is changed and deleted, not added', async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  madeOne(space);
  expect(await space.sync()).toMatchObject({ verdict: 'unchanged', notices: [] });

  expect((await space.run('show', `flows/${FLOW}`, '--at', 'today')).err).toContain('such as HEAD');
  expect((await space.run('show', `flows/${FLOW}`, '--at', 'HEAD')).code).toBe(0);

  const flow = account.emulator.state.get('flows', FLOW);
  const gone = String(account.emulator.state.all('tags')[0]?._id);
  const jane = account.emulator.act(account.person('administrator').token);
  jane.set('flows', FLOW, { description: 'by Jane' });
  jane.set('scripts', SCRIPT, { content: 'by Jane' });
  jane.remove('tags', gone);
  await space.sync('--allow-deletions');

  const { entries } = JSON.parse((await space.run('log', '--json', '--patch')).out) as { entries: Told[] };
  expect(entries.map(({ id, what, changes }) => [id, what, changes.map(({ place }) => place)])).toEqual(
    expect.arrayContaining([
      [FLOW, 'changed', ['description']],
      [SCRIPT, 'changed', ['content']],
      [gone, 'deleted', expect.anything()],
    ]),
  );
  expect((await space.run('log', `flows/${FLOW}`)).out).toMatch(/changed .*\n.* found +flows\/678d/);
  const { out } = await space.run('blame', `flows/${FLOW}`, '--json');
  const { fields } = JSON.parse(out) as { fields: { place: string; baseline: boolean }[] };
  expect(fields.filter(({ baseline }) => !baseline).map(({ place }) => place)).toEqual(['description']);

  const { commit = '' } = entries.find(({ id, what }) => id === FLOW && what === 'changed') ?? {};
  const undone = await space.run('undo', commit, `flows/${FLOW}`, '--yes');
  expect([undone.code, undone.err]).toEqual([0, expect.anything()]);
  expect(account.emulator.state.get('flows', FLOW)).toMatchObject({ name: flow?.name, description: flow?.description });
});
