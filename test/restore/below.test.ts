import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/model/seed.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';
import { type Doc, expectCode, head, mirrored, said, writes } from './support.ts';

function named(test: TestAccount, dir: string, name: string): Doc {
  const found = test.emulator.state.all(dir).find((stored) => stored.name === name);
  if (!found) throw new Error(`the account has no ${dir} called ${name}`);
  return found as Doc;
}

/** Files of a type in the mirror, without their extension. */
function filesOf(space: Workspace, type: string, account = 'prod'): string[] {
  const folder = join(space.mirror, account, type);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** A second account, empty, and the first one mirrored. */
async function pair(settings: Record<string, Json> = {}) {
  const prod = await sample();
  const copy = await sample({ seed: emptyAccount(), legacyRest: 'accept' });
  const space = new Workspace({
    prod: { baseUrl: prod.url, token: prod.owner.token, ...settings },
    copy: { baseUrl: copy.url, token: copy.owner.token, ...settings },
  });
  await space.mirrored('--account', 'prod');
  return { prod, copy, space };
}

const NOT_FOUND = { kind: 'status', status: 404 } as const;

async function upsert(test: TestAccount, sync: string, ...datasets: JsonObject[]): Promise<void> {
  await test.call(test.owner, 'PUT', `/v1/syncs/${sync}/datasets`, datasets);
}

describe('datasets of a sync', () => {
  it('are documents of their own, read again only where their list changed', async () => {
    const test = await sample();
    const space = await mirrored(test);
    const { _id: sync } = named(test, 'syncs', 'Items: NetSuite → warehouse');
    const { _id: item } = named(test, 'datasets', 'item');

    const path = `datasets/item.syncs-${sync}-${item}.yaml`;
    expect(filesOf(space, 'datasets')).toContain(path.slice('datasets/'.length));
    const text = space.read(`prod/${path}`);
    expect(text).toContain(`_syncId: "${sync}"`);
    expect(text).toContain('name: vendorcontact');
    expect(text).not.toContain('userActionRequired');

    test.emulator.clearRequests();
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged', code: 0 });
    const below = test.emulator.requests.filter((request) => request.path.includes('/datasets'));
    expect(below.map((request) => request.path)).toEqual([`/v1/syncs/${sync}/datasets`]);

    await upsert(test, sync, { _id: item, ingestionMode: 'append' });
    expect(await space.sync()).toMatchObject({ verdict: 'changed', code: 0 });
    expect(space.read(`prod/${path}`)).toContain('ingestionMode: append');
  });

  it('are restored over an edit, and a second restore writes nothing', async () => {
    const test = await sample();
    const space = await mirrored(test);
    const { _id: sync } = named(test, 'syncs', 'Items: NetSuite → warehouse');
    const { _id: item, ...before } = named(test, 'datasets', 'item');
    await upsert(test, sync, { _id: item, enable: false, dataElements: [] });
    test.emulator.clearRequests();

    expectCode(
      await space.run('restore', 'integration/Item master replication', '--at', 'HEAD', '--yes', '--force'),
      0,
    );

    const { enable, dataElements, ingestionMode } = before;
    expect(test.emulator.state.get('datasets', item)).toMatchObject({ enable, dataElements, ingestionMode } as object);
    expect(writes(test.emulator)).toEqual([`PUT /v1/syncs/${sync}/datasets`]);
    test.emulator.clearRequests();
    expectCode(await space.run('restore', 'all', '--at', 'HEAD', '--yes'), 0);
    expect(writes(test.emulator)).toEqual([]);
  });

  it('go with their sync, and come back with it under new ids', { tags: 'slow' }, async () => {
    const test = await sample();
    const space = await mirrored(test);
    const { _id: sync } = named(test, 'syncs', 'Items: NetSuite → warehouse');
    const command = ['restore', 'integration/Item master replication', '--at', head(space), '--yes'];
    test.emulator.act(test.owner.email).remove('syncs', sync);
    expect(test.emulator.state.count('datasets')).toBe(0);
    expect(await space.sync()).toMatchObject({ verdict: 'changed', code: 0 });
    expect(filesOf(space, 'datasets')).toEqual([]);

    expectCode(await space.run(...command), 0);

    const { _id: made } = named(test, 'syncs', 'Items: NetSuite → warehouse');
    expect(made).not.toBe(sync);
    expect(test.emulator.state.all('datasets')).toMatchObject([
      { name: expect.any(String), _syncId: made },
      { name: expect.any(String), _syncId: made },
    ]);
    expect(named(test, 'datasets', 'item').dataElements).toHaveLength(3);
    expect(filesOf(space, 'datasets')).toHaveLength(2);
    test.emulator.clearRequests();
    expectCode(await space.run(...command), 0);
    expect(writes(test.emulator)).toEqual([]);
  });

  it('that went with their sync are not too many for the guards; as many of a sync that is there are', {
    tags: 'slow',
  }, async () => {
    const test = await sample();
    const { _id: sync } = named(test, 'syncs', 'Items: NetSuite → warehouse');
    const tables = Array.from({ length: 40 }, (_, n) => ({ name: `table ${n}`, externalId: `table${n}` }));
    await upsert(test, sync, ...tables);
    const space = await mirrored(test);
    expect(filesOf(space, 'datasets')).toHaveLength(42);
    // An answer that lost them: they are asked for one by one, and gone as well.
    const lost = { match: { path: `/v1/syncs/${sync}/datasets*` }, times: 'always' } as const;
    test.emulator.faults.add({ ...lost, match: { path: `/v1/syncs/${sync}/datasets/*` }, fault: NOT_FOUND });
    test.emulator.faults.add({ ...lost, fault: { kind: 'emptyList' } });
    expect((await space.sync()).error).toMatchObject({ code: 'GUARD' });
    test.emulator.faults.clear();

    test.emulator.act(test.owner.email).remove('syncs', sync);

    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
    expect(filesOf(space, 'datasets')).toEqual([]);
  });

  it('are created in another account with the sync of that account, once', { tags: 'slow' }, async () => {
    const { copy, space } = await pair();
    const command = ['restore', 'all', '--account', 'prod', '--to', 'copy', '--yes'];

    expectCode(await space.run(...command), 0, 3);

    const { _id: sync } = named(copy, 'syncs', 'Items: NetSuite → warehouse');
    expect(copy.emulator.state.all('datasets').map(({ name, _syncId }) => [name, _syncId])).toEqual([
      ['item', sync],
      ['inventorybalance', sync],
    ]);
    copy.emulator.clearRequests();
    expectCode(await space.run(...command), 0, 3);
    expect(writes(copy.emulator)).toEqual([]);
  });

  it('that no list shows are kept while another sync is mirrored as it is', { tags: 'slow' }, async () => {
    const seed = sampleAccount();
    const [first] = seed.resources.syncs as readonly [Doc];
    const other = { ...first, _id: 'd'.repeat(24), name: 'Orders' };
    const table = { _id: 'e'.repeat(24), _syncId: other._id, name: 'orders', enable: true, lastModified: '2026-01-01' };
    const datasets = [...(seed.resources.datasets ?? []), table];
    const resources = { ...seed.resources, syncs: [first, other], datasets };
    const test = await sample({ seed: { ...seed, resources } });
    const space = await mirrored(test);
    await upsert(test, other._id, { _id: table._id, enable: false });
    const fault = { kind: 'status', status: 500 } as const;
    test.emulator.faults.add({ match: { path: `/v1/syncs/${first._id}/datasets` }, times: 'always', fault });

    const report = await space.sync();

    expect(report).toMatchObject({ code: 3, incomplete: ['datasets'] });
    expect(filesOf(space, 'datasets')).toHaveLength(3);
    expect(space.read(`prod/datasets/orders.syncs-${other._id}-${table._id}.yaml`)).toContain('enable: false');
  });

  it('cannot be deleted, which pruning reports', async () => {
    const test = await sample();
    const space = await mirrored(test);
    const { _id: sync } = named(test, 'syncs', 'Items: NetSuite → warehouse');
    await upsert(test, sync, { name: 'customer', externalId: 'customer', enable: true });
    test.emulator.clearRequests();

    const outcome = await space.run('restore', 'all', '--at', 'HEAD', '--prune', '--yes');

    expect(said(outcome)).toContain('the API has no call that deletes a dataset');
    expect(writes(test.emulator)).toEqual([]);
    expect(test.emulator.state.count('datasets')).toBe(3);
  });

  it('are not offered where their address answers 403, and stay when it does so later', { tags: 'slow' }, async () => {
    const test = await sample();
    const fault = { kind: 'status', status: 403 } as const;
    const rule = { match: { path: '/v1/syncs/*/datasets' }, times: 'always', fault } as const;
    test.emulator.faults.add(rule);
    const space = await mirrored(test);
    expect(filesOf(space, 'datasets')).toEqual([]);
    test.emulator.faults.clear();
    expect(await space.sync()).toMatchObject({ code: 0 });
    expect(filesOf(space, 'datasets')).toHaveLength(2);

    test.emulator.faults.add(rule);

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['datasets'] });
    expect(filesOf(space, 'datasets')).toHaveLength(2);
  });
});

describe('state of single resources', () => {
  const INCLUDED = { include: ['*', 'resourcestate'] };

  it('is mirrored only on request, and put back only when named', { tags: 'slow' }, async () => {
    const test = await sample();
    const without = await mirrored(test);
    expect(filesOf(without, 'resourcestate')).toEqual([]);
    const space = await mirrored(test, INCLUDED);
    const { _id: flow } = named(test, 'flows', 'Orders: web shop → NetSuite');
    const key = Buffer.from('lastOrder.number').toString('hex');
    const path = `prod/resourcestate/lastorder-number.flows-${flow}-${key}.yaml`;
    expect(space.read(path)).toContain('value: 58213');
    const then = head(space);
    const url = `${test.url}/v1/flows/${flow}/state/lastOrder.number`;
    const headers = { authorization: `Bearer ${test.owner.token}`, 'content-type': 'application/json' };
    await fetch(url, { method: 'PUT', headers, body: '1' });
    test.emulator.clearRequests();

    expectCode(await space.run('restore', 'all', '--at', then, '--yes', '--force'), 0);
    expect(writes(test.emulator)).toEqual([]);
    expectCode(await space.run('restore', 'resourcestate', '--at', then, '--yes', '--force'), 0);
    expect(writes(test.emulator)).toEqual([`PUT /v1/flows/${flow}/state/lastOrder.number`]);
    expect(test.emulator.state.resourceState()).toMatchObject({ [`flows/${flow}`]: { 'lastOrder.number': 58_213 } });

    await fetch(url, { method: 'DELETE', headers });
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
    expect(filesOf(space, 'resourcestate')).toHaveLength(1);
    expectCode(await space.run('restore', 'resourcestate', '--at', then, '--yes'), 0);
    expect(test.emulator.state.resourceState()).toMatchObject({ [`flows/${flow}`]: { 'lastOrder.number': 58_213 } });
  });

  it('is written below the resource that the other account has in its place, once', { tags: 'slow' }, async () => {
    const { copy, space } = await pair(INCLUDED);
    expectCode(await space.run('restore', 'all', '--account', 'prod', '--to', 'copy', '--yes'), 0, 3);
    const command = ['restore', 'resourcestate', '--account', 'prod', '--to', 'copy', '--yes'];

    expectCode(await space.run(...command), 0);

    const { _id: flow } = named(copy, 'flows', 'Orders: web shop → NetSuite');
    expect(copy.emulator.state.resourceState()).toMatchObject({ [`flows/${flow}`]: { 'lastOrder.number': 58_213 } });
    copy.emulator.clearRequests();
    expectCode(await space.run(...command), 0);
    expect(writes(copy.emulator)).toEqual([]);
  });

  it('of a type that is no longer mirrored stays as it is', { tags: 'slow' }, async () => {
    const test = await sample();
    const space = await mirrored(test, INCLUDED);
    space.configure({ prod: { baseUrl: test.url, token: test.owner.token, ...INCLUDED, exclude: ['flows'] } });

    expect(await space.sync()).toMatchObject({ code: 0 });

    expect(filesOf(space, 'resourcestate')).toHaveLength(2);
  });
});

describe('parts of HTTP connectors', () => {
  it('are documents of their own, those of the account alone, and come back with a new connector', {
    tags: 'slow',
  }, async () => {
    const { prod, copy, space } = await pair();
    expect(filesOf(space, 'httpconnectorresources')).toHaveLength(1);
    expect(filesOf(space, 'httpconnectorendpoints')).toHaveLength(1);
    const { _id: own } = named(prod, 'httpconnectors', 'Fjelldesk (own)');
    expect(space.read(space.find(own))).not.toContain('httpConnectorResources');

    expectCode(await space.run('restore', 'all', '--account', 'prod', '--to', 'copy', '--yes'), 0, 3);

    const connector = named(copy, 'httpconnectors', 'Fjelldesk (own)');
    const [version] = connector.versions as readonly [JsonObject];
    const resource = named(copy, 'httpconnectorresources', 'Ticket');
    expect(resource).toMatchObject({ _httpConnectorId: connector._id, _versionIds: [version._id] } as object);
    expect(named(copy, 'httpconnectorendpoints', 'List tickets')._httpConnectorResourceIds).toEqual([resource._id]);
    expect(version._id).not.toBe((named(prod, 'httpconnectors', 'Fjelldesk (own)').versions as JsonObject[])[0]?._id);
  });

  it('are not offered where no connector is shown with them', async () => {
    const test = await sample();
    const space = new Workspace({ prod: { baseUrl: test.url, token: test.owner.token } });
    const { _id: own, name } = named(test, 'httpconnectors', 'Fjelldesk (own)');
    const match = { path: `/v1/httpconnectors/${own}` };
    const body = JSON.stringify({ _id: own, name });
    test.emulator.faults.add({ match, times: 'always', fault: { kind: 'body', body } as never });

    expect(await space.sync()).toMatchObject({ code: 0 });
    expect(filesOf(space, 'httpconnectorresources')).toEqual([]);
  });

  it('stay in the mirror where a connector is shown without them', async () => {
    const test = await sample();
    const space = await mirrored(test);
    const { _id: own, name } = named(test, 'httpconnectors', 'Fjelldesk (own)');
    const body = { _id: own, name };
    const match = { path: `/v1/httpconnectors/${own}` };
    test.emulator.faults.add({ match, times: 'always', fault: { kind: 'body', body: JSON.stringify(body) } as never });

    const report = await space.sync();

    expect(report.code).toBe(3);
    expect(filesOf(space, 'httpconnectorresources')).toHaveLength(1);
  });
});

describe('what is referred to', () => {
  it.each([
    ['networkpolicies', 'Offices and VPN', 'mcpservers', '_networkPolicyId'],
    ['agentgroups', 'Warehouse agents', 'connections', '_agentGroupId'],
    ['topics', 'stock-moved', undefined, undefined],
    ['mcpoauthproviders', 'Company login', 'mcpservers', 'oauth._mcpOAuthProviderId'],
  ])(
    '%s are created again after their deletion, and named by their new id',
    { tags: 'slow' },
    async (type, name, user, field) => {
      const test = await sample();
      const space = await mirrored(test);
      const { _id: old } = named(test, type, name);
      const { emulator } = test;
      const holders = emulator.state.all(user ?? type).filter((doc) => user && JSON.stringify(doc).includes(old));
      for (const { _id } of holders) emulator.state.touch(String(user), String(_id), { [String(field)]: undefined });
      emulator.act(test.owner.email).remove(type, old);

      expectCode(await space.run('restore', 'all', '--at', 'HEAD', '--yes', '--force'), 0, 3);

      const made = named(test, type, name);
      expect(made._id).not.toBe(old);
      // An update of a connection that holds credentials waits for a person.
      if (user !== 'connections')
        for (const { _id } of holders)
          expect(JSON.stringify(emulator.state.get(String(user), String(_id)))).toContain(made._id);
      expect(filesOf(space, type)).toHaveLength(1);
    },
  );

  it('network policies are for administrators: for others the type is not offered', { tags: 'slow' }, async () => {
    const test = await sample();
    const monitor = test.person('monitor');
    const space = new Workspace({ prod: { baseUrl: test.url, token: monitor.token } });
    const report = await space.sync();
    expect(report.types.find(({ type }) => type === 'networkpolicies')).toMatchObject({ state: 'unavailable' });
  });
});

describe('adaptors that came later', () => {
  it('are mirrored as they are, and restored into another account with the topic they read', {
    tags: 'slow',
  }, async () => {
    const ids = { topic: 'a'.repeat(24), netsuite: 'b'.repeat(24), reads: 'c'.repeat(24), asks: 'd'.repeat(24) };
    const seed = emptyAccount();
    const netsuite = {
      _id: ids.netsuite,
      name: 'ERP',
      type: 'netsuite',
      netsuite: { authType: 'token-auto', account: 'TSTDRV1', environment: 'production' },
    };
    const resources = {
      topics: [{ _id: ids.topic, name: 'stock-moved', retentionDays: 7 }],
      connections: [netsuite],
      exports: [
        {
          _id: ids.reads,
          name: 'Movements',
          adaptorType: 'TopicExport',
          topic: { _topicId: ids.topic, startPosition: 'latest', maxWaitTimeMs: 5000 },
        },
        {
          _id: ids.asks,
          name: 'Items',
          adaptorType: 'NetSuiteHTTPExport',
          _connectionId: ids.netsuite,
          http: { method: 'GET', relativeURI: '/record/v1/item' },
          nsDomainType: 'suitetalk',
        },
      ],
    };
    const prod = await sample({ seed: { ...seed, resources } });
    const copy = await sample({ seed: emptyAccount() });
    const accounts = { prod: { baseUrl: prod.url, token: prod.owner.token } };
    const space = new Workspace({ ...accounts, copy: { baseUrl: copy.url, token: copy.owner.token } });
    await space.mirrored('--account', 'prod');
    expect(space.read(space.find(ids.asks))).toContain('nsDomainType: suitetalk');

    expectCode(await space.run('restore', 'all', '--account', 'prod', '--to', 'copy', '--yes'), 0);

    const { _id: topic } = named(copy, 'topics', 'stock-moved');
    expect(named(copy, 'exports', 'Movements').topic).toMatchObject({ _topicId: topic, startPosition: 'latest' });
    expect(named(copy, 'exports', 'Items')).toMatchObject({
      adaptorType: 'NetSuiteHTTPExport',
      _connectionId: named(copy, 'connections', 'ERP')._id,
      nsDomainType: 'suitetalk',
    });
  });
});
