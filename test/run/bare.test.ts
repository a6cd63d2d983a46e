import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample } from '../support/account.ts';
import { bareRemote, git, Workspace } from '../support/workspace.ts';

const FLOW = String(sampleAccount().resources.flows?.find((doc) => !doc._connectorId)?._id);

describe('a clone without a work tree', () => {
  it('holds the same history, is pushed and followed, and is restored from', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const settings = { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows', 'scripts'] } };
    const space = new Workspace(settings, { repository: { remote, bare: true } });
    const plain = new Workspace(settings);
    await plain.sync();

    expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
    await account.update(account.owner, 'flows', FLOW, (doc) => ({ ...doc, description: 'edited', disabled: true }));
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
    await plain.sync();

    expect(git(space.mirror, 'rev-parse', '--is-bare-repository').trim()).toBe('true');
    expect(readdirSync(space.mirror)).not.toContain('prod');
    expect(existsSync(join(space.mirror, 'index'))).toBe(false);
    const flows = (mirror: string): string => git(mirror, 'rev-parse', 'HEAD:prod/flows').trim();
    expect(flows(space.mirror)).toBe(flows(plain.mirror));
    // What others push is taken over.
    const other = new Workspace(settings, { repository: { remote } });
    await account.update(account.owner, 'flows', FLOW, (doc) => ({ ...doc, description: 'again' }));
    await other.sync();
    expect(await space.sync()).toMatchObject({ code: 0, commits: [], remote: { state: 'current' } });
    expect(git(space.mirror, 'rev-parse', 'HEAD')).toBe(git(remote, 'rev-parse', 'main'));

    const restored = await space.run('restore', `flows/${FLOW}`, '--at', 'HEAD~2', '--yes');

    expect(restored.code, restored.err).toBe(0);
    const live = account.emulator.state.all('flows').find((doc) => doc._id === FLOW);
    expect(live?.description).toBe(sampleAccount().resources.flows?.find((doc) => doc._id === FLOW)?.description);
    expect(git(space.mirror, 'log', '-1', '--format=%s')).toContain('prod: restore:');
    expect((await space.run('verify')).code).toBe(0);
  });

  it('is refused where the configuration does not say that there is none', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } });
    git(space.dir, 'init', '--quiet', '--bare', space.mirror);

    const { code, out, err } = await space.run('sync');

    expect(code).toBe(64);
    expect(out + err).toContain(`repository.path: ${space.mirror} is a bare repository: it has no work tree`);
    expect(existsSync(join(space.mirror, 'refs/heads/main'))).toBe(false);
  });
});
