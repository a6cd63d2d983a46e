import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { textOf } from '../../core/paths.ts';
import type { AuditEntry, Person } from './seed.ts';
import type { Store } from './store.ts';

type Role = Person['role'];
/** What a person may do with one integration. */
type Level = 'manage' | 'monitor';

/** On whose behalf, and how far, something is done. */
export interface Actor {
  /** As the audit log names them; for an account token, the account's owner. */
  readonly user: AuditEntry['byUser'];
  /** Name of the person or token, for the log of requests. */
  readonly label: string;
  /** Rights in the whole account; absent for a person with rights in single integrations only. */
  readonly role?: Role;
  /** Rights in single integrations. */
  readonly integrations: ReadonlyMap<string, Level>;
  /** Ids by type that a custom token reaches; absent for every other token (api-notes#tokens). */
  readonly scope?: ReadonlyMap<string, ReadonlySet<string>>;
  readonly source: 'api' | 'ui';
}

/** Allow-lists of a custom token, with the types they open. */
export const SCOPE_LISTS: Readonly<Record<string, string>> = {
  _connectionIds: 'connections',
  _exportIds: 'exports',
  _importIds: 'imports',
  _apiIds: 'apis',
  _mcpServerIds: 'mcpservers',
};

/** Finds out who is behind a token or a person's id. */
export interface Actors {
  readonly owner: AuditEntry['byUser'];
  /** `undefined` for a token that is unknown, revoked or expired. */
  readonly byToken: (token: string) => Actor | undefined;
  /** The person with this token, id or e-mail address, working in the user interface. */
  readonly inBrowser: (who: string) => Actor | undefined;
  readonly revoke: (token: string) => void;
}

function strings(value: Json | undefined): readonly string[] {
  return isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** Rights as the access record of a person gives them; the record may change while the emulator runs. */
function rightsOf(share: JsonObject): Pick<Actor, 'role' | 'integrations'> {
  const level = share.accessLevel;
  const role =
    level === 'administrator' || level === 'manage' || level === 'monitor' ? (level satisfies Role) : undefined;
  const integrations = new Map<string, Level>();
  const single = isArray(share.integrationAccessLevel) ? share.integrationAccessLevel.filter(isObject) : [];
  for (const entry of single) {
    integrations.set(String(entry._integrationId), entry.accessLevel === 'manage' ? 'manage' : 'monitor');
  }
  return role === undefined ? { integrations } : { role, integrations };
}

/** The access record of a person who has none in the seed. */
export function shareOf(person: Person, id: string, time: string): JsonObject {
  const { _id, name, email, role, integrationIds } = person;
  return {
    _id: id,
    createdAt: time,
    lastModified: time,
    accepted: true,
    ...(integrationIds === undefined
      ? { accessLevel: role }
      : { integrationAccessLevel: integrationIds.map((_integrationId) => ({ _integrationId, accessLevel: role })) }),
    sharedWithUser: { _id, name, email },
  };
}

function userIdOf(share: JsonObject): Json | undefined {
  return isObject(share.sharedWithUser) ? share.sharedWithUser._id : undefined;
}

export function createActors(people: readonly Person[], store: Store, now: () => Date): Actors {
  const boss = people.find((person) => person.role === 'owner');
  if (!boss) throw new Error('an account needs an owner among its people');
  const owner = { _id: boss._id, name: boss.name, email: boss.email };
  const revoked = new Set<string>();
  let tokens: { readonly version: number; readonly docs: ReadonlyMap<string, JsonObject> } | undefined;

  function tokenRecord(token: string): JsonObject | undefined {
    if (tokens?.version !== store.version()) {
      const docs = new Map([...store.all('accesstokens')].map((doc) => [String(doc.token), doc]));
      tokens = { version: store.version(), docs };
    }
    return tokens.docs.get(token);
  }

  function person(found: Person, source: Actor['source']): Actor | undefined {
    const user = { _id: found._id, name: found.name, email: found.email };
    if (found.role === 'owner') {
      return { user, label: found.name, role: 'owner', integrations: new Map(), source };
    }
    // A member who was removed or switched off is out at once (api-notes#token-reach).
    const share = [...store.all('ashares')].find((doc) => userIdOf(doc) === found._id);
    if (!share || share.disabled === true) return undefined;
    return { user, label: found.name, ...rightsOf(share), source };
  }

  function accountToken(record: JsonObject): Actor | undefined {
    const expiry = textOf(record.autoPurgeAt);
    if (record.revoked === true || (expiry !== undefined && Date.parse(expiry) <= now().getTime())) return undefined;
    if (record._aShareId !== undefined) {
      const share = store.get('ashares', String(record._aShareId));
      const member = people.find(({ _id }) => share && _id === userIdOf(share));
      return member && person(member, 'api');
    }
    const label = textOf(record.name) ?? 'token';
    const base = { user: owner, label, integrations: new Map(), source: 'api' } as const;
    if (record.fullAccess === true) return { ...base, role: 'administrator' };
    const scope = new Map(Object.entries(SCOPE_LISTS).map(([list, type]) => [type, new Set(strings(record[list]))]));
    return { ...base, scope };
  }

  return {
    owner,
    byToken(token) {
      if (revoked.has(token)) return undefined;
      const found = people.find((candidate) => candidate.token === token);
      if (found) return person(found, 'api');
      const record = tokenRecord(token);
      return record && accountToken(record);
    },
    inBrowser(who) {
      const found = people.find(({ _id, token, email }) => who === token || who === _id || who === email);
      return found && person(found, 'ui');
    },
    revoke: (token) => void revoked.add(token),
  };
}
