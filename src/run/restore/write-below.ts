import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { collectionBelow, parentIn, readBelow } from '../../core/below.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { withKey } from '../../core/paths.ts';
import { findCreated } from './find-created.ts';
import type { Reader } from './reader.ts';

/** Writes documents whose collection is below a record of another type, by a PUT of a list that merges. */
interface BelowWriter {
  /** The id of what was created. @throws ApiError */
  readonly create: (type: ResourceType, body: JsonObject) => Promise<string>;
  /** `false`: the resource is none of these. @throws ApiError */
  readonly replace: (type: ResourceType, id: string, body: JsonObject) => Promise<boolean>;
}

export function writeBelow(
  { list, pair }: Pick<Reader, 'list' | 'pair'>,
  put: (url: string, body: Json) => Promise<unknown>,
): BelowWriter {
  const last = new Map<string, Promise<unknown>>();

  /** One after the other, so that what is new in a collection is what the call made. */
  async function inTurn<T>(collection: string, work: () => Promise<T>): Promise<T> {
    const done = (last.get(collection) ?? Promise.resolve()).then(work, work);
    last.set(collection, done);
    return done;
  }

  async function made(type: ResourceType, body: JsonObject, before: ReadonlySet<string>): Promise<string> {
    const candidates = [...(await list(type, body))].map(([id, record]) => ({ id, doc: pair(type, record).doc }));
    const fresh = candidates.filter(({ id }) => !before.has(id));
    // The server updates one that it takes for the same (api-notes#datasets).
    const found = findCreated(type, body, fresh) ?? findCreated(type, body, candidates);
    if (found) return found.id;
    throw new ApiError(`the ${type.noun} is missing after it was written`, { transient: true });
  }

  return {
    async create(type, body) {
      const above = parentIn(type, body);
      if (!above) throw new ApiError(`the ${type.noun} does not name what it belongs to`, { transient: false });
      const collection = collectionBelow(type, above.parent.name, above.parentId);
      return inTurn(collection, async () => {
        const before = new Set((await list(type, body)).keys());
        await put(collection, [withKey(body, above.field, undefined)]);
        return made(type, body, before);
      });
    },
    async replace(type, id, body) {
      const below = type.list.shape === 'keys' ? undefined : readBelow(type, id);
      if (!below) return false;
      const { field, parent, parentId, own } = below;
      await put(collectionBelow(type, parent.name, parentId), [{ ...withKey(body, field, undefined), _id: own }]);
      return true;
    },
  };
}
