import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import type { Workspace } from '../support/workspace.ts';
import { danglingIn, doc, expectCode, expectNoMask, head, mirrored, plain, writes } from './support.ts';

/** Whether nothing else in the account names this id. */
function isFree({ emulator }: TestAccount, id: string): boolean {
  const { resources } = emulator.state.dump();
  return !Object.values(resources)
    .flat()
    .some((stored) => stored._id !== id && JSON.stringify(stored).includes(id));
}

/** A flow that nothing names, with an import that nothing else uses and that can be made anew. */
function pair(test: TestAccount, space: Workspace): { flow: string; id: string } {
  const { emulator } = test;
  const flows = plain(space, emulator, 'flows', ({ _id }) => isFree(test, _id));
  for (const id of plain(space, emulator, 'imports', ({ adaptorType }) => adaptorType === 'HTTPImport')) {
    const [user, ...others] = ['flows', 'tools', 'apis', 'exports', 'imports']
      .flatMap((dir) => emulator.state.all(dir))
      .filter(({ _id }) => _id !== id)
      .filter((stored) => JSON.stringify(stored).includes(id));
    if (others.length === 0 && flows.includes(String(user?._id))) return { flow: String(user?._id), id };
  }
  throw new Error('the sample account has no such pair');
}

async function purge(test: TestAccount, dir: string, id: string): Promise<void> {
  await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/${dir}/${id}`);
}

describe('what comes from the recycle bin and refers to what was purged', () => {
  it('points at the new id when it is back', { tags: 'slow' }, async () => {
    const test = await sample();
    const { emulator } = test;
    const space = await mirrored(test);
    const at = head(space);
    const dangling = danglingIn(emulator).length;
    const { flow, id } = pair(test, space);
    const acting = emulator.act(test.owner.email);
    acting.remove('flows', flow);
    acting.remove('imports', id);
    await purge(test, 'imports', id);

    const outcome = await space.run('restore', 'all', '--at', at, '--yes', '--json');

    expectCode(outcome, 0);
    const { newIds } = JSON.parse(outcome.out) as { newIds: Record<string, string> };
    const made = newIds[`imports/${id}`] ?? '';
    expect(made).toMatch(/^[0-9a-f]{24}$/);
    expect(JSON.stringify(doc(emulator, 'flows', flow))).toContain(made);
    expect(danglingIn(emulator)).toHaveLength(dangling);
    emulator.clearRequests();
    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 0);
    expect(writes(emulator)).toEqual([]);
    expectNoMask(emulator);
  });

  it('points at the new id also when both refer to each other', { tags: 'slow' }, async () => {
    const test = await sample();
    const { emulator } = test;
    const acting = emulator.act(test.owner.email);
    const [one = '', other = ''] = emulator.state
      .all('flows')
      .filter(({ _connectorId, _abstractFlowId, isAbstract, _runNextFlowIds }) =>
        [_connectorId, _abstractFlowId, isAbstract, _runNextFlowIds].every((held) => held === undefined),
      )
      .map(({ _id }) => String(_id))
      .filter((id) => isFree(test, id));
    acting.set('flows', one, { _runNextFlowIds: [other] });
    acting.set('flows', other, { _runNextFlowIds: [one] });
    const space = await mirrored(test);
    const at = head(space);
    const dangling = danglingIn(emulator).length;
    // Nobody can delete what is still named; in the bin the first one names the second all the same.
    acting.set('flows', other, { _runNextFlowIds: undefined });
    acting.remove('flows', one);
    acting.remove('flows', other);
    await purge(test, 'flows', other);

    const outcome = await space.run('restore', 'all', '--at', at, '--yes', '--json');

    expectCode(outcome, 0);
    const { newIds } = JSON.parse(outcome.out) as { newIds: Record<string, string> };
    const made = newIds[`flows/${other}`] ?? '';
    expect(doc(emulator, 'flows', one)._runNextFlowIds).toEqual([made]);
    expect(doc(emulator, 'flows', made)._runNextFlowIds).toEqual([one]);
    expect(danglingIn(emulator)).toHaveLength(dangling);
    emulator.clearRequests();
    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 0);
    expect(writes(emulator)).toEqual([]);
  });
});
