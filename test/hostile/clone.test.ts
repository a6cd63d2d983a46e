import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startDaemon, until } from '../daemon/daemon-process.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { gateway } from '../support/gateway.ts';
import { gitOverHttp, passwordThief } from '../support/git-http.ts';
import { selfSigned } from '../support/self-signed.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, cli, git, tempDir, Workspace } from '../support/workspace.ts';

const PASSWORD = 'pass-word-17';
const AUTHORIZATION = `Basic ${Buffer.from(`mirror-bot:${PASSWORD}`).toString('base64')}`;

interface Scene {
  readonly account: TestAccount;
  readonly space: Workspace;
  readonly remote: string;
  readonly server: Awaited<ReturnType<typeof gitOverHttp>>;
  readonly thief: Awaited<ReturnType<typeof passwordThief>>;
  readonly edit: () => void;
}

/** A mirror whose remote asks for a password, and another server that would like to have it. */
async function scene(redirect?: (thief: string) => (url: string) => string | undefined): Promise<Scene> {
  const [account, remote, thief] = [await sample(), bareRemote(), await passwordThief()];
  const server = await gitOverHttp(remote, 'mirror-bot', PASSWORD, redirect?.(thief.url));
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
    { repository: { remote: server.url, username: 'mirror-bot', token: PASSWORD } },
  );
  const flow = String(account.emulator.state.all('flows')[0]?._id);
  let edits = 0;
  return {
    account,
    space,
    remote,
    server,
    thief,
    edit() {
      edits += 1;
      account.emulator.act(account.owner.token).set('flows', flow, { description: `edit ${edits}` });
    },
  };
}

interface Places {
  readonly url: string;
  readonly thief: string;
  readonly dir: string;
}

/** Settings of the clone that lead elsewhere: to another address, through another machine, with other words. */
const DETOURS: [string, (places: Places) => [string, string][]][] = [
  ['another address', ({ url, thief }) => [[`url.${thief}/.insteadOf`, url.replace(/[^/]*$/, '')]]],
  ['a proxy for this address', ({ url, thief }) => [[`http.${url}.proxy`, thief]]],
  ['another address to push to', ({ url, thief }) => [[`url.${thief}/x.git.pushInsteadOf`, url]]],
  ['a remote of the same name', ({ url, thief }) => [[`remote.${url}.url`, `${thief}/x.git`]]],
  ['another address of that remote to push to', ({ url, thief }) => [[`remote.${url}.pushurl`, `${thief}/x.git`]]],
  ['a proxy of that remote', ({ url, thief }) => [[`remote.${url}.proxy`, thief]]],
  ['a program of that remote', ({ url }) => [[`remote.${url}.vcs`, 'evil']]],
  ['a proxy', ({ thief }) => [['http.proxy', thief]]],
  [
    'a file that is included',
    ({ url, thief, dir }) => {
      writeFileSync(join(dir, 'more'), `[url "${thief}/x.git"]\n\tinsteadOf = ${url}\n`);
      return [['include.path', join(dir, 'more')]];
    },
  ],
  [
    'a file that is included for the branch',
    ({ thief, dir }) => {
      writeFileSync(join(dir, 'more'), `[http]\n\tproxy = ${thief}\n`);
      return [['includeIf.onbranch:main.path', join(dir, 'more')]];
    },
  ],
  ['a header', () => [['http.extraHeader', 'X-Planted: yes']]],
  ['another name for the program', () => [['http.userAgent', 'planted']]],
  [
    'cookies',
    ({ dir }) => {
      writeFileSync(join(dir, 'cookies'), '127.0.0.1\tFALSE\t/\tFALSE\t0\tplanted\tyes\n');
      return [
        ['http.cookieFile', join(dir, 'cookies')],
        ['http.saveCookies', 'true'],
      ];
    },
  ],
  [
    'another user, and helpers that hear the password',
    ({ url, dir }) => [
      ['credential.username', 'planted'],
      [`credential.${url}.helper`, `!cat >> ${join(dir, 'heard')}; false`],
      ['credential.helper', `!cat >> ${join(dir, 'heard')}; false`],
      ['core.askPass', `touch ${join(dir, 'heard')}`],
    ],
  ],
  [
    'what is not allowed',
    () => [
      ['protocol.allow', 'never'],
      ['protocol.http.allow', 'never'],
      ['transfer.hideRefs', 'refs'],
      ['fetch.fsckObjects', 'true'],
      ['fetch.negotiationAlgorithm', 'noop'],
      ['push.negotiate', 'true'],
      ['fetch.bundleURI', 'http://127.0.0.1:9/planted'],
    ],
  ],
];

describe('a clone whose configuration another person wrote', () => {
  eachOf(DETOURS, { quick: 0 })('sends the password to the configured remote alone: %s', async (_, settings) => {
    const { space, remote, server, thief, edit } = await scene();
    const dir = tempDir();
    git(space.dir, 'init', '--quiet', '--initial-branch=main', space.mirror);
    for (const [key, value] of settings({ url: server.url, thief: thief.url, dir })) space.git('config', key, value);

    for (let round = 0; round < 2; round++) {
      edit();
      expect((await space.sync()).code).toBe(0);
    }

    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    expect((await space.run('doctor')).out).toContain('reachable, branch main found');
    expect(thief.received).toEqual([]);
    expect(existsSync(join(dir, 'heard'))).toBe(false);
    const sent = new Set(server.received.map(({ headers }) => headers.authorization));
    expect([...sent]).toEqual(expect.arrayContaining([undefined, AUTHORIZATION]));
    expect(sent.size).toBe(2);
    expect(JSON.stringify(server.received)).not.toContain('lanted');
  });

  it('cannot put files in the place of a remote whose address has no slash', { tags: 'slow' }, async () => {
    const { account, space } = await scene();
    const [bin, elsewhere] = [tempDir(), bareRemote()];
    const remote = 'git@host.test:mirror.git';
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
      { repository: { remote } },
    );
    writeFileSync(join(bin, 'ssh'), `#!/bin/sh\necho "$@" >> ${bin}/words\nexit 1\n`, { mode: 0o755 });
    git(space.dir, 'init', '--quiet', '--initial-branch=main', space.mirror);
    for (const name of ['remotes', 'branches']) mkdirSync(join(space.mirror, '.git', name), { recursive: true });
    writeFileSync(join(space.mirror, '.git', 'remotes', remote), `URL: ssh://thief.test${elsewhere}\n`);
    writeFileSync(join(space.mirror, '.git', 'branches', remote), `ssh://thief.test${elsewhere}\n`);

    await cli(['sync'], space.dir, { PATH: `${bin}:${process.env.PATH}` });

    const words = readFileSync(join(bin, 'words'), 'utf8');
    expect(words).toContain('git@host.test');
    expect(words).not.toContain('thief');
  });

  it('is refused by name where it fetches what it lacks by itself', { tags: 'slow' }, async () => {
    const { account, space, remote, server, thief } = await scene();
    git(remote, 'config', 'uploadpack.allowFilter', 'true');
    git(space.dir, 'init', '--quiet', '--bare', '--initial-branch=main', space.mirror);
    space.git('config', `url.${thief.url}/.insteadOf`, server.url);
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
      { repository: { remote: server.url, username: 'mirror-bot', token: PASSWORD, stateless: true } },
    );

    const refused = await space.sync();
    expect(refused).toMatchObject({ code: 1, error: { message: expect.stringContaining(`url.${thief.url}/`) } });
    space.git('config', '--unset', `url.${thief.url}/.insteadOf`);
    expect((await space.sync()).code).toBe(0);
    expect(thief.received).toEqual([]);
  });
});

describe('a remote', () => {
  it('that leads to another host gets no password for it', async () => {
    const { space, thief } = await scene((to) => (url) => `${to}${url}`);

    expect((await space.sync()).code).not.toBe(0);
    expect(thief.received.length).toBeGreaterThan(0);
    expect(thief.received.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  it('that leads to another address of its own is followed', { tags: 'slow' }, async () => {
    const old = (url: string): string | undefined =>
      url.startsWith('/old.git') ? url.replace('/old.git', '/remote.git') : undefined;
    const { account, space, server } = await scene(() => old);
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
      {
        repository: { remote: server.url.replace('/remote.git', '/old.git'), username: 'mirror-bot', token: PASSWORD },
      },
    );

    expect((await space.sync()).code).toBe(0);
  });

  it('without a good certificate hears nothing, whatever the user and the environment allow', async () => {
    const { account, space } = await scene();
    const heard: string[] = [];
    const url = await selfSigned((request, response) => {
      heard.push(request.url ?? '');
      response.writeHead(401, { 'www-authenticate': 'Basic realm="thief"' }).end();
    });
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
      { repository: { remote: `${url}/x.git`, username: 'mirror-bot', token: PASSWORD } },
    );
    const config = join(space.dir, 'gitconfig');
    writeFileSync(config, `[http]\n\tsslVerify = false\n[http "${url}/x.git"]\n\tsslVerify = false\n`);
    const env = { GIT_CONFIG_GLOBAL: config, GIT_SSL_NO_VERIFY: '1' };

    expect((await cli(['sync'], space.dir, env)).code).not.toBe(0);
    expect(heard).toEqual([]);
  });

  it('behind a proxy of the user is the only one that gets it', { tags: 'slow' }, async () => {
    const { space, server, thief } = await scene();
    const env = { http_proxy: thief.url };

    expect((await cli(['sync'], space.dir, env)).code).not.toBe(0);
    expect(thief.received.some(({ url }) => url.startsWith(server.url))).toBe(true);
    const given = thief.received.flatMap(({ headers }) => [headers.authorization, headers['proxy-authorization']]);
    expect(given.filter((value) => value !== undefined)).toEqual([]);
  });
});

/** Programs on the PATH that write down what they are given. */
function spies(): { readonly path: string; readonly calls: () => { readonly name: string; readonly text: string }[] } {
  const dir = tempDir();
  const real = git('/', '--exec-path').trim();
  for (const name of ['git', 'ssh']) {
    const log = `{ echo "$0 $*"; env; } > "$(mktemp ${dir}/call-${name}-XXXXXX)"`;
    const then = name === 'git' ? `exec ${real}/git "$@"` : 'exit 1';
    writeFileSync(join(dir, name), `#!/bin/sh\n${log}\n${then}\n`);
    chmodSync(join(dir, name), 0o755);
  }
  return {
    path: `${dir}:${process.env.PATH}`,
    calls: () =>
      readdirSync(dir)
        .filter((file) => file.startsWith('call-'))
        .map((file) => ({ name: file, text: readFileSync(join(dir, file), 'utf8') })),
  };
}

describe('what the program starts', () => {
  const SECRETS = {
    CELIGO_API_TOKEN: 'secret-api-token-1',
    TRIGGER: 'secret-trigger-2',
    WEBHOOK: 'https://hooks.test/secret-webhook-3',
    SMTP_PASSWORD: 'secret-smtp-4',
    MIRROR_REMOTE_TOKEN: 'secret-remote-5',
    AWS_SECRET_ACCESS_KEY: 'secret-cloud-6',
    HTTPS_PROXY: 'http://user:secret-proxy-7@127.0.0.1:9',
  };

  it('gets no token, password or address of a webhook, neither do the hooks of a local remote', {
    tags: 'slow',
  }, async () => {
    const { account, space, edit } = await scene();
    const remote = bareRemote();
    const hook = join(remote, 'hooks', 'post-receive');
    writeFileSync(hook, `#!/bin/sh\nenv > ${remote}/seen\n`, { mode: 0o755 });
    const spy = spies();
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
      { repository: { remote } },
    );
    const env = { ...SECRETS, PATH: spy.path, NO_PROXY: '127.0.0.1' };
    expect((await cli(['sync'], space.dir, env)).code).toBe(0);
    edit();
    const flow = String(account.emulator.state.all('flows')[0]?._id);
    for (const args of [['sync'], ['restore', `flows/${flow}`, '--at', 'HEAD~1', '--yes'], ['verify'], ['doctor']])
      await cli(args, space.dir, env);
    await cli(['drill'], space.dir, env);

    const calls = spy.calls();
    expect(calls.length).toBeGreaterThan(30);
    for (const { text } of [...calls, { text: readFileSync(join(remote, 'seen'), 'utf8') }])
      expect(text).not.toMatch(/secret-|TRIGGER|WEBHOOK|SMTP|AWS_/);
  });

  it('hears the password of a remote only to reach it, and no other variable unless it is named', {
    tags: 'slow',
  }, async () => {
    const { space, server, account } = await scene();
    const spy = spies();
    const configure = (more: Record<string, string[]>): void =>
      space.configure(
        { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
        { repository: { remote: server.url, username: 'mirror-bot', token: PASSWORD, ...more } },
      );
    configure({ passEnvironment: ['AWS_SECRET_ACCESS_KEY'] });
    expect((await cli(['sync'], space.dir, { ...SECRETS, PATH: spy.path, NO_PROXY: '127.0.0.1' })).code).toBe(0);

    const network = ['fetch', 'push', 'ls-remote', 'remote-http', 'credential', 'send-pack', 'fetch-pack'];
    const objects = ['pack-objects', 'rev-list', 'index-pack', 'unpack-objects', 'maintenance'];
    const knowing = spy.calls().filter(({ text }) => text.includes(PASSWORD));
    expect(knowing.length).toBeGreaterThan(0);
    for (const { text } of knowing) {
      expect(text.split('\n')[0]).toMatch(new RegExp(` (?:${[...network, ...objects].join('|')}) ?`));
      expect(text.split('\n')[0]).not.toContain(PASSWORD);
    }
    const named = spy.calls().filter(({ text }) => text.includes('secret-cloud-6'));
    expect(named.map(({ name }) => name)).toEqual(knowing.map(({ name }) => name));
    expect(spy.calls().filter(({ text }) => /secret-[1-5]|TRIGGER|WEBHOOK|SMTP/.test(text))).toEqual([]);
  });

  it('as a daemon gives away no secret of its configuration: not in logs, pages, files, arguments or to a child', {
    tags: 'slow',
  }, async () => {
    const { account, space, edit } = await scene();
    const hooks = await gateway('http://127.0.0.1:9', (_, response) => {
      response.writeHead(500).end('no');
      return true;
    });
    const spy = spies();
    const fallback = 'http://127.0.0.1:9';
    const notifications = {
      slack: { type: 'slack', url: `${hooks.url}/secret-path-1` },
      gone: { type: 'webhook', url: `${fallback}/secret-path-2`, headers: { 'x-key': 'secret-header-3' } },
      mail: {
        type: 'email',
        host: '127.0.0.1',
        port: 9,
        username: 'u',
        password: 'secret-mail-4',
        from: 'a@b.c',
        to: ['d@e.f'],
      },
      ping: { type: 'webhook', url: `${hooks.url}/secret-path-5`, events: ['changes', 'failure', 'recovery'] },
    };
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
      {
        repository: { remote: `${fallback}/x.git`, username: 'bot', token: 'secret-remote-6' },
        daemon: { jitter: '0s', triggerToken: 'secret-trigger-0123456789abcdef', pages: true },
        schedule: '0 0 1 1 *',
        notifications,
      },
    );
    edit();
    const daemon = await startDaemon(space.dir, [], { PATH: spy.path, LOG_LEVEL: 'trace' });
    await until('the run to end', async () => (await daemon.status()).accounts.prod?.lastRun !== undefined);
    const answers = [
      await daemon.post('/sync/prod', 'secret-of-nobody'),
      await daemon.post('/sync/prod', 'secret-trigger-0123456789abcdef'),
      ...(await Promise.all(['/status', '/metrics', '/readyz', '/', '/report'].map(daemon.get))),
    ];
    await until('a message to fail', () => /notif/.test(daemon.output()) && hooks.seen.length > 0);
    const line = readFileSync(`/proc/${daemon.child.pid}/cmdline`, 'utf8');
    await daemon.stop();

    const written = readdirSync(space.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/^celigo-mirror.*yaml$/.test(entry.name))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    const told = {
      log: daemon.output(),
      line,
      pages: answers.map(({ text }) => text).join('\n'),
      files: written.join('\n'),
    };
    for (const [where, text] of Object.entries(told)) expect(text.match(/secret-[\w-]+/g) ?? [], where).toEqual([]);
    const calls = spy.calls();
    expect(calls.length).toBeGreaterThan(5);
    for (const { text } of calls) expect(text).not.toMatch(/secret-(?:path|header|mail|trigger)/);
    for (const { text } of calls) expect(text.split('\n')[0]).not.toContain('secret-');
    for (const text of Object.values(told)) expect(text).not.toContain(account.owner.token);
  });
});
