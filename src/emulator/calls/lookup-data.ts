import { isArray, isObject, type Json } from '../../core/json.ts';
import type { Account } from '../model/account.ts';
import { fault, invalid, missing } from '../model/api-fault.ts';
import type { LookupEntry } from '../model/lookup-entries.ts';
import { type Call, methodNotAllowed, unknownPath } from './call.ts';
import { empty, json, type Reply } from './reply.ts';

/** Bounds of one call (api-notes#lookup-data). */
const MOST_KEYS = 1_000;
const MOST_BYTES = 5 * 1024 * 1024;

function sizeOf(entry: LookupEntry): number {
  return Buffer.byteLength(JSON.stringify(entry)) + 1;
}

/** Updates what the cache's own document says of its size. */
function measure(account: Account, id: string): void {
  const doc = account.store.get('lookupcaches', id);
  if (!doc) return;
  const entries = account.lookups.of(id);
  const bytes = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  const sizeInMB = Math.round((bytes / 1024 / 1024) * 100) / 100;
  account.store.put('lookupcaches', { ...doc, size: entries.length, sizeInMB });
}

function nextPage(call: Call, key: string): string {
  const query = `startAfterKey=${encodeURIComponent(key)}`;
  const relative = `/${call.path.join('/')}?${query}`;
  switch (call.account.behaviour.nextPageUrl) {
    case 'absolute':
      return `${call.address}?${query}`;
    case 'relative':
      return `/v1${relative}`;
    default:
      return relative;
  }
}

/** `POST …/getData`: one page of entries, those with given keys, or those whose key begins with a text. */
function getData(call: Call, id: string): Reply {
  const { account, query } = call;
  const body = call.body() ?? {};
  const wanted = isObject(body) ? body : {};
  if (isArray(wanted.keys)) {
    const found = wanted.keys.flatMap((key) => account.lookups.get(id, String(key)) ?? []);
    if (found.reduce((sum, entry) => sum + sizeOf(entry), 0) > MOST_BYTES) {
      throw fault(400, 'response_too_large', 'the entries exceed 5 MB; ask for fewer keys', 'keys');
    }
    return json({ data: found });
  }
  const prefix = typeof wanted.startsWith === 'string' ? wanted.startsWith : '';
  const after = query.get('startAfterKey');
  const data: LookupEntry[] = [];
  let bytes = 0;
  for (const entry of account.lookups.of(id)) {
    if (!entry.key.startsWith(prefix) || (after !== null && entry.key <= after)) continue;
    bytes += sizeOf(entry);
    const last = data.at(-1);
    if (last && (data.length === MOST_KEYS || bytes > MOST_BYTES)) {
      return json({ data: data, nextPageURL: nextPage(call, last.key) });
    }
    data.push(entry);
  }
  return json({ data: data });
}

function upsert(account: Account, id: string, body: Json | undefined): Reply {
  const list = isObject(body) && isArray(body.data) ? body.data : body;
  if (!isArray(list)) throw fault(400, 'invalid_field', 'the body must hold an array of entries', 'data');
  const entries = list.map((item): LookupEntry => {
    if (!isObject(item) || typeof item.key !== 'string' || item.key === '') {
      throw missing('key', 'an entry needs a key');
    }
    return { key: item.key, value: item.value ?? null };
  });
  if (entries.length > MOST_KEYS) throw invalid('data', `at most ${MOST_KEYS} entries in one call`);
  if (entries.reduce((sum, entry) => sum + sizeOf(entry), 0) > MOST_BYTES) {
    throw invalid('data', 'at most 5 MB in one call');
  }
  account.lookups.set(id, entries);
  measure(account, id);
  return json({ success: true });
}

function deleteKeys(account: Account, id: string, body: Json | undefined): Reply {
  const keys = isObject(body) ? body.keys : body;
  if (!isArray(keys)) throw fault(400, 'invalid_field', 'the body must hold an array of keys', 'keys');
  if (keys.length > MOST_KEYS) throw invalid('keys', `at most ${MOST_KEYS} keys in one call`);
  account.lookups.delete(id, keys.map(String));
  measure(account, id);
  return empty(200);
}

/** The entries of a lookup cache, at `/v1/lookupcaches/{id}/getData`, `/data` and `/data/purge`. */
export async function lookupData(call: Call, id: string, rest: readonly string[]): Promise<Reply> {
  const { account, method } = call;
  const action = `${method} ${rest.join('/')}`;
  if (action === 'POST getdata') return getData(call, id);
  if (!['data', 'data/purge'].includes(rest.join('/'))) throw unknownPath();
  if (!['POST data', 'DELETE data', 'DELETE data/purge'].includes(action)) throw methodNotAllowed(method);
  const body = call.body();
  await call.beforeWrite('lookupcaches', id);
  if (action === 'POST data') return upsert(account, id, body);
  if (action === 'DELETE data') return deleteKeys(account, id, body);
  account.lookups.clear(id);
  measure(account, id);
  return empty();
}
