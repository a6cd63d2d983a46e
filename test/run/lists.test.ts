import { describe, expect, it } from 'vitest';
import { isArray, type Json, type JsonObject } from '../../src/core/json.ts';
import { parseYaml } from '../../src/core/yaml.ts';
import type { EmulatorOptions } from '../../src/emulator/http/server.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const seed = sampleAccount();
/** In the order of the list. */
const FLOWS = ([...(seed.resources.flows ?? [])] as (JsonObject & { _id: string })[]).sort((a, b) =>
  a._id < b._id ? -1 : 1,
);
const TAGS = (seed.resources.tags ?? []) as readonly (JsonObject & { _id: string })[];
const TYPES = ['flows', 'tags'];

/** An account in which only some flows have a large field that lists may leave out. */
function seeded(ids: readonly string[], more: Partial<EmulatorOptions> = {}): Promise<TestAccount> {
  const flows = FLOWS.map(({ settingsForm: _, ...doc }) =>
    ids.includes(doc._id) ? { ...doc, settingsForm: { form: { fields: [{ id: 'a' }] } } } : doc,
  );
  return sample({ seed: { ...seed, resources: { ...seed.resources, flows } }, ...more });
}

function workspace(account: TestAccount, include: readonly string[] = TYPES): Workspace {
  return new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: include as Json } });
}

function mirrored(space: Workspace, id: string): JsonObject {
  return parseYaml(space.read(space.find(id))) as JsonObject;
}

function byId(account: TestAccount, type = 'flows'): number {
  return account.emulator.requests.filter(({ method, path }) => method === 'GET' && path.startsWith(`/v1/${type}/`))
    .length;
}

const stateOf = (report: { types: readonly { type: string; state: string }[] }, type: string): unknown =>
  report.types.find((entry) => entry.type === type)?.state;
const idAt = (i: number): string => FLOWS.at(i)?._id ?? '';

describe('a list that leaves out a field', () => {
  it('which its first record does not have is found out at once, and every record is fetched by id', async () => {
    const some = FLOWS.map(({ _id }) => _id).filter((_, i) => i % 3 === 2);
    const account = await seeded(some, { abridged: { flows: ['settingsForm'] } });
    const space = workspace(account);

    await space.mirrored();

    for (const id of some) expect(mirrored(space, id)).toMatchObject({ settingsForm: { form: {} } });
    expect((await space.run('diff', '--exit-code')).code).toBe(0);
    expect(space.log()).toHaveLength(1);
  });

  it('which the sample did not meet is found out by --full, in the records of earlier runs as well', {
    tags: 'slow',
  }, async () => {
    const account = await seeded([], { abridged: { flows: ['settingsForm'] } });
    const space = workspace(account);
    await space.mirrored();
    // Slipped in without any sign, as a field that an earlier version did not look for.
    const id = idAt(3);
    account.emulator.state.touch('flows', id, { settingsForm: { form: {} } });
    expect((await space.sync()).verdict).toBe('unchanged');
    account.emulator.clearRequests();

    expect(await space.sync('--full')).toMatchObject({ code: 0, verdict: 'changed' });

    expect(mirrored(space, id)).toHaveProperty('settingsForm');
    expect(byId(account)).toBe(FLOWS.length);
    account.emulator.clearRequests();
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });
    expect(byId(account)).toBe(0);
  });

  it('does not lose one that is added later', { tags: 'slow' }, async () => {
    const account = await seeded([], { abridged: { flows: ['settingsForm'] } });
    const space = workspace(account);
    await space.mirrored();
    const id = idAt(1);
    await account.update(account.owner, 'flows', id, (doc) => ({ ...doc, settingsForm: { form: { a: 1 } } }));

    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });

    expect(mirrored(space, id)).toMatchObject({ settingsForm: { form: { a: 1 } } });
  });

  it('which it used to show is not a removal', { tags: 'slow' }, async () => {
    const ids = [idAt(0), idAt(2)];
    const account = await seeded(ids);
    const space = workspace(account);
    await space.mirrored();
    const files = ids.map((id) => space.read(space.find(id)));
    // The API changes its mind about lists; somebody edits one of the flows.
    const abridged = await sample({
      seed: {
        ...seed,
        resources: {
          ...seed.resources,
          flows: FLOWS.map((doc) => account.emulator.state.get('flows', doc._id) ?? doc),
        },
      },
      abridged: { flows: ['settingsForm'] },
    });
    space.configure({ prod: { baseUrl: abridged.url, token: account.owner.token, include: TYPES } });
    await rebind(space, account.url, abridged.url);
    const before = space.log().length;

    const report = await space.sync();

    expect(report.code).toBe(0);
    expect(ids.map((id) => space.read(space.find(id)))).toEqual(files);
    expect(report.changes).toEqual([]);
    expect(space.log().length).toBe(before);
  });

  it('is left as it is while the records cannot be fetched', { tags: 'slow' }, async () => {
    const account = await seeded([idAt(0)]);
    const space = workspace(account);
    await space.mirrored();
    const file = space.read(space.find(idAt(0)));
    const listed = FLOWS.map((doc) => ({ ...doc, name: `${String(doc.name)}.` }));
    account.emulator.faults.add({
      match: { path: '/v1/flows', query: { skip: '' } },
      fault: { kind: 'body', body: listed as Json },
    });
    account.emulator.faults.add({
      match: { path: '/v1/flows/*' },
      times: 'always',
      fault: { kind: 'status', status: 503 },
    });

    const report = await space.sync();

    expect(report).toMatchObject({ code: 3, incomplete: ['flows'] });
    expect(space.read(space.find(idAt(0)))).toBe(file);
    // The others lack nothing that they had.
    expect(report.changes.map(({ id }) => id).sort()).toEqual(FLOWS.slice(1).map(({ _id }) => _id));
  });

  it('costs nothing where lists were found complete, and an edit one request only if it may be hidden', {
    tags: 'slow',
  }, async () => {
    const account = await seeded([], { abridged: { flows: ['settingsForm'] } });
    const space = workspace(account);
    await space.mirrored();
    const id = String(FLOWS.find((doc) => doc.schedule && isArray(doc.pageProcessors) && doc.pageProcessors[1])?._id);
    const requests = async (edit: (doc: JsonObject) => JsonObject): Promise<number> => {
      await account.update(account.owner, 'flows', id, edit);
      account.emulator.clearRequests();
      expect(await space.sync()).toMatchObject({ code: 0 });
      return byId(account);
    };
    account.emulator.clearRequests();
    await space.sync();
    expect(byId(account)).toBe(0);

    expect(await requests((doc) => ({ ...doc, timezone: 'Europe/Paris' }))).toBe(0);
    expect(await requests((doc) => ({ ...doc, name: 'Another name' }))).toBe(0);
    expect(await requests((doc) => ({ ...doc, aliases: [{ alias: 'a', _flowId: id }] }))).toBe(0);
    // What the mirror has and the list does not show may have been left out.
    expect(await requests(({ schedule: _, ...doc }) => doc)).toBe(1);
    expect(await requests((doc) => ({ ...doc, pageProcessors: (doc.pageProcessors as Json[]).slice(1) }))).toBe(1);
    // Saved again as it was, or with a field that the list leaves out?
    expect(await requests((doc) => doc)).toBe(1);
    expect((await space.run('diff', '--exit-code')).code).toBe(0);
    // From here on everything is fetched by id.
    expect(await requests((doc) => ({ ...doc, settingsForm: { form: {} } }))).toBe(FLOWS.length);
  });
});

/** Lets the mirror's folder belong to the same account at another address. */
async function rebind(space: Workspace, from: string, to: string): Promise<void> {
  const path = 'prod/mirror.yaml';
  const { writeFileSync } = await import('node:fs');
  writeFileSync(`${space.mirror}/${path}`, space.read(path).replaceAll(from, to));
  // As the mirror itself would: what people commit there is put back.
  const message = 'prod: mirror settings\n\nCeligo-Account: prod\nCeligo-Run: 20260101T000000Z-000000';
  space.git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '-m', message, '--', path);
}

describe('a number that JavaScript cannot hold', () => {
  const tag = TAGS[0] as JsonObject & { _id: string };
  const others = TAGS.slice(1);
  const list = (extra: string): string =>
    `[${JSON.stringify(tag).replace(/}$/, `,${extra}}`)}${others.map((doc) => `,${JSON.stringify(doc)}`).join('')}]`;

  it.each([
    ['12345678901234567890', 'a long integer'],
    ['9007199254740993', 'an integer beyond 2^53'],
    ['1e400', 'one beyond every double'],
    ['0.30000000000000004441', 'a fraction with more digits'],
  ])('right-numbers: leaves the file as it is and is reported: %s, %s', { tags: 'slow' }, async (text) => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const file = space.read(space.find(tag._id));
    const rename = others[0] as JsonObject & { _id: string };
    const body = list(`"more":{"big":[1,${text}]}`).replace(`"tag":${JSON.stringify(rename.tag)}`, '"tag":"renamed"');
    account.emulator.faults.add({ match: { path: '/v1/tags' }, fault: { kind: 'body', body } });

    const report = await space.sync();

    expect(report).toMatchObject({ code: 3, incomplete: ['tags'] });
    expect(report.types.find(({ type }) => type === 'tags')?.reason).toMatch(
      `tags/${tag._id}, more.big[1]: the number ${text} cannot be stored exactly`,
    );
    expect(space.read(space.find(tag._id))).toBe(file);
    // The others go on, and all is well again afterwards.
    expect(report.changes.map(({ id }) => id)).toEqual(others.length > 0 ? [rename._id] : []);
  });

  it('right-numbers: does not matter where nothing of it is kept, and neither do 1.0, -0 and 1e23', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const body = list('"lastModified":12345678901234567890,"one":1.0,"zero":-0,"large":1e23');
    account.emulator.faults.add({ match: { path: '/v1/tags', query: { skip: '' } }, fault: { kind: 'body', body } });

    expect(stateOf(await space.sync(), 'tags')).toBe('complete');
  });

  it('is found in a document fetched by id as well', async () => {
    const account = await sample();
    const space = workspace(account, ['scripts']);
    const [script] = seed.resources.scripts as readonly (JsonObject & { _id: string })[];
    const body = JSON.stringify(script).replace(/}$/, ',"big":12345678901234567890}');
    account.emulator.faults.add({ match: { path: `/v1/scripts/${script?._id}` }, fault: { kind: 'body', body } });

    const report = await space.sync();

    expect(report).toMatchObject({ code: 3, incomplete: ['scripts'] });
    expect(report.types[0]?.reason).toContain(`scripts/${script?._id}, big`);
  });
});

describe('pages', () => {
  it('led to by nextPageURL are all read although the first is unchanged', async () => {
    const account = await sample({ paging: 'body', pageSize: 3 });
    const space = workspace(account);
    await space.mirrored();
    const created = (await account.call(account.owner, 'POST', '/v1/tags', { tag: 'new one' })) as JsonObject;

    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });

    expect(mirrored(space, String(created._id))).toMatchObject({ tag: 'new one' });
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });
  });

  it.each(['absolute', 'relative', 'bare'] as const)('have addresses of any form: %s', async (nextPageUrl) => {
    const account = await sample({ paging: 'body', pageSize: 3, nextPageUrl });
    const space = workspace(account);

    await space.mirrored();
    expect(space.files().filter((path) => /^flows\/.*yaml$/.test(path))).toHaveLength(FLOWS.length);
  });

  it('whose links are folded are read', async () => {
    const account = await sample({ linkForm: 'folded', pageSize: 3 });
    const space = workspace(account);

    expect(await space.sync()).toMatchObject({ code: 0, incomplete: [] });
    expect(space.files().filter((path) => /^flows\/.*yaml$/.test(path))).toHaveLength(FLOWS.length);
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });
  });

  it('whose links lost our parameters get them back', async () => {
    const account = await sample({ linkQuery: 'paging', pageSize: 3 });
    const space = workspace(account);

    expect(await space.sync()).toMatchObject({ code: 0, incomplete: [] });
    expect(space.files().filter((path) => /^flows\/.*yaml$/.test(path))).toHaveLength(FLOWS.length);
  });

  it.each(['gzip', 'deflate', 'br'] as const)('that are packed are read: %s', { tags: 'slow' }, async (coding) => {
    const account = await sample({ coding });
    const space = workspace(account, ['*']);

    expect(await space.sync()).toMatchObject({ code: 0, incomplete: [] });
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });
  });
});

describe('a parameter that the server refuses', () => {
  it('is left out, once, and reported when it hides records', async () => {
    const account = await sample({ otherParameters: 'reject' });
    const space = workspace(account, ['flows']);

    const report = await space.sync();

    expect(report).toMatchObject({ code: 0, incomplete: [] });
    expect(report.notices.join()).toMatch(/includeInstances.*instances of abstract flows/);
    const shown = FLOWS.filter((doc) => doc._abstractFlowId === undefined);
    expect(space.files().filter((path) => path.endsWith('.yaml'))).toHaveLength(shown.length);
  });

  it('deletes nothing that the list no longer shows, and what is gone is still found to be', async () => {
    const account = await sample();
    const space = workspace(account, ['flows']);
    await space.mirrored();
    const files = space.files();
    const refuse = (): void =>
      account.emulator.faults.add({
        match: { path: '/v1/flows', query: { includeInstances: 'true' } },
        times: 'always',
        fault: { kind: 'status', status: 400, body: { errors: [{ code: 'invalid_query_params' }] } },
      });
    refuse();

    expect(await space.sync()).toMatchObject({ code: 0, changes: [] });
    expect(space.files()).toEqual(files);
  });

  it('of a type without GET by id makes absence unbelievable', async () => {
    const account = await sample();
    const space = workspace(account, ['notifications']);
    await space.mirrored();
    const files = space.files();
    expect(files.length).toBeGreaterThan(0);
    account.emulator.faults.add({
      match: { path: '/v1/notifications', query: { users: 'all' } },
      times: 'always',
      fault: { kind: 'status', status: 400 },
    });
    account.emulator.faults.add({
      match: { path: '/v1/notifications/*' },
      times: 'always',
      fault: { kind: 'status', status: 404 },
    });

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['notifications'], changes: [] });
    expect(space.files()).toEqual(files);
  });
});

describe('the entries of a lookup cache', () => {
  it.each(['{"errors":[]}', '', '<html>'])(
    'are asked for again where the answer is %j, and then kept',
    async (body) => {
      const account = await sample();
      const settings = {
        baseUrl: account.url,
        token: account.owner.token,
        include: ['lookupcaches'],
        lookupCacheData: true,
      };
      const space = new Workspace({ prod: settings });
      await space.mirrored();
      const files = space.files();
      const odd = {
        match: { method: 'POST', path: '/v1/lookupcaches/*/getData' },
        fault: { kind: 'body', body },
      } as const;
      account.emulator.faults.add({ ...odd, times: 1 });
      expect(await space.sync('--full')).toMatchObject({ code: 0, verdict: 'unchanged' });

      account.emulator.faults.add({ ...odd, times: 'always' });
      expect(await space.sync('--full')).toMatchObject({ code: 3, incomplete: ['lookupcaches'], commits: [] });
      expect(space.files()).toEqual(files);
    },
  );
});

it('what the first listing missed is not reported as added, and what a person adds is', { tags: 'slow' }, async () => {
  const test = await seeded([], { pageSize: 5 });
  const space = workspace(test, ['flows', 'scripts']);
  const lie = { kind: 'emptyList' } as const;
  // A promised page of flows, again and again; and the only page of scripts.
  test.emulator.faults.add({ match: { path: '/v1/flows', nth: 2 }, times: 'always', fault: lie });
  test.emulator.faults.add({ match: { path: '/v1/scripts' }, times: 'always', fault: lie });
  expect(await space.sync()).toMatchObject({ code: 0 });
  test.emulator.faults.clear();
  const jane = test.person('administrator');
  test.emulator.act(jane.token).create('scripts', { name: 'Made by Jane', content: '//' });
  const owner = test.emulator.act(test.owner.token);
  owner.set('scripts', String(seed.resources.scripts?.[0]?._id), { description: 'edited since' });

  const { changes } = await space.sync();

  expect(changes.filter(({ what }) => what === 'added').length).toBeGreaterThan(10);
  const { out } = await space.run('log', '--json');
  const { entries } = JSON.parse(out) as {
    entries: { what: string; title: string; by: { name: string }; baseline: boolean }[];
  };
  const told = entries.filter(({ baseline }) => !baseline).map(({ by, what }) => `${by.name} ${what}`);
  expect(told).toEqual([`${jane.name} added`]);
});
