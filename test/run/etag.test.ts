import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EmulatorOptions } from '../../src/emulator/http/server.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const FLOWS = [...(sampleAccount().resources.flows ?? [])].map(({ _id }) => String(_id)).sort();
const TYPES = ['flows', 'exports', 'tags'];

function accountOf({ url, owner }: TestAccount, more = {}) {
  return { baseUrl: url, token: owner.token, include: TYPES, ...more };
}

/** An account that was mirrored once, in pages of ten. */
async function mirrored(etags: 'none' | 'link' | 'bare', more: Partial<EmulatorOptions> = {}) {
  const account = await sample({ etags, pageSize: 10, ...more });
  const space = new Workspace({ prod: accountOf(account) });
  expect((await space.sync()).code).toBe(0);
  account.emulator.clearRequests();
  return { account, space };
}

/** Answers to list requests since then, by type: status → how often. */
function answers({ emulator }: TestAccount, type: string): number[] {
  return emulator.requests.filter(({ path }) => path === `/v1/${type}`).map(({ status }) => status);
}

function edit(account: TestAccount, id: string, description: string): void {
  account.emulator.act(account.owner.email).set('flows', id, { description });
}

describe('a list with ETags', () => {
  it('costs no body while it does not change', { tags: 'slow' }, async () => {
    const { account, space } = await mirrored('link');

    const report = await space.sync();

    expect(report).toMatchObject({ code: 0, commits: [], verdict: 'unchanged' });
    const statuses = TYPES.flatMap((type) => answers(account, type));
    expect(statuses.length).toBeGreaterThan(TYPES.length + 3);
    expect(new Set(statuses)).toEqual(new Set([304]));
  });

  it('is read where it changed: an edit, an addition, a deletion', { tags: 'slow' }, async () => {
    const { account, space } = await mirrored('link');
    edit(account, FLOWS.at(-1) ?? '', 'the last one');
    const edited = await space.sync();
    expect(edited.changes).toMatchObject([{ id: FLOWS.at(-1), what: 'changed' }]);
    expect(answers(account, 'flows').filter((status) => status === 304).length).toBeGreaterThan(1);
    expect(answers(account, 'exports').every((status) => status === 304)).toBe(true);

    account.emulator.act(account.owner.email).set('flows', FLOWS[0] ?? '', { description: 'the first one' });
    expect((await space.sync()).changes).toMatchObject([{ id: FLOWS[0] }]);
    await account.call(account.owner, 'POST', '/v1/tags', { tag: 'new' });
    expect((await space.sync()).changes).toMatchObject([{ type: 'tags', what: 'added' }]);
    const tag = account.emulator.state.all('tags').find((one) => one.tag === 'new');
    await account.call(account.owner, 'DELETE', `/v1/tags/${String(tag?._id)}`);
    expect((await space.sync()).changes).toMatchObject([{ type: 'tags', what: 'deleted' }]);

    account.emulator.clearRequests();
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged' });
    expect(new Set(TYPES.flatMap((type) => answers(account, type)))).toEqual(new Set([304]));
  });

  it('with a page that could not be mirrored is read again', { tags: 'slow' }, async () => {
    const { account, space } = await mirrored('link');
    const broken = FLOWS[0] ?? '';
    // What the list may have left out is looked up by id.
    await account.update(account.owner, 'flows', broken, ({ description: _, ...doc }) => doc);
    account.emulator.faults.add({
      match: { path: `/v1/flows/${broken}` },
      times: 'always',
      fault: { kind: 'status', status: 500 },
    });
    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['flows'] });
    account.emulator.faults.clear();

    expect((await space.sync()).changes).toMatchObject([{ id: broken }]);
  });

  it('is read completely whenever the cache cannot vouch for it', { tags: 'slow' }, async () => {
    const { account, space } = await mirrored('link');
    const cache = join(space.mirror, '.git', 'celigo-mirror', 'prod.cache');
    const index = join(cache, 'index.json');
    const { accesstokens: tokens = [] } = account.emulator.state.dump().resources;
    const another = String(tokens.find(({ fullAccess, revoked }) => fullAccess && !revoked)?.token);
    const cases: [string, () => void][] = [
      ['it is missing', () => rmSync(cache, { recursive: true })],
      ['it is damaged', () => writeFileSync(index, readFileSync(index, 'utf8').slice(0, 500))],
      [
        'another version wrote it',
        () => writeFileSync(index, readFileSync(index, 'utf8').replace('"version":', '$&1')),
      ],
      ['another token is used', () => space.configure({ prod: { ...accountOf(account), token: another } })],
      ['the rules are others', () => space.configure({ prod: accountOf(account, { ignore: { flows: ['x'] } }) })],
      [
        'another clone changed files of it',
        () => {
          for (const type of TYPES)
            space.git('rm', '--quiet', join('prod', space.files().find((path) => path.startsWith(type)) ?? ''));
          const message = 'prod: 2 flows deleted\n\nCeligo-Account: prod\nCeligo-Run: 20260101T000000Z-000000';
          space.git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '-m', message);
        },
      ],
    ];
    for (const [why, spoil] of cases) {
      spoil();
      account.emulator.clearRequests();
      expect((await space.sync()).code, why).toBe(0);
      expect(new Set(TYPES.flatMap((type) => answers(account, type))), why).toEqual(new Set([200]));
      space.configure({ prod: accountOf(account) });
      expect((await space.sync()).code, why).toBe(0);
      account.emulator.clearRequests();
      expect(await space.sync(), why).toMatchObject({ code: 0, verdict: 'unchanged' });
      expect(new Set(TYPES.flatMap((type) => answers(account, type))), why).toEqual(new Set([304]));
    }
    account.emulator.clearRequests();
    await space.sync('--full');
    expect(new Set(TYPES.flatMap((type) => answers(account, type)))).toEqual(new Set([200]));
  });
});

describe('a list whose 304 has no Link', () => {
  it('is asked for again where it had one, and without a condition from then on', { tags: 'slow' }, async () => {
    const { account, space } = await mirrored('bare');
    const runs: number[][][] = [];
    for (let run = 0; run < 3; run++) {
      account.emulator.clearRequests();
      expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });
      runs.push(['flows', 'tags'].map((type) => answers(account, type)));
    }

    const pages = Math.ceil(FLOWS.length / 10);
    expect(runs[0]).toEqual([Array(pages).fill([304, 200]).flat(), [304]]);
    expect(runs[1]).toEqual([Array(pages).fill(200), [304]]);
    expect(runs[2]).toEqual(runs[1]);
  });

  it('does not hide a page that was added', { tags: 'slow' }, async () => {
    const tags = (count: number) => Array.from({ length: count }, (_, i) => ({ _id: id(i), tag: `tag ${i}` }));
    const id = (i: number): string => `64f0a1b2c3d4e5f6${String(i).padStart(8, '0')}`;
    const seed = sampleAccount();
    const full = { ...seed, resources: { ...seed.resources, tags: tags(23) } };
    const { account, space } = await mirrored('bare', { seed: full });
    for (let i = 23; i < 42; i++) await account.call(account.owner, 'POST', '/v1/tags', { tag: `tag ${i}` });

    expect((await space.sync()).changes).toHaveLength(19);
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged' });
  });
});

describe('a list without ETags', () => {
  it('is asked for without conditions', async () => {
    const { account, space } = await mirrored('none');

    expect(await space.sync()).toMatchObject({ verdict: 'unchanged' });
    expect(new Set(TYPES.flatMap((type) => answers(account, type)))).toEqual(new Set([200]));
    const cache = join(space.mirror, '.git', 'celigo-mirror', 'prod.cache');
    expect(readdirSync(cache)).toContain('index.json');
    expect(readFileSync(join(cache, 'index.json'), 'utf8')).not.toContain('validators');
  });
});
