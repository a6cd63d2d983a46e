import { EXPIRES_SOON_DAYS, type TokenExpiry } from '../celigo/tokens.ts';
import type { AccountConfig } from '../config/schema.ts';
import { messageOf } from '../core/errors.ts';
import type { DaemonLog } from './log.ts';

/** Between two checks of an account's tokens, in milliseconds. */
const EVERY_MS = 6 * 3_600_000;

interface TokenWatchOptions {
  readonly now: () => Date;
  readonly log: DaemonLog;
  readonly read: (account: AccountConfig) => Promise<readonly TokenExpiry[]>;
  readonly onRead: (account: string, expiries: readonly TokenExpiry[]) => void;
}

/** Checks now and then when the tokens of accounts expire. */
export interface TokenWatch {
  /** Checks, if the last check is long enough ago. Never rejects. */
  check(account: AccountConfig): Promise<void>;
}

export function watchTokens({ now, log, read, onRead }: TokenWatchOptions): TokenWatch {
  const checked = new Map<string, number>();
  return {
    async check(account) {
      const { name } = account;
      const nowMs = now().getTime();
      if (nowMs - (checked.get(name) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return;
      checked.set(name, nowMs);
      try {
        const expiries = await read(account);
        onRead(name, expiries);
        for (const { name: token, expires } of expiries) {
          const days = Math.floor((expires.getTime() - nowMs) / 86_400_000);
          if (days < EXPIRES_SOON_DAYS) log.warn({ account: name, token, days }, 'an API token expires soon');
        }
      } catch (error) {
        log.warn({ account: name, reason: messageOf(error) }, 'could not read when API tokens expire');
      }
    },
  };
}
