import { findType } from '../../catalogue/index.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf, typeIn } from '../../core/keys.ts';
import { usesOf } from '../../core/references.ts';

/** A deleted resource that has to come back because another one uses it. */
interface UsedInBin {
  readonly key: Key;
  /** As it is in the recycle bin. */
  readonly doc: JsonObject;
  /** What uses it. */
  readonly by: Key;
}

/**
 * What the recycle bin has to give back besides these, because they use it, directly or through others: the server
 * brings nothing back without it (api-notes#recycle-bin-restore).
 * @param returning documents of the recycle bin that come back in any case
 * @param inBin one document of the recycle bin
 */
export async function usedInBin(
  returning: ReadonlyMap<Key, JsonObject>,
  inBin: (type: string, id: string) => Promise<JsonObject | undefined>,
): Promise<UsedInBin[]> {
  const along = new Map<Key, UsedInBin>();
  const open = [...returning].map(([key, doc]) => ({ key, doc }));
  for (const user of open) {
    const type = findType(typeIn(user.key));
    for (const use of type ? usesOf(type, user.doc) : []) {
      const typeName = use.type ?? use.perhaps;
      const key = typeName === undefined ? undefined : keyOf(typeName, use.id);
      if (typeName === undefined || key === undefined || returning.has(key) || along.has(key)) continue;
      const doc = await inBin(typeName, use.id);
      if (!doc) continue;
      along.set(key, { key, doc, by: user.key });
      open.push({ key, doc });
    }
  }
  return [...along.values()];
}
