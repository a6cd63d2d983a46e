import { catalogueWith } from '../../../catalogue/index.ts';
import type { ResourceType } from '../../../catalogue/types.ts';
import type { AccountConfig } from '../../../config/schema.ts';
import type { AccountRun } from '../account-run.ts';
import { NOTHING_KNOWN } from '../known-types.ts';
import type { StartingPoint } from '../starting-point.ts';
import { collectType } from './collect.ts';
import type { Collected } from './types.ts';

/** Types to mirror, in the catalogue's order: opt-in ones only when named. */
export function selectTypes(account: Pick<AccountConfig, 'include' | 'exclude' | 'ignore'>): readonly ResourceType[] {
  const all = account.include.includes('*');
  return catalogueWith(account.ignore).types.filter((type) => {
    const named = account.include.includes(type.name);
    const wanted = named || (all && type.presence !== 'optIn');
    return wanted && !account.exclude.includes(type.name) && !(account.exclude.includes('*') && !named);
  });
}

/** Lists every type of the account at once. The first failure of the run stops all. */
export async function collectAll(run: AccountRun, { context, headState }: StartingPoint): Promise<Collected[]> {
  const { deps, account } = run;
  const types = selectTypes(account);
  let done = 0;
  return allOrFirstFailure(
    types.map(async (type) => {
      const known = headState.known.get(type.name) ?? NOTHING_KNOWN;
      const mirrored = headState.covered.has(type.name) || known.size > 0;
      const required = type.presence === 'core' || account.include.includes(type.name);
      const entry = await collectType(context, type, known, !mirrored && !required, !mirrored);
      done += 1;
      deps.report({
        name: 'type.listed',
        account: account.name,
        type: type.name,
        count: entry.count,
        ms: Math.round(performance.now() - run.startedMs),
        done,
        total: types.length,
      });
      return entry;
    }),
    run.stop,
  );
}

/** Waits for all; the first failure stops the others, is waited out and thrown. */
async function allOrFirstFailure<T>(work: readonly Promise<T>[], stop: AbortController): Promise<T[]> {
  let failure: { error: unknown } | undefined;
  const results = await Promise.allSettled(
    work.map(async (item) => {
      try {
        return await item;
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
        throw error;
      }
    }),
  );
  if (failure) throw failure.error;
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
