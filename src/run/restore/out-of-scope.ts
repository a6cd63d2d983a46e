import { findType } from '../../catalogue/index.ts';
import { isAppPart } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { readPath } from '../../core/layout.ts';
import { innerIds } from '../../plan/ids.ts';
import type { LiveDocument, Plan } from '../../plan/types.ts';
import { deletionLimit } from '../deletion-guard.ts';
import type { LiveAccount } from './live.ts';
import type { RestoreDeps } from './request.ts';

/** Up to so many ids, git's search is faster than reading all texts; its time grows with their number. */
const FEW = 100;

/** Live documents that hold one of these ids. All texts are searched, few are read, fewer are parsed. */
export async function documentsWith(live: LiveAccount, known: ReadonlySet<string>): Promise<LiveDocument[]> {
  if (known.size === 0) return [];
  const likely = new Set<Key>();
  const ids = /[0-9a-f]{24}/g;
  if (live.base) {
    // Side files too: code may hold ids, though it is never rewritten.
    const narrowed = known.size <= FEW ? await live.base.search?.([...known]) : undefined;
    const paths = [...(narrowed ?? live.base.files.keys())].filter((path) => readPath(path) !== undefined);
    for (let from = 0; from < paths.length; from += 2_000) {
      const some = paths.slice(from, from + 2_000);
      for (const [i, text] of (await live.base.texts(some)).entries()) {
        const parts = readPath(some[i] ?? '');
        if (parts && text.match(ids)?.some((id) => known.has(id) && id !== parts.id))
          likely.add(keyOf(parts.type, parts.id));
      }
    }
  }
  for (const { type, id } of live.report.changes) likely.add(keyOf(type, id));
  const found = await live.documents([...likely]);
  return [...found].map(([key, document]) => ({ ...document, changed: live.isChanged(key) }));
}

/**
 * Ids within one account that earlier restores replaced: the old one is gone, the new one exists. Ids of parts of
 * documents are known by the documents that hold them.
 * @param holders live documents; all that hold one of the ids are among them
 */
export function replacedIds(
  live: LiveAccount,
  ids: ReadonlyMap<string, string>,
  holders: readonly LiveDocument[],
): Map<string, string> {
  const parts = new Set(holders.flatMap(({ type, doc }) => [...innerIds(type, doc)]));
  return new Map(
    [...ids].filter(([old, id]) => {
      const typeName = live.typeOf(id);
      return (
        old !== id &&
        (typeName === undefined ? parts.has(id) && !parts.has(old) : live.has(keyOf(typeName, old)) === false)
      );
    }),
  );
}

/** Ids that {@link replacedIds} needs the holders of. */
export function idsToFind(live: LiveAccount, ids: ReadonlyMap<string, string>): string[] {
  return [...ids].flatMap(([old, id]) => (live.typeOf(id) === undefined ? [old, id] : [old]));
}

/** What the target has and the state has not. In another account only what earlier restores made there. */
export async function extraneousDocuments(
  live: LiveAccount,
  stateKeys: ReadonlySet<Key>,
  ids: ReadonlyMap<string, string>,
  sameAccount: boolean,
  maps: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Promise<LiveDocument[]> {
  // Resources of the state under the ids that earlier restores gave them.
  const restored = new Set<Key>();
  for (const key of stateKeys) {
    const [typeName, old] = [typeIn(key), idIn(key)];
    const id = ids.get(old);
    if (id !== undefined) restored.add(keyOf(typeName, id));
  }
  const keys = sameAccount
    ? live.keys().filter((key) => {
        const typeName = typeIn(key);
        return !stateKeys.has(key) && !restored.has(key) && findType(typeName)?.restore.onlyWhenNamed !== true;
      })
    : [...maps].flatMap(([typeName, pairs]) =>
        [...pairs].filter(([old]) => !stateKeys.has(keyOf(typeName, old))).map(([, id]) => keyOf(typeName, id)),
      );
  const documents = await live.documents(keys);
  return [...documents]
    .filter(
      ([, { type, doc }]) =>
        !(type.restore.mode === 'manual' || (type.restore.mode === 'map' && !sameAccount) || isAppPart(doc)),
    )
    .map(([key, document]) => ({ ...document, changed: live.isChanged(key) }));
}

/** Refuses a plan that deletes more of a type than the guards allow. */
export function guardDeletions(plan: Plan, live: LiveAccount, deps: RestoreDeps): AppError | undefined {
  const counts = new Map<string, number>();
  for (const { action, type } of plan.steps) if (action === 'delete') counts.set(type, (counts.get(type) ?? 0) + 1);
  for (const [typeName, count] of counts) {
    const all = live.keys().filter((key) => key.startsWith(`${typeName}/`)).length;
    const limit = deletionLimit(count, all, deps.config.guards);
    if (limit === undefined) continue;
    return new AppError('GUARD', `${plan.account}: ${count} of ${all} ${typeName} would be deleted; ${limit}`, {
      hint: 'Review the list of deletions; if they are intended, add --force',
    });
  }
  return undefined;
}
