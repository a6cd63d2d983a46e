import { findType } from '../../catalogue/index.ts';
import { isAppPart } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { readPath } from '../../core/layout.ts';
import { innerIds } from '../../plan/ids.ts';
import type { LiveDocument, Plan } from '../../plan/types.ts';
import type { LiveAccount } from './live.ts';
import type { RestoreDeps } from './request.ts';

/** So many ids git looks for quicker than all texts are read; its time grows with their number. */
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
 * Ids within one account of which earlier restores made others: the old one is gone, the new one is there. Ids of parts of
 * documents are known by the documents that hold them.
 * @param holders live documents; all that hold one of the ids are among them
 */
export function replacedIds(
  live: LiveAccount,
  ids: ReadonlyMap<string, string>,
  holders: readonly LiveDocument[],
): Map<string, string> {
  const dirs = dirsById(live);
  const parts = new Set(holders.flatMap(({ type, doc }) => [...innerIds(type, doc)]));
  return new Map(
    [...ids].filter(([old, id]) => {
      const typeName = dirs.get(id);
      return (
        old !== id && (typeName === undefined ? parts.has(id) && !parts.has(old) : live.has(typeName, old) === false)
      );
    }),
  );
}

/** Ids to look for in the account's documents, so that {@link replacedIds} can tell. */
export function idsToFind(live: LiveAccount, ids: ReadonlyMap<string, string>): string[] {
  const dirs = dirsById(live);
  return [...ids].flatMap(([old, id]) => (dirs.has(id) ? [old] : [old, id]));
}

function dirsById(live: LiveAccount): Map<string, string> {
  return new Map(live.keys().map((key) => [key.slice(key.indexOf('/') + 1), key.slice(0, key.indexOf('/'))]));
}

/** What the target has and the state has not. In another account only what earlier restores made there. */
export async function extraneousDocuments(
  live: LiveAccount,
  stateKeys: ReadonlySet<Key>,
  ids: ReadonlyMap<string, string>,
  sameAccount: boolean,
  maps: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Promise<LiveDocument[]> {
  // Stands for something of the state, under the id that an earlier restore gave it.
  const standing = new Set<Key>();
  for (const key of stateKeys) {
    const [typeName = '', old = ''] = key.split('/');
    const id = ids.get(old);
    if (id !== undefined) standing.add(keyOf(typeName, id));
  }
  const keys = sameAccount
    ? live.keys().filter((key) => {
        const [typeName = ''] = key.split('/');
        return !stateKeys.has(key) && !standing.has(key) && findType(typeName)?.restore.onlyWhenNamed !== true;
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

export function guardDeletions(plan: Plan, live: LiveAccount, deps: RestoreDeps): AppError | undefined {
  const { maxDeletions, maxDeletionShare } = deps.config.guards;
  const counts = new Map<string, number>();
  for (const { action, type } of plan.steps) if (action === 'delete') counts.set(type, (counts.get(type) ?? 0) + 1);
  for (const [typeName, count] of counts) {
    const all = live.keys().filter((key) => key.startsWith(`${typeName}/`)).length;
    if (count <= maxDeletions || count <= all * maxDeletionShare) continue;
    return new AppError(
      'GUARD',
      `${plan.account}: ${count} of ${all} ${typeName} would be deleted; the guard allows ${maxDeletions} or ${Math.round(maxDeletionShare * 100)} % (guards.maxDeletions, guards.maxDeletionShare)`,
      { hint: 'Look at the list of deletions; if they are meant, add --force' },
    );
  }
  return undefined;
}
