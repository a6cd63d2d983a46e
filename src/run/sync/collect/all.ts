import { RESOURCE_TYPES } from '../../../catalogue/index.ts';
import type { ResourceType } from '../../../catalogue/types.ts';
import type { AccountConfig } from '../../../config/schema.ts';
import type { HeadState } from '../head-state.ts';
import { NOTHING_KNOWN } from '../known-types.ts';
import type { RunDeps } from '../sync-deps.ts';
import { collectType } from './collect.ts';
import type { CollectContext, Collected } from './types.ts';

/** Types to mirror, in the catalogue's order: opt-in ones only when named. */
export function selectTypes(account: Pick<AccountConfig, 'include' | 'exclude'>): readonly ResourceType[] {
  const all = account.include.includes('*');
  return RESOURCE_TYPES.filter((type) => {
    const named = account.include.includes(type.name);
    const wanted = named || (all && type.presence !== 'optIn');
    return wanted && !account.exclude.includes(type.name) && !(account.exclude.includes('*') && !named);
  });
}

/** Lists every type of the account at once. The first failure of the run stops all. */
export async function collectAll(
  deps: RunDeps,
  account: AccountConfig,
  run: {
    readonly context: CollectContext;
    readonly headState: HeadState;
    /** Types that were read completely before. */
    readonly covered: ReadonlySet<string>;
    /** When the run began, by `performance.now()`. */
    readonly started: number;
    readonly stop: AbortController;
  },
): Promise<Collected[]> {
  const types = selectTypes(account);
  let done = 0;
  return allOrFirstFailure(
    types.map(async (type) => {
      const known = run.headState.known.get(type.name) ?? NOTHING_KNOWN;
      const mirrored = run.covered.has(type.name) || known.size > 0;
      const insisted = type.presence === 'core' || account.include.includes(type.name);
      const entry = await collectType(run.context, type, known, !mirrored && !insisted, !mirrored);
      done += 1;
      deps.report({
        name: 'type.listed',
        account: account.name,
        type: type.name,
        count: entry.count,
        ms: Math.round(performance.now() - run.started),
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
  const settled = await Promise.allSettled(
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
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
