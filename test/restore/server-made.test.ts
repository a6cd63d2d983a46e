import { expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { doc, expectCode, head, mirrored, plain, said, writes } from './support.ts';

it.each([
  [99, 'a number that no licence allows'],
  [40, 'a number that another licence allowed'],
])('concurrencyLevel %i, %s, comes back as what the server makes of it, and is reported', async (level) => {
  const test = await sample();
  const { emulator } = test;
  const connection = emulator.state
    .all('connections')
    .find(({ type, _connectorId }) => type === 'http' && _connectorId === undefined);
  const id = String(connection?._id);
  // As it was before the limits, or before the licence was another one; and without credentials, so that it can be written.
  emulator.state.touch('connections', id, {
    http: { baseURI: 'https://shop.example.test', formType: 'http', concurrencyLevel: level },
  });
  const space = await mirrored(test);
  expect(plain(space, emulator, 'connections')).toContain(id);
  const at = head(space);
  emulator.act(test.owner.email).set('connections', id, { 'http.concurrencyLevel': 5 });
  await space.sync();

  const outcome = await space.run('restore', `connections/${id}`, '--at', at, '--yes');

  expectCode(outcome, 0);
  expect(said(outcome)).toContain(`the server changed http.concurrencyLevel from ${level} to 25`);
  expect(doc(emulator, 'connections', id)).toMatchObject({ http: { concurrencyLevel: 25 } });
  // What another licence may allow is tried again each time; what none does is not.
  if (level <= 50) return;
  emulator.clearRequests();
  const again = await space.run('restore', `connections/${id}`, '--at', at, '--yes');
  expectCode(again, 0);
  expect(writes(emulator)).toEqual([]);
});
