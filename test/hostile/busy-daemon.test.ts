import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { type DaemonProcess, startDaemon, until } from '../daemon/daemon-process.ts';
import { sample } from '../support/account.ts';
import { gateway } from '../support/gateway.ts';
import { eachOf } from '../support/table.ts';
import { Workspace } from '../support/workspace.ts';

const MIB = 2 ** 20;
/** What every hostile answer must leave to the rest of the machine. */
const MOST_MEMORY = 512 * MIB;
const GRACE_MS = 6_000;

type Answer = (response: ServerResponse) => void;

function list(content: string): Answer {
  const packed = gzipSync(content, { level: 1 });
  return (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
}

function record(description: string): string {
  return JSON.stringify({ _id: '64f0000000000000000a0001', name: 'Flow', description });
}

/** A daemon whose account answers the list of flows in this way. */
async function daemonBefore(answer: Answer): Promise<{ readonly daemon: DaemonProcess; readonly space: Workspace }> {
  const account = await sample();
  const before = await gateway(account.url, ({ url }, response) => {
    if (!url.startsWith('/v1/flows')) return false;
    answer(response);
    return true;
  });
  const settings = { baseUrl: before.url, token: account.owner.token, include: ['flows'], retries: 0 };
  const daemon = { jitter: '0s', shutdownGrace: `${GRACE_MS / 1000}s` };
  const space = new Workspace({ prod: settings }, { schedule: '0 0 1 1 *', daemon });
  return { space, daemon: await startDaemon(space.dir) };
}

/** The most memory that a process has used so far; bytes. */
function peakOf({ child }: DaemonProcess): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Asks for the health of a daemon until its run has ended. @returns the longest time of an answer, in milliseconds */
async function longestAnswer(daemon: DaemonProcess): Promise<number> {
  let longest = 0;
  await until(
    'the run to end',
    async () => {
      const asked = performance.now();
      expect((await daemon.get('/healthz')).status).toBe(200);
      longest = Math.max(longest, performance.now() - asked);
      return (await daemon.status()).accounts.prod?.lastRun !== undefined;
    },
    120_000,
  );
  return longest;
}

eachOf<[string, Answer]>(
  [
    ['a text that is all names of secrets', list(`[${record('secret password: "'.repeat(MIB / 8))}]`)],
    ['as many empty lists as fit', list(`[${'[],'.repeat(20 * MIB)}[]]`)],
    ['very many tiny records', list(`[${'{"_id":"a"},'.repeat(90_000)}{}]`)],
    ['brackets', list('['.repeat(60 * MIB))],
    ['more than may be read', list(' '.repeat(300 * MIB))],
    ['a record of values', list(`[{"_id":"64f0000000000000000a0001","x":[${'{},'.repeat(20 * MIB)}{}]}]`)],
  ],
  { quick: 0 },
)('the daemon answers and stays small while a list is %s', async (_, answer) => {
  const { daemon } = await daemonBefore(answer);

  expect(await longestAnswer(daemon)).toBeLessThan(1_000);
  expect(peakOf(daemon)).toBeLessThan(MOST_MEMORY);
  expect(await daemon.stop()).toBe(0);
});

it('the daemon stops within its grace period, whatever keeps its run busy', { tags: 'slow' }, async () => {
  let asked = false;
  const busy = list(`[${record('secret password: "'.repeat(3 * MIB))}]`);
  const { daemon, space } = await daemonBefore((response) => {
    asked = true;
    busy(response);
  });
  await until('the answer to be on its way', () => asked);
  const began = performance.now();

  daemon.child.kill('SIGTERM');
  const code = await daemon.ended;

  expect(performance.now() - began).toBeLessThan(GRACE_MS + 2_000);
  // Else the thread did not end in time: the process killed itself, and its lock is that of a dead one.
  if (code === 0) expect(existsSync(join(space.mirror, '.git/celigo-mirror.lock'))).toBe(false);
});
