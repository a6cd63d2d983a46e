import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { type HttpReceiver, httpReceiver, type MailReceiver, mailReceiver } from '../support/receivers.ts';
import { cli, git, type Workspace } from '../support/workspace.ts';
import { type DaemonProcess, startDaemon, until } from './daemon-process.ts';
import { ended, FLOW, home, isReady, NEVER, TRIGGER } from './support.ts';

/** A name that would call people, format, link, and end the line. */
const EVIL = '<!channel> *Orders* @here [x](https://evil.example) <at>all</at>\u202e\nsecond line';
const SECRET_VALUE = 'https://value-of-a-field.example';

const WATCH = [
  { type: 'flows', field: 'disabled', where: 'disabled = true', severity: 'critical' },
  { type: 'connections', field: 'http.baseURI' },
  { what: 'deleted', severity: 'info' },
];

interface Stage {
  readonly account: TestAccount;
  readonly http: HttpReceiver;
  readonly mail: MailReceiver;
  readonly folder: Workspace;
}

async function stage(watch: Json = WATCH): Promise<Stage> {
  const account = await sample();
  const http = await httpReceiver();
  onTestFinished(() => http.close());
  const mail = await mailReceiver();
  onTestFinished(() => mail.close());
  const channel = (type: string): Json => ({ type, url: `${http.url}/${type}`, events: [], watch });
  const folder = home(account, {
    schedule: NEVER,
    repository: { commitUrl: 'https://git.example/{commit}' },
    daemon: { jitter: '0s', triggerToken: TRIGGER },
    notifications: {
      hook: channel('webhook'),
      chat: channel('slack'),
      team: channel('teams'),
      mail: {
        ...{ type: 'email', host: '127.0.0.1', port: mail.port, requireTls: false },
        ...{ from: 'mirror@example.com', to: ['oncall@example.com'], events: [], watch },
      },
    },
  });
  await folder.mirrored();
  return { account, http, mail, folder };
}

/** A connection over HTTP. */
function connectionOf({ emulator }: TestAccount): string {
  const found = emulator.state.all('connections').find(({ http }) => http !== undefined);
  return String(found?._id);
}

async function run(daemon: DaemonProcess): Promise<void> {
  const before = ended(daemon).length;
  expect((await daemon.post('/sync', TRIGGER)).status).toBe(202);
  await until('the run', () => ended(daemon).length > before);
}

/** Up to where the channels have looked at the history. */
function marks({ folder }: Stage): unknown[] {
  const file = join(folder.mirror, '.git/celigo-mirror/daemon.json');
  if (!existsSync(file)) return [];
  const { watched } = JSON.parse(readFileSync(file, 'utf8'));
  return Object.values(watched as Record<string, Record<string, string>>).map(({ prod }) => prod);
}

async function looked(set: Stage): Promise<void> {
  const head = set.folder.log('%H')[0];
  await until('all channels', () => {
    const known = marks(set);
    return known.length === 4 && known.every((mark) => mark === head);
  });
}

describe('watch', () => {
  it('reports each change that a rule asks for once: what, which fields, who, and where to look', async () => {
    const set = await stage();
    const { account, http, mail, folder } = set;
    const editor = account.person('administrator');
    const act = account.emulator.act(editor.token);
    const connection = connectionOf(account);
    const daemon = await startDaemon(folder.dir);
    await until('the first run', () => isReady(daemon));

    act.set('flows', FLOW, { name: EVIL, disabled: true, description: 'not asked for' });
    act.set('connections', connection, {
      http: { ...(account.emulator.state.get('connections', connection)?.http as object), baseURI: SECRET_VALUE },
    });
    await run(daemon);
    await until('the messages', () => http.received.length === 3 && mail.mails.length === 1);

    const [hook] = http.json('/webhook');
    expect(hook).toMatchObject({
      event: 'watch',
      severity: 'critical',
      account: 'prod',
      summary: 'prod: 2 watched changes',
      watched: [
        {
          rule: 'type: flows, field: disabled, where: disabled = true',
          severity: 'critical',
          count: 1,
          changes: [
            {
              ...{ type: 'flows', id: FLOW, what: 'renamed, disabled', fields: ['disabled'] },
              ...{ by: { name: editor.name, email: editor.email }, sources: [] },
              link: `https://git.example/${folder.log('%H')[0]}`,
            },
          ],
        },
        {
          severity: 'warning',
          changes: [{ type: 'connections', id: connection, what: 'changed', fields: ['http.baseURI'] }],
        },
      ],
    });
    const [slack] = http.json('/slack');
    expect(slack?.mrkdwn).toBe(false);
    expect(slack?.text).toContain('critical: flow "&lt;!channel&gt; *Orders* @\u200bhere');
    const [team] = http.json('/teams');
    expect(team).toMatchObject({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: { type: 'AdaptiveCard', version: '1.4', body: expect.any(Array) },
        },
      ],
    });
    expect(JSON.stringify(team)).not.toContain('"TextBlock"');
    expect(mail.mails[0]?.subject).toBe('[celigo-mirror] prod: watch');
    const sent = [...http.received.map(({ body }) => body), mail.mails[0]?.text].join('\n');
    expect(sent).not.toMatch(/\u202e|value-of-a-field|not asked for|@here/);
    expect(mail.mails[0]?.text).not.toMatch(/^second line/m);

    await looked(set);
    act.set('flows', FLOW, { disabled: false });
    await run(daemon);
    await looked(set);
    expect(http.received).toHaveLength(3);
    expect(await daemon.stop()).toBe(0);

    // What other commands mirror meanwhile is reported as well.
    act.set('flows', FLOW, { disabled: true });
    await folder.sync();
    const second = await startDaemon(folder.dir);
    await until('the messages', () => http.received.length === 6);
    await looked(set);
    expect(http.json('/webhook')[1]).toMatchObject({ watched: [{ changes: [{ what: 'disabled' }] }] });
    expect(await second.stop()).toBe(0);
  });

  it('comes later to a receiver that was away, also after a restart', { tags: 'slow' }, async () => {
    const set = await stage();
    const { account, http, folder } = set;
    const first = await startDaemon(folder.dir);
    await until('the first run', () => isReady(first));
    await looked(set);
    http.mood = 400;
    account.emulator.act(account.owner.token).set('flows', FLOW, { disabled: true });
    await run(first);
    await until('a failed message', () => first.output().includes('notification failed'));
    await first.stop('SIGKILL');
    http.mood = 200;
    const second = await startDaemon(folder.dir);
    await until('the messages', () => http.received.length === 3);
    await looked(set);
    await run(second);
    expect(http.received).toHaveLength(3);
  });

  it('reports nothing again that was moved onto commits of others', async () => {
    const { account, folder } = await stage();
    const find = async (after: string, ...commits: string[]): Promise<{ count: number; head: string }> => {
      const rules = JSON.stringify([{ type: 'flows', severity: 'warning' }]);
      const args = ['--account', 'prod', '--mirror', folder.mirror, '--after', after];
      const more = commits.length > 0 ? ['--commits', ...commits] : [];
      const env = { CELIGO_MIRROR_WATCH_RULES: rules };
      const { code, out, err } = await cli(['__watched', ...args, ...more], folder.dir, env);
      expect([code, err]).toEqual([0, '']);
      return JSON.parse(out);
    };
    const [start = ''] = folder.log('%H');
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'one' });
    await folder.sync();
    const first = await find(start);
    expect(first.count).toBe(1);
    expect(await find(first.head)).toMatchObject({ count: 0, head: first.head });

    const as = ['-c', 'user.name=Bo', '-c', 'user.email=bo@example.com'];
    git(folder.mirror, ...as, 'commit', '--quiet', '--allow-empty', '-m', 'a note');
    const [note = ''] = folder.log('%H');
    git(folder.mirror, 'reset', '--quiet', '--hard', start);
    git(folder.mirror, ...as, 'cherry-pick', '--allow-empty', note);
    git(folder.mirror, ...as, 'cherry-pick', first.head);
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'two' });
    await folder.sync();

    const [head = ''] = folder.log('%H');
    expect(await find(first.head)).toMatchObject({ count: 1, head });
    // The last report is not in the clone any more: the commits of the run are looked at.
    expect(await find('0'.repeat(40), head)).toMatchObject({ count: 1, head });
    expect(await find('0'.repeat(40))).toMatchObject({ count: 0, head });
  });
});
