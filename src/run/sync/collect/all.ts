import { catalogueWith } from '../../../catalogue/index.ts';
import type { ResourceType } from '../../../catalogue/types.ts';
import type { AccountConfig } from '../../../config/schema.ts';
import { parentTypes } from '../../../core/below.ts';
import type { AccountRun } from '../account-run.ts';
import { NOTHING_KNOWN } from '../known-types.ts';
import { saysMore } from '../same-account.ts';
import type { StartingPoint } from '../starting-point.ts';
import { collectType, type Parents } from './collect.ts';
import type { Collected } from './types.ts';

/**
 * Types to mirror, in the catalogue's order: opt-in ones only when named, and those below or inside others only with
 * one of these.
 */
export function selectTypes(account: Pick<AccountConfig, 'include' | 'exclude' | 'ignore'>): readonly ResourceType[] {
  const all = account.include.includes('*');
  const chosen = catalogueWith(account.ignore).types.filter((type) => {
    const named = account.include.includes(type.name);
    const wanted = named || (all && type.presence !== 'optIn');
    return wanted && !account.exclude.includes(type.name) && !(account.exclude.includes('*') && !named);
  });
  const names = new Set(chosen.map(({ name }) => name));
  return chosen.filter((type) => {
    const parents = parentTypes(type);
    return parents.length === 0 || parents.some((name) => names.has(name));
  });
}

/** The records above those of a type, once their types are listed. */
async function parentsOf(type: ResourceType, listed: ReadonlyMap<string, Promise<Collected>>): Promise<Parents> {
  const above = await Promise.all(parentTypes(type).flatMap((name) => listed.get(name) ?? []));
  const [first, ...others] = above.filter(({ coverage }) => coverage.state !== 'unavailable');
  const [refused] = above;
  if (!first && refused && refused.coverage.state !== 'complete')
    return { records: [], types: new Set(), problems: [], unavailable: refused.coverage.reason };
  const readable = first ? [first, ...others] : [];
  return {
    records: readable.flatMap((entry) =>
      [...entry.next.details().resources.keys()].map((id) => ({ type: entry.type, id })),
    ),
    types: new Set(above.map((entry) => entry.type.name)),
    problems: readable.flatMap(({ type: { plural }, coverage }) =>
      coverage.state === 'complete' ? [] : [`the ${plural} could not be listed completely`],
    ),
  };
}

/** Lists every type of the account at once. The first failure of the run stops all. */
export async function collectAll(run: AccountRun, start: StartingPoint): Promise<Collected[]> {
  const { deps, account } = run;
  const { context, headState } = start;
  const types = selectTypes(account);
  const listed = new Map<string, Promise<Collected>>();
  let done = 0;

  async function collect(type: ResourceType): Promise<Collected> {
    const known = headState.known.get(type.name) ?? NOTHING_KNOWN;
    const mirrored = headState.covered.has(type.name) || known.size > 0;
    // Without a record above, a list below it was never asked for.
    const offered = known.size > 0 || (mirrored && parentTypes(type).length === 0);
    const required = type.presence === 'core' || account.include.includes(type.name);
    const parents = parentTypes(type).length > 0 ? await parentsOf(type, listed) : undefined;
    const entry = await collectType(context, type, known, !offered && !required, !mirrored, parents);
    if (saysMore(entry)) await start.checkAccount();
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
  }

  // Those that others are below or inside come before these, and otherwise those with the most requests to make.
  const isFetched = ({ name, hydrate }: ResourceType): boolean =>
    hydrate !== undefined || headState.known.get(name)?.abridged === true;
  const byNeed = [...types].sort(
    (a, b) => parentTypes(a).length - parentTypes(b).length || Number(isFetched(b)) - Number(isFetched(a)),
  );
  for (const type of byNeed) listed.set(type.name, collect(type));
  return allOrFirstFailure(
    types.flatMap((type) => listed.get(type.name) ?? []),
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
