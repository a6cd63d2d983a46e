import { clientOf } from '../../celigo/client.ts';
import { fetchTokenExpiries, type TokenExpiry } from '../../celigo/tokens.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { USER_AGENT } from '../../version.ts';
import type { Io } from '../ui/io.ts';

/** Asks the account when its tokens expire, once. @throws AppError where it cannot be reached */
export async function tokenExpiries(
  io: Pick<Io, 'env'>,
  account: AccountConfig,
  signal: AbortSignal,
): Promise<TokenExpiry[]> {
  const client = clientOf(account, io.env, { userAgent: USER_AGENT, retries: 0 });
  try {
    return await fetchTokenExpiries(client, signal);
  } finally {
    await client.close();
  }
}
