import type { AccountConfig } from '../../config/schema.ts';
import { createFingerprint } from '../../core/digest.ts';
import { AppError } from '../../core/errors.ts';
import { createKnownCredentials, type KnownCredentials } from '../../core/known-credentials.ts';
import type { ClearCredential, NormaliseOptions } from '../../core/normalise.ts';
import { placeText } from '../../core/places.ts';

/** Places reported one by one. */
const MOST_REPORTED = 10;

/** What is known of an account's credentials before its documents are read. */
export interface HeldCredentials {
  /** Fingerprints → lengths in UTF-16 units, 0 where it is not known. */
  readonly held: () => ReadonlyMap<string, number>;
  /** Credentials of the program itself. */
  readonly own: readonly string[];
}

const NOTHING_HELD: HeldCredentials = { held: () => new Map(), own: [] };

/** How documents of an account are cleaned. What they show to be a credential is one in all that follow. */
export function normalisingFor(
  account: Pick<AccountConfig, 'sampleData' | 'credentials'>,
  fingerprintKey: string,
  before = NOTHING_HELD,
): NormaliseOptions & { readonly known: KnownCredentials } {
  const { sampleData, credentials } = account;
  const fingerprintOf = createFingerprint(fingerprintKey);
  const known = createKnownCredentials({ fingerprint: fingerprintOf, ...before });
  const fingerprint = (secret: string): string => {
    const print = fingerprintOf(secret);
    known.learn(secret, print);
    return print;
  };
  return { sampleData, credentials, fingerprint, known };
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
