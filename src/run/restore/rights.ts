import { USERS } from '../../catalogue/index.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { listAll } from './reader.ts';

/**
 * Refuses a token that cannot write, before the first write.
 * @throws AppError `RIGHTS`
 */
export async function checkRights(client: ApiClient, userId: string, signal: AbortSignal): Promise<void> {
  let shares: readonly JsonObject[];
  try {
    shares = [...(await listAll(client, USERS.list, signal)).values()];
  } catch (error) {
    // Without the right to see the users, the first write shows it; that one goes alone.
    if (error instanceof ApiError) return;
    throw error;
  }
  const own = shares.find((share) => (share[USERS.person ?? ''] as JsonObject | undefined)?._id === userId);
  const levels = Array.isArray(own?.integrationAccessLevel) ? (own.integrationAccessLevel as JsonObject[]) : [];
  if (own?.accessLevel !== 'monitor' || levels.some(({ accessLevel }) => accessLevel === 'manage')) return;
  throw new AppError(
    'RIGHTS',
    'the token has no write access: its user has the access level monitor. Nothing was changed',
    { hint: 'Use the token of an administrator, or of a user who can manage the resources to restore' },
  );
}
