import { describe, expect, it } from 'vitest';
import { readTrail } from '../../src/audit/trail.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { type Outcome, Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';

interface LogEntry {
  readonly time: string;
  readonly by: { readonly name: string; readonly email: string };
  readonly also: readonly { readonly email: string }[];
  readonly what: string;
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly sources: readonly string[];
  readonly sureness: string;
  readonly baseline: boolean;
  readonly changes?: readonly {
    readonly place: string;
    readonly before?: unknown;
    readonly after?: unknown;
  }[];
}

async function begin(): Promise<{ account: TestAccount; space: Workspace }> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.sync();
  return { account, space };
}

async function entries(space: Workspace, ...args: string[]): Promise<LogEntry[]> {
  const outcome: Outcome = await space.run('log', ...args, '--json');
  expect(outcome.code, outcome.err).toBe(0);
  return (JSON.parse(outcome.out) as { entries: LogEntry[] }).entries;
}

const second = (time: string): string => `${time.slice(0, 19)}Z`;

describe('log', () => {
  it('gives each change to its person and time, as the audit log of the account knows them', async () => {
    const { account, space } = await begin();
    const people = [account.owner, account.person('administrator'), account.person('administrator', 1)];
    const flows = account.emulator.state.all('flows').map(({ _id }) => String(_id));
    const known = account.emulator.state.audit().length;

    for (let round = 0; round < 9; round++) {
      const person = people[round % people.length] ?? account.owner;
      account.emulator
        .act(person.token)
        .set('flows', flows[round % 4] ?? '', { description: `edit ${round} of a month` });
      if (round % 3 === 2) await space.sync();
    }

    const record = account.emulator.state.audit().slice(known);
    const told = (await entries(space)).filter(({ baseline }) => !baseline);
    // Several edits of one resource between two runs are one change: its newest, with everybody named.
    for (const entry of told) {
      const own = record.filter(
        ({ _resourceId, time }) => _resourceId === entry.id && second(time) === second(entry.time),
      );
      expect(own.map(({ byUser }) => byUser.email)).toContain(entry.by.email);
    }
    expect(told.length).toBe(9);
    expect(told.every(({ what, sureness }) => what === 'changed' && sureness === 'audit')).toBe(true);
  });

  it('follows a resource through renames, deletion and return, by any of its names', async () => {
    const { account, space } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const [first] = account.emulator.state.all('scripts');
    const made = (await account.call(account.owner, 'POST', '/v1/scripts', {
      name: 'Before the rename',
      content: 'function a() {}',
    })) as JsonObject;
    const id = String(made._id);
    await space.sync();
    owner.set('scripts', id, { name: 'After the rename' });
    await space.sync();
    owner.remove('scripts', id);
    await space.sync();
    owner.restore('scripts', id);
    await space.sync();

    for (const what of [id, `scripts/${id}`, 'scripts/Before the rename', 'scripts/After the rename']) {
      const story = await entries(space, what);
      expect(
        story.map((entry) => entry.what),
        what,
      ).toEqual(['restored', 'deleted', 'renamed', 'added']);
      expect(story.every((entry) => entry.id === id)).toBe(true);
    }
    expect((await entries(space, 'scripts/Before the rename')).at(-1)?.sources).toEqual(['api']);
    expect((await entries(space, `scripts/${String(first?._id)}`)).length).toBe(1);
  });

  it('finds by field, text, person and time', async () => {
    const { account, space } = await begin();
    const editor = account.person('administrator');
    const start = new Date().toISOString();
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'wanted: Blåbær' });
    await space.sync();
    account.emulator.act(editor.token).set('flows', FLOW, { schedule: '? 7 3 ? * *' });
    await space.sync();

    const byField = await entries(space, '--field', 'schedule', '--since', start);
    expect(byField.map(({ id, by }) => [id, by.email])).toEqual([[FLOW, editor.email]]);
    expect(byField[0]?.changes).toEqual([
      { place: 'schedule', before: expect.anything(), after: '? 7 3 ? * *' },
    ]);
    const byText = await entries(space, '--grep', 'BLÅBÆR');
    expect(byText.map(({ by }) => by.email)).toEqual([account.owner.email]);
    const byPerson = await entries(space, '--by', editor.name.toLowerCase());
    expect(byPerson.map(({ by }) => by.email)).toEqual([editor.email]);
    const recent = await entries(space, '--since', start);
    expect(recent.filter(({ baseline }) => !baseline).length).toBe(2);
    expect((await entries(space, '--until', '2020-01-01')).length).toBe(0);
    expect((await entries(space, '--limit', '1')).length).toBe(1);
  });

  it('shows a table to people, with the first listing as one line', async () => {
    const { account, space } = await begin();
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'one\ntwo' });
    await space.sync();

    const { out } = await space.run('log', '--patch');

    expect(out).toContain(`${account.owner.name}`);
    expect(out).toMatch(/changed +flows\/678df75fc3a91b7e41300001/);
    expect(out).toContain('+ two');
    expect(out).toMatch(/found +\d+ resources, by the first listing/);
    expect(out.split('\n').length).toBeLessThan(20);
  });

  it('says what there never was, and what is no time or number', async () => {
    const { space } = await begin();

    const missing = await space.run('log', 'flows/There never was one');
    expect(missing.code).toBe(64);
    expect(missing.err).toContain('never had one with this id or name');
    expect((await space.run('log', 'flwos/x')).err).toContain('no resource type is called flwos');
    expect((await space.run('log', '--since', 'whenever')).err).toContain('--since: whenever is no time');
    expect((await space.run('log', '-n', '0')).code).toBe(64);
  });
});

describe('older commits', () => {
  it('say in one sentence that all their authors are guesses', () => {
    const id = '64f000000000000000000001';
    const commit = {
      id: 'c',
      author: { name: 'Ann', email: 'ann@x.test' },
      committer: 'mirror@x.test',
      authored: new Date(0),
      committed: new Date(0),
      message: `prod: 1 tool changed\n\n- changed: tools/x.${id}.yaml: X\n\nThe audit log does not tell of these changes: the author is the one who modified them last.\n\nCeligo-Account: prod\nCeligo-Run: r\n`,
      files: [{ path: `prod/tools/x.${id}.yaml`, after: 'a'.repeat(40) }],
    };
    expect(readTrail([commit], 'prod')).toMatchObject([{ id, sureness: 'lastModifiedBy', title: 'X' }]);
  });
});
