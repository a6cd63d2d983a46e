import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTrail } from '../../src/audit/trail.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { renderYaml } from '../../src/core/yaml.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { writeHistory } from '../support/history.ts';
import { bareRemote, cli, type Outcome, Workspace } from '../support/workspace.ts';

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
  readonly changes?: readonly { readonly place: string; readonly before?: unknown; readonly after?: unknown }[];
}

async function begin(): Promise<{ account: TestAccount; space: Workspace }> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  return { account, space };
}

async function entries(space: Workspace, ...args: string[]): Promise<LogEntry[]> {
  const outcome: Outcome = await space.run('log', ...args, '--json');
  expect(outcome.code, outcome.err).toBe(0);
  return (JSON.parse(outcome.out) as { entries: LogEntry[] }).entries;
}

const second = (time: string): string => `${time.slice(0, 19)}Z`;

describe('commits of people in the mirror', () => {
  /** Commits a README and an edit of a document on an earlier commit, and merges what the mirror did since. */
  function pullAsAPerson(space: Workspace, base: string, edited: string): void {
    const file = space.find(edited);
    space.git('checkout', '--quiet', '-b', 'theirs', base);
    writeFileSync(join(space.mirror, 'README.md'), 'ours\n');
    writeFileSync(join(space.mirror, file), space.read(file).replace(/^name: .*$/m, 'name: By hand'));
    space.git('add', '--all');
    const person = ['-c', 'user.name=Other Person', '-c', 'user.email=other@example.test'];
    space.git(...person, 'commit', '--quiet', '-m', 'Edit by hand');
    space.git(...person, 'merge', '--quiet', '--no-edit', 'main');
    space.git('checkout', '--quiet', 'main');
    space.git('reset', '--quiet', '--hard', 'theirs');
  }

  it('are no changes of the account, and a pull with a merge hides none', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const [jane, john] = [account.person('administrator'), account.person('administrator', 1)];
    const base = space.git('rev-parse', 'HEAD').trim();
    account.emulator.act(jane.token).set('flows', FLOW, { description: 'by Jane' });
    await space.sync();

    const other = String(account.emulator.state.all('flows').find(({ _id }) => _id !== FLOW)?._id);
    pullAsAPerson(space, base, other);
    account.emulator.act(john.token).set('flows', FLOW, { description: 'by John' });
    await space.sync();

    const changes = (await entries(space)).filter(({ baseline }) => !baseline);
    expect(changes.map(({ id, by, also }) => [id, by.email, also])).toEqual([
      [FLOW, john.email, []],
      [FLOW, jane.email, []],
    ]);
    const blamed = JSON.parse((await space.run('blame', `flows/${other}`, '--json')).out) as {
      fields: { baseline: boolean }[];
    };
    expect(blamed.fields.every(({ baseline }) => baseline)).toBe(true);
    const report = JSON.parse((await space.run('report', '--format', 'json')).out) as { changes: unknown[] };
    expect(report.changes).toHaveLength(2);
  });
});

describe('log', () => {
  it('gives each change to its person and time, as the audit log of the account knows them', {
    tags: 'slow',
  }, async () => {
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
    const reported = (await entries(space)).filter(({ baseline }) => !baseline);
    // Several edits of one resource between two runs are one change: its newest, with everybody named.
    for (const entry of reported) {
      const own = record.filter(
        ({ _resourceId, time }) => _resourceId === entry.id && second(time) === second(entry.time),
      );
      expect(own.map(({ byUser }) => byUser.email)).toContain(entry.by.email);
    }
    expect(reported.length).toBe(9);
    expect(reported.every(({ what, sureness }) => what === 'changed' && sureness === 'audit')).toBe(true);
  });

  it('follows a resource through renames, deletion and return, by any of its names', { tags: 'slow' }, async () => {
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

  it('calls a new name one, also where the file keeps its name', async () => {
    const { account, space } = await begin();
    const name = String(account.emulator.state.all('flows').find(({ _id }) => _id === FLOW)?.name);
    account.emulator.act(account.owner.token).set('flows', FLOW, { name: `${name}!` });
    await space.sync();

    expect(space.git('log', '-1', '--format=%B')).toMatch(/^- renamed: flows\/[^ ]+\.yaml: /m);
    expect(space.git('log', '-1', '--format=%s')).toContain('renamed');
    expect((await entries(space)).filter(({ baseline }) => !baseline)).toMatchObject([{ id: FLOW, what: 'renamed' }]);
  });

  it('believes no name that says what only the mirror says of a commit', async () => {
    const { account, space } = await begin();
    const person = account.person('administrator');
    const create = (name: string): unknown =>
      account.emulator.act(person.token).create('scripts', { name, content: 'done();\n' });
    create('First mirror of the account: who made what was there before is not told.');
    create('The audit log does not tell of these changes: the author is the one who modified them last.');
    create('A third one');
    await space.sync();

    const reported = await entries(space, '--by', person.email);
    expect(reported).toHaveLength(3);
    for (const entry of reported) expect(entry).toMatchObject({ baseline: false, sureness: 'audit' });
  });

  it('finds by field, text, person and time', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const editor = account.person('administrator');
    const start = new Date().toISOString();
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'wanted: Blåbær' });
    await space.sync();
    account.emulator.act(editor.token).set('flows', FLOW, { schedule: '? 7 3 ? * *' });
    await space.sync();

    const byField = await entries(space, '--field', 'schedule', '--since', start);
    expect(byField.map(({ id, by }) => [id, by.email])).toEqual([[FLOW, editor.email]]);
    expect(byField[0]?.changes).toEqual([{ place: 'schedule', before: expect.anything(), after: '? 7 3 ? * *' }]);
    const byText = await entries(space, '--grep', 'BLÅBÆR');
    expect(byText.map(({ by }) => by.email)).toEqual([account.owner.email]);
    const byPerson = await entries(space, '--by', editor.name.toLowerCase());
    expect(byPerson.map(({ by }) => by.email)).toEqual([editor.email]);
    const recent = await entries(space, '--since', start);
    expect(recent.filter(({ baseline }) => !baseline).length).toBe(2);
    expect((await entries(space, '--until', '2020-01-01')).length).toBe(0);
    expect((await entries(space, '--limit', '1')).length).toBe(1);
  });

  it('shows a table to people, with the first listing as one line', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'one\ntwo' });
    await space.sync();

    const { out } = await space.run('log', '--patch');

    expect(out).toContain(`${account.owner.name}`);
    expect(out).toMatch(/changed +flows\/678df75fc3a91b7e41300001/);
    expect(out).toContain('+ two');
    expect(out).toMatch(/found +\d+ resources in the first listing/);
    // It is one change of a limited list, too, and counted as a whole.
    expect((await space.run('log', '--patch', '--limit', '2')).out).toBe(out);
    expect((await space.run('log', '--limit', '1')).out).not.toContain('in the first listing');
    expect(out.split('\n').length).toBeLessThan(20);
  });

  it('says what there never was, and what is not a time or number', async () => {
    const { space } = await begin();

    const missing = await space.run('log', 'flows/There never was one');
    expect(missing.code).toBe(64);
    expect(missing.err).toContain('with this id or name appears in the history of');
    expect((await space.run('log', 'flwos/x')).err).toContain('no resource type is called flwos');
    expect((await space.run('log', '--since', 'whenever')).err).toContain(
      '--since: "whenever" is not a valid time or date',
    );
    expect((await space.run('log', '-n', '0')).code).toBe(64);
  });

  it('finds a text with quotation marks, as it is in the value', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const [script] = account.emulator.state.all('scripts');
    account.emulator
      .act(account.owner.token)
      .set('scripts', String(script?._id), { content: `${String(script?.content)}\nconst label = "gold\tpartner";\n` });
    await space.sync();

    const [found, ...more] = await entries(space, '--grep', 'label = "gold\tpartner"');

    expect(more).toEqual([]);
    expect(found).toMatchObject({ what: 'changed', id: script?._id });
    // The names of fields are no values.
    expect(await entries(space, 'scripts', '--grep', 'content":')).toEqual([]);
  });

  it('finds a field inside a part that came or went completely', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const bare = account.emulator.state.all('imports').find((doc) => !doc.hooks);
    const script = String(account.emulator.state.all('scripts')[0]?._id);
    const id = String(bare?._id);
    owner.set('imports', id, { hooks: { preMap: { function: 'f', _scriptId: script } } });
    await space.sync();

    for (const field of ['hooks.preMap._scriptId', '_scriptId', 'hooks.preMap', 'preMap', 'hooks']) {
      expect((await entries(space, `imports/${id}`, '--field', field)).length, field).toBe(1);
    }
    expect((await entries(space, '--field', '_scriptId'))[0]?.changes).toEqual([
      { place: 'hooks.preMap._scriptId', after: script },
    ]);
    expect(await entries(space, `imports/${id}`, '--field', 'hooks.postMap')).toEqual([]);

    const schedule = '? 5 4 ? * 1-5';
    const made = owner.create('flows', { name: 'Short life', disabled: true, schedule });
    await space.sync();
    owner.remove('flows', String(made._id));
    await space.sync();
    expect(await entries(space, 'flows', '--field', 'schedule')).toMatchObject([
      { what: 'deleted', id: made._id, changes: [{ place: 'schedule', before: schedule }] },
      { what: 'added', id: made._id, changes: [{ place: 'schedule', after: schedule }] },
    ]);
  });

  it('shows with --patch what a document was that came or went', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const made = owner.create('scripts', { name: 'Short life', content: 'function f() {\n  return 1;\n}\n' });
    await space.sync();
    owner.remove('scripts', String(made._id));
    await space.sync();

    const { out } = await space.run('log', 'scripts/Short life', '--patch');

    expect(out).toMatch(
      /deleted[^\n]*\n {4}- \(document\):\n(?: +- [^\n]*\n)+[^\n]*added[^\n]*\n {4}\+ \(document\):\n/,
    );
    expect(out).toMatch(/\+ +return 1;/);
    expect((await space.run('log', 'scripts/Short life', '--grep', 'return')).out).not.toContain('(document)');
    expect((await entries(space, 'scripts/Short life', '--patch'))[0]?.changes).toMatchObject([
      { place: '', before: { name: 'Short life' } },
    ]);
  });

  it('knows or suggests what was meant: a type in the singular, an id in upper case, a name mistyped', {
    tags: 'slow',
  }, async () => {
    const { space } = await begin();

    expect((await entries(space, FLOW.toUpperCase())).map(({ id }) => id)).toEqual([FLOW]);
    expect((await entries(space, `flows/${FLOW.toUpperCase()}`)).map(({ id }) => id)).toEqual([FLOW]);
    const singular = await space.run('log', 'flow');
    expect(singular).toEqual(await space.run('log', 'flows'));
    expect((await space.run('log', 'conection/Shop')).err).toContain('(did you mean connections?)');
    const name = (await entries(space, FLOW))[0]?.name ?? '';
    const mistyped = await space.run('log', `flows/${name.slice(0, -1)}q`);
    expect(mistyped.code).toBe(64);
    expect(mistyped.err).toContain(`(did you mean flows/`);
  });
});

describe('a shallow clone', () => {
  it('reports where its history begins, and calls nothing there added by a person', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const editor = account.person('administrator');
    account.emulator.act(editor.token).set('flows', FLOW, { description: 'before the cut' });
    await space.sync();
    account.emulator.act(account.owner.token).set('flows', FLOW, { schedule: '? 7 3 ? * *' });
    await space.sync();
    const clone = join(space.dir, 'clone');
    space.git('clone', '-q', '--depth', '2', `file://${space.mirror}`, clone);
    const commit = space.git('rev-parse', 'HEAD~1').trim();
    const on = ['--mirror', clone];

    const table = await space.run('log', ...on);
    expect(table.code).toBe(0);
    expect(table.err).toMatch(/shallow.*\n.*git fetch --unshallow/);
    expect(table.out).not.toContain('added');
    expect(table.out).toMatch(
      / {2}changed {2}.*\n.* {2}found +\d+ resources, where the history of this clone begins\n$/,
    );
    const log = JSON.parse((await space.run('log', ...on, '--json')).out) as {
      cut: { commit: string };
      entries: LogEntry[];
    };
    expect(log.cut.commit).toBe(commit);
    expect(log.entries.map(({ id, what, by }) => [id, what, by.email])).toEqual([
      [FLOW, 'changed', account.owner.email],
    ]);
    expect((await space.run('log', `flows/${FLOW}`, '--by', editor.name, ...on)).out).toBe('No changes.\n');

    const blame = JSON.parse((await space.run('blame', FLOW, ...on, '--json')).out) as {
      cut: { commit: string };
      fields: { place: string; by: { email: string } | null; cut: boolean }[];
    };
    expect(blame.cut.commit).toBe(commit);
    const whose = new Map(blame.fields.map(({ place, by }) => [place, by?.email]));
    expect([whose.get('schedule'), whose.get('description')]).toEqual([account.owner.email, undefined]);
    expect((await space.run('blame', FLOW, ...on)).out).toContain('(before the cut)');

    for (const format of ['md', 'html', 'json']) {
      const report = await space.run('report', ...on, '--format', format);
      expect(report.err, format).toContain('git fetch --unshallow');
      expect(report.out, format).toMatch(
        format === 'json' ? /"cut":\{"commit"/ : /history is incomplete: the clone is shallow/,
      );
      expect(report.out, format).toMatch(format === 'json' ? /"found":0/ : /: 1 change/);
    }
    const whole = await space.run('log', '--json');
    expect(whole.err).toBe('');
    expect((JSON.parse(whole.out) as { cut: unknown }).cut).toBeNull();
  });

  it('is what a stateless run leaves; its remedy brings the rest', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const remote = bareRemote();
    const settings = { prod: { baseUrl: account.url, token: account.owner.token } };
    space.configure(settings, { repository: { remote } });
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'before the cut' });
    await space.sync();
    rmSync(space.mirror, { recursive: true });
    space.configure(settings, { repository: { remote: `file://${remote}`, stateless: true } });
    account.emulator.act(account.owner.token).set('flows', FLOW, { schedule: '? 7 3 ? * *' });
    expect((await space.sync()).commits.length).toBe(1);
    // Whatever the run fetched to know what was reported before: here nothing of it.
    space.git('fetch', '-q', '--depth=1', `file://${remote}`, 'main');

    const cut = await space.run('log');
    expect(cut.out).not.toContain('added');
    expect(cut.out).toMatch(/found +\d+ resources, where the history/);
    const remedy = /→ To fetch the rest: git (.*)\n/.exec(cut.err)?.[1] ?? '';
    space.git(...remedy.split(' '));
    const whole = await space.run('log');
    expect(whole.err).toBe('');
    expect(whole.out).toContain('in the first listing');
  });
});

describe('a named day', () => {
  const day = (n: number, time: string): string => `2026-11-${String(n).padStart(2, '0')}T${time}Z`;
  /** A flow that was changed at these times. */
  const TIMES = [
    '2026-10-31T23:59:59Z',
    day(1, '00:00:00'),
    day(1, '13:00:00'),
    day(16, '00:00:00'),
    day(20, '18:00:00'),
    day(22, '23:59:59'),
    day(23, '00:00:00'),
    day(23, '20:00:00'),
    day(24, '09:00:00'),
    '2026-12-01T00:00:00Z',
  ];
  const NOW = new Date(day(24, '15:30:00'));
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'celigo-mirror-days-'));
    const path = `flows/f.${FLOW}.yaml`;
    writeHistory(
      dir,
      'prod',
      ['2026-01-01T00:00:00Z', ...TIMES].map((time, round) => ({
        author: { name: 'P', email: 'p@example.test' },
        time: new Date(time),
        first: round === 0,
        files: { [path]: renderYaml({ _id: FLOW, name: 'F', description: `round ${round}` }) },
        changes: [{ kind: round === 0 ? 'added' : 'changed', type: 'flows', id: FLOW, path, title: 'F' } as const],
      })),
    );
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const span = async (command: string, from: string, to: string): Promise<Outcome> => {
    const names = command === 'log' ? ['--since', '--until'] : ['--from', '--to'];
    const args = [...(from === '' ? [] : [names[0] ?? '', from]), ...(to === '' ? [] : [names[1] ?? '', to])];
    return cli([command, ...args, '--mirror', dir, '--json'], dir, { TZ: 'America/New_York' }, NOW);
  };

  it.each([
    ['1 November 2026', '20 November 2026', 1, 5],
    ['2026-11-01', '2026-11-20', 1, 5],
    ['November 2026', 'November 2026', 1, 9],
    ['last month', 'last month', 0, 1],
    ['last week', 'last week', 3, 6],
    ['yesterday', 'yesterday', 6, 8],
    ['today', '', 8, 10],
    ['Monday', 'today', 6, 9],
    ['5 days ago', '4 days ago', 4, 4],
    ['2026-11', '2026-11', 1, 9],
    ['friday', 'saturday', 4, 5],
    ['2026', '', -1, -1],
    ['this year', 'this year', 0, 10],
    ['2026-11-23T12:00', 'yesterday at 8pm', 7, 8],
    ['12 hours ago', '', 8, 10],
    ['2026-11-01 14:00+01:00', '2026-11-16T00:00Z', 2, 4],
  ])('means the whole of it: from %s to %s', async (from, to, first, last) => {
    const log = await span('log', from, to);
    const report = await span('report', from, to === '' ? '2026-12-31' : to);
    if (first < 0) {
      expect([log.code, report.code]).toEqual([64, 64]);
      return;
    }
    expect(log.code, log.err).toBe(0);
    const times = (out: string, list: 'entries' | 'changes'): string[] =>
      ((JSON.parse(out) as Record<string, { time: string; baseline?: boolean }[]>)[list] ?? [])
        .filter(({ baseline }) => !baseline)
        .map(({ time }) => second(time))
        .reverse();
    expect(times(log.out, 'entries')).toEqual(TIMES.slice(first, last));
    expect(times(report.out, 'changes')).toEqual(TIMES.slice(first, last));
  });

  it.each(['2026-02-31', '2026-13-01', '2026-11-31T10:00Z', '31 November 2026', '2026-11-24 99:00', '2026-2-30'])(
    'that is none of the calendar is refused: %s',
    async (time) => {
      for (const [from, to] of [
        [time, ''],
        ['', time],
      ] as const) {
        for (const command of ['log', 'report']) {
          const { code, err } = await span(command, from, to);
          expect(code).toBe(64);
          expect(err).toContain(`"${time}" is not a valid time or date`);
        }
      }
      const at = await cli(['show', FLOW, '--mirror', dir, '--at', time], dir);
      expect([at.code, at.err]).toEqual([64, expect.stringContaining('nor a valid time')]);
    },
  );

  it.each([
    ['2026-11-01', 3],
    ['1 November 2026', 3],
    ['November 2026', 9],
    ['yesterday', 8],
    ['4 days ago', 4],
    ['2026-11-23T20:00Z', 8],
  ])('after --at stands for its last state: %s', async (at, round) => {
    const { out, err } = await cli(['show', `flows/${FLOW}`, '--mirror', dir, '--at', at, '--json'], dir, {}, NOW);
    expect(err).toContain('prod/flows');
    expect((JSON.parse(out) as { description: string }).description).toBe(`round ${round}`);
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
      message: [
        `prod: 1 tool changed\n\n- changed: tools/x.${id}.yaml: X\n`,
        'The audit log does not tell of these changes: the author is the one who modified them last.\n',
        'Celigo-Account: prod\nCeligo-Run: r\n',
      ].join('\n'),
      files: [{ path: `prod/tools/x.${id}.yaml`, after: 'a'.repeat(40) }],
    };
    expect(readTrail([commit], 'prod')).toMatchObject([{ id, certainty: 'lastModifiedBy', title: 'X' }]);
  });
});
