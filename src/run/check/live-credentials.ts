import { setMaxListeners } from 'node:events';
import PQueue from 'p-queue';
import { catalogueWith } from '../../catalogue/index.ts';
import { clientOf } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { readBin } from '../../celigo/recycle-bin.ts';
import type { AccountConfig } from '../../config/schema.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { valueAt } from '../../core/paths.ts';
import { placeOf } from '../../core/places.ts';
import type { CredentialHolder, InAccount } from '../../credentials/needed.ts';
import { liveSecret } from '../../plan/secrets.ts';
import { createReader } from '../restore/reader.ts';
import { normalisingFor } from '../sync/clear-credentials.ts';

interface AskingDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  readonly signal: AbortSignal;
}

/** Credentials of which the account shows something, at their places. */
function shownIn({ document, credentials }: CredentialHolder, live: JsonObject, isOnline: boolean): Set<string> {
  const unshown = new Set(Object.keys(document.type.unshown ?? {}));
  const isThere = (place: string): boolean => {
    const value = liveSecret(document.doc, live, placeOf(place));
    // Of some the API shows nothing, but a connection that works has them.
    return unshown.has(place) ? isOnline : value !== undefined && value !== null && value !== '';
  };
  return new Set(credentials.flatMap(({ place }) => (isThere(place) ? [place] : [])));
}

/**
 * Asks an account which of these credentials it has, and which connections are offline. Only reads.
 * @param ids ids of the mirror → ids of the account, for what has another one there
 * @throws ApiError, AppError when the account cannot be read
 */
export async function liveCredentials(
  account: AccountConfig,
  { env, userAgent, signal }: AskingDeps,
  holders: readonly CredentialHolder[],
  ids: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<Key, InAccount>> {
  setMaxListeners(0, signal);
  const client = clientOf(account, env, { userAgent });
  try {
    const catalogue = catalogueWith(account.ignore);
    const normalise = normalisingFor(account, '');
    const reader = createReader({ client, catalogue, normalise, lookupCacheData: false, signal });
    const bin = await readBin(client, signal).catch((error: unknown) => {
      if (error instanceof ApiError && (error.status === 403 || error.status === 404))
        return new Map<Key, JsonObject>();
      throw error;
    });
    const look = async (holder: CredentialHolder): Promise<InAccount> => {
      const { type, id }: MirrorDocument = holder.document;
      const there = ids.get(id) ?? id;
      const live = await reader.read(type, there);
      const isOffline = live !== undefined && type.offline !== undefined && valueAt(live.raw, type.offline) === true;
      if (live) return { state: 'live', isOffline, places: shownIn(holder, live.doc, !isOffline) };
      const state = bin.has(keyOf(type.name, there)) ? 'binned' : 'absent';
      return { state, isOffline: false, places: new Set() };
    };
    const queue = new PQueue({ concurrency: account.concurrency });
    const found = await queue.addAll(holders.map((holder) => async () => [holder.key, await look(holder)] as const));
    return new Map(found);
  } finally {
    await client.close();
  }
}
