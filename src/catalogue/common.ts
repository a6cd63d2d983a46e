import type { FieldPath } from './types.ts';

/**
 * Bookkeeping of every type, left out of documents (api-notes#server-managed, api-notes#volatile). `lastModified` also
 * moves on writes that change nothing; the debug windows close by themselves.
 */
export const ALWAYS_VOLATILE: readonly FieldPath[] = [
  'lastModified',
  'lastModifiedBy',
  'createdAt',
  'deletedAt',
  'debugDate',
  'debugUntil',
  '__v',
  '__hash',
  'draftExpiresAt',
];

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

/** Subtrees that hold records of other systems, whose ids only look like references (api-notes#opaque). */
export const OPAQUE_FIELDS: ReadonlySet<string> = new Set([
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

/** Members of a document in which a person may keep anything: an empty value is a value there. */
export const FREE_FORM: ReadonlySet<string> = new Set(['settings', 'value']);
