import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';
const AS = ['-c', 'user.name=P', '-c', 'user.email=p@x.test'];

interface Begun {
  readonly account: TestAccount;
  readonly space: Workspace;
  readonly edit: (description: string) => Promise<void>;
  readonly commit: (text: string) => void;
  readonly rename: (from: string, to: string) => void;
}

async function begin(): Promise<Begun> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  return {
    account,
    space,
    edit: async (description) => {
      account.emulator.act(account.owner.token).set('flows', FLOW, { description });
      expect((await space.sync()).verdict).toBe('changed');
    },
    commit: (text) => void space.git(...AS, 'commit', '-qm', text),
    rename: (from, to) => {
      space.git('mv', from, to);
      space.configure({ [to]: { baseUrl: account.url, token: account.owner.token } });
    },
  };
}

/** What the history says about the flow, newest first. */
async function told(space: Workspace): Promise<unknown[]> {
  const { out } = await space.run('log', `flows/${FLOW}`, '--json', '--patch');
  const { entries } = JSON.parse(out) as { entries: { what: string; path: string; changes: { after?: unknown }[] }[] };
  for (const { path } of entries) expect(path).toMatch(/^production\/flows\//);
  return entries.map(({ what, changes }) => (what === 'changed' ? changes[0]?.after : what));
}

describe('the history of an account that was renamed', () => {
  it('has what was recorded under the old name', { tags: 'slow' }, async () => {
    const { space, edit, commit, rename } = await begin();
    await edit('first');
    const first = space.git('rev-parse', 'HEAD').trim();
    await edit('second');
    rename('prod', 'former');
    commit('renamed');
    rename('former', 'production');
    commit('renamed again');
    expect((await space.sync()).verdict).toBe('unchanged');
    expect(await told(space)).toEqual(['second', 'first', 'added']);
    await edit('third');

    expect(await told(space)).toEqual(['third', 'second', 'first', 'added']);
    expect((await space.run('show', `flows/${FLOW}`, '--at', first)).out).toContain('description: first');
    const when = JSON.parse((await space.run('log', first, '--json')).out).entries[0].time;
    expect((await space.run('show', `flows/${FLOW}`, '--before', when)).out).not.toContain('description: first');
    expect((await space.run('report', '--from', 'yesterday', '--format', 'csv')).out).toMatch(/first"+,"+second/);
    const undo = await space.run('undo', first, '--dry-run', '--force');
    expect([undo.code, undo.out]).toEqual([0, expect.stringContaining(`update flows/${FLOW}`)]);
    const restore = await space.run('restore', `flows/${FLOW}`, '--at', first, '--yes');
    expect(restore.code, restore.err).toBe(0);
    expect((await told(space))[0]).toBe('first');
  });

  it('has what was recorded under either name where it has its first one again', { tags: 'slow' }, async () => {
    const { space, edit, commit, rename } = await begin();
    rename('prod', 'production');
    commit('renamed');
    await edit('first');
    const first = space.git('rev-parse', 'HEAD').trim();
    rename('production', 'prod');
    commit('renamed back');
    await edit('second');
    rename('prod', 'production');
    commit('renamed again');
    await edit('third');

    expect(await told(space)).toEqual(['third', 'second', 'first', 'added']);
    expect((await space.run('show', `flows/${FLOW}`, '--at', first)).out).toContain('description: first');
    expect((await space.run('show', `flows/${FLOW}`, '--at', 'HEAD~2')).out).toContain('description: second');
  });

  it('has what the mirror committed while the rename was on a branch', { tags: 'slow' }, async () => {
    const { account, space, edit, commit } = await begin();
    space.git('checkout', '-q', '-b', 'rename');
    space.git('mv', 'prod', 'production');
    commit('renamed');
    space.git('checkout', '-q', 'main');
    await edit('first');
    space.git(...AS, 'merge', '-q', '--no-edit', 'rename');
    space.configure({ production: { baseUrl: account.url, token: account.owner.token } });
    await edit('second');
    expect(await told(space)).toEqual(['second', 'first', 'added']);
  });

  it('has nothing of a folder that the renamed one replaced', { tags: 'slow' }, async () => {
    const { account, space, edit, commit } = await begin();
    await edit('first');
    space.configure({ production: { baseUrl: account.url, token: account.owner.token } });
    await edit('second');
    // As the notice of that run says.
    space.git('rm', '-rq', 'production');
    space.git('mv', 'prod', 'production');
    commit('renamed');
    expect(await told(space)).toEqual(['first', 'added']);
    expect((await space.sync()).verdict).toBe('changed');
    expect(await told(space)).toEqual(['second', 'first', 'added']);
  });
});
