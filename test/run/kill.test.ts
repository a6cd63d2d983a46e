import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample } from '../support/account.ts';
import { random } from '../support/random.ts';
import { start, Workspace } from '../support/workspace.ts';
import { onceWriting } from '../support/writing.ts';

/** Until so many milliseconds after a run begins to write objects. */
function writing(mirror: string, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const { stop } = onceWriting(mirror, ms, () => {
      resolve();
      return true;
    });
    onTestFinished(() => void stop());
  });
}

async function killed(rounds: number): Promise<void> {
  const account = await sample();
  const settings = { prod: { baseUrl: account.url, token: account.owner.token } };
  const space = new Workspace(settings);
  const flows = (sampleAccount().resources.flows ?? []).filter((doc) => !doc._connectorId);
  const next = random(7);

  // How long whole runs take here and now decides where the kills fall.
  const began = performance.now();
  expect((await start(['sync'], space.dir).done).code).toBe(0);
  let whole = performance.now() - began;
  let kills = 0;
  for (let round = 0; round < rounds; round++) {
    const flow = flows[round % flows.length];
    await account.update(account.owner, 'flows', String(flow?._id), (doc) => ({
      ...doc,
      description: `round ${round}`,
      name: `Flow ${round}`,
    }));
    const started = performance.now();
    const run = start(['sync'], space.dir);
    // The moment of the kill is the subject of the test, not a way to wait for something.
    const moment = next();
    if (round % 2 === 0) await Promise.race([wait(moment * whole), run.done]);
    else await Promise.race([writing(space.mirror, moment * 20), run.done]);
    run.kill('SIGKILL');
    if ((await run.done).code === 0) whole = performance.now() - started;
    else {
      kills += 1;
      whole *= 1.05;
    }
  }

  const report = await space.sync();
  expect(report.code).toBe(0);
  expect(kills).toBeGreaterThan(rounds / 3);
  expect(space.git('fsck', '--strict', '--no-dangling').trim()).toBe('');
  expect(space.git('status', '--porcelain')).toBe('');
  expect((await space.run('verify')).code).toBe(0);
  const fresh = new Workspace(settings);
  await fresh.sync();
  expect(space.contents()).toEqual(fresh.contents());
  expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
}

it('a run killed at any moment, 5 times, is made good by the next one', { tags: 'slow' }, () => killed(5));

/** `SYNC_KILLS=50` is the long form. */
const KILLS = Number(process.env.SYNC_KILLS ?? 15);

it(`a run killed at any moment, ${KILLS} times, is made good by the next one`, { tags: 'slow' }, () => killed(KILLS));
