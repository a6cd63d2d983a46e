import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';
import { isArray, isObject, type Json, type MutableJsonObject, setOwn } from '../core/json.ts';

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A secret from the file that holds it. @throws AppError `USAGE` @param files gets its path */
export function readSecret(file: string, folder: string, key: string, files: string[]): string {
  const path = isAbsolute(file) ? file : resolve(folder, file);
  files.push(path);
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new AppError('USAGE', `${key}: cannot read ${path}: ${messageOf(cause)}`, {
      hint: 'Check the path, and that the current user can read it',
      cause,
    });
  }
  if (text === '') throw new AppError('USAGE', `${key}: ${path} is empty`, { hint: 'Write the secret to the file' });
  return text;
}

/** A token that a header can carry, without line ends that an editor added. @throws AppError `USAGE` */
export function sendable(token: string, key: string): string {
  const text = token.trim();
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new AppError(
    'USAGE',
    `${key}: the token is empty, or contains a space, a line break or another invalid character`,
    { hint: 'Copy the token again, on one line and without quotes' },
  );
}

/** Docker and Kubernetes pass secrets as files: `NAME_FILE` replaces `NAME`. */
function secretFromFile(path: string | undefined, files: string[]): string | undefined {
  return path ? readSecret(path, '/', 'environment', files) : undefined;
}

/**
 * Replaces `${NAME}` and `${NAME:-fallback}` inside strings. Every missing variable becomes a problem, every file that
 * was read for one is added to `files`.
 */
export function interpolate(
  value: Json,
  path: string,
  env: Environment,
  problems: string[],
  files: string[] = [],
): Json {
  if (typeof value === 'string') {
    return value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g, (_all, name: string, fallback?: string) => {
      const found = env[name] ?? secretFromFile(env[`${name}_FILE`], files);
      if (found !== undefined && found !== '') return found;
      if (fallback !== undefined) return fallback;
      problems.push(`${path || '(top)'}: the variable ${name} is not set`);
      return '';
    });
  }
  if (isArray(value)) return value.map((item, i) => interpolate(item, `${path}[${i}]`, env, problems, files));
  if (!isObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const [key, held] of Object.entries(value)) {
    setOwn(out, key, interpolate(held, path ? `${path}.${key}` : key, env, problems, files));
  }
  return out;
}
