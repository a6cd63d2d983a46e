import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { canMount, mountDisk, type SmallDisk } from '../support/small-disk.ts';
import { type Outcome, Workspace } from '../support/workspace.ts';

/** KiB; the mirror of the sample account takes about two MiB. */
const SIZES = [48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1280, 1536, 1792, 2048];

/** A run that had no room says so: what to do where it failed, and where only the work tree is behind, that it is. */
function expectHonest({ code, out, err }: Outcome): void {
  expect([0, 1, 3], out + err).toContain(code);
  if (code === 1) expect(out).toMatch(/"hint": "(Free some|Check free) space/);
  if (code === 3) expect(out).toContain('the files of prod/ are older than the last commit');
  expect(out + err).not.toMatch(/internal error|\n\s+at .+:\d+:\d+/);
}

/** The mirror is whole, and nothing of a run that failed lies about. */
function expectClean(space: Workspace, wanted: Record<string, string>): void {
  expect(space.git('fsck', '--strict', '--no-dangling').trim()).toBe('');
  expect(space.git('status', '--porcelain')).toBe('');
  expect(space.contents()).toEqual(wanted);
  const files = readdirSync(join(space.mirror, '.git'), { recursive: true, encoding: 'utf8' });
  expect(files.filter((name) => /tmp_|fast_import_crash|\.lock$/.test(name))).toEqual([]);
}

async function fillDisk(space: Workspace, fresh: Workspace, account: TestAccount, disk: SmallDisk, size: number) {
  expectHonest(await space.run('sync', '--json'));
  disk.resize(65_536);
  expect((await space.sync()).code).toBe(0);
  await fresh.mirrored();
  expectClean(space, fresh.contents());

  const scripts = account.emulator.state.all('scripts');
  const [before, content] = [space.git('rev-parse', 'HEAD'), `// ${'long '.repeat(2_000)}\n`];
  for (const { _id } of scripts) account.emulator.act(account.owner.email).set('scripts', String(_id), { content });
  disk.fill((size / 8) * 1024);
  const run = await space.run('sync', '--json');
  expectHonest(run);
  if (run.code === 0) expect(space.git('rev-parse', 'HEAD')).not.toBe(before);
  disk.dropBallast();
  expect((await space.sync()).code).toBe(0);
  await fresh.sync();
  expectClean(space, fresh.contents());
  expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
}

it.skipIf(!canMount()).each(SIZES)(
  'runs that fill a disk of %i KiB say so, and the next one with more room is clean',
  { tags: 'slow', timeout: 120_000 },
  async (size) => {
    const account = await sample();
    const settings = { prod: { baseUrl: account.url, token: account.owner.token } };
    const [space, fresh] = [new Workspace(settings), new Workspace(settings)];
    mkdirSync(space.mirror);
    const disk = mountDisk(space.mirror, size);
    if (!disk) throw new Error('a disk cannot be mounted any more');
    try {
      await fillDisk(space, fresh, account, disk, size);
    } finally {
      disk.unmount();
    }
  },
);
