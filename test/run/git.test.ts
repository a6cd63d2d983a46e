import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { gitOverHttp } from '../support/git-http.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, CANNOT_SIGN, cli, ENV, git, start, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = String(sampleAccount().resources.flows?.find((doc) => !doc._connectorId)?._id);

function workspace(account: TestAccount, repository: Record<string, string | Record<string, string>> = {}): Workspace {
  return new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows', 'scripts'] } },
    { repository },
  );
}

/** A repository whose hook notes that it ran. */
function hostileRemote(ran: string): string {
  const remote = bareRemote();
  writeFileSync(join(remote, 'hooks', 'pre-receive'), `#!/bin/sh\ntouch ${ran}/pre-receive\n`, { mode: 0o755 });
  return remote;
}

let edits = 0;
async function edit(account: TestAccount): Promise<void> {
  edits += 1;
  await account.update(account.owner, 'flows', FLOW, (doc) => ({ ...doc, description: `edit ${edits}` }));
}

/** Somebody else pushes a README to the remote. */
function colleaguePushes(remote: string, text = 'by a colleague\n'): void {
  const other = join(tempDir(), 'other');
  git('/', 'clone', '--quiet', remote, other);
  writeFileSync(join(other, 'README.md'), text);
  git(other, 'add', '.');
  git(other, '-c', 'user.name=Colleague', '-c', 'user.email=c@x', 'commit', '--quiet', '-m', 'readme');
  git(other, 'push', '--quiet');
}

describe('a clone in a bad state is put right', () => {
  it('except where a file of git never ends to be read', { timeout: 20_000 }, async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const index = join(space.mirror, '.git', 'index');
    rmSync(index);
    execFileSync('mkfifo', [index]);

    const { code, out } = await start(['sync'], space.dir).done;

    expect(code).toBe(1);
    expect(out).toContain(`${index} is neither a file nor a folder (a named pipe, say)`);
  });

  eachOf([['index.lock'], ['HEAD.lock'], ['refs/heads/main.lock'], ['config.lock']], { quick: 0 })(
    'after a git that died and left %s',
    async (name) => {
      const account = await sample();
      const space = workspace(account);
      await space.mirrored();
      writeFileSync(join(space.mirror, '.git', name), '');
      await edit(account);

      expect(await space.sync()).toMatchObject({ code: 0, notices: [expect.stringContaining(name)] });
      expect(space.log()).toHaveLength(2);
    },
  );

  it('with a detached HEAD', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    git(space.mirror, 'checkout', '--quiet', '--detach');
    await edit(account);

    expect(await space.sync()).toMatchObject({ code: 0 });
    expect(space.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('main');
    expect(space.log()).toHaveLength(2);
  });

  it('with a renamed branch', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    git(space.mirror, 'branch', '-m', 'trunk');
    await edit(account);

    expect(await space.sync()).toMatchObject({ code: 0 });
    expect(space.git('log', '--format=%s', 'main').trim().split('\n')).toHaveLength(2);
  });

  it('on another branch, whose commits stay', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    git(space.mirror, 'checkout', '--quiet', '-b', 'work');
    writeFileSync(join(space.mirror, 'NOTES.md'), 'mine');
    git(space.mirror, 'add', 'NOTES.md');
    git(space.mirror, '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '-m', 'mine');
    await edit(account);

    expect(await space.sync()).toMatchObject({ code: 0 });
    expect(space.git('log', '--format=%s', 'work').split('\n')[0]).toBe('mine');
    expect(space.git('log', '--format=%s', 'main')).not.toContain('mine');
  });

  it('on a branch that has no commit yet', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    git(space.mirror, 'checkout', '--quiet', '--orphan', 'work');
    await edit(account);

    const report = await space.sync();

    expect(report.code, JSON.stringify(report.error)).toBe(0);
    expect(space.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('main');
    expect(space.log()).toHaveLength(2);
    expect(space.git('status', '--porcelain')).toBe('');
  });

  it('whose index had some of its bytes changed, which git does not see', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const file = join(space.mirror, '.git', 'index');
    const bytes = readFileSync(file);
    const head = space.git('rev-parse', 'HEAD');
    for (let round = 0; round < 10; round++) {
      // Ids, names and flags of entries, here and there.
      const damaged = Buffer.from(bytes);
      for (let i = 0; i < 40; i++)
        damaged[200 + ((round * 7919 + i * 6151) % (bytes.length - 400))] = (round + i * 31) % 256;
      writeFileSync(file, damaged);

      const report = await space.sync();

      expect(report.code, JSON.stringify(report.error)).toBe(0);
      expect(report.notices).toContain('the index of the clone was damaged and has been rebuilt');
      expect(space.git('status', '--porcelain')).toBe('');
    }
    space.git('fsck', '--strict');
    expect(space.git('rev-parse', 'HEAD')).toBe(head);
  });

  it('whose index is gone, with files next to the mirror', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    writeFileSync(join(space.mirror, 'OWNERS'), 'us\n');
    space.git('add', 'OWNERS');
    space.git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '-m', 'ours');
    rmSync(join(space.mirror, '.git', 'index'));
    await edit(account);

    const report = await space.sync();

    expect(report.code, JSON.stringify(report.error)).toBe(0);
    expect(report.notices).toEqual(['the index of the clone was gone and has been rebuilt']);
    expect(space.git('status', '--porcelain')).toBe('');
    expect(space.git('for-each-ref', 'refs/celigo-mirror/rescue')).toBe('');
  });

  eachOf(
    [
      ['--skip-worktree', '4'],
      ['--assume-unchanged', '2'],
      ['--skip-worktree', '2'],
      ['--assume-unchanged', '4'],
    ],
    { quick: 0 },
  )('whose index has git overlook a file: %s in version %s', async (flag, version) => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const file = space.find(FLOW);
    const held = space.read(file);
    space.git('update-index', '--index-version', version);
    space.git('update-index', flag, file);
    writeFileSync(join(space.mirror, file), 'edited\n');

    expect(await space.sync()).toMatchObject({ code: 0 });

    expect(space.read(file)).toBe(held);
    expect(space.git('ls-files', '-v', file)).toMatch(/^H /);
    expect(space.git('for-each-ref', 'refs/celigo-mirror/rescue')).not.toBe('');
  });

  it('whose files are in another folder is refused, and nothing is written there', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const elsewhere = tempDir();
    space.git('config', 'core.worktree', elsewhere);
    await edit(account);

    const { code, error } = await space.sync();

    expect([code, error?.message]).toEqual([1, expect.stringContaining('core.worktree')]);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  it('with a damaged index', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    writeFileSync(join(space.mirror, '.git', 'index'), 'garbage');
    await edit(account);
    // The program may be called from inside another repository, whose index is not ours.
    git(space.dir, 'init', '--quiet');
    git(space.dir, 'add', 'celigo-mirror.yaml');

    const outcome = await start(['sync'], space.dir).done;

    expect(outcome.code, outcome.out + outcome.err).toBe(0);
    expect(space.git('status', '--porcelain')).toBe('');
    expect(space.log()).toHaveLength(2);
    expect(git(space.dir, 'ls-files').trim()).toBe('celigo-mirror.yaml');
  });

  it('whose .git was made only partly', async () => {
    const account = await sample();
    const space = workspace(account);
    mkdirSync(join(space.mirror, '.git', 'objects'), { recursive: true });

    expect(await space.sync()).toMatchObject({ code: 0 });
  });

  it('inside the work tree of another repository, which stays untouched', async () => {
    const account = await sample();
    const space = workspace(account);
    git(space.dir, 'init', '--quiet');

    expect(await space.sync()).toMatchObject({ code: 0 });
    expect(space.log()).toHaveLength(1);
    expect(git(space.dir, 'rev-list', '--all')).toBe('');
  });
});

describe('a user’s own git configuration', () => {
  it('can neither run hooks nor change bytes, branch or signature', { tags: 'slow' }, async () => {
    const account = await sample();
    const home = tempDir();
    const hook = '#!/bin/sh\ntouch "$HOME/hook-ran"\nexit 1\n';
    mkdirSync(join(home, 'hooks'));
    for (const name of ['pre-commit', 'commit-msg', 'post-commit', 'post-index-change', 'pre-push', 'post-checkout']) {
      writeFileSync(join(home, 'hooks', name), hook, { mode: 0o755 });
    }
    mkdirSync(join(home, 'template', 'hooks'), { recursive: true });
    writeFileSync(join(home, 'template', 'hooks', 'pre-commit'), hook, { mode: 0o755 });
    writeFileSync(join(home, 'attributes'), '* text eol=crlf ident\n');
    writeFileSync(join(home, 'ignore'), '*.js\nflows/\n');
    writeFileSync(
      join(home, 'gitconfig'),
      [
        '[core]',
        `hooksPath = ${home}/hooks`,
        'autocrlf = true',
        'safecrlf = true',
        `attributesFile = ${home}/attributes`,
        `excludesFile = ${home}/ignore`,
        'fsmonitor = /bin/false',
        '[commit]',
        'gpgSign = true',
        '[gpg]',
        'program = /bin/false',
        '[init]',
        'defaultBranch = trunk',
        `templateDir = ${home}/template`,
        '[user]',
        'useConfigOnly = true',
      ].join('\n'),
    );
    const space = workspace(account);
    const remote = bareRemote();
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows', 'scripts'] } },
      { repository: { remote } },
    );

    const outcome = await start(['sync', '--json'], space.dir, {
      HOME: home,
      GIT_CONFIG_GLOBAL: join(home, 'gitconfig'),
    }).done;

    expect(outcome.code, outcome.out + outcome.err).toBe(0);
    expect(existsSync(join(home, 'hook-ran'))).toBe(false);
    expect(space.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('main');
    const script = sampleAccount().resources.scripts?.find((doc) => String(doc.content).includes('\r\n'));
    expect(space.git('show', `HEAD:${space.find(String(script?._id)).replace(/yaml$/, 'js')}`)).toBe(script?.content);
    expect(git(remote, 'rev-parse', 'main').trim()).toBe(space.git('rev-parse', 'HEAD').trim());
  });

  it('nor that of anyone else names a program that runs', { tags: 'slow' }, async () => {
    const account = await sample();
    const [home, ran] = [tempDir(), tempDir()];
    const plant = (name: string): string => `touch ${ran}/${name}`;
    const remote = bareRemote();
    const space = workspace(account, { remote });
    await space.mirrored();
    const gitDir = join(space.mirror, '.git');

    // By a push: attributes that call for the user's own filter.
    const other = join(tempDir(), 'other');
    git('/', 'clone', '--quiet', remote, other);
    writeFileSync(join(other, '.gitattributes'), '* filter=lfs\n');
    writeFileSync(join(other, 'README.md'), 'by a colleague\n');
    const conversions = 'filter=lfs text eol=crlf ident working-tree-encoding=UTF-16';
    writeFileSync(join(other, 'prod', 'flows', '.gitattributes'), `*.yaml ${conversions}\n`);
    git(other, 'add', '.gitattributes', 'README.md', 'prod/flows/.gitattributes');
    git(other, '-c', 'user.name=Colleague', '-c', 'user.email=c@x', 'commit', '--quiet', '-m', 'attributes');
    git(other, 'push', '--quiet');

    const hooks = (dir: string, names: readonly string[]): void => {
      mkdirSync(dir, { recursive: true });
      for (const name of names)
        writeFileSync(join(dir, name), `#!/bin/sh\n${plant(`hook-${name}`)}\n`, { mode: 0o755 });
    };
    const ours = ['post-checkout', 'post-index-change', 'pre-push', 'reference-transaction', 'pre-auto-gc'];
    const theirs = ['pre-receive', 'update', 'post-receive', 'post-update', 'proc-receive'];
    hooks(join(gitDir, 'hooks'), ours);
    hooks(join(home, 'hooks'), [...ours, ...theirs]);
    const filter = (name: string): string[] => [
      `[filter "${name}"]`,
      ...['clean', 'smudge'].map((what) => `${what} = "${plant(`${name}-${what}`)}; cat"`),
      `process = "${plant(`${name}-process`)}; exit 1"`,
      'required = true',
    ];
    writeFileSync(
      join(home, 'gitconfig'),
      [
        ...filter('lfs'),
        '[core]',
        `hooksPath = ${home}/hooks`,
        `alternateRefsCommand = ${plant('alternates-of-user')}; true`,
        '[uploadpack]',
        `packObjectsHook = "${plant('pack-objects')}; exec"`,
        '[hook "global"]',
        `command = ${plant('configured-hook-of-user')}`,
        'event = reference-transaction',
      ].join('\n'),
    );

    // In the clone.
    writeFileSync(join(home, 'included'), filter('included').join('\n'));
    mkdirSync(join(gitDir, 'info'), { recursive: true });
    writeFileSync(join(gitDir, 'info', 'attributes'), '* filter=Own.x diff=evil merge=evil\n');
    writeFileSync(join(gitDir, 'objects', 'info', 'alternates'), `${join(remote, 'objects')}\n`);
    const programs = ['fsmonitor', 'sshCommand', 'askPass', 'editor', 'pager', 'gitProxy'];
    writeFileSync(
      join(gitDir, 'config'),
      [
        readFileSync(join(gitDir, 'config'), 'utf8'),
        '[core]',
        ...programs.map((name) => `${name} = ${plant(name)}`),
        `alternateRefsCommand = ${plant('alternates')}; true`,
        `attributesFile = ${gitDir}/info/attributes`,
        ...filter('Own.x'),
        '[include]',
        `path = ${home}/included`,
        '[diff]',
        `external = ${plant('diff-external')}`,
        '[diff "evil"]',
        `textconv = "${plant('textconv')}; cat"`,
        `command = ${plant('diff-command')}`,
        '[merge]',
        'default = evil',
        '[merge "evil"]',
        `driver = ${plant('merge')}`,
        '[gpg]',
        `program = ${plant('gpg')}`,
        '[gpg "openpgp"]',
        `program = ${plant('openpgp')}`,
        '[gpg "ssh"]',
        `program = ${plant('gpg-ssh')}`,
        `defaultKeyCommand = ${plant('key-command')}`,
        '[commit]',
        'gpgSign = true',
        '[log]',
        'showSignature = true',
        '[credential]',
        `helper = "!${plant('credential')}"`,
        '[hook "evil"]',
        `command = ${plant('configured-hook')}`,
        'event = reference-transaction',
        '[uploadpack]',
        `packObjectsHook = ${plant('pack-objects-of-clone')}`,
        `[remote "${remote}"]`,
        `uploadpack = "${plant('uploadpack')}; git-upload-pack"`,
        `receivepack = "${plant('receivepack')}; git-receive-pack"`,
        '[sequence]',
        `editor = ${plant('sequence-editor')}`,
        '[protocol "ext"]',
        'allow = always',
        '[alias]',
        `log = "!${plant('alias')}"`,
        '[submodule]',
        'recurse = true',
        '[submodule "nested"]',
        `update = "!${plant('submodule')}"`,
        'ignore = none',
        '',
      ].join('\n'),
    );

    const env = { HOME: home, GIT_CONFIG_GLOBAL: join(home, 'gitconfig') };
    const flow = space.find(FLOW);
    const codes: number[] = [];
    for (const args of [['sync'], ['sync', '--full'], ['sync']]) {
      await edit(account);
      // Undone, and kept aside: both look at the file's bytes.
      writeFileSync(join(space.mirror, 'prod', 'scripts', 'more.js'), '');
      writeFileSync(join(space.mirror, flow), 'edited\n');
      codes.push((await cli(args, space.dir, env)).code);
    }
    for (const args of [['doctor'], ['log'], ['verify', '--signatures'], ['drill'], ['diff'], ['lint']])
      await cli(args, space.dir, env);

    expect(readdirSync(ran)).toEqual([]);
    expect(codes).toEqual([0, 0, 0]);
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    const [held, there] = [git(remote, 'show', `main:${flow}`), readFileSync(join(space.mirror, flow), 'utf8')];
    expect(held).toContain(`description: edit ${edits}\n`);
    expect(there).toBe(held);
    expect(space.git('for-each-ref', 'refs/celigo-mirror/rescue').trim().split('\n')).toHaveLength(3);
  });

  it('nor a repository within the clone', { tags: 'slow' }, async () => {
    const account = await sample();
    const ran = tempDir();
    const space = workspace(account);
    await space.mirrored();
    const nested = join(space.mirror, 'prod', 'flows', 'nested');
    const by = ['-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '-m', 'x'];
    git(space.mirror, 'init', '--quiet', nested);
    writeFileSync(join(nested, 'file'), 'one');
    git(nested, 'add', 'file');
    git(nested, ...by);
    git(space.mirror, '-c', 'advice.addEmbeddedRepo=false', 'add', nested);
    git(space.mirror, ...by);
    git(nested, 'config', 'filter.evil.clean', `touch ${ran}/filter; cat`);
    writeFileSync(join(nested, '.git', 'info', 'attributes'), '* filter=evil\n');
    writeFileSync(join(nested, 'file'), 'two');
    await edit(account);

    await space.sync();
    await space.run('doctor');

    expect(readdirSync(ran)).toEqual([]);
  });

  it.each([
    ['a helper', (ran: string) => `ext::sh -c touch% ${ran}/helper #`],
    ['a folder with hooks', (ran: string) => hostileRemote(ran)],
  ])('nor %s in the place of the remote', { tags: 'slow' }, async (_, url) => {
    const account = await sample();
    const [ran, remote] = [tempDir(), bareRemote()];
    const local = workspace(account, { remote });
    await local.mirrored();
    const away = workspace(account, { remote: 'https://127.0.0.1:9/mirror.git' });
    await away.sync('--no-push').catch(() => undefined);
    for (const space of [local, away]) {
      if (!existsSync(join(space.mirror, '.git'))) space.git('init', '--quiet');
      const config = join(space.mirror, '.git', 'config');
      const from = space === local ? remote : 'https://127.0.0.1:9/';
      writeFileSync(
        config,
        [
          `${readFileSync(config, 'utf8')}[protocol "ext"]\nallow = always`,
          `[url ${JSON.stringify(url(ran))}]\ninsteadOf = ${from}\n`,
        ].join('\n'),
      );
      await edit(account);
    }
    // Its own remote is reached, the other one is not there.
    expect((await local.sync()).code).toBe(0);
    expect(git(remote, 'rev-parse', 'main')).toBe(local.git('rev-parse', 'HEAD'));
    expect((await away.sync()).code).not.toBe(0);
    expect(readdirSync(ran)).toEqual([]);
  });

  it('gives the password of an HTTPS remote, and the clone’s configuration does not', { tags: 'slow' }, async () => {
    const account = await sample();
    const [home, remote] = [tempDir(), bareRemote()];
    const server = await gitOverHttp(remote, 'mirror-bot', 'pass-word-17');
    const space = workspace(account, { remote: server.url });
    const answer = '!f() { echo username=mirror-bot; echo password=pass-word-17; }; f';
    writeFileSync(join(home, 'gitconfig'), `[credential]\nhelper = "${answer}"\n`);
    git(space.dir, 'init', '--quiet', '--initial-branch=main', space.mirror);
    space.git('config', 'credential.helper', `!touch ${home}/ran; false`);
    space.git('config', `credential.${server.url}.helper`, `!touch ${home}/ran; false`);

    const env = { HOME: home, GIT_CONFIG_GLOBAL: join(home, 'gitconfig') };
    const { code, out } = await cli(['sync', '--json'], space.dir, env);

    expect(code, out).toBe(0);
    expect(existsSync(join(home, 'ran'))).toBe(false);
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
  });

  it.each([
    ['remote.other.uploadpack', [['remote.other.promisor', 'true']]],
    ['filter.a=b.clean', []],
  ])('is refused where it names a program that cannot be kept from running: %s', async (key, more) => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    for (const [name = '', value = ''] of [[key, 'false'], ...more]) space.git('config', name, value);
    await edit(account);

    expect(await space.sync()).toMatchObject({
      code: 1,
      error: { code: 'REPOSITORY', message: expect.stringContaining(key) },
    });
    expect((await space.run('doctor')).out).toContain(key);
  });

  it('keeps its attributes for files that are not the mirror’s', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const file = join(space.mirror, '.git', 'info', 'attributes');
    writeFileSync(file, `*.md text\n${readFileSync(file, 'utf8')}*.png -text`);
    await space.sync();
    const once = readFileSync(file, 'utf8');
    await space.sync();

    expect(readFileSync(file, 'utf8')).toBe(once);
    const reported = space.git('check-attr', 'text', '--', 'x.md', 'x.png', 'prod/x.md');
    expect(reported).toBe('x.md: text: set\nx.png: text: unset\nprod/x.md: text: unset\n');
  });

  it('may stand in the environment as well, as npm, hooks and shells leave it there', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    const names = [
      ...['EDITOR', 'VISUAL', 'PAGER', 'PREFIX', 'SSH_ASKPASS'],
      ...[
        'DIR',
        'WORK_TREE',
        'INDEX_FILE',
        'OBJECT_DIRECTORY',
        'EXEC_PATH',
        'EDITOR',
        'SEQUENCE_EDITOR',
        'PAGER',
        'ASKPASS',
      ],
    ];
    const env = Object.fromEntries(names.map((name, i) => [i < 5 ? name : `GIT_${name}`, '/nonexistent/program']));

    const outcome = await start(['sync', '--json'], space.dir, {
      ...env,
      GIT_AUTHOR_NAME: 'Somebody',
      GIT_CONFIG_COUNT: '1',
    }).done;

    expect(outcome.code, outcome.out + outcome.err).toBe(0);
    expect(space.log('%an')).toEqual(['celigo-mirror']);
  });

  it('is not written to', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();

    expect(space.git('config', '--local', '--list')).not.toMatch(/user\.|celigo|credential|hooks/i);
  });
});

describe('clone-object-format', () => {
  eachOf(
    [
      ['sha1', 'empty'],
      ['sha256', 'full'],
      ['sha256', 'empty'],
      ['sha1', 'full'],
    ],
    { quick: 0 },
  )('a new clone has the format of its remote: %s, %s', async (format, state) => {
    const account = await sample();
    const remote = join(tempDir(), 'remote.git');
    git('/', 'init', '--quiet', '--bare', '--initial-branch=main', `--object-format=${format}`, remote);
    if (state === 'full') {
      const other = join(tempDir(), 'other');
      git('/', 'init', '--quiet', '--initial-branch=main', `--object-format=${format}`, other);
      git(other, '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '--allow-empty', '-m', 'begin');
      git(other, 'push', '--quiet', remote, 'main');
    }
    const space = workspace(account, { remote });
    const env = { GIT_DEFAULT_HASH: format === 'sha1' ? 'sha256' : 'sha1' };

    for (const args of [['sync'], ['sync', '--full']]) {
      const outcome = await cli(args, space.dir, env);
      expect(outcome.code, outcome.out + outcome.err).toBe(0);
      await edit(account);
    }

    expect(space.git('rev-parse', '--show-object-format').trim()).toBe(format);
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    expect(git(remote, 'fsck', '--strict')).toBe('');
  });
});

describe('a remote', () => {
  it('that is empty gets the first commit, and every later one', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, { remote });

    expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
    await edit(account);
    await space.sync();

    expect(git(remote, 'log', '--format=%s', 'main').trim().split('\n')).toHaveLength(2);
  });

  it('fills a clone that is not there, also a shallow one', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    await workspace(account, { remote }).sync();
    const second = workspace(account, { remote });
    const third = workspace(account, { remote });
    git(third.dir, 'clone', '--quiet', '--depth=1', `file://${remote}`, third.mirror);

    expect(await second.sync()).toMatchObject({ code: 0, commits: [] });
    await edit(account);
    expect(await third.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
    expect(git(remote, 'log', '--format=%s', 'main').trim().split('\n')).toHaveLength(2);
  });

  /** What a run leaves that is killed after it moved the branch to what others pushed, before any file follows. */
  function diesFollowing(space: Workspace, remote: string): void {
    writeFileSync(join(space.mirror, '.git', 'celigo-mirror', 'work-tree'), space.git('rev-parse', 'HEAD'));
    space.git('fetch', '--quiet', remote, '+refs/heads/main:refs/celigo-mirror/remote');
    space.git('update-ref', 'refs/heads/main', 'refs/celigo-mirror/remote');
  }

  eachOf<[string, (space: Workspace, remote: string) => void]>(
    [
      ['an index that is gone', (space) => rmSync(join(space.mirror, '.git', 'index'))],
      ['other times', (space) => utimesSync(join(space.mirror, 'README.md'), new Date(1e12), new Date(1e12))],
      ['a run that died before their file', diesFollowing],
      [
        'a run that died within their file',
        (space, remote) => {
          diesFollowing(space, remote);
          writeFileSync(join(space.mirror, 'README.md'), 'the se');
        },
      ],
      [
        'a run that died after their file, and before they pushed once more',
        (space, remote) => {
          diesFollowing(space, remote);
          space.git('read-tree', '-m', '-u', 'HEAD~1', 'HEAD');
          colleaguePushes(remote, 'the third\n');
        },
      ],
    ],
    { quick: 0 },
  )('that others changed a file in is followed also with %s', async (_, happens) => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, { remote });
    await space.mirrored();
    colleaguePushes(remote);
    await space.sync();
    colleaguePushes(remote, 'the second\n');
    happens(space, remote);
    await edit(account);

    expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });

    expect(readFileSync(join(space.mirror, 'README.md'), 'utf8')).toBe(space.git('show', 'HEAD:README.md'));
    expect(space.git('status', '--porcelain')).toBe('');
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
  });

  it('that others changed a file in never loses what they made of it', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, { remote });
    await space.mirrored();
    colleaguePushes(remote);
    await space.sync();
    colleaguePushes(remote, 'the second\n');
    writeFileSync(join(space.mirror, 'README.md'), 'not committed yet\n');

    expect(await space.sync()).toMatchObject({ code: 3, remote: { state: 'behind' } });

    expect(readFileSync(join(space.mirror, 'README.md'), 'utf8')).toBe('not committed yet\n');
  });

  it('that others pushed to never loses a file of its own to theirs', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, { remote });
    await space.mirrored();
    colleaguePushes(remote);
    writeFileSync(join(space.mirror, 'README.md'), 'not committed yet\n');

    expect(await space.sync()).toMatchObject({ code: 3, remote: { state: 'behind' } });

    expect(readFileSync(join(space.mirror, 'README.md'), 'utf8')).toBe('not committed yet\n');
  });

  it('that others pushed to gets our commits on top of theirs', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, { remote });
    await space.mirrored();
    colleaguePushes(remote);
    await edit(account);
    await space.sync('--no-push');

    expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
    expect(space.log('%an: %s').slice(0, 2)).toEqual([
      expect.stringMatching(`^${account.owner.name}: prod: flow ".*" description changed$`),
      'Colleague: readme',
    ]);
    expect(readFileSync(join(space.mirror, 'README.md'), 'utf8')).toBe('by a colleague\n');
    expect(space.git('status', '--porcelain')).toBe('');
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
  });

  it('shared by two clones loses no commit when both push', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const spaces = [workspace(account, { remote }), workspace(account, { remote })];
    for (const space of spaces) await space.sync();
    for (let round = 0; round < 3; round++) {
      await edit(account);
      for (const space of spaces) await space.sync('--no-push');
      const states = await Promise.all(spaces.map((space) => space.sync()));
      expect(states.map(({ code }) => code)).toEqual([0, 0]);
    }

    expect(git(remote, 'log', '--format=%s', 'main').trim().split('\n')).toHaveLength(4);
  });

  it('that cannot be reached keeps the commits for the next run', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, { remote });
    await space.mirrored();
    renameSync(remote, `${remote}.away`);
    await edit(account);

    expect(await space.sync()).toMatchObject({ code: 3, commits: [expect.anything()], remote: { state: 'behind' } });
    renameSync(`${remote}.away`, remote);
    expect(await space.sync()).toMatchObject({ code: 0, commits: [], remote: { state: 'current' } });
    expect(git(remote, 'log', '--format=%s', 'main').trim().split('\n')).toHaveLength(2);
  });

  it('whose history was rewritten is neither merged nor overwritten', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, { remote });
    await space.mirrored();
    const other = tempDir();
    git(other, 'init', '--quiet', '--initial-branch=main');
    git(other, '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '--allow-empty', '-m', 'new world');
    git(other, 'push', '--quiet', '--force', remote, 'main');
    await edit(account);

    expect(await space.sync()).toMatchObject({
      code: 3,
      remote: { state: 'behind', reason: expect.stringContaining('rewritten') },
    });
    expect(git(remote, 'log', '--format=%s', 'main').trim()).toBe('new world');
    expect(space.log()).toHaveLength(2);
  });

  it('over HTTP gets its password from the configuration, and no other host does', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const server = await gitOverHttp(remote, 'mirror-bot', 'pass-word-17');
    const space = workspace(account, { remote: server.url, username: 'mirror-bot', token: 'pass-word-17' });
    const trace = join(tempDir(), 'trace');

    const outcome = await start(['sync', '--json'], space.dir, { GIT_TRACE2_EVENT: trace, LOG_LEVEL: 'trace' }).done;

    expect(outcome.code, outcome.out + outcome.err).toBe(0);
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    const everything =
      readFileSync(trace, 'utf8') +
      readFileSync(join(space.mirror, '.git', 'config'), 'utf8') +
      outcome.out +
      outcome.err;
    expect(everything).not.toContain('pass-word-17');
  });

  it('over HTTP with a wrong password is said to be out of reach, without a question', async () => {
    const account = await sample();
    const server = await gitOverHttp(bareRemote(), 'mirror-bot', 'right');
    const space = workspace(account, { remote: server.url, username: 'mirror-bot', token: 'wrong-pass-word' });

    const report = await space.sync();

    expect(report).toMatchObject({ code: 1, error: { message: expect.stringContaining('Authentication failed') } });
    expect(JSON.stringify(report)).not.toContain('wrong-pass-word');
  });

  it('over SSH is reached with the key of the configuration', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const bin = tempDir();
    // Stands in for ssh: notes its words, then runs the remote's git here.
    writeFileSync(
      join(bin, 'ssh'),
      `#!/bin/sh\nprintf '%s\\n' "$*" >> "${bin}/words"\nfor last; do :; done\nexec sh -c "$last"\n`,
    );
    chmodSync(join(bin, 'ssh'), 0o755);
    const key = join(bin, "key's file");
    writeFileSync(key, 'k');
    const space = workspace(account, { remote: `git@host.example:${remote}`, sshKeyFile: key });

    const outcome = await start(['sync', '--json'], space.dir, { PATH: `${bin}:${ENV.PATH}` }).done;

    expect(outcome.code, outcome.out).toBe(0);
    expect(readFileSync(join(bin, 'words'), 'utf8')).toContain(`-i ${key} -o IdentitiesOnly=yes`);
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
  });
});

describe.skipIf(CANNOT_SIGN)('signing', () => {
  it('signs every commit with the SSH key of the configuration', { tags: 'slow' }, async () => {
    const account = await sample();
    const dir = tempDir();
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'mirror', '-f', join(dir, 'key')]);
    const space = workspace(account, {
      signingKeyFile: join(dir, 'key'),
      author: { name: 'Mirror', email: 'mirror@x.test' },
    });
    await space.mirrored();
    await edit(account);
    await space.sync();

    writeFileSync(join(dir, 'signers'), `mirror@x.test ${readFileSync(join(dir, 'key.pub'), 'utf8')}`);
    const checked = space.git('-c', `gpg.ssh.allowedSignersFile=${join(dir, 'signers')}`, 'log', '--format=%G?');
    expect(checked.trim().split('\n')).toEqual(['G', 'G']);
  });
});

describe('two processes', () => {
  it('never work on one clone at the same time', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    const outcomes = await Promise.all([0, 1, 2].map(() => start(['sync', '--json'], space.dir).done));

    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(space.log()).toHaveLength(1);
    expect(space.git('status', '--porcelain')).toBe('');
  });
});

describe('a disk', () => {
  it('that refuses to be written is named, and nothing is lost', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    const file = join(space.dir, 'file');
    writeFileSync(file, '');
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token } },
      { repository: { path: join(file, 'mirror') } },
    );

    expect(await space.sync()).toMatchObject({
      code: 1,
      error: { code: 'REPOSITORY', message: expect.stringContaining('mirror cannot be created') },
    });
    rmSync(file);
    expect(await space.sync()).toMatchObject({ code: 0 });
  });
});
