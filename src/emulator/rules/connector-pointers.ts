import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { equalJson, setPlace, textOf, valueAt, valuesAt, withKey } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import type { Context } from './draft.ts';

/** Resource and endpoint of a connector. */
interface Form {
  readonly resource: JsonObject;
  readonly endpoint: JsonObject;
}

/** All resources of a connector with their endpoints. */
function formsOf({ store }: Account, connector: string): readonly Form[] {
  const endpoints = [...store.all('httpconnectorendpoints')];
  return [...store.all('httpconnectorresources')]
    .filter(({ _httpConnectorId }) => _httpConnectorId === connector)
    .flatMap((resource) =>
      endpoints
        .filter((endpoint) => valuesAt(endpoint, '_httpConnectorResourceIds[]').includes(resource._id ?? null))
        .map((endpoint) => ({ resource, endpoint })),
    );
}

/** Whether a step is a use of an endpoint, by its method and the address. */
function isUse(doc: JsonObject, { method, relativeURI }: JsonObject): boolean {
  const first = (path: string) => valuesAt(doc, `${path}[]`)[0] ?? valueAt(doc, path);
  return relativeURI !== undefined && method === first('http.method') && relativeURI === first('http.relativeURI');
}

function idsIn(value: Json | undefined): readonly Json[] {
  return value === undefined ? [] : isArray(value) ? value : [value];
}

const VERSION = 'http._httpConnectorVersionId';
const RESOURCE = 'http._httpConnectorResourceId';
const ENDPOINTS = ['http._httpConnectorEndpointId', 'http._httpConnectorEndpointIds'];

/**
 * What links a step to its connection's HTTP connector: kept where it is of that connector, otherwise derived from
 * method and address; what matches nothing stays as it is (api-notes#connector-pointers).
 */
export function pointers(doc: JsonObject, { account }: Context): JsonObject {
  if (!isObject(doc.http)) return doc;
  const connection = account.store.get('connections', textOf(doc._connectionId) ?? '');
  const id = textOf(valueAt(connection, 'http._httpConnectorId')) ?? '';
  const connector = account.store.get('httpconnectors', id);
  if (!connector) return doc;
  const forms = formsOf(account, id);
  const own = new Set<Json>([
    ...valuesAt(connector, 'versions[]._id'),
    ...forms.flatMap(({ resource, endpoint }) => [resource._id ?? null, endpoint._id ?? null]),
  ]);
  const sent = [VERSION, RESOURCE, ...ENDPOINTS].flatMap((path) => idsIn(valueAt(doc, path)));
  if (sent.length > 0 && sent.every((one) => own.has(one))) return doc;
  const form = forms.find(({ endpoint }) => isUse(doc, endpoint));
  if (!form) return doc;
  const version = valueAt(connection, VERSION) ?? form.resource._versionId;
  const plural = typeof doc.adaptorType === 'string' && doc.adaptorType.endsWith('Import');
  const derived: readonly [string, Json | undefined][] = [
    [VERSION, version],
    [RESOURCE, form.resource._id],
    plural ? [ENDPOINTS[1] as string, [form.endpoint._id ?? null]] : [ENDPOINTS[0] as string, form.endpoint._id],
  ];
  return derived.reduce((held, [path, id]) => setPlace(held, path, id), doc);
}

/** A connection without the connector that the account cannot see; never an error (api-notes#connector-pointers). */
export function withKnownConnector(doc: JsonObject, { account, stored }: Context): JsonObject {
  const { http } = doc;
  if (!isObject(http) || account.behaviour.unknownConnectors === 'keep') return doc;
  const id = textOf(http._httpConnectorId);
  if (id === undefined || equalJson(id, valueAt(stored, 'http._httpConnectorId'))) return doc;
  if (account.store.has('httpconnectors', id) || account.unlisted.has(`httpconnectors/${id}`)) return doc;
  const bare = ['_httpConnectorId', '_httpConnectorApiId', '_httpConnectorVersionId'];
  return { ...doc, http: bare.reduce((held, key) => withKey(held, key, undefined), http) };
}
