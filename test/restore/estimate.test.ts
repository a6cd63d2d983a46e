import { describe, expect, it } from 'vitest';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';
import { expectCode } from './support.ts';

interface Report {
  readonly requests: number;
  readonly time?: { readonly requests: number };
}

describe('the estimated time of a restore', () => {
  it('is in each form of the plan, and near what the restore then takes', { tags: 'slow' }, async () => {
    const account = await sample();
    const empty = await sample({ seed: emptyAccount() });
    const space = new Workspace({
      prod: { baseUrl: account.url, token: account.owner.token },
      copy: { baseUrl: empty.url, token: empty.owner.token },
    });
    await space.sync();
    const into = ['restore', 'all', '--account', 'prod', '--to', 'copy'];

    const { out } = await space.run(...into, '--dry-run');
    expect(out).toMatch(/\n {2}takes about \d+ seconds \(\d+ requests\) and \d+ credentials\n/);
    const planned = JSON.parse((await space.run(...into, '--dry-run', '--json')).out) as Report;
    const restored = await space.run(...into, '--yes', '--json');

    expectCode(restored, 0, 3);
    const { requests } = JSON.parse(restored.out) as Report;
    // The report counts the reading for its plan, too.
    const left = requests - planned.requests;
    const estimated = planned.time?.requests ?? 0;
    expect(Math.abs(estimated - left) / left, `${estimated} estimated, ${left} made`).toBeLessThan(0.25);
    const again = JSON.parse((await space.run(...into, '--dry-run', '--json')).out) as Report & { verdict: string };
    if (again.verdict === 'unchanged') expect(again.time).toBeUndefined();
  });
});
