import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { account, codeOf, connection, doc, flow, id, idsOf, integration, smallShop, start } from './support.ts';

const PATH = `/v1/integrations/${id('1', 1)}`;
const GROUPS = [{ _id: id('e', 1), name: 'Orders' }];

describe('flow groups', () => {
  it('get ids from the server, new ones for a new integration', async () => {
    const { send } = await start();

    const made = await send('POST', '/v1/integrations', { name: 'Shop', flowGroupings: GROUPS });
    const [group] = (made.body as { flowGroupings: JsonObject[] }).flowGroupings;

    expect(group).toMatchObject({ name: 'Orders', _id: expect.stringMatching(/^[0-9a-f]{24}$/) });
    expect(group?._id).not.toBe(id('e', 1));
  });

  it('keep their ids in a PUT that sends them, and are lost in one that does not', async () => {
    const seed = account({
      ...smallShop(),
      integrations: [integration(1, { flowGroupings: GROUPS })],
      flows: [flow(1, { _flowGroupingId: id('e', 1) })],
    });
    const { send, get } = await start({ seed });

    const kept = await send('PUT', PATH, { name: 'Shop', flowGroupings: [...GROUPS, { name: 'More' }] });
    const lost = await send('PUT', PATH, { name: 'Shop' });

    expect(kept.body).toMatchObject({ flowGroupings: [GROUPS[0], { name: 'More', _id: expect.any(String) }] });
    expect(lost.body).not.toHaveProperty('flowGroupings');
    // The flow keeps pointing at a group that is gone.
    expect((await get(`/v1/flows/${id('5', 1)}`)).body).toMatchObject({ _flowGroupingId: id('e', 1) });
  });

  it('take flows in and out in bulk', async () => {
    const seed = account({ ...smallShop(), integrations: [integration(1, { flowGroupings: GROUPS })] });
    const { send, emulator } = await start({ seed });
    const path = '/v1/flows/updateFlowGrouping';

    expect((await send('PUT', path, { _flowIds: [id('5', 1)], _flowGroupingId: id('e', 9) })).status).toBe(422);
    await send('PUT', path, { _flowIds: [id('5', 1)], _flowGroupingId: id('e', 1) });
    expect(emulator.state.get('flows', id('5', 1))).toMatchObject({ _flowGroupingId: id('e', 1) });
    await send('PUT', path, { _flowIds: [id('5', 1)], _flowGroupingId: null });
    expect(emulator.state.get('flows', id('5', 1))).not.toHaveProperty('_flowGroupingId');
  });
});

describe('registered connections', () => {
  it('are ignored in a POST and kept in a PUT; they have endpoints of their own', async () => {
    const { send, get, emulator } = await start({
      seed: account({ ...smallShop(), connections: [connection(1), connection(2)] }),
    });

    const made = await send('POST', '/v1/integrations', { name: 'New', _registeredConnectionIds: [id('2', 1)] });
    await send('PUT', PATH, { name: 'Shop', _registeredConnectionIds: [] });
    expect((made.body as JsonObject)._registeredConnectionIds).toBeUndefined();
    expect(emulator.state.get('integrations', id('1', 1))?._registeredConnectionIds).toEqual([id('2', 1)]);

    expect((await send('PUT', `${PATH}/connections/register`, [id('2', 2)])).status).toBe(204);
    expect(idsOf(await get(`${PATH}/connections`))).toEqual([id('2', 1), id('2', 2)]);
    expect((await send('DELETE', `${PATH}/connections/${id('2', 1)}/register`)).status).toBe(204);
    expect((await send('PUT', `${PATH}/connections/${id('2', 1)}/register`)).status).toBe(204);
    expect((await send('PUT', `${PATH}/connections/register`, [id('2', 9)])).status).toBe(422);
  });

  it('cannot go while an alias points at them', async () => {
    const aliases = [{ alias: 'shop', _connectionId: id('2', 1) }];
    const seed = account({
      ...smallShop(),
      integrations: [integration(1, { aliases, _registeredConnectionIds: [id('2', 1)] })],
    });
    const { send } = await start({ seed });

    expect(codeOf(await send('DELETE', `${PATH}/connections/${id('2', 1)}/register`))).toBe('detach_failed');
  });
});

describe('aliases', () => {
  it('follow the rules', async () => {
    const connections = [connection(1), connection(2)];
    const { send } = await start({ seed: account({ ...smallShop(), connections }) });
    const put = async (...aliases: JsonObject[]) => {
      const answer = await send('PUT', PATH, { name: 'Shop', aliases });
      return answer.status === 200 ? 'accepted' : codeOf(answer);
    };

    expect(await put({ alias: 'shop', _connectionId: id('2', 1) })).toBe('accepted');
    expect(await put({ alias: 'orders', _exportId: id('3', 1) })).toBe('accepted');
    expect(await put({ alias: 'x' })).toBe('missing_required_field');
    expect(await put({ alias: id('2', 1), _connectionId: id('2', 1) })).toBe('invalid_field');
    expect(await put({ alias: 'x', _connectionId: id('2', 2) })).toBe('update_not_allowed');
    expect(await put({ alias: 'x', _flowId: id('5', 9) })).toBe('invalid_ref');
    expect(await put({ alias: 'x', _flowId: id('5', 1) }, { alias: 'x', _exportId: id('3', 1) })).toBe('invalid_field');
  });
});

describe('parts', () => {
  it('are the flows of an integration and the steps that they use', async () => {
    const { get } = await start({ seed: account({ ...smallShop(), scripts: [doc(id('6', 1), 'S')] }) });

    expect(idsOf(await get(`${PATH}/flows`))).toEqual([id('5', 1)]);
    expect(idsOf(await get(`${PATH}/exports`))).toEqual([id('3', 1)]);
    expect(idsOf(await get(`${PATH}/imports`))).toEqual([id('4', 1)]);
    expect(idsOf(await get(`${PATH}/ashares`))).toHaveLength(1);
    expect((await get(`${PATH}/revisions`)).status).toBe(404);
  });
});
