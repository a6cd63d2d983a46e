import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { random } from '../support/random.ts';
import { type Outcome, type Running, start } from '../support/workspace.ts';
import { heldBy, type Scene, scene } from './drill-scene.ts';
import { expectCode, said } from './support.ts';

const KILLS = Number(process.env.DRILL_KILLS ?? 20);
const INTO = ['drill', '--into', 'lab'] as const;
const RESUME = [...INTO, '--resume'] as const;

/** The outcome of a process; one that never ends is ended, and the test fails. */
async function ended(run: Running): Promise<Outcome> {
  const late = wait(120_000, undefined, { ref: false }).then(() => {
    run.kill('SIGKILL');
    throw new Error('the program does not come to its end');
  });
  return Promise.race([run.done, late]);
}

/** Kills the process just as its n-th write arrives: that takes effect, and no one hears of it. */
async function killAtWrite({ lab }: Scene, run: Running, nth: number, seen: () => void): Promise<Outcome> {
  let left = nth;
  lab.emulator.beforeWrite = async () => {
    seen();
    left -= 1;
    if (left !== 0) return;
    run.kill('SIGKILL');
    await run.done;
  };
  const outcome = await ended(run);
  lab.emulator.beforeWrite = undefined;
  return outcome;
}

it(`a drill into a real account killed ${KILLS} times is finished by --resume, and leaves the account empty`, {
  tags: 'slow',
  timeout: 1_200_000,
}, async () => {
  const all = await scene({}, { requestsPerSecond: 150 });
  const { lab, space } = all;
  const next = random(18);
  const began = performance.now();
  const undisturbed = await ended(start([...INTO, '--json'], space.dir));
  const whole = performance.now() - began;
  expectCode(undisturbed, 0);
  const { restored } = JSON.parse(undisturbed.out) as { restored: number };
  const writes = lab.emulator.requests.filter(({ method }) => method !== 'GET').length;
  const head = space.git('rev-parse', 'HEAD');
  expect(heldBy(lab)).toEqual([]);

  /** Nothing was ever there twice. */
  const noTwice = (): void => {
    const names = heldBy(lab);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  };
  const check = (outcome: Outcome): void => {
    expectCode(outcome, 0);
    expect(JSON.parse(outcome.out)).toMatchObject({ restored, unexplained: [], cleanUp: { left: [] } });
    expect(heldBy(lab)).toEqual([]);
    expect(space.git('rev-parse', 'HEAD')).toBe(head);
    expect(space.git('status', '--porcelain', '--ignored')).toBe('');
  };

  let killed = 0;
  let finished = 0;
  let resuming = false;
  for (let round = 0; killed < KILLS; round++) {
    expect(round, 'kills hardly ever meet a running drill').toBeLessThan(KILLS * 4);
    const run = start([...(resuming ? RESUME : INTO), '--json'], space.dir);
    let outcome: Outcome;
    if (round % 2 === 0) {
      // The whole of it, its end more often than chance has it: what is deleted last is the hardest.
      const share = round % 4 === 0 ? next() : 0.4 + 0.6 * next();
      outcome = await killAtWrite(all, run, 1 + Math.floor(share * (resuming ? writes / 2 : writes)), noTwice);
    } else {
      await Promise.race([wait(next() * whole), run.done]);
      run.kill('SIGKILL');
      outcome = await run.done;
    }
    noTwice();
    if (outcome.code === -1) {
      killed += 1;
      resuming = true;
    } else if (resuming && outcome.code === 64) {
      // Killed before there was anything to resume, or after everything: the account is empty.
      expect(said(outcome)).toMatch(/no drill into lab was interrupted/);
      expect(heldBy(lab)).toEqual([]);
      resuming = false;
    } else {
      check(outcome);
      finished += 1;
      resuming = false;
    }
  }
  let last = await ended(start([...(resuming ? RESUME : INTO), '--json'], space.dir));
  if (resuming && last.code === 64) {
    expect(heldBy(lab)).toEqual([]);
    last = await ended(start([...INTO, '--json'], space.dir));
  }
  check(last);
  expect(killed).toBe(KILLS);
  expect(finished).toBeLessThan(KILLS);
});

it('a drill that was killed refuses another one, and names how to finish it', { tags: 'slow' }, async () => {
  const all = await scene();
  const { lab, space } = all;
  expect((await killAtWrite(all, start(INTO, space.dir), 5, () => undefined)).code).toBe(-1);
  const held = heldBy(lab);
  expect(held.length).toBeGreaterThan(2);

  const second = await space.run(...INTO);

  expectCode(second, 4);
  expect(said(second)).toContain('celigo-mirror drill --into lab --resume');
  expect(heldBy(lab)).toEqual(held);
  expectCode(await space.run(...RESUME), 0);
  expect(heldBy(lab)).toEqual([]);
});
