import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { simpleGit } from 'simple-git';
import { endProcesses } from './end-processes.ts';
import { failureOf } from './failure.ts';

/** How a git process is started. */
export interface Setup {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** `key=value`, as for `-c`. */
  readonly settings: readonly string[];
  /** When it is aborted, its reason is that of every failure. */
  readonly signal: AbortSignal;
}

/** A git command at work. */
export interface GitProcess {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Ends with the command. Rejects with a GitFailure when it exits with another code than 0. */
  readonly done: Promise<void>;
  readonly kill: () => void;
}

/** What a remote may have printed, and what is kept of what is said of it. Characters. */
const LONGEST = 2 ** 26;
/** What is kept of what any other command says. Characters. */
const LONGEST_SAID = 10_000;
/** What is left of the output of a command that has ended, arrives within this time. Milliseconds. */
const DRAIN_MS = 500;

/** The command itself: settings may come before it. */
function commandOf(args: readonly string[]): string {
  return args.find((word, i) => word !== '-c' && args[i - 1] !== '-c') ?? '';
}

/** @throws AppError for a git that cannot be started */
async function launch(
  { cwd, env, settings, signal }: Setup,
  args: readonly string[],
  mostSaid: number,
): Promise<{ readonly child: ChildProcessWithoutNullStreams; readonly done: Promise<void> }> {
  const words = settings.flatMap((setting) => ['-c', setting]);
  const failure = (cause: unknown): unknown => failureOf(commandOf(args), cause, signal);
  let child: ChildProcessWithoutNullStreams;
  try {
    child = spawn('git', [...words, ...args], { cwd, env, stdio: 'pipe' });
    await once(child, 'spawn');
  } catch (cause) {
    throw failure(cause);
  }
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-mostSaid);
  });
  // A signal that could not be sent, say: how the command ends says enough, and without a listener all would end.
  child.on('error', () => undefined);
  // What the command left unread is what its exit code says.
  child.stdin.on('error', () => undefined);
  const done = new Promise<void>((resolve, reject) => {
    child.on('close', (code, by) =>
      code === 0 ? resolve() : reject(failure(new Error(said.trim() || `ended with ${by ?? `exit code ${code}`}`))),
    );
  });
  done.catch(() => undefined);
  return { child, done };
}

/** Starts a command that is fed, and read, while it works. @throws AppError for a git that cannot be started */
export async function startProcess(setup: Setup, args: readonly string[]): Promise<GitProcess> {
  const { child, done } = await launch(setup, args, LONGEST_SAID);
  const { pid, stdin, stdout } = child;
  return { pid, stdin, stdout, done, kill: () => void child.kill('SIGKILL') };
}

/** What simple-git refuses unless asked for; all of it is set by this program, on purpose. */
const UNSAFE = {
  allowUnsafeAskPass: true,
  allowUnsafeSshCommand: true,
  allowUnsafeHooksPath: true,
  allowUnsafeTemplateDir: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeGpgProgram: true,
  // What takes the place of programs that a configuration names.
  allowUnsafeCredentialHelper: true,
  allowUnsafeEditor: true,
  allowUnsafeFilter: true,
  allowUnsafeGitProxy: true,
  allowUnsafeMergeDriver: true,
  allowUnsafePack: true,
};

/** Runs a command, whatever becomes of the signal. @returns what it printed @throws GitFailure, AppError */
export async function runToEnd(setup: Setup, args: readonly string[], input?: string): Promise<string> {
  const { cwd, env, settings, signal } = setup;
  try {
    const git = simpleGit({
      baseDir: cwd,
      config: [...settings],
      // By itself the library returns what arrived within 50 ms of a command's end: on a busy machine, a part of it.
      completion: { onClose: true, onExit: false },
      // By itself the library takes a failure without words (`--quiet`, `--is-ancestor`) for a success.
      errors: (error, { exitCode, stdErr }) => {
        if (exitCode === 0) return undefined;
        return stdErr.length > 0 ? Buffer.concat(stdErr) : (error ?? new Error(`ended with exit code ${exitCode}`));
      },
      allowEnvironment: Object.keys(env),
      ...(input === undefined ? {} : { input: () => input }),
      unsafe: UNSAFE,
    });
    return await git.env({ ...env }).raw([...args]);
  } catch (cause) {
    throw failureOf(commandOf(args), cause, signal);
  }
}

/**
 * Runs a command that ends with all that it started as soon as the signal does, and not later than programs that it
 * leaves behind, which may hold its output open (an SSH connection that is kept).
 * @throws GitFailure, AppError, or the reason of the signal
 */
export async function runStoppable(setup: Setup, args: readonly string[]): Promise<string> {
  const { signal } = setup;
  const { child, done } = await launch(setup, args, LONGEST);
  child.stdin.end();
  const leave = (): void => {
    child.stdout.destroy();
    child.stderr.destroy();
  };
  child.on('exit', () => setTimeout(leave, DRAIN_MS).unref());
  return new Promise((resolve, reject) => {
    let out = '';
    const stop = (cause: unknown): void => {
      if (child.pid !== undefined && child.exitCode === null) endProcesses(new Set([child.pid]));
      leave();
      reject(failureOf(commandOf(args), cause, signal));
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.length > LONGEST) stop(new Error('the remote answers more than any repository has'));
    });
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop(signal.reason);
    done.finally(() => signal.removeEventListener('abort', stop)).then(() => resolve(out), reject);
  });
}
