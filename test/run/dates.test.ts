import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readTip } from '../../src/git/commits.ts';
import { commitOnHead, FolderMoved } from '../../src/mirror/commit.ts';
import type { ObjectWriter } from '../../src/mirror/object-writer.ts';
import type { Repository } from '../../src/mirror/repository.ts';
import { sample } from '../support/account.ts';
import { ENV, Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';

/** A person commits a file. @param time of both dates */
function commitReadme({ mirror }: Workspace, time: string, path = 'README.md'): void {
  writeFileSync(join(mirror, path), `${time}\n`);
  const git = (...args: string[]): unknown =>
    execFileSync('git', ['-c', 'user.name=Bob', '-c', 'user.email=bob@example.test', ...args], {
      cwd: mirror,
      env: { ...ENV, GIT_AUTHOR_DATE: time, GIT_COMMITTER_DATE: time },
    });
  git('add', path);
  git('commit', '--quiet', '-m', 'readme');
}

it('commits have the time of the server, whatever the clock of the machine', { tags: 'slow' }, async () => {
  let clock = Date.parse('2026-05-05T12:00:00Z');
  const account = await sample({ now: () => new Date(clock) });
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.sync();
  clock += 3_600_000;
  account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'new' });
  clock += 60_000;
  await space.sync();

  const times = space.log('%ct').map((seconds) => new Date(Number(seconds) * 1000).toISOString().slice(0, 15));
  expect(times).toEqual(['2026-05-05T13:0', '2026-05-05T12:0']);
  // Its author date too, where the mirror itself is the author.
  expect(space.git('log', '--reverse', '--format=%aI').slice(0, 15)).toBe('2026-05-05T12:0');
});

it('an edit is reported once, also where the clock of the machine is days ahead', { tags: 'slow' }, async () => {
  let clock = Date.now() - 15 * 86_400_000;
  const account = await sample({ now: () => new Date(clock) });
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.sync();
  const [ann, bob] = [0, 1].map((nth) => account.person('administrator', nth).email) as [string, string];
  const script = String(account.emulator.state.all('scripts')[0]?._id);
  const edit = async (who: string, type: string, id: string, set: Record<string, string>): Promise<void> => {
    clock += 20_000;
    account.emulator.act(who).set(type, id, set);
    clock += 20_000;
    expect((await space.sync()).verdict).toBe('changed');
  };

  await edit(ann, 'flows', FLOW, { description: 'by ann' });
  await edit(ann, 'scripts', script, { content: '// by ann\n' });
  await edit(bob, 'flows', FLOW, { description: 'by bob' });

  expect(space.log('%ae')[0]).toBe(bob);
  expect(space.git('log', '-1', '--format=%B')).not.toContain('Co-authored-by');
});

it('a commit of others from the future dates no later commit (dates-future-foreign-commit)', {
  tags: 'slow',
}, async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  commitReadme(space, '2031-05-05T12:00:00Z');
  account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'new state' });

  const report = await space.sync();

  expect(report.notices.join()).toMatch(/dated in the future \(2031-05-05/);
  expect(Number(space.log('%ct')[0]) * 1000).toBeLessThanOrEqual(Date.now() + 2_000);
  expect((await space.run('show', `flows/${FLOW}`, '--at', 'now')).out).toContain('new state');
  account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'newer' });
  expect((await space.sync()).notices).toEqual([]);
});

it('commits are not made on a folder that others changed while the run was in progress', async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const git = {
    find: async ([name = '']: readonly string[]) => {
      const id = space.git('rev-parse', name).trim();
      return [{ id, bytes: Buffer.from(space.git('cat-file', 'commit', id)) }];
    },
  };
  const gitDir = join(space.mirror, '.git');
  const folderTree = async (folder: string, commit: string) => space.git('rev-parse', `${commit}:${folder}`).trim();
  const repository = { git, gitDir, folderTree, branch: 'main' } as unknown as Repository;
  const known = await readTip(repository, 'HEAD');
  commitReadme(space, '2026-11-01T12:00:00Z', 'prod/NOTES.md');

  const commit = commitOnHead(repository, {} as ObjectWriter, [], new Date(), { known, folder: 'prod' });

  await expect(commit).rejects.toThrow(FolderMoved);
});
