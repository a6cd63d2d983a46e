import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import type { Workspace } from '../support/workspace.ts';
import { danglingIn, doc, expectCode, expectNoMask, head, mirrored, plain, said, uproot, writes } from './support.ts';

/** An import without credentials that a flow names, and the flow. */
function used(test: TestAccount, space: Workspace): { id: string; flow: string } {
  const { emulator } = test;
  const flows = new Set(plain(space, emulator, 'flows'));
  for (const id of plain(space, emulator, 'imports', ({ adaptorType }) => adaptorType === 'HTTPImport')) {
    const flow = emulator.state
      .all('flows')
      .find((stored) => flows.has(String(stored._id)) && JSON.stringify(stored).includes(id));
    if (flow) return { id, flow: String(flow._id) };
  }
  throw new Error('the sample account has no such import');
}

function newIds(out: string): Record<string, string> {
  return (JSON.parse(out) as { newIds: Record<string, string> }).newIds;
}

async function quiet(space: Workspace, test: TestAccount, ...args: string[]): Promise<void> {
  test.emulator.clearRequests();
  const outcome = await space.run('restore', ...args, '--yes');
  expectCode(outcome, 0);
  expect(writes(test.emulator)).toEqual([]);
}

describe('a reference to what was created again', () => {
  it('that could not be written the first time is written by the next restore, from whichever state', {
    tags: 'slow',
  }, async () => {
    const test = await sample();
    const { emulator } = test;
    const space = await mirrored(test);
    const at = head(space);
    const dangling = danglingIn(emulator).length;
    const { id, flow } = used(test, space);
    await uproot(test, 'imports', id);
    expect(danglingIn(emulator).length).toBeGreaterThan(dangling);
    emulator.faults.add({
      match: { method: 'PUT', path: '/v1/flows/' },
      times: 'always',
      fault: { kind: 'status', status: 422, body: { errors: [{ code: 'x', message: 'not now' }] } },
    });
    const first = await space.run('restore', 'all', '--at', at, '--yes', '--json');
    expectCode(first, 3);
    const made = newIds(first.out)[`imports/${id}`] ?? '';
    // As long as it cannot be written, nobody says that it is done.
    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 3);
    expectCode(await space.run('restore', 'all', '--yes'), 3);
    emulator.faults.clear();

    const again = await space.run('restore', 'all', '--at', at, '--yes');

    expectCode(again, 0);
    expect(said(again)).toContain(`still refers to ${id}, which is ${made} now`);
    expect(JSON.stringify(doc(emulator, 'flows', flow))).toContain(made);
    expect(danglingIn(emulator)).toHaveLength(dangling);
    await quiet(space, test, 'all', '--at', at);
    await quiet(space, test, 'all');
    expect((await space.sync()).commits).toEqual([]);
    expectNoMask(emulator);
  });

  it('follows also when it was created a second time', { tags: 'slow' }, async () => {
    const test = await sample();
    const { emulator } = test;
    const space = await mirrored(test);
    const at = head(space);
    const dangling = danglingIn(emulator).length;
    const { id, flow } = used(test, space);
    await uproot(test, 'imports', id);
    const first = await space.run('restore', `imports/${id}`, '--at', at, '--yes', '--json');
    expectCode(first, 0);
    const second = newIds(first.out)[`imports/${id}`] ?? '';
    await uproot(test, 'imports', second);

    // The flow is not asked for: it names the second id, the state only knows the first.
    const outcome = await space.run('restore', `imports/${id}`, '--at', at, '--yes', '--json');

    expectCode(outcome, 0);
    const third = newIds(outcome.out)[`imports/${id}`] ?? '';
    expect([id, second]).not.toContain(third);
    expect(JSON.stringify(doc(emulator, 'flows', flow))).toContain(third);
    expect(danglingIn(emulator)).toHaveLength(dangling);
    // What still names the second one is brought along later as well.
    const before = doc(emulator, 'flows', flow);
    const text = JSON.stringify(before).replaceAll(third, second);
    const { _id, lastModified, ...old } = JSON.parse(text) as Record<string, never>;
    emulator.state.touch('flows', flow, old);
    await space.run('sync', '--full');
    expectCode(await space.run('restore', `imports/${id}`, '--at', at, '--yes'), 0);
    expect(JSON.stringify(doc(emulator, 'flows', flow))).toContain(third);
    await quiet(space, test, 'all', '--at', at);
  });
});

it('a script that an API runs is created again, and the API runs the new one: its echo is not sent back', {
  tags: 'slow',
}, async () => {
  const test = await sample();
  const { emulator } = test;
  const api = emulator.state.all('apis').find(({ type }) => type === 'script');
  const script = String(api?._scriptId);
  expect(script).toMatch(/^[0-9a-f]{24}$/);
  // An API of the old kind runs it too, and holds a password that nobody has: that one could not follow.
  const old = emulator.state.all('apis').find(({ type }) => type === undefined);
  const other = emulator.state.all('scripts').find(({ _id }) => _id !== script);
  emulator.act(test.owner.email).set('apis', String(old?._id), { _scriptId: String(other?._id) });
  const space = await mirrored(test);
  const at = head(space);
  const dangling = danglingIn(emulator).length;
  await uproot(test, 'scripts', script);

  const outcome = await space.run('restore', 'all', '--at', at, '--yes', '--json');

  expectCode(outcome, 0);
  const made = newIds(outcome.out)[`scripts/${script}`];
  expect(doc(emulator, 'apis', String(api?._id))).toMatchObject({ _scriptId: made, script: { _scriptId: made } });
  expect(danglingIn(emulator)).toHaveLength(dangling);
  await quiet(space, test, 'all', '--at', at);
});

it('a person who may use what was created again is not written: the plan says what to do manually', {
  tags: 'slow',
}, async () => {
  const test = await sample();
  const { emulator } = test;
  const space = await mirrored(test);
  const at = head(space);
  const share = emulator.state.all('ashares').find(({ mcpServerAccessLevel }) => mcpServerAccessLevel);
  const server = /[0-9a-f]{24}/.exec(JSON.stringify(share?.mcpServerAccessLevel))?.[0] ?? '';
  await uproot(test, 'mcpservers', server);
  emulator.clearRequests();

  const outcome = await space.run('restore', 'all', '--at', at, '--yes', '--json');

  expectCode(outcome, 0);
  expect(writes(emulator).filter((line) => line.includes('ashares'))).toEqual([]);
  const { steps, warnings } = JSON.parse(outcome.out) as {
    steps: { type: string; action: string }[];
    warnings: string[];
  };
  expect(steps.filter(({ type }) => type === 'ashares')).toMatchObject([{ action: 'impossible' }]);
  const warning = warnings.find((text) => text.includes(`ashares/${String(share?._id)}`));
  expect(warning).toContain(`mcpservers/${server}`);
  expect(warning).toContain('manually');
  expect(warning).toContain('mcpServerAccessLevel[0]._mcpServerId');
  await quiet(space, test, 'all', '--at', at);
});
