import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { textOf } from '../../core/paths.ts';
import type { Actor } from './actors.ts';
import { forbidden } from './api-fault.ts';
import type { Links } from './links.ts';
import type { Store } from './store.ts';

/** What an actor may see and change (api-notes#token-reach). */
export interface Access {
  /** Whether one document exists for them. What they may not see is simply absent. */
  readonly sees: (actor: Actor, type: string, id: string) => boolean;
  /** Filter for a listing of a type; `undefined` = everything. @throws ApiFault 403 outside a custom token's scope */
  readonly filterFor: (actor: Actor, type: string) => ((id: string) => boolean) | undefined;
  /** @throws ApiFault 403 for all but the owner and administrators */
  readonly needsAdministrator: (actor: Actor) => void;
  /** @throws ApiFault 403 when they may not write this; `doc` is the document as it is or will be */
  readonly needsWrite: (actor: Actor, type: ResourceType, id: string | undefined, doc: JsonObject) => void;
}

/** Types that a monitor cannot see. */
const HIDDEN_FROM_MONITORS: ReadonlySet<string> = new Set(['connections', 'accesstokens']);
/** Types that belong to administrators. */
const ADMINISTRATION: ReadonlySet<string> = new Set([
  ...['ashares', 'accesstokens', 'environments', 'ssoclients', 'networkpolicies'],
]);
/** Types that only administrators see: others are refused, and do not get an empty list. */
const REFUSED_TO_OTHERS: ReadonlySet<string> = new Set(['networkpolicies']);
/** Types whose documents belong to an integration by `_integrationId`. */
const MEMBERS = ['flows', 'tools', 'apis', 'lookupcaches', 'syncs', 'mcpservers'] as const;
/** Not reached by following references out of an integration. */
const CLOSED: ReadonlySet<string> = new Set(['integrations', 'flows', 'connections']);

function isAdministrator(actor: Actor): boolean {
  return actor.role === 'owner' || actor.role === 'administrator';
}

export function createAccess(store: Store, links: Links): Access {
  const reach = new Map<string, { readonly version: number; readonly keys: ReadonlySet<string> }>();

  /** Everything that an actor limited to some integrations can see: these, their members, and what those use. */
  function reachOf(actor: Actor): ReadonlySet<string> {
    const known = reach.get(actor.user._id);
    if (known?.version === store.version()) return known.keys;
    const keys = new Set<string>();
    const todo: { readonly type: string; readonly id: string }[] = [];
    const add = (typeName: string, id: string): void => {
      if (keys.has(`${typeName}/${id}`) || !store.has(typeName, id)) return;
      keys.add(`${typeName}/${id}`);
      todo.push({ type: typeName, id });
    };
    for (const [id, level] of actor.integrations) {
      add('integrations', id);
      const registered = store.get('integrations', id)?._registeredConnectionIds;
      if (level !== 'manage' || !isArray(registered)) continue;
      for (const connection of registered) keys.add(`connections/${String(connection)}`);
    }
    for (const typeName of MEMBERS) {
      for (const doc of store.all(typeName)) {
        if (actor.integrations.has(textOf(doc._integrationId) ?? '')) add(typeName, String(doc._id));
      }
    }
    for (let next = todo.pop(); next; next = todo.pop()) {
      for (const target of links.usedBy(next)) if (!CLOSED.has(target.type)) add(target.type, target.id);
    }
    reach.set(actor.user._id, { version: store.version(), keys });
    return keys;
  }

  function filterFor(actor: Actor, typeName: string): ((id: string) => boolean) | undefined {
    if (actor.scope) {
      const ids = actor.scope.get(typeName);
      if (!ids || ids.size === 0) throw forbidden('The token does not reach this');
      return (id) => ids.has(id);
    }
    if (REFUSED_TO_OTHERS.has(typeName) && !isAdministrator(actor)) {
      throw forbidden('For the owner and administrators of the account only');
    }
    if (actor.role === 'monitor' && HIDDEN_FROM_MONITORS.has(typeName)) {
      // Single integrations may still be theirs to manage.
      const keys = typeName === 'connections' && actor.integrations.size > 0 ? reachOf(actor) : undefined;
      return (id) => keys?.has(`${typeName}/${id}`) === true;
    }
    if (actor.role !== undefined) return undefined;
    const keys = reachOf(actor);
    return (id) => keys.has(`${typeName}/${id}`);
  }

  function manages(actor: Actor, type: ResourceType, id: string | undefined, doc: JsonObject): boolean {
    if (actor.role === 'manage') return true;
    const integration = type.name === 'integrations' ? id : textOf(doc._integrationId);
    if (integration !== undefined) return actor.integrations.get(integration) === 'manage';
    if (![...actor.integrations.values()].includes('manage')) return false;
    // Steps, scripts and the like belong to no integration: new ones are free, existing ones must be in reach.
    return id === undefined ? type.name !== 'integrations' : reachOf(actor).has(`${type.name}/${id}`);
  }

  return {
    filterFor,
    sees: (actor, typeName, id) => filterFor(actor, typeName)?.(id) ?? true,
    needsAdministrator(actor) {
      if (!isAdministrator(actor)) throw forbidden('For administrators of the account only');
    },
    needsWrite(actor, type, id, doc) {
      if (isAdministrator(actor)) return;
      if (actor.scope) {
        if (id === undefined || actor.scope.get(type.name)?.has(id) !== true) throw forbidden();
        return;
      }
      if (ADMINISTRATION.has(type.name) || !manages(actor, type, id, doc)) throw forbidden();
    },
  };
}
