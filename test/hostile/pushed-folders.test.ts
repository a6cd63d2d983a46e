import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, git, tempDir, Workspace } from '../support/workspace.ts';

const AS = ['-c', 'user.name=Eve', '-c', 'user.email=eve@x.test'];
const FOLDER = 'prod/flows';

interface Places {
  /** A clone of another person. */
  readonly clone: string;
  /** A folder of this machine that the mirror must not touch. */
  readonly outside: string;
  /** A document of the mirror. */
  readonly file: string;
}

/** What somebody commits in the place of a folder or a file of the mirror. */
const PUSHED: [string, (places: Places) => void][] = [
  ...[FOLDER, 'prod'].map((link): [string, (places: Places) => void] => [
    `a link in the place of ${link}`,
    ({ clone, outside }) => {
      rmSync(join(clone, link), { recursive: true });
      symlinkSync(outside, join(clone, link));
    },
  ]),
  ...[FOLDER, 'prod'].map((file): [string, (places: Places) => void] => [
    `a file in the place of ${file}`,
    ({ clone }) => {
      rmSync(join(clone, file), { recursive: true });
      writeFileSync(join(clone, file), 'not a folder\n');
    },
  ]),
  [
    'a link in the place of a file',
    ({ clone, outside, file }) => {
      rmSync(join(clone, file));
      symlinkSync(join(outside, 'kept'), join(clone, file));
    },
  ],
  [
    'a repository in the place of a folder',
    ({ clone }) => {
      rmSync(join(clone, FOLDER), { recursive: true });
      const id = git(clone, 'rev-parse', 'HEAD').trim();
      git(clone, 'rm', '-r', '-q', '--cached', FOLDER);
      git(clone, 'update-index', '--add', '--cacheinfo', `160000,${id},${FOLDER}`);
    },
  ],
];

async function pushed(push: (places: Places) => void) {
  const [account, remote, outside] = [await sample(), bareRemote(), tempDir()];
  writeFileSync(join(outside, 'kept'), 'kept\n');
  const settings = { baseUrl: account.url, token: account.owner.token, include: ['flows'] };
  const space = new Workspace({ prod: settings }, { repository: { remote } });
  await space.sync();
  const files = space.files();
  const clone = join(tempDir(), 'clone');
  git('/', 'clone', '--quiet', remote, clone);
  push({ clone, outside, file: `prod/${files[0]}` });
  if (!git(clone, 'diff', '--cached', '--name-only').trim()) git(clone, 'add', '--all');
  git(clone, ...AS, 'commit', '--quiet', '-m', 'a change');
  git(clone, 'push', '--quiet');
  const flow = String(account.emulator.state.all('flows')[0]?._id);
  account.emulator.act(account.owner.token).set('flows', flow, { description: 'edited' });
  /** The mirror is whole, and nothing was written elsewhere. */
  const isWhole = (): void => {
    expect(readdirSync(outside)).toEqual(['kept']);
    expect(space.git('ls-tree', '-r', 'HEAD', 'prod')).not.toMatch(/^(?:120000|160000)/m);
    expect(space.files().filter((path) => path.startsWith('flows/'))).toEqual(files);
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
  };
  return { space, remote, outside, isWhole };
}

describe('what a person pushed in the place of what the mirror writes', () => {
  eachOf(PUSHED, { quick: 0 })('%s is never followed, and undone by the next run', async (_, push) => {
    const { space, isWhole } = await pushed(push);

    const outcome = await space.run('sync');
    expect(outcome.code, outcome.out + outcome.err).toBe(0);
    isWhole();
    expect((await space.run('sync')).code).toBe(0);
    isWhole();
    expect(space.git('log', '--format=%an')).toContain('Eve');
    expect((await space.run('verify')).code).toBe(0);
  });

  it('a link in the place of a folder that is there when the run begins is reported', { tags: 'slow' }, async () => {
    const { space, remote, outside, isWhole } = await pushed(PUSHED[0]?.[1] as (typeof PUSHED)[0][1]);
    space.git('pull', '--quiet', '--no-rebase', '-X', 'theirs', remote, 'main');
    expect(lstatSync(join(space.mirror, FOLDER)).isSymbolicLink()).toBe(true);

    const { code, out, err } = await space.run('sync');
    expect(code, out + err).toBe(0);
    expect(out + err).toContain(`${FOLDER} was pushed as a symbolic link; the mirror's files take its place again`);
    expect(readdirSync(outside)).toEqual(['kept']);
    isWhole();
  });

  it('a folder whose name differs in case is left alone, and named by verify', { tags: 'slow' }, async () => {
    const { space, isWhole } = await pushed(({ clone, file }) => {
      mkdirSync(join(clone, 'prod/Flows'));
      writeFileSync(join(clone, file.replace('flows', 'Flows')), 'theirs\n');
    });

    expect((await space.run('sync')).code).toBe(0);
    isWhole();
    const { code, out, err } = await space.run('verify');
    expect(code).toBe(1);
    expect(out + err).toContain('prod/Flows/');
  });
});
