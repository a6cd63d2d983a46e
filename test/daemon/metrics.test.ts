import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sample } from '../support/account.ts';
import { httpReceiver } from '../support/receivers.ts';
import { bareRemote, Workspace } from '../support/workspace.ts';
import { startDaemon, until } from './daemon-process.ts';
import { EVERY_SECOND, ended, exposition, FLOW, home, isReady, NEVER, runs, TRIGGER } from './support.ts';

const GUIDE = readFileSync(fileURLToPath(new URL('../../docs/daemon.md', import.meta.url)), 'utf8');

/** Rows of the guide's table of metrics: name and names of the labels. */
const documented = GUIDE.split('\n')
  .filter((line) => line.startsWith('| `celigo_mirror_'))
  .flatMap((line) => {
    const [, names = '', labels = ''] = line.split('|');
    const keys = labels
      .replace(/\([^)]*\)/g, '')
      .split(',')
      .map((label) => label.trim())
      .filter(Boolean)
      .sort();
    return [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => ({
      name,
      keys,
      histogram: names.includes('(histogram)'),
    }));
  });

describe('GET /metrics', () => {
  it('has every metric of the guide with its labels, and no other of ours', { tags: 'slow' }, async () => {
    const account = await sample();
    const http = await httpReceiver();
    onTestFinished(() => http.close());
    const space = home(account, {
      schedule: NEVER,
      repository: { remote: bareRemote() },
      notifications: { digest: { type: 'webhook', url: http.url, events: ['changes'] } },
    });
    const daemon = await startDaemon(space.dir);
    await until('a message', () => http.received.length > 0);
    await until('the tokens', async () => (await daemon.get('/metrics')).text.includes('token_expiry'));

    const answer = await fetch(`${daemon.url}/metrics`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const { samples, types } = exposition(await answer.text());

    expect(documented.length).toBeGreaterThan(24);
    for (const { name, keys, histogram } of documented) {
      const suffix = histogram ? '_count' : '';
      const found = samples.filter((each) => each.name === name + suffix);
      // Those that need a token with an expiry, or a drill, may have nothing to say yet.
      if (types.has(name) && found.length === 0) expect(name).toMatch(/token_expiry|_drill_/);
      else expect(found.length, name).toBeGreaterThan(0);
      for (const each of found) expect(Object.keys(each.labels).sort(), name).toEqual(keys);
      expect(types.get(name), name).toBe(histogram ? 'histogram' : name.endsWith('_total') ? 'counter' : 'gauge');
    }
    const ours = [...types.keys()].filter((name) => name.startsWith('celigo_mirror_')).sort();
    expect(ours).toEqual(documented.map(({ name }) => name).sort());
    for (const prefix of ['process_', 'nodejs_'])
      expect(samples.filter(({ name }) => name.startsWith(prefix)).length).toBeGreaterThan(5);
    const outcomes = samples.filter(({ name }) => name === 'celigo_mirror_runs_total');
    for (const { labels } of outcomes)
      expect(['changed', 'unchanged', 'partial', 'refused', 'failed']).toContain(labels.outcome);
  });

  it('counts limits, retries and statuses of the API', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = home(account, { schedule: NEVER, daemon: { triggerToken: TRIGGER } }, { retries: 2 });
    const daemon = await startDaemon(space.dir);
    await until('the first run', () => isReady(daemon));
    account.emulator.faults.add({
      match: { path: '/v1/flows' },
      fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    });
    account.emulator.faults.add({ match: { path: '/v1/imports' }, fault: { kind: 'status', status: 503 } });

    await daemon.post('/sync', TRIGGER);
    await runs(daemon, 1);
    await until(
      'the count',
      async () => (await daemon.metric('celigo_mirror_requests_total', { status: '429' })) === 1,
    );

    expect(await daemon.metric('celigo_mirror_requests_total', { status: '503' })).toBe(1);
    expect(await daemon.metric('celigo_mirror_request_retries_total')).toBe(2);
    expect(await daemon.metric('celigo_mirror_throttled_seconds_total')).toBeGreaterThanOrEqual(0.9);
    expect(await daemon.metric('celigo_mirror_throttled_seconds_total')).toBeLessThan(5);
    expect(await daemon.metric('celigo_mirror_runs_total', { outcome: 'unchanged' })).toBe(1);
  });

  it('counts a scheduled time that comes during a run as an overlap', { tags: 'slow' }, async () => {
    const account = await sample();
    account.emulator.faults.add({ match: { path: '/v1/flows' }, fault: { kind: 'delay', ms: 3_500 } });
    const daemon = await startDaemon(home(account).dir);

    await until('the first run', () => isReady(daemon));

    const overlaps = await daemon.metric('celigo_mirror_skipped_runs_total', { reason: 'overlap' });
    expect(overlaps).toBeGreaterThanOrEqual(2);
    expect(await daemon.metric('celigo_mirror_skipped_runs_total', { reason: 'backoff' })).toBe(0);
  });
});

describe('several accounts', () => {
  it('run one after the other, each on its own schedule', { tags: 'slow' }, async () => {
    const [one, two] = [await sample(), await sample()];
    const space = new Workspace(
      {
        one: { baseUrl: one.url, token: one.owner.token, schedule: '*/20 * * * * *' },
        two: { baseUrl: two.url, token: two.owner.token },
      },
      { schedule: EVERY_SECOND, daemon: { jitter: '0s' } },
    );
    const daemon = await startDaemon(space.dir);
    await until('both are ready', () => isReady(daemon));
    await runs(daemon, 7);
    await daemon.stop();

    const story = daemon.log().filter(({ msg }) => msg === 'run started' || msg === 'sync ended');
    let under: unknown;
    for (const { msg, account } of story) {
      if (msg === 'run started') {
        expect(under).toBeUndefined();
        under = account;
      } else {
        expect(under).toBe(account);
        under = undefined;
      }
    }
    const begun = (name: string): Record<string, unknown>[] =>
      story.filter(({ msg, account, reason }) => msg === 'run started' && account === name && reason === 'schedule');
    expect(begun('two').length).toBeGreaterThan(begun('one').length);
  });

  it('are ready together: one that fails makes /readyz answer 503 and is named', { tags: 'slow' }, async () => {
    const [one, two] = [await sample(), await sample()];
    two.emulator.faults.add({ times: 'always', fault: { kind: 'status', status: 401 } });
    const space = new Workspace({
      one: { baseUrl: one.url, token: one.owner.token },
      two: { baseUrl: two.url, token: two.owner.token },
    });
    const daemon = await startDaemon(space.dir);
    await until('both runs', () => ended(daemon).length === 2);

    const { status, text } = await daemon.get('/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ accounts: { one: { ready: true }, two: { ready: false } } });
    expect(await daemon.metric('celigo_mirror_ready', { account: 'one' })).toBe(1);
    expect(await daemon.metric('celigo_mirror_ready', { account: 'two' })).toBe(0);
  });
});

describe('the daemon on its clone', () => {
  it('fetches everything again once in fullSweep', { tags: 'slow' }, async () => {
    const account = await sample();
    const daemon = await startDaemon(home(account, { fullSweep: '10s' }).dir);
    await until('the first run', () => isReady(daemon));
    const scripts = (): number => account.emulator.requests.filter(({ path }) => /^\/v1\/scripts\/./.test(path)).length;
    account.emulator.clearRequests();
    const before = ended(daemon).length;

    await until('a sweep', () => scripts() >= 8);

    // Not with every run: those between the sweeps are light.
    expect(ended(daemon).length - before).toBeGreaterThanOrEqual(1);
    await runs(daemon, 1);
    expect(scripts()).toBeLessThan(8 * (ended(daemon).length - before));
  });

  it('shares it with a second daemon without damage', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = home(account);
    const [one, two] = await Promise.all([startDaemon(space.dir), startDaemon(space.dir)]);
    await until('both ready', async () => (await isReady(one)) && (await isReady(two)));

    for (let round = 0; round < 4; round++) {
      const text = `round ${round}`;
      account.emulator.act(account.owner.token).set('flows', FLOW, { description: text });
      await until(text, () => space.read(space.find(FLOW)).includes(text));
    }
    await Promise.all([runs(one, 1), runs(two, 1)]);

    expect(await Promise.all([one.stop(), two.stop()])).toEqual([0, 0]);
    const lines = [...one.log(), ...two.log()];
    expect(lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    // The waiting for each other belongs to a run like any other line of it.
    const waits = lines.filter(({ detail }) => String(detail).startsWith('waiting for another'));
    for (const line of waits) expect(line).toHaveProperty('runId');
    expect(space.git('status', '--porcelain')).toBe('');
    space.git('fsck', '--strict');
    expect(space.log()).toHaveLength(5);
    const fresh = home(account);
    await fresh.sync();
    expect(space.contents()).toEqual(fresh.contents());
  });

  it('makes no clone and no run at its start when configured so', async () => {
    const account = await sample();
    const space = home(account, { schedule: NEVER, daemon: { runAtStart: false } });
    const daemon = await startDaemon(space.dir);

    expect((await daemon.get('/healthz')).status).toBe(200);
    expect((await daemon.get('/readyz')).status).toBe(503);
    expect(account.emulator.requests.filter(({ path }) => path === '/v1/flows')).toEqual([]);
    exposition((await daemon.get('/metrics')).text);
    expect(await daemon.stop()).toBe(0);
    expect(existsSync(space.mirror)).toBe(false);
  });
});
