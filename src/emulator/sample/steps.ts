import type { JsonObject } from '../../core/json.ts';
import { code, lately, sandboxed } from './build.ts';
import { ids } from './ids.ts';

export function exportDoc(id: string, adaptorType: string, name: string, fields: JsonObject): JsonObject {
  return sandboxed(id, {
    name,
    adaptorType,
    apiIdentifier: `e${code(id, 9)}`,
    asynchronous: true,
    oneToMany: false,
    ...fields,
  });
}

export function importDoc(id: string, adaptorType: string, name: string, fields: JsonObject): JsonObject {
  return sandboxed(id, { name, adaptorType, apiIdentifier: `i${code(id, 9)}`, oneToMany: false, ...fields });
}

const JSON_MEDIA = { formType: 'http', successMediaType: 'json', errorMediaType: 'json' } as const;

export function httpExport(
  id: string,
  name: string,
  connection: string,
  http: JsonObject,
  more: JsonObject = {},
): JsonObject {
  return exportDoc(id, 'HTTPExport', name, {
    _connectionId: connection,
    http: { method: 'GET', headers: [], ...JSON_MEDIA, ...http },
    ...more,
  });
}

export function sqlExport(id: string, name: string, query: string, more: JsonObject = {}): JsonObject {
  return exportDoc(id, 'RDBMSExport', name, { _connectionId: ids.connections.warehouse, rdbms: { query }, ...more });
}

/** A NetSuite saved search. */
export function searchExport(
  id: string,
  name: string,
  recordType: string,
  searchId: string,
  more: JsonObject = {},
): JsonObject {
  return exportDoc(id, 'NetSuiteExport', name, {
    _connectionId: ids.connections.netsuite,
    netsuite: {
      type: 'restlet',
      skipGrouping: false,
      statsOnly: false,
      searches: [],
      customFieldMetadata: {},
      restlet: {
        recordType,
        searchId,
        batchSize: 200,
        useSS2Restlets: true,
        restletVersion: 'suiteapp2.0',
        criteria: [],
        columns: [],
      },
      distributed: { disabled: false, forceReload: false, frameworkVersion: 'twoDotZero', lastSyncedDate: lately(id) },
    },
    ...more,
  });
}

export function httpImport(
  id: string,
  name: string,
  connection: string,
  request: { readonly method: string; readonly path: string; readonly body?: string; readonly more?: JsonObject },
  more: JsonObject = {},
): JsonObject {
  return importDoc(id, 'HTTPImport', name, {
    _connectionId: connection,
    distributed: false,
    ignoreExisting: false,
    ignoreMissing: false,
    http: {
      relativeURI: [request.path],
      method: [request.method],
      body: request.body === undefined ? [] : [request.body],
      headers: [],
      batchSize: 1,
      requestMediaType: 'json',
      sendPostMappedData: true,
      strictHandlebarEvaluation: true,
      ...JSON_MEDIA,
      ...request.more,
    },
    ...more,
  });
}

export function sqlImport(id: string, name: string, query: string, more: JsonObject = {}): JsonObject {
  return importDoc(id, 'RDBMSImport', name, {
    _connectionId: ids.connections.warehouse,
    rdbms: { query: [query], queryType: ['per_record'] },
    ...more,
  });
}

/** An import that runs inside NetSuite, with a Mapper 1.0 mapping. */
export function netsuiteImport(
  id: string,
  name: string,
  recordType: string,
  block: JsonObject,
  more: JsonObject = {},
): JsonObject {
  return importDoc(id, 'NetSuiteDistributedImport', name, {
    _connectionId: ids.connections.netsuite,
    distributed: true,
    lookups: [],
    netsuite_da: {
      operation: 'addupdate',
      recordType,
      restletVersion: 'suiteapp2.0',
      useSS2Restlets: true,
      isMigrated: false,
      lookups: [],
      ...block,
    },
    ...more,
  });
}
