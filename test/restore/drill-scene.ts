import { RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { type EmulatorOptions, emptyAccount } from '../../src/emulator/http/server.ts';
import type { AccountSeed } from '../../src/emulator/model/seed.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { type AccountSettings, Workspace } from '../support/workspace.ts';

const KINDS = {
  integrations: '1',
  connections: '2',
  exports: '3',
  imports: '4',
  flows: '5',
  scripts: '6',
  iclients: '7',
  lookupcaches: '8',
  tags: '9',
} as const;

/** A made-up id; a digit keeps the kinds of resources apart. */
export function idOf(kind: keyof typeof KINDS, n = 1): string {
  return `66d0000000000000000${KINDS[kind]}${n.toString(16).padStart(4, '0')}`;
}

function resource(kind: keyof typeof KINDS, n: number, name: string, fields: JsonObject = {}): JsonObject {
  const time = { createdAt: '2026-01-01T00:00:00.000Z', lastModified: '2026-02-01T00:00:00.000Z' };
  return { _id: idOf(kind, n), name, ...time, ...fields };
}

/** An account with one of most things, small enough that a drill into a real account takes a second. */
export function smallAccount(): AccountSeed {
  const [shop, desk] = [idOf('connections', 1), idOf('connections', 2)];
  const [hook, orders] = [idOf('scripts'), idOf('exports')];
  const http = { baseURI: 'https://shop.example.test', mediaType: 'json' };
  const owner = { ...emptyAccount().people[0], _id: '6500000000000000000000aa', token: 'small-owner' };
  return {
    ...emptyAccount(),
    people: [owner as AccountSeed['people'][number]],
    resources: {
      integrations: [resource('integrations', 1, 'Shop', { _registeredConnectionIds: [shop, desk] })],
      iclients: [
        resource('iclients', 1, 'Desk app', {
          provider: 'custom_oauth2',
          oauth2: { clientId: 'desk', clientSecret: 'desk-client-secret-5566' },
        }),
      ],
      connections: [
        resource('connections', 1, 'Shop API', {
          type: 'http',
          http: {
            ...http,
            auth: { type: 'token', token: { token: 'shop-api-token-778899', location: 'header', headerName: 'X-Key' } },
            headers: [{ name: 'X-Shop', value: 'north' }],
          },
        }),
        resource('connections', 2, 'Desk', {
          type: 'http',
          http: {
            ...http,
            _iClientId: idOf('iclients'),
            auth: { type: 'oauth', oauth: { scope: ['all'], grantType: 'authorizecode' } },
          },
        }),
      ],
      scripts: [
        resource('scripts', 1, 'Hooks', { content: 'function preSavePage(options) {\n  return options.data;\n}\n' }),
      ],
      lookupcaches: [resource('lookupcaches', 1, 'Rates')],
      exports: [
        resource('exports', 1, 'Orders', {
          adaptorType: 'HTTPExport',
          _connectionId: shop,
          http: { relativeURI: '/orders', method: 'GET' },
          hooks: { preSavePage: { _scriptId: hook, function: 'preSavePage' } },
        }),
      ],
      imports: [
        resource('imports', 1, 'Tickets', {
          adaptorType: 'HTTPImport',
          _connectionId: desk,
          http: { relativeURI: ['/tickets'], method: ['POST'], body: ['{{{json record}}}'] },
        }),
      ],
      flows: [1, 2].map((n) =>
        resource('flows', n, n === 1 ? 'Orders to desk' : 'Again', {
          _integrationId: idOf('integrations'),
          disabled: false,
          pageGenerators: [{ _exportId: orders }],
          pageProcessors: [{ type: 'import', _importId: idOf('imports') }],
          // Each runs the other next: neither can be created, or deleted, with what it names.
          _runNextFlowIds: [idOf('flows', 3 - n)],
        }),
      ),
    },
  };
}

/** A mirrored account, and an empty one for drills. */
export interface Scene {
  readonly prod: TestAccount;
  readonly lab: TestAccount;
  readonly space: Workspace;
}

export async function scene(
  options: { readonly lab?: Partial<EmulatorOptions>; readonly prod?: Partial<EmulatorOptions> } = {},
  settings: Partial<AccountSettings> = {},
): Promise<Scene> {
  const prod = await sample({ seed: smallAccount(), ...options.prod });
  const lab = await sample({ seed: emptyAccount(), legacyRest: 'accept', ...options.lab });
  const space = new Workspace({
    prod: { baseUrl: prod.url, token: prod.owner.token },
    lab: { baseUrl: lab.url, token: lab.owner.token, drill: true, ...settings },
  });
  await space.mirrored('--account', 'prod');
  return { prod, lab, space };
}

/** All that an account holds, recycle bin aside: `<type>/<name>`. */
export function heldBy({ emulator }: TestAccount): string[] {
  return RESOURCE_TYPES.flatMap(({ name }) =>
    emulator.state.all(name).map((doc) => `${name}/${String(doc.name ?? doc.tag ?? doc._id)}`),
  ).sort();
}
