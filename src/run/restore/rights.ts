import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { listAll } from './find-created.ts';

const USERS = findType('ashares') as ResourceType;

/**
 * Refuses a token that cannot write, before the first write.
 * @throws AppError `RIGHTS`
 */
export async function checkRights(client: ApiClient, userId: string, signal: AbortSignal): Promise<void> {
  let shares: readonly JsonObject[];
  try {
    shares = [...(await listAll(client, USERS, USERS.list.path, signal)).values()];
  } catch (error) {
    // Whoever may not see the users finds out with the first write, which goes alone.
    if (error instanceof ApiError) return;
    throw error;
  }
  const own = shares.find(({ sharedWithUser }) => (sharedWithUser as JsonObject | undefined)?._id === userId);
  const levels = Array.isArray(own?.integrationAccessLevel) ? (own.integrationAccessLevel as JsonObject[]) : [];
  if (own?.accessLevel !== 'monitor' || levels.some(({ accessLevel }) => accessLevel === 'manage')) return;
  throw new AppError(
    'RIGHTS',
    'the token belongs to a user who may only look (access level monitor). Nothing was changed',
    {
      hint: 'Use the token of an administrator, or of somebody who may manage what is to be restored',
    },
  );
}
