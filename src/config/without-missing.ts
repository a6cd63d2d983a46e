import { AppError } from '../core/errors.ts';
import { isObject, type Json, type JsonObject } from '../core/json.ts';
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

/**
 * A configuration without the tokens, the channels and the settings of the daemon of which a variable or a file is
 * missing. The others stay: what holds a secret must be known to be one.
 */
export function withoutMissing(raw: Json, env: Environment, folder: string): Json {
  const isAtHand = (settings: Json): boolean => canBeRead(settings, env, folder);
  if (!isObject(raw)) return raw;
  const withToken = (settings: Json | undefined, token: JsonObject): Json | undefined => {
    if (!isObject(settings)) return settings;
    const { token: held, tokenFile, ...rest } = settings;
    const own = { ...(held === undefined ? {} : { token: held }), ...(tokenFile === undefined ? {} : { tokenFile }) };
    return Object.keys(own).length > 0 && isAtHand(own) ? settings : { ...rest, ...token };
  };
  const each = (settings: Json | undefined, change: (entry: Json) => Json | undefined): Json | undefined =>
    isObject(settings)
      ? Object.fromEntries(
          Object.entries(settings).flatMap(([name, entry]) => {
            const changed = change(entry);
            return changed === undefined ? [] : [[name, changed]];
          }),
        )
      : settings;
  const { repository, accounts, daemon, notifications, ...rest } = raw;
  const changed = {
    repository: withToken(repository, {}),
    accounts: each(accounts, (account) => withToken(account, { token: NO_TOKEN })),
    daemon: daemon !== undefined && isAtHand(daemon) ? daemon : undefined,
    notifications: each(notifications, (channel) => (isAtHand(channel) ? channel : undefined)),
  };
  return { ...rest, ...Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined)) } as Json;
}
