import { readdirSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../daemon/daemon-process.ts';
import { sample } from '../support/account.ts';
import { gateway } from '../support/gateway.ts';
import { gitOverHttp } from '../support/git-http.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, Workspace } from '../support/workspace.ts';

const LIMIT_S = 1;
/** For a remote that also works: an exchange with it must not meet the limit, however busy the machine is. */
const ENOUGH_S = 15;
/** What a busy machine adds. */
const MOST_MS = 60_000;
const PASSWORD = 'pass-word-17';

async function listening(server: Server, scheme: string): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/mirror.git`;
}

function again(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 200);
  socket.on('close', () => clearInterval(timer));
}

function overGit(speak: (socket: Socket) => void): Promise<string> {
  return listening(createServer(speak), 'git');
}

function overHttp(answer: (response: ServerResponse, socket: Socket) => void): Promise<string> {
  const server = createHttpServer((request, response) => answer(response, request.socket));
  return listening(server, 'http');
}

/** Processes of this machine that have a text among their arguments. */
function processesWith(text: string): string[] {
  const commands = readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [readFileSync(`/proc/${name}/cmdline`, 'utf8')] : [];
    } catch {
      return [];
    }
  });
  return commands.filter((command) => command.includes(text));
}

const CAPABILITY = '000aagent\n';

const REMOTES: [string, () => Promise<string>][] = [
  ['git:// that says nothing', () => overGit(() => undefined)],
  [
    'HTTP that drips a list',
    () =>
      overHttp((response, socket) => {
        response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
        response.write('001e# service=git-upload-pack\n0000000eversion 2\n');
        const timer = setInterval(() => response.write(CAPABILITY), 200);
        socket.on('close', () => clearInterval(timer));
      }),
  ],
  [
    'git:// that drips',
    () =>
      overGit((socket) => {
        socket.write('000eversion 2\n');
        again(socket, CAPABILITY);
      }),
  ],
  ['HTTP that says nothing', () => overHttp(() => undefined)],
  ['HTTP that drips a head', () => overHttp((_, socket) => again(socket, 'HTTP/1.1 100 Continue\r\n\r\n'))],
];

async function mirrorOf(remote: string, more: Record<string, string> = {}) {
  const account = await sample();
  const settings = { baseUrl: account.url, token: account.owner.token, include: ['tags'] };
  const space = new Workspace({ prod: settings }, { repository: { remote, remoteTimeout: `${LIMIT_S}s`, ...more } });
  return { account, space };
}

describe('a remote over', () => {
  eachOf(REMOTES, { quick: 0 })('%s counts as unreachable in a bounded time, and is named', async (_, start) => {
    const remote = await start();
    const { space } = await mirrorOf(remote);
    const said =
      `the remote ${remote} gave no complete answer within ${LIMIT_S} s; see whether it works and can be reached, ` +
      'or raise repository.remoteTimeout if it is only slow';
    for (const command of ['sync', 'doctor']) {
      const began = performance.now();
      const { code, out, err } = await space.run(command);
      expect(code).not.toBe(0);
      expect(out + err).toContain(said);
      expect(out + err).not.toContain('internal error');
      expect(performance.now() - began).toBeLessThan(MOST_MS);
    }
    await until('the processes to end', () => processesWith(remote).length === 0);
  });
});

describe('a remote that hangs', { tags: 'slow' }, () => {
  it.each([
    ['in a push', 'git-receive-pack'],
    ['in a fetch', 'git-upload-pack'],
  ])('%s leaves the commits in the clone, and gets them once it works', async (_, service) => {
    let hangs = false;
    const server = await gitOverHttp(bareRemote(), 'mirror-bot', PASSWORD);
    const before = await gateway(server.url, ({ url }) => hangs && url.includes(service));
    const remote = `${before.url}${new URL(server.url).pathname}`;
    const limit = { remoteTimeout: `${ENOUGH_S}s` };
    const { account, space } = await mirrorOf(remote, { username: 'mirror-bot', token: PASSWORD, ...limit });
    expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
    const tag = String(account.emulator.state.all('tags')[0]?._id);
    account.emulator.act(account.owner.token).set('tags', tag, { tag: 'other' });
    hangs = true;

    const report = await space.sync();
    const { remote: state } = report;
    expect(report).toMatchObject({ code: 3, verdict: 'partial', remote: { state: 'behind' } });
    expect(JSON.stringify(state)).toContain(`the remote ${remote} gave no complete answer within ${ENOUGH_S} s`);
    expect(JSON.stringify(report)).not.toContain(PASSWORD);
    expect((await space.run('verify')).code).toBe(0);
    hangs = false;
    expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
  });
});
