import { chmodSync, existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { bareRemote, git, Workspace } from '../support/workspace.ts';
import { type DaemonProcess, startDaemon, until } from './daemon-process.ts';
import { EVERY_SECOND, FLOW, home, isReady, NEVER, removeOne, runs, TRIGGER, timeOf } from './support.ts';

/** The pauses that the daemon reported, in seconds. */
function pauses(daemon: DaemonProcess): number[] {
  return daemon
    .log()
    .filter(({ msg }) => msg === 'account paused')
    .map((line) => Math.round((Date.parse(String(line.until)) - timeOf(line)) / 1000));
}

const refuse = ({ emulator }: TestAccount): void =>
  emulator.faults.add({ times: 'always', fault: { kind: 'status', status: 401 } });

describe('an account that fails', () => {
  it('is tried less and less often, up to the longest pause, and reports it', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = home(account, { daemon: { longestPause: '4s', backoffAfter: 2 } });
    const daemon = await startDaemon(space.dir);
    await until('the first run', () => isReady(daemon));
    account.emulator.revokeToken(account.owner.token);

    await runs(daemon, 6);
    const { prod } = (await daemon.status()).accounts;

    // From the second failure on: one interval (a second), then two, then four, and no more than four.
    expect(pauses(daemon).slice(0, 5)).toEqual([1, 2, 4, 4, 4]);
    expect(await daemon.metric('celigo_mirror_skipped_runs_total', { reason: 'backoff' })).toBeGreaterThanOrEqual(4);
    expect(await daemon.metric('celigo_mirror_consecutive_failures')).toBeGreaterThanOrEqual(5);
    expect(prod).toMatchObject({ state: 'failed', ready: false });
    expect(prod?.pausedUntil).toBeDefined();
    expect(Date.parse(prod?.nextRun ?? '')).toBeGreaterThanOrEqual(Date.parse(prod?.pausedUntil ?? ''));
    const warned = daemon.log().filter(({ msg }) => msg === 'account paused');
    expect(warned[0]).toMatchObject({ level: 40, account: 'prod', failures: 2, until: expect.any(String) });
    const next = await daemon.metric('celigo_mirror_next_run_timestamp_seconds');
    expect(next).toBeCloseTo(Date.parse((await daemon.status()).accounts.prod?.nextRun ?? '') / 1000, -1);
  });

  it('is tried at once when POST /sync asks, and is no longer paused once it is healthy', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    refuse(account);
    const space = home(account, {
      daemon: { longestPause: '1h', backoffAfter: 1, triggerToken: TRIGGER },
      schedule: '*/5 * * * * *',
    });
    const daemon = await startDaemon(space.dir);
    await runs(daemon, 1);
    await until('the pause', async () => (await daemon.status()).accounts.prod?.pausedUntil);
    await daemon.post('/sync', TRIGGER);
    await runs(daemon, 1);
    account.emulator.faults.clear();

    expect((await daemon.post('/sync', TRIGGER)).status).toBe(202);
    await until('a good run', () => isReady(daemon));

    const { prod } = (await daemon.status()).accounts;
    expect(prod?.pausedUntil).toBeUndefined();
    expect(prod).toMatchObject({ state: 'ok', consecutiveFailures: 0 });
    // By the schedule again.
    expect(Date.parse(prod?.nextRun ?? '') - Date.now()).toBeLessThan(5_500);
    await runs(daemon, 1);
  });

  it('is tried again when the configuration changes, however long its pause is', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = home(account, { daemon: { backoffAfter: 1, jitter: '0s' } }, { token: 'not-the-token' });
    const daemon = await startDaemon(space.dir);
    await until(
      'several failures',
      async () => ((await daemon.metric('celigo_mirror_consecutive_failures')) ?? 0) >= 3,
    );

    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, retries: 0 } },
      { schedule: EVERY_SECOND, daemon: { backoffAfter: 1, jitter: '0s' } },
    );

    await until('a good run', () => isReady(daemon));
  });

  it('pauses too when a guard refuses, and comes back when the deletions are undone', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = home(
      account,
      { daemon: { longestPause: '1s', backoffAfter: 2 }, guards: { maxDeletions: 0, maxDeletionShare: 0 } },
      { exclude: ['notifications'] },
    );
    const daemon = await startDaemon(space.dir);
    await until('the first run', () => isReady(daemon));
    const before = space.log();
    const id = removeOne(account);

    await until('a refusal', async () => (await daemon.status()).accounts.prod?.state === 'refused');
    await until('the pause', () => daemon.log().some(({ msg }) => msg === 'account paused'));
    expect(space.log()).toEqual(before);
    account.emulator.act(account.owner.token).restore('flows', id);

    await until('well again', async () => (await daemon.status()).accounts.prod?.state === 'ok');
    expect(space.log()).toEqual(before);
  });
});

describe('a run that takes too long', () => {
  it('is abandoned with the mirror as it was, and the next one is good', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = home(account, { daemon: { runTimeout: '10s' } }, { requestTimeout: '1m' });
    const daemon = await startDaemon(space.dir);
    await until('the first run', () => isReady(daemon));
    const head = space.git('rev-parse', 'HEAD');
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'never seen in time' });
    account.emulator.faults.add({ match: { path: '/v1/scripts' }, times: 'always', fault: { kind: 'stall' } });

    await until('a failure', async () => (await daemon.status()).accounts.prod?.state === 'failed');
    expect(space.git('rev-parse', 'HEAD')).toBe(head);
    expect(space.git('status', '--porcelain')).toBe('');
    expect((await daemon.get('/healthz')).status).toBe(200);
    account.emulator.faults.clear();

    await until('the commit', () => space.log().length === 2);
    expect(await daemon.stop()).toBe(0);
  });

  it('is abandoned in a push that hangs too, and its commits follow later', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = home(account, { repository: { remote }, daemon: { runTimeout: '12s', shutdownGrace: '13s' } });
    const daemon = await startDaemon(space.dir);
    await until('the first run', () => isReady(daemon));
    const hook = join(remote, 'hooks', 'pre-receive');
    writeFileSync(hook, '#!/bin/sh\nexec sleep 600\n');
    chmodSync(hook, 0o755);
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'on its way' });

    await until('trouble', async () => /failed|partial/.test((await daemon.status()).accounts.prod?.state ?? ''));
    // The run is reported to its end, with the commit that waits.
    expect((await daemon.status()).accounts.prod?.lastRun).toMatchObject({
      runId: expect.stringMatching(/^\d{8}T/),
      error: { code: 'TIMEOUT' },
      commits: [{ subject: expect.stringMatching(/^prod: flow ".*" description changed$/) }],
    });
    expect((await daemon.get('/healthz')).status).toBe(200);
    writeFileSync(hook, '#!/bin/sh\nexit 0\n');

    await until('the push', () => git(remote, 'log', '--format=%s', 'main').trim().split('\n').length === 2);
    await until('well', async () => (await daemon.status()).accounts.prod?.state === 'ok');
    expect(await daemon.stop()).toBe(0);
    space.git('fsck', '--strict');
  });
});

describe('a configuration that is mounted', () => {
  /** Files as a kubelet mounts them: links into a folder that is exchanged as a whole. */
  function publish(dir: string, version: number, files: Record<string, string>): void {
    const data = join(dir, `..version-${version}`);
    mkdirSync(data, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(data, name), text);
    symlinkSync(`..version-${version}`, join(dir, '..data_tmp'));
    renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
    for (const name of Object.keys(files))
      if (!existsSync(join(dir, name))) symlinkSync(join('..data', name), join(dir, name));
  }

  it('is read again when the folder behind its links is exchanged', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: 'unused' } });
    const mount = join(space.dir, 'mount');
    const text = (schedule: string): string =>
      [
        `repository: { path: ${space.mirror} }`,
        `accounts: { prod: { baseUrl: '${account.url}', tokenFile: ${mount}/token } }`,
        `schedule: '${schedule}'\n`,
      ].join('\n');
    publish(mount, 1, { 'celigo-mirror.yaml': text(NEVER), token: 'a-token-of-yesterday\n' });
    const daemon = await startDaemon(space.dir, ['--config', join(mount, 'celigo-mirror.yaml')]);
    await until('a failure', async () => (await daemon.status()).accounts.prod?.state === 'failed');

    publish(mount, 2, { 'celigo-mirror.yaml': text('*/2 * * * * *'), token: `${account.owner.token}\n` });

    await until('the schedule', async () => (await daemon.status()).accounts.prod?.schedule === '*/2 * * * * *');
    await until('a good run', () => isReady(daemon));
    expect(daemon.output()).not.toContain(account.owner.token);
  });

  it('is read again: accounts come and go, a wrong schedule does not take force, the trigger token turns', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const other = await sample();
    const space = home(account, { daemon: { triggerToken: TRIGGER }, schedule: NEVER });
    const daemon = await startDaemon(space.dir);
    await until('the first run', () => isReady(daemon));
    const prod = { baseUrl: account.url, token: account.owner.token };
    const second = { baseUrl: other.url, token: other.owner.token };

    space.configure({ prod }, { daemon: { triggerToken: TRIGGER }, schedule: 'every now and then' });
    await until('the complaint', async () => (await daemon.status()).configuration.problem);
    expect(await daemon.metric('celigo_mirror_config_last_reload_successful')).toBe(0);
    expect((await daemon.status()).accounts.prod?.schedule).toBe(NEVER);
    expect(
      daemon.log().some(({ msg, level }) => /^invalid configuration/.test(String(msg)) && Number(level) >= 50),
    ).toBe(true);

    space.configure({ second }, { daemon: { triggerToken: 'another-token-of-the-test' }, schedule: EVERY_SECOND });
    await until('the second account', async () => (await daemon.status()).accounts.second?.lastRun);
    const status = await daemon.status();
    expect(status.configuration.problem).toBeUndefined();
    expect(Object.keys(status.accounts)).toEqual(['second']);
    expect((await daemon.get('/metrics')).text).not.toMatch(/celigo_mirror_(?:ready|next_run\w*)\{account="prod"\}/);
    expect((await daemon.post('/sync', TRIGGER)).status).toBe(401);
    expect((await daemon.post('/sync?account=prod', 'another-token-of-the-test')).status).toBe(404);
    expect((await daemon.post('/sync?account=second', 'another-token-of-the-test')).status).toBe(202);
    expect(JSON.parse((await daemon.get('/readyz')).text)).toMatchObject({ accounts: { second: {} } });
    expect(await daemon.stop()).toBe(0);
  });
});

describe('signals', () => {
  it('SIGINT twice ends with 130 at once', async () => {
    const account = await sample();
    account.emulator.faults.add({ times: 'always', fault: { kind: 'stall' } });
    const daemon = await startDaemon(home(account).dir);
    await until('a run', async () => (await daemon.status()).accounts.prod?.running);
    daemon.child.kill('SIGINT');
    await until('the first to be noticed', () => daemon.output().includes('daemon stopping'));

    expect(await daemon.stop('SIGINT')).toBe(130);
  });

  it('SIGTERM during a push that hangs ends with 0 within the grace, and leaves no git behind', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = home(account, { repository: { remote }, daemon: { shutdownGrace: '4s' } });
    const daemon = await startDaemon(space.dir);
    await until('the first run', () => isReady(daemon));
    const began = join(remote, 'began');
    const hook = join(remote, 'hooks', 'pre-receive');
    writeFileSync(hook, `#!/bin/sh\ntouch ${began}\nexec sleep 30\n`, { mode: 0o755 });
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'on its way' });
    await until('the push', () => existsSync(began));
    const begin = performance.now();

    expect(await daemon.stop()).toBe(0);
    expect(performance.now() - begin).toBeLessThan(10_000);
    writeFileSync(hook, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    await space.mirrored();
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    expect(space.git('status', '--porcelain')).toBe('');
  });
});
