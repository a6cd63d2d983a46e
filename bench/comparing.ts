// How long a comparison of two accounts takes, compared with reading each of them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { copyAccount } from '../test/support/copied-account.ts';
import { resourceId } from './account.ts';
import { type Build, git, runNode, serve, workspace } from './processes.ts';
import { note } from './rows.ts';
import type { Scale } from './scale.ts';

/** Times `compare` of an account and a copy of it with other ids. @returns remarks */
export async function comparing(builds: readonly Build[], scale: Scale): Promise<string[]> {
  const server = await serve(scale.restored);
  const dir = workspace({ sandbox: server.url });
  const mirror = join(dir, 'mirror');
  try {
    await runNode([builds[0]?.main ?? '', 'sync'], dir);
    copyAccount(mirror, 'sandbox', 'production');
    git(mirror, 'add', '--all');
    git(mirror, 'commit', '--quiet', '--message', 'a copy');
    // As a sync leaves what it commits: git would open each of ten thousand files otherwise.
    git(mirror, 'repack', '-adq');
    const where = ['--mirror', mirror];
    const reading = [
      'impact',
      `connections/${resourceId('connections', 0)}`,
      '--json',
      '--account',
      'sandbox',
      ...where,
    ];
    for (let round = 0; round < scale.firstRuns; round++) {
      for (const { who, main } of builds) {
        note('compare', who, (await runNode([main, 'compare', 'sandbox', 'production', ...where], dir)).ms);
        if (who === 'program') note('compare', 'floor', (await runNode([main, ...reading], dir)).ms * 2);
      }
    }
    return [];
  } finally {
    server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
