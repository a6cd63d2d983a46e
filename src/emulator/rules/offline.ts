import type { ResourceType } from '../../catalogue/types.ts';
import type { JsonObject } from '../../core/json.ts';
import { equalJson, valueAt } from '../../core/paths.ts';
import { isMask } from '../../core/secrets.ts';
import { secretsIn } from '../model/masking.ts';

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
