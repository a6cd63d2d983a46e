// Starts what is measured: processes with their time and CPU time, emulated accounts, folders to work in.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Who } from './rows.ts';

/** A file beside the built measurements. */
export const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Requests a second that every client is allowed, and how many more it may send at once (`rateLimit.burst`). */
export const RATE = 300;
export const BURST = 300;

/** Removed at the end. */
export const work = mkdtempSync(join(tmpdir(), 'celigo-mirror-bench-'));
const env = { PATH: process.env.PATH, HOME: work, GIT_CONFIG_NOSYSTEM: '1', LOG_LEVEL: 'silent', TOKEN: 'bench-token' };

/** A build of the program. */
export interface Build {
  readonly who: Who;
  readonly main: string;
}

/** What a process took, with the processes that it started and waited for. */
interface Spent {
  readonly ms: number;
  readonly cpuMs: number;
  readonly out: string;
}

/** `times` of bash: user and system time of the shell, then of what it waited for. */
function cpuOf(times: string): number {
  const spent = (times.trim().split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g);
  return [...spent].reduce((sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000, 0);
}

/** Runs a command to its end. @throws Error when it fails */
export function run(command: readonly string[], cwd = work, more: Record<string, string> = {}): Promise<Spent> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn('bash', ['-c', '"$@"; code=$?; times >&3; exit $code', 'bash', ...command], {
      cwd,
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const texts = ['', '', '', ''];
    for (const at of [1, 2, 3]) {
      child.stdio[at]?.on('data', (chunk: Buffer) => {
        texts[at] += chunk.toString();
      });
    }
    child.on('close', (code) => {
      const ms = performance.now() - started;
      const [, out = '', said = '', times = ''] = texts;
      if (code === 0) resolve({ ms, cpuMs: cpuOf(times), out });
      else reject(new Error(`${command.join(' ')} ended with ${code}\n${said}`));
    });
  });
}

/** Runs a script of Node to its end. */
export function runNode(args: readonly string[], cwd = work): Promise<Spent> {
  return run([process.execPath, ...args], cwd);
}

/** Peak memory of a script of Node, in MiB. */
export async function peakOf(args: readonly string[], cwd: string): Promise<number> {
  const file = join(work, 'peak');
  rmSync(file, { force: true });
  await run([process.execPath, '--import', here('peak.js'), ...args], cwd, { BENCH_PEAK_FILE: file });
  return Number(readFileSync(file, 'utf8')) / 2 ** 20;
}

/** Git in a folder, as a user who set nothing has it. */
export function git(cwd: string, ...args: readonly string[]): void {
  const settings = ['user.name=b', 'user.email=b@x', 'gc.auto=0'].flatMap((setting) => ['-c', setting]);
  execFileSync('git', [...settings, ...args], { cwd, env, stdio: 'ignore' });
}

/** Waits until the disk holds all that was written, so that nobody pays for what another one wrote. */
export function settle(): void {
  execFileSync('sync');
}

interface Served {
  readonly url: string;
  readonly stop: () => void;
}

/** An emulated account with this many resources, in a process of its own. */
export async function serve(size: number): Promise<Served> {
  const child = spawn(process.execPath, [here('serve.js'), String(size)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve) =>
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())),
  );
  return { url, stop: () => child.kill('SIGTERM') };
}

/** A folder with a configuration of its own for these accounts (name → address); the mirror goes below it. */
export function workspace(accounts: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(work, 'w-'));
  const entries = Object.entries(accounts).map(
    ([name, url]) =>
      `${name}: { baseUrl: "${url}", token: bench-token, rateLimit: { perSecond: ${RATE}, burst: ${BURST} } }`,
  );
  writeFileSync(join(dir, 'celigo-mirror.yaml'), `repository: { path: mirror }\naccounts: { ${entries.join(', ')} }\n`);
  return dir;
}
