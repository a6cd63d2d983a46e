import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Key } from '../../core/keys.ts';
import { titleOf } from '../../core/layout.ts';
import { oneLine } from '../../core/unseen.ts';
import { findCreated } from './find-created.ts';
import { createReadWriteLock, type ReadWriteLock } from './read-write-lock.ts';
import type { ApplyContext } from './write-log.ts';
import { type LivePair, Unread } from './writer.ts';

/** Tries of a creation whose outcome is unknown. */
const CREATE_TRIES = 3;

function isUnknownOutcome(error: unknown): error is ApiError {
  return error instanceof ApiError && error.transient && error.status !== 429;
}

function cannotTell(type: ResourceType, body: JsonObject, cause: ApiError): AppError {
  const what = `${type.noun} "${oneLine(titleOf(type, body))}"`;
  return new AppError('API', `cannot determine whether ${what} was created: ${cause.message}`, { cause });
}

/** Creates what a step brings. A step may come again after a later call of it failed: it gets what it created. */
export type CreateOnce = (key: Key, type: ResourceType, body: JsonObject) => Promise<LivePair>;

/**
 * Creates resources, each once: the API has no key that would make a repeated POST harmless (api-notes#post-once), so
 * that what a request without an answer may have created is searched for first.
 * @returns a function that creates; it throws an ApiError when the server refuses, or does not answer, and an AppError
 * when what a request without an answer created cannot be determined
 */
export function createOnce(context: ApplyContext): CreateOnce {
  const { writer, journal } = context;
  const locks = new Map<string, ReadWriteLock>();
  /** Ids that a creation of this restore got. */
  const claimed = new Set<string>();
  for (const entry of journal.entries) if (entry.kind === 'done' && entry.action === 'create') claimed.add(entry.id);

  /** What the steps of this run created. */
  const made = new Map<Key, string>();

  async function once(key: Key, type: ResourceType, body: JsonObject): Promise<LivePair> {
    const id = made.get(key);
    if (id !== undefined) return writer.reread(type, id);
    try {
      const pair = await create(type, body);
      made.set(key, String(pair.raw._id));
      return pair;
    } catch (error) {
      if (error instanceof Unread) made.set(key, error.id);
      throw error;
    }
  }

  async function create(type: ResourceType, body: JsonObject): Promise<LivePair> {
    const lock = locks.get(type.name) ?? createReadWriteLock();
    locks.set(type.name, lock);
    for (let attempt = 1; ; attempt++) {
      try {
        return await lock.shared(async () => {
          const pair = await writer.create(type, body);
          claimed.add(String(pair.raw._id));
          return pair;
        });
      } catch (error) {
        if (error instanceof Unread) claimed.add(error.id);
        if (!isUnknownOutcome(error)) throw error;
        const created = await lock
          .exclusive(() => findUnclaimed(type, body))
          .catch((failure: unknown) => {
            // After a failed step, the next restore would create a second one; a resumed one searches for it.
            throw failure instanceof ApiError ? cannotTell(type, body, failure) : failure;
          });
        if (created) return created;
        if (attempt >= CREATE_TRIES) throw error;
      }
    }
  }

  async function findUnclaimed(type: ResourceType, body: JsonObject): Promise<LivePair | undefined> {
    const all = await writer.list(type, body);
    const unknown = [...all.keys()].filter((id) => !claimed.has(id) && !context.isOld(type.name, id));
    const candidates: { id: string; doc: JsonObject; pair: LivePair }[] = [];
    for (const id of unknown) {
      const pair = await writer.read(type, id);
      if (pair) candidates.push({ id, doc: pair.doc, pair });
    }
    const created = findCreated(type, body, candidates);
    if (created) claimed.add(created.id);
    return created?.pair;
  }

  return once;
}
