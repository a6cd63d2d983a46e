import { serverTime } from '../core/server-time.ts';
import type { ApiClient } from './client.ts';
import { ApiError } from './errors.ts';
import { listRecords } from './paging.ts';

/** Tokens that expire within this many days are reported. */
export const EXPIRES_SOON_DAYS = 14;

/** An API token of the account that will stop working. */
export interface TokenExpiry {
  readonly name: string;
  readonly expires: Date;
}

/**
 * The tokens with an expiry (`autoPurgeAt`) that are not revoked. Which of them is in use cannot be determined:
 * records show a mask instead of the token (api-notes#tokens).
 * @returns none where the token may not read `/v1/accesstokens`
 */
export async function fetchTokenExpiries(client: ApiClient, signal: AbortSignal): Promise<TokenExpiry[]> {
  try {
    const path = '/v1/accesstokens';
    const records = await listRecords(client, { path, paged: true, signal }, ({ _id }) =>
      typeof _id === 'string' ? _id : undefined,
    );
    return [...records].flatMap(([id, { name, autoPurgeAt, revoked }]) => {
      const expires = new Date(serverTime(typeof autoPurgeAt === 'string' ? autoPurgeAt : ''));
      return revoked === true || Number.isNaN(expires.getTime())
        ? []
        : [{ name: typeof name === 'string' ? name : id, expires }];
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [];
  }
}
