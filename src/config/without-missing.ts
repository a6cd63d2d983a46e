import { AppError } from '../core/errors.ts';
import { isObject, type Json, type JsonObject, type MutableJsonObject } from '../core/json.ts';
import { type Environment, interpolate, readSecret, sendable } from './values.ts';

/** The token of accounts that are read without one. */
const NO_TOKEN = 'the-token-was-not-read';

/** Whether the variables of some settings are set, and the files that they name are there. */
function canBeRead(settings: Json, env: Environment, folder: string): boolean {
  const problems: string[] = [];
  try {
    const filled = interpolate(settings, '', env, problems);
    for (const [key, value] of isObject(filled) ? Object.entries(filled) : []) {
      if (typeof value !== 'string') continue;
      if (key === 'token') sendable(value, key);
      if (key.endsWith('File')) readSecret(value, folder, key, []);
    }
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
  return problems.length === 0;
}

/** Settings as they are, or with others in the place of a token that is missing. */
function withToken(settings: Json, others: JsonObject, isAtHand: (settings: Json) => boolean): Json {
  if (!isObject(settings)) return settings;
  const { token, tokenFile, ...rest } = settings;
  const own = { ...(token === undefined ? {} : { token }), ...(tokenFile === undefined ? {} : { tokenFile }) };
  return Object.keys(own).length > 0 && isAtHand(own) ? settings : { ...rest, ...others };
}

/**
 * A configuration without the tokens, the channels and the settings of the daemon of which a variable or a file is
 * missing. The others stay: what holds a secret must be known to be one.
 * @param folder that relative paths of files are seen from
 */
export function withoutMissing(raw: Json, env: Environment, folder: string): Json {
  if (!isObject(raw)) return raw;
  const isAtHand = (settings: Json): boolean => canBeRead(settings, env, folder);
  const { daemon, ...rest } = raw;
  const out: MutableJsonObject = { ...rest, ...(daemon !== undefined && isAtHand(daemon) ? { daemon } : {}) };
  const { repository, accounts, notifications } = raw;
  if (repository !== undefined) out.repository = withToken(repository, {}, isAtHand);
  if (isObject(accounts)) {
    const entries = Object.entries(accounts);
    out.accounts = Object.fromEntries(
      entries.map(([name, account]) => [name, withToken(account, { token: NO_TOKEN }, isAtHand)]),
    );
  }
  if (isObject(notifications)) {
    const entries = Object.entries(notifications);
    out.notifications = Object.fromEntries(entries.filter(([, channel]) => isAtHand(channel)));
  }
  return out;
}
