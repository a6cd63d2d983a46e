import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const CAPTURED = { page_of_records: [{ record: { customer: 'Ola Nordmann' } }] };
const COOKIE = { name: 'Cookie', value: 'tulip' };

async function begin(): Promise<{ account: TestAccount; space: Workspace }> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  return { account, space };
}

function idsOf(account: TestAccount, type: string): string[] {
  return account.emulator.state
    .all(type)
    .filter((doc) => !doc._connectorId)
    .map(({ _id }) => String(_id));
}

/** Rewrites a document of the mirror as if an older version had kept more of it. */
function keepMore(space: Workspace, id: string, more: JsonObject): void {
  const path = join(space.mirror, space.find(id));
  writeFileSync(path, renderYaml({ ...(parseYaml(readFileSync(path, 'utf8')) as JsonObject), ...more }));
}

/** Commits the folder as an older version did. */
function commitAsBefore(space: Workspace): void {
  const binding = join(space.mirror, 'prod/mirror.yaml');
  writeFileSync(binding, readFileSync(binding, 'utf8').replace(/^rules:.*\n/m, ''));
  space.git('-c', 'user.name=m', '-c', 'user.email=m@x', 'commit', '-qam', space.git('log', '-1', '--format=%B'));
}

describe('captured data', () => {
  it('is neither mirrored nor a change, and comes through a restore as it is live', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const [first = '', second = ''] = idsOf(account, 'exports');
    const owner = account.emulator.act(account.owner.token);
    account.emulator.state.touch('exports', first, { mockOutput: CAPTURED, lastModified: '2026-11-20T10:00:00.000Z' });
    expect((await space.sync()).verdict).toBe('unchanged');

    owner.set('exports', first, { description: 'edited', mockOutput: CAPTURED });
    owner.set('exports', second, { settings: { mockOutput: 'the name of our folder' } });
    await space.sync();
    expect(space.git('log', '-p', '--all')).not.toContain('Ola Nordmann');
    expect(space.read(space.find(second))).toContain('mockOutput: the name of our folder');

    const back = await space.run('restore', `exports/${first}`, '--at', 'HEAD~1', '--yes');
    expect(back.code, back.err + back.out).toBe(0);
    expect(account.emulator.state.get('exports', first)?.mockOutput).toEqual(CAPTURED);
    expect(account.emulator.state.get('exports', first)?.description).not.toBe('edited');
  });

  it('is mirrored where the account asks for it', async () => {
    const { account, space } = await begin();
    const [id = ''] = idsOf(account, 'exports');
    space.configure({ prod: { baseUrl: account.url, token: account.owner.token, sampleData: true } });
    account.emulator.state.touch('exports', id, { mockOutput: CAPTURED, lastModified: '2026-11-20T10:00:00.000Z' });
    await space.sync();
    expect(space.read(space.find(id))).toContain('Ola Nordmann');
  });
});

describe('documents of an older version', () => {
  it('are brought up to date in a commit of its own that says why, before the edits of people', {
    tags: 'slow',
  }, async () => {
    const { account, space } = await begin();
    const [one = '', two = '', three = ''] = idsOf(account, 'exports');
    for (const id of [one, two]) keepMore(space, id, { mockOutput: CAPTURED, aiDescription: 'written by a machine' });
    keepMore(space, three, { extra: [COOKIE] });
    commitAsBefore(space);
    account.emulator.state.touch('exports', three, { extra: [COOKIE] });
    const before = space.log().length;
    const admin = account.person('administrator');
    account.emulator.act(admin.token).set('exports', one, { description: 'edited since' });

    const dry = await space.sync('--dry-run');
    expect([dry.commits, space.log().length]).toEqual([[], before]);
    const report = await space.sync();

    expect(report.commits, space.git('log', '-3', '-p')).toHaveLength(2);
    const [edit, renewed] = [space.git('show', 'HEAD'), space.git('show', 'HEAD~1')];
    expect(space.log('%an: %s').slice(0, 2)).toEqual([
      expect.stringMatching(`^${admin.name}: prod: export ".*" .+ changed$`),
      'celigo-mirror: prod: new rules of the mirror: 3 exports changed',
    ]);
    expect(renewed).toContain('Nothing\n    changed in the account.');
    expect(renewed).toContain('docs/security.md');
    expect(renewed.match(/^-.*Ola Nordmann/gm)).toHaveLength(2);
    expect(renewed).toMatch(/^-.*tulip/m);
    expect(renewed).not.toContain('edited since');
    expect(edit).toContain('edited since');
    expect(edit).toContain('not every difference is an edit');
    expect((await space.run('doctor', '--noise')).out).toContain('No field seems to change on its own');
    expect(edit).not.toContain('Ola');
    expect(space.git('grep', '-c', 'rules: ', 'HEAD', '--', 'prod/mirror.yaml')).toContain(':1');
    expect(space.git('show', 'HEAD', '--stat')).not.toContain('mirror.yaml');
    expect((await space.sync()).verdict).toBe('unchanged');
    expect((await space.run('verify')).code).toBe(0);
  });

  it('are restored without what the account leaves out now', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const made = owner.create('exports', { name: 'Spare', adaptorType: 'WebhookExport', type: 'webhook', webhook: {} });
    const id = String(made._id);
    await space.sync();
    keepMore(space, id, { mockOutput: CAPTURED });
    commitAsBefore(space);
    const old = space.git('rev-parse', 'HEAD').trim();
    await space.sync();

    const same = await space.run('restore', `exports/${id}`, '--at', old, '--yes');
    expect(same.code, same.err + same.out).toBe(0);
    expect(same.out).toContain('unchanged');

    owner.remove('exports', id);
    await account.call(account.owner, 'DELETE', `/v1/recycleBinTTL/exports/${id}`);
    const again = await space.run('restore', `exports/${id}`, '--at', old, '--yes');
    expect(again.code, again.err + again.out).toBe(0);
    expect(JSON.stringify(account.emulator.state.all('exports'))).not.toContain('Ola Nordmann');
  });

  it('hold credentials and steps in forms that are no difference, and are not shown', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const [id = ''] = idsOf(account, 'exports');
    const [flow = ''] = idsOf(account, 'flows').filter((one) => !account.emulator.state.get('flows', one)?.routers);
    const owner = account.emulator.act(account.owner.token);
    const step = { type: 'import', setupInProgress: true };
    owner.set('exports', id, { extra: [COOKIE], description: 'first' });
    owner.set('flows', flow, { pageProcessors: [step] });
    await space.sync();
    keepMore(space, id, { extra: [COOKIE] });
    keepMore(space, flow, { pageProcessors: [{ type: 'import' }] });
    commitAsBefore(space);
    const old = space.git('rev-parse', 'HEAD').trim();

    const drill = await space.run('drill', '--json');
    for (const one of [id, flow])
      expect(JSON.parse(drill.out).unexplained).not.toContainEqual(
        expect.objectContaining({ what: expect.stringContaining(one) }),
      );
    await space.sync();
    const same = await space.run('restore', `exports/${id}`, `flows/${flow}`, '--at', old, '--yes');
    expect(same).toMatchObject({ code: 0 });
    expect(same.out).toContain('2 unchanged');
    owner.set('exports', id, { description: 'second' });
    await space.sync();
    const back = await space.run('restore', `exports/${id}`, '--at', old, '--yes');
    expect(back.code, back.err + back.out).toBe(0);
    expect(back.out + back.err).not.toContain('tulip');
    expect(account.emulator.state.get('exports', id)).toMatchObject({ extra: [COOKIE], description: 'first' });
  });

  it('that are damaged do not keep the others from it', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const [one = '', two = ''] = idsOf(account, 'exports');
    keepMore(space, one, { mockOutput: CAPTURED });
    writeFileSync(join(space.mirror, space.find(two)), ': : not yaml');
    commitAsBefore(space);

    const report = await space.sync();

    expect(report.code).toBe(0);
    expect(space.log('%s')).toContain('prod: new rules of the mirror: 1 export changed');
    expect((await space.run('verify')).code).toBe(0);
  });
});
