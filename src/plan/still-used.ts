import type { JsonObject } from '../core/json.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { usesOf } from '../core/references.ts';
import { shownName } from '../core/unseen.ts';
import { type Draft, list, type PlanInput } from './draft.ts';
import { rewriteIds } from './ids.ts';
import type { Wanted } from './types.ts';

/** Writes after which a resource is as it is wanted. */
const WRITES: readonly Draft['action'][] = ['create', 'update', 'undelete'];

/**
 * What is left in the account and uses what is to be deleted, a sentence for each deletion: the API refuses it then
 * (api-notes#deleting).
 */
export function stillUsed(
  input: PlanInput,
  drafts: ReadonlyMap<Key, Draft>,
  documents: ReadonlyMap<Key, Wanted>,
  deletions: readonly Draft[],
): string[] {
  const leaving = new Map(deletions.flatMap((one) => (one.action === 'delete' ? [[one.key, one] as const] : [])));
  if (leaving.size === 0) return [];
  const written = new Map<Key, JsonObject>();
  for (const [key, { action, type, id, targetId }] of drafts) {
    const document = WRITES.includes(action) ? documents.get(key) : undefined;
    if (document) written.set(keyOf(type, targetId ?? id), rewriteIds(document.doc, input.ids));
  }
  const users = new Map<Key, string[]>();
  for (const live of input.users) {
    const own = keyOf(live.type.name, live.id);
    // Subscriptions and rights go with what they are about.
    if (leaving.has(own) || live.type.restore.mode === 'bulk' || live.type.restore.mode === 'manual') continue;
    const uses = usesOf(live.type, written.get(own) ?? live.doc);
    for (const used of new Set(uses.flatMap(({ type, id }) => (type === null ? [] : [keyOf(type, id)]))))
      if (leaving.has(used)) users.set(used, [...(users.get(used) ?? []), `${own} "${shownName(live.title)}"`]);
  }
  return [...users].map(([key, names]) => {
    const title = shownName(leaving.get(key)?.title ?? '');
    return `${key} "${title}" is still used by ${list(names.sort())}: the API will refuse to delete it`;
  });
}
