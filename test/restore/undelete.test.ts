import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { ApiFault } from '../../src/emulator/http/server.ts';
import { connection, account as seedOf } from '../emulator/support.ts';
import { sample, type TestAccount } from '../support/account.ts';
import type { Workspace } from '../support/workspace.ts';
import {
  type Doc,
  dismantle,
  doc,
  expectCode,
  flowsOf,
  head,
  mirrored,
  plain,
  type RestoreJson,
  said,
  snapshot,
  writes,
} from './support.ts';

const HTTP = { adaptorType: 'HTTPExport', http: { relativeURI: '/x', method: 'GET' } } as const;

interface Chain {
  readonly test: TestAccount;
  readonly space: Workspace;
  readonly at: string;
  /** Flow → export → script, in an integration of their own. */
  readonly ids: Readonly<Record<'integrations' | 'flows' | 'exports' | 'scripts', string>>;
}

/** A small account with a flow and what it uses, mirrored. */
async function chain(): Promise<Chain> {
  const test = await sample({ seed: seedOf({ connections: [connection()] }) });
  const acting = test.emulator.act(test.owner.email);
  const make = (dir: string, made: JsonObject) => String(acting.create(dir, { name: 'Own', ...made })._id);
  const integrations = make('integrations', {});
  const scripts = make('scripts', { content: 'function f () {}' });
  const hooks = { preSavePage: { function: 'f', _scriptId: scripts } };
  const exports = make('exports', { ...HTTP, _connectionId: String(connection()._id), hooks });
  const flows = make('flows', {
    _integrationId: integrations,
    disabled: true,
    pageGenerators: [{ _exportId: exports }],
    pageProcessors: [],
  });
  const space = await mirrored(test);
  return { test, space, at: head(space), ids: { integrations, flows, exports, scripts } };
}

function removeAll({ test, ids }: Chain): void {
  const acting = test.emulator.act(test.owner.email);
  for (const dir of ['flows', 'exports', 'scripts', 'integrations'] as const) acting.remove(dir, ids[dir]);
}

function stepsOf(out: string): Map<string, string> {
  const { steps } = JSON.parse(out) as RestoreJson;
  return new Map(steps.map((step) => [`${step.type}/${step.id}`, step.action]));
}

const binCalls = (test: TestAccount) =>
  writes(test.emulator)
    .filter((line) => line.includes('recycleBinTTL'))
    .map((line) => line.replace(/.*recycleBinTTL\//, ''));

describe('a deleted resource comes back', () => {
  it('and what cannot be written of a pushed edit is said: the name of a header whose value no one knows', async () => {
    const http = { baseURI: 'https://a.example.test', headers: [{ name: 'X-Api-Key', value: 'hdr7Qz93hLmN20xWp4' }] };
    const made: JsonObject = { ...connection(), type: 'http', http };
    const id = String(made._id);
    const test = await sample({ seed: seedOf({ connections: [made] }) });
    const space = await mirrored(test);
    const path = `prod/${space.files().find((file) => file.startsWith('connections/'))}`;
    const text = space.git('show', `HEAD:${path}`);
    test.emulator.act(test.owner.email).remove('connections', id);
    await space.sync('--allow-deletions');
    mkdirSync(join(space.mirror, path, '..'), { recursive: true });
    writeFileSync(join(space.mirror, path), text.replace('X-Api-Key', 'X-Room'));
    space.git('add', '-A');
    space.git('-c', 'user.name=Mal', '-c', 'user.email=mal@x.test', 'commit', '-qm', 'Back, otherwise');

    const outcome = await space.run('apply', 'HEAD', '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toContain('the difference stays');
    expect(test.emulator.state.get('connections', id)?.http).toMatchObject(http);
  });

  it('with what it uses, which the plan names although it was not asked for', { tags: 'slow' }, async () => {
    const world = await chain();
    const { test, space, ids } = world;
    const before = snapshot(test.emulator);
    removeAll(world);
    await space.sync();

    const planned = await space.run('restore', `flows/${ids.flows}`, '--dry-run', '--json');
    expect(stepsOf(planned.out)).toEqual(
      new Map(
        ['integrations', 'scripts', 'exports', 'flows'].map((dir) => [`${dir}/${ids[dir as 'flows']}`, 'undelete']),
      ),
    );
    test.emulator.clearRequests();
    const outcome = await space.run('restore', `flows/${ids.flows}`, '--yes');

    expectCode(outcome, 0);
    expect(said(outcome)).toContain(`exports/${ids.exports} "Own" also comes back: flows/${ids.flows} "Own" uses it`);
    expect(said(outcome)).toContain(
      `scripts/${ids.scripts} "Own" also comes back: exports/${ids.exports} "Own" uses it`,
    );
    expect(snapshot(test.emulator)).toEqual(before);
    // One by one, in the order of need: nothing is refused, nothing cascades.
    const order = binCalls(test);
    expect([...order].sort()).toEqual(
      Object.entries(ids)
        .map(([dir, id]) => `${dir}/${id}`)
        .sort(),
    );
    expect(order.indexOf(`exports/${ids.exports}`)).toBeLessThan(order.indexOf(`flows/${ids.flows}`));
    expect(order.indexOf(`scripts/${ids.scripts}`)).toBeLessThan(order.indexOf(`exports/${ids.exports}`));
    expect(test.emulator.requests.filter(({ status }) => status === 422)).toEqual([]);
  });

  it('alone, where nothing that it uses is in the bin', { tags: 'slow' }, async () => {
    const world = await chain();
    removeAll(world);
    const { test, space, ids } = world;

    const outcome = await space.run('restore', `scripts/${ids.scripts}`, '--yes', '--json');

    expectCode(outcome, 0);
    expect([...stepsOf(outcome.out).keys()]).toEqual([`scripts/${ids.scripts}`]);
    expect(test.emulator.state.get('flows', ids.flows)).toBeUndefined();
  });

  it('in the state that was asked for, whatever the bin has', { tags: 'slow' }, async () => {
    const world = await chain();
    const { test, space, ids, at } = world;
    const before = snapshot(test.emulator);
    const acting = test.emulator.act(test.owner.email);
    acting.set('scripts', ids.scripts, { content: '// broken\n' });
    acting.set('exports', ids.exports, { 'http.relativeURI': '/broken' });
    await space.sync();
    removeAll(world);

    const outcome = await space.run('restore', 'all', '--at', at, '--yes');

    expectCode(outcome, 0);
    expect(said(outcome)).toContain('content is compared when it is back');
    expect(snapshot(test.emulator)).toEqual(before);
    test.emulator.clearRequests();
    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 0);
    expect(writes(test.emulator)).toEqual([]);
  });

  it('in the version of the bin, where only something else needs it', { tags: 'slow' }, async () => {
    const world = await chain();
    const { test, space, ids } = world;
    test.emulator.act(test.owner.email).set('exports', ids.exports, { 'http.relativeURI': '/newer' });
    removeAll(world);

    expectCode(await space.run('restore', `flows/${ids.flows}`, '--yes'), 0);

    expect(doc(test.emulator, 'exports', ids.exports)).toMatchObject({ http: { relativeURI: '/newer' } });
  });

  it.each([
    ['which the server names', true],
    ['which the server does not name', false],
  ])('together with those that use it, and it them, %s', { tags: 'slow' }, async (_, names) => {
    const { test, space, at, ids } = await chain();
    const acting = test.emulator.act(test.owner.email);
    const { _integrationId, pageGenerators } = doc(test.emulator, 'flows', ids.flows);
    const next = { _integrationId, pageGenerators, disabled: true, pageProcessors: [], _runNextFlowIds: [ids.flows] };
    const other = String(acting.create('flows', { name: 'Other', ...(next as JsonObject) })._id);
    if (!names) await space.sync();
    acting.remove('flows', other);
    acting.remove('flows', ids.flows);
    test.emulator.state.touch('flows', ids.flows, { _runNextFlowIds: [other] });
    const body = { errors: [{ code: 'descendants_not_restored', message: 'Please restore the descendants first.' }] };
    for (const flow of names ? [] : [ids.flows, other])
      test.emulator.faults.add({
        times: 'always',
        match: { method: 'POST', path: `*/recycleBinTTL/flows/${flow}` },
        fault: { kind: 'status', status: 422, body },
      });
    test.emulator.clearRequests();

    const outcome = await space.run('restore', `flows/${ids.flows}`, '--at', at, '--yes');

    expectCode(outcome, 0);
    expect(said(outcome)).toContain(`flows/${other} "Other" also comes back`);
    expect(binCalls(test).filter((call) => call.endsWith('doCascadeRestore'))).toHaveLength(1);
    expect(doc(test.emulator, 'flows', ids.flows)).not.toHaveProperty('_runNextFlowIds');
    expect(doc(test.emulator, 'flows', other)._runNextFlowIds).toEqual([ids.flows]);
  });
});

describe('an integration of which parts were purged', () => {
  it('is back as it was: from the bin what is there, with new ids what is not', { tags: 'slow' }, async () => {
    const test = await sample();
    const space = await mirrored(test);
    const { emulator } = test;
    const at = head(space);
    const integration = emulator.state
      .all('integrations')
      .find(({ name }) => String(name).startsWith('Wholesale')) as Doc;
    const flows = flowsOf(emulator, integration._id);
    const gone = dismantle(test, integration._id);
    // The first two are a template and one of its instances: the other instance cannot follow a new template.
    const purged = flows.slice(0, 2).map(({ _id }) => _id);
    const stuck = flows.filter(({ _abstractFlowId }) => purged.includes(String(_abstractFlowId))).map(({ _id }) => _id);
    expect(stuck.length).toBeGreaterThan(1);
    for (const id of purged) await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/flows/${id}`);

    const outcome = await space.run('restore', `integration/${integration._id}`, '--at', at, '--yes', '--json');

    expectCode(outcome, 0);
    const steps = stepsOf(outcome.out);
    expect(gone.map((id) => [...steps].find(([key]) => key.endsWith(id))?.[1])).toEqual(
      gone.map((id) => (purged.includes(id) || stuck.includes(id) ? 'create' : 'undelete')),
    );
    expect(
      flowsOf(emulator, integration._id)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(flows.map(({ name }) => name).sort());
    emulator.clearRequests();
    expectCode(await space.run('restore', `integration/${integration._id}`, '--at', at, '--yes'), 0);
    expect(writes(emulator)).toEqual([]);
  });
});

/** A server that knows only the call that cascades. */
function withoutPlainCall({ test, ids }: Chain, status: number): void {
  for (const [dir, id] of Object.entries(ids))
    test.emulator.faults.add({
      times: 'always',
      match: { method: 'POST', path: `*/recycleBinTTL/${dir}/${id}` },
      fault: { kind: 'status', status },
    });
}

describe('a server that knows only the call that cascades', () => {
  it.each([404, 405])('and answers %i to the other gives back what is planned', { tags: 'slow' }, async (status) => {
    const world = await chain();
    const { test, space, ids } = world;
    const before = snapshot(test.emulator);
    removeAll(world);
    withoutPlainCall(world, status);

    expectCode(await space.run('restore', `flows/${ids.flows}`, '--yes'), 0);

    expect(snapshot(test.emulator)).toEqual(before);
  });

  it('gives back no integration with flows that are not planned', { tags: 'slow' }, async () => {
    const world = await chain();
    const { test, space, ids } = world;
    removeAll(world);
    withoutPlainCall(world, 404);

    const outcome = await space.run('restore', `integrations/${ids.integrations}`, '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toContain(
      `the server may bring back more than the plan names; restore it as well: flows/${ids.flows} "Own"`,
    );
    expect(test.emulator.state.get('flows', ids.flows)).toBeUndefined();
  });
});

describe('what the bin does not give back', () => {
  it('because it was purged is missing in what uses it, which the plan says', { tags: 'slow' }, async () => {
    const world = await chain();
    const { test, space, ids } = world;
    test.emulator.act(test.owner.email).set('flows', ids.flows, { disabled: false });
    await space.sync();
    test.emulator.act(test.owner.email).set('flows', ids.flows, { disabled: true });
    removeAll(world);
    await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/exports/${ids.exports}`);

    const outcome = await space.run('restore', `flows/${ids.flows}`, '--yes', '--enable-flows');

    expectCode(outcome, 0);
    const why = `pageGenerators[0]._exportId refers to exports/${ids.exports}, which does not exist`;
    expect(said(outcome)).toContain(
      `flows/${ids.flows} "Own" comes back incomplete: ${why}: add --with-dependencies, or name it as well`,
    );
    expect(test.emulator.state.get('flows', ids.flows)?.disabled).toBe(true);
  });

  it('because it was purged since the plan was made is reported, and created the next time', {
    tags: 'slow',
  }, async () => {
    const world = await chain();
    const { test, space, ids, at } = world;
    removeAll(world);
    test.emulator.beforeWrite = async ({ id }) => {
      if (id !== ids.scripts) return;
      test.emulator.beforeWrite = undefined;
      await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/scripts/${ids.scripts}`);
    };

    const first = await space.run('restore', `scripts/${ids.scripts}`, '--at', at, '--yes');
    const second = await space.run('restore', `scripts/${ids.scripts}`, '--at', at, '--yes', '--json');

    expectCode(first, 4);
    expect(said(first)).toMatch(/purged from the recycle bin since the plan was created: restore it again/);
    expectCode(second, 0);
    expect([...stepsOf(second.out).values()]).toEqual(['create']);
  });

  it('because it was purged gets a new id, which free-form settings follow', { tags: 'slow' }, async () => {
    const world = await chain();
    const { test, space, ids, at } = world;
    const acting = test.emulator.act(test.owner.email);
    removeAll(world);
    for (const dir of ['exports', 'scripts'] as const)
      await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/${dir}/${ids[dir]}`);
    const settings = { source: ids.exports };
    const other = String(acting.create('integrations', { name: 'Names it', settings } as JsonObject)._id);
    await space.sync();

    const outcome = await space.run('restore', `exports/${ids.exports}`, '--at', at, '--with-dependencies', '--yes');

    expectCode(outcome, 0);
    const [created] = test.emulator.state.all('exports');
    expect(doc(test.emulator, 'integrations', other).settings).toEqual({ source: created?._id });
  });

  it('because it is a part of an Integration App is left to the app', { tags: 'slow' }, async () => {
    const world = await chain();
    const { test, space, ids } = world;
    const { touch } = test.emulator.state;
    touch('scripts', ids.scripts, { _connectorId: '5f0000000000000000000001' });
    await space.sync('--full');
    // Only the app can delete it.
    touch('scripts', ids.scripts, { _connectorId: undefined });
    removeAll(world);
    touch('scripts', ids.scripts, { _connectorId: '5f0000000000000000000001' });

    const outcome = await space.run('restore', `scripts/${ids.scripts}`, '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toContain('part of an Integration App: only the app can bring it back');
  });

  it('because of something that came into the bin since the plan was made is named', { tags: 'slow' }, async () => {
    const world = await chain();
    const { test, space, ids, at } = world;
    const acting = test.emulator.act(test.owner.email);
    acting.remove('flows', ids.flows);
    test.emulator.beforeWrite = ({ id }) => {
      if (id !== ids.flows) return;
      test.emulator.beforeWrite = undefined;
      acting.remove('exports', ids.exports);
    };

    const outcome = await space.run('restore', `flows/${ids.flows}`, '--at', at, '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toContain('it uses resources that are in the recycle bin, too; restore them as well: ');
    expect(said(outcome)).toContain(ids.exports);
    expect(test.emulator.state.get('exports', ids.exports)).toBeUndefined();
  });
});

describe('two that use each other', () => {
  it('are reported with what the server said, not each with the other', { tags: 'slow' }, async () => {
    const world = await chain();
    const { test, space, ids } = world;
    const { state } = test.emulator;
    const acting = test.emulator.act(test.owner.email);
    const status = { _exportId: ids.exports, statusPath: 's', inProgressValues: ['p'], doneValues: ['d'] };
    const http = { submit: { sameAsStatus: true }, status };
    const helper = String(acting.create('asynchelpers', { name: 'Helper', http })._id);
    state.touch('exports', ids.exports, { _asyncHelperId: helper });
    await space.sync();
    state.touch('exports', ids.exports, { _asyncHelperId: undefined });
    acting.remove('asynchelpers', helper);
    removeAll(world);
    for (const path of [`asynchelpers/${helper}`, `exports/${ids.exports}`])
      test.emulator.faults.add({
        times: 'always',
        match: { method: 'POST', path: `/v1/recycleBinTTL/${path}` },
        fault: { kind: 'status', status: 422, body: { errors: [{ code: 'locked', message: 'Not now.' }] } },
      });

    const outcome = await space.run('restore', `asynchelpers/${helper}`, `exports/${ids.exports}`, '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toContain('answered 422 (Not now.)');
  });
});

describe('--prune', () => {
  it('opens circles before it deletes', { tags: 'slow' }, async () => {
    const { test, space, at, ids } = await chain();
    const before = snapshot(test.emulator);
    const acting = test.emulator.act(test.owner.email);
    const { pageGenerators } = doc(test.emulator, 'flows', ids.flows);
    const _integrationId = String(acting.create('integrations', { name: 'Late' })._id);
    const [ping, pong] = ['Ping', 'Pong'].map((name) =>
      String(
        acting.create('flows', {
          name,
          _integrationId,
          pageGenerators,
          disabled: true,
          pageProcessors: [],
        } as JsonObject)._id,
      ),
    ) as [string, string];
    acting.set('flows', ping, { _runNextFlowIds: [pong] });
    acting.set('flows', pong, { _runNextFlowIds: [ping] });
    acting.set('integrations', _integrationId, { aliases: [{ alias: 'ping', _flowId: ping }] });
    await space.sync();
    test.emulator.clearRequests();

    const outcome = await space.run('restore', 'all', '--at', at, '--prune', '--yes');

    expectCode(outcome, 0);
    expect(said(outcome)).toContain('removed beforehand, since they use each other: _runNextFlowIds');
    expect(snapshot(test.emulator)).toEqual(before);
    expect(test.emulator.requests.filter(({ method, status }) => method === 'DELETE' && status >= 400)).toEqual([]);
    expect((await space.run('verify')).code).toBe(0);
  });

  it('preserves an edit that was made just before a circle was opened', { tags: 'slow' }, async () => {
    const { test, space, at, ids } = await chain();
    const acting = test.emulator.act(test.owner.email);
    const { pageGenerators = null } = doc(test.emulator, 'flows', ids.flows);
    const [ping, pong] = ['Ping', 'Pong'].map((name) =>
      String(acting.create('flows', { name, pageGenerators, disabled: true, pageProcessors: [] })._id),
    ) as [string, string];
    acting.set('flows', ping, { _runNextFlowIds: [pong] });
    acting.set('flows', pong, { _runNextFlowIds: [ping] });
    await space.sync();
    const other = test.person('administrator');
    test.emulator.beforeWrite = ({ id, method }) => {
      if (id !== ping || method !== 'PUT') return;
      test.emulator.beforeWrite = undefined;
      test.emulator.act(other.email).set('flows', ping, { description: 'work of an hour' });
    };

    const outcome = await space.run('restore', 'all', '--at', at, '--prune', '--yes');

    expectCode(outcome, 4);
    expect(said(outcome)).toContain(other.name);
    expect(space.git('log', '--all', '-S', 'work of an hour', '--format=%an').split('\n')).toContain(other.name);
  });

  it('names what keeps something from being deleted, also what is not mirrored', { tags: 'slow' }, async () => {
    const { test, space, at } = await chain();
    const acting = test.emulator.act(test.owner.email);
    const late = String(acting.create('scripts', { name: 'Late', content: '// late' })._id);
    await space.sync();
    test.emulator.beforeWrite = ({ id, method }) => {
      if (id !== late || method !== 'DELETE') return;
      test.emulator.beforeWrite = undefined;
      const [user = ''] = plain(space, test.emulator, 'exports', ({ adaptorType }) => adaptorType === 'HTTPExport');
      acting.set('exports', user, { name: 'Keeps it', hooks: { preSavePage: { function: 'f', _scriptId: late } } });
    };

    const outcome = await space.run('restore', 'all', '--at', at, '--prune', '--yes');

    expectCode(outcome, 3, 4);
    expect(said(outcome)).toMatch(/it is still used by exports\/[0-9a-f]{24} "Keeps it"/);
    expect(() => acting.remove('scripts', late)).toThrow(ApiFault);
  });
});
