import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ResourceType } from '../../catalogue/types.ts';
import { fetchUserId } from '../../celigo/audit.ts';
import { probeAudit } from '../../celigo/audit-walk.ts';
import { type ApiClient, type ApiResponse, clientOf, hasBody } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { recordsOf } from '../../celigo/paging.ts';
import { EXPIRES_SOON_DAYS, fetchTokenExpiries } from '../../celigo/tokens.ts';
import { unusedVariables } from '../../config/load.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { parentTypes } from '../../core/below.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { YamlError } from '../../core/yaml.ts';
import { createGit, type Git, GitFailure } from '../../git/git.ts';
import { isRepository } from '../../mirror/folder.ts';
import { isSound } from '../../mirror/repair-clone.ts';
import { bindingIn, checkBinding } from '../binding.ts';
import { selectTypes } from '../sync/collect/all.ts';
import { unownedFolders } from '../unowned.ts';
import { examineCoverage } from './coverage.ts';
import { examineFiles } from './exposed-files.ts';
import type { Finding } from './finding.ts';
import { futureHead } from './future-head.ts';
import { examineLeftOut } from './left-out.ts';
import { examineRemote } from './remote-findings.ts';
import { uncommittedIn } from './uncommitted.ts';
import { examineUnknown } from './unknown.ts';
import { examinePlace, examineTemporary, examineWriting } from './write-findings.ts';

/** What the checks need from the outside. */
interface DoctorDeps {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  readonly nodeVersion: string;
  /** Only what needs no network. */
  readonly offline: boolean;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** Oldest git that the tests pass with (docs/reliability.md); before 2.28 no mirror can be made. */
const OLDEST_GIT = [2, 30] as const;
/** Oldest git that signs with SSH keys. */
const OLDEST_SIGNING_GIT = [2, 34] as const;

/** Checks everything that a run depends on. What it writes to see whether it can, it removes again. */
export async function examine(deps: DoctorDeps): Promise<readonly Finding[]> {
  const { config } = deps;
  // The types of an account are read in parallel, and each request listens to it.
  setMaxListeners(0, deps.signal);
  const findings: Finding[] = [
    {
      area: 'configuration',
      check: 'read',
      verdict: 'ok',
      detail: `${config.source}, accounts: ${config.accounts.map(({ name }) => name).join(', ')}`,
    },
    ...examineVariables(deps),
    { area: 'node', check: 'version', verdict: 'ok', detail: deps.nodeVersion },
    ...examineFiles(config),
    ...examineTemporary(),
    ...(await examineGit(deps)),
  ];
  if (deps.offline) return findings;
  const git = isRepository(config.repository.path) ? gitOf(deps, config.repository.path) : undefined;
  for (const account of config.accounts) findings.push(...(await examineAccount(deps, account, git)));
  return findings;
}

function examineVariables({ config, env }: DoctorDeps): Finding[] {
  if (config.source === 'environment') return [];
  const { names } = unusedVariables({ file: config.source, env, cwd: '/' });
  if (names.length === 0) return [];
  return [
    {
      area: 'configuration',
      check: 'environment',
      verdict: 'note',
      detail:
        `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} set and without effect: ` +
        'the file does not use them',
      remedy: `Unset them, or use them in the file, such as \${${names[0]}}`,
    },
  ];
}

async function examineClone(git: Git, { config, now }: DoctorDeps, folders: readonly string[]): Promise<Finding[]> {
  const { path, remote } = config.repository;
  try {
    const objects = await examineObjects(git, remote !== undefined);
    return [objects, ...(await examineFolders(git, path, folders)), ...(await examineHead(git, now()))];
  } catch (error) {
    // Settings of the clone that every run refuses.
    if (!(error instanceof AppError)) throw error;
    const remedy = error.hint === undefined ? {} : { remedy: error.hint };
    return [{ area: 'repository', check: 'configuration', verdict: 'fault', detail: error.message, ...remedy }];
  }
}

async function examineFolders(git: Git, path: string, folders: readonly string[]): Promise<Finding[]> {
  // A commit that cannot be read is a finding of its own.
  const { length } = await uncommittedIn(git, path, folders).catch((error: unknown) => {
    if (error instanceof AppError || error instanceof GitFailure) return [];
    throw error;
  });
  if (length === 0) return [];
  return [
    {
      area: 'repository',
      check: 'clean',
      verdict: 'note',
      detail: `${length} uncommitted files in the account folders`,
      remedy: 'The next sync saves manual edits under refs/celigo-mirror/rescue/ and undoes them',
    },
  ];
}

async function examineHead(git: Git, now: Date): Promise<Finding[]> {
  const future = await futureHead(git, now);
  if (!future) return [];
  return [{ area: 'repository', check: 'dates', verdict: 'note', detail: future.detail, remedy: future.remedy }];
}

function gitOf({ config, env, signal }: DoctorDeps, cwd: string): Git {
  return createGit({ cwd, config: config.repository, env, signal });
}

async function examineGit(deps: DoctorDeps): Promise<Finding[]> {
  const { config } = deps;
  const { path } = config.repository;
  // With a slash, a file in the place of a folder does not exist.
  const cwd = [path, dirname(path)].find((folder) => existsSync(`${folder}/`)) ?? '/';
  const git = gitOf(deps, cwd);
  let version: string;
  try {
    version = (await git.run(['--version'])).trim();
  } catch (error) {
    if (!(error instanceof AppError) && !(error instanceof GitFailure)) throw error;
    const remedy = (error instanceof AppError && error.hint) || 'Install git, and make sure that it is on the PATH';
    return [{ area: 'git', check: 'installed', verdict: 'fault', detail: error.message, remedy }];
  }
  return [
    examineVersion(version, config.repository.signingKeyFile !== undefined),
    ...(await examineRepository(git, deps)),
    ...(deps.offline ? [] : await examineRemoteOf(deps, cwd)),
  ];
}

async function examineRemoteOf(deps: DoctorDeps, cwd: string): Promise<Finding[]> {
  try {
    return await examineRemote(gitOf(deps, cwd), deps.config, isRepository(deps.config.repository.path));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const remedy = error.hint === undefined ? {} : { remedy: error.hint };
    return [{ area: 'remote', check: 'reachable', verdict: 'fault', detail: error.message, ...remedy }];
  }
}

/** @param version what `git --version` prints */
function examineVersion(version: string, signing: boolean): Finding {
  const [major = 0, minor = 0] = (/(?<!\d)(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  const oldest = signing ? OLDEST_SIGNING_GIT : OLDEST_GIT;
  const found = { area: 'git', check: 'version', detail: version } as const;
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return { ...found, verdict: 'ok' };
  const remedy = `Install git ${oldest.join('.')} or later${signing ? ', which can sign with SSH keys' : ''}`;
  return { ...found, verdict: 'fault', remedy };
}

async function examineRepository(git: Git, deps: DoctorDeps): Promise<Finding[]> {
  const { config, signal } = deps;
  const { path } = config.repository;
  const found = { area: 'repository', check: 'path' } as const;
  if (!existsSync(path)) {
    const detail = `${path} does not exist yet; the first sync creates it`;
    return [{ ...found, verdict: 'note', detail }, ...examinePlace(path)];
  }
  if (!isRepository(path)) {
    const detail = `${path} is not a Git repository yet; the first sync creates it`;
    return [{ ...found, verdict: 'note', detail }, ...examinePlace(path)];
  }
  if ((await git.ask(['rev-parse', '--absolute-git-dir'])) === undefined) {
    const remedy = `Check it with: git -C ${path} fsck`;
    return [{ ...found, verdict: 'fault', detail: `${path} is damaged`, remedy }];
  }
  const folders = config.accounts.map(({ name }) => name);
  const unknown = await Promise.all(folders.map((folder) => examineUnknown(git, folder)));
  const coverage = await Promise.all(folders.map((folder) => examineCoverage(git, folder)));
  const leftOut = await Promise.all(config.accounts.map((account) => examineLeftOut(git, account)));
  const clone = await examineClone(git, deps, folders);
  return [
    { ...found, verdict: 'ok', detail: path },
    ...(await examineWriting(git, path, folders, signal)),
    ...clone,
    ...(await examineUnowned(git, path, folders)),
    ...leftOut.flat(),
    ...unknown.flat(),
    ...coverage.flat(),
  ];
}

async function examineUnowned(git: Git, path: string, accounts: readonly string[]): Promise<Finding[]> {
  // A repository that cannot be read is a finding of its own.
  const unowned = await unownedFolders(git, path, accounts).catch((error: unknown) => {
    if (error instanceof AppError) return [];
    throw error;
  });
  return unowned.map((folder) => ({
    area: 'repository',
    check: 'folders',
    verdict: 'note',
    detail: `${folder}/ belongs to no account of the configuration: it is not mirrored any more`,
    remedy:
      `If the account has a new name, go on with its folder: git mv ${folder} <name>; ` +
      `otherwise: git rm -r ${folder}`,
  }));
}

/** Whether everything that the history names exists: a run reads only what it needs. */
async function examineObjects(git: Git, remote: boolean): Promise<Finding> {
  const found = { area: 'repository', check: 'objects' } as const;
  if (await isSound(git)) return { ...found, verdict: 'ok', detail: 'the history is complete' };
  return {
    ...found,
    verdict: 'fault',
    detail: 'parts of the history are missing or damaged; git fsck names them',
    remedy: remote
      ? 'Move the clone away: the next sync makes a fresh one from the remote'
      : 'Restore the clone from a backup if you have one, and set repository.remote so that there is a copy',
  };
}

async function examineAccount(deps: DoctorDeps, account: AccountConfig, git: Git | undefined): Promise<Finding[]> {
  const { env, signal } = deps;
  const client = clientOf(account, env, { userAgent: deps.userAgent, retries: Math.min(account.retries, 1) });
  const area = account.name;
  try {
    const userId = await fetchUserId(client, signal);
    const findings: Finding[] = [
      { area, check: 'token', verdict: 'ok', detail: `accepted by ${account.baseUrl}, user ${userId}` },
    ];
    if (git) findings.push(...(await examineBinding(git, account, userId)));
    const skew = Math.round(client.clockSkewMs() / 1000);
    findings.push(
      Math.abs(skew) > 30
        ? {
            area,
            check: 'clock',
            verdict: 'note',
            detail: `differs from the server's clock by ${Math.abs(skew)} s`,
            remedy: 'Set this machine’s clock (NTP)',
          }
        : { area, check: 'clock', verdict: 'ok', detail: 'agrees with the server' },
    );
    findings.push(await reachAudit(client, area, signal));
    findings.push(...(await expiringTokens(client, area, signal)));
    const types = await Promise.all(
      selectTypes(account)
        .filter((type) => parentTypes(type).length === 0)
        .map((type) => reachType(client, account, type, signal)),
    );
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
        remedy: 'Check region or baseUrl, the network and, if you use one, the proxy',
      },
    ];
  } finally {
    await client.close();
  }
}

/** Whether the folder is bound to the account that the token belongs to: every run refuses another. */
async function examineBinding(git: Git, { name, baseUrl }: AccountConfig, userId: string): Promise<Finding[]> {
  const found = { area: name, check: 'binding' } as const;
  try {
    const binding = await bindingIn(git, name);
    if (!binding) return [];
    checkBinding(binding, { baseUrl, userId }, name);
    return [{ ...found, verdict: 'ok', detail: `${name}/ belongs to the account of the token` }];
  } catch (error) {
    if (!(error instanceof AppError) && !(error instanceof YamlError)) throw error;
    if (error instanceof AppError && error.code !== 'BINDING') return [];
    const remedy = error instanceof AppError && error.hint ? { remedy: error.hint } : {};
    return [{ ...found, verdict: 'fault', detail: messageOf(error), ...remedy }];
  }
}

async function reachAudit(client: ApiClient, area: string, signal: AbortSignal): Promise<Finding> {
  try {
    await probeAudit(client, signal);
    return { area, check: 'audit log', verdict: 'ok', detail: 'readable: commits name who changed what' };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      area,
      check: 'audit log',
      verdict: 'note',
      detail: error.message,
      remedy: 'Use a token of an administrator; without one, commits name the last modifier as the author, where known',
    };
  }
}

/** Tokens of the account that expire soon; the API does not show which of them is in use here. */
async function expiringTokens(client: ApiClient, area: string, signal: AbortSignal): Promise<Finding[]> {
  const nowMs = Date.now() + client.clockSkewMs();
  return (await fetchTokenExpiries(client, signal)).flatMap(({ name, expires }) => {
    const days = Math.floor((expires.getTime() - nowMs) / 86_400_000);
    if (days >= EXPIRES_SOON_DAYS) return [];
    const detail = `${name} expires ${days < 1 ? 'within a day' : `in ${days} days`}`;
    const remedy = 'If this mirror uses that token, create a new one and replace it';
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
  const check = (answer: ApiResponse) => hasBody(answer) && type.list.shape !== 'keys' && recordsOf(answer);
  const read = (path: string) =>
    client.send({ url: query === '' ? path : `${path}?${query}`, signal, accept: (answer) => void check(answer) });
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
          ? 'Not in the licence or not allowed for this token; exclude the type to silence this note'
          : 'Give the token full access, or use a token of an administrator'
        : 'A temporary problem of the service or the network: try again',
    };
  }
}
