import { SERVER_MANAGED } from '../../catalogue/common.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { Json } from '../../core/json.ts';

/** What the server does with one type beyond what the catalogue says. */
interface ServerRule {
  /** Fields without which a write is refused with `missing_required_field`. */
  readonly required?: readonly string[];
  /** Needed when creating only; a later PUT without them erases them. */
  readonly requiredOnCreate?: readonly string[];
  readonly enums?: Readonly<Record<string, readonly string[]>>;
  readonly maxLength?: Readonly<Record<string, number>>;
  /** Filled in when absent, in addition to the catalogue's defaults. */
  readonly adds?: Readonly<Record<string, Json>>;
  /** Everything else a client sends is ignored. */
  readonly writable?: readonly string[];
  /** Ignored in writes, in addition to what the catalogue says. */
  readonly readOnly?: readonly string[];
  /** Taken from writes although a client is advised to leave them out. */
  readonly accepted?: readonly string[];
  /** A differing value is ignored without an error; other immutable fields refuse the write. */
  readonly silentlyFixed?: readonly string[];
  /** Field that must differ between all documents of the type. */
  readonly unique?: string;
  /** `false`: records have no `createdAt`. */
  readonly dated?: false;
  readonly create?: false;
  readonly replace?: false;
  readonly remove?: false;
  /** Status of a successful DELETE; 204 unless documented otherwise. */
  readonly removed?: 200;
  /** Deleted permanently (`none`), or brought back by a call of its own (`own`); absent: the recycle bin takes it. */
  readonly bin?: 'none' | 'own';
  /** The listing contains records that Celigo publishes and the account cannot change. */
  readonly catalogue?: true;
}

const EXPORT_ADAPTORS = [
  ...['HTTP', 'FTP', 'AS2', 'S3', 'NetSuite', 'Salesforce', 'JDBC', 'RDBMS', 'Mongodb', 'Dynamodb'],
  ...['Wrapper', 'Simple', 'Webhook', 'FileSystem'],
].map((name) => `${name}Export`);

const IMPORT_ADAPTORS = [
  ...['HTTP', 'FTP', 'AS2', 'S3', 'NetSuite', 'NetSuiteDistributed', 'Salesforce', 'JDBC', 'RDBMS', 'Mongodb'],
  ...['Dynamodb', 'Wrapper', 'AiAgent', 'Guardrail', 'FileSystem', 'Tool'],
].map((name) => `${name}Import`);

const CONNECTION_KINDS = [
  ...['netsuite', 'salesforce', 'ftp', 's3', 'wrapper', 'http', 'rdbms', 'mongodb', 'as2', 'filesystem', 'mcp'],
  ...['dynamodb', 'jdbc', 'van'],
];

/** Enumerations that older documents still break (api-notes#legacy-values, api-notes#legacy-rest). */
export const LEGACY_VALUES: ReadonlySet<string> = new Set(['RESTExport', 'RESTImport', 'rest']);

const NAMED = { required: ['name'] } as const;
const STEP_LENGTHS = { name: 255, description: 10_240 } as const;
const LENGTHS = { name: 200, description: 10_240 } as const;

/** By the type's folder. */
const RULES: Readonly<Record<string, ServerRule>> = {
  integrations: {
    ...NAMED,
    maxLength: { name: 100, description: 5_120 },
    adds: { install: [], mode: 'settings', flowGroupings: [], numFlows: 0, numError: 0 },
  },
  flows: { ...NAMED, maxLength: { name: 255, description: 1_000 } },
  exports: {
    required: ['name', 'adaptorType'],
    enums: { adaptorType: EXPORT_ADAPTORS },
    maxLength: { ...STEP_LENGTHS, 'salesforce.soql.query': 200_000 },
  },
  imports: {
    required: ['name', 'adaptorType'],
    enums: { adaptorType: IMPORT_ADAPTORS },
    maxLength: { ...STEP_LENGTHS, 'aiAgent.openai.instructions': 51_200 },
  },
  connections: {
    required: ['name', 'type'],
    enums: { type: CONNECTION_KINDS },
    maxLength: { name: 100 },
    silentlyFixed: ['as2.as2Id', 'as2.partnerId', 'van.as2Id', 'van.mailboxId'],
  },
  scripts: { ...NAMED, requiredOnCreate: ['content'], maxLength: { name: 100, description: 1_024 } },
  iclients: { required: ['name', 'provider'], dated: false },
  agents: { ...NAMED, writable: ['name', 'description'] },
  stacks: { required: ['name', 'type'], enums: { type: ['server', 'lambda'] }, accepted: ['server.systemToken'] },
  asynchelpers: { required: ['name', 'http'], dated: false },
  filedefinitions: {
    required: ['name', 'version', 'format', 'rules'],
    maxLength: LENGTHS,
    enums: { format: ['delimited', 'delimited/x12', 'delimited/edifact', 'fixed'] },
  },
  ediprofiles: {
    required: ['name', 'fileType'],
    enums: { fileType: ['edix12', 'edifact'] },
    adds: { controlNumber: 1 },
    accepted: ['controlNumber'],
  },
  tpconnectors: { ...NAMED, catalogue: true },
  httpconnectors: { ...NAMED, catalogue: true, bin: 'none' },
  lookupcaches: { ...NAMED, maxLength: LENGTHS, removed: 200 },
  tools: { required: ['name', '_integrationId'], maxLength: LENGTHS, unique: 'name' },
  apis: { ...NAMED, maxLength: LENGTHS, enums: { type: ['builder', 'script'] }, adds: { disabled: false } },
  mcpservers: {
    required: ['name', 'relativeURI'],
    maxLength: { name: 300, description: 1_000 },
    unique: 'relativeURI',
    adds: { disabled: true, tools: [], apis: [] },
  },
  notifications: { create: false, replace: false, remove: false, bin: 'none' },
  tags: { required: ['tag'], bin: 'none' },
  ashares: { create: false, readOnly: ['sharedWithUser', 'isProductionAdmin', 'createdVia'] },
  accesstokens: {
    ...NAMED,
    adds: { revoked: false, fullAccess: false },
    readOnly: ['token', 'legacyNetSuite', 'tokenType', '_aShareId', 'apim'],
  },
  environments: { ...NAMED, create: false, remove: false, writable: ['name', 'description'] },
  ssoclients: { create: false, replace: false, remove: false },
  httpconnectorresources: { required: ['name', '_httpConnectorId'], catalogue: true, bin: 'none' },
  httpconnectorendpoints: { required: ['name', '_httpConnectorResourceIds'], catalogue: true, bin: 'none' },
  mcpoauthproviders: {
    required: ['name', 'issuerURL', 'audience'],
    maxLength: { name: 150 },
    adds: { useIntrospection: false },
    bin: 'none',
  },
  networkpolicies: { ...NAMED, bin: 'none' },
  agentgroups: { ...NAMED, bin: 'none' },
  topics: { ...NAMED, bin: 'none' },
  syncs: { required: ['name'], bin: 'none' },
  storageitems: { create: false, replace: false, bin: 'own' },
  state: { create: false, replace: false, remove: false, bin: 'none' },
};

const NONE: ServerRule = {};

export function ruleOf(type: string): ServerRule {
  return RULES[type] ?? NONE;
}

const READ_ONLY = new Map<string, readonly string[]>();

/**
 * Fields of which the server keeps its own value, whatever a write says: bookkeeping, what the platform computes,
 * and what the documents call read-only (api-notes#put, api-notes#read-only).
 */
export function readOnlyPaths(type: ResourceType): readonly string[] {
  let paths = READ_ONLY.get(type.name);
  if (!paths) {
    const rule = ruleOf(type.name);
    const accepted = new Set(rule.accepted);
    const named = [
      ...SERVER_MANAGED,
      ...(type.restore.strip ?? []),
      ...(type.volatile ?? []),
      ...(rule.readOnly ?? []),
    ];
    paths = [...new Set(named)].filter((path) => !accepted.has(path) && !path.includes('[]'));
    READ_ONLY.set(type.name, paths);
  }
  return paths;
}

/** Lists of these types answer 204 without a body when they are empty (api-notes#empty-204). */
export const EMPTY_IS_204: ReadonlySet<string> = new Set([
  ...['flows', 'connections', 'exports', 'imports', 'tools', 'apis', 'mcpservers', 'lookupcaches'],
  ...['filedefinitions', 'ediprofiles', 'tpconnectors', 'ssoclients', 'notifications'],
]);

/** Lists that take `include` and `exclude`; the others refuse them (api-notes#projection). */
export const PROJECTABLE: ReadonlySet<string> = new Set([
  ...['integrations', 'flows', 'exports', 'imports', 'connections', 'scripts', 'apis', 'tools', 'mcpservers'],
  ...['filedefinitions', 'tpconnectors', 'httpconnectors', 'ashares', 'stacks', 'agents', 'notifications'],
]);
