import type { FieldPath } from './types.ts';

/**
 * Bookkeeping of every type, left out of documents (api-notes#server-managed, api-notes#volatile). `lastModified` also
 * moves on writes that change nothing; the debug windows close by themselves.
 */
export const ALWAYS_VOLATILE: readonly FieldPath[] = [
  'lastModified',
  'lastModifiedBy',
  'createdAt',
  'deletedAt',
  'debugDate',
  'debugUntil',
  '__v',
  '__hash',
  'draftExpiresAt',
];

/** Equal to absent in every type (api-notes#defaults). */
export const ALWAYS_DEFAULT: Readonly<Record<FieldPath, boolean>> = { sandbox: false, draft: false };

/** Numbers that the server cuts down without an error, wherever they stand (api-notes#clamped). */
export const CLAMPED_FIELDS: ReadonlySet<string> = new Set(['concurrencyLevel', 'targetConcurrencyLevel']);

/** What they are cut down to: the greatest of either licence. */
export const CLAMP_RANGE: { readonly least: number; readonly greatest: readonly number[] } = {
  least: 1,
  greatest: [25, 50],
};

/** Set by the server in every type and left out of a write (api-notes#server-managed). */
export const SERVER_MANAGED: readonly FieldPath[] = [
  '_id',
  'createdAt',
  'lastModified',
  'lastModifiedBy',
  'deletedAt',
  '_userId',
  'sandbox',
  '__v',
];

/**
 * Fields that refer to another resource wherever they stand (api-notes#references), with the type's folder.
 * `null`: outside the account (Celigo's own catalogue, provenance, people), not expected to resolve.
 */
export const REFERENCE_FIELDS: Readonly<Record<string, string | null>> = {
  _integrationId: 'integrations',
  _connectionId: 'connections',
  _exportId: 'exports',
  _importId: 'imports',
  _flowId: 'flows',
  _scriptId: 'scripts',
  _stackId: 'stacks',
  _iClientId: 'iclients',
  _agentId: 'agents',
  _toolId: 'tools',
  _apiId: 'apis',
  _mcpServerId: 'mcpservers',
  _lookupCacheId: 'lookupcaches',
  _fileDefinitionId: 'filedefinitions',
  _ediProfileId: 'ediprofiles',
  _tpConnectorId: 'tpconnectors',
  _asyncHelperId: 'asynchelpers',
  _mcpConnectionId: 'connections',
  _mcpOAuthProviderId: 'mcpoauthproviders',
  _fileId: 'storageitems',
  _borrowConcurrencyFromConnectionId: 'connections',
  _keepDeltaBehindFlowId: 'flows',
  _keepDeltaBehindExportId: 'exports',
  _abstractFlowId: 'flows',
  _postParseListenerId: 'exports',
  _runNextFlowIds: 'flows',
  _registeredConnectionIds: 'connections',
  _registeredLookupCacheIds: 'lookupcaches',
  _connectionIds: 'connections',
  _exportIds: 'exports',
  _importIds: 'imports',
  _apiIds: 'apis',
  _mcpServerIds: 'mcpservers',
  _httpConnectorId: null,
  _connectorId: null,
  _templateId: null,
  _sourceId: null,
  _userId: null,
};

/** Subtrees that hold records of other systems, whose ids only look like references (api-notes#opaque). */
export const OPAQUE_FIELDS: ReadonlySet<string> = new Set([
  'sampleData',
  'sampleResponseData',
  'sampleHeaders',
  'sampleQueryParams',
  'rawData',
  'mockOutput',
  'mockResponse',
  'mockInput',
  'mockRequest',
]);
