import { isObject } from '../core/json.ts';
import { type ApiClient, parseJson } from './client.ts';
import { ApiError } from './errors.ts';
import { recordsOf, walkCollection } from './paging.ts';

/** From so many days on an expiry is worth a word. */
export const EXPIRES_SOON_DAYS = 14;

/** An API token of the account that will stop working. */
export interface TokenExpiry {
  readonly name: string;
  readonly expires: Date;
}

/**
 * The tokens with an expiry (`autoPurgeAt`) that are not revoked. Which of them is the one in use cannot be told:
 * records show a mask instead of the token (api-notes#tokens).
 * @returns none where the token may not read `/v1/accesstokens`
 */
export async function fetchTokenExpiries(client: ApiClient, signal: AbortSignal): Promise<TokenExpiry[]> {
  const path = '/v1/accesstokens';
  const seen = new Set<string>();
  const found: TokenExpiry[] = [];
  try {
    await walkCollection(client, {
      path,
      paged: true,
      signal,
      read: (response) => {
        const { records, nextPageUrl } = recordsOf(parseJson(response), path);
        return { records, nextPageUrl, count: records.length };
      },
      visit: async ({ records }) => {
        let fresh = 0;
        for (const record of records) {
          if (!isObject(record)) continue;
          const id = String(record._id);
          if (seen.has(id)) continue;
          seen.add(id);
          fresh += 1;
          const expires = new Date(String(record.autoPurgeAt));
          if (record.revoked === true || Number.isNaN(expires.getTime())) continue;
          found.push({ name: String(record.name ?? id), expires });
        }
        return fresh;
      },
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [];
  }
  return found;
}
