import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { random } from '../support/random.ts';
import { start, Workspace } from '../support/workspace.ts';
import { startDaemon, until } from './daemon-process.ts';

/** Rounds of the random kills; raise it with STOP_ROUNDS. */
const ROUNDS = Number(process.env.STOP_ROUNDS ?? 10);

/** Shorter than the longest runs of these tests. */
const GRACE_MS = 4_000;

/** The owner edits two flows. */
function edit({ emulator, owner }: TestAccount, description: string): void {
  for (const { _id } of emulator.state.all('flows').slice(0, 2)) {
    emulator.act(owner.token).set('flows', String(_id), { description });
  }
}

describe('SIGTERM', () => {
  it(`ends the daemon at ${ROUNDS} random moments with 0, within its grace, and the next run is clean`, {
    tags: 'slow',
    timeout: 240_000,
  }, async () => {
    const account = await sample();
    const settings = { baseUrl: account.url, token: account.owner.token };
    const space = new Workspace({ prod: settings }, { daemon: { shutdownGrace: `${GRACE_MS}ms` } });
    const next = random(20261124);
    const ends: { atMs: number; tookMs: number; code: number }[] = [];

    for (let round = 0; round < ROUNDS; round++) {
      edit(account, `round ${round}`);
      // Some rounds are stretched, beyond the grace period even, so that the moment falls into a run.
      account.emulator.faults.clear();
      if (round % 3 > 0) {
        const ms = round % 6 === 5 ? 20_000 : 800;
        account.emulator.faults.add({ match: { path: '/v1/exports' }, times: 'always', fault: { kind: 'delay', ms } });
      }
      const daemon = await startDaemon(space.dir);
      const atMs = Math.floor(next() * 1200);
      await new Promise((resolve) => setTimeout(resolve, atMs));
      const begin = performance.now();
      const code = await daemon.stop();
      ends.push({ atMs, tookMs: Math.round(performance.now() - begin), code });
      if (existsSync(join(space.mirror, '.git'))) space.git('fsck', '--strict');
    }

    expect(ends.filter(({ code }) => code !== 0)).toEqual([]);
    // The grace period, and what the end of a process may take on a busy machine.
    expect(ends.filter(({ tookMs }) => tookMs > GRACE_MS + 3_000)).toEqual([]);
    account.emulator.faults.clear();
    const last = await space.sync();
    expect(last.code).toBe(0);
    expect((await space.sync()).commits).toEqual([]);
    expect(space.git('status', '--porcelain')).toBe('');
    expect((await space.run('verify')).code).toBe(0);
    const fresh = new Workspace({ prod: settings });
    await fresh.sync();
    expect(space.contents()).toEqual(fresh.contents());
  });

  it('given twice ends it at once', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    account.emulator.faults.add({ times: 'always', fault: { kind: 'stall' } });
    const daemon = await startDaemon(space.dir);
    await until('a run', async () => (await daemon.status()).accounts.prod?.running);

    daemon.child.kill('SIGTERM');
    await until('the first to be noticed', () => daemon.output().includes('daemon stopping'));
    const begin = performance.now();
    const code = await daemon.stop();

    expect(code).toBe(143);
    // Long before the grace period of 20 s is over.
    expect(performance.now() - begin).toBeLessThan(10_000);
  });
});

describe('a daemon and commands on the same clone', () => {
  it('wait for each other and do no damage', { tags: 'slow' }, async () => {
    const account = await sample();
    const settings = { baseUrl: account.url, token: account.owner.token };
    const space = new Workspace({ prod: settings }, { schedule: '* * * * * *', daemon: { jitter: '0s' } });
    const daemon = await startDaemon(space.dir);
    await until('the first run', async () => (await daemon.get('/readyz')).status === 200);

    for (let round = 0; round < 4; round++) {
      edit(account, `round ${round}`);
      const both = await Promise.all([start(['sync'], space.dir).done, start(['sync'], space.dir).done]);
      expect(both.map(({ code }) => code)).toEqual([0, 0]);
    }

    expect(await daemon.stop()).toBe(0);
    expect(daemon.log().filter(({ level }) => Number(level) >= 50)).toEqual([]);
    space.git('fsck', '--strict');
    expect(space.git('status', '--porcelain')).toBe('');
    expect(space.log().filter((line) => /: flows ".*", ".*" changed$/.test(line)).length).toBe(4);
  });

  it('leaves what it knows for the next one', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    const daemon = await startDaemon(space.dir);
    await until('the first run', async () => (await daemon.get('/readyz')).status === 200);
    await daemon.stop();

    const memory = JSON.parse(
      readFileSync(join(space.mirror, '.git', 'celigo-mirror', 'daemon.json'), 'utf8'),
    ) as object;
    expect(memory).toMatchObject({ accounts: { prod: { health: 'ok', failures: 0 } } });
    account.emulator.faults.add({ times: 'always', fault: { kind: 'stall' } });
    const second = await startDaemon(space.dir);
    // Ready by what the first one did, while its own first run is under way.
    expect((await second.get('/readyz')).status).toBe(200);
  });
});
