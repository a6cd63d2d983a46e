import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { plainRepository } from '../../src/config/plain.ts';
import { createGit } from '../../src/git/git.ts';
import { isUntidy, tidyUp } from '../../src/mirror/upkeep.ts';
import { sample } from '../support/account.ts';
import { cli, ENV, git, start, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';

async function mirrored() {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  return {
    account,
    space,
    edit: (text: string) => account.emulator.act(account.owner.email).set('flows', FLOW, { description: text }),
  };
}

const packsIn = (space: Workspace): string[] =>
  readdirSync(join(space.mirror, '.git', 'objects', 'pack')).filter((name) => name.endsWith('.pack'));

/** Leaves 51 packs more, of objects that no commit names. */
function scatter({ mirror }: Pick<Workspace, 'mirror'>, mark: string): void {
  const blobs = Array.from({ length: 51 }, (_, i) => `${mark} ${i}`);
  const input = blobs.map((text) => `blob\ndata ${text.length}\n${text}\ncheckpoint\n`).join('');
  const settings = ['-c', 'fastimport.unpackLimit=0'];
  execFileSync('git', [...settings, 'fast-import', '--quiet'], { cwd: mirror, env: ENV, input });
}

/** A folder for the PATH whose git does as the script says with one command, and is the real one otherwise. */
function gitThat(script: string, command = 'repack'): string {
  const bin = tempDir();
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const lines = [`git=${real}; case " $* " in *" ${command} "*) ${script} ;; esac`, 'exec $git "$@"'];
  writeFileSync(join(bin, 'git'), `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
  return `${bin}:${ENV.PATH}`;
}

/** Git's repack waits until it may begin. */
function waitingGit() {
  const dir = tempDir();
  const [started, go] = [join(dir, 'started'), join(dir, 'go')];
  return {
    PATH: gitThat(`: >${started}; while [ ! -e ${go} ]; do sleep 0.02; done`),
    started: () => expect.poll(() => existsSync(started), { timeout: 60_000 }).toBe(true),
    go: () => writeFileSync(go, ''),
  };
}

describe('maintenance of the clone', () => {
  it.each([
    { packs: 50, kept: 0, loose: 0, due: false },
    { packs: 51, kept: 0, loose: 0, due: true },
    { packs: 51, kept: 1, loose: 0, due: false },
    { packs: 1, kept: 0, loose: 26, due: false },
    { packs: 0, kept: 0, loose: 27, due: true },
  ])('is due for %j', ({ packs, kept, loose, due }) => {
    const objects = tempDir();
    expect(isUntidy(objects)).toBe(false);
    for (const folder of ['pack', '17']) mkdirSync(join(objects, folder));
    for (let i = 0; i < packs; i++)
      for (const ending of ['pack', 'idx']) writeFileSync(join(objects, 'pack', `pack-${i}.${ending}`), '');
    for (let i = 0; i < kept; i++) writeFileSync(join(objects, 'pack', `pack-${i}.keep`), '');
    for (let i = 0; i < loose; i++) writeFileSync(join(objects, '17', String(i)), '');
    expect(isUntidy(objects)).toBe(due);
  });

  it('puts many packs into one after a run that committed, unless it is off', { tags: 'slow' }, async () => {
    const { account, space, edit } = await mirrored();
    const settings = { prod: { baseUrl: account.url, token: account.owner.token } };
    const objects = join(space.mirror, '.git', 'objects');
    const old = ['.tmp-1-pack-9.pack', 'tmp_pack_x'].map((name) => join(objects, 'pack', name));
    const young = join(objects, 'pack', 'tmp_pack_y');
    for (const path of [...old, young]) writeFileSync(path, 'PACK');
    for (const path of old) utimesSync(path, 0, 0);
    scatter(space, 'kept');

    space.configure(settings, { repository: { maintenance: 'off' } });
    edit('a change');
    expect((await space.sync()).verdict).toBe('changed');
    expect(packsIn(space).length).toBeGreaterThan(50);

    space.configure(settings);
    expect((await space.sync()).verdict).toBe('unchanged');
    expect(packsIn(space).length).toBeGreaterThan(50);

    edit('another');
    expect((await space.sync()).verdict).toBe('changed');
    expect(packsIn(space)).toHaveLength(1);
    // Of no commit: a run at work may be about to name them.
    expect(space.git('fsck', '--dangling').match(/^dangling/gm)).toHaveLength(51);
    // What killed processes left half-written is gone; what one may still be writing is not.
    expect([...old, young].filter((path) => existsSync(path))).toEqual([young]);
  });

  it('begins when the result is out, and another run works meanwhile', { tags: 'slow' }, async () => {
    const { space, edit } = await mirrored();
    const { PATH, started, go } = waitingGit();
    scatter(space, 'waiting');
    edit('the first');
    const first = start(['sync'], space.dir, { PATH });
    await started();
    expect(await first.line).toContain('prod');
    edit('the second');
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
    go();
    expect(await first.done).toMatchObject({ code: 0, err: '' });
    expect(space.git('fsck', '--strict', '--no-dangling')).toBe('');
    expect(space.git('status', '--porcelain')).toBe('');
    expect(space.log()).toHaveLength(3);
  });

  it('ends with the signal that stops the program, whose result remains', { tags: 'slow' }, async () => {
    const { space, edit } = await mirrored();
    const { PATH, started } = waitingGit();
    scatter(space, 'stopped');
    edit('a change');
    const run = start(['sync'], space.dir, { PATH });
    await started();
    run.kill('SIGTERM');
    expect(await run.done).toMatchObject({ code: 0, err: '' });
    edit('another');
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
    expect(packsIn(space)).toHaveLength(1);
  });

  it('fails with a notice, and is tried again by the next run', { tags: 'slow' }, async () => {
    const { space, edit } = await mirrored();
    const PATH = gitThat('echo "fatal: no space left" >&2; exit 128');
    scatter(space, 'failing');
    for (const text of ['one', 'two']) {
      edit(text);
      const { code, err } = await cli(['sync'], space.dir, { PATH, LOG_LEVEL: 'warn' });
      expect(code).toBe(0);
      expect(err).toContain('the clone could not be tidied up: git repack: fatal: no space left');
    }
  });

  it('is the business of the daemon, too', { tags: 'slow' }, async () => {
    const { account, space, edit } = await mirrored();
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token } },
      { schedule: '0 0 1 1 *', daemon: { jitter: '0s', listen: '127.0.0.1:0' } },
    );
    scatter(space, 'daemon');
    edit('a change');
    const daemon = start(['daemon'], space.dir);
    await expect.poll(() => packsIn(space).length, { timeout: 60_000 }).toBe(1);
    daemon.kill('SIGTERM');
    expect((await daemon.done).code).toBe(0);
    expect(space.log()).toHaveLength(2);
  });

  it.each([
    ['a shallow clone', ['--depth=1']],
    ['a partial clone', ['--filter=blob:none']],
    ['a bare clone', ['--bare']],
    ['a linked work tree', ['worktree']],
    ['SHA-256', ['--object-format=sha256']],
  ])('works in %s', { tags: 'slow' }, async (_, options) => {
    const [origin, mirror] = [join(tempDir(), 'origin'), join(tempDir(), 'mirror')];
    const [first] = options;
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b.test'];
    git('/', 'init', '--quiet', ...(first === '--object-format=sha256' ? options : []), origin);
    git(origin, 'config', 'uploadpack.allowFilter', 'true');
    for (const message of ['one', 'two']) git(origin, ...identity, 'commit', '--quiet', '--allow-empty', '-m', message);
    if (first === 'worktree') git(origin, 'worktree', 'add', '--quiet', '--detach', mirror);
    else if (first === '--object-format=sha256') git('/', 'clone', '--quiet', `file://${origin}`, mirror);
    else git('/', 'clone', '--quiet', ...options, `file://${origin}`, mirror);
    scatter({ mirror }, 'kind');
    const packs = (): number => Number(/^packs: (\d+)$/m.exec(git(mirror, 'count-objects', '-v'))?.[1]);
    expect(packs()).toBeGreaterThan(50);

    const signal = new AbortController().signal;
    await tidyUp(createGit({ cwd: mirror, config: plainRepository(mirror), env: ENV, signal }), mirror, new Date());
    // What a partial clone has from its remote stays apart.
    expect(packs()).toBeLessThanOrEqual(first?.startsWith('--filter') ? 2 : 1);
    expect(git(mirror, 'fsck', '--strict', '--no-dangling')).toBe('');
    expect(git(mirror, 'log', '--format=%s')).toContain('two');
  });

  it('breaks none of the runs that go on at the same time', { tags: 'slow' }, async () => {
    const { space, edit } = await mirrored();
    const signal = new AbortController().signal;
    const own = createGit({ cwd: space.mirror, config: plainRepository(space.mirror), env: ENV, signal });
    for (let round = 0; round < 20; round++) {
      scatter(space, `round ${round}`);
      edit(`round ${round}`);
      const [report] = await Promise.all([space.sync(), tidyUp(own, space.mirror, new Date())]);
      expect(report).toMatchObject({ code: 0, verdict: 'changed', notices: [] });
    }
    expect(space.git('fsck', '--strict', '--no-dangling')).toBe('');
    expect(space.log()).toHaveLength(21);
  });
});

describe('a run beside git gc --prune=now', () => {
  it('mirrors once more when what it wrote is gone: while it lists', { tags: 'slow' }, async () => {
    const { account, space } = await mirrored();
    // So much that git begins to write while the run still lists.
    for (const { _id } of account.emulator.state.all('scripts').slice(0, 3))
      account.emulator.act(account.owner.email).set('scripts', String(_id), { content: 'run();\n'.repeat(100_000) });
    const { faults } = account.emulator;
    const next = faults.next;
    let tidied = false;
    vi.spyOn(faults, 'next').mockImplementation((method, path, query) => {
      if (!tidied && existsSync(join(space.mirror, '.git', 'objects', 'tmp_objdir-celigo-mirror'))) {
        tidied = true;
        git(space.mirror, 'gc', '--quiet', '--prune=now');
      }
      return next(method, path, query);
    });

    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed', commits: [{}] });

    expect(tidied).toBe(true);
    expect(space.git('fsck', '--no-dangling').trim()).toBe('');
  });

  it.each([
    ['once', 1, { exitCode: 0, verdict: 'changed', commits: [{}] }],
    [
      'every time',
      9,
      {
        exitCode: 1,
        error: {
          message: expect.stringMatching(/^another program removed from the clone what this run had just written: /),
          hint: expect.stringContaining('Run again'),
        },
      },
    ],
  ])('mirrors once more when what it wrote is gone: before the branch moves, %s', async (_, times, expected) => {
    const { space, edit } = await mirrored();
    edit('edited');
    const done = join(tempDir(), 'done');
    const tidy = `echo >>${done}; [ $(wc -l <${done}) -gt ${times} ] || $git gc --quiet --prune=now`;

    const outcome = await cli(['sync', '--json'], space.dir, { PATH: gitThat(tidy, 'update-ref') });

    expect((JSON.parse(outcome.out) as { accounts: unknown[] }).accounts[0], outcome.err).toMatchObject(expected);
  });
});
