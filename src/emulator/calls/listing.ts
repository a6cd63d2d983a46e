import type { ResourceType } from '../../catalogue/types.ts';
import type { JsonObject } from '../../core/json.ts';
import { textOf } from '../../core/paths.ts';
import { fault } from '../model/api-fault.ts';
import type { Entry } from '../model/store.ts';
import { projectionOf } from '../rules/projection.ts';
import { EMPTY_IS_204, PROJECTABLE } from '../rules/rules.ts';
import type { Call } from './call.ts';
import { empty, jsonText, type Reply } from './reply.ts';

function wholeNumber(query: URLSearchParams, name: string, least: number): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least)) throw fault(400, 'invalid_query_params', `${name} must be a whole number`, name);
  return value;
}

/** The part of a list that a request asks for. */
interface Window {
  readonly skip: number;
  readonly limit: number;
}

function windowOf({ query, account }: Call): Window {
  const { pageSize, defaultPageSize, largeLimit } = account.behaviour;
  const asked = wholeNumber(query, 'limit', 1);
  if (asked !== undefined && asked > pageSize && largeLimit === 'reject') {
    throw fault(400, 'invalid_query_params', `limit must not exceed ${pageSize}`, 'limit');
  }
  return { skip: wholeNumber(query, 'skip', 0) ?? 0, limit: Math.min(asked ?? defaultPageSize, pageSize) };
}

/** The absolute address of the page that begins at `skip` (api-notes#paging-link). */
function pageAddress({ address, query, account }: Call, skip: number, limit: number): string {
  const parameters = new URLSearchParams(account.behaviour.linkQuery === 'all' ? query : undefined);
  parameters.set('limit', String(limit));
  parameters.set('skip', String(skip));
  return `${address}?${parameters.toString()}`;
}

/** The `Link` header of one page: where the next and the previous one are. */
function linkHeader(call: Call, { skip, limit }: Window, total: number): Record<string, string> {
  const link = (to: number, rel: string): string => `<${pageAddress(call, to, limit)}>; rel="${rel}"`;
  const links: string[] = [];
  if (skip + limit < total) links.push(link(skip + limit, 'next'));
  if (skip > 0) links.push(link(Math.max(0, skip - limit), 'prev'));
  const folded = call.account.behaviour.linkForm === 'folded';
  return links.length > 0 ? { link: links.join(folded ? ',\r\n  ' : ', ') } : {};
}

/** One page as an object around its records, with `nextPageURL` when there are more (api-notes#paging-body). */
function pageBody(call: Call, { skip, limit }: Window, total: number, records: string): Reply {
  const more = skip + limit < total;
  const next = more ? `,"nextPageURL":${JSON.stringify(nextPageUrl(call, skip + limit, limit))}` : '';
  return jsonText(`{"data":${records}${next}}`);
}

function nextPageUrl(call: Call, skip: number, limit: number): string {
  const { pathname, search, href } = new URL(pageAddress(call, skip, limit));
  const form = call.account.behaviour.nextPageUrl;
  if (form === 'absolute') return href;
  return (form === 'bare' ? pathname.replace(/^\/v1(?=\/)/i, '') : pathname) + search;
}

/** Parameters of paging and projection, and the one of notifications that their page documents. */
const DOCUMENTED: ReadonlySet<string> = new Set(['limit', 'skip', 'include', 'exclude', 'users', '_parentId']);

function refuseOthers({ query, account }: Call): void {
  if (account.behaviour.otherParameters === 'accept') return;
  for (const name of query.keys())
    if (!DOCUMENTED.has(name)) throw fault(400, 'invalid_query_params', `${name} is not supported here`, name);
}

/**
 * One page of a list as an answer, `text` giving the JSON of each record on it. `paged: false` shows everything and
 * sends no `Link`; `wrap` puts the array into an object.
 */
export function page<T>(
  call: Call,
  records: readonly T[],
  text: (record: T) => string,
  options: { readonly paged?: boolean; readonly emptyIs204?: boolean; readonly wrap?: string | undefined } = {},
): Reply {
  const paged = options.paged !== false;
  const window = paged ? windowOf(call) : { skip: 0, limit: records.length };
  const shown = records.slice(window.skip, window.skip + window.limit).map(text);
  const headers = paged ? linkHeader(call, window, records.length) : {};
  if (shown.length === 0 && options.emptyIs204 === true) return { ...empty(), headers };
  const body = `[${shown.join(',')}]`;
  if (paged && options.wrap === undefined && call.account.behaviour.paging === 'body')
    return pageBody(call, window, records.length, body);
  return jsonText(options.wrap === undefined ? body : `{"${options.wrap}":${body}}`, 200, headers);
}

type Filter = (doc: JsonObject) => boolean;

/** Filters that single lists know. */
function filterOf(type: ResourceType, { query, actor }: Call): Filter | undefined {
  switch (type.name) {
    case 'tools': {
      const integration = query.get('_integrationId');
      return integration === null ? undefined : (doc) => doc._integrationId === integration;
    }
    case 'tpconnectors':
      return query.get('publishedOnly') === 'true' ? (doc) => doc.published === true : undefined;
    case 'notifications':
      // Without the parameter, a person sees their own only (api-notes#hidden-records).
      if (query.get('users') === 'all') return undefined;
      return (doc) => (doc.subscribedByUser as JsonObject | undefined)?._id === actor.user._id;
    case 'storageitems': {
      const parent = query.get('_parentId') ?? undefined;
      return (doc) => textOf(doc._parentId) === parent;
    }
    default:
      return undefined;
  }
}

/** GET of a collection. @throws ApiFault */
export function listCollection(call: Call, type: ResourceType): Reply {
  const { account, actor, query } = call;
  refuseOthers(call);
  const projection = projectionOf(query, type.name, PROJECTABLE.has(type.name));
  const { store } = account;
  const visible = account.access.filterFor(actor, type.name);
  const filter = filterOf(type, call);
  // Instances of abstract flows are left out unless asked for (api-notes#flow-instances).
  const withInstances = type.name !== 'flows' || query.get('includeInstances') === 'true';

  let entries = store.entries(type.name);
  if (visible || filter || !withInstances) {
    entries = entries.filter(
      (entry) =>
        (withInstances || !entry.isInstance) &&
        (!visible || visible(entry.id)) &&
        (!filter || filter(JSON.parse(entry.text) as JsonObject)),
    );
  }

  function textOfEntry(entry: Entry): string {
    const text = store.listText(type.name, entry);
    if (!projection) return text;
    if (entry.projected?.key !== projection.key) {
      const shown = JSON.stringify(projection.apply(JSON.parse(text) as JsonObject));
      entry.projected = { key: projection.key, text: shown };
    }
    return entry.projected?.text ?? text;
  }

  return page(call, entries, textOfEntry, {
    // Two collections are documented not to page (api-notes#unpaged).
    paged: type.list.paged !== false && type.name !== 'ssoclients',
    emptyIs204: EMPTY_IS_204.has(type.name),
    wrap: type.list.shape === 'folders' ? 'items' : undefined,
  });
}
