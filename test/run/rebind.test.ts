import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { cli, Workspace } from '../support/workspace.ts';

describe('a token of a new owner', () => {
  it('is refused, named by doctor, and bound to the folder once a person says that the account is the same', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const owner = account.person('administrator');
    space.configure({ prod: { baseUrl: account.url, token: owner.token } });

    const refused = await space.sync();
    expect([refused.code, refused.error?.hint]).toEqual([4, expect.stringContaining('sync --account prod --rebind')]);
    const doctor = await space.run('doctor');
    expect([doctor.code, doctor.out]).toEqual([1, expect.stringMatching(/fault +binding .*\n.*--rebind/)]);

    const files = space.files();
    const ask = (answer: string) => async () => answer;
    const alone = await space.run('sync', '--rebind');
    expect([alone.code, alone.err]).toEqual([64, expect.stringContaining('not a terminal')]);
    const no = await cli(['sync', '--rebind'], space.dir, {}, undefined, ask('no'));
    expect([no.code, space.log().length]).toEqual([4, 1]);
    const yes = await cli(['sync', '--rebind', '--json'], space.dir, {}, undefined, ask('yes'));
    expect(yes.code, yes.err + yes.out).toBe(0);
    expect(yes.err).toContain(owner._id);
    const count = files.filter((path) => /^integrations\/.*\.yaml$/.test(path)).length;
    expect(yes.err).toMatch(new RegExp(`integrations +${count} +${count}, ${count} of them in the folder`));
    expect(space.read('prod/mirror.yaml')).toContain(owner._id);
    expect(space.files()).toEqual(files);

    expect((await space.sync()).verdict).toBe('unchanged');
    expect((await space.run('doctor')).out).toMatch(/ok +binding/);
    const again = await cli(['sync', '--rebind'], space.dir, {}, undefined, ask('never asked'));
    expect([again.code, again.err]).toEqual([0, expect.stringContaining('already')]);
  });
});

describe('account-renamed', () => {
  it('sync, verify and doctor name the folder that no account owns any more', { tags: 'slow' }, async () => {
    const account = await sample();
    const one = { baseUrl: account.url, token: account.owner.token };
    const space = new Workspace({ prod: one });
    await space.mirrored();
    const { out, err } = await space.run('verify');
    expect(out + err).not.toContain('belongs to no account');
    space.configure({ production: one });

    const report = await space.sync();
    expect([report.code, report.notices]).toEqual([
      0,
      [expect.stringMatching(/^prod\/ is a mirror of the same account.*git mv prod production/)],
    ]);
    expect((await space.sync()).notices).toEqual([]);
    expect((await space.run('verify')).err).toContain('prod/ belongs to no account of the configuration');
    expect((await space.run('doctor')).out).toMatch(/note +folders +prod\/ belongs to no account/);

    // As the notice says.
    const as = ['-c', 'user.name=P', '-c', 'user.email=p@x.test'];
    space.git('rm', '-rq', 'production');
    space.git('mv', 'prod', 'production');
    space.git(...as, 'commit', '-qm', 'renamed');
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged', notices: [] });
  });
});

describe('variables beside a configuration file', () => {
  it('that have no effect are named by doctor, and where a command fails', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: 'old-token' } });
    const env = { CELIGO_API_TOKEN: account.owner.token, MIRROR_PATH: '/elsewhere', MIRROR_BRANCH: '' };

    for (const args of [['sync'], ['log'], ['restore', 'all', '--dry-run']]) {
      const { code, err } = await cli(args, space.dir, env);
      expect(code).not.toBe(0);
      expect(err, args[0]).toMatch(
        /celigo-mirror.yaml is in effect; without effect beside it: CELIGO_API_TOKEN, MIRROR_PATH\n$/,
      );
      expect(err).not.toContain(account.owner.token);
    }
    const { out } = await cli(['doctor'], space.dir, env);
    expect(out).toMatch(/note +environment +CELIGO_API_TOKEN, MIRROR_PATH are set and without effect/);

    // What the file uses has an effect.
    space.configure({ prod: { baseUrl: account.url, token: '${CELIGO_API_TOKEN}' } });
    expect((await cli(['doctor'], space.dir, env)).out).toMatch(/note +environment +MIRROR_PATH is set/);
    const unknown = await cli(['log', 'nonsense'], space.dir, { CELIGO_API_TOKEN: account.owner.token });
    expect(unknown.err).not.toContain('without effect');
  });
});

describe('env-literal-pathspecs', () => {
  it('no setting of what paths mean keeps a deleted flow from coming back', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const flow = '6794c3e8c3a91b7e41300002';
    account.emulator.act(account.owner.token).remove('flows', flow);
    await space.sync();

    for (const name of ['LITERAL', 'NOGLOB', 'ICASE', 'GLOB']) {
      const env = { [`GIT_${name}_PATHSPECS`]: '1' };
      const shown = await cli(['show', `flows/${flow}`], space.dir, env);
      expect(shown.code, `${name}: ${shown.err}`).toBe(0);
      const plan = await cli(['restore', `flows/${flow}`, '--dry-run'], space.dir, env);
      expect([plan.code, plan.out], `${name}: ${plan.err}`).toEqual([0, expect.stringContaining(flow)]);
    }
  });
});
