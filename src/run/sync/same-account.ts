import { fetchUserId } from '../../celigo/audit.ts';
import { ApiError } from '../../celigo/errors.ts';
import { AppError } from '../../core/errors.ts';
import type { AccountRun } from './account-run.ts';
import type { Collected } from './collect/types.ts';

/** Whether a type is to be believed only if the account that answered is still the one that the run began with. */
export function saysMore({ changes, missing }: Collected): boolean {
  return changes.length + missing.length > 0;
}

/**
 * A question whose account answers: what another one answers in between would look like many edits of this one. It is
 * asked after the answers that are to be believed; those who ask at the same time share it.
 * @returns rejects with AppError `BINDING`
 */
export function accountCheck({ account: { name }, client, deps }: AccountRun, userId: string): () => Promise<void> {
  let asking: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  async function ask(): Promise<void> {
    next = undefined;
    let now: string;
    try {
      now = await fetchUserId(client, deps.signal);
    } catch (error) {
      // A server that answers no more says nothing of another account; what it did not answer is incomplete by itself.
      if (error instanceof ApiError) return;
      throw error;
    }
    if (now === userId) return;
    throw new AppError(
      'BINDING',
      `${name}: another account began to answer during the run: the token belonged to user ${userId} at its ` +
        `beginning, and to ${now} later. Nothing was committed`,
      { hint: 'Check what is between this machine and the API (a proxy, a gateway, DNS), and run again' },
    );
  }

  return () => {
    next ??= asking = asking.then(ask);
    return next;
  };
}
