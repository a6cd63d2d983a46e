import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { plainRepository } from '../../src/config/plain.ts';
import { createGit, GitFailure, type GitProcess } from '../../src/mirror/git.ts';
import { objectReader } from '../../src/run/sync/collect/object-reader.ts';
import { ENV, git, tempDir } from '../support/workspace.ts';

it('reads objects by one process, names a missing one, and begins again where it was ended', async () => {
  const cwd = tempDir();
  git(cwd, 'init', '--quiet');
  const texts = ['', 'a\n\nb 12\n', 'ü'.repeat(300_000), 'last'];
  const oids = texts.map((input) =>
    execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd, input, encoding: 'utf8' }).trim(),
  );
  const stop = new AbortController();
  const own = createGit({ cwd, config: plainRepository(cwd), env: ENV, signal: new AbortController().signal });
  const started: GitProcess[] = [];
  const read = objectReader(
    {
      async start(args) {
        const child = await own.start(args);
        started.push(child);
        return child;
      },
    },
    stop.signal,
  );

  const missing = expect(read('0'.repeat(40))).rejects.toThrow(GitFailure);
  expect((await Promise.all(oids.map(read))).map(String)).toEqual(texts);
  await missing;
  expect(started).toHaveLength(1);

  started[0]?.kill();
  await expect(read(oids[0] ?? '')).rejects.toThrow(GitFailure);
  expect(String(await read(oids[3] ?? ''))).toBe('last');
  expect(started).toHaveLength(2);

  stop.abort();
  await expect(started[1]?.done).rejects.toThrow(GitFailure);
});
