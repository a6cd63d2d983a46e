import { describe, expect, it, vi } from 'vitest';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const idsOf = (type: string): string[] => (sampleAccount().resources[type] ?? []).map(({ _id }) => String(_id)).sort();
const [FLOWS, EXPORTS] = [idsOf('flows'), idsOf('exports')];

/** A mirrored account that is listed page by page, one request after the other; and two people who edit. */
async function mirrored() {
  const account = await sample({ pageSize: 5 });
  const { url, owner } = account;
  const space = new Workspace({
    prod: { baseUrl: url, token: owner.token, include: ['flows', 'exports', 'tags'], concurrency: 1 },
  });
  await space.mirrored();
  account.emulator.clearRequests();
  const [ann, bob] = [account.person('administrator', 0), account.person('administrator', 1)];
  return { account, space, ann, bob };
}

/** Paths of the requests since then, in their order. */
const paths = ({ emulator }: TestAccount): string[] => emulator.requests.map(({ path }) => path);
const asked = (account: TestAccount): number => paths(account).filter((path) => path === '/v1/audit').length;
const authors = (space: Workspace, commits: number): string[] =>
  space.git('log', `-${commits}`, '--format=%an').trim().split('\n').sort();

describe('the audit log', () => {
  it('is asked once, while the account is still being listed, and only if something changed', {
    tags: 'slow',
  }, async () => {
    const { account, space, ann } = await mirrored();
    await space.sync();
    account.emulator.act(ann.token).set('flows', FLOWS[0] ?? '', { description: 'edited' });
    await space.sync('--dry-run');
    expect(asked(account)).toBe(0);
    account.emulator.clearRequests();

    expect(await space.sync()).toMatchObject({ verdict: 'changed' });

    expect(asked(account)).toBe(1);
    const lists = ['/v1/flows', '/v1/exports'].map((path) => paths(account).lastIndexOf(path));
    expect(paths(account).indexOf('/v1/audit')).toBeLessThan(Math.max(...lists));
    expect(authors(space, 1)).toEqual([ann.name]);
  });

  it('is asked again about an edit that is made between the question and the page that shows it', async () => {
    const { account, space, ann, bob } = await mirrored();
    const { faults, act } = account.emulator;
    act(ann.token).set('flows', FLOWS[0] ?? '', { description: 'edited' });
    const next = faults.next;
    let edited = false;
    vi.spyOn(faults, 'next').mockImplementation((method, path, query) => {
      if (!edited && path === '/v1/exports') {
        // Heard before the question, the page is asked for again.
        if (asked(account) === 0) return { kind: 'status', status: 503 };
        edited = true;
        act(bob.token).set('exports', EXPORTS.at(-1) ?? '', { description: 'edited meanwhile' });
      }
      return next(method, path, query);
    });

    expect((await space.sync()).commits).toHaveLength(2);

    expect(edited).toBe(true);
    expect(asked(account)).toBe(2);
    expect(authors(space, 2)).toEqual([ann.name, bob.name].sort());
  });

  it('is asked again about an edit that it did not report at first', async () => {
    const { account, space, ann, bob } = await mirrored();
    const { faults, act } = account.emulator;
    act(ann.token).set('flows', FLOWS[0] ?? '', { description: 'edited' });
    const early = await account.call(account.owner, 'GET', '/v1/audit');
    // The same resource, a moment later: the entry of the first edit says nothing of the second.
    act(bob.token).set('flows', FLOWS[0] ?? '', { description: 'edited again' });
    faults.add({ match: { path: '/v1/audit' }, fault: { kind: 'body', body: early ?? [] } });
    account.emulator.clearRequests();

    await space.sync();

    expect(asked(account)).toBe(2);
    expect(authors(space, 1)).toEqual([bob.name]);
    expect(space.git('log', '-1', '--format=%b')).toContain(`Co-authored-by: ${ann.name}`);
  });

  it('is asked once about a deletion', async () => {
    const { account, space, ann } = await mirrored();
    const flow = String(account.emulator.state.all('flows').at(-1)?._id);
    await account.call(ann, 'DELETE', `/v1/flows/${flow}`);
    account.emulator.clearRequests();

    expect((await space.sync()).changes).toMatchObject([{ what: 'deleted' }]);

    expect(asked(account)).toBe(1);
    expect(authors(space, 1)).toEqual([ann.name]);
  });
});
