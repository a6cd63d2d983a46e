import { findType } from '../../catalogue/index.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { type MirrorState, readState } from '../../history/state.ts';
import type { Repository } from '../../mirror/repository.ts';
import { createBody } from '../../plan/body.ts';
import { learnId } from '../idmaps.ts';
import { findCreated } from './find-created.ts';
import type { Journal } from './journal.ts';
import type { LiveAccount } from './live.ts';
import type { RestoreContext } from './request.ts';
import type { Wants } from './wants.ts';

/** The mirror of the target before the restore's first write. @throws GitFailure for a commit that is gone */
export function stateBefore({ git }: Repository, { head }: Journal): Promise<MirrorState> {
  return readState(git, head.account, { commit: head.base, date: new Date(0) });
}

/** Every resource that the journal says was written, or was about to be: by its id in the state and in the target. */
export function touchedKeys(journal: Journal): Set<Key> {
  return keysOf(journal, () => true);
}

/** Of these, what was to come back from the recycle bin: with the id that it had, if it is there. */
export function undeletedKeys(journal: Journal): Set<Key> {
  return keysOf(journal, (action) => action === 'undelete');
}

/** Ids that creations gave: id in the state → id in the target. */
export function createdIds({ entries }: Journal): Map<string, string> {
  const created = entries.filter((entry) => entry.kind === 'done').filter(({ action }) => action === 'create');
  return new Map(created.map(({ key, id }) => [idIn(key), id]));
}

/** What was created, by its id in the target. */
export function createdKeys(journal: Journal): Set<Key> {
  return new Set(
    journal.entries.flatMap((entry) =>
      entry.kind === 'done' && entry.action === 'create' ? [keyOf(typeIn(entry.key), entry.id)] : [],
    ),
  );
}

function keysOf(journal: Journal, wanted: (action: string) => boolean): Set<Key> {
  const keys = new Set<Key>();
  for (const entry of journal.entries) {
    if ((entry.kind !== 'intent' && entry.kind !== 'done') || !wanted(entry.action)) continue;
    keys.add(entry.key);
    if (entry.kind === 'done') keys.add(keyOf(typeIn(entry.key), entry.id));
  }
  return keys;
}

/**
 * Takes over what an interrupted restore created: ids from its journal, and for creations without a noted answer, the
 * resource that is there and otherwise unaccounted for. Findings go into `ids`, and without `dryRun` into the journal.
 */
export async function adoptCreated(
  { repository, request }: RestoreContext,
  journal: Journal,
  target: { readonly wants: Wants; readonly live: LiveAccount; readonly ids: Map<string, string> },
): Promise<void> {
  const { wants, live, ids } = target;
  const claimed = new Set<string>();
  const open = new Set<Key>();
  for (const entry of journal.entries) {
    if (entry.kind === 'ids') for (const [old, id] of entry.pairs) ids.set(old, id);
    if (entry.kind === 'match') ids.set(idIn(entry.key), entry.id);
    if (entry.kind === 'intent' && entry.action === 'create') open.add(entry.key);
    if (entry.kind !== 'done' || entry.action !== 'create') continue;
    const old = idIn(entry.key);
    if (old !== entry.id) learnId(ids, old, entry.id);
    claimed.add(entry.id);
    open.delete(entry.key);
  }
  if (open.size === 0) return;
  const before = await stateBefore(repository, journal);
  const old = new Set([...before.documents.values()].map(({ id }) => id));
  // Groups come first: the id of its integration distinguishes a flow from others of its name.
  const isGroup = ({ type }: MirrorDocument): number => Number(type.dependence === 'group');
  const byNeed = [...(await wants.among(open))].sort((a, b) => isGroup(b) - isGroup(a));
  for (const document of byNeed) {
    const { type, id } = document;
    if (findType(type.name)?.restore.mode === 'bulk') continue;
    const unknown = live.keys().filter((key) => {
      const target = idIn(key);
      return key.startsWith(`${type.name}/`) && !old.has(target) && !claimed.has(target);
    });
    const candidates = [...(await live.documents(unknown)).values()];
    const { doc: body } = createBody({ type, wanted: document.doc, ids, supplied: new Map(), late: [] });
    const created = findCreated(type, body, candidates);
    if (!created) continue;
    claimed.add(created.id);
    learnId(ids, id, created.id);
    if (!request.dryRun)
      journal.append(
        [{ kind: 'done', key: keyOf(type.name, id), action: 'create', id: created.id, doc: created.doc }],
        true,
      );
  }
}
