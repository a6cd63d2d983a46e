import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { titleOf } from '../../core/layout.ts';
import { oneLine } from '../../core/message.ts';
import { findCreated } from './find-created.ts';
import { createReadWriteLock, type ReadWriteLock } from './read-write-lock.ts';
import type { ApplyContext } from './write-log.ts';
import { type LivePair, Unread } from './writer.ts';

/** Tries of a creation whose outcome is unknown. */
const CREATE_TRIES = 3;

function outcomeUnknown(error: unknown): boolean {
  return error instanceof ApiError && error.transient && error.status !== 429;
}

function unsure(type: ResourceType, body: JsonObject, cause: ApiError): AppError {
  const what = `${type.noun} "${oneLine(titleOf(type, body))}"`;
  return new AppError('API', `it cannot be told whether ${what} was made: ${cause.message}`, { cause });
}

/**
 * Makes resources, each once: the API has no key that would make a repeated POST harmless (api-notes#post-once), so
 * that what a lost answer may have made is looked for first.
 * @returns a function that creates; it throws an ApiError when the server refuses, or stays silent, and an AppError when
 * nobody can tell what a lost answer made
 */
export function createOnce(context: ApplyContext): (type: ResourceType, body: JsonObject) => Promise<LivePair> {
  const { writer, journal } = context;
  const gates = new Map<string, ReadWriteLock>();
  /** Ids that a creation of this restore got. */
  const claimed = new Set<string>();
  for (const entry of journal.entries) if (entry.kind === 'done' && entry.action === 'create') claimed.add(entry.id);

  /** A new resource, once: where the answer got lost, what it made is looked for before it is tried again. */
  async function create(type: ResourceType, body: JsonObject): Promise<LivePair> {
    let gate = gates.get(type.name);
    if (!gate) {
      gate = createReadWriteLock();
      gates.set(type.name, gate);
    }
    for (let attempt = 1; ; attempt++) {
      try {
        const made = await gate.shared(async () => {
          const pair = await writer.create(type, body);
          claimed.add(String(pair.raw._id));
          return pair;
        });
        return made;
      } catch (error) {
        if (error instanceof Unread) claimed.add(error.id);
        if (!outcomeUnknown(error)) throw error;
        const twin = await gate
          .exclusive(() => findTwin(type, body))
          .catch((failure: unknown) => {
            // Ended now, the next restore would make a second one; gone on with, it is looked for.
            throw failure instanceof ApiError ? unsure(type, body, failure) : failure;
          });
        if (twin) return twin;
        if (attempt >= CREATE_TRIES) throw error;
      }
    }
  }

  async function findTwin(type: ResourceType, body: JsonObject): Promise<LivePair | undefined> {
    const all = await writer.list(type);
    const unknown = [...all.keys()].filter((id) => !claimed.has(id) && !context.isOld(type.name, id));
    const candidates: { id: string; doc: JsonObject; pair: LivePair }[] = [];
    for (const id of unknown) {
      const pair = await writer.read(type, id);
      if (pair) candidates.push({ id, doc: pair.doc, pair });
    }
    const twin = findCreated(type, body, candidates);
    if (twin) claimed.add(twin.id);
    return twin?.pair;
  }

  return create;
}
