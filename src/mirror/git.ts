import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { type SimpleGit, simpleGit } from 'simple-git';
import { environmentOf, remoteEnvironment, remoteSettings } from './git-environment.ts';
import { exchangeIn, isExchange, type Shared, sharedOf, withinLimit } from './git-exchange.ts';
import { failureOf, GitFailure } from './git-failure.ts';
import { type Screen, screenPrograms } from './git-programs.ts';
import { type GitSettings, readSettings, settingsOf } from './git-settings.ts';
import { endProcesses } from './processes.ts';

export { GitFailure, isGitFailure, isTidiedAway } from './git-failure.ts';
export type { GitSettings } from './git-settings.ts';

/**
 * Whether a command runs no program of the configuration: it changes nothing and reads neither files, objects nor
 * remotes.
 */
function isHarmless([command, ...rest]: readonly string[]): boolean {
  return (
    command === '--version' ||
    command === 'config' ||
    (command === 'rev-parse' &&
      rest.every((word) => /^--(?:is|show|absolute|git)-|^(?:objects|shallow|refs|packed-refs|reftable)$/.test(word)))
  );
}

interface GitOptions {
  /** Working directory; must exist. */
  readonly cwd: string;
  readonly config: GitSettings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** What one git command gets besides its arguments. */
export interface GitCall {
  /** Standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The command ends at once when the run is stopped, as one that talks to a remote always does. */
  readonly stoppable?: boolean;
}

/** An object of the repository. */
export interface GitObject {
  readonly id: string;
  readonly bytes: Buffer;
}

/** Cuts the output of `cat-file --batch` (`<id> <type> <size>`, then the bytes) into its objects. */
function splitBatch(bytes: Buffer, names: readonly string[]): readonly (GitObject | undefined)[] {
  let at = 0;
  return names.map((name) => {
    const end = bytes.indexOf(0x0a, at);
    const head = bytes.toString('utf8', at, end);
    at = end + 1;
    if (end >= 0 && head === `${name} missing`) return undefined;
    const [id = '', , size = ''] = head.split(' ');
    if (end < 0 || !/^\d+$/.test(size)) throw new GitFailure('cat-file', `${name} cannot be read (${head})`, undefined);
    at += Number(size) + 1;
    return { id, bytes: bytes.subarray(end + 1, at - 1) };
  });
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

/** What is kept of the words of a command that fails, in characters. */
const LONGEST_STDERR = 10_000;

/** Runs git in one clone. */
export interface Git {
  /**
   * Standard output of a command, as it came.
   * @throws GitFailure when it exits with another code than 0; AppError `REPOSITORY` for a git too old to sign
   */
  run(args: readonly string[], call?: GitCall): Promise<string>;
  /** As `run`, but `undefined` when the command fails: for questions whose answer may be "no". */
  ask(args: readonly string[]): Promise<string | undefined>;
  /** Starts a command that is fed while it works, or whose end is to be heard of at once. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<GitProcess>;
  /** The objects of these names, in order, by one process; `undefined` for one that is not there. @throws GitFailure */
  find(names: readonly string[]): Promise<readonly (GitObject | undefined)[]>;
  /** The objects with these ids, in their order, by one process. @throws GitFailure when one of them is missing */
  objects(ids: readonly string[]): Promise<readonly Buffer[]>;
}

/** What `simple-git` refuses unless asked for; all of it is set by this file. */
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

/** How git processes of one clone are started. */
interface Setup {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly settings: readonly string[];
  /** Settings that count last. */
  readonly last: readonly string[];
  readonly signal: AbortSignal;
}

function setupOf({ cwd, config, env, signal }: GitOptions): Setup {
  return { cwd, signal, env: environmentOf(config, env), settings: settingsOf(config, cwd), last: [] };
}

/** Of commands that reach the remote: they alone get what they need for that. */
function reaching(setup: Setup, { config, env }: GitOptions): Setup {
  return { ...setup, env: { ...setup.env, ...remoteEnvironment(config, env) }, last: remoteSettings(config) };
}

function instanceOf(setup: Setup, call: GitCall, screen: Screen | undefined): SimpleGit {
  const env = { ...setup.env, ...call.env };
  return simpleGit({
    baseDir: setup.cwd,
    config: [...setup.settings, ...(screen?.config ?? []), ...setup.last],
    maxConcurrentProcesses: 4,
    // By itself the library returns what arrived within 50 ms of a command's end: on a busy machine, a part of it.
    completion: { onClose: true, onExit: false },
    // By itself the library takes a failure without words (`--quiet`, `--is-ancestor`) for a success.
    errors: (error, result) => {
      if (result.exitCode === 0) return undefined;
      const said = Buffer.concat(result.stdErr);
      return said.length > 0 ? said : (error ?? new Error(`ended with exit code ${result.exitCode}`));
    },
    allowEnvironment: Object.keys(env),
    ...(call.input === undefined ? {} : { input: () => call.input }),
    ...(call.stoppable ? { abort: setup.signal } : {}),
    unsafe: UNSAFE,
  }).env(env);
}

/** What a remote may have printed. Characters. */
const LONGEST_OUTPUT = 2 ** 26;
/** What is left of the output of a command that has ended, arrives within this time. Milliseconds. */
const DRAIN_MS = 500;

/**
 * Runs a command that talks to the remote. It ends with all that it started as soon as the signal does, and not later
 * than programs that it leaves behind, which may hold its output open (an SSH connection that is kept).
 * @throws GitFailure, or the reason of the signal
 */
function runExchange(setup: Setup, config: readonly string[], args: readonly string[]): Promise<string> {
  const { cwd, env, signal } = setup;
  const [command = ''] = args;
  const settings = [...setup.settings, ...config, ...setup.last].flatMap((setting) => ['-c', setting]);
  return new Promise((resolve, reject) => {
    const child = spawn('git', [...settings, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, said] = ['', ''];
    const leave = (): void => {
      signal.removeEventListener('abort', stop);
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const end = (cause: unknown): void => {
      leave();
      reject(failureOf(command, cause, signal));
    };
    const stop = (cause: unknown): void => {
      if (child.pid !== undefined && child.exitCode === null) endProcesses(new Set([child.pid]));
      end(cause);
    };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-LONGEST_OUTPUT);
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.length > LONGEST_OUTPUT) stop(new Error('the remote answers more than any repository has'));
    });
    const settle = (code: number | null, by: NodeJS.Signals | null): void => {
      leave();
      if (code === 0) resolve(out);
      else end(new Error(said.trim() || `ended with ${by ?? `exit code ${code}`}`));
    };
    child.on('error', end).on('close', settle);
    child.on('exit', (code, by) => setTimeout(() => settle(code, by), DRAIN_MS).unref());
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop(signal.reason);
  });
}

function startProcess(setup: Setup, config: readonly string[], args: readonly string[]): GitProcess {
  const settings = [...setup.settings, ...config, ...setup.last].flatMap((setting) => ['-c', setting]);
  const child = spawn('git', [...settings, ...args], { cwd: setup.cwd, env: setup.env, stdio: 'pipe' });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(0, LONGEST_STDERR);
  });
  const done = new Promise<void>((resolve, reject) => {
    // Settings may come before it.
    const command = args.find((word, i) => word !== '-c' && args[i - 1] !== '-c') ?? '';
    const fail = (cause: unknown): void => reject(failureOf(command, cause, setup.signal));
    child.on('error', fail);
    // What the command left unread is what its exit code says.
    child.stdin.on('error', () => undefined);
    child.on('close', (code, signal) =>
      code === 0 ? resolve() : fail(new Error(said.trim() || `ended with ${signal ?? `exit code ${code}`}`)),
    );
  });
  done.catch(() => undefined);
  return { pid: child.pid, stdin: child.stdin, stdout: child.stdout, done, kill: () => void child.kill('SIGKILL') };
}

/**
 * Git for one clone: isolated from the user's configuration where that could change bytes or run programs, never
 * asking for input.
 */
export function createGit(options: GitOptions): Git {
  const { cwd, signal, config } = options;
  const own = setupOf(options);
  const toRemote = reaching(own, options);
  // A clone that is not kept fetches what it lacks by itself, in the middle of any command.
  const setup = config.stateless ? toRemote : own;
  const plain = instanceOf(setup, {}, undefined);

  async function raw(git: SimpleGit, args: readonly string[]): Promise<string> {
    try {
      return await git.raw([...args]);
    } catch (cause) {
      throw failureOf(args[0] ?? '', cause, signal);
    }
  }

  let screened: Promise<{ readonly screen: Screen; readonly git: SimpleGit }> | undefined;
  /** Read once, before the first command that could run a program of the configuration. */
  function screening(): Promise<{ readonly screen: Screen; readonly git: SimpleGit }> {
    screened ??= readSettings((args) => raw(plain, args)).then((listed) => {
      const screen = screenPrograms(listed, config);
      return { screen, git: instanceOf(setup, {}, screen) };
    });
    return screened;
  }

  let sharing: Promise<Shared> | undefined;
  /** Asked once, before the first exchange. */
  function shared(): Promise<Shared> {
    sharing ??= sharedOf(cwd, run);
    return sharing;
  }

  async function run(args: readonly string[], call?: GitCall): Promise<string> {
    const [command = '', ...rest] = args;
    // It may set the format of the objects.
    if (command === 'config') sharing = undefined;
    if (isHarmless(args)) return raw(call ? instanceOf(setup, call, undefined) : plain, args);
    const { screen, git } = await screening();
    if (!isExchange(command)) return raw(call ? instanceOf(setup, call, screen) : git, args);
    const words = [command, ...(screen.options[command] ?? []), ...rest];
    const exchange = (env?: GitCall['env']): Promise<string> =>
      withinLimit(config, command, signal, (limit) => {
        const its = { ...toRemote, env: { ...toRemote.env, ...call?.env, ...env }, signal: limit };
        return runExchange(its, screen.config, words);
      });
    if (config.stateless) return exchange();
    return exchangeIn({ command, promisor: screen.promisor, shared, exchange });
  }

  async function find(names: readonly string[]): Promise<readonly (GitObject | undefined)[]> {
    if (names.length === 0) return [];
    const { screen } = await screening();
    try {
      // The one command whose output may be anything but text.
      const git = instanceOf(setup, { input: `${names.join('\n')}\n` }, screen);
      return splitBatch((await git.binaryCatFile(['--batch'])) as Buffer, names);
    } catch (cause) {
      throw cause instanceof GitFailure ? cause : failureOf('cat-file', cause, signal);
    }
  }

  return {
    run,
    async start(args, env) {
      const { screen } = await screening();
      signal.throwIfAborted();
      return startProcess({ ...setup, env: { ...setup.env, ...env } }, screen.config, args);
    },
    find,
    async objects(ids) {
      const found = await find(ids);
      return found.map((object, i) => {
        if (!object) throw new GitFailure('cat-file', `${ids[i]} cannot be read (missing)`, undefined);
        return object.bytes;
      });
    },
    async ask(args) {
      try {
        return await run(args);
      } catch (error) {
        if (error instanceof GitFailure) return undefined;
        throw error;
      }
    },
  };
}
