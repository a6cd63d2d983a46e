import { ApiError } from '../../celigo/errors.ts';
import { toData } from '../../core/documents.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { setSteps } from '../../core/paths.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import { MASK } from '../../core/secrets.ts';
import { readDocuments } from '../../mirror/state.ts';
import type { Prepared } from './prepared.ts';
import { stateBefore } from './resume.ts';
import type { UnknownOutcome, Written } from './write-log.ts';
import type { Writer } from './writer.ts';

/** A document of the mirror in the form that the API gives documents in. */
function asRead(doc: JsonObject): JsonObject {
  const places = secretPlaces(doc).filter(({ inText }) => !inText);
  const masked = places.reduce<Json>((held, { place }) => setSteps(held, place, MASK), doc);
  return toData(masked) as JsonObject;
}

/**
 * What an interrupted restore changed or deleted, or was about to. What its process had fetched before such a write is
 * lost; the mirror before the restore takes its place, and the mirror of now adds what became known since.
 */
export async function earlierWrites({
  resumed: journal,
  repository,
  live,
  ids,
}: Prepared): Promise<readonly UnknownOutcome[]> {
  if (!journal || journal.head.base === '') return [];
  const actions = new Map<Key, string>();
  for (const entry of journal.entries) {
    if (entry.kind !== 'intent' && entry.kind !== 'done') continue;
    if (entry.action === 'create') continue;
    const [typeName, id] = [typeIn(entry.key), idIn(entry.key)];
    actions.set(keyOf(typeName, entry.kind === 'done' ? entry.id : (ids.get(id) ?? id)), entry.action);
  }
  const base = await stateBefore(repository, journal).catch(() => undefined);
  if (!base || actions.size === 0) return [];
  const paths = [...actions.keys()].flatMap((key) => base.documents.get(key)?.path ?? []);
  const known = await live.documents([...actions.keys()]);
  return (await readDocuments(base, paths)).map(({ type, id, doc }): UnknownOutcome => {
    const key = keyOf(type.name, id);
    const now = known.get(key);
    return {
      type,
      id,
      before: [asRead(doc), ...(now ? [asRead(now.doc)] : [])],
      ...(actions.get(key) === 'delete' && !now ? { removed: true } : {}),
    };
  });
}

/**
 * All writes of a restore: those that were answered, and those that may have taken effect.
 * @param unknown newest first
 */
export async function withUnknownOutcomes(
  unknown: readonly UnknownOutcome[],
  written: ReadonlyMap<Key, Written>,
  writer: Writer,
): Promise<ReadonlyMap<Key, Written>> {
  const all = new Map(written);
  for (const { type, id, before, removed } of unknown) {
    const key = keyOf(type.name, id);
    const own = all.get(key);
    if (own) {
      all.set(key, { ...own, before: [...before, ...own.before] });
      continue;
    }
    const last = before.at(-1) ?? {};
    const now = await writer.read(type, id).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      // As we fetched it: an edit since then counts as overwritten, and is preserved.
      return writer.pair(type, last);
    });
    if (now) all.set(key, { type, id, before: [...before], after: now });
    else if (removed) all.set(key, { type, id, before: [...before], after: writer.pair(type, last), removed });
  }
  return all;
}
