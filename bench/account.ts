import type { JsonObject } from '../src/core/json.ts';
import type { AccountSeed } from '../src/emulator/model/seed.ts';

/** Shares of the types in the made-up account; one script in fifty keeps the fetching by id in proportion. */
const SHARES = {
  flows: 0.2,
  exports: 0.33,
  imports: 0.4,
  connections: 0.04,
  integrations: 0.02,
  scripts: 0.01,
} as const;

const KINDS = { integrations: 1, connections: 2, scripts: 3, exports: 4, imports: 5, flows: 6 } as const;

/** Id of the n-th resource of a type in the made-up account. */
export function resourceId(type: keyof typeof KINDS, n: number): string {
  return idOf(KINDS[type], n);
}

function idOf(kind: number, n: number): string {
  return `66${kind.toString(16).padStart(2, '0')}a0b0c0d0e0f0${n.toString(16).padStart(8, '0')}`;
}

function mappings(n: number, count: number): JsonObject[] {
  return Array.from({ length: count }, (_, i) => ({
    generate: `field_${(n + i) % 97}`,
    dataType: 'string',
    extract: `$.order.lines[*].attribute_${(n * 7 + i) % 211}`,
    sourceDataType: 'string',
    status: 'Active',
  }));
}

function base(kind: number, n: number, name: string): Record<string, JsonObject[string]> {
  return {
    _id: idOf(kind, n),
    name: `${name} ${n}`,
    createdAt: '2025-01-01T00:00:00.000Z',
    lastModified: '2025-06-01T00:00:00.000Z',
  };
}

const MAKERS: Record<keyof typeof SHARES, (n: number) => JsonObject> = {
  integrations: (n) => ({
    ...base(1, n, 'Integration'),
    description: 'Orders, stock and invoices.',
    sandbox: false,
    numFlows: n % 9,
  }),
  connections: (n) => ({
    ...base(2, n, 'Connection'),
    type: 'http',
    offline: false,
    queues: [{ name: idOf(2, n), size: n % 50 }],
    http: {
      baseURI: `https://api${n}.example.test/v2`,
      mediaType: 'json',
      auth: {
        type: 'token',
        token: { token: `bench-secret-${n}`, location: 'header', headerName: 'Authorization', scheme: 'Bearer' },
      },
      ping: { relativeURI: '/ping', method: 'GET' },
    },
  }),
  scripts: (n) => ({
    ...base(3, n, 'Script'),
    content:
      `function hook${n}(options) {\n  // keeps what the next step needs\n` +
      `  return options.data.map((record) => ({ ...record, n: ${n} }));\n}\n`,
  }),
  exports: (n) => ({
    ...base(4, n, 'Export'),
    _connectionId: idOf(2, n % 40),
    apiIdentifier: `e${n.toString(16).padStart(9, '0')}`,
    asynchronous: true,
    adaptorType: 'HTTPExport',
    type: 'delta',
    http: {
      relativeURI: '/orders?updated={{lastExportDateTime}}',
      method: 'GET',
      formType: 'http',
      paging: { method: 'linkheader' },
    },
    transform: {
      type: 'expression',
      expression: { version: '2', rulesTwoDotZero: { mode: 'create', mappings: mappings(n, 6) } },
      version: '2',
    },
    settings: { region: n % 2 === 0 ? 'EU' : 'NA' },
  }),
  imports: (n) => ({
    ...base(5, n, 'Import'),
    _connectionId: idOf(2, n % 40),
    apiIdentifier: `i${n.toString(16).padStart(9, '0')}`,
    adaptorType: 'HTTPImport',
    http: {
      relativeURI: ['/items/{{record.id}}'],
      method: ['PUT'],
      body: ['{"sku":"{{record.sku}}","quantity":{{record.qty}}}'],
      requestMediaType: 'json',
      batchSize: 1,
      response: { resourceIdPath: ['item.id'] },
    },
    mappings: mappings(n, 9),
    filter: {
      type: 'expression',
      expression: { version: '1', rules: ['greaterthan', ['number', ['extract', 'qty']], n % 10] },
      version: '1',
      rules: ['greaterthan', ['number', ['extract', 'qty']], n % 10],
    },
  }),
  flows: (n) => ({
    ...base(6, n, 'Flow'),
    _integrationId: idOf(1, n % 20),
    disabled: n % 5 === 0,
    lastExecutedAt: '2025-06-02T00:00:00.000Z',
    schedule: '? 0,15,30,45 * ? * *',
    timezone: 'Europe/Amsterdam',
    pageGenerators: [{ _exportId: idOf(4, n), skipRetries: false }],
    routers: [
      {
        id: `r${n.toString(36).padStart(10, '0')}`,
        routeRecordsTo: 'first_matching_branch',
        routeRecordsUsing: 'input_filters',
        branches: Array.from({ length: 3 }, (_, i) => ({
          name: `Branch ${i}`,
          inputFilter: { version: '1', rules: ['equals', ['string', ['extract', 'kind']], `k${i}`] },
          pageProcessors: [
            {
              type: 'import',
              _importId: idOf(5, (n + i) % 200),
              responseMapping: { fields: [{ extract: 'id', generate: `id${i}` }], lists: [] },
            },
          ],
        })),
      },
    ],
  }),
};

/** An account of `size` resources, about 1.5 kB each; the same one for the same size. */
export function benchAccount(size: number): AccountSeed {
  const resources = Object.fromEntries(
    Object.entries(SHARES).map(([type, share]) => {
      const make = MAKERS[type as keyof typeof SHARES];
      return [type, Array.from({ length: Math.round(size * share) }, (_, n) => make(n))];
    }),
  );
  return {
    people: [
      {
        _id: '66ffa0b0c0d0e0f000000001',
        name: 'Bench Owner',
        email: 'owner@example.test',
        token: 'bench-token',
        role: 'owner',
      },
      {
        _id: '66ffa0b0c0d0e0f000000002',
        name: 'Bench Editor',
        email: 'editor@example.test',
        token: 'bench-editor',
        role: 'administrator',
      },
    ],
    resources,
    lookupData: {},
    state: {},
    audit: [],
  };
}
