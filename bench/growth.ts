// Whether reading commands take linear time, a first run bounded memory, and a restore no longer than the rate allows.
import { rmSync } from 'node:fs';
import { resourceId } from './account.ts';
import { BURST, type Build, peakOf, RATE, runNode, serve, workspace } from './processes.ts';
import { note } from './rows.ts';
import type { Scale } from './scale.ts';

/** Gives a new folder for an account of this size, and removes it afterwards. */
async function inAccount(size: number, work: (dir: string) => Promise<void>): Promise<void> {
  const server = await serve(size);
  const dir = workspace({ bench: server.url });
  try {
    await work(dir);
  } finally {
    server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

const READING = {
  'lint, CPU': ['lint', '--fail-on', 'never', '--json'],
  'impact, CPU': ['impact', `connections/${resourceId('connections', 0)}`, '--json'],
};

/** CPU time of `lint` and `impact` in a small account and in one eight times as large. The start does not count. */
export async function reading(builds: readonly Build[], scale: Scale): Promise<string[]> {
  for (const factor of [1, 8]) {
    await inAccount((scale.read * factor) / 8, async (dir) => {
      for (const [i, { who, main }] of builds.entries()) {
        if (i === 0) await runNode([main, 'sync'], dir);
        for (let round = 0; round < scale.firstRuns; round++) {
          for (const [name, words] of Object.entries(READING)) {
            const start = await runNode([main, words[0] ?? '', '--help'], dir);
            const spent = (await runNode([main, ...words], dir)).cpuMs - start.cpuMs;
            if (factor === 8) note(name, who, spent);
            else if (who === 'program') note(name, 'floor', spent * 8);
          }
        }
      }
    });
  }
  return [];
}

/** Peak memory of a first run, and of one with a tenth of the resources. */
export async function memory(builds: readonly Build[], scale: Scale): Promise<string[]> {
  for (const { who, main } of builds) {
    const peak = async (size: number, as: typeof who): Promise<void> =>
      inAccount(size, async (dir) => note('first run, memory', as, await peakOf([main, 'sync'], dir)));
    await peak(scale.memory, who);
    if (who === 'program') await peak(scale.memory / 10, 'floor');
  }
  return [];
}

/** Is a restore into an empty account bound by the rate of requests or by the program? */
export async function restoring(builds: readonly Build[], scale: Scale): Promise<string[]> {
  for (const { who, main } of builds) {
    const [from, to] = await Promise.all([serve(scale.restored), serve(0)]);
    const dir = workspace({ bench: from.url, empty: to.url });
    try {
      await runNode([main, 'sync', '--account', 'bench'], dir);
      const words = ['restore', 'all', '--to', 'empty', '--account', 'bench', '--yes', '--json'];
      const { writes, applyMs } = JSON.parse((await runNode([main, ...words], dir)).out) as {
        writes: number;
        applyMs: number;
      };
      note('restoring', who, applyMs);
      if (who === 'program') note('restoring', 'floor', (Math.max(0, writes - BURST) / RATE) * 1000);
    } finally {
      from.stop();
      to.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return [];
}
