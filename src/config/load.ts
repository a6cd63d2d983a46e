import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { z } from 'zod';
import { findType, RESOURCE_TYPES } from '../catalogue/index.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { isArray, isObject, type Json, type MutableJsonObject, setOwn } from '../core/json.ts';
import { nearest } from '../core/suggest.ts';
import { type AccountConfig, CONFIG_KEYS, type Config, configSchema, durationMs, REGIONS } from './schema.ts';

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  /** `--config`; wins over every other place. */
  readonly file?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
}

const FILE_NAME = 'celigo-mirror.yaml';

/**
 * Finds, reads and checks the configuration. Without a file the environment alone is enough.
 * @throws AppError `USAGE`, naming the file, every wrong key and what was expected there
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const file = findFile(options);
  if (!file) return finish(fromEnvironment(options.env), 'environment', options.cwd);
  const { parseYaml, YamlError } = await import('../core/yaml.ts');
  let raw: Json;
  try {
    raw = parseYaml(readFileSync(file, 'utf8'));
  } catch (error) {
    const line = error instanceof YamlError && error.line ? `:${error.line}` : '';
    throw new AppError('USAGE', `${file}${line}: ${messageOf(error)}`, {
      hint: 'Mend the YAML, or write a fresh file with: celigo-mirror init',
      cause: error,
    });
  }
  const problems: string[] = [];
  const filled = interpolate(raw, '', options.env, problems);
  if (problems.length > 0) throw invalid(file, problems);
  return finish(filled, file, dirname(resolve(file)));
}

function findFile({ file, env, cwd }: LoadOptions): string | undefined {
  const named = file ?? env.CELIGO_MIRROR_CONFIG;
  if (named) {
    const path = resolve(cwd, named);
    if (existsSync(path)) return path;
    throw new AppError('USAGE', `${path}: no such configuration file`, {
      hint: 'Check --config or $CELIGO_MIRROR_CONFIG, or write one with: celigo-mirror init',
    });
  }
  return [join(cwd, FILE_NAME), join('/etc/celigo-mirror', FILE_NAME)].find((path) => existsSync(path));
}

function fromEnvironment(env: Environment): Json {
  if (!env.CELIGO_API_TOKEN && !env.CELIGO_API_TOKEN_FILE) {
    throw new AppError('USAGE', `no ${FILE_NAME} found, and CELIGO_API_TOKEN is not set`, {
      hint: `Set CELIGO_API_TOKEN (or CELIGO_API_TOKEN_FILE), or write a configuration file with: celigo-mirror init`,
    });
  }
  const pick = (entries: Record<string, string | undefined>): MutableJsonObject =>
    Object.fromEntries(
      Object.entries(entries).filter((entry): entry is [string, string] => Boolean(entry[1])),
    );
  return {
    repository: pick({
      path: env.MIRROR_PATH,
      remote: env.MIRROR_REMOTE,
      branch: env.MIRROR_BRANCH,
      username: env.MIRROR_REMOTE_USERNAME,
      token: env.MIRROR_REMOTE_TOKEN,
      tokenFile: env.MIRROR_REMOTE_TOKEN_FILE,
      sshKeyFile: env.MIRROR_SSH_KEY_FILE,
    }),
    accounts: {
      default: pick({
        region: env.CELIGO_REGION,
        baseUrl: env.CELIGO_BASE_URL,
        token: env.CELIGO_API_TOKEN_FILE ? undefined : env.CELIGO_API_TOKEN,
        tokenFile: env.CELIGO_API_TOKEN_FILE,
      }),
    },
    ...pick({ schedule: env.MIRROR_SCHEDULE }),
  };
}

/** Docker and Kubernetes hand secrets over as files: `NAME_FILE` stands in for `NAME`. */
function secretFromFile(path: string | undefined): string | undefined {
  return path ? readSecret(path, '/', 'environment') : undefined;
}

/** Replaces `${NAME}` and `${NAME:-fallback}` inside strings. Every missing variable becomes a problem. */
export function interpolate(value: Json, path: string, env: Environment, problems: string[]): Json {
  if (typeof value === 'string') {
    return value.replace(
      /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
      (_all, name: string, fallback?: string) => {
        const found = env[name] ?? secretFromFile(env[`${name}_FILE`]);
        if (found !== undefined && found !== '') return found;
        if (fallback !== undefined) return fallback;
        problems.push(`${path || '(top)'}: the variable ${name} is not set`);
        return '';
      },
    );
  }
  if (isArray(value)) return value.map((item, i) => interpolate(item, `${path}[${i}]`, env, problems));
  if (!isObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const [key, held] of Object.entries(value)) {
    setOwn(out, key, interpolate(held, path ? `${path}.${key}` : key, env, problems));
  }
  return out;
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

function suggestion(word: string, known: readonly string[]): string {
  const guess = nearest(word, known);
  return guess ? ` (did you mean ${guess}?)` : '';
}

/** Keys that the schema knows at a path of the configuration. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return CONFIG_KEYS.top;
  if (path[0] === 'accounts' && path.length === 2) return CONFIG_KEYS.account;
  if (path[0] === 'repository') return path.length === 1 ? CONFIG_KEYS.repository : CONFIG_KEYS.author;
  return path[0] === 'guards' ? CONFIG_KEYS.guards : [];
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) => `${pathText([...issue.path, key])}: unknown key${suggestion(key, knownKeys(issue.path))}`,
    );
  }
  if (issue.code === 'invalid_type')
    return [`${pathText(issue.path) || '(top)'}: expected ${issue.expected}`];
  return [`${pathText(issue.path) || '(top)'}: ${issue.message.replace(/^Invalid (?:option|input): /, '')}`];
}

function invalid(source: string, problems: readonly string[]): AppError {
  const where = source === 'environment' ? 'the environment' : source;
  const list = problems.map((problem) => `\n  ${problem}`).join('');
  return new AppError('USAGE', `${where} is not a valid configuration:${list}`, {
    hint: 'Every key is described in config/celigo-mirror.schema.json; a commented file comes from: celigo-mirror init',
  });
}

function readSecret(file: string, folder: string, key: string): string {
  const path = isAbsolute(file) ? file : resolve(folder, file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new AppError('USAGE', `${key}: cannot read ${path}: ${messageOf(cause)}`, {
      hint: 'Check the path and that this user may read it',
      cause,
    });
  }
  if (text === '')
    throw new AppError('USAGE', `${key}: ${path} is empty`, { hint: 'Put the secret into the file' });
  return text;
}

/** Without trailing slash and without the `/v1` that every path begins with. */
function baseOf(text: string): string {
  const url = new URL(text);
  return url.origin + url.pathname.replace(/\/+$/, '').replace(/\/v1$/i, '');
}

function finish(raw: Json, source: string, folder: string): Config {
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) throw invalid(source, parsed.error.issues.flatMap(describeIssue));
  const { repository, accounts, fullSweep, ...rest } = parsed.data;
  const problems: string[] = [];
  for (const [name, account] of Object.entries(accounts)) {
    for (const list of ['include', 'exclude'] as const) {
      for (const [i, dir] of account[list].entries()) {
        if (dir === '*' || findType(dir)) continue;
        const known = RESOURCE_TYPES.map((type) => type.dir);
        problems.push(
          `accounts.${name}.${list}[${i}]: no resource type is called ${dir}${suggestion(dir, known)}`,
        );
      }
    }
  }
  if (problems.length > 0) throw invalid(source, problems);

  const { tokenFile: remoteTokenFile, ...repo } = repository;
  const remoteToken = remoteTokenFile
    ? readSecret(remoteTokenFile, folder, 'repository.tokenFile')
    : repo.token;
  return {
    ...rest,
    source,
    repository: {
      ...repo,
      path: resolve(folder, repo.path),
      ...(remoteToken ? { token: remoteToken } : {}),
      ...(repo.sshKeyFile ? { sshKeyFile: resolve(folder, repo.sshKeyFile) } : {}),
      ...(repo.sshKnownHostsFile ? { sshKnownHostsFile: resolve(folder, repo.sshKnownHostsFile) } : {}),
      ...(repo.signingKeyFile ? { signingKeyFile: resolve(folder, repo.signingKeyFile) } : {}),
    },
    accounts: Object.entries(accounts).map(([name, account]): AccountConfig => {
      const { region, baseUrl, token, tokenFile, requestTimeout, ...more } = account;
      return {
        ...more,
        name,
        baseUrl: baseOf(baseUrl ?? REGIONS[region ?? 'us']),
        token: token ?? readSecret(tokenFile ?? '', folder, `accounts.${name}.tokenFile`),
        requestTimeoutMs: durationMs(requestTimeout),
      };
    }),
    fullSweepMs: durationMs(fullSweep),
  };
}
