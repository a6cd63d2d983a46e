import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { ResourceType } from '../../src/catalogue/types.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { emptyAccount, type Person } from '../../src/emulator/model/seed.ts';
import type { TestAccount } from '../support/account.ts';
import type { Workspace } from '../support/workspace.ts';

/** A type that the API does not have. Everything that the program knows of it is this entry. */
const WIDGETS = vi.hoisted(
  (): ResourceType => ({
    name: 'widgets',
    noun: 'widget',
    plural: 'widgets',
    model: 'Widget',
    auditType: 'widget',
    presence: 'standard',
    list: { path: '/v1/widgets' },
    volatile: ['lastSpunAt'],
    secrets: ['lock.combination'],
    sideFiles: { template: { extension: 'html', when: 'always' } },
    refs: { 'feeds[].export': 'exports' },
    referredBy: ['_widgetId'],
    partOf: ['_integrationId'],
    restore: {
      mode: 'create',
      tier: 16,
      switches: ['disabled'],
      switchOrder: 6,
      created: [{ says: 'its wheels must be oiled' }],
    },
  }),
);

/** A type whose collections are below single widgets. */
const SPOKES = vi.hoisted(
  (): ResourceType => ({
    name: 'spokes',
    noun: 'spoke',
    plural: 'spokes',
    model: 'Spoke',
    presence: 'standard',
    list: { path: '/v1/widgets/{id}/spokes', below: { _widgetId: 'widgets' } },
    refs: { export: 'exports' },
    partOf: ['_widgetId'],
    restore: { mode: 'create', tier: 17 },
  }),
);

// Test files share their modules: the program is loaded once more with the entry, and forgotten afterwards.
const TABLE = '../../src/catalogue/data-types.ts';

async function load() {
  const [{ sample }, workspace] = await Promise.all([
    import('../support/account.ts'),
    import('../support/workspace.ts'),
  ]);
  return { sample, ...workspace };
}

let program: Awaited<ReturnType<typeof load>>;

beforeAll(async () => {
  vi.resetModules();
  vi.doMock(TABLE, async (original) => {
    const { DATA_TYPES } = await original<typeof import('../../src/catalogue/data-types.ts')>();
    return { DATA_TYPES: [...DATA_TYPES, WIDGETS, SPOKES] };
  });
  program = await load();
});

afterAll(() => {
  vi.doUnmock(TABLE);
  vi.resetModules();
});

const ids = { integration: 'a', connection: 'b', read: 'c', idle: 'd', widget: 'e', holder: 'f', spoke: '9' };
const id = (what: keyof typeof ids): string => ids[what].repeat(24);
/** Ids of what is below others name what that is. */
const spokeId = (): string => `widgets-${id('widget')}-${id('spoke')}`;
const COMBINATION = 'seventeen-left-four-right';

const ADMIN: Person = {
  _id: '650000000000000000000002',
  name: 'Wanda',
  email: 'wanda@example.test',
  token: 'wanda-token',
  role: 'administrator',
};

async function account(): Promise<TestAccount> {
  const modified = { lastModified: '2026-01-01T00:00:00.000Z', createdAt: '2026-01-01T00:00:00.000Z' };
  const exported = (what: 'read' | 'idle'): JsonObject => ({
    _id: id(what),
    name: `Export ${what}`,
    adaptorType: 'HTTPExport',
    _connectionId: id('connection'),
    http: { relativeURI: '/items', method: 'GET' },
    ...modified,
  });
  const seed = emptyAccount();
  return program.sample({
    seed: {
      ...seed,
      people: [...seed.people, ADMIN],
      resources: {
        integrations: [{ _id: id('integration'), name: 'Carousel', flowGroupings: [], install: [], ...modified }],
        connections: [
          { _id: id('connection'), name: 'Shop', type: 'http', http: { baseURI: 'https://shop.test' }, ...modified },
        ],
        exports: [exported('read'), exported('idle')],
        widgets: [
          {
            _id: id('widget'),
            name: 'Big wheel',
            _integrationId: id('integration'),
            disabled: false,
            lastSpunAt: '2026-01-02T00:00:00.000Z',
            lock: { combination: COMBINATION },
            template: '<p>\n  Turn\n</p>\n',
            feeds: [{ export: id('read') }],
            ...modified,
          },
          {
            _id: id('holder'),
            name: 'Small wheel',
            _integrationId: id('integration'),
            _widgetId: id('widget'),
            ...modified,
          },
        ],
        spokes: [{ _id: id('spoke'), name: 'Longest', _widgetId: id('widget'), export: id('read'), ...modified }],
      },
    },
  });
}

async function mirrored(test: TestAccount): Promise<Workspace> {
  const space = new program.Workspace({ prod: { baseUrl: test.url, token: test.owner.token } });
  expect(await space.sync()).toMatchObject({ code: 0, incomplete: [] });
  return space;
}

it('a new type is mirrored, attributed, searched, linted and rehearsed by its catalogue entry alone', {
  tags: 'slow',
}, async () => {
  const test = await account();
  const space = await mirrored(test);

  const file = `widgets/big-wheel.${id('widget')}`;
  const text = readFileSync(join(space.mirror, 'prod', `${file}.yaml`), 'utf8');
  expect(text).toContain('combination: "******"');
  expect(text).not.toContain('lastSpunAt');
  expect(readFileSync(join(space.mirror, 'prod', `${file}.html`), 'utf8')).toBe('<p>\n  Turn\n</p>\n');
  expect(space.git('log', '-p', '--all')).not.toContain(COMBINATION);
  const spoke = readFileSync(join(space.mirror, 'prod', `spokes/longest.${spokeId()}.yaml`), 'utf8');
  expect(spoke).toContain(`_widgetId: "${id('widget')}"`);

  await test.update(ADMIN, 'widgets', id('widget'), (doc) => ({ ...doc, name: 'Bigger wheel' }));
  expect(await space.sync()).toMatchObject({ code: 0 });
  expect(space.log('%an')[0]).toBe('Wanda');
  const log = await space.run('log', 'widgets/Bigger wheel', '--json');
  expect(JSON.parse(log.out)).toMatchObject({
    entries: [{ type: 'widgets', what: 'renamed', by: { name: 'Wanda' } }, { what: 'added' }],
  });

  const impact = await space.run('impact', 'exports/Export read', '--json');
  expect(JSON.parse(impact.out)).toMatchObject({
    dependants: [
      { type: 'spokes', name: 'Longest' },
      { type: 'widgets', name: 'Bigger wheel' },
      { type: 'widgets', name: 'Small wheel' },
    ],
  });
  const unused = (await space.run('lint', '--json')).out;
  expect(unused).toContain(id('idle'));
  expect(unused).not.toContain(`exports/${id('read')}`);

  const drill = await program.cli(['drill', space.mirror, '--json'], program.tempDir());
  expect({ code: drill.code, report: JSON.parse(drill.out) }).toMatchObject({
    code: 0,
    report: { documents: 8, restored: 7, explained: [{ title: 'Wanda' }], unexplained: [] },
  });
});

it('a deleted part of a new type comes back with its integration, and is switched on at the end', {
  tags: 'slow',
}, async () => {
  const test = await account();
  const space = await mirrored(test);
  const then = space.git('rev-parse', 'HEAD').trim();
  for (const one of ['holder', 'widget'] as const) {
    test.emulator.act(test.owner.email).remove('widgets', id(one));
    await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/widgets/${id(one)}`);
  }
  expect(await space.sync()).toMatchObject({ code: 0 });
  test.emulator.clearRequests();

  const outcome = await space.run('restore', 'integration/Carousel', '--at', then, '--enable-flows', '--yes');

  expect(outcome.code, outcome.out + outcome.err).toBe(0);
  expect(outcome.out).toContain('its wheels must be oiled');
  expect(outcome.out).toContain('is created without lock.combination');
  const [made, holder] = ['Big wheel', 'Small wheel'].map((name) =>
    test.emulator.state.all('widgets').find((doc) => doc.name === name),
  );
  expect(made).toMatchObject({ disabled: false, feeds: [{ export: id('read') }], template: '<p>\n  Turn\n</p>\n' });
  expect(holder).toMatchObject({ _widgetId: made?._id, _integrationId: id('integration') });
  expect(test.emulator.state.all('spokes')).toMatchObject([
    { name: 'Longest', _widgetId: made?._id, export: id('read') },
  ]);
  const posted = test.emulator.requests.filter(({ method, path }) => method === 'POST' && path === '/v1/widgets');
  expect(posted).toHaveLength(2);
  // Created disabled: a later call of its own switched it on.
  const later = test.emulator.requests.filter(({ path }) => path === `/v1/widgets/${made?._id}`);
  expect(later.map(({ method }) => method)).toContain('PUT');
});
