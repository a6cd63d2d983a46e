// How long a report of 10,000 changes takes, compared with `git log` of the same history. `npm run bench:report`
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manyChanges, writeHistory } from '../test/support/history.ts';

const PROGRAM = join(import.meta.dirname, '..', 'dist', 'main.js');
const dir = mkdtempSync(join(tmpdir(), 'celigo-mirror-bench-'));

/** The middle of three runs, in milliseconds. */
function time(file: string, args: readonly string[]): number {
  const times = [0, 1, 2].map(() => {
    const start = performance.now();
    execFileSync(file, args, { cwd: dir, stdio: ['ignore', 'ignore', 'ignore'], maxBuffer: 1 << 30 });
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[1] ?? 0;
}

try {
  writeHistory(dir, 'prod', manyChanges(50, 200));
  const git = time('git', ['log', '-p', '--first-parent']);
  process.stdout.write(`git log -p           ${Math.round(git)} ms\n`);
  for (const args of [
    ['log', '--json'],
    ['log', '--patch', '--json'],
    ...['html', 'md', 'csv', 'json'].map((f) => ['report', '-o', `r.${f}`]),
  ]) {
    const ms = time(process.execPath, [PROGRAM, ...args, '--mirror', dir, '--account', 'prod']);
    const size = args[0] === 'report' ? `, ${(statSync(join(dir, args[2] ?? '')).size / 1e6).toFixed(1)} MB` : '';
    process.stdout.write(
      `${args.join(' ').padEnd(20)} ${Math.round(ms)} ms, ${(ms / git).toFixed(1)} times git${size}\n`,
    );
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
