import { describe, expect, it } from 'vitest';
import { catalogueWith } from '../../src/catalogue/index.ts';
import type { ResourceType } from '../../src/catalogue/types.ts';
import { createNormaliser } from '../../src/core/normalise.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { doc } from '../support/documents.ts';
import { Workspace } from '../support/workspace.ts';

const FLOW = String(sampleAccount().resources.flows?.[0]?._id);
const PATHS = ['settings.lastTouched', 'settings.byHost.*.seen', 'pageProcessors[].note'];

const settings = (touched: string, seen: string) => ({
  owner: 'finance',
  lastTouched: touched,
  byHost: { a: { seen, weight: 1 }, b: { seen, weight: 2 } },
});

function edit(account: TestAccount, touched: string, seen: string, more = {}): void {
  account.emulator.act(account.owner.email).set('flows', FLOW, { settings: settings(touched, seen), ...more });
}

function space(account: TestAccount, ignore: Record<string, string[]>): Workspace {
  return new Workspace({ prod: accountOf(account, ignore) });
}

function accountOf({ url, owner }: TestAccount, ignore: Record<string, string[]>) {
  return { baseUrl: url, token: owner.token, include: ['flows'], ignore };
}

describe('fields that an account ignores', () => {
  it('are those of any key, also where another rule names the key', () => {
    const iclients = ['oauth2.auth.queryParameters.site.note', 'oauth2.*.seen', 'oauth2.auth.other'];
    const type = catalogueWith({ iclients }).find('iclients') as ResourceType;
    const normalise = createNormaliser(type, {
      sampleData: false,
      fingerprint: () => '0123456789ab',
      credentials: { fields: 'redact', code: 'redact' },
    });
    const auth = { seen: 1, other: 2, kept: 3, queryParameters: { site: 'tulip' } };
    const site = { $secret: '0123456789ab' };
    expect(normalise({ oauth2: { auth } }).doc).toEqual({ oauth2: { auth: { kept: 3, queryParameters: { site } } } });
  });

  it('are not in the mirror, and make no commit', { tags: 'slow' }, async () => {
    const account = await sample();
    edit(account, 'monday', '1');
    const mirror = space(account, { flows: PATHS });
    await mirror.sync();

    const text = mirror.read(mirror.find(FLOW));
    expect(text).toContain('owner: finance');
    expect(text).toContain('weight: 2');
    expect(text).not.toMatch(/lastTouched|seen/);
    edit(account, 'tuesday', '2');
    expect(await mirror.sync()).toMatchObject({ code: 0, commits: [] });
    edit(account, 'tuesday', '2', { description: 'edited' });
    expect((await mirror.sync()).commits).toHaveLength(1);
  });

  it('leave the mirror when the rule is added', { tags: 'slow' }, async () => {
    const account = await sample();
    edit(account, 'monday', '1');
    const mirror = space(account, {});
    await mirror.sync();
    expect(mirror.read(mirror.find(FLOW))).toContain('lastTouched: monday');
    mirror.configure({ prod: accountOf(account, { flows: PATHS }) });

    edit(account, 'monday', '1', { description: 'edited meanwhile' });
    const { commits } = await mirror.sync();
    // What the rule takes out has a commit of its own, by no one; the edit has its author.
    expect(commits.map(({ author }) => author.replace(/ <.*/, ''))).toEqual(['celigo-mirror', account.owner.name]);
    const [rule, person] = commits.map(({ id }) => mirror.git('show', '--format=', id, '--', mirror.find(FLOW)));
    expect(rule).toMatch(/^-.*lastTouched/m);
    expect(rule).not.toContain('edited meanwhile');
    const message = mirror.git('show', '--no-patch', '--format=%B', commits[0]?.id ?? '');
    expect(message).toContain('The configuration ignores more');
    expect(message).not.toContain('This version');
    expect(person).toContain('edited meanwhile');
    expect(person).not.toContain('lastTouched');
    expect(mirror.read('prod/mirror.yaml')).toContain('settings.lastTouched');
    expect(await mirror.sync()).toMatchObject({ code: 0, commits: [] });
  });

  it('come back when the rule is removed, and no one is said to have changed them', { tags: 'slow' }, async () => {
    const account = await sample();
    edit(account, 'monday', '1');
    const mirror = space(account, { flows: PATHS });
    await mirror.sync();
    mirror.configure({ prod: accountOf(account, {}) });

    const { commits } = await mirror.sync();
    expect(commits.map(({ author }) => author.replace(/ <.*/, ''))).toEqual(['celigo-mirror']);
    expect(mirror.read(mirror.find(FLOW))).toContain('lastTouched: monday');
    expect(mirror.git('log', '-1', '--format=%b')).toContain('other rules of the mirror');
    edit(account, 'monday', '1', { description: 'edited' });
    await mirror.sync();
    expect(mirror.git('log', '-1', '--format=%b')).not.toContain('other rules');
    expect((await mirror.run('doctor', '--noise')).out).toContain('No field seems to change on its own');
  });

  it('may be the registered connections: a restore leaves them registered', { tags: 'slow' }, async () => {
    const account = await sample();
    const [group] = account.emulator.state
      .all('integrations')
      .filter(
        ({ _registeredConnectionIds: ids, _connectorId }) => Array.isArray(ids) && ids.length > 0 && !_connectorId,
      );
    const id = String(group?._id);
    const { url, owner } = account;
    const ignore = { integrations: ['_registeredConnectionIds'] };
    const mirror = new Workspace({ prod: { baseUrl: url, token: owner.token, ignore } });
    await mirror.sync();
    account.emulator.act(owner.email).set('integrations', id, { description: 'edited' });
    await mirror.sync();

    const outcome = await mirror.run('restore', `integrations/${id}`, '--at', 'HEAD~1', '--yes');

    expect(outcome.code, outcome.err + outcome.out).toBe(0);
    const { description, _registeredConnectionIds: now } = doc(account.emulator, 'integrations', id);
    expect([description, now]).toEqual([group?.description, group?._registeredConnectionIds]);
  });

  it('are left as they are by a restore, also from a state that holds them', { tags: 'slow' }, async () => {
    const account = await sample();
    edit(account, 'monday', '1', { description: 'first' });
    const mirror = space(account, {});
    await mirror.sync();
    const before = mirror.git('rev-parse', 'HEAD').trim();
    mirror.configure({ prod: accountOf(account, { flows: PATHS }) });
    edit(account, 'tuesday', '2', { description: 'second' });
    await mirror.sync();

    const outcome = await mirror.run('restore', `flows/${FLOW}`, '--at', before, '--yes', '--json');

    expect(JSON.parse(outcome.out)).toMatchObject({ exitCode: 0, drift: [] });
    expect(doc(account.emulator, 'flows', FLOW)).toMatchObject({
      description: 'first',
      settings: settings('tuesday', '2'),
    });
    const again = await mirror.run('restore', `flows/${FLOW}`, '--at', before, '--yes', '--json');
    expect(JSON.parse(again.out)).toMatchObject({ exitCode: 0, steps: [] });
  });
});
