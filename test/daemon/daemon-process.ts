import { type ChildProcess, spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { ENV, killGroup, PROGRAM } from '../support/workspace.ts';

/** A daemon in a process of its own. */
export interface DaemonProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Everything it wrote to standard output and error. */
  output(): string;
  /** Lines of its log. */
  log(): Record<string, unknown>[];
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  status(): Promise<DaemonStatus>;
  /** The value of a metric with these labels; `undefined` when it is not there. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
  post(path: string, token?: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number>;
  /** Exit code, or the negative number of the signal that ended it. */
  readonly ended: Promise<number>;
}

export interface AccountStatus {
  readonly state: string;
  readonly ready: boolean;
  readonly running: boolean;
  readonly schedule: string;
  readonly nextRun: string;
  readonly lastSuccess?: string;
  readonly pausedUntil?: string;
  readonly consecutiveFailures: number;
  readonly lastRun?: {
    readonly runId: string;
    readonly verdict: string;
    readonly exitCode: number;
    readonly commits: readonly { id: string; author: string; subject: string }[];
    readonly error?: { readonly code: string; readonly message: string };
  };
}

export interface DaemonStatus {
  readonly configuration: { readonly source: string; readonly problem?: string };
  readonly accounts: Readonly<Record<string, AccountStatus>>;
  readonly notifications: Readonly<Record<string, Json>>;
}

/** Waits until `question` has an answer, asking again and again. @throws Error after `limitMs` */
export async function until<T>(
  what: string,
  question: () => Promise<T | undefined | false> | T | undefined | false,
  limitMs = 120_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await question();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Starts `celigo-mirror daemon` in `cwd` on any free port; ended with the test. */
export async function startDaemon(
  cwd: string,
  flags: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<DaemonProcess> {
  const child = spawn(process.execPath, [PROGRAM, 'daemon', '--listen', '127.0.0.1:0', ...flags], {
    cwd,
    env: { ...ENV, LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: its git processes would outlive it, and write into a folder that is being removed.
    detached: true,
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<number>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? (signal ? -1 : -2)));
  });
  onTestFinished(async () => {
    killGroup(child);
    await ended;
  });
  const url = await until(`the daemon to listen: ${err}`, () => {
    if (child.exitCode !== null) throw new Error(`the daemon ended: ${err}`);
    return /daemon at (http:\S+)/.exec(out)?.[1];
  });
  const get = async (path: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(url + path);
    return { status: answer.status, text: await answer.text() };
  };
  return {
    url,
    child,
    ended,
    output: () => out + err,
    log: () =>
      err
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    get,
    status: async () => JSON.parse((await get('/status')).text) as DaemonStatus,
    async metric(name, labels = {}) {
      const { text } = await get('/metrics');
      for (const line of text.split('\n')) {
        const [, found, inner = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
        if (found !== name) continue;
        const has = Object.entries(labels).every(([key, wanted]) => inner.includes(`${key}="${wanted}"`));
        if (has) return Number(value);
      }
      return undefined;
    },
    async post(path, token) {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const answer = await fetch(url + path, { method: 'POST', headers });
      return { status: answer.status, text: await answer.text() };
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}
