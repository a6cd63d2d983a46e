import PQueue from 'p-queue';
import { environmentOf, remoteEnvironment, remoteSettings } from './environment.ts';
import { exchangeIn, isExchange, type Shared, sharedOf, withinLimit } from './exchange.ts';
import { unlessGitFails } from './failure.ts';
import { createObjectReader, type ObjectReader } from './object-reader.ts';
import { type GitProcess, runStoppable, runToEnd, type Setup, startProcess } from './process.ts';
import { type Screen, screenPrograms } from './programs.ts';
import { type GitSettings, settingsOf } from './settings.ts';

export { GitFailure, isGitFailure, isTidiedAway, unlessGitFails } from './failure.ts';
export type { GitObject } from './object-reader.ts';
export type { GitProcess } from './process.ts';
export type { GitSettings } from './settings.ts';

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
  /**
   * The command ends at once when the run is stopped, as one that talks to a remote always does. What it prints after
   * its end may be cut.
   */
  readonly stoppable?: boolean;
}

/** Commands of one clone that run at once: a small container has few processes. */
const MOST_AT_ONCE = 4;

/** Runs git in one clone. Each reading of objects is a process of its own. */
export interface Git extends Pick<ObjectReader, 'find' | 'objects'> {
  /** Reads the configuration of the clone already, which the first command waits for. */
  readonly prepare: () => void;
  /**
   * Standard output of a command, as it came.
   * @throws GitFailure when it exits with another code than 0; AppError `REPOSITORY` for a git too old to sign
   */
  run(args: readonly string[], call?: GitCall): Promise<string>;
  /** As `run`, but `undefined` when the command fails: for questions whose answer may be "no". */
  ask(args: readonly string[], call?: GitCall): Promise<string | undefined>;
  /** Starts a command that is fed while it works, or whose end is to be heard of at once. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<GitProcess>;
}

/**
 * Git for one clone: isolated from the user's configuration where that could change bytes or run programs, never
 * asking for input.
 */
export function createGit({ cwd, signal, config, env }: GitOptions): Git {
  const own = environmentOf(config, env);
  const settings = settingsOf(config, cwd);

  /** @param isReaching it may reach the remote, and gets what it needs for that */
  function setupOf(screen: Screen | undefined, isReaching: boolean, call: GitCall = {}): Setup {
    const toRemote = isReaching ? remoteEnvironment(config, env) : {};
    return {
      cwd,
      signal,
      env: { ...own, ...toRemote, ...call.env },
      // Those of the remote count last.
      settings: [...settings, ...(screen?.config ?? []), ...(isReaching ? remoteSettings(config) : [])],
    };
  }

  // A clone that is not kept fetches what it lacks by itself, in the middle of any command.
  const fetchesItself = config.stateless === true;

  const running = new PQueue({ concurrency: MOST_AT_ONCE });
  function toEnd(...command: Parameters<typeof runToEnd>): Promise<string> {
    return running.add(() => runToEnd(...command));
  }

  let screened: Promise<Screen> | undefined;
  /** Read once, before the first command that could run a program of the configuration. */
  function screening(): Promise<Screen> {
    const list = ['config', '--list', '--null', '--show-scope'];
    screened ??= runToEnd(setupOf(undefined, fetchesItself), list).then((listed) => screenPrograms(listed, config));
    return screened;
  }

  let sharing: Promise<Shared> | undefined;
  /** Asked once, before the first exchange. */
  function shared(): Promise<Shared> {
    sharing ??= sharedOf(cwd, run);
    return sharing;
  }

  async function run(args: readonly string[], call: GitCall = {}): Promise<string> {
    const [command = '', ...rest] = args;
    // It may set the format of the objects.
    if (command === 'config') sharing = undefined;
    if (isHarmless(args)) return toEnd(setupOf(undefined, fetchesItself, call), args, call.input);
    const screen = await screening();
    if (!isExchange(command)) {
      const setup = setupOf(screen, fetchesItself, call);
      return call.stoppable ? runStoppable(setup, args) : toEnd(setup, args, call.input);
    }
    const words = [command, ...(screen.options[command] ?? []), ...rest];
    const exchange = (its?: GitCall['env']): Promise<string> =>
      withinLimit(config, command, signal, (limit) => {
        const setup = setupOf(screen, true, { env: { ...call.env, ...its } });
        return runStoppable({ ...setup, signal: limit }, words);
      });
    if (config.stateless) return exchange();
    return exchangeIn({ command, promisor: screen.promisor, shared, exchange });
  }

  async function start(args: readonly string[], its?: GitCall['env']): Promise<GitProcess> {
    const screen = await screening();
    signal.throwIfAborted();
    return startProcess(setupOf(screen, fetchesItself, { env: its ?? {} }), args);
  }

  /** Asks by a process for this question alone. */
  async function reading<T>(ask: (reader: ObjectReader) => Promise<T>): Promise<T> {
    const reader = createObjectReader(start, signal);
    return ask(reader).finally(reader.close);
  }

  return {
    prepare: () => void screening().catch(() => undefined),
    run,
    start,
    find: (names) => reading(({ find }) => find(names)),
    objects: (ids) => reading(({ objects }) => objects(ids)),
    ask: (args, call) => unlessGitFails(run(args, call)),
  };
}
