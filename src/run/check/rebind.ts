import { GROUPS } from '../../catalogue/index.ts';
import { fetchUserId } from '../../celigo/audit.ts';
import { clientOf } from '../../celigo/client.ts';
import { listRecords } from '../../celigo/paging.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import type { Git } from '../../git/git.ts';
import { headCommit, readState } from '../../history/state.ts';
import { bindingIn, bindsTo } from '../binding.ts';

/** One of two accounts that may be the same. */
interface AccountFacts {
  readonly baseUrl: string;
  readonly userId: string;
  /** Ids of its groups, which stay with an account whoever owns it. */
  readonly groups: ReadonlySet<string>;
}

/** The account that a folder is bound to, beside the one that the token belongs to. */
export interface SideBySide {
  readonly folder: AccountFacts;
  readonly token: AccountFacts;
}

interface RebindDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  readonly signal: AbortSignal;
}

/**
 * What a person needs to decide whether the folder of an account and its token belong together.
 * @returns `undefined` where the folder is bound to the user of the token
 * @throws AppError `USAGE` where there is no folder, ApiError
 */
export async function compareAccounts(
  git: Git,
  account: AccountConfig,
  { env, userAgent, signal }: RebindDeps,
): Promise<SideBySide | undefined> {
  const { name, baseUrl } = account;
  const binding = await bindingIn(git, name);
  if (!binding) {
    throw new AppError('USAGE', `--rebind: the repository holds no mirror of ${name} yet`, {
      hint: 'Make one with: celigo-mirror sync',
    });
  }
  const client = clientOf(account, env, { userAgent });
  try {
    const userId = await fetchUserId(client, signal);
    if (bindsTo(binding, { baseUrl, userId })) return undefined;
    const { path, paged = true } = GROUPS.list;
    const live = await listRecords(client, { path, paged, signal }, ({ _id }) => String(_id));
    const { documents } = await readState(git, name, await headCommit(git));
    const held = [...documents.values()].flatMap(({ type, id }) => (type === GROUPS.name ? [id] : []));
    return {
      folder: { baseUrl: binding.baseUrl, userId: binding.userId, groups: new Set(held) },
      token: { baseUrl, userId, groups: new Set(live.keys()) },
    };
  } finally {
    await client.close();
  }
}
