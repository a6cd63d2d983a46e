import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import type { Json } from '../../src/core/json.ts';
import { renderYaml } from '../../src/core/yaml.ts';
import type { reportJson } from '../../src/run/report.ts';
import { contentsOf } from './account.ts';

/** A report as `--json` prints it. */
export type SyncJson = ReturnType<typeof reportJson>;

/** The built program, for tests that need a process of its own. */
export const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Environment of every command: no settings of whoever runs the tests. */
export const ENV = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  NO_COLOR: '1',
  LOG_LEVEL: 'silent',
};

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder that is removed when the test ends. */
export function tempDir(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'celigo-mirror-test-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

/** Runs one command line in this process. */
export async function cli(
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
  now?: Date,
  ask?: (question: string) => Promise<string>,
  signal = new AbortController().signal,
): Promise<Outcome> {
  let out = '';
  let err = '';
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
      env: { ...ENV, ...env },
      cwd,
      now: () => now ?? new Date(),
      signal,
      ...(ask ? { ask } : {}),
    },
    '0.0.0-test',
  );
  return { code, out, err };
}

export interface AccountSettings {
  readonly baseUrl: string;
  readonly token: string;
  readonly [key: string]: Json;
}

/** A folder with a configuration, a mirror to be made in it, and commands to look at that mirror. */
export class Workspace {
  readonly dir: string;
  readonly mirror: string;

  constructor(
    accounts: Record<string, AccountSettings>,
    more: { repository?: Record<string, Json>; [key: string]: Json | undefined } = {},
  ) {
    this.dir = tempDir();
    this.mirror = join(this.dir, 'mirror');
    this.configure(accounts, more);
  }

  /** Writes the configuration. Tests are not slowed down by the pace that suits production. */
  configure(
    accounts: Record<string, AccountSettings>,
    more: { repository?: Record<string, Json>; [key: string]: Json | undefined } = {},
  ): void {
    const { repository, ...rest } = more;
    writeFileSync(
      join(this.dir, 'celigo-mirror.yaml'),
      renderYaml({
        repository: { path: this.mirror, ...repository },
        accounts: Object.fromEntries(
          Object.entries(accounts).map(([name, account]) => [
            name,
            { requestsPerSecond: 300, retries: 1, requestTimeout: '5s', ...account },
          ]),
        ),
        ...(rest as Record<string, Json>),
      }),
    );
  }

  /** `sync` with `--json`; the report of the first account. */
  async sync(...flags: string[]): Promise<SyncJson & { code: number }> {
    const outcome = await cli(['sync', '--json', ...flags], this.dir);
    if (outcome.out === '') throw new Error(outcome.err);
    const [report] = (JSON.parse(outcome.out) as { accounts: SyncJson[] }).accounts;
    if (!report) throw new Error(outcome.err);
    return { ...report, code: outcome.code };
  }

  /**
   * The first sync, for tests that need a mirror and not its making: most of them need the same one, so it is made
   * once in a run of the tests and copied from then on, which takes a tenth of the time. The account sees no
   * requests then. @throws Error where it does not end with 0
   */
  async mirrored(...flags: string[]): Promise<void> {
    const finished = this.#finished(flags);
    if (finished !== undefined && existsSync(finished)) {
      copyFolder(finished, this.mirror);
      return;
    }
    const outcome = await this.run('sync', ...flags);
    if (outcome.code !== 0) throw new Error(`the first sync ended with ${outcome.code}: ${outcome.out}${outcome.err}`);
    if (finished === undefined) return;
    const draft = `${finished}.${process.pid}`;
    mkdirSync(dirname(finished), { recursive: true });
    copyFolder(this.mirror, draft);
    try {
      renameSync(draft, finished);
    } catch {
      // Another worker was first.
      rmSync(draft, { recursive: true });
    }
  }

  /** Where the mirror of this configuration and these accounts is, once made; `undefined` where it must be made. */
  #finished(flags: readonly string[]): string | undefined {
    const text = readFileSync(join(this.dir, 'celigo-mirror.yaml'), 'utf8');
    const urls = [...new Set(text.match(/http:\/\/127\.0\.0\.1:\d+/g))];
    const accounts = urls.map(contentsOf);
    const remote = /^ +remote:/m.test(text);
    if (remote || existsSync(this.mirror) || accounts.includes(undefined)) return undefined;
    const same = urls.reduce((held, url, at) => held.replaceAll(url, `account ${at}`), text).replaceAll(this.dir, '');
    const key = createHash('sha256')
      .update(JSON.stringify([same, flags, accounts]))
      .digest('hex');
    return join(tmpdir(), 'mirrors', key);
  }

  run(...args: string[]): Promise<Outcome> {
    return cli(args, this.dir);
  }

  git(...args: string[]): string {
    return git(this.mirror, ...args);
  }

  /** Commits of the mirror, newest first. */
  log(format = '%an: %s'): string[] {
    return this.git('log', `--format=${format}`).split('\n').filter(Boolean);
  }

  /** Paths of the account's files, without the settings. */
  files(account = 'prod'): string[] {
    const root = join(this.mirror, account);
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .filter((path) => path.includes('/'))
      .sort();
  }

  /** The account's files by path, credentials without their fingerprints, which differ from mirror to mirror. */
  contents(account = 'prod'): Record<string, string> {
    const text = (path: string): string =>
      this.read(`${account}/${path}`).replace(/(\$secret: |\[\[redacted )"?[0-9a-f]+"?/g, '$1');
    return Object.fromEntries(this.files(account).map((path) => [path, text(path)]));
  }

  read(path: string): string {
    return readFileSync(join(this.mirror, path), 'utf8');
  }

  /** The file of a resource. */
  find(id: string, account = 'prod'): string {
    const path = this.files(account).find((name) => name.includes(id) && name.endsWith('.yaml'));
    if (!path) throw new Error(`no file of ${id}`);
    return `${account}/${path}`;
  }
}

function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true, mode: constants.COPYFILE_FICLONE });
}

export function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd,
    env: ENV,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  });
}

/** Whether the git on the PATH is older than this version. */
export function gitBefore(major: number, minor: number): boolean {
  const [, its = 0, minors = 0] = (/(\d+)\.(\d+)/.exec(git('/', '--version')) ?? []).map(Number);
  return its < major || (its === major && minors < minor);
}

/** Tests of signing are left out then: git signs with SSH keys since 2.34. */
export const CANNOT_SIGN = gitBefore(2, 34);

/** A bare repository to push to. */
export function bareRemote(): string {
  const dir = join(tempDir(), 'remote.git');
  mkdirSync(dir);
  git(dir, 'init', '--quiet', '--bare', '--initial-branch=main');
  return dir;
}

/** A process of the built program. */
export interface Running {
  readonly kill: (signal: NodeJS.Signals) => void;
  /** The first line of its standard output. */
  readonly line: Promise<string>;
  readonly done: Promise<Outcome>;
}

/** Ends a process that leads a group, and all that it started, if anything of that still runs. */
export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The built program in a process of its own. */
export function start(args: readonly string[], cwd: string, env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd,
    env: { ...ENV, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  // The git processes of a killed run outlive it, and would write into a folder that is being removed.
  onTestFinished(() => killGroup(child));
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return {
    kill: (signal) => child.kill(signal),
    line: new Promise((resolve) => {
      child.stdout.on('data', () => {
        if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
      });
    }),
    done: new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? -1, out, err }))),
  };
}
