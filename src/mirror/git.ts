import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type SimpleGit, simpleGit } from 'simple-git';
import { AppError, messageOf } from '../core/errors.ts';
import { identityOf } from '../core/identity.ts';
import { isLocalRemote, type Screen, screenPrograms } from './git-programs.ts';

/**
 * Settings that a user's, machine's or clone's git configuration must not decide: none of them may run a program,
 * change a byte, stop for input, or change what git prints or looks at. Credential helpers, proxies and host settings of
 * the user stay in force, as does what git found out about the file system. Programs under names of their own are found
 * by `git-programs.ts`.
 */
const ISOLATION = [
  'core.hooksPath=/dev/null',
  // A mirror may have no work tree; no setting of it runs a program all the same.
  'safe.bareRepository=all',
  'core.autocrlf=false',
  'core.eol=lf',
  'core.safecrlf=false',
  'core.bigFileThreshold=512m',
  'core.excludesFile=/dev/null',
  'core.attributesFile=/dev/null',
  'core.protectNTFS=true',
  'core.precomposeUnicode=false',
  'core.commitGraph=false',
  // Files are looked at, all of them.
  'core.fsmonitor=false',
  'core.untrackedCache=false',
  'core.ignoreStat=false',
  'core.sparseCheckout=false',
  'core.splitIndex=false',
  'index.sparse=false',
  'add.ignoreErrors=false',
  'status.showUntrackedFiles=normal',
  // What a branch names has reached the disk before the branch does.
  'core.fsync=all,-index',
  'core.fsyncMethod=fsync',
  'core.preferSymlinkRefs=false',
  'core.logAllRefUpdates=true',
  'init.defaultRefFormat=files',
  'pack.packSizeLimit=0',
  'commit.gpgSign=false',
  'commit.cleanup=verbatim',
  'push.gpgSign=false',
  'gpg.program=gpg',
  'gpg.openpgp.program=gpg',
  'gpg.x509.program=gpgsm',
  'gpg.ssh.program=ssh-keygen',
  'gpg.ssh.defaultKeyCommand=',
  // Older ones cannot fetch single objects.
  'protocol.version=2',
  'fetch.prune=false',
  'fetch.pruneTags=false',
  'fetch.writeCommitGraph=false',
  'push.followTags=false',
  // Nothing for the server to act on; one that takes no options refuses them.
  'push.pushOption=',
  'init.templateDir=',
  'gc.auto=0',
  'maintenance.auto=false',
  'feature.manyFiles=false',
  'feature.experimental=false',
  'rebase.autoStash=false',
  'rebase.autoSquash=false',
  'merge.conflictStyle=merge',
  // What is printed is read.
  'core.quotePath=false',
  'core.abbrev=auto',
  'core.warnAmbiguousRefs=false',
  'advice.detachedHead=false',
  ...['advice', 'branch', 'diff', 'grep', 'push', 'remote', 'status', 'transport', 'ui'].map(
    (what) => `color.${what}=false`,
  ),
  'diff.orderFile=/dev/null',
  'diff.relative=false',
  'diff.renames=false',
  'status.renames=false',
  'log.showSignature=false',
  'log.showRoot=true',
  'log.follow=false',
  'i18n.commitEncoding=utf-8',
  'i18n.logOutputEncoding=utf-8',
  // Repositories within the clone have a configuration of their own.
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'push.recurseSubmodules=no',
  'diff.ignoreSubmodules=all',
  // A connection that makes no progress is given up.
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=60',
];

/** Environment that starts programs, or that changes what git says. A hook, npm or a shell may have left it. */
const MISLEADING = ['EDITOR', 'VISUAL', 'PAGER', 'PREFIX', 'SSH_ASKPASS', 'LANGUAGE'];

/**
 * The variables of git that are a user's affair: where the configuration is, and how a remote is reached. Any other one
 * decides which repository git sees, what arguments mean, who writes, or what is printed; no command of ours needs it.
 */
const OF_USER =
  /^GIT_(?:CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)|SSH|SSH_COMMAND|(?:PROXY_)?SSL_\w+|HTTP_USER_AGENT|HTTP_PROXY_AUTHMETHOD)$/;

/** Whether git gets a variable of the environment. Traces go into files: elsewhere they would count as git's words. */
function isPassedOn([name, value]: readonly [string, string]): boolean {
  if (!/^GIT_/i.test(name)) return !MISLEADING.includes(name);
  return OF_USER.test(name) || (/^GIT_TRACE(?!_REDACT)/.test(name) && value.startsWith('/'));
}

/** Protocols that git speaks itself; any other is a program (`ext::…`, `git-remote-…`). */
const NETWORK = 'git:http:https:ssh';

/** Environment that outranks a configuration for what that cannot take back: programs, attributes, replaced objects. */
const OUTRANKING = {
  GIT_EDITOR: ':',
  GIT_SEQUENCE_EDITOR: ':',
  GIT_PROXY_COMMAND: '',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
};

/** Traces that a configuration asks for: among what git says they would be taken for that. */
const NO_TRACES = { GIT_TRACE2: '0', GIT_TRACE2_PERF: '0', GIT_TRACE2_EVENT: '0' };

/**
 * Whether a command runs no program of the configuration: it changes nothing and reads neither files, objects nor
 * remotes.
 */
function isHarmless([command, ...rest]: readonly string[]): boolean {
  return (
    command === '--version' ||
    command === 'config' ||
    (command === 'rev-parse' && rest.every((word) => /^--(?:is|show|absolute|git)-|^objects$/.test(word)))
  );
}

const ASKPASS = `#!/bin/sh
case "$1" in
  Username*) printf '%s\\n' "$CELIGO_MIRROR_GIT_USERNAME" ;;
  *) printf '%s\\n' "$CELIGO_MIRROR_GIT_PASSWORD" ;;
esac
`;

/** What git has to know of a repository's configuration. */
export interface GitSettings {
  readonly author: { readonly name: string; readonly email: string };
  /** Address or path of the remote. */
  readonly remote?: string | undefined;
  /** Of a remote that is reached over HTTP. */
  readonly username?: string | undefined;
  readonly token?: string | undefined;
  readonly sshKeyFile?: string | undefined;
  readonly sshKnownHostsFile?: string | undefined;
  /** Private SSH key that signs commits. */
  readonly signingKeyFile?: string | undefined;
}

interface GitOptions {
  /** Working directory; must exist. */
  readonly cwd: string;
  readonly config: GitSettings;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder for the askpass script, when the remote needs a password. */
  readonly helperDir?: string | undefined;
  readonly signal: AbortSignal;
}

/** A shell word that survives the shell git runs `GIT_SSH_COMMAND` with. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Writes the script that hands git the remote's password from the environment, never from an argument. */
function askpass(dir: string): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'askpass.sh');
  if (!existsSync(path)) writeFileSync(path, ASKPASS, { mode: 0o700 });
  chmodSync(path, 0o700);
  return path;
}

function remoteEnvironment(options: GitOptions): Record<string, string> {
  const { config } = options;
  const out: Record<string, string> = { GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', SSH_ASKPASS: '' };
  if (config.token && options.helperDir) {
    out.GIT_ASKPASS = askpass(options.helperDir);
    out.CELIGO_MIRROR_GIT_USERNAME = config.username ?? 'x-access-token';
    out.CELIGO_MIRROR_GIT_PASSWORD = config.token;
  }
  const ssh = ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20'];
  ssh.push('-o', 'ServerAliveInterval=15', '-o', 'ServerAliveCountMax=4');
  if (config.sshKeyFile) ssh.push('-i', config.sshKeyFile, '-o', 'IdentitiesOnly=yes');
  if (config.sshKnownHostsFile) {
    ssh.push('-o', `UserKnownHostsFile=${config.sshKnownHostsFile}`, '-o', 'StrictHostKeyChecking=yes');
  } else ssh.push('-o', 'StrictHostKeyChecking=accept-new');
  if (config.sshKeyFile || !options.env.GIT_SSH_COMMAND) {
    out.GIT_SSH_COMMAND = ssh.map((word, i) => (i === 0 ? word : quote(word))).join(' ');
  }
  return out;
}

/** What one git command gets besides its arguments. */
interface GitCall {
  /** Standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The command ends at once when the run is stopped: it may take any time, as one that talks to a remote does. */
  readonly stoppable?: boolean;
}

/** A git command that failed, with what git printed. */
export class GitFailure extends Error {
  readonly stderr: string;
  constructor(command: string, stderr: string, cause: unknown) {
    super(`git ${command}: ${stderr.trim() || messageOf(cause)}`, { cause });
    this.name = 'GitFailure';
    this.stderr = stderr;
  }
}

/** Whether git failed, directly or as the cause of another failure. */
export function isGitFailure(error: unknown): boolean {
  if (error instanceof GitFailure) return true;
  return error instanceof Error && error.cause !== undefined && isGitFailure(error.cause);
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

/** Every setting that git would obey here, each with its scope before it. @throws GitFailure */
async function readSettings(run: (args: readonly string[]) => Promise<string>): Promise<string> {
  const list = ['config', '--list', '--null'];
  try {
    return await run([...list, '--show-scope']);
  } catch (error) {
    // Git before 2.26 does not print scopes: asked for those that are not the clone's, the rest counts as its own.
    if (!(error instanceof GitFailure) || !error.stderr.includes('show-scope')) throw error;
  }
  const of = async (scope: string, option: readonly string[]): Promise<string> => {
    const out = await run([...list, '--includes', ...option]).catch(() => '');
    return out
      .split('\0')
      .filter((setting) => setting !== '')
      .map((setting) => `${scope}\0${setting}\0`)
      .join('');
  };
  return `${await of('system', ['--system'])}${await of('global', ['--global'])}${await of('local', ['--local'])}`;
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

/** Environment of every git process: what misleads git is gone, what could stop for input answers by itself. */
function environmentOf(options: GitOptions): Record<string, string> {
  const given = Object.entries(options.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { remote, author } = options.config;
  // As variables they outrank every setting of a name (`user.name`, `committer.name`).
  const { name, email } = identityOf(author);
  return {
    ...NO_TRACES,
    ...Object.fromEntries(given.filter(isPassedOn)),
    ...remoteEnvironment(options),
    ...OUTRANKING,
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    // A remote on the network stays there: a folder of this machine has hooks, which a push would run.
    GIT_ALLOW_PROTOCOL: remote === undefined || isLocalRemote(remote) ? `file:${NETWORK}` : NETWORK,
    LC_ALL: 'C',
  };
}

/** `key=value` settings of every git process. */
function settingsOf({ config, cwd }: GitOptions): readonly string[] {
  return [
    ...ISOLATION,
    `safe.directory=${cwd}`,
    ...(config.signingKeyFile ? ['gpg.format=ssh', `user.signingKey=${config.signingKeyFile}`] : []),
  ];
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
  readonly signal: AbortSignal;
}

function instanceOf(setup: Setup, call: GitCall, screen: Screen | undefined): SimpleGit {
  const env = { ...setup.env, ...call.env };
  return simpleGit({
    baseDir: setup.cwd,
    config: [...setup.settings, ...(screen?.config ?? [])],
    maxConcurrentProcesses: 4,
    // By itself the library returns what arrived within 50 ms of a command's end: on a busy machine, a part of it. What
    // talks to a remote may leave programs behind that hold its output open (an SSH connection that is kept).
    ...(call.stoppable ? {} : { completion: { onClose: true, onExit: false } }),
    // By itself the library takes a failure without words (`--quiet`, `--is-ancestor`) for a success.
    errors: (error, result) => {
      if (result.exitCode === 0) return undefined;
      const said = Buffer.concat(result.stdErr);
      return said.length > 0 ? said : (error ?? new Error(`ended with exit code ${result.exitCode}`));
    },
    allowEnvironment: Object.keys(env),
    ...(call.input === undefined ? {} : { input: () => call.input }),
    // Rejects at once, even where programs that git left behind hold its output open.
    ...(call.stoppable ? { abort: setup.signal } : {}),
    unsafe: UNSAFE,
  }).env(env);
}

/** A git that could not even be started. */
function notStarted(code: string, cause: unknown): AppError {
  const missing = code === 'ENOENT';
  return new AppError('REPOSITORY', `git cannot be run: ${missing ? 'there is none on the PATH' : code}`, {
    hint: missing
      ? 'Install git 2.30 or later, and make sure that it is on the PATH'
      : 'Check that this user may run git, and the limits of processes and memory of this machine',
    cause,
  });
}

/** What a failed command means: the reason of the abort, a git that is missing or too old, or a failure of git. */
function failureOf(command: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (cause instanceof AppError) return cause;
  const [, code] = /\bspawn git (E[A-Z]+)\b/.exec(messageOf(cause)) ?? [];
  if (code !== undefined) return notStarted(code, cause);
  if (/unsupported value for gpg\.format/.test(messageOf(cause))) {
    return new AppError('REPOSITORY', 'this version of git cannot create or verify SSH signatures', {
      hint: 'Install git 2.34 or later, or remove repository.signingKeyFile',
      cause,
    });
  }
  return new GitFailure(command, messageOf(cause), cause);
}

function startProcess(setup: Setup, config: readonly string[], args: readonly string[]): GitProcess {
  const settings = [...setup.settings, ...config].flatMap((setting) => ['-c', setting]);
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
  const { cwd, signal } = options;
  const setup: Setup = { cwd, signal, env: environmentOf(options), settings: settingsOf(options) };
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
      const screen = screenPrograms(listed, options.config.remote);
      return { screen, git: instanceOf(setup, {}, screen) };
    });
    return screened;
  }

  async function run(args: readonly string[], call?: GitCall): Promise<string> {
    const [command = '', ...rest] = args;
    if (isHarmless(args)) return raw(call ? instanceOf(setup, call, undefined) : plain, args);
    const { screen, git } = await screening();
    const more = screen.options[command] ?? [];
    return raw(call ? instanceOf(setup, call, screen) : git, [command, ...more, ...rest]);
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
