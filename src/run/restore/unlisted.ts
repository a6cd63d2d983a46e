import PQueue from 'p-queue';
import { findType } from '../../catalogue/index.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { bindingReferences } from '../../plan/dangling.ts';
import type { LiveAccount } from './live.ts';
import type { Writer } from './writer.ts';

interface Asked {
  readonly writer: Pick<Writer, 'read'>;
  readonly live: Pick<LiveAccount, 'has'>;
  /** Whether the state has it. */
  readonly inState: (key: Key) => boolean;
  /** Ids of the state → ids of the target. */
  readonly ids: ReadonlyMap<string, string>;
  readonly sameAccount: boolean;
  readonly concurrency: number;
}

/** Statuses by which the server does not show a resource to this token, whether it exists or not. */
const WITHHELD: ReadonlySet<number> = new Set([402, 403]);

/**
 * Asks the target for each resource that documents refer to and that neither the state nor a listing has: Celigo's own
 * iClients, stacks that others share (api-notes#unlisted). In another account only what others provide may have the
 * same id.
 * @returns whether the target shows it, by the key in the target; without an entry where that could not be found out
 */
export async function askForUnlisted(
  documents: readonly MirrorDocument[],
  { writer, live, inState, ids, sameAccount, concurrency }: Asked,
): Promise<ReadonlyMap<Key, boolean>> {
  const open = new Map<Key, { readonly type: string; readonly id: string }>();
  for (const { type, id } of documents.flatMap(bindingReferences)) {
    const target = ids.get(id) ?? (sameAccount || findType(type)?.hasPublic ? id : undefined);
    if (target === undefined || inState(keyOf(type, id)) || live.has(keyOf(type, target)) === true) continue;
    open.set(keyOf(type, target), { type, id: target });
  }
  const shown = new Map<Key, boolean>();
  const queue = new PQueue({ concurrency });
  await queue.addAll(
    [...open].map(([key, { type: typeName, id }]) => async () => {
      const type = findType(typeName);
      if (!type) return;
      try {
        shown.set(key, (await writer.read(type, id)) !== undefined);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (WITHHELD.has(error.status ?? 0)) shown.set(key, false);
      }
    }),
  );
  return shown;
}
