import { describe, expect, it } from 'vitest';
import { isArray, type JsonObject } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample } from '../support/account.ts';
import { cli, tempDir, Workspace } from '../support/workspace.ts';
import { expectCode, head, mirrored, type RestoreJson, said, uproot } from './support.ts';

interface Finding {
  readonly what: string;
  readonly why: string;
}

it('drill explains what needs something that no restore makes and the account does not list', {
  tags: 'slow',
}, async () => {
  const test = await sample();
  const { emulator } = test;
  const provider = '66a3d1595d3e7b001e000001';
  const server = emulator.state.all('mcpservers').find(({ _connectorId }) => _connectorId === undefined);
  emulator.state.touch('mcpservers', String(server?._id), { 'oauth._mcpOAuthProviderId': provider });
  emulator.faults.add({
    match: { path: '/v1/mcpoauthproviders' },
    times: 'always',
    fault: { kind: 'status', status: 404 },
  });
  const space = await mirrored(test);

  const outcome = await cli(['drill', space.mirror, '--json'], tempDir());

  expectCode(outcome, 0);
  const { explained, unexplained } = JSON.parse(outcome.out) as Record<string, Finding[]>;
  expect(unexplained).toEqual([]);
  const found = explained?.find(({ what }) => what === `mcpservers/${String(server?._id)}`);
  expect(found?.why).toContain(`mcpoauthproviders/${provider}`);
});

it('drill explains what comes back without a part of an Integration App that it refers to', {
  tags: 'slow',
}, async () => {
  const test = await sample();
  const { emulator } = test;
  const isOrdinary = ({ _connectorId }: { _connectorId?: unknown }) => _connectorId === undefined;
  const part = emulator.state.all('flows').find((flow) => !isOrdinary(flow));
  const flow = emulator.state.all('flows').find((one) => isOrdinary(one) && one._runNextFlowIds === undefined);
  const integration = emulator.state.all('integrations').find((one) => isOrdinary(one) && isArray(one.aliases));
  const aliases = [...((integration?.aliases ?? []) as JsonObject[]), { alias: 'part', _flowId: String(part?._id) }];
  emulator.state.touch('flows', String(flow?._id), { _runNextFlowIds: [String(part?._id)] });
  emulator.state.touch('integrations', String(integration?._id), { aliases });
  const space = await mirrored(test);

  const outcome = await cli(['drill', space.mirror, '--json'], tempDir());

  expectCode(outcome, 0);
  const { explained } = JSON.parse(outcome.out) as Record<string, Finding[]>;
  for (const [what, place] of [
    [`flows/${flow?._id}`, '_runNextFlowIds'],
    [`integrations/${integration?._id}`, 'aliases\\[\\d\\]'],
  ]) {
    const found = explained?.find((one) => one.what === what);
    expect(found?.why).toMatch(
      new RegExp(`^comes back without ${place}, since flows/${part?._id} cannot be restored$`),
    );
  }
});

it('drill does not excuse a missing reference for the sake of an explained one next to it', {
  tags: 'slow',
}, async () => {
  const test = await sample();
  const { emulator } = test;
  const server = emulator.state.all('mcpservers').find(({ _connectorId }) => _connectorId === undefined);
  const id = String(server?._id);
  emulator.state.touch('mcpservers', id, { 'apis[0]._apiId': '66a3d1595d3e7b001e000001' });
  const space = await mirrored(test);

  const outcome = await cli(['drill', space.mirror, '--json'], tempDir());

  expectCode(outcome, 1);
  const { unexplained } = JSON.parse(outcome.out) as Record<string, Finding[]>;
  expect(unexplained?.map(({ what }) => what)).toEqual([`mcpservers/${id}`]);
});

describe('a reference to an iClient of Celigo, which no listing shows', () => {
  const PROVIDED = '5a0000000000000000000001';
  const CONNECTION = '5b0000000000000000000001';
  const HTTP = {
    formType: 'http',
    baseURI: 'https://shop.example.test',
    auth: { type: 'custom' },
    _iClientId: PROVIDED,
  };
  const connection = { _id: CONNECTION, name: 'Uses an iClient of Celigo', type: 'http', http: HTTP };

  /** The sample account with such a connection; `read`: its own URL shows the iClient. */
  async function account(read: boolean) {
    const { resources, ...seed } = sampleAccount();
    const connections = [...(resources.connections ?? []), connection];
    const unlisted = read ? { iclients: [{ _id: PROVIDED, name: 'Celigo', provider: 'shop' }] } : {};
    return sample({ seed: { ...seed, resources: { ...resources, connections }, unlisted } });
  }

  it.each([
    [true, 'is kept'],
    [false, 'is kept with a warning where nothing shows it'],
  ])('(shown: %s) %s', { tags: 'slow' }, async (read) => {
    const test = await account(read);
    const { emulator } = test;
    const space = await mirrored(test);
    const at = head(space);
    expect(said(await space.run('verify'))).toContain(`→ iclients/${PROVIDED} (not listed)`);
    expect(said(await space.run('lint'))).not.toContain(PROVIDED);
    await uproot(test, 'connections', CONNECTION);
    await space.sync();

    emulator.clearRequests();
    const outcome = await space.run('restore', `connections/${CONNECTION}`, '--at', at, '--yes');

    expectCode(outcome, 0);
    const asked = emulator.requests.filter(({ path }) => path === `/v1/iclients/${PROVIDED}`);
    expect(asked).toHaveLength(1);
    const made = emulator.state.all('connections').find(({ name }) => name === connection.name);
    expect(made).toMatchObject({ http: { _iClientId: PROVIDED } });
    const warning = `http._iClientId refers to iclients/${PROVIDED}, which is not listed; it is sent as it is`;
    expect(said(outcome).includes(warning)).toBe(!read);
  });

  it('drill explains what also needs something of a type that the account does not list', {
    tags: 'slow',
  }, async () => {
    const test = await account(true);
    test.emulator.state.touch('connections', CONNECTION, { _agentGroupId: '5c0000000000000000000001' });
    const fault = { kind: 'status', status: 404 } as const;
    test.emulator.faults.add({ match: { path: '/v1/agentgroups' }, times: 'always', fault });
    const space = await mirrored(test);

    const outcome = await cli(['drill', space.mirror, '--json'], tempDir());

    expectCode(outcome, 0);
    const { explained } = JSON.parse(outcome.out) as Record<string, Finding[]>;
    expect(explained?.map(({ what }) => what)).toContain(`connections/${CONNECTION}`);
  });

  it.each([
    [true, 'has the same id in another account that shows it'],
    [false, 'blocks its connection in another account that does not'],
  ])('(shown: %s) %s', { tags: 'slow' }, async (read) => {
    const prod = await account(true);
    const unlisted = read ? { iclients: [{ _id: PROVIDED, name: 'Celigo', provider: 'shop' }] } : {};
    const copy = await sample({ seed: { ...emptyAccount(), unlisted } });
    const accounts = { prod, copy };
    const space = new Workspace(
      Object.fromEntries(
        Object.entries(accounts).map(([name, { url, owner }]) => [name, { baseUrl: url, token: owner.token }]),
      ),
    );
    await space.mirrored('--account', 'prod');

    const what = ['restore', `connections/${CONNECTION}`, '--account', 'prod', '--to', 'copy', '--yes', '--json'];
    const outcome = await space.run(...what);

    expectCode(outcome, read ? 0 : 3);
    const { steps } = JSON.parse(outcome.out) as RestoreJson;
    expect(steps.find(({ id }) => id === CONNECTION)).toMatchObject(
      read
        ? { action: 'create', result: 'done' }
        : { action: 'blocked', reason: expect.stringContaining('set another one with overrides') },
    );
    if (read) expect(copy.emulator.state.all('connections')).toMatchObject([{ http: { _iClientId: PROVIDED } }]);
  });
});
