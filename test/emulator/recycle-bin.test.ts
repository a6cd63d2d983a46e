import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import {
  account,
  codeOf,
  connection,
  doc,
  exportDoc,
  flow,
  id,
  idsOf,
  importDoc,
  integration,
  script,
  smallShop,
  start,
} from './support.ts';

const BIN = '/v1/recycleBinTTL';
const CONNECTION = `${BIN}/connections/${id('2', 1)}`;

function withConnection() {
  const integrations = [integration(1, { _registeredConnectionIds: [id('2', 1)] })];
  return account({ integrations, connections: [connection(1)] });
}

describe('the recycle bin', () => {
  it('lists model and document, with the time of deletion as lastModified', async () => {
    const { send, get, time } = await start({ seed: account({ scripts: [script(1)] }) });
    time.advance(5);

    await send('DELETE', `/v1/scripts/${id('6', 1)}`);

    expect((await get(BIN)).body).toEqual([
      { model: 'Script', doc: { ...script(1), content: undefined, lastModified: '2026-03-01T12:00:05.000Z' } },
    ]);
    expect(idsOf(await get(`${BIN}/scripts`))).toEqual([id('6', 1)]);
    expect((await get(`${BIN}/scripts/${id('6', 1)}`)).body).toHaveProperty('_id', id('6', 1));
    expect((await get(`${BIN}/flows`)).status).toBe(204);
  });

  it('knows users and trading partners by their models', async () => {
    const { send, get } = await start({ seed: account({ tpconnectors: [doc(id('c', 1), 'Own')] }) });
    const [share] = idsOf(await get('/v1/ashares'));

    await send('DELETE', `/v1/ashares/${String(share)}`);
    await send('DELETE', `/v1/tpconnectors/${id('c', 1)}`);

    expect(idsOf(await get(`${BIN}/users`))).toEqual([share]);
    expect(idsOf(await get(`${BIN}/tpconnectors`))).toEqual([id('c', 1)]);
  });

  it('lists what was changed last first', async () => {
    const { send, get, time } = await start({ seed: account({ scripts: [script(1)], exports: [exportDoc(1)] }) });
    await send('DELETE', `/v1/exports/${id('3', 1)}`);
    time.advance(5);
    await send('DELETE', `/v1/scripts/${id('6', 1)}`);

    const listed = (await get(BIN)).body as { model: string }[];

    expect(listed.map(({ model }) => model)).toEqual(['Script', 'Export']);
  });

  it('refuses models without a bin, and has nothing of what is not deleted', async () => {
    const { send, get } = await start({
      seed: account({ scripts: [script(1)], tags: [doc(id('d', 1), '', { tag: 'later' })] }),
    });
    await send('DELETE', `/v1/tags/${id('d', 1)}`);

    expect((await get(BIN)).status).toBe(204);
    for (const path of [`${BIN}/tags`, `${BIN}/audits`, `${BIN}/audits/${id('d', 1)}`])
      expect((await get(path)).status, path).toBe(403);
    for (const method of ['POST', 'DELETE'])
      expect((await send(method, `${BIN}/tags/${id('d', 1)}`)).status, method).toBe(403);
    for (const method of ['GET', 'POST', 'DELETE'])
      expect((await send(method, `${BIN}/scripts/${id('6', 1)}`)).status, method).toBe(404);
    expect((await send('POST', `${BIN}/scripts/${id('6', 1)}/doCascadeRestore`)).status).toBe(404);
  });

  it('takes nothing twice', async () => {
    const { send } = await start({ seed: account({ scripts: [script(1)] }) });
    await send('DELETE', `/v1/scripts/${id('6', 1)}`);

    const again = await send('DELETE', `/v1/scripts/${id('6', 1)}`);

    expect([again.status, codeOf(again)]).toEqual([404, 'invalid_ref']);
  });

  it('keeps the content of a script apart until the script is back', async () => {
    const { send, get } = await start({ seed: account({ scripts: [script(1)] }) });
    await send('DELETE', `/v1/scripts/${id('6', 1)}`);

    expect((await get(`${BIN}/scripts/${id('6', 1)}`)).body).not.toHaveProperty('content');
    expect((await send('POST', `${BIN}/scripts/${id('6', 1)}`)).status).toBe(204);
    expect((await get(`/v1/scripts/${id('6', 1)}`)).body).toHaveProperty('content', script(1).content);
  });

  it('brings a connection back with its id, its secrets and its place', async () => {
    const { send, emulator } = await start({ seed: withConnection() });

    await send('DELETE', `/v1/connections/${id('2', 1)}`);
    const during = emulator.state.get('integrations', id('1', 1))?._registeredConnectionIds;
    const answer = await send('POST', CONNECTION, {});

    expect(during).toEqual([]);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(emulator.state.get('connections', id('2', 1))).toMatchObject({
      http: { auth: { token: { token: 'secret-1' } } },
    });
    expect(emulator.state.get('integrations', id('1', 1))?._registeredConnectionIds).toEqual([id('2', 1)]);
    expect(emulator.state.bin()).toEqual([]);
  });

  it('leaves parts of an Integration App to the app', async () => {
    const app = { _connectorId: id('a', 1) };
    const { send, emulator } = await start({ seed: account({ scripts: [script(1), script(2, app)] }) });

    expect((await send('DELETE', `/v1/scripts/${id('6', 2)}`)).status).toBe(403);
    await send('DELETE', `/v1/scripts/${id('6', 1)}`);
    emulator.state.touch('scripts', id('6', 1), app);
    expect((await send('POST', `${BIN}/scripts/${id('6', 1)}`)).status).toBe(403);
    expect((await send('POST', `${BIN}/scripts/${id('6', 1)}/doCascadeRestore`)).status).toBe(403);
  });

  it('gives a storage item back by a call of its own', async () => {
    const { send, get } = await start({ seed: account({ storageitems: [doc(id('d', 1), 'a.csv')] }) });
    const item = `/v1/storage/items/${id('d', 1)}`;
    await send('DELETE', item);

    expect((await get(item)).status).toBe(404);
    expect((await get(`${BIN}/storageitems`)).status).toBe(403);
    expect((await send('POST', `${item}/restore`)).status).toBe(204);
    expect((await get(item)).status).toBe(200);
    expect((await send('POST', `${item}/restore`)).status).toBe(404);
  });

  it('purges permanently, manually or after 30 days', async () => {
    const { send, get, time } = await start({ seed: account({ scripts: [script(1), script(2)] }) });
    await send('DELETE', `/v1/scripts/${id('6', 1)}`);
    await send('DELETE', `/v1/scripts/${id('6', 2)}`);

    expect((await send('DELETE', `${BIN}/scripts/${id('6', 1)}`)).status).toBe(204);
    expect(idsOf(await get(`${BIN}/scripts`))).toEqual([id('6', 2)]);
    time.advance(31 * 86_400);
    expect((await get(`${BIN}/scripts`)).status).toBe(204);
    expect((await send('POST', `${BIN}/scripts/${id('6', 2)}`, {})).status).toBe(404);
  });

  it('loses the entries of a lookup cache, unless configured otherwise', async () => {
    const seed = account(
      { lookupcaches: [doc(id('c', 1), 'Cache')] },
      { lookupData: { [id('c', 1)]: [{ key: 'a', value: 1 }] } },
    );
    const loses = await start({ seed });
    const keeps = await start({ seed, binKeepsLookupData: true });

    for (const { send } of [loses, keeps]) {
      await send('DELETE', `/v1/lookupcaches/${id('c', 1)}`);
      await send('POST', `${BIN}/lookupcaches/${id('c', 1)}/doCascadeRestore`, {});
    }

    expect(loses.emulator.state.lookupData(id('c', 1))).toEqual([]);
    expect(keeps.emulator.state.lookupData(id('c', 1))).toEqual([{ key: 'a', value: 1 }]);
  });

  it('marks a deleted EDI profile, and takes the mark off again', async () => {
    const { send, get } = await start({
      seed: account({ ediprofiles: [doc(id('e', 1), 'P', { fileType: 'edix12' })] }),
    });
    await send('DELETE', `/v1/ediprofiles/${id('e', 1)}`);

    const [entry] = (await get(`${BIN}/ediprofiles`)).body as JsonObject[];
    await send('POST', `${BIN}/ediprofiles/${id('e', 1)}`, {});

    expect(entry).toHaveProperty('deletedAt');
    expect((await get(`/v1/ediprofiles/${id('e', 1)}`)).body).not.toHaveProperty('deletedAt');
  });
});

const [INTEGRATION, FLOW, OTHER] = [`integrations/${id('1', 1)}`, `flows/${id('5', 1)}`, `flows/${id('5', 2)}`];
const [EXPORT, STATUS, IMPORT] = [`exports/${id('3', 1)}`, `exports/${id('3', 2)}`, `imports/${id('4', 1)}`];
const [HELPER, SCRIPT, FILES] = [
  `asynchelpers/${id('b', 1)}`,
  `scripts/${id('6', 1)}`,
  `filedefinitions/${id('9', 1)}`,
];
const [BASE, WAITING, AGENT] = [`connections/${id('2', 1)}`, `connections/${id('2', 2)}`, `agents/${id('7', 1)}`];

/** A shop in which everything can be used that comes back with something. */
function deepShop() {
  const used = {
    hooks: { postSubmit: { function: 'f', _scriptId: id('6', 1) } },
    http: { _asyncHelperId: id('b', 1) },
  };
  const files = { file: { fileDefinition: { _fileDefinitionId: id('9', 1) } } };
  return account({
    integrations: [integration(1)],
    flows: [flow(1), flow(2, { pageProcessors: [] })],
    exports: [exportDoc(1, files), exportDoc(2, { _connectionId: id('2', 2) })],
    imports: [importDoc(1, used)],
    asynchelpers: [doc(id('b', 1), 'Helper', { http: { status: { _exportId: id('3', 2) } } })],
    scripts: [script(1)],
    filedefinitions: [doc(id('9', 1), 'Fixed')],
    agents: [doc(id('7', 1), 'Agent')],
    connections: [connection(1), connection(2, { _agentId: id('7', 1) })],
  });
}

/** Everything in the order in which the account lets it go. */
const ORDER = [FLOW, OTHER, INTEGRATION, IMPORT, EXPORT, HELPER, STATUS, BASE, WAITING, AGENT, SCRIPT, FILES];

async function emptied() {
  const world = await start({ seed: deepShop() });
  for (const key of ORDER) expect((await world.send('DELETE', `/v1/${key}`)).status, key).toBe(204);
  return {
    ...world,
    back: () => ORDER.filter((key) => world.emulator.state.get(...(key.split('/') as [string, string]))).sort(),
  };
}

describe('a cascading restore', () => {
  it.each([
    [FLOW, [INTEGRATION, FLOW, EXPORT, FILES, BASE, IMPORT, HELPER, STATUS, WAITING, AGENT, SCRIPT]],
    [OTHER, [INTEGRATION, OTHER, EXPORT, FILES, BASE]],
    [IMPORT, [IMPORT, BASE, HELPER, STATUS, WAITING, AGENT, SCRIPT]],
    [EXPORT, [EXPORT, FILES, BASE]],
    [HELPER, [HELPER, STATUS, WAITING, AGENT]],
    [WAITING, [WAITING, AGENT]],
    [SCRIPT, [SCRIPT]],
    // What is filed in a group comes back with it.
    [INTEGRATION, ORDER],
  ])('of %s brings back what it uses, and nothing that uses it', async (key, expected) => {
    const { send, back } = await emptied();

    const answer = await send('POST', `${BIN}/${key}/doCascadeRestore`);

    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(back()).toEqual([...expected].sort());
  });

  it('is not needed where what it uses is back', async () => {
    const { send, back } = await emptied();
    const refused = await send('POST', `${BIN}/${HELPER}`);
    for (const key of [...ORDER].reverse()) expect((await send('POST', `${BIN}/${key}`)).status, key).toBe(204);

    const { errors } = refused.body as { errors: { code: string; message: string }[] };
    expect(refused.status).toBe(422);
    expect(errors.map(({ code }) => code)).toEqual(Array(3).fill('descendants_not_restored'));
    for (const [i, key] of [STATUS, WAITING, AGENT].entries()) expect(errors[i]?.message).toContain(key.split('/')[1]);
    expect(back()).toEqual([...ORDER].sort());
  });

  it('brings back circles, which cannot come back one by one', async () => {
    const { send, emulator } = await start({
      seed: account({ ...smallShop(), flows: [flow(1, { _runNextFlowIds: [id('5', 2)] }), flow(2)] }),
    });
    await send('DELETE', `/v1/${FLOW}`);
    await send('DELETE', `/v1/${OTHER}`);
    emulator.state.touch('flows', id('5', 2), { _runNextFlowIds: [id('5', 1)] });

    expect((await send('POST', `${BIN}/${FLOW}`)).status).toBe(422);
    expect((await send('POST', `${BIN}/${OTHER}`)).status).toBe(422);
    expect((await send('POST', `${BIN}/${OTHER}/doCascadeRestore`)).status).toBe(204);
    expect(emulator.state.count('flows')).toBe(2);
  });
});

describe('deleting what is in use', () => {
  it.each([
    [BASE, [EXPORT, IMPORT, FLOW, OTHER]],
    [WAITING, [STATUS, HELPER, IMPORT, FLOW]],
    [SCRIPT, [IMPORT, FLOW]],
    [INTEGRATION, [FLOW, OTHER]],
    [FILES, [EXPORT, FLOW, OTHER]],
  ])('is refused with an error for everything that needs %s', async (key, users) => {
    const { send, emulator } = await start({ seed: deepShop() });
    const before = emulator.state.dump();

    const answer = await send('DELETE', `/v1/${key}`);

    const { errors } = answer.body as { errors: { code: string; message: string }[] };
    expect(answer.status).toBe(422);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['dependencies_not_deleted']));
    expect(errors.map(({ message }) => message.split(' ').find((word) => /^66a/.test(word))).sort()).toEqual(
      users.map((user) => user.split('/')[1]).sort(),
    );
    expect(emulator.state.dump()).toEqual(before);
  });

  it('keeps a network policy that is assigned to a token', async () => {
    const policy = doc(id('9', 1), 'Office');
    const token = doc(id('8', 1), 'CI', { fullAccess: true, _networkPolicyId: policy._id ?? '' });
    const { send } = await start({ seed: account({ networkpolicies: [policy], accesstokens: [token] }) });

    expect((await send('DELETE', `/v1/networkpolicies/${String(policy._id)}`)).status).toBe(422);
  });

  it('takes a flow that only a binned flow runs next', async () => {
    const { send } = await start({
      seed: account({ ...smallShop(), flows: [flow(1), flow(2, { _runNextFlowIds: [id('5', 1)] })] }),
    });

    expect((await send('DELETE', `/v1/${FLOW}`)).status).toBe(422);
    expect((await send('DELETE', `/v1/${OTHER}`)).status).toBe(204);
    expect((await send('DELETE', `/v1/${FLOW}`)).status).toBe(204);
  });

  it('keeps a script that the form of a flow group runs', async () => {
    const init = { function: 'f1', _scriptId: id('6', 1) };
    const { send } = await start({
      seed: account({
        scripts: [script(1)],
        integrations: [integration(1, { flowGroupings: [{ _id: id('e', 1), settingsForm: { init } }] })],
      }),
    });

    expect((await send('DELETE', `/v1/${SCRIPT}`)).status).toBe(422);
  });

  it('is explained by the list of dependencies', async () => {
    const { get } = await start({ seed: deepShop() });

    expect((await get(`/v1/${EXPORT}/dependencies`)).body).toEqual({
      flows: [1, 2].map((n) => ({
        ...{ id: id('5', n), name: `Flow ${n}` },
        ...{ paths: ['pageGenerators[0]._exportId'], accessLevel: 'owner' },
      })),
      integrations: [{ id: id('1', 1), name: 'Integration 1', paths: [], accessLevel: 'owner' }],
    });
    expect((await get(`/v1/${FILES}/dependencies`)).body).toMatchObject({
      exports: [{ id: id('3', 1), paths: ['file.fileDefinition._fileDefinitionId'] }],
      flows: [{ paths: [] }, { paths: [] }],
    });
  });
});
