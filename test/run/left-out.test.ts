import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/run/check/finding.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const SCRIPT = '6780c85fc3a91b7e41700001';

describe('files of types that the configuration leaves out later', () => {
  it('are named by doctor, and stay removed once a person removes them', async () => {
    const account = await sample();
    const owner = { baseUrl: account.url, token: account.owner.token };
    const space = new Workspace({ prod: { ...owner, include: ['flows', 'scripts'] } });
    await space.mirrored();
    const named = async (): Promise<readonly Finding[]> => {
      const { findings } = JSON.parse((await space.run('doctor', '--offline', '--json')).out) as {
        findings: Finding[];
      };
      return findings.filter(({ area, check }) => area === 'repository' && check === 'types');
    };
    expect(await named()).toEqual([]);
    space.configure({ prod: { ...owner, include: ['scripts'] } });
    expect(await named()).toEqual([
      {
        area: 'repository',
        check: 'types',
        verdict: 'note',
        detail: 'prod: the configuration leaves out flows: these files are not mirrored any more',
        remedy: expect.stringContaining('git rm -r prod/flows, and commit'),
      },
    ]);

    space.git('rm', '-rq', 'prod/flows');
    space.git('-c', 'user.name=P', '-c', 'user.email=p@x.test', 'commit', '-qm', 'no flows');
    expect(await named()).toEqual([]);
    // No one deletes the flows of the account by that.
    const apply = await space.run('apply', '--dry-run');
    expect([apply.code, apply.out]).toEqual([0, expect.stringContaining('Nothing to do.')]);
    expect(apply.out).toContain('removing files from prod/flows/ deletes nothing in the account');
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged', notices: [] });
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged', notices: [] });
    account.emulator.act(account.owner.token).set('scripts', SCRIPT, { description: 'new' });
    expect((await space.sync()).commits.map(({ subject }) => subject)).toEqual([expect.stringContaining('script')]);
    expect(space.git('ls-tree', 'HEAD:prod')).not.toContain('flows');

    // What people do to files of types that are mirrored is put back all the same.
    space.git('rm', '-rq', 'prod/scripts');
    space.git('-c', 'user.name=P', '-c', 'user.email=p@x.test', 'commit', '-qm', 'no scripts');
    expect((await space.sync()).notices).toEqual([expect.stringContaining('were put back')]);
  });
});
