import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { runCli } from '../../src/cli/program.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { type Emulator, startEmulator } from '../../src/emulator/http/server.ts';
import type { AccountSeed, Person } from '../../src/emulator/model/seed.ts';
import { sampleAccount, sampleCredentials } from '../../src/emulator/sample/index.ts';
import { mountDisk, type SmallDisk } from '../support/small-disk.ts';

/** No settings of whoever runs this; lines of the log are looked at, too. */
const ENV = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  NO_COLOR: '1',
  LOG_LEVEL: 'debug',
  LOG_FORMAT: 'json',
};

/** This process looks at folders of another user, too. */
const GIT_ENV = { ...ENV, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' };

/** Types whose documents are edited: small, so that a round is short. */
const TYPES = ['integrations', 'flows', 'exports', 'imports', 'connections', 'scripts'] as const;
/** Documents of each type that the account keeps. */
const KEPT = 8;

export interface Outcome {
  /** `undefined` for a process that was killed. */
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
}

/** A user without rights, for whom files may be out of reach. */
export const OTHER_USER = 65_534;
/** Size of the file system that a mirror stands on where one can be mounted, in KiB. */
const DISK_SIZE = 24 * 1024;

/**
 * Sets the clock of a process ahead by the milliseconds in `CLOCK_OFFSET`: what this process has a clock for, too, such
 * as the emulated account, must not see the wrong one.
 */
const WRONG_CLOCK = `
  const offset = Number(process.env.CLOCK_OFFSET);
  const RightDate = Date;
  globalThis.Date = class Date extends RightDate {
    constructor(...given) {
      super(...(given.length === 0 ? [RightDate.now() + offset] : given));
    }
    static now() {
      return RightDate.now() + offset;
    }
  };
`;

/** Decides when a process is killed, by -9; what it is given does so, and waits until the process is gone. */
export type Strike = (kill: () => Promise<void>) => void;

/** After so many milliseconds. */
export function after(ms: number): Strike {
  return (kill) => {
    setTimeout(() => void kill(), ms).unref();
  };
}

/** An emulated account, a mirror of it, and perhaps the mirror's remote. */
export interface World {
  readonly dir: string;
  readonly mirror: string;
  readonly remote: string;
  /** A file system of its own that the mirror stands on; `undefined` where none can be mounted (only root may). */
  readonly disk: SmallDisk | undefined;
  /** Whether the program can be run as {@link OTHER_USER}. */
  readonly hasOtherUser: boolean;
  /** Who runs the program; `undefined`: whoever runs this. */
  user: number | undefined;
  readonly emulator: Emulator;
  readonly owner: Person;
  readonly people: readonly Person[];
  /** Texts that must never leave the account. */
  readonly secrets: readonly string[];
  /** Everything that was printed so far. */
  readonly said: string[];
  /** Milliseconds that the program's clock is ahead. */
  clockOffset: number;
  /** Whether requests are given up soon: where faults stall them, and not where this machine is only busy. */
  hurry(soon: boolean): void;
  git(...args: string[]): string;
  gitIn(folder: string, ...args: string[]): string;
  /** Runs the program, in this process where that is the same. */
  run(...args: string[]): Promise<Outcome>;
  /** Runs it as a process of its own, which `strike` kills when it likes. */
  killed(strike: Strike, ...args: string[]): Promise<Outcome>;
  /** Runs it as a process of its own whose output nobody reads: `| head` has gone, or with it the terminal. */
  unread(both: boolean, ...args: string[]): Promise<Outcome>;
  /** A mirror made from nothing: what the mirror must be equal to. */
  fresh(): Promise<Map<string, string>>;
  close(keep?: boolean): Promise<void>;
}

/** Some documents of each kind, so that a round is short. */
function smallAccount(): AccountSeed {
  const seed = sampleAccount();
  const resources: Record<string, readonly JsonObject[]> = {};
  for (const type of TYPES) resources[type] = (seed.resources[type] ?? []).slice(0, KEPT);
  // With the references that are left open: the platform has such, too.
  return { ...seed, resources, lookupData: {}, state: {} };
}

/** Files of an account's folder, git's own and those that tell one mirror from another left out. */
export function filesIn(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  if (!existsSync(folder)) return files;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path);
    if (entry.isFile() && name !== 'mirror.yaml') files.set(name, readFileSync(path, 'utf8'));
  }
  return files;
}

function canBecomeOther(program: string): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const options = { uid: OTHER_USER, gid: OTHER_USER, env: ENV, cwd: '/' };
  return spawnSync(process.execPath, [program, '--version'], options).status === 0;
}

export interface WorldOptions {
  /** The built program, for runs that are killed. */
  readonly program: string;
  /** A small account in small pages, the same in pages as usual, or the whole sample account. */
  readonly account: 'small' | 'plain' | 'whole';
  /** Without one, a run takes half the time. With one unless `false`. */
  readonly remote?: boolean;
}

export async function makeWorld({ program, account, remote: pushes = true }: WorldOptions): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'celigo-mirror-chaos-'));
  chmodSync(dir, 0o755);
  const base = join(dir, 'disk');
  mkdirSync(base);
  const disk = mountDisk(base, DISK_SIZE);
  const [mirror, remote] = [join(base, 'mirror'), join(dir, 'remote.git')];
  const small = account !== 'whole';
  const seed = small ? smallAccount() : sampleAccount();
  const emulator = await startEmulator({
    seed,
    rateLimit: false,
    // Of whoever edited last, or the seed's would be taken for it.
    lastModifiedBy: 'id',
    // Pages that did not change are not sent again.
    ...(account === 'small' ? { pageSize: 3, defaultPageSize: 3, etags: 'link' as const } : {}),
  });
  const owner = seed.people.find(({ role }) => role === 'owner');
  if (!owner) throw new Error('no owner');
  const people = seed.people.filter(({ role }) => role === 'owner' || role === 'administrator');
  const said: string[] = [];
  const gitIn = (folder: string, ...args: string[]): string =>
    execFileSync('git', args, { cwd: folder, env: GIT_ENV, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (pushes) gitIn(dir, 'init', '--quiet', '--bare', '--initial-branch=main', remote);
  const config = (home: string, repository: unknown, soon = false): void => {
    mkdirSync(home, { recursive: true });
    const prod = {
      baseUrl: emulator.url,
      requestsPerSecond: 300,
      retries: 1,
      requestTimeout: soon ? '1s' : '30s',
      token: owner.token,
      ...(small ? { include: TYPES } : {}),
    };
    writeFileSync(
      join(home, 'celigo-mirror.yaml'),
      JSON.stringify({ repository, accounts: { prod }, ...(small ? {} : { guards: { maxDeletions: 1_000 } }) }),
    );
  };
  const repository = { path: mirror, ...(pushes ? { remote } : {}) };
  config(dir, repository);
  let made = 0;

  async function run(home: string, args: readonly string[]): Promise<Outcome> {
    let [out, err] = ['', ''];
    const code = await runCli(
      args,
      {
        out: (text) => {
          out += text;
        },
        err: (text) => {
          err += text;
        },
        outIsTerminal: false,
        errIsTerminal: false,
        env: ENV,
        cwd: home,
        now: () => new Date(),
        signal: new AbortController().signal,
      },
      '0.0.0-chaos',
    );
    said.push(out, err);
    return { code, out, err };
  }

  /** Runs the program as a process of its own. */
  async function processOf(args: readonly string[], strike?: Strike, closed?: 'out' | 'both'): Promise<Outcome> {
    const { user, clockOffset } = world;
    const clock = clockOffset === 0 ? [] : ['--import', `data:text/javascript,${encodeURIComponent(WRONG_CLOCK)}`];
    const child = spawn(process.execPath, [...clock, program, ...args], {
      cwd: dir,
      env: { ...ENV, CLOCK_OFFSET: String(clockOffset) },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(user === undefined ? {} : { uid: user, gid: user }),
    });
    let [out, err] = ['', ''];
    if (closed) child.stdout.destroy();
    if (closed === 'both') child.stderr.destroy();
    child.stdout.on('data', (data: Buffer) => {
      out += data;
    });
    child.stderr.on('data', (data: Buffer) => {
      err += data;
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    strike?.(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    const code = await ended;
    said.push(out, err);
    return { code: code ?? undefined, out, err };
  }

  const world: World = {
    dir,
    mirror,
    remote,
    disk,
    hasOtherUser: canBecomeOther(program),
    user: undefined,
    emulator,
    owner,
    people,
    secrets: sampleCredentials,
    said,
    clockOffset: 0,
    hurry: (soon) => config(dir, repository, soon),
    gitIn,
    git: (...args) => gitIn(mirror, ...args),
    run: (...args) => (world.user === undefined && world.clockOffset === 0 ? run(dir, args) : processOf(args)),
    killed: (strike, ...args) => processOf(args, strike),
    unread: (both, ...args) => processOf(args, undefined, both ? 'both' : 'out'),
    async fresh() {
      made += 1;
      const home = join(dir, `fresh-${made}`);
      config(home, { path: join(home, 'mirror') });
      // The same key for fingerprints, so that placeholders are the same.
      const folder = join(home, 'mirror', 'prod');
      mkdirSync(folder, { recursive: true });
      gitIn(join(home, 'mirror'), 'init', '--quiet', '--initial-branch=main');
      writeFileSync(join(folder, 'mirror.yaml'), readFileSync(join(mirror, 'prod', 'mirror.yaml')));
      gitIn(join(home, 'mirror'), 'add', '-A');
      gitIn(join(home, 'mirror'), '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-qm', 'key');
      const outcome = await run(home, ['sync', '--json']);
      if (outcome.code !== 0) throw new Error(`a fresh mirror could not be made: ${outcome.err}`);
      const files = filesIn(folder);
      rmSync(home, { recursive: true, force: true });
      return files;
    },
    async close(keep = false) {
      await emulator.close();
      if (keep) {
        writeFileSync(join(dir, 'said.log'), said.join('\n'));
        process.stderr.write(`kept: ${dir}\n`);
        disk?.keep();
        return;
      }
      disk?.unmount();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return world;
}
