import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isArray, isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import type { Behaviour, PendingWrite } from '../../src/emulator/http/server.ts';
import { secretsIn } from '../../src/emulator/model/masking.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { cli, Workspace } from '../support/workspace.ts';
import {
  configured,
  type Doc,
  dismantle,
  doc,
  expectCode,
  expectNoMask,
  flowsOf,
  head,
  history,
  mirrored,
  mirrorTexts,
  plain,
  type RestoreJson,
  referencesTo,
  said,
  snapshot,
  typed,
  writes,
} from './support.ts';

let opened: TestAccount[] = [];
async function account(options: Partial<Behaviour> = {}): Promise<TestAccount> {
  const made = await sample(options);
  opened.push(made);
  return made;
}
/** The rule without exception: whatever a test did, nothing that only stands for a secret was written as one. */
function noMasks(): void {
  for (const { emulator } of opened) expectNoMask(emulator);
}
afterEach(() => {
  opened = [];
});

function named(test: TestAccount, dir: string, name: string): Doc {
  const found = test.emulator.state.all(dir).find((stored) => stored.name === name);
  if (!found) throw new Error(`the account has no ${dir} called ${name}`);
  return structuredClone(found) as Doc;
}

const PARTNERS = 'Wholesale EDI (Hartmann & Söhne, Møller Sport)';
const SHOP = 'Webshop → ERP';

async function purge(test: TestAccount): Promise<void> {
  for (const { type: dir, doc: stored } of test.emulator.state.bin())
    await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/${dir}/${String(stored._id)}`);
  expect(test.emulator.state.bin()).toEqual([]);
}

async function expectFollowed(space: Workspace): Promise<void> {
  expect(await space.sync()).toMatchObject({ code: 0, commits: [], changes: [] });
  expect((await space.run('verify')).code).toBe(0);
  expect(space.git('status', '--porcelain')).toBe('');
}

describe('a deleted integration that is still in the recycle bin', () => {
  eachOf([{ synced: false }, { synced: true }], { quick: 0 })(
    'comes back with its flows and ids (deletion mirrored: $synced)',
    async ({ synced }) => {
      const test = await account();
      const space = await mirrored(test);
      const before = snapshot(test.emulator);
      const { _id } = named(test, 'integrations', PARTNERS);
      const gone = dismantle(test, _id);
      expect(gone.length).toBeGreaterThan(5);
      if (synced) expect((await space.sync()).code).toBe(0);

      expectCode(await space.run('restore', `integration/${_id}`, '--yes'), 0);

      expect(snapshot(test.emulator)).toEqual(before);
      expect(test.emulator.state.bin()).toEqual([]);
      await expectFollowed(space);
      noMasks();
    },
  );

  it('comes back as it was at the time asked for, not as it was when it was deleted', { tags: 'slow' }, async () => {
    const test = await account();
    const space = await mirrored(test);
    const [before, at] = [snapshot(test.emulator), head(space)];
    const { _id } = named(test, 'integrations', PARTNERS);
    const flow = flowsOf(test.emulator, _id).find((found) => found.name === 'Invoices 810 / XML');
    test.emulator
      .act(test.owner.email)
      .set('flows', String(flow?._id), {
        description: 'edited before the deletion',
        'pageProcessors[0].responseMapping': undefined,
        disabled: true,
      });
    test.emulator.act(test.owner.email).set('integrations', _id, { 'settings.contact': 'x@example.test' });
    await space.sync();
    dismantle(test, _id);
    await space.sync();

    expectCode(await space.run('restore', `integration/${_id}`, '--at', at, '--yes', '--enable-flows'), 0);

    expect(snapshot(test.emulator)).toEqual(before);
    await expectFollowed(space);
  });
});

describe('a deleted integration that was purged', () => {
  /** Documents of the new integration in terms of the old ids, so that they can be compared. */
  function inOldTerms(dir: string, stored: JsonObject, ids: ReadonlyMap<string, string>): JsonObject {
    const rewrite = (value: Json): Json => {
      if (typeof value === 'string') return ids.get(value) ?? value;
      if (isArray(value)) return value.map(rewrite);
      if (!isObject(value)) return value;
      return Object.fromEntries(
        Object.entries(value).flatMap(([key, held]) => (held === undefined ? [] : [[key, rewrite(held)]])),
      );
    };
    // The API cannot register caches: that is reported, not done.
    const {
      disabled: _,
      _templateId: __,
      _registeredLookupCacheIds: ___,
      ...rest
    } = rewrite(configured(dir, stored)) as JsonObject;
    return rest;
  }

  function groupIds(integration: JsonObject | undefined, field: string): Map<string, string> {
    const groups = integration?.[field];
    return new Map(isArray(groups) ? groups.filter(isObject).map(({ name, _id }) => [String(name), String(_id)]) : []);
  }

  /** New id → old id, matched by name inside the integration. */
  function pairs(old: readonly (readonly [string, Doc])[], test: TestAccount, name: string): Map<string, string> {
    const fresh = named(test, 'integrations', name);
    const ids = new Map<string, string>();
    for (const [dir, was] of old) {
      const now = test.emulator.state
        .all(dir)
        .filter((found) => dir === 'integrations' || found._integrationId === fresh._id)
        .filter((found) => found.name === was.name);
      expect(now, `${dir} ${String(was.name)}`).toHaveLength(1);
      ids.set(String(now[0]?._id), was._id);
      if (dir !== 'integrations') continue;
      for (const field of ['flowGroupings', 'apiGroupings']) {
        const fresh = groupIds(now[0], field);
        for (const [group, id] of groupIds(was, field)) ids.set(fresh.get(group) ?? `no ${group}`, id);
      }
    }
    return ids;
  }

  function parts(test: TestAccount, name: string): (readonly [string, Doc])[] {
    const integration = named(test, 'integrations', name);
    return [
      ['integrations', integration] as const,
      ...['flows', 'tools', 'apis'].flatMap((dir) =>
        test.emulator.state
          .all(dir)
          .filter((found) => found._integrationId === integration._id)
          .map((found) => [dir, structuredClone(found) as Doc] as const),
      ),
    ];
  }

  const CASES = [
    { name: PARTNERS, enable: false, synced: false },
    { name: PARTNERS, enable: true, synced: true },
    { name: SHOP, enable: false, synced: true },
    { name: SHOP, enable: true, synced: false },
  ];

  eachOf(CASES, { quick: 0 })(
    'is recreated with every reference rewritten: $name (flows enabled: $enable, deletion mirrored: $synced)',
    async ({ name, enable, synced }) => {
      const test = await account();
      const space = await mirrored(test);
      const { emulator } = test;
      // An MCP server offers an API of the shop, which keeps both from being deleted.
      for (const server of emulator.state.all('mcpservers')) {
        emulator.act(test.owner.email).set('mcpservers', String(server._id), { apis: [] });
      }
      await space.sync();
      const old = parts(test, name);
      const lost = new Set(dismantle(test, old[0]?.[1]._id ?? ''));
      expect(lost).toEqual(new Set(old.map(([, stored]) => stored._id)));
      for (const group of ['flowGroupings', 'apiGroupings'])
        for (const id of groupIds(old[0]?.[1], group).values()) lost.add(id);
      await purge(test);
      if (synced) await space.sync();
      const [starts, others] = [emulator.state.starts().length, snapshot(emulator)];

      const flags = enable ? ['--enable-flows'] : [];
      const outcome = await space.run('restore', `integration/${old[0]?.[1]._id}`, '--yes', ...flags);
      // An API token of the shop names the API that is gone; nobody but its owner can change that.
      expectCode(outcome, ...(name === SHOP ? [0, 3] : [0]));
      expect(said(outcome)).not.toMatch(/^ *(conflict|failed)/m);

      expect(referencesTo(emulator, lost)).toEqual([]);
      const ids = pairs(old, test, name);
      for (const [dir, was] of old) {
        const fresh = [...ids].find(([, id]) => id === was._id)?.[0] ?? '';
        expect(inOldTerms(dir, doc(emulator, dir, fresh), ids)).toEqual(inOldTerms(dir, was, new Map()));
        if (dir !== 'flows') continue;
        expect(doc(emulator, dir, fresh).disabled ?? false, `${was.name} disabled`).toBe(
          enable ? (was.disabled ?? false) : true,
        );
      }
      // What was there all along is there still.
      expect(Object.keys(snapshot(emulator))).toEqual(expect.arrayContaining(Object.keys(others)));
      const started = emulator.state
        .starts()
        .slice(starts)
        .filter(({ type: dir }) => dir === 'flows');
      const live = old.filter(([dir, was]) => dir === 'flows' && was.disabled !== true && was.isAbstract !== true);
      expect(started).toHaveLength(enable ? live.length : 0);
      // The mirror follows: files of the new ids, none of the old.
      for (const id of lost) expect(space.files().filter((path) => path.includes(id))).toEqual([]);
      for (const id of ids.keys())
        if (old.some(([, was]) => was._id === ids.get(id))) expect(space.find(id)).toContain(id);
      await expectFollowed(space);
      noMasks();
    },
  );

  it('is made once: doing it again finds what the first time made', { tags: 'slow' }, async () => {
    const test = await account();
    const space = await mirrored(test);
    const at = head(space);
    const { _id } = named(test, 'integrations', PARTNERS);
    dismantle(test, _id);
    await purge(test);
    await space.sync();
    expectCode(await space.run('restore', `integration/${_id}`, '--at', at, '--yes'), 0);
    const after = Object.keys(snapshot(test.emulator));

    expectCode(await space.run('restore', `integration/${_id}`, '--at', at, '--yes'), 0, 3, 4);

    expect(Object.keys(snapshot(test.emulator))).toEqual(after);
  });

  it('right-restore-structure: is tied together again where two of its flows refer to each other', {
    tags: 'slow',
  }, async () => {
    const test = await account();
    const { emulator } = test;
    const actor = emulator.act(test.owner.email);
    const feed = named(test, 'exports', 'Catalogue feed')._id;
    const make = (name: string) =>
      actor.create('flows', {
        name,
        disabled: true,
        settings: {},
        pageGenerators: [{ _exportId: feed }],
        pageProcessors: [],
      })._id as string;
    const [ping, pong] = [make('Ping'), make('Pong')];
    actor.set('flows', ping, { _runNextFlowIds: [pong], settings: { next: pong, note: `see ${pong}` } });
    actor.set('flows', pong, { _runNextFlowIds: [ping] });
    const script = actor.create('scripts', { name: 'Knows ids', content: `const PING = '${ping}';\n` });
    const space = await mirrored(test);
    // Neither can be deleted while the other needs it.
    actor.set('flows', ping, { _runNextFlowIds: undefined });
    for (const id of [pong, ping]) {
      actor.remove('flows', id);
      await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/flows/${id}`);
    }
    const at = head(space);
    await space.sync();

    const what = [`flows/${ping}`, `flows/${pong}`];
    const outcome = await space.run('restore', ...what, '--at', at, '--yes');

    expectCode(outcome, 0);
    const [newPing, newPong] = [named(test, 'flows', 'Ping'), named(test, 'flows', 'Pong')];
    expect(newPing._runNextFlowIds).toEqual([newPong._id]);
    expect(newPong._runNextFlowIds).toEqual([newPing._id]);
    // A whole value is an id; inside a text it may be anything: that is reported, not rewritten.
    expect(newPing.settings).toEqual({ next: newPong._id, note: `see ${pong}` });
    expect(doc(emulator, 'scripts', String(script._id)).content).toBe(`const PING = '${ping}';\n`);
    expect(said(outcome)).toMatch(/note/);
    expect(said(outcome)).toContain('Knows ids');
    await expectFollowed(space);
  });

  it('is made without the flow that it starts, where that is gone and not named', { tags: 'slow' }, async () => {
    const test = await account();
    const { emulator } = test;
    const actor = emulator.act(test.owner.email);
    const feed = named(test, 'exports', 'Catalogue feed')._id;
    const make = (name: string, next: string[]) =>
      actor.create('flows', {
        name,
        disabled: true,
        pageGenerators: [{ _exportId: feed }],
        pageProcessors: [],
        _runNextFlowIds: next,
      })._id as string;
    const second = make('Second', []);
    const third = make('Third', []);
    const first = make('First', [second]);
    const both = make('Both', [second, third]);
    const space = await mirrored(test);
    for (const id of [first, both, second]) {
      actor.remove('flows', id);
      await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/flows/${id}`);
    }
    const at = head(space);
    await space.sync();

    const outcome = await space.run('restore', `flows/${first}`, '--at', at, '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toContain('stays without _runNextFlowIds');
    expect(named(test, 'flows', 'First')._runNextFlowIds ?? []).toEqual([]);
    expect(JSON.stringify(named(test, 'flows', 'First'))).not.toContain(second);

    const other = await space.run('restore', `flows/${both}`, '--at', at, '--yes');

    expectCode(other, 3);
    expect(said(other)).toMatch(/stays without _runNextFlowIds\[\d\]/);
    expect(named(test, 'flows', 'Both')._runNextFlowIds).toEqual([third]);
  });

  it('is made without the flow that it starts, where the server refuses that one', { tags: 'slow' }, async () => {
    const test = await account({ standaloneFlows: 'refuse' });
    const { emulator } = test;
    const actor = emulator.act(test.owner.email);
    const { _id: feed } = named(test, 'exports', 'Catalogue feed');
    const { _id: integration } = emulator.state.all('integrations')[0] as { _id: string };
    const more = { _integrationId: integration, disabled: true, pageGenerators: [{ _exportId: feed }] };
    const alone = actor.create('flows', { name: 'Alone', ...more })._id as string;
    emulator.state.touch('flows', alone, { _integrationId: undefined });
    const first = actor.create('flows', { name: 'First', ...more, _runNextFlowIds: [alone] })._id as string;
    const space = await mirrored(test);
    for (const id of [first, alone]) {
      actor.remove('flows', id);
      await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/flows/${id}`);
    }
    const at = head(space);
    await space.sync();
    const outcome = await space.run('restore', 'all', '--at', at, '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toMatch(/failed flows\/\w+ "First": stays without _runNextFlowIds/);
    expect(named(test, 'flows', 'First')._runNextFlowIds ?? []).toEqual([]);
  });

  it('brings back one deleted flow only with what it needs', { tags: 'slow' }, async () => {
    const test = await account();
    const space = await mirrored(test);
    const at = head(space);
    const actor = test.emulator.act(test.owner.email);
    const flow = actor.create('flows', {
      name: 'A flow of its own',
      disabled: true,
      pageGenerators: [{ _exportId: named(test, 'exports', 'Catalogue feed')._id }],
      pageProcessors: [],
    });
    const step = actor.create('imports', {
      name: 'Only used once',
      adaptorType: 'HTTPImport',
      _connectionId: named(test, 'connections', 'Carrier (Postbud)')._id,
      http: { relativeURI: ['/parcels'], method: ['POST'], body: [] },
    });
    actor.set('flows', String(flow._id), { pageProcessors: [{ type: 'import', _importId: String(step._id) }] });
    await space.sync();
    expect(head(space)).not.toBe(at);
    const whole = head(space);
    for (const [dir, { _id }] of [
      ['flows', flow],
      ['imports', step],
    ] as const) {
      actor.remove(dir, String(_id));
      await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/${dir}/${String(_id)}`);
    }
    await space.sync();
    test.emulator.clearRequests();

    const alone = await space.run('restore', `flows/${String(flow._id)}`, '--at', whole, '--yes');
    expect(alone.code).not.toBe(0);
    expect(said(alone)).toContain(String(step._id));
    expect(test.emulator.state.all('flows').filter(({ name }) => name === 'A flow of its own')).toEqual([]);

    const needs = ['--with-dependencies', '--at', whole, '--yes'];
    expectCode(await space.run('restore', `flows/${String(flow._id)}`, ...needs), 0);
    const made = named(test, 'imports', 'Only used once');
    expect(named(test, 'flows', 'A flow of its own').pageProcessors).toMatchObject([{ _importId: made._id }]);
    await expectFollowed(space);
  });
});

/** Edits many documents as a person would in the user interface. */
function corrupt(test: TestAccount, space: Workspace) {
  const actor = test.emulator.act(test.person('administrator').email);
  const flows = plain(space, test.emulator, 'flows', (found) => isArray(found.pageProcessors)).slice(0, 5);
  const imports = plain(
    space,
    test.emulator,
    'imports',
    ({ mapping, mappings }) => isObject(mapping) || (isArray(mappings) && mappings.length > 0),
  ).slice(0, 10);
  const [script = ''] = plain(space, test.emulator, 'scripts');
  for (const [at, id] of flows.entries()) {
    actor.set('flows', id, {
      description: `broken ${at}`,
      timezone: 'Pacific/Kiritimati',
      'pageProcessors[0].responseMapping': { fields: [{ extract: 'wrong', generate: 'wrong' }], lists: [] },
    });
  }
  for (const id of imports) {
    actor.set('imports', id, {
      // A field that the wanted state lacks has to go again.
      blobKeyPath: 'wrong.path',
      ...(isObject(doc(test.emulator, 'imports', id).mapping)
        ? { 'mapping.fields': [{ extract: 'wrong', generate: 'wrong' }] }
        : { mappings: [{ generate: 'wrong', extract: '$.wrong', dataType: 'string', status: 'Active' }] }),
    });
  }
  actor.set('scripts', script, { content: 'function broken () {\r\n  return null\r\n}\n' });
  return { flows, imports, script };
}

describe('an account that was damaged', () => {
  it('equals the earlier state after restore all --at, with the secrets it has now', { tags: 'slow' }, async () => {
    const test = await account();
    const { emulator } = test;
    const space = await mirrored(test);
    const [at, before] = [head(space), snapshot(emulator)];
    const damage = corrupt(test, space);
    expect([damage.flows.length, damage.imports.length]).toEqual([5, 10]);
    // Somebody rotated a credential since: nobody can see that, and nobody may undo it.
    const carrier = named(test, 'connections', 'Carrier (Postbud)')._id;
    emulator.act(test.owner.email).set('connections', carrier, { 'http.auth.basic.password': 'rotated' });
    await space.sync();
    const connections = structuredClone(emulator.state.all('connections'));
    emulator.clearRequests();

    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 0);

    expect(emulator.state.all('connections')).toEqual(connections);
    expect(writes(emulator).filter((line) => line.includes('/connections'))).toEqual([]);
    const after = snapshot(emulator);
    expect(after[`connections/${carrier}`]).toMatchObject({ http: { auth: { basic: { password: 'rotated' } } } });
    delete before[`connections/${carrier}`];
    delete after[`connections/${carrier}`];
    expect(after).toEqual(before);
    // One write for each damaged document: nothing else was touched.
    expect(new Set(writes(emulator).map((line) => line.split('/').at(-1)))).toEqual(
      new Set([...damage.flows, ...damage.imports, damage.script]),
    );
    await expectFollowed(space);
    noMasks();
  });

  it('is put back by the day before, and the restore can itself be undone', { tags: 'slow' }, async () => {
    const test = await account();
    const { emulator } = test;
    const space = await mirrored(test);
    const before = snapshot(emulator);
    const at = new Date(Number(space.git('log', '-1', '--format=%ct')) * 1000).toISOString();
    // Commit dates have seconds only.
    while (Date.now() < Date.parse(at) + 1001) await new Promise((resolve) => setTimeout(resolve, 50));
    const { flows } = corrupt(test, space);
    const damaged = snapshot(emulator);
    expect((await space.sync()).code).toBe(0);
    const synced = head(space);

    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 0);
    expect(snapshot(emulator)).toEqual(before);

    expectCode(await space.run('restore', 'all', '--at', synced, '--yes'), 0);
    expect(snapshot(emulator)).toEqual(damaged);
    expect(space.git('log', '-5', '--format=%b')).toContain('Celigo-Restore:');
    expect(flows.length).toBe(5);
  });

  it('gets its flows switched off as they were, and on only when asked', { tags: 'slow' }, async () => {
    const test = await account();
    const { emulator } = test;
    const on = (id: string) => doc(emulator, 'flows', id).disabled !== true;
    const space = new Workspace({ prod: { baseUrl: test.url, token: test.owner.token } });
    const actor = emulator.act(test.owner.email);
    const flow = (name: string, disabled: boolean) =>
      String(
        actor.create('flows', {
          name,
          disabled,
          pageGenerators: [{ _exportId: named(test, 'exports', 'Catalogue feed')._id }],
          pageProcessors: [],
        })._id,
      );
    const [was, notYet] = [flow('Was on', false), flow('Was off', true)];
    await space.mirrored();
    const at = head(space);
    actor.set('flows', was, { disabled: true });
    actor.set('flows', notYet, { disabled: false });
    await space.sync();
    const starts = emulator.state.starts().length;

    const careful = await space.run('restore', `flows/${was}`, `flows/${notYet}`, '--at', at, '--yes');
    expectCode(careful, 0);
    expect([on(was), on(notYet)]).toEqual([false, false]);
    expect(emulator.state.starts()).toHaveLength(starts);
    expect(said(careful)).toMatch(/Was on.*disabled|disabled.*Was on/);

    const flags = ['--at', at, '--yes', '--enable-flows'];
    expectCode(await space.run('restore', `flows/${was}`, `flows/${notYet}`, ...flags), 0);
    expect([on(was), on(notYet)]).toEqual([true, false]);
    await expectFollowed(space);
  });

  it('shows with --dry-run what would be done and does not do it', { tags: 'slow' }, async () => {
    const test = await account();
    const space = await mirrored(test);
    const at = head(space);
    const { flows, imports, script } = corrupt(test, space);
    await space.sync();
    const [damaged, commit] = [snapshot(test.emulator), head(space)];
    test.emulator.clearRequests();

    const outcome = await space.run('restore', 'all', '--at', at, '--dry-run', '--json');

    const { steps } = JSON.parse(outcome.out) as RestoreJson;
    const planned = steps.filter(({ action }) => action === 'update').map(({ id }) => id);
    expect(new Set(planned)).toEqual(new Set([...flows, ...imports, script]));
    expect(writes(test.emulator)).toEqual([]);
    expect(snapshot(test.emulator)).toEqual(damaged);
    expect(head(space)).toBe(commit);
    // Steps come out the same from run to run.
    const again = await space.run('restore', 'all', '--at', at, '--dry-run', '--json');
    expect((JSON.parse(again.out) as RestoreJson).steps).toEqual(steps);
  });
});

describe('secrets that the API masks', () => {
  const CARRIER = 'Carrier (Postbud)';
  const WEBSHOP = 'Webshop – fjellrand.example.com';

  async function moved(connection: string, changes: Record<string, Json>) {
    const test = await account();
    const space = await mirrored(test);
    const at = head(space);
    const { _id } = named(test, 'connections', connection);
    const before = doc(test.emulator, 'connections', _id);
    test.emulator.act(test.owner.email).set('connections', _id, changes);
    await space.sync();
    expect(head(space)).not.toBe(at);
    const live = doc(test.emulator, 'connections', _id);
    test.emulator.clearRequests();
    const restore = (args: string[] = [], env = {}) =>
      cli(['restore', `connections/${_id}`, '--at', at, '--yes', ...args], space.dir, env);
    return { test, space, id: _id, before, live, restore, emulator: test.emulator };
  }

  it('block the step and leave the connection alone when they are not supplied', async () => {
    const { emulator, id, live, restore, space } = await moved(CARRIER, {
      'http.baseURI': 'https://elsewhere.example.test',
    });

    const outcome = await restore();

    expectCode(outcome, 3);
    expect(said(outcome)).toContain('http.auth.basic.password');
    expect(said(outcome)).toContain(id);
    expect(doc(emulator, 'connections', id)).toEqual(live);
    expect(writes(emulator)).toEqual([]);
    await expectFollowed(space);
    noMasks();
  });

  it('are written with the rest when --secrets supplies them', { tags: 'slow' }, async () => {
    const { emulator, id, before, restore, space } = await moved(CARRIER, {
      'http.baseURI': 'https://elsewhere.example.test',
    });
    const file = join(space.dir, 'secrets.yaml');
    writeFileSync(file, `connections/${id}:\n  http.auth.basic.password: \${CARRIER_PASSWORD}\n`);

    expectCode(await restore(['--secrets', file], { CARRIER_PASSWORD: 'from the vault' }), 0);

    expect(doc(emulator, 'connections', id).http).toMatchObject({
      ...(before.http as JsonObject),
      auth: { type: 'basic', basic: { username: 'fjellrand-prod', password: 'from the vault' } },
    });
    expect(doc(emulator, 'connections', id).offline).toBe(false);
    expect(writes(emulator)).toEqual([`PUT /v1/connections/${id}`]);
    await expectFollowed(space);
    expect(history(space)).not.toContain('from the vault');
    noMasks();
  });

  it('may be named by the connection’s name, and a variable that is not set stops the restore', async () => {
    const { emulator, id, live, restore, space } = await moved(CARRIER, {
      'http.baseURI': 'https://elsewhere.example.test',
    });
    const file = join(space.dir, 'secrets.yaml');
    writeFileSync(file, `"connections/${CARRIER}":\n  http.auth.basic.password: \${CARRIER_PASSWORD}\n`);

    const unset = await restore(['--secrets', file]);
    expect(unset.code).toBe(64);
    expect(said(unset)).toContain('CARRIER_PASSWORD');
    expect(doc(emulator, 'connections', id)).toEqual(live);

    expectCode(await restore(['--secrets', file], { CARRIER_PASSWORD: 'by name' }), 0);
    expect(doc(emulator, 'connections', id)).toMatchObject({
      http: { baseURI: 'https://api.postbud.example.test/v2', auth: { basic: { password: 'by name' } } },
    });
  });

  it('block the step as long as one of them is missing, and the plan names that one', async () => {
    const { emulator, id, live, restore, space } = await moved(WEBSHOP, {
      'http.baseURI': 'https://elsewhere.example.test',
    });
    const file = join(space.dir, 'secrets.yaml');
    writeFileSync(file, `connections/${id}:\n  http.auth.token.token: one\n  http.encrypted:\n    apiSecret: two\n`);

    const outcome = await restore(['--secrets', file, '--json']);

    expectCode(outcome, 3);
    const step = (JSON.parse(outcome.out) as RestoreJson).steps.find((found) => found.id === id);
    expect(step?.action).toBe('blocked');
    expect(JSON.stringify(step)).toContain('http.auth.token.refreshToken');
    expect(doc(emulator, 'connections', id)).toEqual(live);
    expect(writes(emulator)).toEqual([]);
  });

  it('do not prevent a change that PATCH can make', { tags: 'slow' }, async () => {
    const { emulator, id, before, restore, space } = await moved(CARRIER, { name: 'Somebody else’s name' });

    expectCode(await restore(), 0);

    expect(writes(emulator)).toEqual([`PATCH /v1/connections/${id}`]);
    const { lastModified: _, ...after } = doc(emulator, 'connections', id);
    const { lastModified: __, lastModifiedBy: ___, ...was } = before;
    // The server may have completed it.
    expect(after).toMatchObject(was);
    await expectFollowed(space);
    noMasks();
  });

  it('block an export whose webhook token cannot be read', { tags: 'slow' }, async () => {
    const test = await account();
    const space = await mirrored(test);
    const at = head(space);
    const hook = test.emulator.state
      .all('exports')
      .find(({ _id }) => /\*{6}/.test(space.read(space.find(String(_id)))));
    const id = String(hook?._id);
    test.emulator.act(test.owner.email).set('exports', id, { description: 'not wanted' });
    await space.sync();
    const live = doc(test.emulator, 'exports', id);

    const outcome = await space.run('restore', `exports/${id}`, '--at', at, '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toMatch(/webhook\.\w+/);
    expect(doc(test.emulator, 'exports', id)).toEqual(live);
    noMasks();
  });

  eachOf([['store'], ['keep']], { quick: 0 })(
    'are never written as masks, whatever the account does with them (%s)',
    async (maskedWrites) => {
      const test = await account({ maskedWrites });
      const space = await mirrored(test);
      const at = head(space);
      const secret = (stored: JsonObject) => stored._connectorId === undefined && stored.published !== true;
      for (const dir of ['connections', 'iclients', 'stacks', 'exports', 'imports']) {
        for (const stored of test.emulator.state.all(dir).filter(secret)) {
          try {
            test.emulator.act(test.owner.email).set(dir, String(stored._id), { description: 'all changed' });
          } catch {
            // Some older documents can no longer be saved by anybody.
          }
        }
      }
      await space.sync();
      const masked = () =>
        ['connections', 'iclients', 'stacks', 'exports'].flatMap((dir) =>
          test.emulator.state.all(dir).map((stored) => [dir, stored] as const),
        );
      const live = structuredClone(masked());

      expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 3);

      noMasks();
      const secrets = (docs: readonly (readonly [string, JsonObject])[]) =>
        docs.map(([dir, stored]) => [stored._id, stored.offline, secretsIn(typed(dir), stored)]);
      expect(secrets(masked())).toEqual(secrets(live));
    },
  );
});

describe('live edits', () => {
  it('since the last sync are a conflict; --force overwrites them and the history keeps them', {
    tags: 'slow',
  }, async () => {
    const test = await account();
    const { emulator } = test;
    const space = await mirrored(test);
    const [at, before] = [head(space), snapshot(emulator)];
    const [id = ''] = plain(space, emulator, 'flows');
    const edit = { description: 'Typed in a minute ago, and dear to somebody' };
    emulator.act(test.person('administrator').email).set('flows', id, edit);
    const edited = snapshot(emulator);
    emulator.clearRequests();

    const refused = await space.run('restore', `flows/${id}`, '--yes');

    expectCode(refused, 4);
    expect(said(refused)).toContain(id);
    expect(writes(emulator)).toEqual([]);
    expect(snapshot(emulator)).toEqual(edited);

    expectCode(await space.run('restore', `flows/${id}`, '--at', at, '--yes', '--force'), 0);

    expect(snapshot(emulator)).toEqual(before);
    expect(history(space)).toContain(edit.description);
    await expectFollowed(space);
    noMasks();
  });

  it('of documents that the restore does not touch are no conflict', { tags: 'slow' }, async () => {
    const test = await account();
    const { emulator } = test;
    const space = await mirrored(test);
    const at = head(space);
    const [id = '', other = ''] = plain(space, emulator, 'flows');
    emulator.act(test.owner.email).set('flows', id, { description: 'to be undone' });
    await space.sync();
    emulator.act(test.owner.email).set('flows', other, { description: 'to be left alone' });

    expectCode(await space.run('restore', `flows/${id}`, '--at', at, '--yes'), 0);

    expect(doc(emulator, 'flows', other).description).toBe('to be left alone');
    expect(doc(emulator, 'flows', id).description).not.toBe('to be undone');
    await expectFollowed(space);
  });

  eachOf(
    [
      { force: false, every: false },
      { force: true, every: false },
      { force: false, every: true },
      { force: true, every: true },
    ],
    { quick: 0 },
  )(
    'made just before a write of a restore are never lost (--force: $force, before every write: $every)',
    async ({ force, every }) => {
      const test = await account();
      const { emulator } = test;
      const space = await mirrored(test);
      const at = head(space);
      const editor = test.person('administrator', 1).email;
      const types = ['flows', 'exports', 'imports', 'scripts', 'tools'];
      const touched = types.flatMap((dir) =>
        plain(space, emulator, dir, (found) => found.adaptorType !== 'RESTExport')
          .slice(0, 3)
          .map((id) => ({ dir, id })),
      );
      expect(new Set(touched.map(({ dir }) => dir)).size).toBe(types.length);
      for (const { dir, id } of touched) {
        const off = dir === 'flows' ? { disabled: true } : {};
        emulator.act(test.owner.email).set(dir, id, { description: `wrong ${id}`, name: `Wrong ${id}`, ...off });
      }
      await space.sync();
      const markers: string[] = [];
      const met = new Set<string>();
      emulator.beforeWrite = ({ type: dir, id }: PendingWrite) => {
        if (id === undefined || !types.includes(dir)) return;
        if (met.has(id) && !every) return;
        met.add(id);
        const marker = `lost-update-${markers.length}-into-${id}`;
        markers.push(marker);
        emulator.act(editor).set(dir, id, { description: marker });
      };

      const flags = ['--enable-flows', ...(force ? ['--force'] : [])];
      const outcome = await space.run('restore', 'all', '--at', at, '--yes', ...flags);
      emulator.beforeWrite = undefined;

      expectCode(outcome, 0, 3, 4);
      expect(met.size).toBe(touched.length);
      const held = JSON.stringify(emulator.state.dump().resources);
      const log = history(space);
      expect(markers.filter((marker) => !held.includes(marker) && !log.includes(marker))).toEqual([]);
      // Whoever restored learns whose edit it was.
      expect(said(outcome)).toContain(test.person('administrator', 1).name);
      // Whatever the end is, the mirror knows it.
      await space.sync();
      await expectFollowed(space);
    },
  );

  it('made just before the deletions of --prune are never lost', { tags: 'slow' }, async () => {
    const test = await account();
    const { emulator } = test;
    const space = await mirrored(test);
    const at = head(space);
    const ids = ['one', 'two', 'three'].map((name) =>
      String(emulator.act(test.owner.email).create('scripts', { name, content: `// ${name}` })._id),
    );
    await space.sync();
    const markers: string[] = [];
    emulator.beforeWrite = ({ method, type: dir, id }: PendingWrite) => {
      if (method !== 'DELETE' || id === undefined || !ids.includes(id)) return;
      const marker = `lost-update-${markers.length}-into-${id}`;
      markers.push(marker);
      emulator.act(test.person('administrator', 1).email).set(dir, id, { description: marker });
    };

    const outcome = await space.run('restore', 'all', '--at', at, '--prune', '--yes');
    emulator.beforeWrite = undefined;

    expectCode(outcome, 0, 3, 4);
    expect(markers.length).toBeGreaterThanOrEqual(ids.length);
    // The recycle bin does not count: it forgets after a month.
    const held = JSON.stringify(emulator.state.dump().resources);
    const log = history(space);
    expect(markers.filter((marker) => !held.includes(marker) && !log.includes(marker))).toEqual([]);
    await space.sync();
    await expectFollowed(space);
  });
});

describe('--prune', () => {
  it('deletes what was created since, in an order that the server accepts, and only then', {
    tags: 'slow',
  }, async () => {
    const test = await account();
    const { emulator } = test;
    const space = await mirrored(test);
    const [at, before] = [head(space), snapshot(emulator)];
    const actor = emulator.act(test.owner.email);
    const make = (dir: string, made: JsonObject) => String(actor.create(dir, made)._id);
    const integration = make('integrations', { name: 'Made later' });
    const script = make('scripts', { name: 'Made later', content: 'function f () {}' });
    const connection = make('connections', {
      name: 'Made later',
      type: 'http',
      http: { formType: 'http', mediaType: 'json', baseURI: 'https://x.example.test', auth: { type: 'custom' } },
    });
    const source = make('exports', {
      name: 'Made later',
      adaptorType: 'HTTPExport',
      _connectionId: connection,
      http: { relativeURI: '/x', method: 'GET' },
      hooks: { preSavePage: { _scriptId: script, function: 'f' } },
    });
    const sink = make('imports', {
      name: 'Made later',
      adaptorType: 'HTTPImport',
      _connectionId: connection,
      http: { relativeURI: ['/x'], method: ['POST'], body: [] },
      hooks: { preMap: { _scriptId: script, function: 'f' } },
    });
    const first = make('flows', {
      name: 'Made later',
      disabled: true,
      _integrationId: integration,
      pageGenerators: [{ _exportId: source }],
      pageProcessors: [{ type: 'import', _importId: sink }],
    });
    const second = make('flows', {
      name: 'Made later, runs next',
      disabled: true,
      _integrationId: integration,
      pageGenerators: [{ _exportId: source }],
      pageProcessors: [],
      _runNextFlowIds: [first],
    });
    // An older flow uses the new import: it has to let go of it before that can be deleted.
    const [user = ''] = plain(space, emulator, 'flows', (found) => isArray(found.pageProcessors));
    actor.set('flows', user, { pageProcessors: [{ type: 'import', _importId: sink }] });
    await space.sync();
    const created = { integration, script, connection, source, sink, first, second };
    const present = () =>
      Object.values(created).filter((id) => Object.keys(snapshot(emulator)).some((key) => key.endsWith(id)));

    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 0);
    expect(present()).toEqual(Object.values(created));

    emulator.clearRequests();
    const plan = await space.run('restore', 'all', '--at', at, '--prune', '--dry-run');
    for (const id of Object.values(created)) expect(said(plan)).toContain(id);
    expect(writes(emulator)).toEqual([]);

    expectCode(await space.run('restore', 'all', '--at', at, '--prune', '--yes'), 0);
    expect(present()).toEqual([]);
    expect(snapshot(emulator)).toEqual(before);
    // Not one refusal on the way: the order was right, it was not found by trying.
    expect(emulator.requests.filter(({ method, status }) => method === 'DELETE' && status >= 400)).toEqual([]);
    await expectFollowed(space);
  });

  it('is refused where it would delete more than the guard allows', { tags: 'slow' }, async () => {
    const test = await account();
    const space = await mirrored(test);
    const at = head(space);
    const actor = test.emulator.act(test.owner.email);
    for (let nth = 0; nth < 40; nth++) actor.create('scripts', { name: `Script ${nth}`, content: `// ${nth}` });
    await space.sync();
    test.emulator.clearRequests();

    const outcome = await space.run('restore', 'all', '--at', at, '--prune', '--yes');

    expectCode(outcome, 4);
    expect(writes(test.emulator)).toEqual([]);
    expect(test.emulator.state.count('scripts')).toBeGreaterThan(40);
  });
});

describe('a saved plan', () => {
  async function planned() {
    const test = await account();
    const space = await mirrored(test);
    const [at, before] = [head(space), snapshot(test.emulator)];
    const [id = '', other = ''] = plain(space, test.emulator, 'flows');
    const actor = test.emulator.act(test.owner.email);
    for (const flow of [id, other]) actor.set('flows', flow, { description: `wrong ${flow}` });
    await space.sync();
    const file = join(space.dir, 'plan.json');
    expectCode(await space.run('restore', `flows/${id}`, `flows/${other}`, '--at', at, '--out', file), 0);
    expect(doc(test.emulator, 'flows', id).description).toBe(`wrong ${id}`);
    test.emulator.clearRequests();
    return { test, space, before, id, other, file, apply: () => space.run('restore', file, '--yes') };
  }

  it('is applied unchanged', { tags: 'slow' }, async () => {
    const { test, space, before, id, other, apply } = await planned();
    expectCode(await apply(), 0);
    expect(snapshot(test.emulator)).toEqual(before);
    expect(new Set(writes(test.emulator).map((line) => line.split('/').at(-1)))).toEqual(new Set([id, other]));
    await expectFollowed(space);
  });

  it('is refused after the file was edited', async () => {
    const { test, id, file, apply } = await planned();
    const plan = readFileSync(file, 'utf8');
    const third = test.emulator.state.all('flows').find((flow) => !plan.includes(String(flow._id)));
    expect(plan).toContain(id);
    writeFileSync(file, plan.replaceAll(id, String(third?._id)));
    const live = snapshot(test.emulator);
    expectCode(await apply(), 4);
    expect(snapshot(test.emulator)).toEqual(live);
    expect(writes(test.emulator)).toEqual([]);
  });

  it('is refused after a live change of what it was made from', { tags: 'slow' }, async () => {
    const { test, other, apply } = await planned();
    test.emulator.act(test.owner.email).set('flows', other, { description: 'newer than the plan' });
    const live = snapshot(test.emulator);
    expectCode(await apply(), 4);
    expect(snapshot(test.emulator)).toEqual(live);
    expect(writes(test.emulator)).toEqual([]);
  });

  it('is refused for another account than it was made for', { tags: 'slow' }, async () => {
    const { space, file, test } = await planned();
    const other = await account();
    const elsewhere = new Workspace({ prod: { baseUrl: other.url, token: other.person('administrator').token } });
    await elsewhere.mirrored();
    other.emulator.clearRequests();
    const outcome = await elsewhere.run('restore', file, '--yes');
    expectCode(outcome, 4, 64);
    expect(writes(other.emulator)).toEqual([]);
    expect(writes(test.emulator)).toEqual([]);
    expect(head(space)).not.toBe('');
  });
});

describe('a connection that is there and cannot be updated', () => {
  it('stays registered', { tags: 'slow' }, async () => {
    const test = await account();
    const { emulator, owner } = test;
    const actor = emulator.act(owner.email);
    const group = emulator.state
      .all('integrations')
      .find(({ _connectorId, _registeredConnectionIds: ids }) => !_connectorId && Array.isArray(ids) && ids.length > 0);
    const registered = (group?._registeredConnectionIds ?? []) as string[];
    const space = await mirrored(test);
    const texts = mirrorTexts(space, 'connections');
    const [connection = ''] = registered.filter((id) => texts.get(id)?.includes('******'));
    const at = head(space);
    actor.set('integrations', String(group?._id), { description: 'edited' });
    actor.set('connections', connection, { settings: { edited: true } });
    await space.sync();

    const outcome = await space.run('restore', 'all', '--at', at, '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toContain(`blocked connections/${connection}`);
    const { description, _registeredConnectionIds: now } = doc(emulator, 'integrations', String(group?._id));
    expect([description, now]).toEqual([group?.description, registered]);
  });
});
