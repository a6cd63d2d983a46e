import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { type DaemonProcess, startDaemon, until } from '../daemon/daemon-process.ts';
import { sample } from '../support/account.ts';
import { gateway } from '../support/gateway.ts';
import { eachOf } from '../support/table.ts';
import { Workspace } from '../support/workspace.ts';

const MIB = 2 ** 20;
/** What every hostile answer must leave to the rest of the machine. */
const MOST_MEMORY = 512 * MIB;
const GRACE_MS = 6_000;

type Answer = (response: ServerResponse, url: URL) => void;

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
    answer(response, new URL(url, before.url));
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
async function longestAnswer(daemon: DaemonProcess, atMostMs = Number.POSITIVE_INFINITY): Promise<number> {
  let longest = 0;
  const began = performance.now();
  await until(
    'the run to end',
    async () => {
      const asked = performance.now();
      expect((await daemon.get('/healthz')).status).toBe(200);
      longest = Math.max(longest, performance.now() - asked);
      if (performance.now() - began > atMostMs) return true;
      return (await daemon.status()).accounts.prod?.lastRun !== undefined;
    },
    120_000,
  );
  return longest;
}

const ID = (n: number): string => `64f0${n.toString(16).padStart(20, '0')}`;

function flow(n: number, more: Json): string {
  return JSON.stringify({ _id: ID(n), name: `Flow ${n}`, description: 'a flow', ...(more as JsonObject) });
}

function flows(count: number, more: Json): string {
  return `[${Array.from({ length: count }, (_, n) => flow(n, more)).join()}]`;
}

/** Sends as many pieces as the client takes. */
function stream(head: Record<string, string>, piece: () => string | Buffer, count: number): Answer {
  return (response) => {
    response.writeHead(200, head);
    let sent = 0;
    const more = (): void => {
      while (sent < count && !response.destroyed) {
        sent += 1;
        if (!response.write(piece())) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  };
}

/** A list whose pages lead on and on. */
function endless(page: (n: number) => string, cursor: (n: number) => string = String): Answer {
  return (response, url) => {
    const n = Number.parseInt(url.searchParams.get('cursor') ?? '0', 10) + 1;
    response.writeHead(200, { link: `</v1/flows?cursor=${cursor(n)}>; rel="next"` }).end(page(n));
  };
}

const NOISE = randomBytes(MIB);
const PACKED_NOISE = gzipSync(NOISE);
const PACKED_BLANKS = gzipSync(' '.repeat(MIB));

eachOf<[string, Answer]>(
  [
    ['255 MiB of records', list(flows(4_000, { description: 'x'.repeat(65_000) }))],
    ['60 MiB of records', list(flows(900, { description: 'x'.repeat(65_000) }))],
    ['60 MiB of wide records', list(flows(900, { description: `…${'x'.repeat(65_000)}` }))],
    ['60 MiB in one record', list(flows(1, { description: 'x'.repeat(60 * MIB) }))],
    ['23 MiB of wide text in one record', list(flows(1, { description: `…${'x'.repeat(23 * MIB)}` }))],
    ['23 MiB of lines in one record', list(flows(1, { description: 'x\n'.repeat(7 * MIB) }))],
    [
      'as many keys as a record may have',
      list(flows(1, { x: Object.fromEntries(Array.from({ length: 490_000 }, (_, i) => [`k${i}`, i])) })),
    ],
    ['records of as many values as possible', list(flows(32, { x: Array(600_000).fill({}) }))],
    ['255 MiB of blanks', stream({}, () => ' '.repeat(MIB), 255)],
    ['noise that says it is packed', stream({ 'content-encoding': 'gzip' }, () => NOISE, 255)],
    ['packed noise without end', stream({ 'content-encoding': 'gzip' }, () => PACKED_NOISE, Number.POSITIVE_INFINITY)],
    [
      'packed blanks without end',
      stream({ 'content-encoding': 'gzip' }, () => PACKED_BLANKS, Number.POSITIVE_INFINITY),
    ],
    [
      'a megabyte of headers',
      (response) => {
        response.socket?.write(`HTTP/1.1 200 OK\r\n${`x-header: ${'y'.repeat(1_000)}\r\n`.repeat(1_000)}\r\n[]`);
      },
    ],
    [
      'numbers that cannot be stored, deep inside',
      list(
        flows(1, { x: JSON.parse(`${'['.repeat(190)}"N"${']'.repeat(190)}`) as Json }).replace(
          '"N"',
          `${'1e999,'.repeat(480_000)}1`,
        ),
      ),
    ],
    ['a text that is all names of secrets', list(`[${record('secret password: "'.repeat(MIB / 8))}]`)],
    ['as many empty lists as fit', list(`[${'[],'.repeat(20 * MIB)}[]]`)],
    ['very many tiny records', list(`[${'{"_id":"a"},'.repeat(90_000)}{}]`)],
    ['brackets', list('['.repeat(60 * MIB))],
    ['more than may be read', list(' '.repeat(300 * MIB))],
    ['a record of values', list(`[{"_id":"64f0000000000000000a0001","x":[${'{},'.repeat(20 * MIB)}{}]}]`)],
  ],
  { quick: 0, retry: 2 },
)('the daemon answers and stays small while a list is %s', async (_, answer) => {
  const { daemon } = await daemonBefore(answer);

  expect(await longestAnswer(daemon)).toBeLessThan(1_000);
  expect(peakOf(daemon)).toBeLessThan(MOST_MEMORY);
  const began = performance.now();
  // A thread with much memory may take longer to end than the process waits for it.
  expect([0, -1]).toContain(await daemon.stop());
  expect(performance.now() - began).toBeLessThan(GRACE_MS);
});

eachOf<[string, Answer]>(
  [
    [
      'links of 14 KiB',
      endless(
        (n) => `[${flow(n, {})}]`,
        (n) => `${n}x${'y'.repeat(14_000)}`,
      ),
    ],
    [
      'pages of a thousand records',
      endless((n) => `[${Array.from({ length: 1_000 }, (_, i) => flow(n * 1_000 + i, {})).join()}]`),
    ],
    ['one record a page', endless((n) => `[${flow(n, {})}]`)],
  ],
  { quick: 0, retry: 2 },
)('the daemon answers, stays small and stops while a list goes on and on: %s', async (_, answer) => {
  const { daemon } = await daemonBefore(answer);

  expect(await longestAnswer(daemon, 25_000)).toBeLessThan(1_000);
  expect(peakOf(daemon)).toBeLessThan(MOST_MEMORY);
  const began = performance.now();
  await daemon.stop();
  expect(performance.now() - began).toBeLessThan(GRACE_MS + 2_000);
});

it('the daemon stops within its grace period, whatever keeps its run busy', { tags: 'slow' }, async () => {
  let asked = false;
  const busy = list(`[${record('secret password: "'.repeat(3 * MIB))}]`);
  const { daemon, space } = await daemonBefore((response) => {
    asked = true;
    busy(response, new URL('http://x'));
  });
  await until('the answer to be on its way', () => asked);
  const began = performance.now();

  daemon.child.kill('SIGTERM');
  const code = await daemon.ended;

  expect(performance.now() - began).toBeLessThan(GRACE_MS + 2_000);
  // Else the thread did not end in time: the process killed itself, and its lock is that of a dead one.
  if (code === 0) expect(existsSync(join(space.mirror, '.git/celigo-mirror.lock'))).toBe(false);
});

it('the daemon takes many messages on their way for no leak', { tags: 'slow' }, async () => {
  let waiting = 0;
  const hook = await gateway('http://127.0.0.1:9', () => {
    waiting += 1;
    return true;
  });
  const channel = { type: 'webhook', url: hook.url, events: ['failure'] };
  const notifications = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`n${i}`, channel]));
  const settings = { baseUrl: 'http://127.0.0.1:9', token: 'token-of-nobody-1', retries: 0 };
  const space = new Workspace({ prod: settings }, { notifications, daemon: { jitter: '0s' }, schedule: '0 0 1 1 *' });
  const daemon = await startDaemon(space.dir);
  await until('all messages to be on their way', () => waiting >= 12);

  expect(daemon.output()).not.toContain('MaxListenersExceededWarning');
});
