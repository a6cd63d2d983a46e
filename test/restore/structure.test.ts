import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { dismantle, expectCode, head, mirrored, type RestoreJson, said } from './support.ts';

describe('right-restore-structure', () => {
  it('a flow whose integration was purged is blocked, with the remedy', async () => {
    const test = await sample();
    const space = await mirrored(test);
    const at = head(space);
    const { emulator } = test;
    const integration = String(
      emulator.state.all('integrations').find(({ name }) => String(name).startsWith('Wholesale'))?._id,
    );
    const flow = String(emulator.state.all('flows').find((one) => one._integrationId === integration)?._id);
    dismantle(test, integration);
    for (const { type, doc } of emulator.state.bin())
      await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/${type}/${String(doc._id)}`);
    await space.sync('--allow-deletions');

    const outcome = await space.run('restore', `flows/${flow}`, '--at', at, '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toMatch(new RegExp(`blocked flows/${flow}`));
    expect(said(outcome)).toMatch(/--with-dependencies/);
    expect(emulator.state.get('flows', flow)).toBeUndefined();
  });

  it('where the writes of one type are forbidden, the rest is done', { tags: 'slow' }, async () => {
    const test = await sample();
    const space = await mirrored(test);
    const at = head(space);
    const { emulator } = test;
    const owner = emulator.act(test.owner.email);
    const flow = String(emulator.state.all('flows').find((one) => !one._connectorId)?._id);
    const script = String(emulator.state.all('scripts')[0]?._id);
    owner.set('flows', flow, { description: 'spoiled' });
    owner.set('scripts', script, { description: 'spoiled' });
    await space.sync();
    const fault = { kind: 'status', status: 403, body: { errors: [{ code: 'x', message: 'not yours' }] } } as const;
    for (const method of ['PUT', 'PATCH'])
      emulator.faults.add({ match: { method, path: '/v1/flows/*' }, times: 'always', fault });

    const outcome = await space.run('restore', 'all', '--at', at, '--yes', '--json');

    expectCode(outcome, 3);
    const { steps } = JSON.parse(outcome.out) as RestoreJson;
    expect(steps.filter(({ id }) => [flow, script].includes(id)).map(({ type, result }) => [type, result])).toEqual(
      expect.arrayContaining([
        ['flows', 'failed'],
        ['scripts', 'done'],
      ]),
    );
    expect(outcome.out).toContain('not yours');
    expect(emulator.state.get('scripts', script)?.description).not.toBe('spoiled');
  });

  it('names that were swapped, where the server wants them unique: each failure is named, or all is done', {
    tags: 'slow',
  }, async () => {
    const test = await sample();
    const space = await mirrored(test);
    const at = head(space);
    const { emulator } = test;
    const [one, other] = emulator.state.all('tools').map(({ _id, name }) => ({ id: String(_id), name: String(name) }));
    if (!one || !other) throw new Error('two tools are needed');
    const owner = emulator.act(test.owner.email);
    owner.set('tools', one.id, { name: 'aside' });
    owner.set('tools', other.id, { name: one.name });
    owner.set('tools', one.id, { name: other.name });
    await space.sync();

    const outcome = await space.run('restore', 'tools', '--at', at, '--yes', '--json');

    expectCode(outcome, 0, 3);
    const { steps } = JSON.parse(outcome.out) as RestoreJson;
    for (const { id, name } of [one, other]) {
      const step = steps.find((found) => found.id === id);
      const back = emulator.state.get('tools', id)?.name === name;
      expect([step?.result === 'done', step?.result === 'failed'], JSON.stringify(step)).toEqual([back, !back]);
    }
  });
});
