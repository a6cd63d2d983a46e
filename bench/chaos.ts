// Breaks the mirror on purpose, many times, and checks what must hold: npm run chaos -- --rounds 1000 --seed 1
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chaos } from '../test/chaos/engine.ts';
import { restores } from '../test/chaos/restores.ts';
import { syncs } from '../test/chaos/syncs.ts';
import { undos } from '../test/chaos/undos.ts';

const SCENARIOS = { sync: syncs, restore: restores, undo: undos };

const { values } = parseArgs({
  options: {
    what: { type: 'string', default: 'sync' },
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    world: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '4' },
    keep: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const { what, seed } = values;
const scenario = SCENARIOS[what as keyof typeof SCENARIOS];
if (!scenario) throw new Error(`--what must be one of ${Object.keys(SCENARIOS).join(', ')}`);
const started = performance.now();
const result = await chaos(scenario, {
  rounds: Number(values.rounds),
  seed: Number(seed),
  program: join(import.meta.dirname, '..', 'dist', 'main.js'),
  firstWorld: Number(values.world),
  jobs: Number(values.jobs),
  keep: values.keep,
  onRound: (line) => {
    if (values.verbose || line.includes('VIOLATION')) process.stdout.write(`${line}\n`);
  },
});
const total = [...result.faults.values()].reduce((sum, count) => sum + count, 0);
const { rounds, runs, edits, violations } = result;
const seconds = Math.round((performance.now() - started) / 1000);
process.stdout.write(
  `\n${what}, seed ${seed}: ${rounds} rounds, ${runs} runs, ${edits} edits, ${total} faults, ` +
    `${violations.length} violations, ${seconds} s\n\n`,
);
for (const [kind, count] of [...result.faults].sort((a, b) => b[1] - a[1]))
  process.stdout.write(`| ${kind} | ${count} |\n`);
process.stdout.write(
  `\nruns under faults ended with: ${[...result.codes].map(([code, count]) => `${code} (${count})`).join(', ')}\n`,
);
for (const { world, round, problem, faults } of violations) {
  const again = `--what ${what} --seed ${seed} --world ${world} --rounds ${round + 1}`;
  process.stdout.write(
    `\nVIOLATION in world ${world}, round ${round} (${again})\n  faults: ${faults.join(', ')}\n  ${problem}\n`,
  );
}
process.exitCode = violations.length > 0 ? 1 : 0;
