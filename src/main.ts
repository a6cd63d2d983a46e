#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { runCli } from './cli/program.ts';
import { openOutput } from './cli/ui/outputs.ts';
import { VERSION } from './version.ts';

const stop = new AbortController();
setMaxListeners(0, stop.signal);
let signals = 0;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    signals += 1;
    // The first signal lets the command clean up, a second one does not wait for it.
    if (signals > 1) process.exit(name === 'SIGINT' ? 130 : 143);
    stop.abort(new Error(`stopped by ${name}`));
  });
}

const out = openOutput(process.stdout, { log: false });
const err = openOutput(process.stderr, { log: true });

/** Asks one question on the terminal; a signal answers it with an empty text. */
async function ask(question: string): Promise<string> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await prompt.question(question, { signal: stop.signal });
  } catch {
    return '';
  } finally {
    prompt.close();
  }
}

process.exitCode = await runCli(
  process.argv.slice(2),
  {
    out: out.write,
    err: err.write,
    async lost() {
      await out.arrived();
      const failure = out.failure();
      // A reader that went away, such as `head`, has what it wanted.
      return failure?.code === 'EPIPE' ? undefined : failure;
    },
    logFailure: err.failure,
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    ...(process.stdin.isTTY === true && process.stderr.isTTY === true ? { ask } : {}),
    env: process.env,
    cwd: process.cwd(),
    now: () => new Date(),
    signal: stop.signal,
    onHangup: (listener) => {
      process.on('SIGHUP', listener);
      return () => process.off('SIGHUP', listener);
    },
    startProcess: (args, more) =>
      spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...args], {
        env: { ...process.env, ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      }),
    // With half of the usual room for what is young: the largest answer fits into 512 MiB with all else.
    runThread: () =>
      new Worker(new URL('./run-thread.js', import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: 24 } }),
    leave: (code) => (code === 'killed' ? void process.kill(process.pid, 'SIGKILL') : process.exit(code)),
  },
  VERSION,
);
// What a stopped command leaves behind, such as a push that hangs, must not keep the process alive.
if (stop.signal.aborted) process.exit();
