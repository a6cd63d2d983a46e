import { describe, expect, it } from 'vitest';
import { settersOf } from '../../src/audit/blame.ts';
import type { Entry } from '../../src/audit/trail.ts';
import type { Person } from '../../src/core/changes.ts';
import type { Place } from '../../src/core/places.ts';
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

  it('says that one of several people set a field, or which one, where the audit feed has it', async () => {
    let clock = Date.now();
    const account = await sample({ now: () => new Date(clock) });
    const [owner, editor] = [account.owner, account.person('administrator')];
    const later = (auditFeed: boolean): string => `? ${auditFeed ? 3 : 2} * ? * *`;
    const named = async (auditFeed: boolean): Promise<Record<string, string>> => {
      const space = new Workspace({ prod: { baseUrl: account.url, token: owner.token, auditFeed } });
      await space.mirrored();
      // What is of the same second as the first listing may be from before it.
      clock += 60_000;
      account.emulator.act(owner.token).set('flows', FLOW, { description: `${auditFeed}`, schedule: '? 1 * ? * *' });
      account.emulator
        .act(editor.token)
        .set('flows', FLOW, { 'settings.a': `${auditFeed}`, schedule: later(auditFeed) });
      await space.sync();
      const { out } = await space.run('blame', FLOW);
      const field = (place: string): string => new RegExp(`\\w{10}  (.*?) +${place}: `).exec(out)?.[1] ?? out;
      return { description: field('description'), settings: field('settings.a'), schedule: field('schedule') };
    };

    const one = `one of ${editor.name}, ${owner.name}`;
    expect(await named(false)).toEqual({ description: one, settings: one, schedule: one });
    expect(await named(true)).toEqual({ description: owner.name, settings: editor.name, schedule: editor.name });
  });

  it.each<[name: string, place: Place, edits: readonly [by: string, ...fields: string[]][], setters: string[]]>([
    ['no feed', ['a'], [], ['bo', 'al']],
    [
      'the last one of several',
      ['a'],
      [
        ['bo', 'a'],
        ['al', 'a'],
      ],
      ['al'],
    ],
    [
      'a block that one of them changed',
      ['a', 'b'],
      [
        ['bo', 'x'],
        ['al', 'a'],
      ],
      ['al'],
    ],
    [
      'a block that both changed',
      ['a', 'b'],
      [
        ['bo', 'a'],
        ['al', 'a'],
      ],
      ['bo', 'al'],
    ],
    [
      'the field, and then its block',
      ['a', 'b'],
      [
        ['bo', 'a.b'],
        ['al', 'a'],
      ],
      ['bo', 'al'],
    ],
    [
      'its block, and then the field',
      ['a', 'b'],
      [
        ['bo', 'a'],
        ['al', 'a.b'],
      ],
      ['al'],
    ],
    ['another field', ['a'], [['bo', 'ab']], ['bo', 'al']],
    ['someone whom the commit does not name', ['a'], [['eve', 'a']], ['bo', 'al']],
  ])('finds who set a field: %s', (_name, place, edits, setters) => {
    const person = (name: string): Person => ({ name, email: name });
    const time = new Date('2026-11-23T10:00:00Z');
    const entry = { by: person('bo'), also: [person('al')], time } as unknown as Entry;
    const feed = edits.map(([by, ...fields]) => ({ by: person(by), fields, time }));

    expect(settersOf({ place, value: 1, entry }, [entry], feed).map(({ name }) => name)).toEqual(setters);
  });

  it('wants one resource', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();

    expect((await space.run('blame', 'flows')).err).toContain('flows matches 24 resources');
    expect((await space.run('blame', 'flows/nothing')).code).toBe(64);
  });
});
