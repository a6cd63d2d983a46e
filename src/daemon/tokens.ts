import { EXPIRES_SOON_DAYS, type TokenExpiry } from '../celigo/tokens.ts';
import type { AccountConfig } from '../config/schema.ts';
import { messageOf } from '../core/errors.ts';
import type { DaemonLog } from './log.ts';

/** Between two looks at an account's tokens, in milliseconds. */
const EVERY_MS = 6 * 3_600_000;

export interface TokenWatchOptions {
  readonly now: () => Date;
  readonly log: DaemonLog;
  readonly read: (account: AccountConfig) => Promise<readonly TokenExpiry[]>;
  readonly onRead: (account: string, expiries: readonly TokenExpiry[]) => void;
}

/** Looks now and then when the tokens of accounts expire. */
export interface TokenWatch {
  /** Looks, if it is time to. Never rejects. */
  look(account: AccountConfig): Promise<void>;
}

export function watchTokens({ now, log, read, onRead }: TokenWatchOptions): TokenWatch {
  const looked = new Map<string, number>();
  return {
    async look(account) {
      const { name } = account;
      const nowMs = now().getTime();
      if (nowMs - (looked.get(name) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return;
      looked.set(name, nowMs);
      try {
        const expiries = await read(account);
        onRead(name, expiries);
        for (const { name: token, expires } of expiries) {
          const days = Math.floor((expires.getTime() - nowMs) / 86_400_000);
          if (days < EXPIRES_SOON_DAYS) log.warn({ account: name, token, days }, 'an API token expires soon');
        }
      } catch (error) {
        log.warn({ account: name, reason: messageOf(error) }, 'expiry of tokens not readable');
      }
    },
  };
}
