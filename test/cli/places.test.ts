import { symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { bareRemote, cli, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';

async function begin(): Promise<{ account: TestAccount; space: Workspace }> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  return { account, space };
}

describe('a command that only reads', () => {
  it('needs neither tokens nor what the daemon needs, whatever the configuration names', async () => {
    const { account, space } = await begin();
    const token = '${NOT_SET}';
    const notifications = { ops: { type: 'slack', url: token } };
    space.configure({ prod: { baseUrl: account.url, token } }, { repository: { token }, notifications });
    for (const line of ['list flows', 'log -n 1', 'find bergen', 'secrets list', 'verify', 'drill', 'doctor --noise']) {
      const { code, err } = await space.run(...line.split(' '));
      expect([code, err.match(/^error.*/m)?.[0]], line).toEqual([0, undefined]);
    }
    for (const line of ['sync', 'diff', 'secrets list --live', 'restore all --dry-run']) {
      const { code, err } = await space.run(...line.split(' '));
      expect([code, err], line).toEqual([64, expect.stringMatching(/NOT_SET is not set\n(.*\n)*→ Set the variable/)]);
    }
  });

  it('does not say that the mirror lacks an account which only the configuration does not have', async () => {
    const { account, space } = await begin();
    space.configure({ production: { baseUrl: account.url, token: account.owner.token } });

    const { code, err } = await space.run('list', 'flows', '--account', 'prod');
    expect([code, err]).toEqual([
      64,
      expect.stringMatching(/^error: no account is called prod\n→ Accounts in .*: prod/),
    ]);
    expect(err).toContain(`--mirror ${space.mirror}`);
    const named = await space.run('list', 'flows', '--account', 'prod', '--mirror', space.mirror);
    expect([named.code, named.out]).toEqual([0, expect.stringContaining(FLOW)]);
    expect((await space.run('log', '--account', 'other', '--mirror', space.mirror)).err).toContain(
      'no mirror of other',
    );
  });

  it('takes the mirror that the working directory is in, from any folder of it and without a configuration', {
    tags: 'slow',
  }, async () => {
    const { space } = await begin();
    const clone = join(tempDir(), 'clone');
    space.git('clone', '-q', '.', clone);
    const whole = await space.run('show', `flows/${FLOW}`);
    for (const folder of [clone, join(clone, 'prod'), join(clone, 'prod', 'flows')]) {
      expect(await cli(['show', `flows/${FLOW}`], folder)).toEqual(whole);
      for (const args of [['log'], ['report'], ['lint', '--fail-on', 'never'], ['verify'], ['blame', FLOW]]) {
        const { code, err } = await cli(args, folder);
        expect(code, `${args[0]} in ${folder}: ${err}`).toBe(0);
      }
    }
    // A repository of something else is none.
    const other = bareRemote();
    expect(await cli(['log'], other)).toMatchObject({ code: 64, err: expect.stringContaining('CELIGO_API_TOKEN') });
  });

  it('understands paths as a shell completes them, from any folder, and through links', { tags: 'slow' }, async () => {
    const { space } = await begin();
    const path = space.find(FLOW);
    const file = basename(path);
    const whole = await space.run('show', path);
    expect(whole.code).toBe(0);
    const link = join(space.dir, 'link');
    symlinkSync(space.mirror, link);
    for (const [text, folder] of [
      [`mirror/${path}`, ''],
      [`./mirror/${path}`, ''],
      [`link/${path}`, ''],
      [`${space.mirror}/${path}`, ''],
      [path, 'mirror'],
      [`flows/${file}`, 'mirror/prod'],
      [file, 'mirror/prod/flows'],
      [`./${file}`, 'mirror/prod/flows'],
      [`../flows/${file}`, 'mirror/prod/scripts'],
      [`flow/${FLOW}`, 'mirror/prod/flows'],
    ] as const) {
      expect(await cli(['show', text], join(space.dir, folder)), `${text} in ${folder}`).toEqual(whole);
    }
    expect((await space.run('log', 'mirror/prod/flows')).out).toBe((await space.run('log', 'flows')).out);
    expect((await cli(['log', '.'], join(space.mirror, 'prod', 'flows'))).out).toBe(
      (await space.run('log', 'flow')).out,
    );
  });

  it('takes the account of the folder where a mirror has several', { tags: 'slow' }, async () => {
    const account = await sample();
    const one = { baseUrl: account.url, token: account.owner.token };
    const space = new Workspace({ prod: one, test: one });
    await space.mirrored();
    const shown = await cli(['show', `flows/${FLOW}`], join(space.mirror, 'test'));
    expect(shown.err).toContain('# test/flows/');
    expect((await space.run('show', `mirror/test/flows/${FLOW}`)).err).toContain('# test/flows/');
    const neither = await cli(['show', `flows/${FLOW}`], space.mirror);
    expect([neither.code, neither.err]).toEqual([64, expect.stringContaining('--account: prod, test')]);
    const unknown = await cli(['list', '--account', 'nix'], space.mirror);
    expect([unknown.code, unknown.err]).toEqual([64, expect.stringContaining('→ Accounts in it: prod, test.')]);
    // The configuration knows one account only: nobody has to name it.
    space.configure({ prod: one });
    expect((await cli(['show', `flows/${FLOW}`, '-c', '../celigo-mirror.yaml'], space.mirror)).err).toContain(
      '# prod/',
    );
    expect((await space.run('show', `flows/${FLOW}`)).err).toContain('# prod/');
  });
});

describe('a part of a name', () => {
  it('lists what has it in its name', async () => {
    const { space } = await begin();
    const [slug = ''] = basename(space.find(FLOW)).split('.');
    const part = slug.slice(0, -2);
    for (const args of [['show'], ['blame'], ['log'], ['impact'], ['restore', '--dry-run']]) {
      const { code, err } = await space.run(...args, `flows/${part}`);
      expect([code, err], args.join(' ')).toEqual([64, expect.stringContaining(`\n  flows/${FLOW}  `)]);
    }
  });
});

describe('log of a type', () => {
  it('takes one line for the first listing', async () => {
    const { account, space } = await begin();
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'edited' });
    await space.sync();
    const lines = (await space.run('log', 'flows')).out.trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(`changed +flows/${FLOW} `),
      expect.stringMatching(/found +\d+ resources in the first listing$/),
    ]);
    expect((await space.run('log', `flows/${FLOW}`)).out).toMatch(/changed .*\n.* added .*\n$/);
  });
});

describe('integration/…', () => {
  it('is the integration with all that belongs to it in log, report and diff, what was deleted included', {
    tags: 'slow',
  }, async () => {
    const { account, space } = await begin();
    const flow = account.emulator.state.get('flows', FLOW);
    const group = String(flow?._integrationId);
    const [first, second] = account.emulator.state
      .all('flows')
      .filter(({ _integrationId }) => _integrationId === group)
      .map(({ _id }) => String(_id));
    const other = account.emulator.state
      .all('flows')
      .find(({ _integrationId }) => _integrationId !== undefined && _integrationId !== group);
    const notified = account.emulator.state.all('notifications');
    const owner = account.emulator.act(account.owner.token);
    space.git('tag', 'before');
    owner.set('integrations', group, { description: 'edited' });
    owner.set('flows', String(first), { description: 'edited' });
    owner.set('flows', String(other?._id), { description: 'edited' });
    owner.remove('flows', String(second));
    await space.sync();

    // With what was deleted along with the flow.
    const subscriptions = notified.filter(({ _flowId }) => _flowId === second).map(({ _id }) => `notifications/${_id}`);
    const expected = [...subscriptions, `flows/${first}`, `flows/${second}`, `integrations/${group}`].sort();
    const log = JSON.parse((await space.run('log', `integration/${group}`, '--json')).out) as {
      entries: { type: string; id: string; baseline: boolean }[];
    };
    const changed = log.entries.filter(({ baseline }) => !baseline).map(({ type, id }) => `${type}/${id}`);
    expect(changed.sort()).toEqual(expected);
    const report = JSON.parse((await space.run('report', `integration/${group}`, '--json')).out) as {
      changes: { type: string; id: string }[];
    };
    expect(report.changes.map(({ type, id }) => `${type}/${id}`).sort()).toEqual(expected);
    const diff = await space.run('diff', `integration/${group}`, '--from', 'before', '--json');
    const { differences } = JSON.parse(diff.out) as { differences: { type: string; id: string }[] };
    expect(differences.map(({ type, id }) => `${type}/${id}`).sort()).toEqual(expected);

    // The document alone.
    const alone = JSON.parse((await space.run('report', `integrations/${group}`, '--json')).out) as {
      changes: { id: string }[];
    };
    expect(alone.changes.map(({ id }) => id)).toEqual([group]);
    const impact = JSON.parse((await space.run('impact', `integration/${group}`, '--json')).out) as {
      what: { id: string };
      parts: { type: string; id: string }[];
      dependants: { id: string }[];
      needs: { id: string }[];
    };
    expect(impact.what.id).toBe(group);
    expect(impact.parts.map(({ type, id }) => `${type}/${id}`)).toContain(`flows/${first}`);
    const own = new Set([group, ...impact.parts.map(({ id }) => id)]);
    expect([...impact.dependants, ...impact.needs].filter(({ id }) => own.has(id))).toEqual([]);
    const onlyOne = JSON.parse((await space.run('impact', `integrations/${group}`, '--json')).out) as typeof impact;
    expect([onlyOne.parts, onlyOne.dependants.some(({ id }) => id === first)]).toEqual([[], true]);

    const show = await space.run('show', `integration/${group}`);
    expect([show.code, show.err]).toEqual([64, expect.stringContaining('integrations/<name>')]);
    expect((await space.run('show', `integrations/${group}`)).code).toBe(0);
  });
});
