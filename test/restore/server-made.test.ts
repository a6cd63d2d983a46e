import { expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import type { Workspace } from '../support/workspace.ts';
import { doc, expectCode, head, mirrored, plain, said, writes } from './support.ts';

/** An HTTP connection of the account, as it was before the limits or under another licence, and without credentials. */
async function limited(level: number): Promise<{ test: TestAccount; space: Workspace; id: string; at: string }> {
  const test = await sample();
  const { emulator } = test;
  const connection = emulator.state
    .all('connections')
    .find(({ type, _connectorId }) => type === 'http' && _connectorId === undefined);
  const id = String(connection?._id);
  emulator.state.touch('connections', id, {
    http: { baseURI: 'https://shop.example.test', formType: 'http', concurrencyLevel: level },
  });
  const space = await mirrored(test);
  expect(plain(space, emulator, 'connections')).toContain(id);
  const at = head(space);
  emulator.act(test.owner.email).set('connections', id, { 'http.concurrencyLevel': 5 });
  await space.sync();
  return { test, space, id, at };
}

it.each([
  [99, 'a number that no licence allows'],
  [40, 'a number that another licence allowed'],
])(
  'concurrencyLevel %i, %s, comes back as what the server makes of it, is reported, and is done',
  { tags: 'slow' },
  async (level) => {
    const { test, space, id, at } = await limited(level);
    const { emulator } = test;

    const outcome = await space.run('restore', `connections/${id}`, '--at', at, '--yes');

    expectCode(outcome, 0);
    expect(said(outcome)).toContain(`the server changed http.concurrencyLevel from ${level} to 25`);
    expect(doc(emulator, 'connections', id)).toMatchObject({ http: { concurrencyLevel: 25 } });
    emulator.clearRequests();
    const again = await space.run('restore', `connections/${id}`, '--at', at, '--yes');
    expectCode(again, 0);
    expect(writes(emulator)).toEqual([]);
  },
);

it('what the server made of a write is reported by the next plan, tried again with --force, put back when it changes', {
  tags: 'slow',
}, async () => {
  const { test, space, id, at } = await limited(40);
  const { emulator } = test;
  await space.run('restore', `connections/${id}`, '--at', at, '--yes');

  const again = await space.run('restore', `connections/${id}`, '--at', at, '--dry-run');
  expectCode(again, 0);
  expect(said(again)).toContain('stays as the server made it when it was last written');

  emulator.clearRequests();
  await space.run('restore', `connections/${id}`, '--at', at, '--yes', '--force');
  expect(writes(emulator)).toHaveLength(1);

  emulator.act(test.owner.email).set('connections', id, { 'http.concurrencyLevel': 10 });
  await space.sync();
  await space.run('restore', `connections/${id}`, '--at', at, '--yes');
  expect(doc(emulator, 'connections', id)).toMatchObject({ http: { concurrencyLevel: 25 } });
});

it('what the server adds to a write is not restored away, and a later change of it is', { tags: 'slow' }, async () => {
  const test = await sample();
  const { emulator } = test;
  const found = emulator.state.all('connections').find(({ ftp, _connectorId }) => ftp && _connectorId === undefined);
  const id = String(found?._id);
  // Real FTP connections have no port; a write fills it in.
  emulator.state.touch('connections', id, {
    pgp: undefined,
    ftp: { type: 'sftp', hostURI: 'sftp.example.test', username: 'shop' },
  });
  const space = await mirrored(test);
  expect(plain(space, emulator, 'connections')).toContain(id);
  const at = head(space);
  emulator.state.touch('connections', id, { ftp: { type: 'sftp', hostURI: 'wrong.example.test', username: 'shop' } });
  await space.sync();

  expectCode(await space.run('restore', `connections/${id}`, '--at', at, '--yes', '--allow-target-change'), 0);
  expect(doc(emulator, 'connections', id)).toMatchObject({ ftp: { hostURI: 'sftp.example.test', port: 22 } });

  emulator.clearRequests();
  expectCode(await space.run('restore', `connections/${id}`, '--at', at, '--yes'), 0);
  expect(writes(emulator)).toEqual([]);

  emulator.act(test.owner.email).set('connections', id, { 'ftp.port': 2222 });
  await space.sync();
  expectCode(await space.run('restore', `connections/${id}`, '--at', at, '--yes', '--allow-target-change'), 0);
  expect(doc(emulator, 'connections', id)).toMatchObject({ ftp: { port: 22 } });
});

// A removal is the hardest to see: what is there and was not asked for may be an addition of the server's.
eachOf<[string, number, (wanted: JsonObject) => Json | undefined]>(
  [
    ['nothing', 204, () => undefined],
    ['errors', 200, () => ({ errors: [{ code: 'x', message: 'no' }] })],
    ['the document as it was asked for', 200, (wanted) => wanted],
  ],
  { quick: 1 },
)('a write that does nothing, answered with %s, is not done, and is tried again', async (_, status, answer) => {
  const test = await sample();
  const { emulator } = test;
  const [flow] = emulator.state.all('flows').filter(({ description, disabled }) => !description && !disabled);
  const id = String(flow?._id);
  const space = await mirrored(test);
  const at = head(space);
  emulator.act(test.person('administrator').token).set('flows', id, { description: 'bad' });
  await space.sync();
  const body = answer({ ...flow });
  emulator.faults.add({
    match: { method: 'PUT', path: '/v1/flows/' },
    times: 'always',
    fault: { kind: 'body', status, ...(body === undefined ? { body: '' } : { body }) },
  });

  for (const attempt of ['first', 'second']) {
    const outcome = await space.run('restore', `flows/${id}`, '--at', at, '--yes');
    expectCode(outcome, 3);
    expect(said(outcome), attempt).toMatch(/differs.*description/);
  }
  emulator.faults.clear();
  expectCode(await space.run('restore', `flows/${id}`, '--at', at, '--yes'), 0);
  expect(doc(emulator, 'flows', id)).not.toHaveProperty('description');
});

it('a deletion that is answered with success and does nothing is not done', { tags: 'slow' }, async () => {
  const test = await sample();
  const { emulator } = test;
  const space = await mirrored(test);
  const at = head(space);
  const made = emulator.act(test.owner.email).create('scripts', { name: 'New', content: '//' });
  await space.sync();
  emulator.faults.add({ match: { method: 'DELETE' }, times: 1, fault: { kind: 'body', status: 204, body: '' } });

  const outcome = await space.run('restore', 'all', '--at', at, '--prune', '--yes');
  expectCode(outcome, 3);
  expect(said(outcome)).toMatch(/differs.*"New": it is still there/);
  expectCode(await space.run('restore', 'all', '--at', at, '--prune', '--yes'), 0);
  expect(emulator.state.get('scripts', String(made._id))).toBeUndefined();
});
