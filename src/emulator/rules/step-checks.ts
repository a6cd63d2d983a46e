import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { textOf, valueAt, valuesAt } from '../../core/paths.ts';
import type { Account } from '../model/account.ts';
import { invalid, missing } from '../model/api-fault.ts';
import { checkAgent, checkGuardrail } from './agent-checks.ts';
import { checkPairs } from './connection-checks.ts';
import type { Draft, Faults } from './draft.ts';

const MAPPING_STATUS: ReadonlySet<Json> = new Set(['Active', 'Draft']);

/** Every entry of a Mapper 2.0 tree has a status and a data type (api-notes#mapping-status). */
export function* checkMappings(mappings: Json | undefined, place: string): Faults {
  for (const [at, mapping] of isArray(mappings) ? mappings.entries() : []) {
    if (!isObject(mapping)) continue;
    const here = `${place}[${at}]`;
    if (mapping.status === undefined) {
      yield invalid(`${here}.status`, 'a mapping needs a status', 'status_field_absent');
    } else if (!MAPPING_STATUS.has(mapping.status)) {
      yield invalid(`${here}.status`, 'the status of a mapping is Active or Draft', 'invalid_status_enums');
    }
    if (mapping.dataType === undefined) yield missing(`${here}.dataType`);
    yield* checkMappings(mapping.mappings, `${here}.mappings`);
    for (const helper of isArray(mapping.buildArrayHelper) ? mapping.buildArrayHelper.filter(isObject) : []) {
      yield* checkMappings(helper.mappings, `${here}.buildArrayHelper.mappings`);
    }
  }
}

/** Adaptors that work without a connection. */
const UNCONNECTED: ReadonlySet<Json> = new Set([
  ...['WebhookExport', 'SimpleExport', 'FileSystemExport', 'FileSystemImport'],
  ...['AiAgentImport', 'GuardrailImport', 'ToolImport'],
]);
const TOPICS: ReadonlySet<Json> = new Set(['TopicExport', 'TopicImport']);
const UNCONNECTED_KINDS: ReadonlySet<Json> = new Set(['webhook', 'simple']);

function* checkConnected(doc: JsonObject): Faults {
  const [adaptor, kind] = [doc.adaptorType ?? null, doc.type ?? null];
  if (TOPICS.has(adaptor)) {
    if (doc._connectionId !== undefined) {
      yield invalid('_connectionId', 'a topic has no connection', 'not_allowed');
    }
  } else if (!UNCONNECTED.has(adaptor) && !UNCONNECTED_KINDS.has(kind) && doc._connectionId === undefined) {
    yield missing('_connectionId');
  }
}

/** Fields that an adaptor needs when it does a certain thing (api-notes#step-needs). */
interface Need {
  readonly adaptor: string;
  /** The field that says what it does, and the values for which the need applies; absent: always. */
  readonly when?: { readonly field: string; readonly values: readonly string[] };
  readonly needs: readonly string[];
}

const NEEDS: readonly Need[] = [
  ...['NetSuiteHTTPExport', 'NetSuiteHTTPImport'].map((adaptor) => ({ adaptor, needs: ['nsDomainType', 'http'] })),
  ...['TopicExport', 'TopicImport'].map((adaptor) => ({ adaptor, needs: ['topic._topicId'] })),
  { adaptor: 'ToolImport', needs: ['tool._toolId'] },
  { adaptor: 'AiAgentImport', needs: ['aiAgent'] },
  { adaptor: 'GuardrailImport', needs: ['guardrail.type'] },
  {
    adaptor: 'NetSuiteDistributedImport',
    when: { field: 'netsuite_da.operation', values: ['update', 'addupdate', 'delete'] },
    needs: ['netsuite_da.internalIdLookup'],
  },
  {
    adaptor: 'SalesforceImport',
    when: { field: 'salesforce.operation', values: ['update', 'delete', 'addupdate'] },
    needs: ['salesforce.idLookup.whereClause'],
  },
  {
    adaptor: 'SalesforceImport',
    when: { field: 'salesforce.operation', values: ['upsert'] },
    needs: ['salesforce.upsert.externalIdField'],
  },
  {
    adaptor: 'DynamodbImport',
    when: { field: 'dynamodb.method', values: ['updateItem'] },
    needs: ['dynamodb.partitionKey', 'dynamodb.updateExpression'],
  },
  {
    adaptor: 'WebhookExport',
    when: { field: 'webhook.verify', values: ['hmac'] },
    needs: ['webhook.algorithm', 'webhook.encoding', 'webhook.header'],
  },
];

function* checkNeeds(doc: JsonObject): Faults {
  for (const { adaptor, when, needs } of NEEDS) {
    if (doc.adaptorType !== adaptor) continue;
    if (when && !when.values.includes(textOf(valueAt(doc, when.field)) ?? '')) continue;
    for (const path of needs) if (valueAt(doc, path) === undefined) yield missing(path);
  }
}

/** Lookups stand at the top and in the block of the adaptor. */
function* checkLookups(doc: JsonObject): Faults {
  for (const path of ['lookups', ...Object.keys(doc).map((block) => `${block}.lookups`)]) {
    if (valuesAt(doc, `${path}[].default`).includes('')) {
      yield invalid(`${path}.default`, 'a default may not be an empty text', 'invalid_field');
    }
  }
}

/** What exports and imports have in common. */
function* checkStep({ doc }: Draft): Faults {
  if (doc.adaptorType === undefined) yield missing('adaptorType');
  yield* checkConnected(doc);
  yield* checkNeeds(doc);
  yield* checkLookups(doc);
  const [folder, mode] = ['id', 'pathMode'].map((field) => valueAt(doc, `file.directory.${field}`));
  if ((folder !== undefined) !== (mode === 'directoryId')) {
    yield invalid('file.directory', 'id and pathMode directoryId go together');
  }
  yield* checkMappings(doc.mappings, 'mappings');
  for (const field of ['transform', 'responseTransform']) {
    const place = `${field}.expression.rulesTwoDotZero.mappings`;
    yield* checkMappings(valueAt(doc, place), place);
  }
}

/** What reads changes of a database as they happen (api-notes#change-capture). */
function* checkStream(doc: JsonObject, account: Account): Faults {
  const connection = account.store.get('connections', textOf(doc._connectionId) ?? '');
  for (const field of ['cdc.slotName', 'cdc.publicationName']) {
    if (valueAt(doc, field) !== undefined && valueAt(connection, 'rdbms.type') !== 'postgresql') {
      yield invalid(field, `${field} is for PostgreSQL only`, 'not_allowed');
    }
  }
  if (doc.type !== 'stream') return;
  const properties = valuesAt(doc, 'cdc.properties[].name');
  const needed = doc.adaptorType === 'MongodbExport' ? ['snapshotMode', 'captureMode'] : ['snapshotMode'];
  for (const name of needed) {
    const given = valueAt(doc, `cdc.${name}`) !== undefined || properties.some((held) => isNameOf(held, name));
    if (!given) yield missing(`cdc.${name}`);
  }
}

/** `snapshot.mode` and `snapshotMode` name the same property. */
export function isNameOf(property: Json, member: string): boolean {
  return typeof property === 'string' && property.replace(/[._]/g, '').toLowerCase() === member.toLowerCase();
}

const EDI_ADAPTORS: ReadonlySet<Json> = new Set(['FTPExport', 'AS2Export', 'S3Export']);

/** What the server refuses in an export (api-notes#step-needs). */
export function* checkExport(draft: Draft, account: Account): Faults {
  yield* checkStep(draft);
  const { doc } = draft;
  if (doc.adaptorType === 'MongodbExport' && doc.type !== 'stream') {
    for (const path of ['mongodb.method', 'mongodb.collection'])
      if (valueAt(doc, path) === undefined) yield missing(path);
  }
  yield* checkStream(doc, account);
  yield* checkPairs(['cdc.properties'], doc);
  const ofFiles = EDI_ADAPTORS.has(doc.adaptorType ?? null) || valueAt(doc, 'http.type') === 'file';
  if (valueAt(doc, 'file.edi._ediProfileId') !== undefined && !ofFiles) {
    yield invalid('file.edi._ediProfileId', 'an EDI profile is for files only', 'not_supported');
  }
  if (valueAt(doc, 'http._asyncHelperId') !== undefined) {
    for (const field of ['transform', 'filter', 'hooks.preSavePage']) {
      if (isSet(valueAt(doc, field))) yield invalid(field, 'not with an async helper', 'not_supported');
    }
  }
  const listener = account.store.get('exports', textOf(doc._postParseListenerId) ?? '');
  if (listener && valueAt(listener, 'webhook.provider') !== 'integrator-extension') {
    yield invalid('_postParseListenerId', 'the listener is not one for extensions', 'invalid_post_parse_listener');
  }
}

/** A filter or transform of `none` is as good as absent. */
function isSet(value: Json | undefined): boolean {
  if (value === undefined || value === null) return false;
  const rules = valuesAt(value, 'expression.rules').concat(valuesAt(value, 'script._scriptId'));
  return isObject(value) && (rules.some((rule) => !(isArray(rule) && rule.length === 0)) || '_scriptId' in value);
}

const OF_FILES: ReadonlySet<Json> = new Set(['FTPImport', 'AS2Import', 'S3Import', 'FileSystemImport']);

/** What the server refuses in an import (api-notes#step-needs). */
export function* checkImport(draft: Draft): Faults {
  yield* checkStep(draft);
  const { doc } = draft;
  const ofFiles = OF_FILES.has(doc.adaptorType ?? null) || valueAt(doc, 'http.type') === 'file';
  if (isObject(valueAt(doc, 'hooks.postAggregate')) && !ofFiles) {
    yield invalid('hooks.postAggregate', 'postAggregate is for imports of files', 'invalid_hook');
  }
  for (const [at, entry] of valuesAt(doc, 'tool.overrides.connections[]').entries()) {
    const place = `tool.overrides.connections[${at}]`;
    if (!isObject(entry)) continue;
    const borrows = entry._borrowConcurrencyFromConnectionId !== undefined;
    if (entry._abstractId === undefined) yield missing(`${place}._abstractId`);
    if (borrows && entry._id !== undefined) yield invalid(`${place}._id`, 'not together with a borrowed concurrency');
    if (!borrows && entry._id === undefined) yield missing(`${place}._id`);
  }
  yield* checkAgent(doc);
  yield* checkGuardrail(doc);
}
