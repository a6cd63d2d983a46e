import { ACCOUNT_TYPES } from './account-types.ts';
import { OUTSIDE_FIELDS } from './common.ts';
import { CONNECTION_TYPES } from './connection-types.ts';
import { DATA_TYPES } from './data-types.ts';
import { FLOW_TYPES } from './flow-types.ts';
import { SERVICE_TYPES } from './service-types.ts';
import type { FieldPath, ResourceType } from './types.ts';

/**
 * The catalogue: every resource type of the account, in the order in which it is listed and printed.
 * Listing, cleaning, filing, checking, restoring and emulating all read this table and nothing else.
 */
export const RESOURCE_TYPES: readonly ResourceType[] = [
  ...FLOW_TYPES,
  ...CONNECTION_TYPES,
  ...DATA_TYPES,
  ...SERVICE_TYPES,
  ...ACCOUNT_TYPES,
];

const BY_NAME: ReadonlyMap<string, ResourceType> = new Map(RESOURCE_TYPES.map((type) => [type.name, type]));

/** The type whose name is `type`, or `undefined`. */
export function findType(type: string): ResourceType | undefined {
  return BY_NAME.get(type);
}

/** The catalogue as one account uses it. */
export interface Catalogue {
  readonly types: readonly ResourceType[];
  /** The type of that name, or `undefined`. */
  readonly find: (type: string) => ResourceType | undefined;
}

/** The catalogue with further volatile fields, by name of the type: what an account ignores. */
export function catalogueWith(ignore: Readonly<Record<string, readonly FieldPath[]>>): Catalogue {
  if (Object.keys(ignore).length === 0) return { types: RESOURCE_TYPES, find: findType };
  const types = RESOURCE_TYPES.map((type): ResourceType => {
    const more = ignore[type.name];
    return more ? { ...type, volatile: [...(type.volatile ?? []), ...more] } : type;
  });
  const byName = new Map(types.map((type) => [type.name, type]));
  return { types, find: (type) => byName.get(type) };
}

function theOne(what: string, fits: (type: ResourceType) => boolean): ResourceType {
  const [type, ...more] = RESOURCE_TYPES.filter(fits);
  if (!type || more.length > 0) throw new TypeError(`the catalogue needs exactly one type of ${what}`);
  return type;
}

/** The type of groups, of which others are part. */
export const GROUPS: ResourceType = theOne('groups', ({ dependence }) => dependence === 'group');
/** The type of the account's users. */
export const USERS: ResourceType = theOne('users', ({ person }) => person !== undefined);

/**
 * Fields that refer to another resource wherever they are in a document (api-notes#references), with the name of its
 * type; `null` for what is outside the account.
 */
export const REFERENCE_FIELDS: Readonly<Record<string, string | null>> = Object.fromEntries([
  ...RESOURCE_TYPES.flatMap(({ name, referredBy = [] }) => referredBy.map((field) => [field, name] as const)),
  ...OUTSIDE_FIELDS.map((field) => [field, null] as const),
  ...RESOURCE_TYPES.flatMap(({ perhapsReferredBy = [] }) => perhapsReferredBy.map((field) => [field, null] as const)),
]);

/** Fields that refer outside the account, or to a record of its own that is listed among Celigo's: field → type. */
export const PERHAPS_OWN_FIELDS: ReadonlyMap<string, string> = new Map(
  RESOURCE_TYPES.flatMap(({ name, perhapsReferredBy = [] }) => perhapsReferredBy.map((field) => [field, name])),
);
