import type { ResourceType } from '../../catalogue/types.ts';
import type { JsonObject } from '../../core/json.ts';
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
  if (doc && isLive(typeName, doc) && !isLive(typeName, stored)) {
    account.starts.push({ type: typeName, id: String(doc._id), time: account.now().toISOString() });
  }
}
