import { getOwn, type Json, type JsonObject } from '../core/json.ts';
import type { FieldPath } from './types.ts';

/**
 * Bookkeeping of every type, left out of documents (api-notes#server-managed, api-notes#volatile). `lastModified` also
 * moves on writes that change nothing.
 */
export const ALWAYS_VOLATILE: readonly FieldPath[] = [
  'lastModified',
  'lastModifiedBy',
  'createdAt',
  'deletedAt',
  'debugDate',
  '__v',
  '__hash',
  'draftExpiresAt',
];

/** A member that the platform manages, in some objects. */
interface VolatileMember {
  /** Whether it does in `holder`, the object of `doc` that has the member. Absent: always. */
  readonly when?: (holder: JsonObject, doc: JsonObject) => boolean;
  /** The same for people. */
  readonly says?: string;
}

/**
 * Members that the platform changes by itself wherever they are in a document, outside of what people fill freely
 * (api-notes#volatile).
 */
export const VOLATILE_MEMBERS: ReadonlyMap<string, VolatileMember> = new Map<string, VolatileMember>([
  // The windows close by themselves.
  ['debugUntil', {}],
  // In a step without a resource it says that there is none yet (api-notes#unfinished-steps).
  [
    'setupInProgress',
    {
      when: (step) => getOwn(step, '_exportId') !== undefined || getOwn(step, '_importId') !== undefined,
      says: 'of steps that have a resource',
    },
  ],
  // Recovery from rate limits lowers and raises the level (api-notes#clamped).
  [
    'concurrencyLevel',
    {
      when: (block, doc) =>
        doc.autoRecoverRateLimitErrors === true && isNumber(getOwn(block, 'targetConcurrencyLevel')),
      says: 'while the platform adjusts it',
    },
  ],
]);

function isNumber(value: Json | undefined): boolean {
  return typeof value === 'number';
}

/** Equal to absent in every type (api-notes#defaults). */
export const ALWAYS_DEFAULT: Readonly<Record<FieldPath, boolean>> = { sandbox: false, draft: false };

/** Numbers that the server cuts down without an error, in any document (api-notes#clamped). */
export const CLAMPED_FIELDS: ReadonlySet<string> = new Set(['concurrencyLevel', 'targetConcurrencyLevel']);

/** What they are cut down to: the greatest of either licence. */
export const CLAMP_RANGE: { readonly least: number; readonly greatest: readonly number[] } = {
  least: 1,
  greatest: [25, 50],
};

/** Set by the server in every type and left out of a write (api-notes#server-managed). */
export const SERVER_MANAGED: readonly FieldPath[] = [
  '_id',
  'createdAt',
  'lastModified',
  'lastModifiedBy',
  'deletedAt',
  '_userId',
  'sandbox',
  '__v',
];

/**
 * Fields that refer to something outside the account (Celigo's own catalogue, provenance, people), which is not
 * expected to resolve (api-notes#references).
 */
export const OUTSIDE_FIELDS: readonly string[] = ['_connectorId', '_templateId', '_sourceId', '_userId'];

/** Objects that give a copy other parts than the original has: each part names both by `_id` and `_abstractId`. */
export const OVERRIDE_FIELDS: ReadonlySet<string> = new Set(['overrides', 'overridesHelper']);

/** Members of such an object, each a list of parts of the type of this name. */
export const OVERRIDDEN_TYPES: ReadonlySet<string> = new Set(['connections', 'exports', 'imports']);

/** What names the part and its replacement. */
export const OVERRIDING_FIELDS: ReadonlySet<string> = new Set(['_id', '_abstractId']);

/** Fields that say what becomes of a record: lists of the platform's, in which names and values are people's. */
export const MAPPING_FIELDS: ReadonlySet<string> = new Set(['mapping', 'mappings', 'responseMapping']);

/**
 * Fields below which the keys are chosen by people, or are names of other systems' fields: a key that reads like one of
 * the platform's is theirs there.
 */
export const CHOSEN_KEY_FIELDS: ReadonlySet<string> = new Set([
  ...['settings', 'settingsForm', 'unencrypted', 'encrypted', 'configuration', 'assistantMetadata', 'modelOptions'],
  ...MAPPING_FIELDS,
  ...['map', 'rules', 'value', 'data', 'body', 'formData'],
  ...['schema', 'inputSchema', 'outputSchema', 'properties', 'definitions', '$defs', 'parameters'],
  ...['queryParams', 'queryParameters', 'pathParams', 'bodyParams', 'headers', 'variables'],
]);

/**
 * Records of other systems that the platform captures when a step runs or is previewed (api-notes#samples): left out
 * unless the account opts in with `sampleData`. Ids in them only look like references (api-notes#opaque).
 */
export const CAPTURED_FIELDS: ReadonlySet<string> = new Set([
  'sampleData',
  'sampleResponseData',
  'sampleHeaders',
  'sampleQueryParams',
  'rawData',
  'mockOutput',
  'mockResponse',
  'mockInput',
  'mockRequest',
]);
