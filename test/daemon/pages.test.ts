import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMirrorReader } from '../../src/cli/actions/mirror-reader.ts';
import type { Config } from '../../src/config/schema.ts';
import { AppError } from '../../src/core/errors.ts';
import { type Pages, type RecentChange, recentHistory } from '../../src/daemon/pages.ts';
import { listen } from '../../src/daemon/server.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { accessibilityFaults, browser, open, WITHOUT_BROWSER } from '../support/browser.ts';
import { bareRemote, tempDir, type Workspace } from '../support/workspace.ts';
import { type DaemonProcess, startDaemon, until } from './daemon-process.ts';
import { FLOW, home, isReady, NEVER, TRIGGER } from './support.ts';

const EVIL = '<script>alert(1)</script>"\u202e<img src=x onerror=alert(2)>';
/** In the history before it was configured as a token. */
const LATER = 'what&later"became-a-secret';
const COMMIT = 'https://git.example/acme/mirror/commit/{commit}';

type More = Parameters<typeof home>[1];

/** A folder whose daemon serves pages, and runs only when asked. */
function space(account: TestAccount, { repository = {}, ...more }: NonNullable<More> = {}): Workspace {
  return home(account, {
    schedule: NEVER,
    repository: { commitUrl: COMMIT, ...repository },
    daemon: { pages: true, jitter: '0s', triggerToken: TRIGGER },
    ...more,
  });
}

/** The page once it has been read completely. */
async function pageOf(daemon: DaemonProcess): Promise<string> {
  return until('the page', async () => {
    const { text } = await daemon.get('/');
    return text.includes('still being read') ? undefined : text;
  });
}

/** Answers with any headers, which `fetch` does not send. */
function ask(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers, agent: false }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
}

describe('the pages of the daemon', () => {
  it('show the state, the latest changes and a report, escaped, to those who read only', async () => {
    const account = await sample();
    const folder = space(account);
    await folder.mirrored();
    const editor = account.person('administrator');
    account.emulator.act(editor.token).set('flows', FLOW, { name: `${EVIL} ${LATER}` });
    await folder.sync();
    const settings = { baseUrl: account.url, token: account.owner.token };
    const further = { schedule: NEVER, daemon: { pages: true, triggerToken: LATER } };
    folder.configure({ prod: settings }, { ...further, repository: { commitUrl: COMMIT } });
    const commit = folder.log('%H')[0] ?? '';
    const daemon = await startDaemon(folder.dir);
    await until('the first run', () => isReady(daemon));

    const page = await pageOf(daemon);
    expect(page).toContain(
      `<a href="${COMMIT.replace('{commit}', commit)}" rel="noreferrer">${commit.slice(0, 10)}</a>`,
    );
    expect(page).toContain(`<td>${editor.name}</td>`);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot; &lt;img');
    expect(page).not.toMatch(/<script|<img|\u202e/);
    expect(page).toContain('1 account: 1 ok');
    expect(page).toContain('alert(2)&gt; [secret]</strong>');

    const answer = await fetch(daemon.url);
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; img-src data:; base-uri 'none'; form-action/,
    );
    expect(policy).toContain("frame-ancestors 'none'");
    const head = await fetch(daemon.url, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const refusals: [string, string, string][] = [
      ...['/', '/report', '/status', '/healthz'].map((path): [string, string, string] => ['POST', path, 'GET, HEAD']),
      ['DELETE', '/status', 'GET, HEAD'],
      ['GET', '/sync', 'POST'],
    ];
    for (const [method, path, allowed] of refusals) {
      const { status, headers } = await fetch(`${daemon.url}${path}`, { method });
      expect([status, headers.get('allow')], `${method} ${path}`).toEqual([405, allowed]);
    }
    const unknown = await daemon.get('/nothing');
    expect([unknown.status, JSON.parse(unknown.text).paths.slice(-3)]).toEqual([404, ['POST /sync', '/', '/report']]);
    for (const host of ['evil.example', '127.0.0.1.evil.example']) expect(await ask(daemon.url, { host })).toBe(421);
    const foreign = { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image' };
    expect(await ask(`${daemon.url}/report`, foreign)).toBe(403);

    const report = await daemon.get('/report?from=7%20days%20ago&to=');
    expect(report.status).toBe(200);
    expect(report.text).toContain('<title>Changes of prod, ');
    expect(report.text).toContain(commit.slice(0, 10));
    expect(page + report.text).not.toContain('became-a-secret');
    const rows: [string, RegExp][] = [
      // A process each: one for all that can be wrong.
      ['from=--output%3D<b>', /<p>from: &quot;--output=&lt;b&gt;&quot; is not a valid time.*3 days ago/],
      ['account=nobody', /no account is called nobody.*prod/],
      ['output=x', /no parameter output/],
      [`from=${'1'.repeat(200)}`, /too long/],
      ['from=yesterday%00', /control character/],
      ['from=2999-01-01', /from \(2999-01-01T00:00:00.000Z\) is later than to \(/],
    ];
    for (const [query, message] of rows) {
      const { status, text } = await daemon.get(`/report?${query}`);
      expect(status, query).toBe(400);
      expect(text, query).toMatch(message);
    }
    expect(await daemon.stop()).toBe(0);
  });

  it('are off unless they are configured', async () => {
    const account = await sample();
    const daemon = await startDaemon(home(account, { schedule: NEVER, daemon: { runAtStart: false } }).dir);

    for (const path of ['/', '/report']) expect((await daemon.get(path)).status, path).toBe(404);
  });
});

/** A server with these reports, and no daemon behind it. */
async function reporting(report: Pages['report']): Promise<string> {
  const server = await listen('127.0.0.1:0', {
    unhealthy: () => undefined,
    accounts: () => [],
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    status: () => ({}),
    pages: () => ({ status: async () => '', accounts: () => ['prod'], report }),
    hosts: () => [],
    triggerToken: () => undefined,
    trigger: () => undefined,
    scrub: (text) => text.replaceAll('s3cret', '[secret]'),
  });
  onTestFinished(() => server.close());
  return `${server.url}/report`;
}

describe('a report that does not come', () => {
  const ROWS: [string, unknown, number, RegExp][] = [
    ['too late', new DOMException('', 'TimeoutError'), 503, /took too long.*shorter period/],
    [
      'wrong words',
      new AppError('USAGE', 'from: <b> is no time', { hint: 'Use s3cret' }),
      400,
      /&lt;b&gt;.*\[secret\]/,
    ],
    ['a failure', new AppError('REPOSITORY', 'git: s3cret'), 503, /git: \[secret\]/],
  ];
  it.each(ROWS)('is explained, without secrets: %s', async (_, error, status, text) => {
    const answer = await fetch(await reporting(() => Promise.reject(error)));

    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(text);
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
  });

  it('is given up when no one waits for it any more, and makes room for the next one', async () => {
    let isGone = false;
    const url = await reporting(
      ({ from }, gone) =>
        new Promise((resolve, reject) => {
          if (from === undefined) return resolve('another one');
          gone.addEventListener('abort', () => {
            isGone = true;
            reject(gone.reason);
          });
        }),
    );
    const leave = new AbortController();
    const first = fetch(`${url}?from=2020`, { signal: leave.signal }).catch(() => 'gone');
    await until('the first report', async () => (await fetch(url)).status === 503);

    leave.abort();

    expect(await first).toBe('gone');
    await until('the next report', async () => (await fetch(url)).status === 200);
    expect(isGone).toBe(true);
  });
});

describe('the process that reads the mirror', () => {
  /** Writes what this script writes, whatever it was asked. */
  function reader(script: string, environment: Record<string, string> = {}) {
    return createMirrorReader(
      (_, env) => spawn(process.execPath, ['-e', script], { detached: true, env: { ...environment, ...env } }),
      environment,
    );
  }
  const config = {
    accounts: [{ name: 'prod', token: 'token-of-prod' }],
    repository: { path: '/nowhere' },
    daemon: {},
    notifications: [],
  } as unknown as Config;
  const wanted = { account: 'prod' };

  it('knows no secret of the configuration', async () => {
    const script = 'console.log(JSON.stringify(process.env))';
    const read = reader(script, { CELIGO_API_TOKEN: 'token-of-prod', HEADER: 'Bearer token-of-prod', HOME: '/root' });
    const env = await read.report(config, wanted, AbortSignal.timeout(60_000));

    expect(env).not.toContain('token-of-prod');
    expect(JSON.parse(env)).toMatchObject({ HOME: '/root', CELIGO_API_TOKEN: '' });
  });

  it('is ended when it writes without end, and when it takes too long', async () => {
    const endless = reader("setInterval(() => process.stdout.write('x'.repeat(1_000_000)), 0)");
    await expect(endless.report(config, wanted, AbortSignal.timeout(60_000))).rejects.toThrow(/too large/);

    const slow = reader('setInterval(() => {}, 1000)');
    await expect(slow.changes(config, AbortSignal.timeout(200))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('reports what the command said', async () => {
    const said = "process.stderr.write('note\\nerror: --from: never\\n→ Use now\\n'); process.exitCode = 64";
    const failed = reader(said).report(config, wanted, AbortSignal.timeout(60_000));
    await expect(failed).rejects.toMatchObject({ code: 'USAGE', message: 'from: never', hint: 'Use now' });
  });
});

describe('the latest changes', () => {
  const change = { account: 'prod', commit: 'abc' } as RecentChange;

  it('are read once for many pages, and again once there are newer ones', async () => {
    let reads = 0;
    let now = 0;
    const history = recentHistory(
      async () => {
        reads += 1;
        return [change];
      },
      () => new Date(now),
    );

    await Promise.all([history.recent(), history.recent()]);
    expect(await history.recent()).toEqual({ changes: [change] });
    expect(reads).toBe(1);
    history.forget();
    await history.recent();
    expect(reads).toBe(2);
    now += 61_000;
    await history.recent();
    expect(reads).toBe(3);
  });

  it('are those known before where reading fails, and a read that began before a run does not count', async () => {
    let fails = false;
    const history = recentHistory(
      async () => {
        history.forget();
        if (fails) throw new Error('no disk');
        return [change];
      },
      () => new Date(0),
    );
    expect(await history.recent()).toEqual({ changes: [change] });
    fails = true;
    expect(await history.recent()).toEqual({ changes: [change], problem: 'no disk' });
  });
});

/** A daemon in one of the states that a person may find. */
const STATES: Record<string, { readonly start: () => Promise<DaemonProcess>; readonly shows: readonly string[] }> = {
  well: {
    async start() {
      const account = await sample();
      const folder = space(account);
      await folder.mirrored();
      account.emulator.act(account.person('administrator').token).set('flows', FLOW, { name: EVIL });
      const expires = new Date(Date.now() + 10 * 86_400_000).toISOString();
      const token = { name: 'Nightly sync', fullAccess: true, autoPurgeAt: expires };
      await account.call(account.owner, 'POST', '/v1/accesstokens', token);
      const daemon = await startDaemon(folder.dir);
      await until('the tokens', async () => (await daemon.get('/status')).text.includes('Nightly sync'));
      return daemon;
    },
    shows: ['1 account: 1 ok', 'Nightly sync', 'soon', 'alert(1)'],
  },
  failing: {
    async start() {
      const account = await sample();
      const folder = space(account);
      await folder.mirrored();
      account.emulator.faults.add({ times: 'always', fault: { kind: 'status', status: 401 } });
      const daemon = await startDaemon(folder.dir);
      await until('a failure', async () => (await daemon.status()).accounts.prod?.state === 'failed');
      return daemon;
    },
    shows: ['1 account: 0 ok', 'failed', 'not known: the last run came to no end', 'token'],
  },
  incomplete: {
    async start() {
      const account = await sample();
      const remote = bareRemote();
      const folder = space(account, { repository: { remote } });
      await folder.sync();
      mkdirSync(join(remote, 'hooks'), { recursive: true });
      writeFileSync(join(remote, 'hooks', 'pre-receive'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
      account.emulator.act(account.person('administrator').token).set('flows', FLOW, { description: 'not pushed' });
      account.emulator.faults.add({
        times: 'always',
        match: { path: '/v1/exports' },
        fault: { kind: 'status', status: 500 },
      });
      const daemon = await startDaemon(folder.dir);
      await until('the state', async () => (await daemon.status()).accounts.prod?.state === 'partial');
      return daemon;
    },
    shows: ['partial', 'exports', 'not pushed', 'Unpushed commits'],
  },
  never: {
    async start() {
      const account = await sample();
      const folder = space(account, { daemon: { pages: true, runAtStart: false }, drill: { schedule: NEVER } });
      return startDaemon(folder.dir);
    },
    shows: ['no run yet', 'none yet', 'None since the first listing'],
  },
};

describe('the status page in a browser', { tags: 'slow', skip: WITHOUT_BROWSER }, () => {
  it.each(Object.entries(STATES))('is accessible, light and dark, and needs no script: %s', async (name, state) => {
    const daemon = await state.start();
    await pageOf(daemon);
    const pictures = process.env.PICTURES ?? tempDir();
    const chromium = await browser();
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, requests, errors } = await open(chromium, `${daemon.url}/`, { colorScheme });
      for (const text of state.shows) expect(await page.locator('body').innerText(), text).toContain(text);
      expect(await page.locator('script, img').count()).toBe(0);
      expect([requests, errors]).toEqual([[], []]);
      const probe = await open(chromium, `${daemon.url}/`, { colorScheme, bypassCSP: true });
      for (const width of [360, 1200]) {
        await probe.page.setViewportSize({ width, height: 900 });
        expect(await probe.page.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${width}`).toBe(true);
        await probe.page.screenshot({ path: join(pictures, `${name}-${colorScheme}-${width}.png`), fullPage: true });
        expect(await accessibilityFaults(probe.page), `${colorScheme} ${width}`).toEqual([]);
      }
    }
  });

  it('leads to a report with its form, without scripts', async () => {
    const daemon = await STATES.well?.start();
    const { page } = await open(await browser(), `${daemon?.url}/`, { javaScriptEnabled: false });
    await page.getByLabel('From').fill('yesterday');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/\/report\?account=prod&from=yesterday&to=$/);

    expect(await page.title()).toContain('Changes of prod');
    await page.goBack();
    await page.getByLabel('From').fill('whenever');
    await page.getByRole('button', { name: 'Show' }).click();
    await expect.poll(() => page.locator('main').innerText()).toContain('whenever');
  });
});
