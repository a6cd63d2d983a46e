import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { plainRepository } from '../../src/config/plain.ts';
import { createGit } from '../../src/git/git.ts';
import { ENV, tempDir } from '../support/workspace.ts';

it('the output of a command is complete, also where the last of it comes after the command ended', async () => {
  const dir = tempDir();
  const program = join(dir, 'git');
  // The moment is the subject of the test: a busy machine reads a pipe as late.
  writeFileSync(program, '#!/bin/sh\necho first\n(sleep 0.4; echo last) &\nexit 0\n');
  chmodSync(program, 0o755);
  const { signal } = new AbortController();
  const git = createGit({
    cwd: dir,
    config: plainRepository(dir),
    env: { ...ENV, PATH: `${dir}:${ENV.PATH}` },
    signal,
  });

  expect(await git.run(['--version'])).toBe('first\nlast\n');
});
