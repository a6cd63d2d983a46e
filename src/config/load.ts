import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type * as z from 'zod';
import { AppError, messageOf } from '../core/errors.ts';
import type { Json, MutableJsonObject } from '../core/json.ts';
import { RECEIPTS } from '../core/layout.ts';
import { schemaProblems, schemaWords, suggestion } from '../core/schema-words.ts';
import { YamlError } from '../core/yaml.ts';
import {
  type AccountConfig,
  type ChannelConfig,
  CONFIG_KEYS,
  type Config,
  configSchema,
  daemonConfig,
  drillConfig,
  durationMs,
  REGIONS,
  rateLimitOf,
} from './schema.ts';
import { parseSettings } from './settings-yaml.ts';
import { bytesOf } from './sizes.ts';
import { type Environment, interpolate, readSecret, sendable } from './values.ts';
import { withoutMissing } from './without-missing.ts';

interface LoadOptions {
  /** `--config`; wins over every other place. */
  readonly file?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  /** The file of the working directory does not count: it is in a mirror, where others write. */
  readonly withoutHere?: boolean;
  /** For a command that only reads the mirror: secrets that are missing are left out. */
  readonly withoutMissing?: boolean;
}

const FILE_NAME = 'celigo-mirror.yaml';

/** Variables that configure a run without a file, and that a file need not use; each with the key that it fills. */
const VARIABLES = {
  CELIGO_API_TOKEN: 'accounts.*.token',
  CELIGO_API_TOKEN_FILE: 'accounts.*.tokenFile',
  CELIGO_REGION: 'accounts.*.region',
  CELIGO_BASE_URL: 'accounts.*.baseUrl',
  MIRROR_ACCOUNT: 'accounts.*',
  MIRROR_PATH: 'repository.path',
  MIRROR_REMOTE: 'repository.remote',
  MIRROR_BRANCH: 'repository.branch',
  MIRROR_STATELESS: 'repository.stateless',
  MIRROR_REMOTE_USERNAME: 'repository.username',
  MIRROR_REMOTE_TOKEN: 'repository.token',
  MIRROR_REMOTE_TOKEN_FILE: 'repository.tokenFile',
  MIRROR_SSH_KEY_FILE: 'repository.sshKeyFile',
  MIRROR_SSH_KNOWN_HOSTS_FILE: 'repository.sshKnownHostsFile',
  MIRROR_SIGNING_KEY_FILE: 'repository.signingKeyFile',
  MIRROR_SCHEDULE: 'schedule',
  MIRROR_TIMEZONE: 'timezone',
  MIRROR_DRILL_SCHEDULE: 'drill.schedule',
  MIRROR_DRILL_RECEIPTS: 'drill.receipts',
  MIRROR_LISTEN: 'daemon.listen',
  MIRROR_TRIGGER_TOKEN: 'daemon.triggerToken',
  MIRROR_TRIGGER_TOKEN_FILE: 'daemon.triggerTokenFile',
};
const BY_KEY: ReadonlyMap<string, string> = new Map(Object.entries(VARIABLES).map(([name, key]) => [key, name]));

/** What a person wrote for a key: the key of their file, or the variable. */
function writtenAs(source: string, key: string): string {
  const variable = source === 'environment' ? BY_KEY.get(key.replace(/^accounts\.[^.]+/, 'accounts.*')) : undefined;
  return variable ?? key;
}

/** Variables that are set and have no effect, since there is a configuration file that does not use them. */
export function unusedVariables(options: LoadOptions): { readonly file: string; readonly names: readonly string[] } {
  let [file, used] = ['', ''];
  try {
    file = findFile(options) ?? '';
    if (file !== '') used = JSON.stringify(parseSettings(readFileSync(file, 'utf8')));
  } catch {
    // What is wrong with the file is another message.
    return { file, names: [] };
  }
  const uses = (name: string): boolean =>
    [name, name.replace(/_FILE$/, '')].some((one) => used.includes(`\${${one}}`) || used.includes(`\${${one}:-`));
  return { file, names: file === '' ? [] : Object.keys(VARIABLES).filter((name) => options.env[name] && !uses(name)) };
}

/**
 * Finds, reads and checks the configuration. Without a file the environment alone is enough.
 * @throws AppError `USAGE`, naming the file, every wrong key and what was expected there
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const file = findFile(options);
  const files: string[] = [];
  if (!file) return finish(fromEnvironment(options.env), 'environment', options.cwd, files);
  files.push(resolve(file));
  let raw: Json;
  try {
    raw = parseSettings(readFileSync(file, 'utf8'));
  } catch (error) {
    const line = error instanceof YamlError && error.line ? `:${error.line}` : '';
    throw new AppError('USAGE', `${file}${line}: ${messageOf(error)}`, {
      hint: 'Fix the YAML, or create a new file with: celigo-mirror init',
      cause: error,
    });
  }
  const problems: string[] = [];
  const asked = options.withoutMissing ? withoutMissing(raw, options.env, dirname(resolve(file))) : raw;
  const filled = interpolate(asked, '', options.env, problems, files);
  if (problems.length > 0) throw invalid(file, problems, TO_SET);
  return finish(filled, file, dirname(resolve(file)), files);
}

/** The file of the working directory, if it is there and the one that is found without being named. */
export function fileHere({ file, env, cwd }: LoadOptions): string | undefined {
  const path = join(cwd, FILE_NAME);
  return (file ?? env.CELIGO_MIRROR_CONFIG) || !existsSync(path) ? undefined : path;
}

function findFile(options: LoadOptions): string | undefined {
  const { file, env, cwd } = options;
  const named = file ?? env.CELIGO_MIRROR_CONFIG;
  if (named) {
    const path = resolve(cwd, named);
    if (existsSync(path)) return path;
    throw new AppError('USAGE', `${path}: configuration file not found`, {
      hint: 'Check --config or $CELIGO_MIRROR_CONFIG, or create the file with: celigo-mirror init',
    });
  }
  const here = options.withoutHere ? undefined : fileHere(options);
  return here ?? [join('/etc/celigo-mirror', FILE_NAME)].find((path) => existsSync(path));
}

function fromEnvironment(env: Environment): Json {
  if (!env.CELIGO_API_TOKEN && !env.CELIGO_API_TOKEN_FILE) {
    throw new AppError('USAGE', `no ${FILE_NAME} found, and CELIGO_API_TOKEN is not set`, {
      hint: 'Set CELIGO_API_TOKEN (or CELIGO_API_TOKEN_FILE), or create a configuration file with: celigo-mirror init',
    });
  }
  const pick = (entries: Record<string, string | boolean | undefined>): MutableJsonObject =>
    Object.fromEntries(
      Object.entries(entries).filter(
        (entry): entry is [string, string | boolean] => entry[1] !== undefined && entry[1] !== '',
      ),
    );
  const stateless: Record<string, boolean | string> =
    env.MIRROR_STATELESS === undefined || env.MIRROR_STATELESS === ''
      ? {}
      : { stateless: flagOf(env.MIRROR_STATELESS) };
  return {
    repository: pick({
      path: env.MIRROR_PATH,
      remote: env.MIRROR_REMOTE,
      branch: env.MIRROR_BRANCH,
      username: env.MIRROR_REMOTE_USERNAME,
      token: env.MIRROR_REMOTE_TOKEN,
      tokenFile: env.MIRROR_REMOTE_TOKEN_FILE,
      sshKeyFile: env.MIRROR_SSH_KEY_FILE,
      sshKnownHostsFile: env.MIRROR_SSH_KNOWN_HOSTS_FILE,
      signingKeyFile: env.MIRROR_SIGNING_KEY_FILE,
      ...stateless,
    }),
    accounts: {
      [env.MIRROR_ACCOUNT || 'default']: pick({
        region: env.CELIGO_REGION,
        baseUrl: env.CELIGO_BASE_URL,
        token: env.CELIGO_API_TOKEN_FILE ? undefined : env.CELIGO_API_TOKEN,
        tokenFile: env.CELIGO_API_TOKEN_FILE,
      }),
    },
    ...pick({ schedule: env.MIRROR_SCHEDULE, timezone: env.MIRROR_TIMEZONE }),
    drill: {
      ...pick({ schedule: env.MIRROR_DRILL_SCHEDULE }),
      ...(env.MIRROR_DRILL_RECEIPTS ? { receipts: flagOf(env.MIRROR_DRILL_RECEIPTS) } : {}),
    },
    daemon: pick({
      listen: env.MIRROR_LISTEN,
      triggerToken: env.MIRROR_TRIGGER_TOKEN_FILE ? undefined : env.MIRROR_TRIGGER_TOKEN,
      triggerTokenFile: env.MIRROR_TRIGGER_TOKEN_FILE,
    }),
  };
}

/** `true` and `false` as people write them in an environment; anything else is left for the schema to refuse. */
function flagOf(text: string): boolean | string {
  if (/^(?:1|true|yes|on)$/i.test(text)) return true;
  return /^(?:0|false|no|off)$/i.test(text) ? false : text;
}

/** Keys that the schema knows at a path of the configuration. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path[0] === 'daemon') return CONFIG_KEYS.daemon;
  if (path[0] === 'drill') return CONFIG_KEYS.drill;
  if (path[0] === 'notifications') return path[2] === 'watch' ? CONFIG_KEYS.watch : CONFIG_KEYS.channels;
  if (path.length === 0) return CONFIG_KEYS.top;
  if (path[0] === 'accounts' && path.length === 2) return CONFIG_KEYS.account;
  if (path[0] === 'accounts' && path[2] === 'rateLimit') return CONFIG_KEYS.rateLimit;
  if (path[0] === 'repository') return path.length === 1 ? CONFIG_KEYS.repository : CONFIG_KEYS.author;
  return path[0] === 'guards' ? CONFIG_KEYS.guards : [];
}

const TO_CORRECT = 'For a commented file that explains every key, run: celigo-mirror init -';
const TO_SET = 'Set the variable, or name a file with its value in <NAME>_FILE, or write ${NAME:-fallback}';

function invalid(source: string, problems: readonly string[], hint = TO_CORRECT): AppError {
  const where = source === 'environment' ? 'the environment' : source;
  const list = problems.map((problem) => `\n  ${problem.replace(/^[^:]+/, (key) => writtenAs(source, key))}`).join('');
  return new AppError('USAGE', `${where} is not a valid configuration:${list}`, { hint });
}

/** A base URL without trailing slash and without the `/v1` that every path begins with. */
function baseOf(text: string): string {
  const url = new URL(text);
  return url.origin + url.pathname.replace(/(?<!\/)\/+$/, '').replace(/\/v1$/i, '');
}

async function finish(raw: Json, source: string, folder: string, files: string[]): Promise<Config> {
  const parsed = await configSchema.safeParseAsync(raw, { error: schemaWords });
  if (!parsed.success) throw invalid(source, schemaProblems(parsed.error, knownKeys));
  const { repository, accounts, fullSweep, daemon, drill, notifications, ...rest } = parsed.data;
  const problems = [...folderProblems(parsed.data), ...channelProblems(parsed.data)];
  if (problems.length > 0) throw invalid(source, problems);

  /** A secret from its value, or from a file. */
  const secret = (value: string | undefined, file: string | undefined, key: string): string | undefined =>
    file === undefined ? value : readSecret(file, folder, writtenAs(source, key), files);
  const { tokenFile: remoteTokenFile, remoteTimeout, ...repo } = repository;
  const remoteToken = secret(repo.token, remoteTokenFile, 'repository.tokenFile');
  const triggerToken = secret(daemon.triggerToken, daemon.triggerTokenFile, 'daemon.triggerTokenFile');
  return {
    ...rest,
    source,
    repository: {
      ...repo,
      path: resolve(folder, repo.path),
      remoteTimeoutMs: durationMs(remoteTimeout),
      ...(remoteToken ? { token: remoteToken } : {}),
      ...(repo.sshKeyFile ? { sshKeyFile: resolve(folder, repo.sshKeyFile) } : {}),
      ...(repo.sshKnownHostsFile ? { sshKnownHostsFile: resolve(folder, repo.sshKnownHostsFile) } : {}),
      ...(repo.signingKeyFile ? { signingKeyFile: resolve(folder, repo.signingKeyFile) } : {}),
    },
    accounts: Object.entries(accounts).map(([name, account]): AccountConfig => {
      const { region, baseUrl, token, tokenFile, rateLimit, requestsPerSecond, ...settings } = account;
      const { requestTimeout, maxResponse, maxPause, ...more } = settings;
      return {
        ...more,
        name,
        baseUrl: baseOf(baseUrl ?? REGIONS[region ?? 'us']),
        token: sendable(
          secret(token, tokenFile, `accounts.${name}.tokenFile`) ?? '',
          writtenAs(source, `accounts.${name}.token`),
        ),
        rateLimit: rateLimitOf({ rateLimit, requestsPerSecond }),
        requestTimeoutMs: durationMs(requestTimeout),
        maxResponseBytes: bytesOf(maxResponse) ?? 0,
        maxPauseMs: durationMs(maxPause),
      };
    }),
    fullSweepMs: durationMs(fullSweep),
    daemon: daemonConfig(daemon, triggerToken),
    drill: drillConfig(drill),
    notifications: Object.entries(notifications).map(([name, channel]): ChannelConfig => {
      if (channel.type === 'email') {
        const { passwordFile, ...more } = channel;
        const password = secret(channel.password, passwordFile, `notifications.${name}.passwordFile`);
        return { ...more, name, ...(password ? { password } : {}) };
      }
      const { urlFile, ...more } = channel;
      const url = secret(channel.url, urlFile, `notifications.${name}.urlFile`) ?? '';
      if (!URL.canParse(url)) throw invalid(source, [`notifications.${name}.urlFile: the file does not contain a URL`]);
      return { ...more, name, url };
    }),
    files,
  };
}

type Parsed = z.output<typeof configSchema>;

/** Folders of the repository that are no account's. */
function folderProblems({ accounts, drill }: Parsed): string[] {
  return drill.receipts && Object.hasOwn(accounts, RECEIPTS)
    ? [`drill.receipts: the account ${RECEIPTS} has the folder in which receipts are kept; rename it`]
    : [];
}

/** Accounts that a channel names and that are not configured. */
function channelProblems({ notifications, accounts }: Parsed): string[] {
  const known = Object.keys(accounts);
  return Object.entries(notifications).flatMap(([name, channel]) =>
    (channel.accounts ?? []).flatMap((account, i) =>
      known.includes(account)
        ? []
        : [`notifications.${name}.accounts[${i}]: no account is called ${account}${suggestion(account, known)}`],
    ),
  );
}
