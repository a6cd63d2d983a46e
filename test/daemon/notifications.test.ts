import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { openChannel } from '../../src/notify/channels.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { type HttpReceiver, httpReceiver, type MailReceiver, mailReceiver } from '../support/receivers.ts';
import { selfSigned } from '../support/self-signed.ts';
import { Workspace } from '../support/workspace.ts';
import { startDaemon, until } from './daemon-process.ts';
import { removeOne, runs } from './support.ts';

const FLOW = '678df75fc3a91b7e41300001';
const LOGIN = { user: 'mirror', password: 'smtp-password-of-the-test' };

interface Stage {
  readonly account: TestAccount;
  readonly http: HttpReceiver;
  readonly mail: MailReceiver;
  readonly home: Workspace;
  readonly notifications: Record<string, Json>;
}

async function stage(more: Record<string, Json> = {}): Promise<Stage> {
  const account = await sample();
  const http = await httpReceiver();
  onTestFinished(() => http.close());
  const mail = await mailReceiver(LOGIN);
  onTestFinished(() => mail.close());
  const notifications: Record<string, Json> = {
    hook: { type: 'webhook', url: `${http.url}/hook/secret-hook-path` },
    chat: { type: 'slack', url: `${http.url}/services/secret-slack-path` },
    mail: {
      type: 'email',
      host: '127.0.0.1',
      port: mail.port,
      requireTls: false,
      username: LOGIN.user,
      password: LOGIN.password,
      from: 'mirror@example.com',
      to: ['oncall@example.com', 'owner@example.com'],
    },
    digest: { type: 'webhook', url: `${http.url}/digest`, events: ['changes'] },
    alive: { type: 'ping', url: `${http.url}/ping/uuid` },
    ...more,
  };
  const home = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, retries: 0 } },
    {
      repository: { commitUrl: 'https://git.example/{commit}' },
      schedule: '* * * * * *',
      daemon: { jitter: '0s', longestPause: '2s' },
      notifications,
    },
  );
  return { account, http, mail, home, notifications };
}

const hooks = ({ http }: Stage): unknown[] => http.json('/hook/secret-hook-path').map(({ event }) => event);
const slacks = ({ http }: Stage): string[] => http.json('/services/secret-slack-path').map(({ text }) => String(text));

describe('notifications', () => {
  it('tell a state once, however often runs repeat it, and that it is over', { tags: 'slow' }, async () => {
    const set = await stage();
    const daemon = await startDaemon(set.home.dir);
    await runs(daemon, 2);
    expect(hooks(set)).toEqual([]);

    set.account.emulator.faults.add({
      match: { path: '/v1/exports' },
      times: 'always',
      fault: { kind: 'status', status: 500 },
    });
    await until('the mail', () => set.mail.mails.length === 1);
    await runs(daemon, 3);
    set.account.emulator.faults.clear();
    await until('the second mail', () => set.mail.mails.length === 2);
    await runs(daemon, 2);

    expect(hooks(set)).toEqual(['partial', 'recovery']);
    const [partial] = set.http.json('/hook/secret-hook-path');
    expect(partial).toMatchObject({
      version: 1,
      event: 'partial',
      account: 'prod',
      state: 'partial',
      before: 'ok',
      run: { verdict: 'partial', exitCode: 3, incomplete: ['exports'] },
    });
    expect(slacks(set)[0]).toMatch(/^prod: sync incomplete: could not be read completely: exports/);
    expect(slacks(set)[1]).toMatch(/^prod: recovered; had been failing since/);
    expect(set.mail.mails[0]).toMatchObject({
      to: ['oncall@example.com', 'owner@example.com'],
      subject: '[celigo-mirror] prod: partial',
      text: expect.stringContaining('could not be read completely: exports'),
    });
    expect(await daemon.stop()).toBe(0);
  });

  it('tell each further state: failed, refused, well', { tags: 'slow' }, async () => {
    const set = await stage();
    set.home.configure(
      // A flow takes the subscriptions to it along, and they do not come back with it.
      { prod: { baseUrl: set.account.url, token: set.account.owner.token, retries: 0, exclude: ['notifications'] } },
      {
        schedule: '* * * * * *',
        daemon: { longestPause: '1s' },
        notifications: set.notifications,
        guards: { maxDeletions: 0, maxDeletionShare: 0 },
      },
    );
    const daemon = await startDaemon(set.home.dir);
    await runs(daemon, 1);

    set.account.emulator.faults.add({ times: 'always', fault: { kind: 'status', status: 401 } });
    await until('failure', () => hooks(set).includes('failure'));
    set.account.emulator.faults.clear();
    const id = removeOne(set.account);
    await until('refused', () => hooks(set).includes('refused'));
    set.account.emulator.act(set.account.owner.token).restore('flows', id);
    await until('recovery', () => hooks(set).includes('recovery'));
    await runs(daemon, 1);

    expect(hooks(set)).toEqual(['failure', 'refused', 'recovery']);
  });

  it('do not repeat themselves after a restart', { tags: 'slow' }, async () => {
    const set = await stage();
    const first = await startDaemon(set.home.dir);
    await runs(first, 1);
    const good = (await first.status()).accounts.prod?.lastSuccess;
    set.account.emulator.faults.add({ times: 'always', fault: { kind: 'status', status: 401 } });
    await until('failure', () => hooks(set).length === 1);
    await until('all of it', () => set.mail.mails.length === 1 && slacks(set).length === 1);
    expect(await first.stop()).toBe(0);

    const second = await startDaemon(set.home.dir);
    expect((await second.status()).accounts.prod?.lastSuccess ?? '').toBeTruthy();
    expect(Date.parse((await second.status()).accounts.prod?.lastSuccess ?? '')).toBeGreaterThanOrEqual(
      Date.parse(good ?? ''),
    );
    await runs(second, 2);
    set.account.emulator.faults.clear();
    await until('recovery', () => hooks(set).includes('recovery'));

    expect(hooks(set)).toEqual(['failure', 'recovery']);
  });

  it('come after all when the receiver was away, if they are still true', { tags: 'slow' }, async () => {
    const set = await stage();
    const daemon = await startDaemon(set.home.dir);
    await runs(daemon, 1);
    set.http.mood = 500;
    set.account.emulator.faults.add({ times: 'always', fault: { kind: 'status', status: 401 } });
    await until(
      'a failed message',
      async () =>
        (await daemon.metric('celigo_mirror_notifications_total', { channel: 'hook', outcome: 'failed' })) ?? false,
    );
    expect(hooks(set)).toEqual([]);

    set.http.mood = 200;
    await until('failure', () => hooks(set).includes('failure'));
    await runs(daemon, 1);

    expect(hooks(set)).toEqual(['failure']);
  });

  it('never hold up a run', { tags: 'slow' }, async () => {
    const set = await stage();
    set.http.mood = 'hang';
    const daemon = await startDaemon(set.home.dir);
    set.account.emulator.act(set.account.owner.token).set('flows', FLOW, { description: 'once' });

    // Each message is tried for half a minute: runs that waited for one would not get this far.
    await runs(daemon, 4);

    expect(daemon.output()).not.toContain('"event":"changes"');
    expect(await daemon.stop()).toBe(0);
  });

  it('say who changed what, where that is wanted', { tags: 'slow' }, async () => {
    const set = await stage();
    const daemon = await startDaemon(set.home.dir);
    await until('the first digest', () => set.http.json('/digest').length === 1);
    const editor = set.account.person('administrator');

    set.account.emulator.act(editor.token).set('flows', FLOW, { description: 'changed by a person', disabled: true });
    await until('the digest', () => set.http.json('/digest').length === 2);

    expect(set.http.json('/digest')[1]).toMatchObject({
      event: 'changes',
      account: 'prod',
      counts: { added: 0, changed: 1, renamed: 0, deleted: 0 },
      changes: [
        {
          author: `${editor.name} <${editor.email}>`,
          subject: expect.stringMatching(/^prod: flow ".*" disabled, description changed$/),
          link: expect.stringMatching(/^https:\/\/git\.example\/[0-9a-f]{40}$/),
          resources: [{ type: 'flows', id: FLOW, what: 'disabled, description changed', fields: ['description'] }],
        },
      ],
    });
    expect(set.http.received.map(({ body }) => body).join()).not.toContain('changed by a person');
    expect(hooks(set)).toEqual([]);
    expect(await daemon.stop()).toBe(0);
  });

  it('ping at the start, after a good run and after a bad one', { tags: 'slow' }, async () => {
    const set = await stage();
    const daemon = await startDaemon(set.home.dir);
    const pings = (): string[] =>
      set.http.received.filter(({ path }) => path.startsWith('/ping')).map(({ path }) => path);
    await until('the first pair', () => pings().length >= 2);
    expect(pings().slice(0, 2)).toEqual(['/ping/uuid/start', '/ping/uuid']);

    set.account.emulator.faults.add({ times: 'always', fault: { kind: 'status', status: 401 } });
    await until('the bad news', () => pings().includes('/ping/uuid/fail'));

    const bad = set.http.received.find(({ path }) => path === '/ping/uuid/fail');
    expect(bad?.body).toMatch(/^prod: .*refused the API token/);
    expect(await daemon.stop()).toBe(0);
  });

  it('follow templates, and values cannot break out of them', { tags: 'slow' }, async () => {
    const set = await stage({
      shaped: {
        type: 'webhook',
        url: 'http://127.0.0.1:1/replaced',
        body: '{"text": "{{account}} is {{state}}: {{summary}}", "by": "{{#changes}}{{author}};{{/changes}}"}',
        headers: { 'X-Key': 'a-header-secret' },
      },
    });
    const shaped = { ...(set.notifications.shaped as Record<string, Json>), url: `${set.http.url}/shaped` };
    set.home.configure(
      { prod: { baseUrl: set.account.url, token: set.account.owner.token, retries: 0 } },
      { schedule: '* * * * * *', notifications: { shaped } },
    );
    const daemon = await startDaemon(set.home.dir);
    await runs(daemon, 1);
    set.account.emulator.faults.add({
      times: 'always',
      fault: { kind: 'status', status: 401, body: { message: 'a "quoted" \\ text\n<!channel>' } },
    });

    await until('the message', () => set.http.received.length > 0);

    expect(set.http.json('/shaped')[0]?.text).toMatch(/^prod is failed: .*a "quoted" \\ text/);
    expect(set.http.received[0]?.headers['x-key']).toBe('a-header-secret');
    expect(await daemon.stop()).toBe(0);
  });
});

describe('secrets', () => {
  it('show nowhere, even when the server repeats the token', { tags: 'slow' }, async () => {
    const set = await stage();
    const token = set.account.owner.token;
    const trigger = 'trigger-token-of-the-test';
    set.home.configure(
      { prod: { baseUrl: set.account.url, token, retries: 0 } },
      { schedule: '* * * * * *', notifications: set.notifications, daemon: { triggerToken: trigger } },
    );
    set.account.emulator.faults.add({
      times: 'always',
      fault: { kind: 'status', status: 401, body: { message: `no right for Bearer ${token}` } },
    });
    const daemon = await startDaemon(set.home.dir, [], { LOG_LEVEL: 'trace' });
    await until(
      'all messages',
      () => hooks(set).length === 1 && slacks(set).length === 1 && set.mail.mails.length === 1,
    );
    // While the failure that repeats the token is what there is to tell.
    const answers = await Promise.all(
      ['/status', '/metrics', '/readyz', '/healthz'].map(async (path) => (await daemon.get(path)).text),
    );
    expect(answers[0]).toContain('no right for Bearer [secret]');
    // Receivers that refuse make the daemon speak about them.
    set.http.mood = 500;
    set.account.emulator.faults.clear();
    await until('a failed message', () => daemon.output().includes('notification failed'));
    await daemon.stop();
    const reported = [
      ...set.http.received.map(({ body }) => body),
      ...set.mail.mails.map(({ text, subject }) => subject + text),
    ];
    const everything = [daemon.output(), ...answers, ...reported].join('\n');
    expect(everything).toContain('[secret]');
    for (const secret of [token, trigger, LOGIN.password, 'secret-hook-path', 'secret-slack-path', 'ping/uuid']) {
      expect(everything).not.toContain(secret);
    }
  });
});

describe('TLS of a channel', () => {
  it('is verified even when the environment turns the check off', { tags: 'slow' }, async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    let reached = false;
    const url = await selfSigned((_request, response) => {
      reached = true;
      response.end();
    });
    const channel = openChannel(
      { name: 'alive', type: 'ping', url, start: false },
      { proxies: undefined, userAgent: 'test', scrub: (text) => text, signal: AbortSignal.timeout(9_000) },
    );
    onTestFinished(() => channel.close());

    await expect(channel.ping('success', '')).rejects.toThrow(/certificate/);
    expect(reached).toBe(false);
  });
});
