// Measures the program against its floors and the shell loop, and perhaps against another build: bench/README.md.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { comparing } from './comparing.ts';
import { memory, reading, restoring } from './growth.ts';
import { type Build, here, work } from './processes.ts';
import { reports } from './reports.ts';
import { comparison, table } from './rows.ts';
import { FULL, QUICK, type Scale } from './scale.ts';
import { speed } from './speed.ts';

const PARTS = { speed, reading, comparing, restoring, memory, reports };
const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(PARTS).join() },
    rounds: { type: 'string' },
    /** Resources of the account whose runs are timed. */
    size: { type: 'string' },
    /** Another built program (its dist/main.js), measured in turn with this one. */
    program: { type: 'string' },
  },
});

/** What was measured, on which machine, when. */
function heading(scale: Scale): string[] {
  const git = execFileSync('git', ['--version'], { encoding: 'utf8' }).trim();
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores`;
  const day = new Date().toISOString().slice(0, 10);
  const counts = {
    'runs of': scale.size,
    'memory of': scale.memory,
    'lint, impact in': scale.read,
    'compare, restore of': scale.restored,
    'reports of': scale.commits * 200,
  };
  const sizes = Object.entries(counts).map(([what, count]) => `${what} ${count.toLocaleString('en')}`);
  return [
    ...[`### ${machine}`, '', `Node ${process.version}, ${git}, ${day}`, ''],
    ...[`Resources: ${sizes.join(', ')} changes.`, ''],
  ];
}

const given = flags.quick ? QUICK : FULL;
const scale: Scale = { ...given, size: Number(flags.size ?? given.size), rounds: Number(flags.rounds ?? given.rounds) };
const builds: Build[] = [
  { who: 'program', main: here('../dist/main.js') },
  ...(flags.program === undefined ? [] : [{ who: 'other', main: resolve(flags.program) } as const]),
];
try {
  const remarks: string[] = [];
  for (const name of flags.only.split(',')) {
    const part = PARTS[name as keyof typeof PARTS];
    if (!part) throw new Error(`--only must name some of ${Object.keys(PARTS).join(', ')}`);
    remarks.push(...(await part(builds, scale)));
  }
  const parts = [heading(scale), table(), ...remarks.map((text) => ['', text])];
  if (builds.length > 1) parts.push(['', ...comparison()]);
  process.stdout.write(`${parts.flat().join('\n')}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
