import { isObject, type JsonObject } from '../../core/json.ts';

/** The block of a step → its adaptor, without `Export` or `Import`; the more specific ones first. */
const BY_BLOCK: readonly (readonly [block: string, adaptor: string])[] = [
  ['netsuite_da', 'NetSuiteDistributed'],
  ['netsuite', 'NetSuite'],
  ['salesforce', 'Salesforce'],
  ['topic', 'Topic'],
  ['aiAgent', 'AiAgent'],
  ['guardrail', 'Guardrail'],
  ['tool', 'Tool'],
  ['webhook', 'Webhook'],
  ['simple', 'Simple'],
  ['ftp', 'FTP'],
  ['as2', 'AS2'],
  ['s3', 'S3'],
  ['rdbms', 'RDBMS'],
  ['jdbc', 'JDBC'],
  ['mongodb', 'Mongodb'],
  ['dynamodb', 'Dynamodb'],
  ['filesystem', 'FileSystem'],
  ['wrapper', 'Wrapper'],
  ['http', 'HTTP'],
];

/** With the adaptor that the server infers from the block where a step does not name it (api-notes#step-needs). */
export function inferred(doc: JsonObject, kind: 'Export' | 'Import'): JsonObject {
  if (doc.adaptorType !== undefined) return doc;
  if (isObject(doc.http) && doc.nsDomainType !== undefined) return { ...doc, adaptorType: `NetSuiteHTTP${kind}` };
  const found = BY_BLOCK.find(([block]) => isObject(doc[block]));
  return found ? { ...doc, adaptorType: `${found[1]}${kind}` } : doc;
}
