import type { ChannelConfig, Config } from '../../config/schema.ts';
import type { Repository } from '../../mirror/repository.ts';
import type { Cache } from './cache.ts';
import type { HeldCredentials } from './clear-credentials.ts';

/** A marker in a document, or a mark in a text. */
const MARK = String.raw`(\$secret: "?|\[\[redacted )[0-9a-f]{12}`;

/** What is in the cache and in HEAD. */
interface Held {
  readonly repository: Repository;
  readonly config: Config;
  readonly cache: Cache | undefined;
  /** Object id of the account's folder as the mirror left it. */
  readonly tree: string | undefined;
  /** Whether the cache describes exactly that. */
  readonly fits: boolean;
}

/**
 * The credentials that a mirror has fingerprints of, and those of the program. Without a cache that fits, the files of
 * HEAD are searched for them, unless the clone has no contents.
 */
export async function readHeldCredentials({ repository, config, cache, tree, fits }: Held): Promise<HeldCredentials> {
  const own = ownSecrets(config);
  const known = cache?.known;
  if (tree === undefined || (fits && known) || config.repository.stateless)
    return { held: known ?? (() => new Map()), own };
  const marked = await marksIn(repository, tree);
  let all: Map<string, number> | undefined;
  return {
    held() {
      all ??= new Map([...marked.map((print) => [print, 0] as const), ...(known?.() ?? [])]);
      return all;
    },
    own,
  };
}

/** Fingerprints in the files of a folder. */
async function marksIn({ git }: Repository, tree: string): Promise<string[]> {
  // Finding nothing looks like a failure to git.
  const found = await git.ask(['grep', '-h', '-o', '-a', '--no-textconv', '-E', '-e', MARK, tree, '--']);
  return [...new Set((found ?? '').split('\n').flatMap((line) => (line === '' ? [] : [line.slice(-12)])))];
}

/** The credentials that the program itself was given. */
function ownSecrets({ accounts, repository, daemon, notifications }: Config): string[] {
  const given = [...accounts.map(({ token }) => token), repository.token, daemon.triggerToken];
  return [...given.flatMap((one) => one ?? []), ...notifications.flatMap(secretsOf)];
}

/** Whoever knows the address of a channel can post there. */
function secretsOf(channel: ChannelConfig): string[] {
  if (channel.type === 'email') return channel.password === undefined ? [] : [channel.password];
  const { pathname, searchParams } = new URL(channel.url);
  const headers = channel.type === 'webhook' ? Object.values(channel.headers) : [];
  return [channel.url, ...pathname.split('/'), ...searchParams.values(), ...headers];
}
