/**
 * Generated from Celigo's published schemas of June and September 2026; not edited manually. What is missing here is
 * mirrored verbatim, and `doctor` names it (api-notes#unknown-fields). The emulator refuses other kinds only.
 */

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

/** Names of the fields of a document, by type; nothing below them. */
export const PUBLISHED_FIELDS: Readonly<Record<string, ReadonlySet<string>>> = {
  accesstokens: words(`
    _aShareId _apiIds _connectionIds _exportIds _id _importIds _mcpServerIds _networkPolicyId apim autoPurgeAt
    createdAt description fullAccess lastModified legacyNetSuite name revoked token tokenType
  `),
  agents: words(`
    _id accessToken clientDetails createdAt description lastHeartbeatAt lastModified name offline online version
  `),
  apis: words(`
    _apiGroupingId _id _integrationId _scriptId apim builder createdAt description disabled function
    lastModified logging name pagination sandbox script shipworks timeoutPeriod traceKeyTemplate type version
  `),
  ashares: words(`
    _id accepted accessLevel accountMFARequired accountSSORequired allMcpServerAccess allowAccessToAPIM
    allowIntegrationWorkspaceCreation allowToEditRetryData createdAt createdVia deletedAt disabled dismissed
    integrationAccessLevel isProductionAdmin lastModified lastSignIn mcpServerAccessLevel sharedWithUser
  `),
  asynchelpers: words(`
    _connectorId _id _integrationId _sourceId createdAt http lastModified name sandbox
  `),
  connections: words(`
    __integrationIds _agentGroupId _agentId _borrowConcurrencyFromConnectionId _connectorId _id _integrationId
    aiDescription application as2 assistant autoRecoverRateLimitErrors connectionRole createdAt debugDate
    debugUntil deletedAt dynamodb enableCsvObjectParsing enableMicroBatchForOneToMany endUserProvidedFields
    externalId filesystem ftp http isHTTP jdbc lastModified mcp microServices mongodb name needsAuthorization
    netsuite offline pgp queues rdbms rest s3 salesforce sandbox settings settingsForm ssl type van wrapper
  `),
  ediprofiles: words(`
    _id _sourceId controlNumber controllingAgency createdAt deletedAt description fileType gs07 gs08 isa01 isa02
    isa03 isa04 isa11 isa12 isa14 isa15 isa16 lastModified myGroupId myIdQualifier myInterchangeId name
    releaseNumber sandbox tpGroupId tpIdQualifier tpInterchangeId unb010_0001 unb010_0002 versionNumber
  `),
  environments: words(`
    _connectorId _envUserId _id _integrationId apim createdAt description enabled lastModified name
  `),
  exports: words(`
    __linkedLookupCacheIds _connectionId _connectorId _ediProfileId _id _integrationId _postParseListenerId
    _sourceId _templateId adaptorType aiDescription apiIdentifier apim application as2 assistant
    assistantMetadata asynchronous cdc createdAt dataURITemplate debugUntil deletedAt delta description
    distributed draft draftExpiresAt dynamodb externalId file filesystem filter ftp groupByFields hooks http
    inputFilter isLookup jdbc lastModified mappings mockOutput mongodb name netsuite once oneToMany pageSize
    parsers pathToMany preSave rawData rdbms rest s3 salesforce sampleData sampleHeaders sampleQueryParams
    sandbox settings settingsForm simple test topic traceKeyTemplate transform type unencrypted webhook wrapper
  `),
  filedefinitions: words(`
    _id _sourceId createdAt deletedAt delimited description documentType escapeReleaseChar externalId fixed
    format globalId lastModified name rules sandbox skipEDIProfileValidation skipEDIValidation
    skipEmptyEndColDelimiter skipIntermittentEmptyLines strict version
  `),
  flows: words(`
    __retryAtHelper __startDateHelper _abstractFlowId _connectorId _exportId _flowGroupingId _id _importId
    _integrationId _keepDeltaBehindExportId _keepDeltaBehindFlowId _runNextExportIds _runNextFlowIds _sourceId
    _templateId _userId aiDescription aliases application autoResolveMatchingTraceKeys createdAt deletedAt
    description disabled draft draftExpiresAt externalId free hidden isAbstract lastErrorAt lastExecutedAt
    lastModified logging name numInstances numOpenError overrides overridesHelper pageGenerators pageProcessors
    preSave resolvedAt routers runPageGeneratorsInParallel sandbox schedule settings settingsForm
    setupInProgress skipRetries timezone wizardState
  `),
  httpconnectors: words(`
    _id apis baseURIs createdAt helpURL isGraphQL lastModified legacyId name published supportedBy versions
  `),
  iclients: words(`
    _connectorId _httpConnectorApiId _httpConnectorId _id _integrationId amazonmws awsIam azureserviceprincipal
    createdAt deletedAt ebay enableIClientReferences enableJWT formType googleserviceaccount jwt lastModified
    name netsuite oauth2 provider published salesforce settings settingsForm
  `),
  imports: words(`
    _connectionId _connectorId _ediProfileId _id _integrationId _sourceId _templateId adaptorType aiAgent
    aiDescription apiIdentifier apim application as2 assistant assistantMetadata blob blobKeyPath createdAt
    dataURITemplate debugUntil deleteAfterImport deletedAt description distributed distributedAdaptorData draft
    draftExpiresAt dynamodb externalId file filesystem filter ftp guardrail hooks http idLockTemplate
    ignoreExisting ignoreMissing jdbc lastModified lookups mapping mappings maxAttempts mockResponse
    modelMetadata mongodb name netsuite netsuite_da oneToMany parsers pathToMany preSave rdbms responseTransform
    rest s3 salesforce sampleData sampleResponseData sandbox settings settingsForm tool topic traceKeyTemplate
    unencrypted useTechAdaptorForm wrapper
  `),
  integrations: words(`
    _connectorId _editionId _id _parentId _registeredConnectionIds _registeredLookupCacheIds _sourceId
    _templateId aliases apiGroupings celigoAgentAutoRunMode changeEditionSteps childDisplayName createdAt
    deletedAt description externalId flowGroupings iLMIgnore initChild install installSteps lastErrorAt
    lastModified mode name numError numFlows numOfflineConnections numRegisteredConnections preSave readme
    resolvedAt sandbox settings settingsForm syncs tag uninstallSteps updateInProgress version
  `),
  lookupcaches: words(`
    _connectorId _id _integrationId _sourceId _stackId _templateId _userId createdAt deletedAt description draft
    draftExpiresAt externalId includeDataInTemplatesAndCloning lastModified name sandbox size sizeInMB
  `),
  mcpoauthproviders: words(`
    _id _userId audience clientId clientSecret createdAt description issuerURL lastModified name scopes
    useIntrospection
  `),
  mcpservers: words(`
    _id _integrationId _networkPolicyId _userId apis createdAt deletedAt description disabled lastModified name
    oauth prompts relativeURI resources sandbox tools upstreamMcpConnections
  `),
  notifications: words(`
    _connectionId _flowId _id _integrationId createdAt lastModified subscribed subscribedByUser
    subscribedByUserEmail type
  `),
  scripts: words(`
    __hash __noModule _id _sourceId _templateId _userId content createdAt debugUntil description lastModified
    name postResponseHookToProcessOnChildRecord sandbox
  `),
  stacks: words(`
    _id _userId createdAt framework lambda lastModified name server shared type
  `),
  syncs: words(`
    _id _integrationId _userId createdAt destination disabled lastExecutedAt lastModified name source
  `),
  tags: words(`
    _id createdAt lastModified tag tagId
  `),
  tools: words(`
    _id _integrationId _sourceId aiDescription createdAt deletedAt description input lastModified name output
    routers sandbox
  `),
  tpconnectors: words(`
    _id createdAt deletedAt helpURL lastModified name published supportedBy
  `),
};

/** The field that names the kind of a document, and the kinds that are known. */
export const PUBLISHED_KINDS: Readonly<
  Record<string, { readonly field: string; readonly values: ReadonlySet<string> }>
> = {
  exports: {
    field: 'adaptorType',
    values: words(`
      AS2Export DynamodbExport FTPExport FileSystemExport HTTPExport JDBCExport MongodbExport NetSuiteExport
      NetSuiteHTTPExport RDBMSExport RESTExport S3Export SalesforceExport SimpleExport TopicExport
      WebhookExport WrapperExport
    `),
  },
  imports: {
    field: 'adaptorType',
    values: words(`
      AS2Import AiAgentImport DynamodbImport FTPImport FileSystemImport GuardrailImport HTTPImport JDBCImport
      MongodbImport NetSuiteDistributedImport NetSuiteHTTPImport NetSuiteImport RDBMSImport RESTImport
      S3Import SalesforceImport ToolImport TopicImport WrapperImport
    `),
  },
  connections: {
    field: 'type',
    values: words(`
      as2 dynamodb filesystem ftp http jdbc mcp mongodb netsuite rdbms rest s3 salesforce van wrapper
    `),
  },
};
