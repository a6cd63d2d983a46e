import type { ResourceType } from './types.ts';

/** Connections of an MCP server to other ones. */
const UPSTREAM = 'upstreamMcpConnections[]';

/** Tools, APIs and MCP servers: what the account offers to callers. */
export const SERVICE_TYPES = [
  {
    name: 'tools',
    noun: 'tool',
    plural: 'tools',
    model: 'Tool',
    auditType: 'tool',
    presence: 'standard',
    servesOthers: true,
    list: { path: '/v1/tools' },
    volatile: ['aiDescription'],
    expressions: ['input.transform'],
    hooks: ['output.hooks', 'routers[].branches[].pageProcessors[].hooks'],
    referredBy: ['_toolId'],
    partOf: ['_integrationId'],
    restore: {
      mode: 'create',
      tier: 17,
      late: ['routers'],
      strip: ['aiDescription', '_sourceId'],
      changed: [{ field: '_integrationId', says: 'moves to another integration, which registers its connections' }],
    },
  },
  {
    name: 'apis',
    noun: 'API',
    plural: 'APIs',
    model: 'Api',
    auditType: 'api',
    presence: 'standard',
    list: { path: '/v1/apis' },
    volatile: ['apim'],
    expressions: ['builder.request.transform'],
    hooks: ['builder.responses[].hooks'],
    sets: {
      'builder.request.headers': 'key',
      'builder.request.queryParams': 'key',
      'builder.request.pathParams': 'key',
    },
    secrets: ['shipworks.password'],
    referredBy: ['_apiId', '_apiIds'],
    partOf: ['_integrationId'],
    echoes: { fields: ['_scriptId', 'function'], when: 'type' },
    restore: {
      mode: 'create',
      tier: 18,
      switches: ['disabled'],
      switchOrder: 2,
      note: 'live at once unless created disabled; its route must be free',
      patch: ['name', 'description', 'disabled', 'logging'],
      ignoredOnPut: ['logging'],
      immutable: ['type'],
      strip: ['apim'],
    },
  },
  {
    name: 'mcpservers',
    noun: 'MCP server',
    plural: 'MCP servers',
    model: 'MCPServer',
    auditType: 'mcpserver',
    presence: 'standard',
    list: { path: '/v1/mcpservers' },
    // What the platform finds out about tools of other servers; what was approved of it stays.
    volatile: [
      ...['name', 'discoveryStatus', 'lastDiscoveredAt'].map((field) => `${UPSTREAM}.${field}`),
      ...[
        'discoveredAt',
        'changedSinceApproval',
        'unavailable',
        'approvedDefinitionHash',
        'title',
        'description',
        'annotations',
      ].map((field) => `${UPSTREAM}.tools[].${field}`),
    ],
    referredBy: ['_mcpServerId', '_mcpServerIds'],
    partOf: ['_integrationId'],
    restore: {
      mode: 'create',
      tier: 19,
      switches: ['disabled'],
      switchOrder: 3,
      note: 'its relative URI must be free',
      patch: ['name', 'disabled'],
      matchBy: ['relativeURI'],
      // A PUT that carries them approves changed tools of other servers again (api-notes#mcp-servers).
      onlyOnCreate: ['upstreamMcpConnections'],
      maskKeeps: ['oauth.clientSecret'],
      changed: [
        { field: 'prompts[].name', says: 'a renamed or new prompt has a new id: grant it again to its users' },
        { field: 'resources[]._fileId', says: 'a resource of another file has a new id: grant it again to its users' },
      ],
    },
  },
] as const satisfies readonly ResourceType[];
