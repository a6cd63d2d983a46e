import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { plainRepository } from '../../src/config/plain.ts';
import { commitFiles } from '../../src/mirror/commit.ts';
import { openRepository } from '../../src/mirror/repository.ts';
import { ENV, git, tempDir } from '../support/workspace.ts';

it('a folder that git cannot write is a failure, and not committed as deleted', async () => {
  const root = join(tempDir(), 'mirror');
  const repository = await openRepository({
    config: plainRepository(root),
    env: ENV,
    folders: ['prod'],
    lockWaitMs: 1_000,
    signal: new AbortController().signal,
    onNotice: () => undefined,
    onLost: () => undefined,
  });
  mkdirSync(join(root, 'prod'));
  for (const file of ['OWNERS', 'prod/one.yaml']) writeFileSync(join(root, file), 'x\n');
  git(root, 'add', '.');
  git(root, '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-qm', 'first');
  const head = git(root, 'rev-parse', 'HEAD');
  const blob = git(root, 'rev-parse', 'HEAD:OWNERS').trim();
  // What no tree can be made of, as on a full disk.
  git(root, 'update-index', '--add', '--cacheinfo', `100644,${blob},prod/two`);
  writeFileSync(join(root, '.git', 'index.lock'), '');
  const author = { name: 'Ann', email: 'ann@x.test' };
  const request = { message: 'm', author, authorDate: new Date(), paths: [] };

  await expect(commitFiles(repository, 'prod', [], request, new Date())).rejects.toThrow(/write-tree/);

  expect(git(root, 'rev-parse', 'HEAD')).toBe(head);
  await repository.close();
});
