import { findType } from '../../catalogue/index.ts';
import { fetchUserId } from '../../celigo/audit.ts';
import { clientOf } from '../../celigo/client.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import { type Key, typeIn } from '../../core/keys.ts';
import type { Git } from '../../git/git.ts';
import { accountsInHead } from '../../mirror/folder.ts';
import { bindingIn, isLoopback } from '../binding.ts';
import type { Prepared } from '../restore/prepared.ts';

/** Most resources that a refusal names. */
const MOST_NAMES = 5;

/** @throws AppError `GUARD` for an account that the configuration does not allow to drill into */
export function checkConfigured(target: AccountConfig, account: string, config: Config): void {
  const { name, token } = target;
  const refused = (why: string, hint: string): AppError =>
    new AppError('GUARD', `drill --into ${name}: ${why}`, { hint });
  const empty = 'Name an empty account with --into: what a drill makes is deleted afterwards';
  if (name === account) throw refused('it is the account that the mirror was made of', empty);
  if (!target.drill)
    throw refused(
      'the configuration does not say that drills may write to this account',
      `If it is empty and there for drills, set accounts.${name}.drill: true in ${config.source}`,
    );
  // Whatever the URL: one server has several names.
  const same = config.accounts.find((one) => one.name !== name && one.token === token);
  if (same) throw refused(`its token is that of ${same.name}, so it is the same account`, empty);
}

/** Whether these are two servers on this machine, such as emulators, whose users may have the same ids. */
function areTwoHere(...urls: [string, string]): boolean {
  const [one, other] = urls.map((url) => new URL(url));
  return urls.every(isLoopback) && one?.port !== other?.port;
}

/**
 * The user of the target's token.
 * @throws AppError `GUARD` where a folder of the mirror is bound to the same user, by whatever name of the server
 */
export async function checkIdentity(
  target: AccountConfig,
  {
    git,
    root,
    config,
    env,
    userAgent,
    signal,
  }: {
    readonly git: Git;
    readonly root: string;
    readonly config: Config;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly userAgent: string;
    readonly signal: AbortSignal;
  },
): Promise<string> {
  const client = clientOf(target, env, { userAgent });
  try {
    const userId = await fetchUserId(client, signal);
    for (const folder of await accountsInHead(git, root)) {
      const binding = folder === target.name ? undefined : await bindingIn(git, folder);
      if (!binding) continue;
      const there = config.accounts.find(({ name }) => name === folder);
      if (binding.userId !== userId || (there && areTwoHere(there.baseUrl, target.baseUrl))) continue;
      throw new AppError(
        'GUARD',
        `drill --into ${target.name}: its token belongs to user ${userId} at ${target.baseUrl}, with which ` +
          `${folder}/ was mirrored, so it may be the same account`,
        { hint: `Use an account of its own, or the token of a user who cannot reach ${folder}` },
      );
    }
    return userId;
  } finally {
    await client.close();
  }
}

/** Whether a resource counts: people, tokens and the like are in every account, and no restore makes them. */
export function counts(key: Key): boolean {
  return findType(typeIn(key))?.restore.mode !== 'manual';
}

/** The first of them, and how many more there are. */
export function namesOf(keys: readonly Key[]): string {
  const more = keys.length > MOST_NAMES ? ` and ${keys.length - MOST_NAMES} more` : '';
  return `${keys.slice(0, MOST_NAMES).join(', ')}${more}`;
}

/**
 * Refuses a target that holds anything but what the drill made, or of which that cannot be known.
 * @param own what the drill made, by its ids there
 * @throws AppError `GUARD`, or `API` where a type could not be listed completely
 */
export function checkEmpty({ live, request: { target } }: Prepared, own: ReadonlySet<Key>): void {
  const unread = live.report.types.find(({ type, state }) => state === 'incomplete' && counts(`${type}/`));
  if (unread)
    throw new AppError(
      'API',
      `drill --into ${target.name}: whether it is empty cannot be known: ${unread.type} could not be listed ` +
        `completely (${unread.reason}). Nothing was written`,
      { hint: 'Try again; if the token may not read this type, use one that may' },
    );
  const others = live.keys().filter((key) => counts(key) && !own.has(key));
  if (others.length === 0) return;
  throw new AppError(
    'GUARD',
    `drill --into ${target.name}: the account is not empty, it holds ${namesOf(others)}, which no drill is known ` +
      'to have made. Nothing was written',
    { hint: 'Use an empty account, or delete these resources manually if no one needs them' },
  );
}
