import { AppError } from '../../core/errors.ts';
import { endProcesses } from '../../git/end-processes.ts';
import type { StartProcess } from '../ui/io.ts';

/** How long a process may take to end after SIGTERM, in milliseconds. */
const ENDS_MS = 2_000;
/** What is kept of its errors. Characters. */
const LONGEST_ERROR = 2_000;

/** How a process of this program ended. */
export interface ProcessEnded {
  /** `null`: it was killed. */
  readonly code: number | null;
  readonly out: string;
  /** The end of what it wrote to standard error. */
  readonly said: string;
}

interface ProcessOptions {
  /** Further variables of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends it, and the processes below it. */
  readonly signal: AbortSignal;
  /** What it is, for messages: `the drill`. */
  readonly what: string;
  /** Characters that it may write to standard output; one that writes more is ended. */
  readonly longest?: number;
}

/**
 * Runs this program with other arguments, in a process group of its own, to its end.
 * @throws the reason of the signal, once the process has ended; AppError `REPOSITORY` where it cannot be started, or
 * writes too much
 */
export function runProcess(
  start: StartProcess,
  args: readonly string[],
  options: ProcessOptions,
): Promise<ProcessEnded> {
  const { env, what, longest = Number.POSITIVE_INFINITY } = options;
  return new Promise((resolve, reject) => {
    options.signal.throwIfAborted();
    const child = start(args, env);
    const full = new AbortController();
    const signal = AbortSignal.any([options.signal, full.signal]);
    let [out, said] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (out.length + text.length <= longest) out += text;
      else full.abort(new AppError('REPOSITORY', `${what} is too large: more than ${longest} characters`));
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-LONGEST_ERROR);
    });
    let killing: NodeJS.Timeout | undefined;
    const stop = (): void => {
      if (child.pid === undefined) return;
      endProcesses(new Set([child.pid]));
      killing = setTimeout(() => {
        try {
          process.kill(-(child.pid ?? 0), 'SIGKILL');
        } catch {
          // It has ended by itself.
        }
      }, ENDS_MS);
    };
    const leave = (): void => {
      clearTimeout(killing);
      signal.removeEventListener('abort', stop);
    };
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', (cause) => {
      leave();
      reject(new AppError('REPOSITORY', `${what} cannot be started: ${cause.message}`, { cause }));
    });
    child.once('close', (code) => {
      leave();
      if (signal.aborted) reject(signal.reason);
      else resolve({ code, out, said });
    });
  });
}
