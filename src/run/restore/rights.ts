import { fetchUsers } from '../../celigo/audit.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { AppError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';

/**
 * Refuses a token that cannot write, before the first write.
 * @throws AppError `RIGHTS`
 */
export async function checkRights(client: ApiClient, userId: string, signal: AbortSignal): Promise<void> {
  let body: Json | undefined;
  try {
    await fetchUsers(client, signal);
    body = await client.json({ url: '/v1/ashares?limit=1000', signal });
  } catch (error) {
    // Whoever may not see the users finds out with the first write, which goes alone.
    if (error instanceof ApiError) return;
    throw error;
  }
  const shares = Array.isArray(body) ? (body as JsonObject[]) : [];
  const own = shares.find(({ sharedWithUser }) => (sharedWithUser as JsonObject | undefined)?._id === userId);
  const levels = Array.isArray(own?.integrationAccessLevel)
    ? (own.integrationAccessLevel as JsonObject[])
    : [];
  if (own?.accessLevel !== 'monitor' || levels.some(({ accessLevel }) => accessLevel === 'manage')) return;
  throw new AppError(
    'RIGHTS',
    'the token belongs to a user who may only look (access level monitor). Nothing was changed',
    {
      hint: 'Use the token of an administrator, or of somebody who may manage what is to be restored',
    },
  );
}
