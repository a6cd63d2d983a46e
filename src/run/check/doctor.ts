import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ResourceType } from '../../catalogue/types.ts';
import { fetchUserId } from '../../celigo/audit.ts';
import { type ApiClient, clientOf } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { EXPIRES_SOON_DAYS, fetchTokenExpiries } from '../../celigo/tokens.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { createGit, type Git, GitFailure } from '../../mirror/git.ts';
import { selectTypes } from '../sync/collect/all.ts';
import { examineFiles } from './exposed-files.ts';

/** One thing looked at. */
export interface Finding {
  /** `git`, `repository`, `remote`, or the account's name. */
  readonly area: string;
  readonly check: string;
  readonly verdict: 'ok' | 'note' | 'fault';
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export interface DoctorDeps {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  readonly nodeVersion: string;
  readonly signal: AbortSignal;
}

/** Oldest git that the tests pass with (docs/reliability.md); before 2.28 no mirror can be made. */
const OLDEST_GIT = [2, 30] as const;
/** Oldest git that signs with SSH keys. */
const OLDEST_SIGNING_GIT = [2, 34] as const;

/** Looks at everything a run depends on, without changing anything. */
export async function examine(deps: DoctorDeps): Promise<readonly Finding[]> {
  const { config } = deps;
  // The types of an account are asked for side by side, each request listening to it.
  setMaxListeners(0, deps.signal);
  const findings: Finding[] = [
    {
      area: 'configuration',
      check: 'read',
      verdict: 'ok',
      detail: `${config.source}, accounts: ${config.accounts.map(({ name }) => name).join(', ')}`,
    },
    { area: 'node', check: 'version', verdict: 'ok', detail: deps.nodeVersion },
    ...examineFiles(config),
    ...(await examineGit(deps)),
  ];
  for (const account of config.accounts) findings.push(...(await examineAccount(deps, account)));
  return findings;
}

async function examineClone(git: Git, folders: readonly string[], remote: boolean): Promise<Finding[]> {
  const area = 'repository';
  let objects: Finding;
  let dirty: string | undefined;
  try {
    objects = await examineObjects(git, remote);
    dirty = await git.ask(['status', '--porcelain', '--ignore-submodules=all', '--', ...folders]);
  } catch (error) {
    // Settings of the clone that no run accepts.
    if (!(error instanceof AppError)) throw error;
    const remedy = error.hint === undefined ? {} : { remedy: error.hint };
    return [{ area, check: 'configuration', verdict: 'fault', detail: error.message, ...remedy }];
  }
  if (!dirty) return [objects];
  return [
    objects,
    {
      area,
      check: 'clean',
      verdict: 'note',
      detail: `${dirty.split('\n').filter(Boolean).length} uncommitted files in the account folders`,
      remedy: 'The next sync keeps edits by hand under refs/celigo-mirror/rescue/ and undoes them',
    },
  ];
}

async function examineGit({ config, env, signal }: DoctorDeps): Promise<Finding[]> {
  const { path, remote, branch } = config.repository;
  const cwd = existsSync(path) ? path : existsSync(dirname(path)) ? dirname(path) : '/';
  const git = createGit({ cwd, config: config.repository, env, signal });
  const findings: Finding[] = [];
  const version = (await git.ask(['--version']))?.trim();
  if (!version) {
    return [
      {
        area: 'git',
        check: 'installed',
        verdict: 'fault',
        detail: 'git cannot be run',
        remedy: 'Install git and see that it is on the PATH',
      },
    ];
  }
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  const { signingKeyFile } = config.repository;
  const oldest = signingKeyFile ? OLDEST_SIGNING_GIT : OLDEST_GIT;
  const old = major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
  findings.push({
    area: 'git',
    check: 'version',
    verdict: old ? 'fault' : 'ok',
    detail: version,
    ...(old
      ? {
          remedy: `Install git ${oldest.join('.')} or later${signingKeyFile ? ', which signs with SSH keys' : ''}`,
        }
      : {}),
  });

  if (!existsSync(path)) {
    findings.push({
      area: 'repository',
      check: 'path',
      verdict: 'note',
      detail: `${path} does not exist yet; the first sync makes it`,
    });
  } else {
    const inside = (await git.ask(['rev-parse', '--absolute-git-dir']))?.trim();
    const own = existsSync(`${path}/.git`);
    findings.push(
      inside && own
        ? { area: 'repository', check: 'path', verdict: 'ok', detail: path }
        : {
            area: 'repository',
            check: 'path',
            verdict: own ? 'fault' : 'note',
            detail: own ? `${path} is damaged` : `${path} is no repository yet`,
            ...(own ? { remedy: `Check it with: git -C ${path} fsck` } : {}),
          },
    );
    if (inside && own) {
      findings.push(
        ...(await examineClone(
          git,
          config.accounts.map(({ name }) => name),
          remote !== undefined,
        )),
      );
    }
  }
  if (remote) {
    try {
      const out = await git.run(['ls-remote', '--heads', remote, branch]);
      findings.push({
        area: 'remote',
        check: 'reachable',
        verdict: 'ok',
        detail: out.trim() === '' ? `reachable; it has no branch ${branch} yet` : `reachable, branch ${branch} found`,
      });
    } catch (error) {
      findings.push({
        area: 'remote',
        check: 'reachable',
        verdict: 'fault',
        detail: messageOf(error).replace(/\s+/g, ' ').slice(0, 300),
        remedy: 'Check repository.remote and its credentials (sshKeyFile, or username with tokenFile)',
      });
    }
  } else {
    findings.push({
      area: 'remote',
      check: 'configured',
      verdict: 'note',
      detail: 'no remote: the mirror exists on this machine only',
    });
  }
  return findings;
}

/** Whether everything that the history names is there: a run does not read what it does not need. */
async function examineObjects(git: Git, remote: boolean): Promise<Finding> {
  const found = { area: 'repository', check: 'objects' } as const;
  try {
    await git.run(['fsck', '--no-dangling', '--no-progress']);
    return { ...found, verdict: 'ok', detail: 'the history is whole' };
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    return {
      ...found,
      verdict: 'fault',
      detail: 'parts of the history are missing or damaged; git fsck names them',
      remedy: remote
        ? 'Move the clone away: the next sync makes a fresh one from the remote'
        : 'A backup of the clone may have them. Set repository.remote, so that there is a copy',
    };
  }
}

async function examineAccount(deps: DoctorDeps, account: AccountConfig): Promise<Finding[]> {
  const { env, signal } = deps;
  const client = clientOf(account, env, { userAgent: deps.userAgent, retries: Math.min(account.retries, 1) });
  const area = account.name;
  try {
    const userId = await fetchUserId(client, signal);
    const findings: Finding[] = [
      { area, check: 'token', verdict: 'ok', detail: `accepted by ${account.baseUrl}, user ${userId}` },
    ];
    const skew = Math.round(client.clockSkewMs() / 1000);
    findings.push(
      Math.abs(skew) > 30
        ? {
            area,
            check: 'clock',
            verdict: 'note',
            detail: `differs from the server's by ${Math.abs(skew)} s`,
            remedy: 'Set this machine’s clock (NTP)',
          }
        : { area, check: 'clock', verdict: 'ok', detail: 'agrees with the server' },
    );
    findings.push(await reachAudit(client, area, signal));
    findings.push(...(await expiringTokens(client, area, signal)));
    const types = await Promise.all(selectTypes(account).map((type) => reachType(client, account, type, signal)));
    return [...findings, ...types];
  } catch (error) {
    if (error instanceof AppError) {
      return [
        {
          area,
          check: 'token',
          verdict: 'fault',
          detail: error.message,
          ...(error.hint ? { remedy: error.hint } : {}),
        },
      ];
    }
    if (!(error instanceof ApiError)) throw error;
    return [
      {
        area,
        check: 'token',
        verdict: 'fault',
        detail: error.message,
        remedy: 'Check region or baseUrl, the network and, where there is one, the proxy',
      },
    ];
  } finally {
    await client.close();
  }
}

async function reachAudit(client: ApiClient, area: string, signal: AbortSignal): Promise<Finding> {
  try {
    await client.json({ url: `/v1/audit?from=${new Date(Date.now() - 1000).toISOString()}`, signal });
    return { area, check: 'audit log', verdict: 'ok', detail: 'readable: commits name who changed what' };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      area,
      check: 'audit log',
      verdict: 'note',
      detail: error.message,
      remedy: 'Use the token of an administrator; without it authors are the last modifiers, where known',
    };
  }
}

/** Tokens of the account that expire soon; which of them is ours cannot be told. */
async function expiringTokens(client: ApiClient, area: string, signal: AbortSignal): Promise<Finding[]> {
  const nowMs = Date.now() + client.clockSkewMs();
  return (await fetchTokenExpiries(client, signal)).flatMap(({ name, expires }) => {
    const days = Math.floor((expires.getTime() - nowMs) / 86_400_000);
    if (days >= EXPIRES_SOON_DAYS) return [];
    const detail = `${name} expires ${days < 1 ? 'within a day' : `in ${days} days`}`;
    const remedy = 'If that is the one in use here: make a new one and put it in its place';
    return [{ area, check: 'API token', verdict: 'note' as const, detail, remedy }];
  });
}

async function reachType(
  client: ApiClient,
  account: AccountConfig,
  type: ResourceType,
  signal: AbortSignal,
): Promise<Finding> {
  const area = account.name;
  const query = new URLSearchParams({
    ...type.list.query,
    ...(type.list.paged === false ? {} : { limit: '1' }),
  }).toString();
  const read = (path: string) => client.json({ url: query === '' ? path : `${path}?${query}`, signal });
  try {
    try {
      await read(type.list.path);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404 || !type.list.alternative) throw error;
      await read(type.list.alternative);
    }
    return { area, check: type.name, verdict: 'ok', detail: 'readable' };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const optional = type.presence === 'standard' && !account.include.includes(type.name);
    const refused = error.status === 402 || error.status === 403 || error.status === 404;
    return {
      area,
      check: type.name,
      verdict: optional && refused ? 'note' : 'fault',
      detail: error.message,
      remedy: refused
        ? optional
          ? 'Not in the licence or not allowed to this token; to be rid of the note: exclude the type'
          : 'Give the token full access, or use one of an administrator'
        : 'Passing trouble of the service or the network: try again',
    };
  }
}
