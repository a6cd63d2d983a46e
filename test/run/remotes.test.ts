import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, git, tempDir, Workspace } from '../support/workspace.ts';

const AS = ['-c', 'user.name=Colleague', '-c', 'user.email=c@x.test'];

/** A mirror of the flows alone. */
async function stage(
  remote?: string,
  repository = {},
): Promise<{ account: TestAccount; space: Workspace; edit: () => void }> {
  const account = await sample();
  const settings = { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } };
  const space = new Workspace(settings, { repository: { ...(remote ? { remote } : {}), ...repository } });
  let edits = 0;
  const id = String(account.emulator.state.all('flows').find((flow) => !flow._connectorId)?._id);
  const edit = () => account.emulator.act(account.owner.token).set('flows', id, { description: `edit ${edits++}` });
  return { account, space, edit };
}

function configureRemote(space: Workspace, { url, owner }: TestAccount, remote: string): void {
  space.configure({ prod: { baseUrl: url, token: owner.token, include: ['flows'] } }, { repository: { remote } });
}

/** What somebody else commits and pushes. */
function pushes(remote: string, files: Record<string, string>): void {
  const other = join(tempDir(), 'other');
  git('/', 'clone', '--quiet', remote, other);
  if (git(other, 'branch', '--list').trim() === '') git(other, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(other, path)), { recursive: true });
    writeFileSync(join(other, path), text);
  }
  git(other, 'add', '--all');
  git(other, ...AS, 'commit', '--quiet', '-m', 'by a colleague');
  git(other, 'push', '--quiet', 'origin', 'main');
}

function hook(remote: string, text: string): void {
  const file = join(remote, 'hooks', 'pre-receive');
  writeFileSync(file, `#!/bin/sh\n${text}\nexit 1\n`);
  chmodSync(file, 0o755);
}

const BANNER = Array.from({ length: 8 }, (_, i) => `echo '---- ${'='.repeat(60)} ${i} ${'welcome '.repeat(12)}'`);
const HELP = Array.from(
  { length: 60 },
  (_, i) => `echo 'To bypass this, read page ${i} of the handbook of your forge.'`,
);
const REASON = "echo 'error: RULE-17: prod/scripts/x.js holds a key (commit abc123)'";

describe('what a server says', () => {
  eachOf(
    [
      ['after a banner', [...BANNER, REASON]],
      ['before a page of help', [REASON, ...HELP]],
      ['between both', [...BANNER, REASON, ...HELP]],
    ],
    { quick: 0 },
  )('push-reason-cut: %s is reported, with what to do', async (_, lines) => {
    const remote = bareRemote();
    const { space, edit } = await stage(remote);
    await space.sync();
    hook(remote, lines.join('\n'));
    edit();

    const outcome = await space.run('sync');

    expect(outcome.code).toBe(3);
    expect(outcome.out).toContain('error: RULE-17: prod/scripts/x.js holds a key (commit abc123)');
    expect(outcome.out).toMatch(/the commits are kept\n +→ The server refuses them for this reason, and will again/);
    expect(outcome.out).not.toContain('====');
    expect(outcome.out.length).toBeLessThan(4_000);
    const { remote: told } = await space.sync();
    expect(told).toMatchObject({ state: 'behind', remedy: expect.stringContaining('The server refuses them') });
  });

  it('is followed by another promise where the failure passes by itself', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    const { space, edit } = await stage(remote);
    await space.sync();
    renameSync(remote, `${remote}.away`);
    edit();

    const { out, code } = await space.run('sync');

    expect([code, out]).toEqual([3, expect.stringContaining('are kept and will be pushed by the next run')]);
    expect((await space.sync()).remote).not.toHaveProperty('remedy');
  });
});

describe('a remote that holds another history', () => {
  it('remote-unrelated-readme: sync and doctor name the way out, and it leads out', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    pushes(remote, { 'README.md': 'made by the forge\n' });
    const { account, space } = await stage();
    await space.sync();
    configureRemote(space, account, remote);

    const outcome = await space.run('sync');
    expect(outcome.code).toBe(3);
    expect(outcome.out).toMatch(
      /no commit in common.*; the commits are kept\n +→ Use an empty repository as the remote/,
    );
    expect(outcome.out).not.toContain('will be pushed by the next run');
    const doctor = await space.run('doctor');
    expect([doctor.code, doctor.out]).toEqual([1, expect.stringMatching(/fault +history .*no commit in common/)]);
    expect(git(remote, 'log', '--format=%s', 'main').trim()).toBe('by a colleague');

    const [, advice = ''] = /: git (-C .*)$/m.exec(outcome.out) ?? [];
    git('/', ...AS, ...advice.replace('<address of the remote>', remote).split(' '));
    expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    expect(readFileSync(join(space.mirror, 'README.md'), 'utf8')).toBe('made by the forge\n');
    expect((await space.run('doctor')).code).toBe(0);
  });

  it('whose history was rewritten is a fault for doctor, too', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    const { space, edit } = await stage(remote);
    await space.sync();
    git(remote, 'update-ref', '-d', 'refs/heads/main');
    pushes(remote, { 'README.md': 'a new world\n' });
    edit();

    const report = await space.sync();
    expect([report.code, report.remote.remedy]).toEqual([3, expect.stringContaining('Put that history back')]);
    expect((await space.run('doctor')).out).toMatch(/fault +history .*rewritten/);
  });
});

describe('right-remote-refusals', () => {
  eachOf<[string, (remote: string) => void, RegExp]>(
    [
      [
        'with its branch checked out',
        (remote) => {
          git(remote, 'config', 'core.bare', 'false');
          git(remote, 'config', 'receive.denyCurrentBranch', 'refuse');
        },
        /checked out/,
      ],
      [
        'with a branch below the name of ours',
        (remote) => {
          const empty = git(remote, 'hash-object', '-t', 'tree', '-w', '/dev/null').trim();
          const made = git(remote, ...AS, 'commit-tree', '-m', 'x', empty).trim();
          git(remote, 'update-ref', 'refs/heads/main/old', made);
        },
        /refs\/heads\/main/,
      ],
    ],
    { quick: 0 },
  )('a remote %s: exit 3 with the reason, the commits stay', async (_, prepare, reason) => {
    const remote = bareRemote();
    prepare(remote);
    const { space } = await stage(remote);

    const report = await space.sync();

    expect(report).toMatchObject({ code: 3, remote: { state: 'behind', reason: expect.stringMatching(reason) } });
    // No later run makes up for it.
    expect(report.remote.remedy).toContain('settle it there');
    expect(space.log()).toHaveLength(1);
  });

  it('a remote that checks objects takes odd names and times of people', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    git(remote, 'config', 'receive.fsckObjects', 'true');
    const { account, space } = await stage(remote);
    await space.sync();
    const flows = account.emulator.state.all('flows').filter((flow) => !flow._connectorId);
    const people = ['<b>Jane</b>', 'a\nb', ' \u202eevil ', 'Zoë 😀'];
    for (const [i, name] of people.entries()) {
      const editor = account.emulator.act(account.person('administrator', i % 2).token);
      Object.assign(account.person('administrator', i % 2), { name });
      editor.set('flows', String(flows[i]?._id), { description: `by ${i}` });
      expect(await space.sync(), name).toMatchObject({ code: 0, remote: { state: 'current' } });
    }
    expect(git(remote, 'fsck', '--strict')).toBe('');
  });
});

describe('what others keep beside the mirror', () => {
  it('right-crlf-and-attributes: line ends, attributes and filters are taken over, and the clone stays clean', {
    tags: 'slow',
  }, async () => {
    const remote = bareRemote();
    const { space, edit } = await stage(remote);
    await space.sync();
    for (const files of [
      { 'README.md': 'one\r\ntwo\r\n' },
      { '.gitattributes': '* text=auto\n*.yaml filter=lfs diff=lfs merge=lfs -text\n*.bin filter=lfs\n', 'x.bin': 'x' },
      { 'README.md': 'one\r\ntwo\r\nthree\r\n' },
    ]) {
      pushes(remote, files as Record<string, string>);
      edit();
      expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
      expect(space.git('status', '--porcelain')).toBe('');
    }
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    for (const path of space.files()) expect(space.git('show', `HEAD:prod/${path}`)).toBe(space.read(`prod/${path}`));
  });

  it('right-submodule-and-nested-git: commits go on, with all files in them', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    const { space, edit } = await stage(remote);
    await space.sync();
    const other = join(tempDir(), 'other');
    const [inner, empty] = [bareRemote(), tempDir()];
    git('/', 'clone', '--quiet', remote, other);
    git(empty, 'init', '--quiet', '--initial-branch=main');
    git(empty, ...AS, 'commit', '--quiet', '--allow-empty', '-m', 'inner');
    git(empty, 'push', '--quiet', inner, 'main');
    git(other, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '-b', 'main', inner, 'tools');
    git(other, ...AS, 'commit', '--quiet', '-m', 'a submodule');
    git(other, 'push', '--quiet');
    edit();

    expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
    git(join(space.mirror, 'prod', 'flows'), 'init', '--quiet');
    const files = space.git('ls-tree', '-r', '--name-only', 'HEAD', 'prod/flows/');
    edit();
    expect(await space.sync()).toMatchObject({ code: 0, commits: [expect.anything()], remote: { state: 'current' } });
    expect(space.git('ls-tree', '-r', '--name-only', 'HEAD', 'prod/flows/')).toBe(files);
    expect(space.git('ls-tree', 'HEAD', 'tools')).toMatch(/^160000 commit/);
  });
});

describe('an account folder that others removed', () => {
  it('account-folder-removed: is put back with its key and its files, with a notice, and counts as no change', {
    tags: 'slow',
  }, async () => {
    const remote = bareRemote();
    const { space, edit } = await stage(remote);
    await space.sync();
    const [binding, files] = [space.read('prod/mirror.yaml'), space.contents()];
    const other = join(tempDir(), 'other');
    git('/', 'clone', '--quiet', remote, other);
    git(other, 'rm', '--quiet', '-r', 'prod');
    git(other, ...AS, 'commit', '--quiet', '-m', 'not needed any more');
    git(other, 'push', '--quiet');

    const report = await space.sync();

    expect(report).toMatchObject({ code: 0, changes: [], remote: { state: 'current' } });
    expect(report.notices.join('\n')).toMatch(/Colleague/);
    expect([space.read('prod/mirror.yaml'), space.contents()]).toEqual([binding, files]);
    edit();
    expect(await space.sync()).toMatchObject({ code: 0, changes: [{ what: 'changed' }], notices: [] });
    const log = JSON.parse((await space.run('log', '--json')).out) as {
      entries: { baseline: boolean; what: string }[];
    };
    expect(log.entries.filter(({ baseline }) => !baseline).map(({ what }) => what)).toEqual(['changed']);
  });
});

describe('right-work-tree-forms', () => {
  eachOf<[string, (remote: string, path: string) => void]>(
    [
      [
        'a linked work tree',
        (remote, path) => {
          const main = join(tempDir(), 'clone');
          git('/', 'clone', '--quiet', remote, main);
          git(main, 'checkout', '--quiet', '--detach');
          git(main, 'worktree', 'add', '--quiet', path, 'main');
        },
      ],
      ['a clone without its files', (remote, path) => void git('/', 'clone', '--quiet', '--no-checkout', remote, path)],
      [
        'a clone with a detached HEAD and no branch',
        (remote, path) => {
          git('/', 'clone', '--quiet', remote, path);
          git(path, 'checkout', '--quiet', '--detach');
          git(path, 'branch', '--quiet', '-D', 'main');
        },
      ],
    ],
    { quick: 0 },
  )('%s: committed and pushed', async (_, prepare) => {
    const remote = bareRemote();
    const { account, space, edit } = await stage(remote);
    await space.sync();
    const path = join(tempDir(), 'form');
    prepare(remote, path);
    const again = new Workspace(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
      { repository: { remote, path } },
    );
    edit();

    expect(await again.sync()).toMatchObject({ code: 0, changes: [{ what: 'changed' }], remote: { state: 'current' } });
    expect(git(remote, 'rev-parse', 'main')).toBe(git(path, 'rev-parse', 'HEAD'));
    expect(git(path, 'status', '--porcelain')).toBe('');
    expect(git(path, 'ls-tree', '-r', '--name-only', 'HEAD').split('\n').length).toBeGreaterThan(10);
    expect(existsSync(join(path, 'prod', 'flows'))).toBe(true);
  });
});
