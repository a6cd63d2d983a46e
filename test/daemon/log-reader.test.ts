import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { ENV, killGroup, PROGRAM, Workspace } from '../support/workspace.ts';
import { type DaemonStatus, until } from './daemon-process.ts';

const FLOW = String(sampleAccount().resources.flows?.find((flow) => !flow._connectorId)?._id);

eachOf<['shut' | 'full', string]>(
  [
    ['shut', 'write EPIPE'],
    ['full', 'no space left'],
  ],
  { quick: 0 },
)('daemon-log-reader-gone: it goes on mirroring with logs that are %s, and says so', async (fate, reason) => {
  const account = await sample();
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
    { schedule: '* * * * * *' },
  );
  const full = openSync('/dev/full', 'w');
  const daemon = spawn(process.execPath, [PROGRAM, 'daemon', '--listen', '127.0.0.1:0'], {
    cwd: space.dir,
    env: { ...ENV, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', fate === 'full' ? full : 'pipe'],
    detached: true,
  });
  closeSync(full);
  const ended = new Promise<number>((resolve) => daemon.on('close', (code) => resolve(code ?? -1)));
  onTestFinished(async () => {
    killGroup(daemon);
    await ended;
  });
  let out = '';
  daemon.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const url = await until('the daemon to listen', () => /daemon at (http:\S+)/.exec(out)?.[1]);
  daemon.stdout?.destroy();
  daemon.stderr?.destroy();
  const commits = async (): Promise<number> => {
    const { accounts } = JSON.parse(await (await fetch(`${url}/status`)).text()) as DaemonStatus;
    return accounts.prod?.lastRun?.commits.length ?? 0;
  };
  await until('the first run', async () => (await commits()) > 0);

  for (const [nth, description] of ['one', 'two'].entries()) {
    account.emulator.act(account.owner.email).set('flows', FLOW, { description });
    await until('the commit', () => space.log().length === nth + 2);
  }

  expect(await (await fetch(`${url}/status`)).json()).toMatchObject({ logFailure: expect.stringContaining(reason) });
  daemon.kill('SIGTERM');
  expect(await ended).toBe(0);
});
