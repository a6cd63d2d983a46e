import { isObject, type JsonObject } from '../../core/json.ts';
import { textOf, valueAt, valuesAt } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import { invalid, missing } from '../model/api-fault.ts';
import type { Draft, Faults } from './draft.ts';

/** What a kind of connection needs when it is created (api-notes#connection-needs). */
interface Need {
  /** Values that the connection has, by path; an empty list: anything, `undefined` in it: also nothing. */
  readonly when: Readonly<Record<string, readonly (string | undefined)[]>>;
  readonly needs: readonly string[];
}

const HTTP_AMAZON = ['marketplaceId', 'sellingRegion'].map((field) => `http.unencrypted.${field}`);

const NEEDS: readonly Need[] = [
  { when: { type: ['filesystem'] }, needs: ['_agentId'] },
  { when: { type: ['jdbc'], 'jdbc.type': ['agent', 'activedirectory'] }, needs: ['_agentId'] },
  { when: { type: ['rdbms'], 'rdbms.type': ['oracle'] }, needs: ['_agentId'] },
  {
    when: { type: ['rdbms'], 'rdbms.type': ['snowflake'], 'rdbms.snowflake.authType': ['keyPair', undefined] },
    needs: ['rdbms.key'],
  },
  {
    when: { type: ['rdbms'], 'rdbms.type': ['redshift'], 'rdbms.redshift.authType': ['accesskey', undefined] },
    needs: ['rdbms.redshift.aws.secretAccessKey', 'rdbms.redshift.region', 'rdbms.database'],
  },
  {
    when: { type: ['rdbms'], 'rdbms.type': ['redshift'], 'rdbms.redshift.authType': ['awsIam'] },
    needs: ['rdbms._iClientId'],
  },
  {
    when: { type: ['rdbms'], 'rdbms.type': ['mssql'], 'rdbms.mssql.authType': ['azure-service-principal'] },
    needs: ['rdbms._iClientId'],
  },
  { when: { type: ['s3'], 's3.authType': ['awsIam'] }, needs: ['s3._iClientId'] },
  { when: { type: ['http'], 'http.type': ['Amazon-SP-API', 'Amazon-Hybrid'] }, needs: HTTP_AMAZON },
  { when: { type: ['http'], 'http.auth.type': ['awsiam'] }, needs: ['http._iClientId'] },
  { when: { type: ['mcp'] }, needs: ['mcp.serverURL', 'mcp.http.auth.type'] },
  { when: { type: ['mcp'], 'mcp.http.auth.type': ['oauth'] }, needs: ['mcp.http._iClientId'] },
  { when: { type: ['as2'] }, needs: ['as2.partnerStationInfo', 'as2.userStationInfo'] },
];

function* checkNeeds(doc: JsonObject): Faults {
  const kind = textOf(doc.type) ?? '';
  if (!isObject(doc[kind])) yield missing(kind);
  for (const { when, needs } of NEEDS) {
    const applies = Object.entries(when).every(([path, values]) => values.includes(textOf(valueAt(doc, path))));
    for (const path of applies ? needs : []) if (valueAt(doc, path) === undefined) yield missing(path);
  }
  const withKeys = textOf(valueAt(doc, 's3.authType')) !== 'awsIam' && valueAt(doc, 's3._iClientId') === undefined;
  for (const path of kind === 's3' && withKeys ? ['s3.accessKeyId', 's3.secretAccessKey'] : []) {
    if (valueAt(doc, path) === undefined) yield missing(path);
  }
  if (valueAt(doc, 'rdbms.redshift.authType') === 'awsIam') {
    const targets = ['clusterIdentifier', 'workgroupName'].map((field) => valueAt(doc, `rdbms.redshift.${field}`));
    if (targets.filter((target) => target !== undefined).length !== 1) {
      yield invalid('rdbms.redshift', 'either clusterIdentifier or workgroupName is needed');
    }
  }
}

/** Blocks in which an iClient must be of one provider. */
const PROVIDERS: readonly { readonly place: string; readonly when: readonly [string, string]; provider: string }[] = [
  { place: 's3._iClientId', when: ['s3.authType', 'awsIam'], provider: 'awsIam' },
  { place: 'http._iClientId', when: ['http.auth.type', 'awsiam'], provider: 'awsIam' },
  { place: 'rdbms._iClientId', when: ['rdbms.redshift.authType', 'awsIam'], provider: 'awsIam' },
  {
    place: 'rdbms._iClientId',
    when: ['rdbms.mssql.authType', 'azure-service-principal'],
    provider: 'azureserviceprincipal',
  },
];

/** The name of the role that Celigo may take. */
const ROLE = /role\/celigo-http-adaptor-/;

function* checkClients(doc: JsonObject, account: Account): Faults {
  for (const { place, when, provider } of PROVIDERS) {
    if (valueAt(doc, when[0]) !== when[1]) continue;
    const client = account.store.get('iclients', textOf(valueAt(doc, place)) ?? '');
    if (client && client.provider !== provider) yield invalid(place, `the iClient is not one of ${provider}`);
    if (client && when[0] === 'http.auth.type' && !ROLE.test(textOf(valueAt(client, 'awsIam.roleArn')) ?? '')) {
      yield invalid(place, 'the role must begin with celigo-http-adaptor-', 'invalid_field_value');
    }
  }
  const api = textOf(valueAt(doc, 'http.baseURI')) ?? '';
  const client = account.store.get('iclients', textOf(valueAt(doc, 'http._iClientId')) ?? '');
  if (/\.dfs\.core\.windows\.net/.test(api) && client && client.provider !== 'azureserviceprincipal') {
    yield invalid('http._iClientId', 'Data Lake Storage needs an iClient of azureserviceprincipal');
  }
  const project = valueAt(doc, 'http.unencrypted.googleProjectId');
  if (/\bstorage\.googleapis\.com/.test(api) && client?.provider === 'custom_oauth2' && project === undefined) {
    yield invalid('http.unencrypted.googleProjectId', 'a project is needed', 'GCS_PROJECT_ID_MISSING');
  }
}

/** Lists whose entries need a name and a value. */
const PAIRS = ['http.headers', 'mcp.http.headers', 'rest.headers', 'rest.refreshTokenHeaders', 'rdbms.options'];

/** Entries of such lists without one of the two (api-notes#headers-need-values). */
export function* checkPairs(lists: readonly string[], doc: JsonObject): Faults {
  for (const list of lists) {
    for (const entry of valuesAt(doc, `${list}[]`)) {
      for (const field of ['name', 'value']) {
        if (isObject(entry) && entry[field] === undefined) yield missing(`${list}.${field}`);
      }
    }
  }
}

const MCP_AUTH: ReadonlySet<unknown> = new Set(['token', 'oauth', 'custom', undefined]);

/** Ids of AS2 stations are taken by deleted connections, too. */
function* checkStations(id: string, doc: JsonObject, account: Account): Faults {
  const as2Id = valueAt(doc, 'as2.as2Id');
  if (as2Id === undefined) return;
  const deleted = [...account.bin.values()].filter(({ type }) => type === 'connections').map((entry) => entry.doc);
  for (const other of [...account.store.all('connections'), ...deleted]) {
    if (other._id !== id && valueAt(other, 'as2.as2Id') === as2Id) {
      yield invalid('as2.as2Id', `the AS2 id ${String(as2Id)} is taken`);
    }
  }
}

/** Numbers are checked as they are sent, before they are cut down (api-notes#clamped). */
function* checkConcurrency(sent: JsonObject): Faults {
  for (const field of ['concurrencyLevel', 'targetConcurrencyLevel']) {
    for (const value of valuesAt(sent, `*.${field}`)) {
      if (typeof value === 'number' && !Number.isInteger(value)) {
        yield invalid(field, `${field} must be an integer`, 'invalid_field_value');
      }
    }
  }
}

/** What the server refuses in a connection (api-notes#connection-needs). */
export function* checkConnection({ id, doc, sent, stored }: Draft, account: Account): Faults {
  if (!stored) yield* checkNeeds(doc);
  yield* checkClients(doc, account);
  yield* checkPairs(PAIRS, doc);
  yield* checkConcurrency(sent);
  if (doc.connectionRole === 'mcpChild') {
    yield invalid('connectionRole', 'the connection is of a person', 'mcp_child_generic_route_not_allowed');
  }
  if (doc._agentGroupId !== undefined && doc._agentId !== undefined) {
    yield invalid('_agentGroupId', 'either an agent or a group of agents');
  }
  if (doc.type === 'netsuite' && valueAt(doc, 'netsuite.authType') === 'basic') {
    yield invalid('netsuite.authType', 'token-based authentication is mandatory', 'netsuite_wsdl_tba_mandatory');
  }
  if (doc.type === 'mcp' && !MCP_AUTH.has(valueAt(doc, 'mcp.http.auth.type') ?? valueAt(doc, 'mcp.auth.type'))) {
    yield invalid('mcp.http.auth.type', 'an MCP connection authenticates by token, oauth or custom');
  }
  yield* checkStations(id, doc, account);
}
