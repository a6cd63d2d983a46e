import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, cli, git, Workspace } from '../support/workspace.ts';

/** What no format and no name tells: only where it was before. */
const VALUE = 'tulip9bulb7Qz93hLmN';

interface Made {
  readonly account: TestAccount;
  readonly space: Workspace;
  /** The first of a type. */
  readonly idOf: (type: string) => string;
  readonly set: (type: string, change: JsonObject, nth?: number) => string;
  /** Everything that the mirror and its history hold. */
  readonly history: () => string;
}

const HEADER = { 'http.headers': [{ name: 'X-Api-Key', value: VALUE }] };

/** @param first what is set before the first sync */
async function made(first: (set: Made['set']) => void, people?: ReturnType<typeof sampleAccount>['people']) {
  const seed = sampleAccount();
  const account = await sample({ seed: people ? { ...seed, people } : seed });
  const space = new Workspace({
    prod: { baseUrl: account.url, token: account.owner.token, overview: true, auditFeed: true, sampleData: true },
  });
  const idOf = (type: string, nth = 0): string => String(account.emulator.state.all(type)[nth]?._id);
  const set: Made['set'] = (type, change, nth = 0) => {
    const id = idOf(type, nth);
    account.emulator.act(account.owner.email).set(type, id, change);
    return id;
  };
  first(set);
  await space.mirrored();
  const history = (): string => space.git('log', '-p', '--all', '--format=%an %ae %cn %B');
  return { account, space, idOf, set, history } satisfies Made;
}

/** Where it turns up: type, place, and how it is written there. */
const PLACES: readonly [what: string, type: string, place: string, wrap: (value: string) => Json][] = [
  ['a description', 'exports', 'description', (value) => value],
  ['a sentence', 'flows', 'description', (value) => `Ask ops, the key is ${value}.`],
  ['settings', 'integrations', 'settings', (value) => ({ list: [{ note: value }] })],
  ['a key of settings', 'integrations', 'settings', (value) => ({ list: [{ [value]: 'x' }] })],
  ['code', 'scripts', 'content', (value) => `function f() {\n  return call('${value}');\n}\n`],
  ['a URI', 'exports', 'http.relativeURI', (value) => `/orders/${value}?x=1`],
  ['a body', 'imports', 'http.body', (value) => [`{"a": "${value}"}`]],
  ['a name', 'flows', 'name', (value) => `Flow ${value}`],
  ['another header', 'connections', 'http.headers', (value) => [{ name: 'X-Shop', value }]],
  ['a header with a scheme', 'connections', 'http.headers', (value) => [{ name: 'X-Shop', value: `Bearer ${value}` }]],
];

describe('a credential that the mirror knows is one', () => {
  eachOf(PLACES, { quick: 0 })(
    'in %s, and stays in its place in the account over a restore',
    async (_, type, place, wrap) => {
      const { account, space, set, history } = await made((put) => void put('connections', HEADER));
      const id = set(type, { [place]: wrap(VALUE) });
      expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
      expect(history()).not.toContain(VALUE);
      expect(await space.sync('--full')).toMatchObject({ code: 0, verdict: 'unchanged' });

      // Someone edits what is beside it; what the mirror holds is put back, with the value in its place.
      const { name, description, ...before } = account.emulator.state.get(type, id) ?? {};
      set(type, place === 'name' ? { description: 'new' } : { name: 'New' });
      const back = await space.run('restore', `${type}/${id}`, '--at', 'HEAD', '--yes', '--force');
      expect(back.err + back.out).not.toContain(VALUE);
      const after = account.emulator.state.get(type, id);
      const field = place.split('.')[0] as string;
      expect(after).toMatchObject({ name, ...(description === undefined ? {} : { description }) });
      if (field in before) expect(after?.[field]).toEqual(before[field]);
      expect(history()).not.toContain(VALUE);
    },
  );

  it('under another header, also once the cache is gone', { tags: 'slow' }, async () => {
    const { space, set, history } = await made((put) => void put('connections', HEADER));
    rmSync(join(space.mirror, '.git', 'celigo-mirror', 'prod.cache'), { recursive: true });
    const id = set('connections', { 'http.headers': [{ name: 'X-Shop', value: VALUE }] });
    expect(await space.sync()).toMatchObject({ code: 0 });
    expect(space.git('log', '-3', '--format=%B')).toContain(id);
    expect(history()).not.toContain(VALUE);
  });

  it('in the first run, whatever is listed first', { tags: 'slow' }, async () => {
    const { space, history } = await made((put) => {
      put('scripts', { content: `const x = '${VALUE}';\n`, name: `hook ${VALUE}` });
      put('flows', { name: `Flow ${VALUE}`, description: VALUE });
      put('tags', { tag: VALUE });
      put('exports', { description: VALUE });
      put('imports', HEADER);
    });
    expect(space.git('ls-files')).not.toContain(VALUE.toLowerCase());
    expect(history()).not.toContain(VALUE);
    expect(await space.sync('--full')).toMatchObject({ code: 0, verdict: 'unchanged' });
    expect((await space.run('drill')).code).toBe(0);
  });

  it('found after its documents were written: in no commit, not pushed, not printed', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const settings = { baseUrl: account.url, token: account.owner.token, auditFeed: true };
    const space = new Workspace({ prod: settings }, { repository: { remote } });
    const act = account.emulator.act(account.owner.email);
    const id = (type: string): string => String(account.emulator.state.all(type)[0]?._id);
    let printed = '';
    const run = async (...args: string[]): Promise<void> => {
      const { out, err } = await cli(args, space.dir, { LOG_LEVEL: 'trace' });
      printed += out + err;
    };
    const objects = (folder: string): string => git(folder, 'cat-file', '--batch', '--batch-all-objects', '--buffer');
    // In code, which may come before what tells that it is a credential; then mirrored as a plain text before that.
    act.set('scripts', id('scripts'), { content: `const x = '${VALUE}';\n` });
    act.set('imports', id('imports'), HEADER);
    for (const args of [['sync', '--dry-run', '--json'], ['sync', '--dry-run'], ['sync']]) await run(...args);
    const late = 'crocus4corm2Zx71pQwRt';
    act.set('flows', id('flows'), { description: `the word is ${late}` });
    await run('sync');
    const before = git(remote, 'rev-parse', 'main').trim();
    act.set('connections', id('connections'), { 'http.headers': [{ name: 'X-Api-Key', value: late }] });
    act.set('exports', id('exports'), { description: late });
    printed = printed.replaceAll(late, '');
    for (const args of [['sync', '--dry-run', '--json'], ['sync', '--dry-run'], ['sync'], ['sync', '--full']])
      await run(...args);

    expect(printed).not.toContain(VALUE);
    expect(printed).not.toContain(late);
    expect(objects(remote)).not.toContain(VALUE);
    expect(space.git('log', '-p', '--all', '--format=%an %ae %cn %B')).not.toContain(VALUE);
    const since = git(remote, 'log', '-p', '--format=%B', `${before}..main`);
    expect(since).toContain('exports/');
    expect(since.replace(/^-.*$/gm, '').replace(/^ .*$/gm, '')).not.toContain(late);
    // Not even as an object that no commit names.
    expect(space.git('cat-file', '--batch', '--batch-all-objects', '--buffer').includes(VALUE)).toBe(false);
  });

  it('in the names of people, the audit feed, commits and what is said of them', { tags: 'slow' }, async () => {
    const seed = sampleAccount();
    const people = seed.people.map((one) => (one.role === 'owner' ? { ...one, name: `Eve ${VALUE}` } : one));
    const { space, set, history } = await made((put) => void put('connections', HEADER), people);
    set('flows', { name: `Flow ${VALUE}` });
    const { out, err } = await cli(['sync', '--json'], space.dir, { LOG_LEVEL: 'trace' });
    expect(history()).toContain('Eve [[redacted');
    expect(`${out}${err}${history()}`).not.toContain(VALUE);
  });

  it('if it is the token of the program itself', { tags: 'slow' }, async () => {
    const { account, space, set, history } = await made(() => undefined);
    const { token } = account.owner;
    set('flows', { description: `token: ${token}`, name: token });
    set('scripts', { content: `const t = '${token}';\n` });
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
    expect(history()).not.toContain(token);
  });

  it('but not where it only was an ordinary word', { tags: 'slow' }, async () => {
    const { space, set, history } = await made((put) => {
      put('connections', { 'http.headers': [{ name: 'X-Api-Key', value: 'password' }] });
    });
    set('flows', { description: 'the password is in the vault' });
    await space.sync();
    expect(history()).toContain('the password is in the vault');
  });
});
