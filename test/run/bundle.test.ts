import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { sample } from '../support/account.ts';
import { bareRemote, cli, tempDir, Workspace } from '../support/workspace.ts';

/** Every secret that a configuration can hold, recognisable. */
const PLANTED = {
  remoteToken: 'planted-remote-token-1',
  trigger: 'planted-trigger-token-2',
  slackPath: '/services/T00/planted-slack-path-3',
  hookQuery: '?key=planted-hook-query-4',
  header: 'Bearer planted-header-5',
  smtp: 'planted-smtp-password-6',
  ping: '/ping/planted-ping-uuid-7',
};

async function bundleOf(space: Workspace): Promise<string> {
  const outcome = await space.run('doctor', '--bundle', 'bundle.json');
  expect(outcome.code).toBe(0);
  return readFileSync(join(space.dir, 'bundle.json'), 'utf8');
}

describe('doctor --bundle', () => {
  it('reports machine, configuration, findings and repository', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();

    const bundle = JSON.parse(await bundleOf(space)) as JsonObject;

    expect(bundle).toMatchObject({
      version: 1,
      configuration: { accounts: [{ name: 'prod', token: 'set' }], schedule: '*/15 * * * *' },
      repository: { exists: true, uncommitted: 0, files: { prod: { flows: 24 } } },
    });
    expect(JSON.stringify(bundle.findings)).toContain('accepted by');
  });

  it('does not name the home of whoever sends it', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();

    const outcome = await cli(['doctor', '--bundle', 'bundle.json'], space.dir, { HOME: space.dir });

    expect(outcome.code, outcome.out).toBe(0);
    const bundle = readFileSync(join(space.dir, 'bundle.json'), 'utf8');
    expect(bundle).toContain('"~/mirror"');
    expect(bundle).not.toContain(space.dir);
  });

  it('holds no secret of the configuration, and nothing of what the account does', { tags: 'slow' }, async () => {
    const account = await sample();
    const token = account.owner.token;
    const remote = bareRemote();
    const space = new Workspace(
      { prod: { baseUrl: account.url, token } },
      {
        repository: { remote, token: PLANTED.remoteToken },
        daemon: { triggerToken: PLANTED.trigger },
        notifications: {
          chat: { type: 'slack', url: `https://hooks.example${PLANTED.slackPath}` },
          hook: {
            type: 'webhook',
            url: `https://hooks.example/${PLANTED.hookQuery}`,
            headers: { Authorization: PLANTED.header },
          },
          mail: {
            type: 'email',
            host: 'smtp.example',
            username: 'mirror',
            password: PLANTED.smtp,
            from: 'mirror@example.com',
            to: ['planted-address@example.com'],
          },
          alive: { type: 'ping', url: `https://ping.example${PLANTED.ping}` },
        },
      },
    );
    await space.mirrored();
    const key = /fingerprintKey: (\S+)/.exec(space.read('prod/mirror.yaml'))?.[1] ?? '';
    expect(key).not.toBe('');

    const bundle = await bundleOf(space);

    expect(bundle).not.toContain(token);
    expect(bundle).not.toContain(key);
    expect(bundle).not.toContain('planted');
    expect(bundle).not.toContain(remote);
    for (const path of space.files()) {
      const name = /^[^/]+\/(.+)\.[0-9a-f]{24}\./.exec(path)?.[1];
      // Short slugs (`edi`) are words that anything may hold.
      if (name && name.length > 12) expect(bundle).not.toContain(name);
    }
    for (const person of ['owner', 'manage'] as const) {
      expect(bundle).not.toContain(account.person(person).email);
    }
  });

  it('is written for a configuration that cannot be read, too', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'celigo-mirror.yaml'), 'accounts: { prod: { tokn: x } }\n');

    const outcome = await cli(['doctor', '--bundle', 'b.json'], dir);

    expect(outcome.code).toBe(64);
    expect(JSON.parse(readFileSync(join(dir, 'b.json'), 'utf8'))).toMatchObject({
      configuration: { problem: expect.stringContaining('accounts.prod.tokn: unknown key') },
    });
  });

  it('can be read by its owner alone', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });

    await bundleOf(space);

    expect(statSync(join(space.dir, 'bundle.json')).mode & 0o777).toBe(0o600);
  });
});
