import { SERVER_MANAGED } from '../../catalogue/common.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { Json } from '../../core/json.ts';

/** What the server does with one type beyond what the catalogue says. */
interface ServerRule {
  /** Fields without which a write is refused with `missing_required_field`. */
  readonly required?: readonly string[];
  /** Needed when creating only; a later PUT without them erases them. */
  readonly requiredOnCreate?: readonly string[];
  /** Filled in when absent, in addition to the catalogue's defaults. */
  readonly adds?: Readonly<Record<string, Json>>;
  /** Everything else a client sends is ignored. */
  readonly writable?: readonly string[];
  /** Ignored in writes, in addition to what the catalogue says. */
  readonly readOnly?: readonly string[];
  /** Taken from writes although a client is advised to leave them out. */
  readonly accepted?: readonly string[];
  /** Kept when a PUT leaves them out; `null` clears one (api-notes#put). */
  readonly keeps?: readonly string[];
  /** A mask in place of a credential leaves the stored one (api-notes#mask-writes). */
  readonly maskKeeps?: true;
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

const NAMED = { required: ['name'] } as const;

/** What links a step to a form of an HTTP connector (api-notes#connector-pointers). */
const CONNECTOR_POINTERS = [
  'http._httpConnectorVersionId',
  'http._httpConnectorResourceId',
  'http._httpConnectorEndpointId',
] as const;

/** `inProgressValues` are declared to be needed as well, and not missed by the server. */
const STATUS = ['_exportId', 'statusPath', 'doneValues'].map((field) => `http.status.${field}`);
/** By the type's folder. */
const RULES: Readonly<Record<string, ServerRule>> = {
  integrations: { ...NAMED, adds: { install: [], mode: 'settings', flowGroupings: [], numFlows: 0, numError: 0 } },
  flows: NAMED,
  exports: { required: ['name'], accepted: CONNECTOR_POINTERS, readOnly: ['cdc.cursor'] },
  // An empty name is refused when creating only.
  imports: {
    requiredOnCreate: ['name'],
    accepted: [...CONNECTOR_POINTERS.slice(0, 2), 'http._httpConnectorEndpointIds'],
  },
  connections: {
    required: ['name', 'type'],
    readOnly: ['ftp.tradingPartner'],
    keeps: ['ftp.concurrencyLevel', 'ftp.targetConcurrencyLevel', 'endUserProvidedFields'],
    silentlyFixed: ['as2.as2Id', 'as2.partnerId', 'van.as2Id', 'van.mailboxId'],
  },
  scripts: { ...NAMED, requiredOnCreate: ['content'], keeps: ['content'] },
  iclients: {
    required: ['provider'],
    dated: false,
    maskKeeps: true,
    keeps: ['googleserviceaccount.serviceAccountJSON'],
    silentlyFixed: ['awsIam.externalId'],
  },
  agents: { ...NAMED, writable: ['name', 'description'] },
  stacks: { required: ['name', 'type'], accepted: ['server.systemToken'] },
  asynchelpers: { required: ['name', 'http', 'http.submit.sameAsStatus', ...STATUS], dated: false },
  filedefinitions: { required: ['name', 'version', 'format', 'rules'] },
  ediprofiles: { required: ['name', 'fileType'], adds: { controlNumber: 1 }, accepted: ['controlNumber'] },
  tpconnectors: { ...NAMED, catalogue: true },
  httpconnectors: { ...NAMED, catalogue: true, bin: 'none' },
  lookupcaches: { ...NAMED, removed: 200 },
  tools: { required: ['name', '_integrationId'], keeps: ['draft'], unique: 'name' },
  apis: { ...NAMED, adds: { disabled: false }, readOnly: ['logging'] },
  mcpservers: {
    required: ['name', 'relativeURI'],
    unique: 'relativeURI',
    adds: { disabled: true, tools: [], apis: [] },
    keeps: ['upstreamMcpConnections', '_networkPolicyId'],
    maskKeeps: true,
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
  httpconnectorresources: { required: ['name', '_httpConnectorId'], bin: 'none' },
  httpconnectorendpoints: { required: ['name', '_httpConnectorResourceIds'], bin: 'none' },
  mcpoauthproviders: {
    required: ['name', 'issuerURL', 'audience'],
    adds: { useIntrospection: false },
    maskKeeps: true,
    bin: 'none',
  },
  networkpolicies: { ...NAMED, bin: 'none' },
  agentgroups: { ...NAMED, bin: 'none' },
  topics: { ...NAMED, bin: 'none' },
  syncs: { required: ['name'], bin: 'none' },
  datasets: { ...NAMED, adds: { enable: false }, create: false, replace: false, remove: false, bin: 'none' },
  storageitems: { create: false, replace: false, bin: 'own' },
  state: { create: false, replace: false, remove: false, bin: 'none' },
  resourcestate: { create: false, replace: false, remove: false, bin: 'none' },
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
