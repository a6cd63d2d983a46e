import type { AccountConfig } from '../../config/schema.ts';
import { createFingerprint } from '../../core/digest.ts';
import { AppError } from '../../core/errors.ts';
import type { ClearCredential, NormaliseOptions } from '../../core/normalise.ts';
import { placeText } from '../../core/places.ts';

/** Places reported one by one. */
const MOST_REPORTED = 10;

/** How documents of an account are cleaned. */
export function normalisingFor(
  account: Pick<AccountConfig, 'sampleData' | 'credentials'>,
  fingerprintKey: string,
): NormaliseOptions {
  const { sampleData, credentials } = account;
  return { sampleData, credentials, fingerprint: createFingerprint(fingerprintKey) };
}

/** Plain-text credentials that the new and changed documents of a run hold. */
export interface CredentialFindings {
  readonly add: (path: string, found: readonly ClearCredential[]) => void;
  /** Reports those that may stay. @throws AppError `GUARD` for those that may not */
  readonly report: (notice: (message: string) => void) => void;
}

export function createCredentialFindings(account: string): CredentialFindings {
  const places: Record<ClearCredential['policy'], Set<string>> = { warn: new Set(), refuse: new Set() };
  const some = (all: ReadonlySet<string>): string => {
    const rest = all.size - MOST_REPORTED;
    return `${[...all].slice(0, MOST_REPORTED).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
  };
  return {
    add(path, found) {
      for (const { policy, place, kind, line } of found) {
        places[policy].add(`${account}/${path}, ${placeText(place)}${line > 1 ? `:${line}` : ''} (${kind})`);
      }
    },
    report(notice) {
      const { refuse, warn } = places;
      if (refuse.size > 0) {
        throw new AppError('GUARD', `plain-text credentials found, nothing was committed: ${some(refuse)}`, {
          hint: `Move them into a connection, or set accounts.${account}.credentials to redact or warn`,
        });
      }
      if (warn.size > 0) notice(`plain-text credentials are now in the mirror: ${some(warn)}`);
    },
  };
}
