import type { ResourceType } from '../../catalogue/types.ts';
import type { JsonObject } from '../../core/json.ts';
import { equalJson, valueAt } from '../../core/paths.ts';
import { isMask } from '../../core/secrets.ts';
import type { Account } from '../model/account.ts';
import { invalid, missing } from '../model/api-fault.ts';
import { secretsIn } from '../model/masking.ts';
import type { Draft, Faults } from './draft.ts';

/** Kinds that cannot be created without their on-premise agent (api-notes#connection-needs). */
function needsAgent(doc: JsonObject): boolean {
  switch (doc.type) {
    case 'filesystem':
      return true;
    case 'jdbc':
      return valueAt(doc, 'jdbc.authType') === 'activedirectory' || valueAt(doc, 'jdbc.type') === 'agent';
    case 'rdbms':
      return valueAt(doc, 'rdbms.type') === 'oracle';
    default:
      return false;
  }
}

/** Fields that some kinds need at once (api-notes#connection-needs). */
function neededFields(doc: JsonObject): readonly string[] {
  const fields = [String(doc.type)];
  if (needsAgent(doc)) fields.push('_agentId');
  const database = valueAt(doc, 'rdbms.type');
  if (database === 'snowflake') fields.push('rdbms.key');
  if (database === 'redshift') {
    fields.push('rdbms.redshift.aws.secretAccessKey', 'rdbms.redshift.region', 'rdbms.database');
  }
  if (doc.type === 's3' && valueAt(doc, 's3._iClientId') === undefined) {
    fields.push('s3.accessKeyId', 's3.secretAccessKey');
  }
  if (valueAt(doc, 'http.type') === 'Amazon-SP-API' || valueAt(doc, 'http.type') === 'Amazon-Hybrid') {
    fields.push('http.unencrypted.marketplaceId', 'http.unencrypted.sellingRegion');
  }
  return fields;
}

const MCP_AUTH: ReadonlySet<unknown> = new Set(['token', 'oauth', 'custom', undefined]);

/** What the server refuses in a connection (api-notes#connection-needs). */
export function* checkConnection({ id, doc, stored }: Draft, account: Account): Faults {
  for (const field of stored ? [] : neededFields(doc)) {
    if (valueAt(doc, field) === undefined) yield missing(field);
  }
  if (doc.type === 'netsuite' && valueAt(doc, 'netsuite.authType') === 'basic') {
    yield invalid('netsuite.authType', 'token-based authentication is mandatory', 'netsuite_wsdl_tba_mandatory');
  }
  if (doc.type === 'mcp' && !MCP_AUTH.has(valueAt(doc, 'mcp.http.auth.type') ?? valueAt(doc, 'mcp.auth.type'))) {
    yield invalid('mcp.http.auth.type', 'an MCP connection authenticates by token, oauth or custom');
  }
  const as2Id = valueAt(doc, 'as2.as2Id');
  if (as2Id === undefined) return;
  const deleted = [...account.bin.values()].filter(({ type }) => type === 'connections').map((entry) => entry.doc);
  for (const other of [...account.store.all('connections'), ...deleted]) {
    if (other._id !== id && valueAt(other, 'as2.as2Id') === as2Id) {
      yield invalid('as2.as2Id', `the AS2 id ${String(as2Id)} is taken`);
    }
  }
}

/** Credentials without which a kind of connection cannot work; one of each group is enough. */
function credentialsOf(doc: JsonObject): readonly (readonly string[])[] {
  const http = (block: string): readonly (readonly string[])[] => {
    switch (valueAt(doc, `${block}.auth.type`)) {
      case 'token':
      case 'oauth':
        return [[`${block}.auth.token.token`, `${block}.auth.oauth.clientSecret`]];
      case 'basic':
        return [[`${block}.auth.basic.password`]];
      case 'jwt':
      case 'jwtbearer':
        return [[`${block}.auth.jwt.secret`, `${block}.auth.jwt.privateKey`, `${block}.auth.token.token`]];
      default:
        return [];
    }
  };
  switch (doc.type) {
    case 'http':
      return http('http');
    case 'mcp':
      return http('mcp.http');
    case 'netsuite':
      return [
        ['netsuite.tokenId', 'netsuite.password'],
        ['netsuite.tokenSecret', 'netsuite.password'],
      ];
    case 'salesforce':
      return [['salesforce.refreshToken', 'salesforce.bearerToken', 'salesforce.password']];
    case 'ftp':
      return [['ftp.password', 'ftp.authKey']];
    case 'rdbms':
      return [['rdbms.password', 'rdbms.key', 'rdbms.bigquery.privateKey', 'rdbms.redshift.aws.secretAccessKey']];
    case 'mongodb':
      return valueAt(doc, 'mongodb.username') === undefined ? [] : [['mongodb.password']];
    case 'jdbc':
      return [['jdbc.password', 'jdbc.wallet']];
    case 'dynamodb':
      return [['dynamodb.aws.secretAccessKey']];
    case 's3':
      return [['s3.secretAccessKey', 's3._iClientId']];
    default:
      return [];
  }
}

/**
 * Whether a connection that was just written cannot work: a credential it needs is missing, one that it had is gone,
 * or has a mask in its place.
 */
function lacksCredentials(type: ResourceType, doc: JsonObject, stored: JsonObject | undefined): boolean {
  const held = secretsIn(type, doc);
  if (held.some(isMask)) return true;
  if (stored && held.length < secretsIn(type, stored).length) return true;
  return credentialsOf(doc).some((group) => group.every((path) => valueAt(doc, path) === undefined));
}

/** `offline` of a connection that was just written. An offline one remains so until its credentials change. */
export function isOffline(type: ResourceType, doc: JsonObject, stored: JsonObject | undefined): boolean {
  if (lacksCredentials(type, doc, stored)) return true;
  return stored?.offline === true && equalJson(secretsIn(type, stored), secretsIn(type, doc));
}
