import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { git, tempDir, Workspace } from '../support/workspace.ts';

const STACK = String(sampleAccount().resources.stacks?.[0]?._id);
/** A flow that nothing needs. */
const FLOW = '6794c3e8c3a91b7e41300002';

function settings(account: TestAccount, ...include: string[]) {
  return { prod: { baseUrl: account.url, token: account.owner.token, include } };
}

/** What people put in the place of a file, or of its folder. Gives the path of what they keep there. */
const OBSTACLES: Record<string, (root: string, path: string) => string> = {
  'a folder in its place'(root, path) {
    mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, path, 'note.txt'), 'theirs');
    return `${path}/note.txt`;
  },
  'a file in the place of its folder'(root, path) {
    rmSync(join(root, dirname(path)), { recursive: true, force: true });
    writeFileSync(join(root, dirname(path)), 'theirs');
    return dirname(path);
  },
  'a link in its place'(root, path) {
    const target = join(tempDir(), 'target');
    writeFileSync(target, 'elsewhere');
    mkdirSync(join(root, dirname(path)), { recursive: true });
    symlinkSync(target, join(root, path));
    return path;
  },
};

/** What a path holds in the commit that saves manual changes. */
function saved({ mirror }: Workspace, path: string): string {
  const [commit = ''] = git(mirror, 'for-each-ref', '--format=%(objectname)', 'refs/celigo-mirror/rescue').split('\n');
  return git(mirror, 'show', `${commit}:${path}`);
}

describe('what people put in the way of a file of the mirror is saved before it goes', () => {
  eachOf(
    Object.keys(OBSTACLES).map((what) => [what] as const),
    { quick: 1 },
  )('%s, before the file is written for the first time', async (what) => {
    const account = await sample();
    const space = new Workspace(settings(account, 'scripts'));
    await space.mirrored();
    const other = new Workspace(settings(account, 'scripts', 'stacks'));
    await other.mirrored();
    const path = `prod/${other.files().find((file) => file.includes(STACK))}`;
    const kept = OBSTACLES[what]?.(space.mirror, path) ?? '';
    space.configure(settings(account, 'scripts', 'stacks'));

    expect(await space.sync()).toMatchObject({ code: 0, commits: [{}] });
    expect(saved(space, kept)).toMatch(/^theirs$|\/target$/);
    expect(readFileSync(join(space.mirror, path), 'utf8')).toBe(space.git('show', `HEAD:${path}`));
    expect(space.git('status', '--porcelain')).toBe('');
    expect(await space.sync()).toMatchObject({ code: 0, notices: [], commits: [] });
  });

  eachOf(
    Object.keys(OBSTACLES)
      .slice(0, 2)
      .map((what) => [what] as const),
    { quick: 0 },
  )('%s, where the file was', async (what) => {
    const account = await sample();
    const space = new Workspace(settings(account, 'stacks'));
    await space.mirrored();
    const path = `prod/${space.files().find((file) => file.includes(STACK))}`;
    rmSync(join(space.mirror, path));
    const kept = OBSTACLES[what]?.(space.mirror, path) ?? '';

    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
    expect(saved(space, kept)).toBe('theirs');
    expect(space.git('status', '--porcelain')).toBe('');
  });
});

it('a file in the place of the account’s folder is named, and stays', async () => {
  const account = await sample();
  const space = new Workspace(settings(account, 'stacks'));
  git('/', 'init', '--quiet', '--initial-branch=main', space.mirror);
  writeFileSync(join(space.mirror, 'prod'), 'theirs');

  const { code, error } = await space.sync();

  expect(code).toBe(1);
  expect(error?.message).toBe(
    `${space.mirror}/prod is a file, and the mirror of the account needs a folder of that name`,
  );
  expect(readFileSync(join(space.mirror, 'prod'), 'utf8')).toBe('theirs');
});

it('a note of a commit that is an option of git opens no file', async () => {
  const account = await sample();
  const space = new Workspace(settings(account, 'stacks'));
  await space.mirrored();
  const victim = join(tempDir(), 'victim');
  writeFileSync(victim, 'theirs');
  for (const noted of [`--output=${victim}`, 'HEAD~1', '-p']) {
    writeFileSync(join(space.mirror, '.git', 'celigo-mirror', 'work-tree'), noted);
    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
  }
  expect(readFileSync(victim, 'utf8')).toBe('theirs');
  expect(space.git('status', '--porcelain')).toBe('');
});

describe('a run killed before the work tree followed a deletion is made good', () => {
  /** A clone whose branch names the deletion of a file, and whose files and index are those before it. */
  async function behind(format: string): Promise<{ space: Workspace; path: string }> {
    const account = await sample();
    const space = new Workspace(settings(account, 'flows'));
    git('/', 'init', '--quiet', '--initial-branch=main', `--object-format=${format}`, space.mirror);
    await space.sync();
    const before = space.git('rev-parse', 'HEAD').trim();
    const path = `prod/${space.files().find((file) => file.includes(FLOW))}`;
    await account.call(account.owner, 'DELETE', `/v1/flows/${FLOW}`);
    await space.sync();
    space.git('read-tree', '-m', '-u', 'HEAD', before);
    writeFileSync(join(space.mirror, '.git', 'celigo-mirror', 'work-tree'), before);
    expect(existsSync(join(space.mirror, path))).toBe(true);
    return { space, path };
  }

  it('where objects have the ids of SHA-256', { tags: 'slow' }, async () => {
    const { space, path } = await behind('sha256');

    expect(await space.sync()).toMatchObject({ code: 0, commits: [], notices: [] });
    expect(existsSync(join(space.mirror, path))).toBe(false);
    expect(space.git('status', '--porcelain')).toBe('');
  });

  it('where people put a folder in the place of the file, which stays', { tags: 'slow' }, async () => {
    const { space, path } = await behind('sha1');
    rmSync(join(space.mirror, path));
    mkdirSync(join(space.mirror, path));
    writeFileSync(join(space.mirror, path, 'note.txt'), 'theirs');

    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
    expect(readFileSync(join(space.mirror, path, 'note.txt'), 'utf8')).toBe('theirs');
  });
});
