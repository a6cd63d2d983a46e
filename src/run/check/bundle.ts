import { existsSync, readdirSync, statSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { AccountConfig, ChannelConfig, Config } from '../../config/schema.ts';
import { messageOf } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { readPath } from '../../core/layout.ts';
import { createGit, type Git } from '../../git/git.ts';
import { isRepository } from '../../mirror/folder.ts';
import type { Finding } from './finding.ts';
import { uncommittedIn } from './uncommitted.ts';

/** What a support bundle is made from. */
interface BundleInput {
  readonly version: string;
  readonly now: Date;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The configuration, or why there is none. */
  readonly config: Config | { readonly problem: string };
  readonly findings: readonly Finding[];
  readonly signal: AbortSignal;
}

/** What a bundle leaves out, for the person who sends it. */
const LEFT_OUT = [
  'tokens, passwords, keys, addresses of channels',
  'documents, names and code of resources; names of people',
  'values of environment variables',
  'paths and user names inside the address of the remote',
] as const;

/** Variables whose being set matters; their values are private. */
const TELLING = /^(?:CELIGO_|MIRROR_|GIT_|LOG_|NODE_|SSH_|SSL_)|^(?:https?|no|all)_proxy$/i;
const COMMITS = 30;

const set = (value: unknown): string => (value === undefined ? 'not set' : 'set');

/** Protocol and host; the rest of an address may hold names that are private. */
function hostOf(remote: string): string {
  if (URL.canParse(remote)) {
    const { protocol, host } = new URL(remote);
    return host === '' ? `${protocol}//…` : `${protocol}//${host}/…`;
  }
  const scp = /^(?:[^@/]+@)?([^:/]+):/.exec(remote);
  return scp ? `ssh://${scp[1]}/…` : 'a path';
}

/** The parts of the remote's address that a bundle does not show. */
export function addressParts(remote: string | undefined): string[] {
  if (remote === undefined) return [];
  const path = URL.canParse(remote) ? new URL(remote).pathname : remote.slice(remote.indexOf(':') + 1);
  return [remote, path, path.replace(/^\/+/, ''), path.replace(/^\/+|\.git$/g, '')];
}

function accountOf({ token, overrides, ...account }: AccountConfig): Json {
  return {
    ...(account as unknown as JsonObject),
    token: set(token),
    overrides: overrides ? Object.keys(overrides).length : 0,
  };
}

function channelOf(channel: ChannelConfig): Json {
  const { name, type } = channel;
  const about = { name, type, accounts: channel.accounts ?? 'all' };
  if (channel.type === 'ping') return { ...about, start: channel.start };
  return { ...about, events: channel.events };
}

function configOf(config: Config): JsonObject {
  const { repository, daemon } = config;
  const { remote, token, username, author: _author, ...more } = repository;
  return {
    source: config.source,
    repository: {
      ...(more as unknown as JsonObject),
      remote: remote ? hostOf(remote) : 'not set',
      token: set(token),
      username: set(username),
    },
    accounts: config.accounts.map(accountOf),
    schedule: config.schedule,
    timezone: config.timezone,
    fullSweepMs: config.fullSweepMs,
    guards: { ...config.guards },
    daemon: { ...daemon, readyWithinMs: daemon.readyWithinMs ?? null, triggerToken: set(daemon.triggerToken) },
    notifications: config.notifications.map(channelOf),
  };
}

/** Names and sizes of our own files below `.git`. */
function filesIn(dir: string): Json {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).map((name) => {
    const { size, mtime } = statSync(join(dir, name));
    return { name, size, changed: mtime.toISOString() };
  });
}

/** How many files of each type HEAD holds. */
async function countTypes(git: Git, account: string): Promise<JsonObject> {
  const counts: Record<string, number> = {};
  const listed = (await git.ask(['ls-tree', '-r', '--name-only', '-z', `HEAD:${account}`])) ?? '';
  for (const path of listed.split('\0')) {
    const type = readPath(path)?.type;
    if (type) counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
}

async function repositoryOf(config: Config, input: BundleInput): Promise<JsonObject> {
  const { repository } = config;
  if (!isRepository(repository.path)) return { exists: false };
  const git = createGit({ cwd: repository.path, config: repository, env: input.env, signal: input.signal });
  const ask = async (...args: string[]): Promise<string> => ((await git.ask(args)) ?? 'failed').trim();
  const gitDir = await ask('rev-parse', '--absolute-git-dir');
  const accounts = config.accounts.map(({ name }) => name);
  // Subjects of our own commits count and name no resource; those of others may say anything.
  const own = `^(${accounts.join('|')}): `;
  return {
    exists: true,
    objects: await ask('count-objects', '-v'),
    refs: (await ask('for-each-ref', '--format=%(refname) %(objectname:short)')).split('\n'),
    shallow: await ask('rev-parse', '--is-shallow-repository'),
    uncommitted: await uncommittedIn(git, repository.path, accounts).then(({ length }) => length, messageOf),
    commits: (
      await ask('log', `-${COMMITS}`, '-E', `--grep=${own}`, '--format=%h %cI %s', '--no-show-signature')
    ).split('\n'),
    files: Object.fromEntries(
      await Promise.all(accounts.map(async (name) => [name, await countTypes(git, name)] as const)),
    ),
    state: filesIn(join(gitDir, 'celigo-mirror')),
    locks: existsSync(gitDir) ? readdirSync(gitDir).filter((name) => name.includes('lock')) : [],
  };
}

/** Everything a maintainer needs to understand a problem, and nothing that is secret or says what the account does. */
export async function makeBundle(input: BundleInput): Promise<JsonObject> {
  const { config } = input;
  const known = 'problem' in config ? undefined : config;
  const repository = known
    ? await repositoryOf(known, input).catch((error: unknown) => ({ failed: messageOf(error) }))
    : {};
  return {
    version: 1,
    made: input.now.toISOString(),
    leftOut: [...LEFT_OUT],
    program: input.version,
    machine: {
      node: process.version,
      platform: platform(),
      release: release(),
      arch: arch(),
      cpus: cpus().length,
      memoryMiB: Math.round(totalmem() / 2 ** 20),
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
    environment: Object.keys(input.env)
      .filter((name) => TELLING.test(name))
      .sort(),
    configuration: 'problem' in config ? { problem: config.problem } : configOf(config),
    findings: input.findings.map(({ area, check, verdict, detail, remedy }) => ({
      area,
      check,
      verdict,
      detail,
      ...(remedy ? { remedy } : {}),
    })),
    repository,
  };
}
