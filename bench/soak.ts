// The real daemon over some minutes with a one-minute schedule, against the emulator, while faults come and go:
// metrics, readiness and notifications must report them. npm run soak
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmulator } from '../src/emulator/http/server.ts';
import { sampleAccount } from '../src/emulator/sample/index.ts';
import { httpReceiver, mailReceiver } from '../test/support/receivers.ts';

const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const FLOW = '678df75fc3a91b7e41300001';
const SECOND = 1_000;
const ROOM = 15 * SECOND;

const dir = mkdtempSync(join(tmpdir(), 'celigo-mirror-soak-'));
const remote = join(dir, 'remote.git');
const away = join(dir, 'away.git');
const seed = sampleAccount();
const emulator = await startEmulator({ seed, rateLimit: false });
const http = await httpReceiver();
const mail = await mailReceiver();
const owner = seed.people.find(({ role }) => role === 'owner');
const editor = seed.people.find(({ role }) => role === 'administrator');
if (!owner || !editor) throw new Error('the sample account has no owner and administrator');
execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', remote]);
writeFileSync(
  join(dir, 'celigo-mirror.yaml'),
  JSON.stringify({
    repository: { path: join(dir, 'mirror'), remote },
    accounts: { prod: { baseUrl: emulator.url, token: owner.token, retries: 2 } },
    schedule: '* * * * *',
    daemon: { jitter: '0s', listen: '127.0.0.1:0' },
    notifications: {
      hook: { type: 'webhook', url: `${http.url}/hook`, events: ['failure', 'partial', 'refused', 'recovery'] },
      digest: { type: 'webhook', url: `${http.url}/digest`, events: ['changes'] },
      mail: {
        type: 'email',
        host: '127.0.0.1',
        port: mail.port,
        requireTls: false,
        from: 'mirror@example.com',
        to: ['oncall@example.com'],
      },
      alive: { type: 'ping', url: `${http.url}/ping`, start: false },
    },
  }),
);

const child = spawn(process.execPath, [PROGRAM, 'daemon'], {
  cwd: dir,
  env: { PATH: process.env.PATH ?? '', HOME: dir, LOG_LEVEL: 'info' },
  stdio: ['ignore', 'pipe', 'pipe'],
});
let log = '';
child.stderr.on('data', (chunk: Buffer) => {
  log += chunk.toString();
});
const ended = new Promise<number>((resolve) => {
  child.on('close', (code) => resolve(code ?? -1));
});
const url = await new Promise<string>((resolve, reject) => {
  child.stdout.on('data', (chunk: Buffer) => {
    const found = /daemon at (http:\S+)/.exec(chunk.toString())?.[1];
    if (found) resolve(found);
  });
  void ended.then((code) => reject(new Error(`the daemon ended with ${code}: ${log}`)));
});

let passed = 0;
let failed = 0;
function check(what: string, holds: boolean): void {
  if (holds) passed += 1;
  else failed += 1;
  console.log(`         ${holds ? 'ok  ' : 'FAIL'} ${what}`);
}

const begun = performance.now();
const clock = (): string => new Date().toISOString().slice(11, 19);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const events = (): unknown[] => http.json('/hook').map(({ event }) => event);
const pings = (): string[] => http.received.filter(({ path }) => path.startsWith('/ping')).map(({ path }) => path);

/** Value of a metric by the beginning of its line. */
async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`celigo_mirror_${name}`));
  return Number(line?.slice(line.lastIndexOf(' ') + 1) ?? Number.NaN);
}
const ready = async (): Promise<boolean> => (await fetch(`${url}/readyz`)).status === 200;

/** Waits for the run of the next full minute, then prints the state. */
async function nextRun(title: string): Promise<void> {
  const now = Date.now();
  const due = Math.ceil((now + SECOND) / (60 * SECOND)) * 60 * SECOND;
  await pause(due - now + SECOND);
  const deadline = Date.now() + ROOM;
  while ((await metric('run_in_progress')) === 1 && Date.now() < deadline) await pause(200);
  await pause(SECOND);
  const outcomes = await Promise.all(
    ['changed', 'unchanged', 'partial', 'refused', 'failed'].map(
      async (outcome) => `${outcome} ${await metric(`runs_total{account="prod",outcome="${outcome}"}`)}`,
    ),
  );
  const unpushed = await metric('unpushed_commits');
  console.log(
    `${clock()} ${title}: ${(await ready()) ? 'ready' : 'NOT READY'}; runs: ${outcomes.join(', ')}; ` +
      `unpushed ${unpushed}; reported: ${events().join(', ') || 'nothing'}`,
  );
}

/** Waits for the middle of a minute, so that faults never change during a run. */
async function middle(): Promise<void> {
  const now = new Date();
  const wait = 30 - now.getUTCSeconds();
  await pause((wait > 0 ? wait : 0) * SECOND);
}

try {
  await nextRun('after the start');
  check('ready, nothing reported', (await ready()) && events().length === 0);

  emulator.act(editor.token).set('flows', FLOW, { description: 'changed by a person' });
  await nextRun('an edit');
  const digests = http.json('/digest');
  check('the edit is committed and reported with its author', JSON.stringify(digests.at(-1)).includes(editor.name));
  check(
    'pings report success',
    pings().every((path) => path === '/ping'),
  );

  await middle();
  emulator.faults.add({ match: { path: '/v1/exports' }, times: 'always', fault: { kind: 'status', status: 500 } });
  await nextRun('exports answer 500');
  check('reported once: partial', events().join() === 'partial');
  check('still ready: one scheduled time without a good run', await ready());
  check('the metric names the type', (await metric('type_incomplete{account="prod",type="exports"}')) === 1);
  await nextRun('still 500');
  await nextRun('still 500');
  check('still reported once', events().join() === 'partial');
  check('not ready after three scheduled times', !(await ready()));
  check('the ping says fail', pings().at(-1) === '/ping/fail');

  await middle();
  emulator.faults.clear();
  await nextRun('recovered');
  check('recovery reported', events().join() === 'partial,recovery');
  check('ready again', await ready());
  check('two mails', mail.mails.length === 2);

  await middle();
  renameSync(remote, away);
  emulator.act(editor.token).set('flows', FLOW, { description: 'while the remote was away' });
  await nextRun('the remote is away');
  check('one commit waits', (await metric('unpushed_commits')) === 1);
  check('push lag is measured', (await metric('push_lag_seconds')) > 0);
  check('partial reported again', events().join() === 'partial,recovery,partial');
  await middle();
  renameSync(away, remote);
  await nextRun('the remote is back');
  check('nothing waits any more', (await metric('unpushed_commits')) === 0);
  check('recovery reported again', events().at(-1) === 'recovery');

  await middle();
  for (const path of ['/v1/flows', '/v1/scripts', '/v1/imports']) {
    emulator.faults.add({ match: { path }, fault: { kind: 'status', status: 429, headers: { 'retry-after': '2' } } });
    emulator.faults.add({ match: { path, nth: 2 }, fault: { kind: 'reset' } });
  }
  await nextRun('429 and cut connections');
  check('no failure', events().length === 4 && (await ready()));
  check('retries are counted', (await metric('request_retries_total')) >= 3);
  check('throttling is counted', (await metric('throttled_seconds_total')) >= 2);

  await middle();
  const stopping = performance.now();
  child.kill('SIGTERM');
  const code = await ended;
  check(`SIGTERM: exit code ${code} after ${Math.round(performance.now() - stopping)} ms`, code === 0);
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', join(dir, 'mirror'), ...args], { encoding: 'utf8' });
  check('the clone is sound and clean', git('status', '--porcelain') === '' && git('fsck', '--strict') === '');
  check('one commit an edit', git('rev-list', '--count', 'HEAD').trim() === '3');
  check('no secret in the log', !log.includes(owner.token));
} finally {
  child.kill('SIGKILL');
  await Promise.all([emulator.close(), http.close(), mail.close()]);
  rmSync(dir, { recursive: true, force: true });
}
console.log(`\n${Math.round((performance.now() - begun) / 1000)} s\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
