import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, cli, ENV, git, tempDir, Workspace } from '../support/workspace.ts';

/** A mirror with three commits: the first listing, and an edit by each of two people. */
async function lived(remote: string | undefined): Promise<{ account: TestAccount; space: Workspace }> {
  const account = await sample();
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, include: ['scripts', 'flows'] } },
    remote === undefined ? {} : { repository: { remote } },
  );
  await space.mirrored();
  for (const nth of [0, 1]) {
    const editor = account.emulator.act(account.person('administrator', nth).email);
    const script = String(account.emulator.state.all('scripts')[nth]?._id);
    editor.set('scripts', script, { content: `// edited by number ${nth}\n` });
    await space.sync();
  }
  expect(space.log()).toHaveLength(3);
  return { account, space };
}

function packs(space: Workspace): string[] {
  const folder = join(space.mirror, '.git', 'objects', 'pack');
  const names = readdirSync(folder).filter((name) => name.endsWith('.pack'));
  return names.map((name) => join(folder, name)).sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs);
}

/** Puts every object into a file of its own, as a fetch leaves them: so that a single one can be damaged. */
function loosen(space: Workspace): void {
  for (const pack of packs(space)) {
    const aside = join(tempDir(), 'pack');
    renameSync(pack, aside);
    rmSync(pack.replace(/pack$/, 'idx'));
    execFileSync('git', ['unpack-objects', '-q'], { cwd: space.mirror, env: ENV, input: readFileSync(aside) });
  }
}

function object(space: Workspace, id: string): string {
  loosen(space);
  return join(space.mirror, '.git', 'objects', id.slice(0, 2), id.slice(2));
}

function looseObjects(space: Workspace): string[] {
  loosen(space);
  const root = join(space.mirror, '.git', 'objects');
  return readdirSync(root)
    .filter((name) => name.length === 2)
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name)));
}

/** What a power loss leaves of files that never reached the disk. */
const DAMAGES: Record<string, (space: Workspace) => void> = {
  'the newest commit is empty': (space) => truncateSync(object(space, space.git('rev-parse', 'HEAD').trim()), 0),
  'the branch is empty': (space) => truncateSync(join(space.mirror, '.git', 'refs', 'heads', 'main'), 0),
  'the tree of the newest commit is gone': (space) =>
    rmSync(object(space, space.git('rev-parse', 'HEAD:prod').trim()), { force: true }),
  'the topmost tree is gone': (space) =>
    rmSync(object(space, space.git('rev-parse', 'HEAD^{tree}').trim()), { force: true }),
  'the settings of the mirror are empty': (space) =>
    truncateSync(object(space, space.git('rev-parse', 'HEAD:prod/mirror.yaml').trim()), 0),
  'branch and index are empty': (space) => {
    for (const name of ['index', 'refs/heads/main']) truncateSync(join(space.mirror, '.git', name), 0);
  },
  'the index and the newest commit are empty': (space) => {
    truncateSync(object(space, space.git('rev-parse', 'HEAD').trim()), 0);
    truncateSync(join(space.mirror, '.git', 'index'), 0);
  },
  'everything of the last two commits is empty': (space) => {
    const old = new Set(space.git('rev-list', '--objects', '--no-object-names', 'HEAD~2').split('\n'));
    for (const file of looseObjects(space)) if (!old.has(file.slice(-41).replace('/', ''))) truncateSync(file, 0);
    truncateSync(join(space.mirror, '.git', 'refs', 'heads', 'main'), 0);
  },
};

/** The folder with the damaged data, which a notice names. */
function asideOf(report: { readonly notices: readonly string[] }): string {
  return /the damaged data was moved to (\S+)/.exec(report.notices.join('\n'))?.[1] ?? '';
}

function expectWhole(space: Workspace): void {
  expect(space.git('fsck', '--strict', '--no-dangling').trim()).toBe('');
  expect(space.git('status', '--porcelain')).toBe('');
}

describe('a clone that a power loss damaged', () => {
  it('is not repaired where git keeps branches in another format than files', { tags: 'slow' }, async () => {
    const { space } = await lived(undefined);
    truncateSync(object(space, space.git('rev-parse', 'HEAD').trim()), 0);
    // Only newer versions of git can make such a clone.
    mkdirSync(join(space.mirror, '.git', 'reftable'));
    const before = readFileSync(join(space.mirror, '.git', 'refs', 'heads', 'main'), 'utf8');

    const { code, error } = await space.sync();

    expect(code).toBe(1);
    expect(error?.message).toContain('the clone is damaged and could not be repaired: its branches are in the format');
    expect(error?.hint).toContain(space.mirror);
    expect(readFileSync(join(space.mirror, '.git', 'refs', 'heads', 'main'), 'utf8')).toBe(before);
  });

  eachOf(Object.entries(DAMAGES), { quick: 0 })('is filled again from its remote: %s', async (_, damage) => {
    const remote = bareRemote();
    const { account, space } = await lived(remote);
    const head = space.git('rev-parse', 'HEAD');
    damage(space);

    const report = await space.sync();

    expect(report.code, JSON.stringify(report.error)).toBe(0);
    expect(report.notices.join()).toContain('the clone was damaged and has been repaired');
    expect(space.git('rev-parse', 'HEAD')).toBe(head);
    expectWhole(space);
    expect(readdirSync(asideOf(report))).toEqual(expect.arrayContaining(['HEAD', 'objects', 'refs']));
    // And continues.
    const script = String(account.emulator.state.all('scripts')[2]?._id);
    account.emulator.act(account.owner.email).set('scripts', script, { content: '// after\n' });
    expect((await space.sync()).verdict).toBe('changed');
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    expect(space.log()).toHaveLength(4);
  });

  eachOf(Object.entries(DAMAGES), { quick: 1 })(
    'continues from its newest readable commit without a remote: %s',
    async (_, damage) => {
      const { space } = await lived(undefined);
      damage(space);

      const report = await space.sync();

      expect(report.code, JSON.stringify(report.error)).toBe(0);
      expect(report.notices.join()).toContain('the clone was damaged and has been repaired');
      expectWhole(space);
      expect(readdirSync(asideOf(report))).toEqual(expect.arrayContaining(['HEAD', 'objects', 'refs']));
      // What the account holds is there, whoever is named as its author.
      for (const nth of [0, 1]) expect(space.git('grep', '-h', `edited by number ${nth}`, 'HEAD')).not.toBe('');
      expect((await space.sync()).verdict).toBe('unchanged');
    },
  );

  eachOf<[string, (pack: string, index: string) => void]>(
    [
      ['is cut off', (pack) => truncateSync(pack, Math.floor(statSync(pack).size / 2))],
      ['is empty', (pack) => truncateSync(pack, 0)],
      ['lost its index', (_, index) => rmSync(index)],
      ['has an empty index', (_, index) => truncateSync(index, 0)],
      ['is gone', (pack, index) => [pack, index].forEach((file) => void rmSync(file))],
    ],
    { quick: 0 },
  )('is whole again where its newest pack %s', async (_, damage) => {
    const { account, space } = await lived(bareRemote());
    const head = space.git('rev-parse', 'HEAD');
    const newest = packs(space).at(-1) ?? '';
    const itsIndex = newest.replace(/pack$/, 'idx');
    for (const file of [newest, itsIndex]) chmodSync(file, 0o644);
    damage(newest, itsIndex);

    expect((await space.sync()).code).toBe(0);

    expect(space.git('rev-parse', 'HEAD')).toBe(head);
    const script = String(account.emulator.state.all('scripts')[2]?._id);
    account.emulator.act(account.owner.email).set('scripts', script, { content: '// after\n' });
    expect((await space.sync()).verdict).toBe('changed');
    expectWhole(space);
  });

  eachOf(
    [
      ['from the remote', true, ''],
      ['from the work tree', false, 'theirs\n'],
    ],
    { quick: 0 },
  )('has the files of others again, too: %s', async (_, hasRemote, left) => {
    const { account, space } = await lived(hasRemote ? bareRemote() : undefined);
    const file = join(space.mirror, 'OWNERS');
    writeFileSync(file, 'theirs\n');
    space.git('add', 'OWNERS');
    space.git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '-m', 'theirs');
    await space.sync();
    const settings = space.git('rev-parse', 'HEAD:prod/mirror.yaml').trim();
    rmSync(object(space, space.git('rev-parse', 'HEAD:OWNERS').trim()));
    truncateSync(object(space, settings), 0);
    if (left === '') rmSync(file);
    const script = String(account.emulator.state.all('scripts')[2]?._id);
    account.emulator.act(account.owner.email).set('scripts', script, { content: '// after\n' });

    const report = await space.sync();

    expect(report.code, JSON.stringify(report.error)).toBe(0);
    expect(report.commits).toHaveLength(1);
    if (left === '') space.git('checkout', '--quiet', '--', 'OWNERS');
    expect(readFileSync(file, 'utf8')).toBe('theirs\n');
    expectWhole(space);
  });

  it('keeps commits that were not pushed, and what a person branched off', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    const { account, space } = await lived(remote);
    const edit = (nth: number, content: string): void => {
      const script = String(account.emulator.state.all('scripts')[nth]?._id);
      account.emulator.act(account.owner.email).set('scripts', script, { content });
    };
    edit(2, '// not pushed\n');
    await space.sync('--no-push');
    space.git('branch', 'kept', 'HEAD~2');
    const unpushed = space.git('rev-parse', 'HEAD');
    // Of the commit before, which the remote has.
    truncateSync(object(space, space.git('rev-parse', 'HEAD~1').trim()), 0);
    truncateSync(join(space.mirror, '.git', 'refs', 'heads', 'main'), 0);

    const report = await space.sync();

    expect(report.code, JSON.stringify(report.error)).toBe(0);
    expect(report.notices.join()).toContain('its history was fetched again from the remote');
    expect(report.notices.join()).not.toContain('could not be read');
    expect(space.git('rev-parse', 'HEAD')).toBe(unpushed);
    expect(git(remote, 'rev-parse', 'main')).toBe(unpushed);
    expect(space.git('rev-parse', 'kept')).toBe(space.git('rev-parse', 'HEAD~2'));
    expectWhole(space);
  });

  it('is left as it is when the remote lost what was pushed', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    const { space } = await lived(remote);
    git(remote, 'update-ref', 'refs/heads/main', 'main~1');
    const head = space.git('rev-parse', 'HEAD').trim();
    truncateSync(object(space, head), 0);

    const report = await space.sync();

    expect(report.code).toBe(1);
    expect(report.error?.message).toContain('the clone is damaged and could not be repaired');
    expect(report.error?.message).toContain(`the remote no longer holds ${head.slice(0, 12)}`);
    expect(git(remote, 'rev-list', '--count', 'main').trim()).toBe('2');
    git(remote, 'update-ref', 'refs/heads/main', head);
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });
    expect(space.git('rev-parse', 'HEAD').trim()).toBe(head);
    expectWhole(space);
  });

  it('continues from its newest readable commit where the remote does not have the branch yet', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const space = new Workspace(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['scripts', 'flows'] } },
      { repository: { remote: bareRemote() } },
    );
    await space.mirrored('--no-push');
    const script = String(account.emulator.state.all('scripts')[0]?._id);
    account.emulator.act(account.owner.email).set('scripts', script, { content: '// edited\n' });
    await space.sync('--no-push');
    truncateSync(object(space, space.git('rev-parse', 'HEAD').trim()), 0);

    const report = await space.sync();

    expect(report.code, JSON.stringify(report.error)).toBe(0);
    expect(report.remote).toEqual({ state: 'current' });
    expect(space.git('grep', '-h', '// edited', 'HEAD')).not.toBe('');
    expectWhole(space);
  });

  it('is filled again without a program that the user names for packing', { tags: 'slow' }, async () => {
    const { space } = await lived(bareRemote());
    const folder = tempDir();
    const [hook, ran] = [join(folder, 'hook.sh'), join(folder, 'ran')];
    writeFileSync(hook, `#!/bin/sh\ntouch ${ran}\nexec "$@"\n`, { mode: 0o755 });
    writeFileSync(join(folder, 'gitconfig'), `[uploadpack]\n\tpackObjectsHook = ${hook}\n`);
    truncateSync(object(space, space.git('rev-parse', 'HEAD').trim()), 0);

    const outcome = await cli(['sync'], space.dir, { GIT_CONFIG_GLOBAL: join(folder, 'gitconfig') });

    expect(outcome.code, outcome.out + outcome.err).toBe(0);
    expect(outcome.out).toContain('was fetched again');
    expect(existsSync(ran)).toBe(false);
  });

  it.skipIf(process.getuid?.() === 0)('keeps objects that this user may not read', async () => {
    const { space } = await lived(undefined);
    const file = object(space, space.git('rev-parse', 'HEAD').trim());
    chmodSync(file, 0);

    expect((await space.sync()).code).toBe(1);

    chmodSync(file, 0o444);
    expectWhole(space);
    expect(space.log()).toHaveLength(3);
  });

  const HARMLESS: Record<string, (space: Workspace) => void> = {
    'the folder of temporary files is missing': ({ dir }) => void vi.stubEnv('TMPDIR', join(dir, 'missing')),
    'git cannot write a pack': (space) => void space.git('config', 'pack.window', 'none'),
  };
  it.each(Object.entries(HARMLESS))(
    'is sound when its remote cannot be reached and %s',
    { tags: 'slow' },
    async (_, harm) => {
      const remote = bareRemote();
      const { space } = await lived(remote);
      renameSync(remote, `${remote}.away`);
      harm(space);

      const report = await space.sync().finally(() => vi.unstubAllEnvs());

      expect(report, JSON.stringify(report.error)).toMatchObject({ code: 3, remote: { state: 'behind' } });
      expect(report.notices.join()).not.toContain('damaged');
    },
  );

  it('is repaired by the next run where a run ended in the middle of it', { tags: 'slow' }, async () => {
    const { space } = await lived(undefined);
    const head = space.git('rev-parse', 'HEAD').trim();
    space.git('tag', 'lost');
    // Git cannot remove the tag, which is the last step of the repair.
    const lock = join(space.mirror, '.git', 'refs', 'tags', 'lost.lock');
    mkdirSync(join(lock, 'held'), { recursive: true });
    truncateSync(object(space, head), 0);
    expect((await space.sync()).code).toBe(1);
    rmSync(lock, { recursive: true });

    const report = await space.sync();

    expect(report.code, JSON.stringify(report.error)).toBe(0);
    expect(space.log()).toHaveLength(3);
    for (const nth of [0, 1]) expect(space.git('grep', '-h', `edited by number ${nth}`, 'HEAD')).not.toBe('');
  });

  it('is left as it is when a commit is written badly and can be read', { tags: 'slow' }, async () => {
    const { account, space } = await lived(undefined);
    const raw = space.git('cat-file', 'commit', 'HEAD').replace(/^author .* </m, 'author x<');
    const file = join(space.dir, 'raw');
    writeFileSync(file, raw);
    const commit = space.git('hash-object', '-t', 'commit', '-w', '--literally', file).trim();
    space.git('update-ref', 'refs/heads/main', commit);
    expect(() => space.git('fsck')).toThrow();
    const script = String(account.emulator.state.all('scripts')[2]?._id);
    account.emulator.act(account.owner.email).set('scripts', script, { content: '// after\n' });
    // No commit succeeds.
    mkdirSync(join(space.mirror, '.git', 'refs', 'heads', 'main.lock', 'held'), { recursive: true });

    const report = await space.sync();

    expect(report.code).toBe(1);
    expect(report.notices.join()).not.toContain('damaged');
  });

  it('continues when its HEAD is empty', async () => {
    const { space } = await lived(undefined);
    truncateSync(join(space.mirror, '.git', 'HEAD'), 0);
    writeFileSync(join(space.mirror, '.git', 'HEAD.lock'), '');

    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });

    expectWhole(space);
    expect(space.log()).toHaveLength(3);
  });

  it('is reported by doctor also where no run reads what is missing', { tags: 'slow' }, async () => {
    const { space } = await lived(undefined);
    expect((await space.run('doctor')).out).toMatch(/ok +objects/);
    const old = space.git('rev-parse', 'HEAD~2:prod/scripts').trim();
    rmSync(object(space, old));

    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });
    const outcome = await space.run('doctor');

    expect(outcome.code).toBe(1);
    expect(outcome.out).toMatch(/fault +objects +parts of the history are missing/);
  });

  it('is reported as not repairable when nothing of it is left', { tags: 'slow' }, async () => {
    const { space } = await lived(undefined);
    for (const file of looseObjects(space)) if (statSync(file).size > 0) truncateSync(file, 0);

    const outcome = await space.run('sync');

    expect(outcome.code).toBe(1);
    expect(outcome.err + outcome.out).toContain('the clone is damaged and could not be repaired');
    expect(outcome.err + outcome.out).not.toMatch(/internal error|\n\s+at .+:\d+:\d+/);
  });
});
