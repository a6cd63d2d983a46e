import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { bareRemote, git, start, Workspace } from '../support/workspace.ts';
import { startDaemon, until } from './daemon-process.ts';

const TRIGGER = 'a-trigger-token-of-the-test';
const NEVER = '0 0 1 1 *';
const FLOW = '678df75fc3a91b7e41300001';

function space(account: TestAccount, more: ConstructorParameters<typeof Workspace>[1] = {}): Workspace {
  return new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token } },
    { schedule: NEVER, daemon: { triggerToken: TRIGGER, jitter: '0s' }, ...more },
  );
}

const METRICS = [
  'run_in_progress',
  'skipped_runs_total',
  'last_run_timestamp_seconds',
  'next_run_timestamp_seconds',
  'last_success_timestamp_seconds',
  'last_success_age_seconds',
  'ready',
  'consecutive_failures',
  'incomplete_types',
  'request_retries_total',
  'throttled_seconds_total',
].map((name) => `celigo_mirror_${name}`);

describe('the daemon', () => {
  it('mirrors at its start, is ready from then on, and reports all about it', { tags: 'slow' }, async () => {
    const account = await sample();
    const daemon = await startDaemon(space(account).dir);

    expect((await daemon.get('/healthz')).status).toBe(200);
    await until('the first good run', async () => (await daemon.get('/readyz')).status === 200);

    expect((await daemon.status()).accounts.prod).toMatchObject({
      state: 'ok',
      ready: true,
      schedule: NEVER,
      lastRun: { verdict: 'changed', exitCode: 0 },
    });
    for (const name of METRICS) expect(await daemon.metric(name, { account: 'prod' }), name).toBeDefined();
    expect(await daemon.metric('celigo_mirror_runs_total', { account: 'prod', outcome: 'changed' })).toBe(1);
    expect(await daemon.metric('celigo_mirror_resources', { account: 'prod', type: 'flows' })).toBe(24);
    expect(await daemon.metric('celigo_mirror_changes_total', { type: 'flows', kind: 'added' })).toBe(24);
    expect(await daemon.metric('celigo_mirror_requests_total', { account: 'prod', status: '200' })).toBeGreaterThan(20);
    expect(await daemon.metric('celigo_mirror_run_duration_seconds_count', { account: 'prod' })).toBe(1);
    expect(await daemon.metric('celigo_mirror_repository_bytes')).toBeGreaterThan(0);
    expect(await daemon.metric('celigo_mirror_type_incomplete', { type: 'flows' })).toBe(0);
    expect(await daemon.metric('celigo_mirror_build_info')).toBe(1);
    expect(await daemon.metric('celigo_mirror_config_last_reload_successful')).toBe(1);
    expect(await daemon.metric('process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(await daemon.stop()).toBe(0);
  });

  it('is not ready, but healthy, before the first good run', { tags: 'slow' }, async () => {
    const account = await sample();
    account.emulator.faults.add({ times: 'always', fault: { kind: 'status', status: 401 } });
    const daemon = await startDaemon(space(account).dir);
    await until('a run', async () => (await daemon.status()).accounts.prod?.lastRun);

    expect((await daemon.get('/healthz')).status).toBe(200);
    const { status, text } = await daemon.get('/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toEqual({ ready: false, accounts: { prod: { ready: false, reason: 'no good run yet' } } });
  });

  it('runs on its schedule and turns edits into commits', { tags: 'slow' }, async () => {
    const account = await sample();
    const home = space(account, { schedule: '* * * * * *' });
    const daemon = await startDaemon(home.dir);
    await until('the first run', async () => (await daemon.get('/readyz')).status === 200);

    const editor = account.person('administrator');
    account.emulator.act(editor.token).set('flows', FLOW, { description: 'while the daemon runs' });
    await until('the commit', () => home.log().find((line) => line.startsWith(editor.name)));

    await until(
      'the count',
      async () => (await daemon.metric('celigo_mirror_changes_total', { type: 'flows', kind: 'changed' })) === 1,
    );
    expect(await daemon.stop()).toBe(0);
  });

  it('serves nowhere when configured so', { tags: 'slow' }, async () => {
    const account = await sample();
    const home = space(account);
    const running = start(['daemon', '--listen', 'off'], home.dir, { LOG_LEVEL: 'info' });
    await until('the first commit', () => {
      try {
        return home.log().length === 1;
      } catch {
        return false;
      }
    });
    running.kill('SIGTERM');

    const { code, out } = await running.done;
    expect(code).toBe(0);
    expect(out).toBe('');
  });

  it('refuses an address that is taken, and one that is none', async () => {
    const account = await sample();
    const home = space(account);
    const taken = new URL(account.url).host;

    const first = await start(['daemon', '--listen', taken], home.dir).done;
    expect(first.code).toBe(64);
    expect(first.err).toContain(`cannot listen on ${taken}`);

    const second = await start(['daemon', '--listen', 'nowhere'], home.dir).done;
    expect(second.code).toBe(64);
    expect(second.err).toContain('--listen: nowhere is not a valid address');
  });

  it('measures how far the remote is behind', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    git(remote, 'config', 'receive.denyCurrentBranch', 'ignore');
    const home = space(account, { repository: { remote } });
    const daemon = await startDaemon(home.dir);
    await until('the first run', async () => (await daemon.get('/readyz')).status === 200);
    expect(await daemon.metric('celigo_mirror_unpushed_commits')).toBe(0);

    writeFileSync(join(remote, 'hooks', 'pre-receive'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'not pushed' });
    await daemon.post('/sync', TRIGGER);

    await until('the lag', async () => (await daemon.metric('celigo_mirror_unpushed_commits')) === 1);
    expect(await daemon.metric('celigo_mirror_push_lag_seconds')).toBeGreaterThanOrEqual(0);
    expect((await daemon.status()).accounts.prod).toMatchObject({ state: 'partial' });
  });
});

describe('what an operator searches', () => {
  it('names the run in every line of its log, and in its commits', { tags: 'slow' }, async () => {
    const account = await sample();
    const home = space(account);
    const daemon = await startDaemon(home.dir, ['--log-level', 'debug', '--log-format', 'json']);
    await until('the first run', async () => (await daemon.get('/readyz')).status === 200);
    const runId = (await daemon.status()).accounts.prod?.lastRun?.runId ?? '';

    const lines = daemon.log().filter((line) => line.runId === runId);
    const messages = new Set(lines.map(({ msg }) => msg));
    for (const msg of ['sync started', 'type listed', 'committed', 'requests counted', 'sync ended']) {
      expect(messages).toContain(msg);
    }
    expect(lines.every((line) => line.account === 'prod')).toBe(true);
    expect(lines.find(({ msg }) => msg === 'type listed')).toMatchObject({
      type: expect.any(String),
      count: expect.any(Number),
      ms: expect.any(Number),
    });
    expect(home.git('log', '-1', '--format=%(trailers:key=Celigo-Run,valueonly)').trim()).toBe(runId);
  });

  it('is warned of tokens that expire', { tags: 'slow' }, async () => {
    const account = await sample();
    const expires = new Date(Date.now() + 10 * 86_400_000);
    await account.call(account.owner, 'POST', '/v1/accesstokens', {
      name: 'Nightly sync',
      fullAccess: true,
      autoPurgeAt: expires.toISOString(),
    });
    const daemon = await startDaemon(space(account).dir);

    const reported = await until('the expiry', () =>
      daemon.metric('celigo_mirror_token_expiry_timestamp_seconds', { account: 'prod', token: 'Nightly sync' }),
    );

    expect(reported).toBeCloseTo(expires.getTime() / 1000, 0);
    await until('the warning', () =>
      daemon.log().some(({ msg, token }) => msg === 'an API token expires soon' && token === 'Nightly sync'),
    );
  });
});

describe('POST /sync', () => {
  it('asks for the configured bearer token', { tags: 'slow' }, async () => {
    const account = await sample();
    const daemon = await startDaemon(space(account).dir);
    await until('the first run', async () => (await daemon.get('/readyz')).status === 200);

    expect((await daemon.post('/sync')).status).toBe(401);
    expect((await daemon.post('/sync', 'another-token-altogether')).status).toBe(401);
    expect((await daemon.get('/sync')).status).toBe(405);
    expect((await daemon.post('/sync?account=nobody', TRIGGER)).status).toBe(404);
    expect((await daemon.status()).accounts.prod?.lastRun?.verdict).toBe('changed');

    expect((await daemon.post('/sync?account=prod', TRIGGER)).status).toBe(202);
    await until(
      'the run',
      async () => (await daemon.metric('celigo_mirror_runs_total', { outcome: 'unchanged' })) === 1,
    );
  });

  it('is off where no token is configured', async () => {
    const account = await sample();
    const daemon = await startDaemon(space(account, { daemon: {} }).dir);

    expect((await daemon.post('/sync', TRIGGER)).status).toBe(403);
  });

  it('fetches everything again when asked to', { tags: 'slow' }, async () => {
    const account = await sample();
    const daemon = await startDaemon(space(account).dir);
    await until('the first run', async () => (await daemon.get('/readyz')).status === 200);
    const scripts = (): number => account.emulator.requests.filter(({ path }) => /^\/v1\/scripts\/./.test(path)).length;

    account.emulator.clearRequests();
    await daemon.post('/sync', TRIGGER);
    await until('a run', async () => (await daemon.metric('celigo_mirror_runs_total', { outcome: 'unchanged' })) === 1);
    expect(scripts()).toBe(0);

    await daemon.post('/sync?full=true', TRIGGER);
    await until(
      'a full run',
      async () => (await daemon.metric('celigo_mirror_runs_total', { outcome: 'unchanged' })) === 2,
    );
    expect(scripts()).toBe(8);
  });

  it('makes one further run of many wishes during a run', { tags: 'slow' }, async () => {
    const account = await sample();
    const daemon = await startDaemon(space(account).dir);
    await until('the first run', async () => (await daemon.get('/readyz')).status === 200);
    account.emulator.faults.add({ match: { path: '/v1/flows' }, fault: { kind: 'delay', ms: 1500 } });
    await daemon.post('/sync', TRIGGER);
    await until('the run to begin', async () => (await daemon.status()).accounts.prod?.running);

    const answers = await Promise.all([1, 2, 3, 4].map(() => daemon.post('/sync', TRIGGER)));

    expect(answers.map(({ text }) => JSON.parse(text) as unknown)).toEqual(
      Array(4).fill({ accounts: { prod: 'again' } }),
    );
    await until(
      'both runs',
      async () => (await daemon.metric('celigo_mirror_runs_total', { outcome: 'unchanged' })) === 2,
    );
    expect((await daemon.status()).accounts.prod?.running).toBe(false);
  });
});

describe('a new configuration', () => {
  it('comes into force when the file changes, and by SIGHUP; a wrong one does not', { tags: 'slow' }, async () => {
    const account = await sample();
    const home = space(account);
    const daemon = await startDaemon(home.dir);
    await until('the first run', async () => (await daemon.get('/readyz')).status === 200);
    const accounts = { prod: { baseUrl: account.url, token: account.owner.token } };

    home.configure(accounts, { schedule: '0 5 * * *' });
    await until('the new schedule', async () => (await daemon.status()).accounts.prod?.schedule === '0 5 * * *');

    writeFileSync(join(home.dir, 'celigo-mirror.yaml'), 'accounts: { prod: { tokn: x } }\n');
    daemon.child.kill('SIGHUP');
    await until('the complaint', async () => (await daemon.status()).configuration.problem);
    expect((await daemon.status()).configuration.problem).toContain('accounts.prod.tokn: unknown key');
    expect((await daemon.status()).accounts.prod?.schedule).toBe('0 5 * * *');
    expect(await daemon.metric('celigo_mirror_config_last_reload_successful')).toBe(0);

    home.configure({ ...accounts, test: accounts.prod }, { schedule: '0 6 * * *' });
    daemon.child.kill('SIGHUP');
    await until('the second account', async () => (await daemon.status()).accounts.test);
    expect(await daemon.metric('celigo_mirror_config_last_reload_successful')).toBe(1);
    expect(await daemon.stop()).toBe(0);
  });

  it('is read when a file with a secret changes', { tags: 'slow' }, async () => {
    const account = await sample();
    const home = space(account);
    const tokenFile = join(home.dir, 'token');
    writeFileSync(tokenFile, 'a-token-that-was-revoked\n');
    writeFileSync(
      join(home.dir, 'celigo-mirror.yaml'),
      `repository: { path: ${home.mirror} }
accounts: { prod: { baseUrl: '${account.url}', tokenFile: ./token } }
schedule: '* * * * * *'
`,
    );
    const daemon = await startDaemon(home.dir);
    await until('a failure', async () => (await daemon.status()).accounts.prod?.state === 'failed');

    writeFileSync(tokenFile, `${account.owner.token}\n`);

    await until('a good run', async () => (await daemon.get('/readyz')).status === 200);
  });
});
