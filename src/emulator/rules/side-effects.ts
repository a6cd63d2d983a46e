import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { textOf } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';

/** Types that work by themselves unless `disabled` holds them back. */
const LIVE: ReadonlySet<string> = new Set(['flows', 'apis', 'mcpservers', 'syncs']);

function isLive(type: string, doc: JsonObject | undefined): boolean {
  return doc !== undefined && LIVE.has(type) && doc.disabled !== true && doc.isAbstract !== true;
}

/** Changes a stored document as the platform itself does: no audit entry, no new `lastModified`. */
function adjust(account: Account, type: string, id: string | undefined, field: string, value: number): void {
  const doc = id === undefined ? undefined : account.store.get(type, id);
  if (doc && doc[field] !== value) account.store.put(type, { ...doc, [field]: value });
}

/** Keeps the numbers of flows and instances that other documents show. */
function recount(account: Account, doc: JsonObject): void {
  const integration = textOf(doc._integrationId);
  if (integration !== undefined) {
    const users = account.links.usersOf({ type: 'integrations', id: integration });
    adjust(account, 'integrations', integration, 'numFlows', users.filter(({ type }) => type === 'flows').length);
  }
  const base = textOf(doc._abstractFlowId);
  if (base === undefined) return;
  const instances = account.links
    .usersOf({ type: 'flows', id: base })
    .filter(
      ({ type: typeName, id }) => typeName === 'flows' && account.store.get('flows', id)?._abstractFlowId === base,
    );
  adjust(account, 'flows', base, 'numInstances', instances.length);
}

/** Adds connections to those that the parts of an integration may use. */
export function register(account: Account, integration: string, ...connections: readonly string[]): void {
  const doc = account.store.get('integrations', integration);
  const held = doc?._registeredConnectionIds;
  const before = isArray(held) ? held : [];
  const added = connections.filter((id) => !before.includes(id));
  if (!doc || added.length === 0) return;
  account.store.put('integrations', { ...doc, _registeredConnectionIds: [...before, ...added] });
}

/** Connections of the steps that a document uses. */
function connectionsOf(account: Account, type: string, id: string): string[] {
  return account.links.usedBy({ type, id }).flatMap((used) => {
    if (used.type === 'connections') return [used.id];
    return used.type === 'exports' || used.type === 'imports'
      ? account.links.usedBy(used).flatMap((one) => (one.type === 'connections' ? [one.id] : []))
      : [];
  });
}

/** What follows from a document that appeared, changed or went (`doc` absent). */
export function afterWrite(
  account: Account,
  type: ResourceType,
  doc: JsonObject | undefined,
  stored: JsonObject | undefined,
): void {
  const { name: typeName } = type;
  if (typeName === 'flows') {
    for (const state of [doc, stored]) if (state) recount(account, state);
  }
  // A tool that is moved to another integration brings its connections along (api-notes#moved-tools).
  const home = textOf(doc?._integrationId);
  if (typeName === 'tools' && stored && home !== undefined && home !== stored._integrationId) {
    register(account, home, ...connectionsOf(account, 'tools', String(stored._id)));
  }
  if (doc && isLive(typeName, doc) && !isLive(typeName, stored)) {
    account.starts.push({ type: typeName, id: String(doc._id), time: account.now().toISOString() });
  }
}
