import type { ResourceType } from '../../catalogue/types.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { parseJson } from '../../celigo/client.ts';
import { recordsOf, walkCollection } from '../../celigo/paging.ts';
import { diffFields } from '../../core/field-diff.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { titleOf } from '../../core/layout.ts';
import { equalJson, valueAt } from '../../core/paths.ts';
import { restorable } from '../../plan/body.ts';

/** Fields that tell kinds of one type apart, besides the name (api-notes#discriminators). */
const DISCRIMINATORS = [
  'type',
  'adaptorType',
  'provider',
  'fileType',
  'relativeURI',
  '_integrationId',
  '_abstractFlowId',
];

/**
 * Picks, of resources that nobody accounts for, the one that a POST with this body most likely made: same name and kind,
 * the fewest other differences. Both are in the mirror's form.
 */
export function findCreated<T extends { readonly id: string; readonly doc: JsonObject }>(
  type: ResourceType,
  body: JsonObject,
  candidates: readonly T[],
): T | undefined {
  const alike = candidates.filter(
    ({ doc }) =>
      titleOf(type, doc) === titleOf(type, body) &&
      DISCRIMINATORS.every((path) => equalJson(valueAt(doc, path), valueAt(body, path))),
  );
  const form = restorable(type, body, new Map());
  return alike
    .map((candidate) => ({
      candidate,
      distance: diffFields(restorable(type, candidate.doc, new Map()), form).length,
    }))
    .sort((a, b) => a.distance - b.distance || (a.candidate.id < b.candidate.id ? -1 : 1))[0]?.candidate;
}

/** All records of the collection at `path`, from its first to its last page. @throws ApiError when it cannot be read whole */
export async function listAll(
  client: ApiClient,
  type: ResourceType,
  path: string,
  signal: AbortSignal,
): Promise<Map<string, JsonObject>> {
  const found = new Map<string, JsonObject>();
  await walkCollection(client, {
    path,
    optional: type.list.query ?? {},
    paged: type.list.paged !== false,
    signal,
    read: (response) => {
      const { records, nextPageUrl } = recordsOf(parseJson(response), path);
      return { records, nextPageUrl, count: records.length };
    },
    visit: async ({ records }) => {
      let fresh = 0;
      for (const record of records) {
        if (!isObject(record) || typeof record._id !== 'string') continue;
        if (!found.has(record._id)) fresh += 1;
        found.set(record._id, record);
      }
      return fresh;
    },
  });
  return found;
}
