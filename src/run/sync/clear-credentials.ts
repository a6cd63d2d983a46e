import type { AccountConfig } from '../../config/schema.ts';
import { createFingerprint } from '../../core/digest.ts';
import { AppError } from '../../core/errors.ts';
import type { ClearCredential, NormaliseOptions } from '../../core/normalise.ts';
import { placeText } from '../../core/places.ts';

/** Places told one by one. */
const MOST_TOLD = 10;

/** How documents of an account are cleaned. */
export function normalisingFor(
  account: Pick<AccountConfig, 'sampleData' | 'credentials'>,
  fingerprintKey: string,
): NormaliseOptions {
  const { sampleData, credentials } = account;
  return { sampleData, credentials, fingerprint: createFingerprint(fingerprintKey) };
}

/** Credentials in clear that the new and changed documents of a run hold. */
export interface ClearList {
  readonly add: (path: string, found: readonly ClearCredential[]) => void;
  /** Tells those that may stay. @throws AppError `GUARD` for those that may not */
  readonly tell: (notice: (message: string) => void) => void;
}

export function createClearList(account: string): ClearList {
  const places: Record<ClearCredential['policy'], Set<string>> = { warn: new Set(), refuse: new Set() };
  const some = (all: ReadonlySet<string>): string => {
    const rest = all.size - MOST_TOLD;
    return `${[...all].slice(0, MOST_TOLD).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
  };
  return {
    add(path, found) {
      for (const { policy, place, kind, line } of found) {
        places[policy].add(`${account}/${path}, ${placeText(place)}${line > 1 ? `:${line}` : ''} (${kind})`);
      }
    },
    tell(notice) {
      const { refuse, warn } = places;
      if (refuse.size > 0) {
        throw new AppError('GUARD', `credentials stand in clear, nothing was committed: ${some(refuse)}`, {
          hint: `Put them into a connection, or set accounts.${account}.credentials to redact or warn`,
        });
      }
      if (warn.size > 0) notice(`credentials stand in clear and are in the mirror now: ${some(warn)}`);
    },
  };
}
