import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { bareRemote, cli, git, type SyncJson, start, tempDir, Workspace } from '../support/workspace.ts';

/** Rounds of the race; `RACE_ROUNDS=50` is the long form. */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? 4);

/** A remote that can leave out contents, as the forges can. */
function forge(): string {
  const remote = bareRemote();
  git(remote, 'config', 'uploadpack.allowFilter', 'true');
  return remote;
}

function environment(account: TestAccount, remote: string, name = 'default'): Record<string, string> {
  return {
    CELIGO_BASE_URL: account.url,
    CELIGO_API_TOKEN: account.owner.token,
    MIRROR_REMOTE: `file://${remote}`,
    MIRROR_ACCOUNT: name,
  };
}

interface Run {
  readonly code: number;
  readonly report: SyncJson | undefined;
  readonly err: string;
}

/** One stateless run in a process and a folder of its own, both thrown away, as a container is. */
async function oneShot(env: Record<string, string>): Promise<Run> {
  const dir = tempDir();
  const { code, out, err } = await start(['sync', '--stateless', '--json'], dir, {
    ...env,
    MIRROR_PATH: join(dir, 'mirror'),
  }).done;
  rmSync(dir, { recursive: true, force: true });
  const parsed = out === '' ? undefined : (JSON.parse(out) as { accounts: SyncJson[] });
  return { code, report: parsed?.accounts[0], err };
}

/** Descriptions of flows in the order in which the history tells them, by file. */
function reported(remote: string): Map<string, string[]> {
  const log = git(remote, 'log', '--reverse', '--format=', '-p', '-U0', 'main', '--', '*/flows/*');
  const stories = new Map<string, string[]>();
  let file = '';
  for (const line of log.split('\n')) {
    if (line.startsWith('+++ ')) file = line.slice(6);
    const text = /^\+description: (round .*)$/.exec(line)?.[1];
    if (text) stories.set(file, [...(stories.get(file) ?? []), text]);
  }
  return stories;
}

describe('two stateless runs of one account on one remote', () => {
  it(`lose no edit, tell none backwards and both succeed, in ${ROUNDS} rounds`, {
    tags: 'slow',
    timeout: 600_000,
  }, async () => {
    const account = await sample();
    const remote = forge();
    const env = environment(account, remote);
    expect((await oneShot(env)).code).toBe(0);
    const flows = account.emulator.state.all('flows').map(({ _id }) => String(_id));
    const people = [account.owner, account.person('administrator')];
    const wanted = new Map<string, string[]>();
    let restarts = 0;

    const edit = (round: number, step: number): void => {
      const id = flows[(round * 3 + step) % flows.length] ?? '';
      const text = `round ${round}, step ${step}`;
      const who = people[step % people.length] ?? account.owner;
      account.emulator.act(who.token).set('flows', id, { description: text });
      wanted.set(id, [...(wanted.get(id) ?? []), text]);
    };

    for (let round = 0; round < ROUNDS; round++) {
      edit(round, 0);
      const first = oneShot(env);
      edit(round, 1);
      const second = oneShot(env);
      const runs = await Promise.all([first, second]);
      for (const { code, report, err } of runs) {
        expect(code, err).toBe(0);
        if (report?.notices.some((notice) => notice.includes('starts over'))) restarts += 1;
        for (const { id } of report?.commits ?? []) {
          // Every commit that a run tells of is in the history that everybody sees.
          git(remote, 'merge-base', '--is-ancestor', id, 'main');
        }
      }
      expect((await oneShot(env)).report?.verdict).toBe('unchanged');
    }

    expect(restarts).toBeGreaterThan(0);
    expect(git(remote, 'rev-list', '--count', '--merges', 'main').trim()).toBe('0');
    git(remote, 'fsck', '--strict');
    const stories = reported(remote);
    for (const [id, texts] of wanted) {
      const [file] = [...stories.keys()].filter((path) => path.includes(id));
      expect(stories.get(file ?? ''), id).toEqual(texts);
    }
    const authors = new Set(git(remote, 'log', '--format=%an', 'main').split('\n').filter(Boolean));
    for (const { name } of people) expect(authors.has(name)).toBe(true);
  });
});

describe('a CronJob for each account on one remote', () => {
  it('keeps both histories, whoever pushes first', { tags: 'slow' }, async () => {
    const [one, two] = [await sample(), await sample()];
    const remote = forge();
    const envs = [environment(one, remote, 'acme-production'), environment(two, remote, 'acme-sandbox')];
    // Both begin with nothing: neither has a commit to build on.
    const begun = await Promise.all(envs.map(oneShot));
    expect(begun.map(({ code }) => code)).toEqual([0, 0]);

    for (let round = 0; round < 3; round++) {
      for (const account of [one, two]) {
        const [flow] = account.emulator.state.all('flows');
        account.emulator.act(account.owner.token).set('flows', String(flow?._id), { description: `round ${round}` });
      }
      const runs = await Promise.all(envs.map(oneShot));
      expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    }

    expect(git(remote, 'ls-tree', '--name-only', 'main').split('\n').filter(Boolean)).toEqual([
      'acme-production',
      'acme-sandbox',
    ]);
    expect(git(remote, 'log', '--format=%s', 'main').split('\n').filter(Boolean).length).toBe(2 + 6);
    expect(git(remote, 'rev-list', '--count', '--merges', 'main').trim()).toBe('0');
  });
});

describe('a stateless run', () => {
  it('fetches the newest commit alone, and no contents', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = forge();
    const env = environment(account, remote);
    await oneShot(env);
    account.emulator.act(account.owner.token).set('flows', '678df75fc3a91b7e41300001', { description: 'x' });
    await oneShot(env);
    const dir = tempDir();

    const { code } = await cli(['sync', '--stateless'], dir, { ...env, MIRROR_PATH: join(dir, 'mirror') });

    expect(code).toBe(0);
    const clone = join(dir, 'mirror');
    expect(git(clone, 'rev-parse', '--is-shallow-repository').trim()).toBe('true');
    expect(git(clone, 'log', '--format=%s').split('\n').filter(Boolean).length).toBe(1);
    const objects = git(clone, 'cat-file', '--batch-all-objects', '--batch-check').split('\n');
    expect(objects.filter((line) => line.includes(' blob ')).length).toBeLessThan(5);
    expect(git(clone, 'rev-parse', '--is-bare-repository').trim()).toBe('true');
  });

  it('works with a server that can neither', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    git(remote, 'config', 'uploadpack.allowFilter', 'false');
    const env = environment(account, remote);

    expect((await oneShot(env)).code).toBe(0);
    account.emulator.act(account.owner.token).set('flows', '678df75fc3a91b7e41300001', { description: 'x' });
    const second = await oneShot(env);

    expect(second.report?.changes.map(({ what }) => what)).toEqual(['changed']);
    expect((await oneShot({ ...env, MIRROR_REMOTE: remote })).report?.verdict).toBe('unchanged');
  });

  it('deletes and renames without having the files', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = forge();
    const env = environment(account, remote);
    await oneShot(env);
    const owner = account.emulator.act(account.owner.token);
    const [tag] = account.emulator.state.all('tags').filter(({ _id }) => {
      try {
        owner.remove('tags', String(_id));
        return true;
      } catch {
        return false;
      }
    });
    expect(tag).toBeDefined();
    owner.set('flows', '678df75fc3a91b7e41300001', { name: 'Renamed meanwhile' });

    const { report } = await oneShot(env);

    expect(report?.exitCode).toBe(0);
    expect(new Set(report?.changes.map(({ what }) => what))).toEqual(new Set(['renamed', 'deleted']));
    const files = git(remote, 'ls-tree', '-r', '--name-only', 'main');
    expect(files).toContain('flows/renamed-meanwhile.678df75fc3a91b7e41300001.yaml');
    expect(files).not.toContain(String(tag?._id));
    expect((await oneShot(env)).report?.verdict).toBe('unchanged');
  });

  it('needs a remote', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });

    const { code, err } = await space.run('sync', '--stateless');

    expect(code).toBe(64);
    expect(err).toContain('a stateless run needs a remote');
  });

  it('fails when its commits cannot be pushed, since no clone keeps them', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = forge();
    const env = environment(account, remote);
    await oneShot(env);
    account.emulator.act(account.owner.token).set('flows', '678df75fc3a91b7e41300001', { description: 'x' });
    const hook = join(remote, 'hooks', 'pre-receive');
    writeFileSync(hook, '#!/bin/sh\necho protected branch >&2\nexit 1\n', { mode: 0o755 });

    const refused = await oneShot(env);
    rmSync(hook);
    const next = await oneShot(env);

    expect(refused.code).toBe(1);
    expect(refused.report?.error?.message).toContain('could not be pushed, and this clone is not kept');
    expect(refused.report?.error?.message).toContain('protected branch');
    expect(next.report?.changes.length).toBe(1);
  });
});
