import { findType } from '../../catalogue/index.ts';
import { ApiError } from '../../celigo/errors.ts';
import { toData } from '../../core/documents.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { setSteps } from '../../core/paths.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import { MASK } from '../../core/secrets.ts';
import { readDocuments } from '../../history/state.ts';
import type { IdMap } from '../../plan/types.ts';
import type { Journal } from './journal.ts';
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

/** What a journal says of the last write of a resource. */
interface Noted {
  readonly action: string;
  /** What was created or came back, in the mirror's form. */
  readonly doc?: JsonObject | undefined;
}

/** The resources that a journal says were written, or were about to be, by their ids in the target. */
function notedWrites(journal: Journal, ids: IdMap): Map<Key, Noted> {
  const noted = new Map<Key, Noted>();
  for (const entry of journal.entries) {
    if (entry.kind !== 'intent' && entry.kind !== 'done') continue;
    // Without an answer it has no id yet.
    if (entry.kind === 'intent' && entry.action === 'create') continue;
    const [typeName, id] = [typeIn(entry.key), idIn(entry.key)];
    const key = keyOf(typeName, entry.kind === 'done' ? entry.id : (ids.get(id) ?? id));
    const doc = noted.get(key)?.doc ?? (entry.kind === 'done' ? entry.doc : undefined);
    noted.set(key, { action: entry.action, doc });
  }
  return noted;
}

/**
 * What an interrupted restore changed or deleted, or was about to. What its process had fetched before such a write is
 * lost; the mirror before the restore takes its place, or what the journal has of a resource that was not there, and
 * the mirror of now adds what became known since.
 */
export async function earlierWrites({
  resumed: journal,
  repository,
  live,
  ids,
}: Prepared): Promise<readonly UnknownOutcome[]> {
  if (!journal || journal.head.base === '') return [];
  const noted = notedWrites(journal, ids);
  const base = await stateBefore(repository, journal).catch(() => undefined);
  if (!base || noted.size === 0) return [];
  const paths = [...noted.keys()].flatMap((key) => base.documents.get(key)?.path ?? []);
  const held = new Map((await readDocuments(base, paths)).map((one) => [keyOf(one.type.name, one.id), one.doc]));
  const known = await live.documents([...noted.keys()]);
  return [...noted].flatMap(([key, { action, doc }]): UnknownOutcome[] => {
    const type = findType(typeIn(key));
    const first = doc ?? held.get(key);
    if (!type || !first) return [];
    const now = known.get(key);
    return [
      {
        type,
        id: idIn(key),
        before: [asRead(first), ...(now ? [asRead(now.doc)] : [])],
        ...(action === 'delete' && !now ? { removed: true } : {}),
      },
    ];
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
