import { ACCOUNT_TYPES } from './account-types.ts';
import { CONNECTION_TYPES } from './connection-types.ts';
import { DATA_TYPES } from './data-types.ts';
import { FLOW_TYPES } from './flow-types.ts';
import { SERVICE_TYPES } from './service-types.ts';
import type { ResourceType } from './types.ts';

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

const BY_DIR: ReadonlyMap<string, ResourceType> = new Map(RESOURCE_TYPES.map((type) => [type.name, type]));

/** The type whose name is `type`, or `undefined`. */
export function findType(type: string): ResourceType | undefined {
  return BY_DIR.get(type);
}
