import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { openRunThread } from '../../src/cli/actions/run-thread.ts';
import { loadConfig } from '../../src/config/load.ts';
import { removeOwnLock } from '../../src/mirror/lock.ts';
import { sample } from '../support/account.ts';
import { ENV, git, PROGRAM, Workspace } from '../support/workspace.ts';
import { until } from './daemon-process.ts';

/** A remote that takes connections and never answers. */
async function silentRemote() {
  let open = 0;
  const server = createServer((socket) => {
    open += 1;
    socket.resume();
    socket
      .on('error', () => undefined)
      .on('close', () => {
        open -= 1;
      });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror.git`, open: () => open };
}

it('a thread that is cut off leaves no git process behind, and its lock can be given back', {
  tags: 'slow',
}, async () => {
  const account = await sample();
  const remote = await silentRemote();
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token } },
    { repository: { remote: remote.url } },
  );
  git(space.dir, 'init', '--quiet', space.mirror);
  const lock = join(space.mirror, '.git/celigo-mirror.lock');
  const config = await loadConfig({ file: undefined, env: {}, cwd: space.dir, withoutHere: false });
  const [first] = config.accounts;
  if (!first) throw new Error('no account');
  const start = (): Worker => new Worker(join(PROGRAM, '../run-thread.js'), { env: { ...process.env, ...ENV } });
  const thread = openRunThread(start, new AbortController().signal);
  const options = { full: false, report: () => undefined, signal: new AbortController().signal };
  const run = thread.sync(config, first, options).catch((error: unknown) => error);
  await until('git to reach the remote', () => remote.open() > 0);
  expect(existsSync(lock)).toBe(true);

  expect(await thread.end(10_000)).toBe(true);

  expect(await run).toMatchObject({ message: 'the thread of the run ended' });
  await until('git to end', () => remote.open() === 0);
  removeOwnLock(join(space.mirror, '.git'));
  expect(existsSync(lock)).toBe(false);
});
