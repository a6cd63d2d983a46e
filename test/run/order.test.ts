import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const LARGE = ['connections', 'exports', 'imports', 'flows'];

/** Paths of a first run's requests, in their order; every list has several pages. */
async function firstRun(concurrency: number): Promise<string[]> {
  const account = await sample({ pageSize: 5 });
  const include = [...LARGE, 'scripts'];
  await new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include, concurrency } }).sync();
  return account.emulator.requests.map(({ path }) => path);
}

const isPage = (path: string): boolean => LARGE.some((type) => path === `/v1/${type}`);
const isScript = (path: string): boolean => path.startsWith('/v1/scripts/');

describe('a first run', () => {
  it('lets no page wait for documents, and begins with the list whose documents are fetched by id', {
    tags: 'slow',
  }, async () => {
    const paths = await firstRun(1);

    expect(paths.find((path) => path === '/v1/scripts' || isPage(path))).toBe('/v1/scripts');
    // When a single list is left, a document fills the time in which its next page is not known yet.
    expect(paths.slice(0, paths.findLastIndex(isPage)).filter(isScript).length).toBeLessThan(4);
  });

  it('fetches scripts while the large lists are read', { tags: 'slow' }, async () => {
    const paths = await firstRun(LARGE.length + 2);

    const [first, last] = [paths.findIndex(isPage), paths.findLastIndex(isPage)];
    expect(paths.slice(first, last).filter(isScript).length).toBeGreaterThan(2);
  });
});
