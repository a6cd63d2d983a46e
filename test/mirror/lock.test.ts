import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { acquireLock } from '../../src/mirror/lock.ts';
import { tempDir } from '../support/workspace.ts';

it('a lock whose owner cannot be written, as on a full disk, does not keep out the next run', async () => {
  const dir = tempDir();
  const ignore = (): void => undefined;
  const acquire = (): Promise<() => Promise<void>> =>
    acquireLock({ dir, waitMs: 0, onWait: ignore, onLost: ignore, signal: new AbortController().signal });
  const owner = join(dir, 'celigo-mirror.owner.json');
  // Not even root can write a file in the place of a folder.
  mkdirSync(owner);
  await expect(acquire()).rejects.toMatchObject({ code: 'EISDIR' });
  rmdirSync(owner);

  const release = await acquire();
  await release();
});
