import { findType } from '../../catalogue/index.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { idIn, type Key, typeIn } from '../../core/keys.ts';
import { documentOf, type LiveAccount } from './live.ts';
import type { RestoreContext } from './request.ts';
import { type Wants, wantsOfFates } from './wants.ts';
import type { Writer } from './writer.ts';

/** What no complete list shows is asked for by its id. */
async function removable(
  { deps }: RestoreContext,
  key: Key,
  live: LiveAccount,
  writer: Writer,
): Promise<MirrorDocument | undefined> {
  const [type, id] = [findType(typeIn(key)), idIn(key)];
  if (!type || live.has(key) === false) return undefined;
  const found = await writer.read(type, id);
  return found && documentOf(deps, type, id, found.doc);
}

/** What a removal wants: these resources of the target gone, as far as they are there. @throws ApiError */
export async function wantsOfRemoval(
  context: RestoreContext,
  keys: readonly Key[],
  live: LiveAccount,
  writer: Writer,
): Promise<Wants> {
  const listed = await live.documents(keys);
  const fates = await Promise.all(
    keys.map(async (key) => {
      const document = listed.get(key) ?? (await removable(context, key, live, writer));
      if (!document) return [];
      return [{ kind: 'deleted' as const, document: { ...document, changed: false, why: 'made by the drill' } }];
    }),
  );
  return wantsOfFates(fates.flat());
}
