import { execFileSync, spawn } from 'node:child_process';
import {
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
import { sampleAccount, sampleCredentials } from '../../src/emulator/sample/index.ts';
import type { Person } from '../../src/emulator/seed.ts';
import { type Emulator, startEmulator } from '../../src/emulator/server.ts';

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

/** An emulated account, a mirror of it, and the mirror's remote. */
export interface World {
  readonly dir: string;
  readonly mirror: string;
  readonly remote: string;
  readonly emulator: Emulator;
  readonly owner: Person;
  readonly people: readonly Person[];
  /** Texts that must never leave the account. */
  readonly secrets: readonly string[];
  /** Everything that was printed so far. */
  readonly said: string[];
  /** Milliseconds that the program's clock is ahead. */
  clockOffset: number;
  git(...args: string[]): string;
  gitIn(folder: string, ...args: string[]): string;
  /** Runs the program in this process. */
  sync(...args: string[]): Promise<Outcome>;
  /** Runs it as a process of its own, killed after so many milliseconds. */
  killed(afterMs: number): Promise<Outcome>;
  /** A mirror made from nothing: what the mirror must be equal to. */
  fresh(): Promise<Map<string, string>>;
  close(keep?: boolean): Promise<void>;
}

function smallAccount() {
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

/** @param program the built program, for runs that are killed */
export async function makeWorld(program: string): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'celigo-mirror-chaos-'));
  const [mirror, remote] = [join(dir, 'mirror'), join(dir, 'remote.git')];
  const seed = smallAccount();
  const emulator = await startEmulator({ seed, rateLimit: false, pageSize: 3, defaultPageSize: 3 });
  const owner = seed.people.find(({ role }) => role === 'owner');
  if (!owner) throw new Error('no owner');
  const people = seed.people.filter(({ role }) => role === 'owner' || role === 'administrator');
  const said: string[] = [];
  const gitIn = (folder: string, ...args: string[]): string =>
    execFileSync('git', args, { cwd: folder, env: ENV, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  gitIn(dir, 'init', '--quiet', '--bare', '--initial-branch=main', remote);
  const config = (home: string, repository: unknown): void => {
    mkdirSync(home, { recursive: true });
    const account = { baseUrl: emulator.url, requestsPerSecond: 300, retries: 1, requestTimeout: '1s' };
    writeFileSync(
      join(home, 'celigo-mirror.yaml'),
      JSON.stringify({ repository, accounts: { prod: { ...account, token: owner.token, include: TYPES } } }),
    );
  };
  config(dir, { path: mirror, remote });
  let made = 0;

  async function run(home: string, args: readonly string[], offset: number): Promise<Outcome> {
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
        now: () => new Date(Date.now() + offset),
        signal: new AbortController().signal,
      },
      '0.0.0-chaos',
    );
    said.push(out, err);
    return { code, out, err };
  }

  const world: World = {
    dir,
    mirror,
    remote,
    emulator,
    owner,
    people,
    secrets: sampleCredentials,
    said,
    clockOffset: 0,
    gitIn,
    git: (...args) => gitIn(mirror, ...args),
    sync: (...args) => run(dir, ['sync', '--json', ...args], world.clockOffset),
    async killed(afterMs) {
      const child = spawn(process.execPath, [program, 'sync', '--json'], {
        cwd: dir,
        env: ENV,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [out, err] = ['', ''];
      child.stdout.on('data', (data: Buffer) => {
        out += data;
      });
      child.stderr.on('data', (data: Buffer) => {
        err += data;
      });
      const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
      const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
      const code = await ended;
      clearTimeout(timer);
      said.push(out, err);
      return { code: code ?? undefined, out, err };
    },
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
      const outcome = await run(home, ['sync', '--json'], 0);
      if (outcome.code !== 0) throw new Error(`a fresh mirror could not be made: ${outcome.err}`);
      const files = filesIn(folder);
      rmSync(home, { recursive: true, force: true });
      return files;
    },
    async close(keep = false) {
      await emulator.close();
      if (!keep) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return world;
}
