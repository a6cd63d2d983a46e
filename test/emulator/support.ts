import { afterEach } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { type Emulator, type EmulatorOptions, emptyAccount, startEmulator } from '../../src/emulator/http/server.ts';
import type { AccountSeed, Person } from '../../src/emulator/model/seed.ts';

/** A made-up id; the letter keeps kinds of resources apart. */
export function id(kind: string, n = 1): string {
  return `66a0000000000000000${kind}${n.toString(16).padStart(4, '0')}`;
}

const [owner] = emptyAccount().people as [Person];

export const people = {
  owner,
  admin: { _id: id('f', 1), name: 'Ada Admin', email: 'ada@example.test', token: 'ada', role: 'administrator' },
  manager: { _id: id('f', 2), name: 'Max Manager', email: 'max@example.test', token: 'max', role: 'manage' },
  monitor: { _id: id('f', 3), name: 'Mia Monitor', email: 'mia@example.test', token: 'mia', role: 'monitor' },
  guest: {
    _id: id('f', 4),
    name: 'Gus Guest',
    email: 'gus@example.test',
    token: 'gus',
    role: 'manage',
    integrationIds: [id('1', 1)],
  },
} as const satisfies Record<string, Person>;

/** An account with these documents, its owner, and people of every role. */
export function account(resources: AccountSeed['resources'] = {}, more: Partial<AccountSeed> = {}): AccountSeed {
  return { ...emptyAccount(), people: Object.values(people), resources, ...more };
}

const TIME = { createdAt: '2025-01-01T00:00:00.000Z', lastModified: '2025-02-01T00:00:00.000Z' };

/** A stored document. */
export function doc(_id: string, name: string, fields: JsonObject = {}): JsonObject {
  return { _id, name, ...TIME, ...fields };
}

export function integration(n = 1, fields: JsonObject = {}): JsonObject {
  return doc(id('1', n), `Integration ${n}`, { _registeredConnectionIds: [], flowGroupings: [], ...fields });
}

export function connection(n = 1, fields: JsonObject = {}): JsonObject {
  return doc(id('2', n), `Connection ${n}`, {
    type: 'http',
    offline: false,
    queues: [{ name: id('2', n), size: 3 }],
    http: { baseURI: 'https://shop.example.test', auth: { type: 'token', token: { token: `secret-${n}` } } },
    ...fields,
  });
}

export function exportDoc(n = 1, fields: JsonObject = {}): JsonObject {
  return doc(id('3', n), `Export ${n}`, {
    adaptorType: 'HTTPExport',
    _connectionId: id('2', 1),
    apiIdentifier: `e${n}`,
    asynchronous: true,
    pageSize: 20,
    skipRetries: false,
    oneToMany: false,
    http: { relativeURI: '/orders', method: 'GET' },
    ...fields,
  });
}

export function importDoc(n = 1, fields: JsonObject = {}): JsonObject {
  return doc(id('4', n), `Import ${n}`, {
    adaptorType: 'HTTPImport',
    _connectionId: id('2', 1),
    apiIdentifier: `i${n}`,
    ...fields,
  });
}

export function flow(n = 1, fields: JsonObject = {}): JsonObject {
  return doc(id('5', n), `Flow ${n}`, {
    disabled: true,
    _integrationId: id('1', 1),
    pageGenerators: [{ _exportId: id('3', 1) }],
    pageProcessors: [{ type: 'import', _importId: id('4', 1) }],
    ...fields,
  });
}

export function script(n = 1, fields: JsonObject = {}): JsonObject {
  return doc(id('6', n), `Script ${n}`, { content: `function f${n}() {}\n`, ...fields });
}

/** One integration in which everything hangs together. */
export function smallShop(): AccountSeed['resources'] {
  return {
    integrations: [integration(1, { _registeredConnectionIds: [id('2', 1)] })],
    connections: [connection(1)],
    exports: [exportDoc(1)],
    imports: [importDoc(1)],
    flows: [flow(1)],
    scripts: [script(1)],
  };
}

/** A clock that only moves when it is moved. */
export function clock(start = '2026-03-01T12:00:00.000Z') {
  let time = Date.parse(start);
  return {
    now: () => new Date(time),
    advance: (seconds: number) => {
      time += seconds * 1000;
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed body, `undefined` when it is empty or no JSON. */
  readonly body: Json | undefined;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

const open: Emulator[] = [];

afterEach(async () => {
  for (const emulator of open.splice(0)) await emulator.close();
});

/** An emulator that ends with the test, and a way to talk to it over HTTP. */
export async function start(options: Partial<EmulatorOptions> = {}) {
  const time = clock();
  const emulator = await startEmulator({ seed: account(), rateLimit: false, now: time.now, ...options });
  open.push(emulator);

  async function send(
    method: string,
    path: string,
    body?: Json,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(path.startsWith('http') ? path : emulator.url + path, {
      method,
      headers: {
        authorization: `Bearer ${owner.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  }

  return {
    emulator,
    time,
    send,
    get: (path: string, headers?: Record<string, string>) => send('GET', path, undefined, headers),
    /** The same, as another person. */
    as: (token: string) => ({
      get: (path: string) => send('GET', path, undefined, { authorization: `Bearer ${token}` }),
      send: (method: string, path: string, body?: Json) =>
        send(method, path, body, { authorization: `Bearer ${token}` }),
    }),
  };
}

/** The ids of a list. */
export function idsOf(answer: Answer): readonly Json[] {
  return Array.isArray(answer.body) ? answer.body.map((item: JsonObject) => item._id ?? null) : [];
}

/** The first error code of a refusal. */
export function codeOf(answer: Answer): Json | undefined {
  const errors = (answer.body as { errors?: readonly JsonObject[] } | undefined)?.errors;
  return errors?.[0]?.code;
}

/** The target of a relation in the `Link` header. */
export function linkOf(answer: Answer, relation: string): string | undefined {
  return new RegExp(`<([^>]+)>; rel="${relation}"`).exec(answer.headers.get('link') ?? '')?.[1];
}

/** Posts one document after the other; gives `status code` of each answer. */
export async function verdicts(
  resources: Record<string, readonly JsonObject[]>,
  path: string,
  bodies: readonly Json[],
  options: Omit<EmulatorOptions, 'seed'> = {},
) {
  const { send } = await start({ seed: account(resources), ...options });
  const found: string[] = [];
  for (const body of bodies) {
    const answer = await send('POST', path, body);
    found.push([answer.status, codeOf(answer)].filter((part) => part !== undefined).join(' '));
  }
  return found;
}
