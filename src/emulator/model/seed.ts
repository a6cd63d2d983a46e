import type { Json, JsonObject } from '../../core/json.ts';

/** A person who may sign in to the emulated account, with their API token. */
export interface Person {
  readonly _id: string;
  readonly name: string;
  readonly email: string;
  /** Bearer token: requests that carry it act as this person. */
  readonly token: string;
  /** The owner is not listed in `/v1/ashares`; the others are. */
  readonly role: 'owner' | 'administrator' | 'manage' | 'monitor';
  /** Integrations that a `manage` or `monitor` person is limited to; absent = all of the account. */
  readonly integrationIds?: readonly string[];
}

/** One entry of the audit log, as `GET /v1/audit` shows it. */
export interface AuditEntry {
  readonly _id: string;
  readonly resourceType: string;
  readonly _resourceId: string;
  readonly source: string;
  readonly event: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly time: string;
  readonly fieldChanges: readonly { fieldPath?: string; oldValue?: Json; newValue?: Json }[];
  readonly byUser: { readonly _id: string; readonly name: string; readonly email: string };
}

/**
 * What an emulated account holds when it starts. Documents are as the server stores them: complete, with
 * secrets in plain text (reads mask them), volatile fields included.
 */
export interface AccountSeed {
  readonly people: readonly Person[];
  /** Documents by the type's folder name in the catalogue (`flows`, `iclients`, …). */
  readonly resources: Readonly<Record<string, readonly JsonObject[]>>;
  /** Entries of lookup caches by the cache's `_id`. */
  readonly lookupData: Readonly<Record<string, readonly { readonly key: string; readonly value: Json }[]>>;
  /** Global state (`/v1/state/{key}`). */
  readonly state: Readonly<Record<string, Json>>;
  /** State of single resources, by `<type>/<id>`. */
  readonly resourceState?: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly audit: readonly AuditEntry[];
  /**
   * By type: what others provide or share, and no listing shows (api-notes#unlisted). Such a document can be referred
   * to and read by its id, and not be written.
   */
  readonly unlisted?: Readonly<Record<string, readonly JsonObject[]>>;
}

/** An account with an owner and nothing else. */
export function emptyAccount(): AccountSeed {
  const owner = {
    _id: '650000000000000000000001',
    name: 'Owner',
    email: 'owner@example.test',
    token: 'owner-token',
    role: 'owner',
  } as const;
  return { people: [owner], resources: {}, lookupData: {}, state: {}, audit: [] };
}
