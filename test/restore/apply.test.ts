import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { people } from '../../src/emulator/sample/people.ts';
import { sample } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, type Outcome, start } from '../support/workspace.ts';
import { type Scene, scene } from './scene.ts';
import { type Doc, expectCode, head, said, writes } from './support.ts';

interface ApplyJson {
  readonly exitCode: number;
  readonly verdict: string;
  readonly warnings: readonly string[];
  readonly steps: readonly {
    readonly type: string;
    readonly id: string;
    readonly action: string;
    readonly changes: readonly { readonly place: string }[];
    readonly conflicts?: readonly { readonly place: string; before?: Json; wanted?: Json; live?: Json }[];
  }[];
}

describe('apply', () => {
  let account: Scene['account'];
  let space: Scene['space'];
  let flow: Scene['flow'];
  let script: Scene['script'];
  let find: Scene['find'];
  let held: Scene['held'];
  let live: Scene['live'];

  beforeEach(async () => {
    ({ account, space, flow, script, find, held, live } = await scene());
  });

  /** Path of the file of a resource, inside the repository. */
  function fileOf(type: string, id: string, extension = 'yaml'): string {
    const names = readdirSync(join(space.mirror, 'prod', type));
    const name = names.find((one) => one.includes(id) && one.endsWith(`.${extension}`));
    if (!name) throw new Error(`no file of ${type}/${id}`);
    return `prod/${type}/${name}`;
  }

  function rewrite(path: string, change: (text: string) => string): void {
    const file = join(space.mirror, path);
    const before = readFileSync(file, 'utf8');
    expect(change(before)).not.toBe(before);
    writeFileSync(file, change(before));
  }

  /** A person changes a field in the file, in its own line. */
  function setField(type: string, id: string, field: string, value: string): void {
    rewrite(fileOf(type, id), (text) => {
      const rest = text.split('\n').filter((line) => !line.startsWith(`${field}:`));
      return [`${field}: ${value}`, ...rest].join('\n');
    });
  }

  function commit(message = 'Change in Git', who = 'Ann', mail = 'ann@example.test'): string {
    space.git('add', '--all');
    space.git('-c', `user.name=${who}`, '-c', `user.email=${mail}`, 'commit', '--quiet', `--message=${message}`);
    return head(space);
  }

  /** What `log` lists of changes. */
  async function listed(): Promise<{ by: string; id: string; applied?: string[] }[]> {
    const { entries } = JSON.parse((await space.run('log', '--json')).out) as {
      entries: { baseline: boolean; by: { name: string }; id: string; applied?: string[] }[];
    };
    return entries.filter(({ baseline }) => !baseline).map(({ by, ...rest }) => ({ ...rest, by: by.name }));
  }

  /** A flow that nothing else names. */
  function unused(): Doc {
    const all = ['flows', 'integrations', 'tools', 'apis'].flatMap((type) => account.emulator.state.all(type));
    return find('flows', ({ _id }) => !all.some((doc) => doc._id !== _id && JSON.stringify(doc).includes(String(_id))));
  }

  const apply = (...args: string[]): Promise<Outcome> => space.run('apply', ...args, '--yes');

  async function preview(...args: string[]): Promise<ApplyJson> {
    const outcome = await space.run('apply', ...args, '--dry-run', '--json');
    if (outcome.out === '') throw new Error(said(outcome));
    return JSON.parse(outcome.out) as ApplyJson;
  }

  it('warns of a reference to a resource of another type, also where the flow uses that already', async () => {
    const known = find('flows', (doc) => /"_exportId.*"_importId"/.test(JSON.stringify(doc)));
    const [, imported = ''] = /"_importId":"(\w+)"/.exec(JSON.stringify(known)) ?? [];
    const [, own = ''] = /"_exportId":"(\w+)"/.exec(JSON.stringify(known)) ?? [];
    const other = find('exports', ({ _id }) => !JSON.stringify(known).includes(String(_id)));
    let before = imported;
    for (const id of [own, other._id]) {
      rewrite(fileOf('flows', known._id), (text) => text.replace(`_importId: "${before}"`, `_importId: "${id}"`));
      commit();
      before = id;
      const { warnings } = await preview();
      expect(warnings).toEqual([
        expect.stringContaining(`_importId refers to imports/${id}, but this id is that of exports/${id}; it is sent`),
      ]);
    }
  });

  it('goes the whole way: edited in Git, merged, applied, and reported once, by who wrote it', {
    tags: 'slow',
  }, async () => {
    space.git('switch', '--quiet', '--create', 'feature');
    setField('flows', flow._id, 'description', 'from Git');
    const edit = commit();
    space.git('switch', '--quiet', 'main');
    live('mateo', 'flows', flow._id, { name: 'Better name' });
    await space.sync();
    const names = ['-c', 'user.name=Merger', '-c', 'user.email=merger@example.test'];
    space.git(...names, 'merge', '--quiet', '--no-ff', '--no-edit', 'feature');

    const outcome = await apply();

    expectCode(outcome, 0);
    expect(said(outcome)).not.toContain('put back');
    expect(held('flows', flow._id)).toMatchObject({ description: 'from Git', name: 'Better name' });
    expect(await space.sync()).toMatchObject({ code: 0, commits: [], notices: [] });
    const told = [
      { by: 'Ann', id: flow._id, what: 'changed', applied: [edit] },
      { by: people.mateo.name, id: flow._id, what: 'renamed' },
    ];
    expect(await listed()).toMatchObject(told);
    expect((await space.run('log')).out).toMatch(new RegExp(`Ann .*\\(from Git ${edit.slice(0, 10)}, applied by `));

    const { fields } = JSON.parse((await space.run('blame', `flows/${flow._id}`, '--json')).out) as {
      fields: { place: string; baseline: boolean; by: { name: string } }[];
    };
    const blamed = fields.filter(({ baseline }) => !baseline).map(({ place, by }) => [place, by.name]);
    expect(blamed.sort()).toEqual([
      ['description', 'Ann'],
      ['name', people.mateo.name],
    ]);

    const report = await space.run('report', '--from', 'yesterday', '--json');
    const { changes } = JSON.parse(report.out) as {
      changes: { by: { name: string }; operator?: { name: string }; fields: { place: string }[] }[];
    };
    expect(changes.map(({ by, fields: some }) => [by.name, some.map(({ place }) => place)])).toEqual([
      ['Ann', ['description']],
      [people.mateo.name, ['name']],
    ]);
    const markdown = (await space.run('report', '--from', 'yesterday', '--format', 'md')).out;
    expect(markdown.match(/"from Git"/g)).toHaveLength(1);
    const words = `from Git ${edit.slice(0, 10)}, applied by `;
    expect(markdown).toContain(`(${words}`);
    expect((await space.run('report', '--from', 'yesterday', '--format', 'html')).out).toContain(words);
    const [columns, ...rows] = (await space.run('report', '--from', 'yesterday', '--format', 'csv')).out.split('\r\n');
    expect(columns).toMatch(/,restore,undo,applied,operator$/);
    expect(rows.filter((row) => row.includes(`,${edit},`))).toHaveLength(1);
    expect(markdown).not.toContain('Merger');
  });

  it('applies the fields of an older branch alone, and leaves a resource where someone changed the same', {
    tags: 'slow',
  }, async () => {
    const other = find('flows', ({ _id }) => _id !== flow._id);
    space.git('switch', '--quiet', '--create', 'feature');
    setField('flows', flow._id, 'description', 'from Git');
    setField('flows', other._id, 'description', 'from Git');
    const edit = commit();
    space.git('switch', '--quiet', 'main');
    live('priya', 'flows', flow._id, { name: 'Better name', 'settings.priya': 2 });
    live('mateo', 'flows', other._id, { description: 'by Mateo' });
    await space.sync();
    const before = held('flows', other._id);

    const planned = await preview('feature', '--exit-code');
    expect(planned.steps.find(({ id }) => id === other._id)).toMatchObject({
      action: 'blocked',
      conflicts: [{ place: 'description', wanted: 'from Git', live: 'by Mateo' }],
    });
    expect(planned.steps.find(({ id }) => id === flow._id)?.changes.map(({ place }) => place)).toEqual(['description']);
    expectCode(await apply('feature'), 4);

    expect(held('flows', flow._id)).toMatchObject({
      description: 'from Git',
      name: 'Better name',
      settings: { priya: 2 },
    });
    expect(held('flows', other._id)).toEqual(before);
    expect(space.git('log', '-1', '--format=%an%n%(trailers:key=Celigo-Applied,valueonly)').trim()).toBe(
      `Ann\n${edit}`,
    );
    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
    expectCode(await space.run('apply', 'feature', '--dry-run', '--exit-code', '--force'), 2);
    expectCode(await apply('feature', '--force'), 0);
    expect(held('flows', other._id).description).toBe('from Git');
    // All of it is there now.
    expectCode(await space.run('apply', 'feature', '--dry-run', '--exit-code'), 0);
  });

  it('applies the commit of a person that was put back', { tags: 'slow' }, async () => {
    setField('flows', flow._id, 'description', 'from Git');
    const edit = commit();
    const { notices } = await space.sync();
    expect(notices.join()).toContain(`celigo-mirror apply ${edit.slice(0, 12)}`);

    expectCode(await apply(edit.slice(0, 12)), 0);

    expect(held('flows', flow._id).description).toBe('from Git');
    expect(await listed()).toMatchObject([{ by: 'Ann', applied: [edit] }]);
    expect(await space.sync()).toMatchObject({ code: 0, commits: [], notices: [] });
  });

  it('commits the changes of several people by each of them, and puts back what it could not apply', {
    tags: 'slow',
  }, async () => {
    const other = find('flows', ({ _id }) => _id !== flow._id);
    setField('flows', flow._id, 'description', 'by Ann');
    const ann = commit();
    setField('scripts', script._id, 'description', 'by Ben');
    const ben = commit('Another', 'Ben', 'ben@example.test');
    setField('flows', other._id, 'description', 'by Ben');
    commit('A third', 'Ben', 'ben@example.test');
    // Not mirrored yet.
    live('mateo', 'flows', other._id, { description: 'by Mateo' });

    const outcome = await apply();

    expectCode(outcome, 4);
    expect(held('flows', other._id).description).toBe('by Mateo');
    const log = space.git('log', '--format=%an|%(trailers:key=Celigo-Applied,valueonly,separator=%x2C)', '-4');
    expect(log.split('\n')).toEqual(expect.arrayContaining([`Ann|${ann}`, `Ben|${ben}`]));
    expect(await space.sync()).toMatchObject({ code: 0, commits: [], notices: [] });
    expect((await listed()).map(({ id }) => id).sort()).toEqual([flow._id, script._id, other._id].sort());
  });

  it('finds the account that people changed, and asks where they changed several', { tags: 'slow' }, async () => {
    const other = await sample();
    const accountOf = ({ url, owner }: typeof other) => ({ baseUrl: url, token: owner.token });
    space.configure({ prod: accountOf(account), sandbox: accountOf(other) });
    await space.sync('--account', 'sandbox');
    rewrite(fileOf('flows', flow._id).replace(/^prod/, 'sandbox'), (text) =>
      text.replace(/^description: .*/m, 'description: from Git'),
    );
    commit();
    expect((await space.run('apply', '--dry-run')).out).toMatch(/^sandbox with the changes of .*: 1 to update/);
    setField('flows', flow._id, 'description', 'from Git');
    commit();
    const outcome = await space.run('apply', '--dry-run');
    expectCode(outcome, 64);
    expect(outcome.err).toContain('several accounts are configured');

    // A commit of the mirror and one of a person made one: it still says which account it is of.
    space.git('reset', '--quiet', '--hard', 'HEAD~1');
    account.emulator.act(account.owner.email).set('flows', flow._id, { description: 'in Celigo' });
    await space.sync('--account', 'prod');
    const message = space.git('log', '-1', '--format=%B');
    setField('flows', flow._id, 'description', 'from Git');
    commit();
    space.git('reset', '--quiet', '--soft', 'HEAD~2');
    commit(message);
    expectCode(await space.run('apply', '--dry-run'), 64);
  });

  it('names the commit of what it does not apply, which is put back in HEAD', { tags: 'slow' }, async () => {
    for (const options of [[], ['--digest', '0'.repeat(32), '--force']]) {
      setField('flows', flow._id, 'description', `from Git ${options.length}`);
      const edit = commit();
      // Not mirrored yet, so the mirror puts back what is in Git before it commits that.
      live('priya', 'flows', flow._id, { description: `by Priya ${options.length}` });
      const outcome = await apply(...options);
      expectCode(outcome, 4);
      expect(said(outcome)).toContain(`celigo-mirror apply ${edit.slice(0, 12)}\n`);
      const idle = await apply();
      expectCode(idle, 0);
      expect(idle.err).toContain(`celigo-mirror apply ${edit.slice(0, 12)}\n`);
      expect(held('flows', flow._id).description).toBe(`by Priya ${options.length}`);
      expectCode(await apply(edit.slice(0, 12), '--force'), 0);
      expect(held('flows', flow._id).description).toBe(`from Git ${options.length}`);
      expect((await apply()).err).not.toContain('celigo-mirror apply');
    }
  });

  it('names all who wrote a commit, where several commits were merged as one', { tags: 'slow' }, async () => {
    setField('flows', flow._id, 'description', 'by Ann and Ben');
    commit(
      [
        'Two edits (#1)\n\n* one\n* two\n',
        'Co-authored-by: Ben <ben@example.test>\nCo-authored-by: Ann <ann@example.test>',
      ].join('\n'),
    );
    expectCode(await apply(), 0);
    expect(await listed()).toMatchObject([{ by: 'Ann', also: [{ name: 'Ben', email: 'ben@example.test' }] }]);
  });

  const withAliases = (): Doc => find('integrations', ({ aliases }) => Array.isArray(aliases) && aliases.length > 1);

  /** What people do to files, and what becomes of it. */
  const EDITS: Record<string, { edit: () => void; check: (unused: string) => void; warns?: RegExp }> = {
    'code beside the document': {
      edit: () => rewrite(fileOf('scripts', script._id, 'js'), (text) => `// reviewed\n${text}`),
      check: () => expect(held('scripts', script._id).content).toMatch(/^\/\/ reviewed\n/),
    },
    'a new document without an id': {
      edit: () => writeFileSync(join(space.mirror, 'prod/scripts/mine.yaml'), 'name: Mine\ncontent: "// new"\n'),
      check: () => {
        const made = account.emulator.state.all('scripts').filter(({ name }) => name === 'Mine');
        expect(made).toHaveLength(1);
        expect(fileOf('scripts', String(made[0]?._id))).toBe(`prod/scripts/mine.${made[0]?._id}.yaml`);
        expect(readdirSync(join(space.mirror, 'prod/scripts'))).not.toContain('mine.yaml');
      },
    },
    'new documents of one invented id in the name, one of which uses the other by its _id': {
      edit: () => {
        const own = 'aaaaaaaaaaaaaaaaaaaaaaaa';
        const folder = join(space.mirror, 'prod');
        writeFileSync(join(folder, 'scripts/one.new.yaml'), 'name: One\ncontent: "// 1"\n');
        writeFileSync(join(folder, 'scripts/two.new.yaml'), `_id: ${own}\nname: Two\ncontent: "// 2"\n`);
        const text = readFileSync(join(space.mirror, fileOf('flows', flow._id)), 'utf8');
        writeFileSync(
          join(folder, 'flows/copy.yaml'),
          `${text.replace(/^_id: .*\n/m, '').replace(/^name: .*$/m, 'name: Copy')}\ndescription: ${own}\n`.replace(
            /^description: (?!a{24}).*\n/m,
            '',
          ),
        );
      },
      check: () => {
        const named = (type: string, title: string): JsonObject[] =>
          account.emulator.state.all(type).filter(({ name }) => name === title);
        expect([named('scripts', 'One').length, named('scripts', 'Two').length]).toEqual([1, 1]);
        expect(named('flows', 'Copy')).toMatchObject([
          { description: named('scripts', 'Two')[0]?._id, disabled: true },
        ]);
      },
    },
    'a renamed file': {
      edit: () => {
        const from = fileOf('flows', flow._id);
        setField('flows', flow._id, 'name', 'New name');
        renameSync(join(space.mirror, from), join(space.mirror, 'prod/flows/whatever.yaml'));
      },
      check: () => {
        expect(held('flows', flow._id).name).toBe('New name');
        expect(fileOf('flows', flow._id)).toContain('/new-name.');
      },
    },
    'a deleted file': {
      edit: () => rmSync(join(space.mirror, fileOf('flows', unused()._id))),
      check: (gone) => expect(account.emulator.state.get('flows', gone)).toBeUndefined(),
    },
    'an element at the end of a list that is a set': {
      edit: () => {
        const { _id } = withAliases();
        const own = find('flows', ({ _integrationId }) => _integrationId === _id)._id;
        rewrite(fileOf('integrations', _id), (text) =>
          text.replace(/^aliases:\n(?: .*\n)+/m, `$&  - _flowId: "${own}"\n    alias: AAA\n`),
        );
      },
      check: () => expect(withAliases().aliases).toContainEqual(expect.objectContaining({ alias: 'AAA' })),
    },
    'a field of the server, and one of the document': {
      edit: () => {
        setField('flows', flow._id, 'lastModified', '2020-01-01T00:00:00.000Z');
        setField('flows', flow._id, 'lastExecutedAt', '2020-01-01T00:00:00.000Z');
        setField('flows', flow._id, 'description', 'from Git');
      },
      check: () => expect(held('flows', flow._id).description).toBe('from Git'),
      warns: /lastModified is kept by the server:[\s\S]*lastExecutedAt is kept by the server, or a default, or a copy/,
    },
    'a switch that is neither on nor off': {
      edit: () => {
        setField('flows', flow._id, 'disabled', 'yes');
        setField('flows', flow._id, 'description', 'from Git');
      },
      check: () => expect(held('flows', flow._id)).toMatchObject({ disabled: false, description: 'from Git' }),
      warns: /disabled is "yes", neither true nor false/,
    },
    'other folders, files of nobody and the binding': {
      edit: () => {
        mkdirSync(join(space.mirror, 'docs'));
        writeFileSync(join(space.mirror, 'docs/a.yaml'), '<<<<<<< no document\n>>>>>>> at all\n');
        writeFileSync(join(space.mirror, 'prod/flows/stray.js'), '// mine\n');
        mkdirSync(join(space.mirror, 'prod/flow'));
        writeFileSync(join(space.mirror, 'prod/flow/new.yaml'), 'name: New\n');
        rewrite('prod/mirror.yaml', (text) => `# mine\n${text}`);
        setField('flows', flow._id, 'description', 'from Git');
      },
      check: () => {
        expect(held('flows', flow._id).description).toBe('from Git');
        expect(readFileSync(join(space.mirror, 'docs/a.yaml'), 'utf8')).toContain('no document');
      },
      warns: new RegExp(
        [
          'flow/new.yaml is not in the folder of a type',
          'mirror.yaml is kept by the mirror',
          'stray.js belongs to no document',
        ].join('[\\s\\S]*'),
      ),
    },
  };

  eachOf(
    Object.keys(EDITS).map((name): [string] => [name]),
    { quick: 0 },
  )('applies %s', async (name) => {
    const { edit, check, warns } = EDITS[name] as (typeof EDITS)[string];
    const { _id } = unused();
    edit();
    commit();
    const outcome = await apply();
    expectCode(outcome, 0);
    if (warns) expect(outcome.out).toMatch(warns);
    else expect(outcome.out).not.toContain('is kept by the server');
    check(_id);
    const sync = await space.sync();
    expect(sync.code).toBe(0);
    // Applied once more, it changes nothing.
    const counted = writes(account.emulator);
    expectCode(await apply('HEAD^{/Change in Git}'), 0);
    expect(writes(account.emulator)).toEqual(counted);
  });

  const MERGED = '<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> feature\n';
  /** What is refused, by name; nothing is written then, and no credential is shown. */
  const REFUSED: Record<string, { edit: () => void; says: RegExp; code: number }> = {
    'a conflict marker': {
      edit: () => rewrite(fileOf('flows', flow._id), (text) => `${text}${MERGED}`),
      says: /prod\/flows\/.*\.yaml:\d+: a merge left its conflict marker/,
      code: 64,
    },
    'a conflict marker in code': {
      edit: () => rewrite(fileOf('scripts', script._id, 'js'), (text) => `// top\n${MERGED}${text}`),
      says: /prod\/scripts\/.*\.js:2: a merge left its conflict marker/,
      code: 64,
    },
    'one mark of a conflict that was resolved': {
      edit: () => rewrite(fileOf('scripts', script._id, 'js'), (text) => `// top\n${text}\n>>>>>>> feature\n`),
      says: /prod\/scripts\/.*\.js:\d+: a merge left its conflict marker/,
      code: 64,
    },
    'invalid YAML': {
      edit: () => rewrite(fileOf('flows', flow._id), (text) => `${text}\n  bad: [\n`),
      says: /prod\/flows\/.*\.yaml:\d+ is not valid YAML/,
      code: 64,
    },
    'another _id': {
      edit: () =>
        rewrite(fileOf('flows', flow._id), (text) => text.replace(/^_id: .*$/m, '_id: bbbbbbbbbbbbbbbbbbbbbbbb')),
      says: /its _id is .*, and was changed/,
      code: 64,
    },
    'a file in the folder of another type': {
      edit: () => {
        const from = fileOf('flows', flow._id);
        renameSync(join(space.mirror, from), join(space.mirror, from.replace('/flows/', '/exports/')));
      },
      says: /prod\/exports\/.*\.yaml has the id of prod\/flows\/.*\.yaml, which is of another type/,
      code: 64,
    },
    'a folder of a type that was renamed': {
      edit: () => renameSync(join(space.mirror, 'prod/flows'), join(space.mirror, 'prod/flow')),
      says: /prod\/flows\/.*\.yaml was moved to prod\/flow\/.*\.yaml, which is not the place of a document/,
      code: 64,
    },
    'a document in a folder of its own': {
      edit: () => {
        mkdirSync(join(space.mirror, 'prod/flows/old'));
        renameSync(join(space.mirror, fileOf('flows', flow._id)), join(space.mirror, 'prod/flows/old/flow.yaml'));
      },
      says: /prod\/flows\/.*\.yaml was moved to prod\/flows\/old\/flow\.yaml, which is not the place of a document/,
      code: 64,
    },
    'a document with another ending': {
      edit: () => {
        const from = join(space.mirror, fileOf('flows', flow._id));
        renameSync(from, from.replace(/yaml$/, 'yml'));
      },
      says: /prod\/flows\/.*\.yaml was moved to prod\/flows\/.*\.yml, which is not the place of a document/,
      code: 64,
    },
    'a copy that keeps the _id': {
      edit: () => {
        const text = readFileSync(join(space.mirror, fileOf('flows', flow._id)), 'utf8');
        writeFileSync(join(space.mirror, 'prod/flows/copy.yaml'), text);
      },
      says: /copy\.yaml has the _id of prod\/flows/,
      code: 64,
    },
    'a mask that became a password': {
      edit: () => rewrite(masked(), (text) => text.replace(/(['"]?)\*{6}\1/, 'hunter2-typed')),
      says: /prod\/connections\/.*\.yaml holds a credential in plain text: \S+/,
      code: 4,
    },
    'a new connection with its token': {
      edit: () =>
        writeFileSync(
          join(space.mirror, 'prod/connections/shop.yaml'),
          'name: Shop\ntype: http\nhttp:\n  auth:\n    type: token\n    token:\n      token: hunter2-typed\n' +
            '  baseURI: https://shop.example.com\n',
        ),
      says: /shop\.yaml holds a credential in plain text: http\.auth\.token\.token/,
      code: 4,
    },
  };

  function masked(): string {
    const names = readdirSync(join(space.mirror, 'prod/connections')).filter((name) => name.endsWith('.yaml'));
    const path = names
      .map((name) => `prod/connections/${name}`)
      .find((one) => /\*{6}/.test(readFileSync(join(space.mirror, one), 'utf8')));
    if (!path) throw new Error('no connection with a mask');
    return path;
  }

  eachOf(
    Object.keys(REFUSED).map((name): [string] => [name]),
    { quick: 1 },
  )('refuses %s', async (name) => {
    const { edit, says, code } = REFUSED[name] as (typeof REFUSED)[string];
    edit();
    commit();
    const before = writes(account.emulator);
    const outcome = await apply();
    expectCode(outcome, code);
    expect(said(outcome)).toMatch(says);
    expect(said(outcome)).not.toContain('hunter2');
    expect(writes(account.emulator)).toEqual(before);
  });

  it('saves a plan that is applied unchanged, and prints it for a pull request', { tags: 'slow' }, async () => {
    setField('flows', flow._id, 'name', '"</summary> <b>#12</b> @all"');
    const used = find('imports', ({ _id }) => JSON.stringify(flow).includes(`"_importId":"${_id}"`));
    setField('imports', used._id, 'description', 'from Git');
    commit();
    expect(JSON.parse((await space.run('apply', '--dry-run', '--format', 'md', '--json')).out)).toHaveProperty('steps');
    const outcome = await space.run('apply', '--dry-run', '--format', 'md', '--exit-code');
    expectCode(outcome, 2);
    expect(outcome.out).toMatch(/^## prod: what would change\n/);
    expect(outcome.out).toContain('2 to update');
    expect(outcome.out).toMatch(/^```mermaid\nflowchart LR\n[\s\S]*"~ .*:::changed$/m);
    const [, digest] = /^Plan `([0-9a-f]{32})`$/m.exec(outcome.out) ?? [];
    expectCode(await apply('--digest', digest?.replace(/./g, '0') ?? ''), 4);
    expect(outcome.out).toMatch(/<details><summary><b>update<\/b> flows “&lt;\/summary&gt;/);
    expect(outcome.out).toContain('```diff');
    expectCode(await space.run('apply', '--out', 'plan.json'), 0);
    expectCode(await space.run('restore', 'plan.json', '--yes'), 0);
    expect(held('flows', flow._id).name).toContain('#12');
    expect(space.git('log', '-1', '--format=%an').trim()).toBe('Ann');
  });

  it('applies the reviewed plan of a branch that only the remote has, and no other one', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    space.git('push', '--quiet', remote, 'HEAD:main');
    space.git('switch', '--quiet', '--create', 'draft');
    setField('flows', flow._id, 'description', 'from Git');
    const edit = commit();
    space.git('push', '--quiet', remote, 'HEAD:feature');
    space.git('switch', '--quiet', 'main');
    space.git('branch', '--quiet', '-D', 'draft');
    rmSync(join(space.mirror, '.git/logs'), { recursive: true });
    space.git('gc', '--quiet', '--prune=now');
    space.configure({ prod: { baseUrl: account.url, token: account.owner.token } }, { repository: { remote } });
    expect(() => space.git('cat-file', '-e', edit)).toThrow();

    const unknown = await space.run('apply', 'nowhere', '--dry-run');
    expectCode(unknown, 64);
    expect(unknown.err).toContain('nowhere is not a commit, branch or tag of the mirror or its remote');
    const digestIn = (text: string): string => /^ *plan `?([0-9a-f]{32})`?$/im.exec(text)?.[1] ?? 'none';
    const reviewed = digestIn((await space.run('apply', edit, '--dry-run', '--format', 'md')).out);
    expect(digestIn((await space.run('apply', 'feature', '--dry-run')).out)).toBe(reviewed);
    expect(await preview('feature')).toMatchObject({ apply: { digest: reviewed } });
    // What others edit elsewhere makes no other plan; what they edit in the same resource does.
    live('priya', 'scripts', script._id, { description: 'by Priya' });
    expect(digestIn((await space.run('apply', edit, '--dry-run')).out)).toBe(reviewed);
    live('priya', 'flows', flow._id, { 'settings.priya': 2 });
    const before = writes(account.emulator);
    const refused = await apply(edit, '--digest', reviewed);
    expectCode(refused, 4);
    expect(refused.err).toContain(`this is not the plan ${reviewed} that was reviewed`);
    expect(writes(account.emulator)).toEqual(before);
    const again = digestIn((await space.run('apply', edit, '--dry-run')).out);
    expectCode(await apply(edit, '--digest', again), 0);
    expect(held('flows', flow._id)).toMatchObject({ description: 'from Git', settings: { priya: 2 } });
    // Done already: nothing to review.
    expectCode(await apply(edit, '--digest', reviewed), 0);
    expectCode(await apply(edit, '--digest', 'x'), 64);
  });

  it('creates nothing twice after a kill, even where the journal is lost', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    space.configure({ prod: { baseUrl: account.url, token: account.owner.token } }, { repository: { remote } });
    for (const name of ['One', 'Two'])
      writeFileSync(join(space.mirror, `prod/scripts/${name}.yaml`), `name: ${name}\ncontent: "// ${name}"\n`);
    setField('flows', flow._id, 'description', 'from Git');
    commit();
    space.git('push', '--quiet', remote, 'HEAD:main');
    let left = 2;
    const run = start(['apply', '--yes'], space.dir);
    account.emulator.beforeWrite = async ({ method }) => {
      left -= Number(method === 'POST');
      if (left !== 0) return;
      run.kill('SIGKILL');
      await run.done;
    };
    expect((await run.done).code).toBe(-1);
    account.emulator.beforeWrite = undefined;
    // As in CI: the machine, the clone and the journal in it are gone.
    rmSync(space.mirror, { recursive: true });

    const outcome = await apply();

    expectCode(outcome, 0);
    expect(said(outcome)).toMatch(/prod\/scripts\/\w+\.yaml: the account holds it already \(scripts\/\w+\)/);
    for (const name of ['One', 'Two'])
      expect(account.emulator.state.all('scripts').filter((doc) => doc.name === name)).toHaveLength(1);
    expect(held('flows', flow._id).description).toBe('from Git');
    expect(await space.sync()).toMatchObject({ code: 0, commits: [], notices: [] });
  });

  it('enables a flow with --enable-flows alone', { tags: 'slow' }, async () => {
    const off = find('flows', ({ disabled }) => disabled === true);
    setField('flows', off._id, 'disabled', 'false');
    commit();
    const planned = await space.run('apply', '--dry-run', '--exit-code');
    expectCode(planned, 0);
    expect(planned.out).toContain('--enable-flows');
    const outcome = await apply('--enable-flows');
    expectCode(outcome, 0);
    expect(outcome.out).toContain('restored, 1 of 1 step');
    expect(held('flows', off._id).disabled).toBe(false);
    expect(await space.sync()).toMatchObject({ code: 0, commits: [], notices: [] });
  });

  /** Kills at each of these writes; more with `APPLY_KILLS=30`. */
  const KILLS = Number(process.env.APPLY_KILLS ?? 4);

  it(`is finished by --resume after ${KILLS} kills, and does nothing twice`, {
    tags: 'slow',
    timeout: 60_000 + KILLS * 60_000,
  }, async () => {
    const flows = account.emulator.state.all('flows').filter((doc) => doc._connectorId === undefined);
    const some = flows.slice(0, 3).map(({ _id }) => String(_id));
    for (let round = 0; round < KILLS; round++) {
      writeFileSync(join(space.mirror, `prod/scripts/mine-${round}.yaml`), `name: Mine ${round}\ncontent: "// new"\n`);
      for (const id of some) setField('flows', id, 'description', `from Git ${round}`);
      const edit = commit();
      let left = 1 + (round % 4);
      const run = start(['apply', '--yes'], space.dir);
      account.emulator.beforeWrite = async () => {
        left -= 1;
        if (left !== 0) return;
        run.kill('SIGKILL');
        await run.done;
      };
      expect((await run.done).code).toBe(-1);
      account.emulator.beforeWrite = undefined;
      expectCode(await apply(), 4);
      expectCode(await space.run(...(round % 2 === 0 ? ['apply'] : ['restore']), '--resume', '--yes'), 0);

      expect(account.emulator.state.all('scripts').filter(({ name }) => name === `Mine ${round}`)).toHaveLength(1);
      for (const id of some) expect(held('flows', id).description).toBe(`from Git ${round}`);
      const changes = (await listed()).filter(({ applied }) => applied?.includes(edit));
      expect(changes.map(({ by }) => by)).toEqual(['Ann', 'Ann', 'Ann', 'Ann']);
      expect(new Set(changes.map(({ id }) => id)).size).toBe(4);
      expect(await space.sync()).toMatchObject({ code: 0, commits: [], notices: [] });
    }
  });
});
