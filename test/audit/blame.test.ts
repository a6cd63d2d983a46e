import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';

interface BlameJson {
  readonly type: string;
  readonly id: string;
  readonly fields: readonly {
    readonly place: string;
    readonly value: unknown;
    readonly by: { readonly email: string };
    readonly baseline: boolean;
  }[];
}

describe('blame', () => {
  it('names the last person of each field, through a rename, and no one for what was there before', async () => {
    const account = await sample();
    const [owner, editor] = [account.owner, account.person('administrator')];
    const space = new Workspace({ prod: { baseUrl: account.url, token: owner.token } });
    await space.mirrored();
    account.emulator.act(owner.token).set('flows', FLOW, { description: 'by the owner', schedule: '? 1 * ? * *' });
    await space.sync();
    account.emulator.act(editor.token).set('flows', FLOW, { name: 'Renamed orders', schedule: '? 2 * ? * *' });
    await space.sync();

    const { code, out } = await space.run('blame', 'flows/Renamed orders', '--json');

    expect(code).toBe(0);
    const { type, id, fields } = JSON.parse(out) as BlameJson;
    expect([type, id]).toEqual(['flows', FLOW]);
    const of = (place: string): string => {
      const field = fields.find((each) => each.place === place);
      return field?.baseline ? 'first listing' : (field?.by.email ?? 'no such field');
    };
    expect(of('description')).toBe(owner.email);
    expect(of('schedule')).toBe(editor.email);
    expect(of('name')).toBe(editor.email);
    expect(of('_id')).toBe('first listing');
  });

  it('follows the elements of a list when one is put in before them', async () => {
    const account = await sample();
    const [owner, editor] = [account.owner, account.person('administrator')];
    const space = new Workspace({ prod: { baseUrl: account.url, token: owner.token } });
    await space.mirrored();
    const list = (...names: string[]) => ({ settings: { steps: names.map((name) => ({ name })) } });
    account.emulator.act(owner.token).set('flows', FLOW, list('second', 'third'));
    await space.sync();
    account.emulator.act(editor.token).set('flows', FLOW, list('first', 'second', 'third, changed'));
    await space.sync();

    const { out } = await space.run('blame', FLOW, '--json');

    const { fields } = JSON.parse(out) as BlameJson;
    const steps = fields.filter(({ place }) => place.startsWith('settings.steps'));
    expect(steps.map(({ value, by }) => [value, by.email])).toEqual([
      ['first', editor.email],
      ['second', owner.email],
      ['third, changed', editor.email],
    ]);
    const { out: text } = await space.run('blame', FLOW);
    expect(text).toContain(`${editor.name}`);
    expect(text).toContain('(first listing)');
  });

  it('wants one resource', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();

    expect((await space.run('blame', 'flows')).err).toContain('flows matches 24 resources');
    expect((await space.run('blame', 'flows/nothing')).code).toBe(64);
  });
});
