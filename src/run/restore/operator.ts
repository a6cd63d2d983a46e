import { userInfo } from 'node:os';
import { fetchAudit, fetchUsers } from '../../celigo/audit.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { Person } from '../../core/changes.ts';
import { AppError } from '../../core/errors.ts';
import { identityOf } from '../../core/identity.ts';
import type { Git } from '../../git/git.ts';

/** `Name <address>`. @throws AppError `USAGE` for anything else */
function parsePerson(text: string, where: string): Person {
  const [, called = '', email] = /^([^<>]+)<([^<>\s@]+@[^<>\s]+)>$/.exec(text.trim()) ?? [];
  const name = called.trim();
  if (name !== '' && email !== undefined) return { name, email };
  throw new AppError('USAGE', `${where}: "${text}" is not a person`, { hint: 'Expected: Name <address@example.com>' });
}

/** As {@link whoIsIt}, in the form in which a commit names a person. @throws AppError `USAGE` */
export async function findOperator(...given: Parameters<typeof whoIsIt>): Promise<Person> {
  return identityOf(await whoIsIt(...given));
}

/**
 * Who runs the restore: `$CELIGO_MIRROR_OPERATOR`, git's own variables, git's configuration, the person behind the
 * token, the user of this machine; the first that is known.
 */
async function whoIsIt(
  env: Readonly<Record<string, string | undefined>>,
  userGit: Git,
  client: ApiClient,
  userId: string,
  signal: AbortSignal,
): Promise<Person> {
  if (env.CELIGO_MIRROR_OPERATOR) return parsePerson(env.CELIGO_MIRROR_OPERATOR, 'CELIGO_MIRROR_OPERATOR');
  if (env.GIT_AUTHOR_NAME && env.GIT_AUTHOR_EMAIL) return { name: env.GIT_AUTHOR_NAME, email: env.GIT_AUTHOR_EMAIL };
  const [name, email] = await Promise.all(
    // The clone's own identity is that of the mirror, so only the user's and the machine's settings count.
    ['user.name', 'user.email'].map(async (key) => (await userGit.ask(['config', '--global', '--get', key]))?.trim()),
  );
  if (name && email) return { name, email };
  return (await behindToken(client, userId, signal)) ?? onThisMachine();
}

async function behindToken(client: ApiClient, userId: string, signal: AbortSignal): Promise<Person | undefined> {
  try {
    const known = (await fetchUsers(client, signal)).get(userId);
    if (known?.email) return known;
    // The owner is not among the users; the audit log names them (api-notes#users).
    const month = new Date(Date.now() - 30 * 86_400_000);
    const own = (await fetchAudit(client, month, new Date(Date.now() + 60_000), signal)).findLast(
      ({ by }) => by.id === userId,
    );
    if (own?.by.email) return { name: own.by.name ?? own.by.email, email: own.by.email };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
  return undefined;
}

function onThisMachine(): Person {
  try {
    const { username } = userInfo();
    return { name: username, email: `${username}@localhost` };
  } catch {
    return { name: 'operator', email: 'operator@localhost' };
  }
}
