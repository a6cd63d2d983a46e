import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acquireLock } from '../../src/mirror/lock.ts';
import type { Finding } from '../../src/run/check/finding.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { gitOverHttp } from '../support/git-http.ts';
import { bareRemote, ENV, PROGRAM, tempDir, Workspace } from '../support/workspace.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

async function mirror(
  repository: Record<string, string> = {},
): Promise<{ readonly account: TestAccount; readonly space: Workspace }> {
  const account = await sample();
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows', 'scripts'] } },
    { repository },
  );
  await space.mirrored();
  return { account, space };
}

/** What `doctor` finds, offline unless told otherwise. */
async function findingsOf(space: Workspace, ...flags: string[]): Promise<readonly Finding[]> {
  const { out, err } = await space.run('doctor', '--json', ...(flags.length > 0 ? flags : ['--offline']));
  if (out === '') throw new Error(err);
  return (JSON.parse(out) as { findings: Finding[] }).findings;
}

/** Names of everything in a folder, at any depth. */
function namesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map(String).sort();
}

describe('doctor --offline', () => {
  it('asks neither the account nor the remote', async () => {
    const { account, space } = await mirror();
    space.configure(
      { prod: { baseUrl: 'http://127.0.0.1:9', token: account.owner.token } },
      { repository: { remote: '/nonexistent/remote.git' } },
    );

    const findings = await findingsOf(space);

    expect(findings.filter(({ verdict }) => verdict === 'fault')).toEqual([]);
    expect(findings.map(({ area }) => area)).not.toContain('prod');
    expect(findings.find(({ check }) => check === 'objects')).toMatchObject({ verdict: 'ok' });
  });
});

describe('doctor writes where a run would', () => {
  it('and leaves nothing behind', async () => {
    const { space } = await mirror();
    const before = namesIn(space.mirror);

    expect((await findingsOf(space)).find(({ check }) => check === 'writable')).toMatchObject({ verdict: 'ok' });
    // The lock says who held it last.
    expect(namesIn(space.mirror).filter((name) => !name.endsWith('celigo-mirror.owner.json'))).toEqual(
      before.filter((name) => !name.endsWith('celigo-mirror.owner.json')),
    );
  });

  it.skipIf(!isRoot)(
    'and names the folder that belongs to another user, with the remedy',
    { tags: 'slow' },
    async () => {
      const { space } = await mirror();
      const own = (user: number, ...paths: string[]): void =>
        void execFileSync('chown', ['-R', `${user}:${user}`, ...paths]);
      // The folders of tests are their owner's alone.
      chmodSync(tmpdir(), 0o755);
      own(NOBODY, space.dir);
      for (const part of ['prod/flows', '.git/objects/pack']) {
        chownSync(join(space.mirror, part), 0, 0);
        const words = ['doctor', '--offline', '--json'];
        const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], {
          cwd: space.dir,
          env: ENV,
          uid: NOBODY,
          gid: NOBODY,
          encoding: 'utf8',
        });

        expect(status, stderr).toBe(1);
        expect(JSON.parse(stdout).findings.filter(({ verdict }: Finding) => verdict === 'fault')).toEqual([
          expect.objectContaining({
            check: 'writable',
            detail: expect.stringMatching(
              `/${part} cannot be written to: it belongs to user 0, and this is user ${NOBODY}$`,
            ),
            remedy: expect.stringContaining(`chown -R ${NOBODY} ${space.mirror}`),
          }),
        ]);
        own(NOBODY, space.mirror);
      }
      own(0, space.dir);
    },
  );

  it.skipIf(!isRoot)('and distinguishes a full disk from a read-only one', async (context) => {
    const { space, account } = await mirror();
    const disk = tempDir();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=0755', 'tmpfs', disk]).status !== 0) context.skip();
    onTestFinished(() => void spawnSync('umount', ['-l', disk]));
    const path = join(disk, 'mirror');
    execFileSync('cp', ['-a', space.mirror, path]);
    space.configure({ prod: { baseUrl: account.url, token: account.owner.token } }, { repository: { path } });
    const fault = async (): Promise<string> => {
      const found = (await findingsOf(space)).find(({ verdict }) => verdict === 'fault');
      return `${found?.detail} → ${found?.remedy}`;
    };

    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'ballast'), Buffer.alloc((bavail - 4) * bsize));
    expect(await fault()).toMatch(/is full.* → Free some space/);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    expect(await fault()).toMatch(/read-only file system.* → Mount it for writing/);
  });

  it('but not while a run is in progress', async () => {
    const { space } = await mirror();
    const ignore = (): void => undefined;
    const dir = join(space.mirror, '.git');
    const signal = new AbortController().signal;
    const release = await acquireLock({ dir, waitMs: 0, onWait: ignore, onLost: ignore, signal });

    expect((await findingsOf(space)).find(({ check }) => check === 'writable')).toMatchObject({
      verdict: 'note',
      detail: expect.stringContaining('not tried: another process'),
    });
    await release();
  });

  it('and says where the first run could make no clone', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    const file = join(space.dir, 'file');
    writeFileSync(file, '');
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token } },
      { repository: { path: join(file, 'mirror') } },
    );

    expect((await findingsOf(space)).filter(({ verdict }) => verdict === 'fault')).toMatchObject([
      { check: 'writable', detail: expect.stringContaining(`${file} cannot be written to`) },
    ]);
  });
});

describe('doctor', () => {
  it('gives the password of an HTTPS remote, as a run does', { tags: 'slow' }, async () => {
    const remote = bareRemote();
    const server = await gitOverHttp(remote, 'mirror-bot', 'pass-word-17');
    const { space } = await mirror({ remote: server.url, username: 'mirror-bot', token: 'pass-word-17' });

    const { code, out } = await space.run('doctor');

    expect(out).toMatch(/ok +reachable .*branch main found/);
    expect(code).toBe(0);
  });
});

describe('what git does not look at', () => {
  it.each(['--assume-unchanged', '--skip-worktree'])(
    'is seen by verify and doctor: %s',
    { tags: 'slow' },
    async (flag) => {
      const { account, space } = await mirror();
      const file = space.find(String(account.emulator.state.all('flows')[0]?._id));
      writeFileSync(join(space.mirror, file), space.read(file).replace(/^name: .*$/m, 'name: another'));
      space.git('update-index', flag, file);
      expect(space.git('status', '--porcelain')).toBe('');

      const verified = await space.run('verify');

      expect(verified).toMatchObject({
        code: 1,
        out: expect.stringContaining(`${file}: differs from the last commit`),
      });
      expect((await findingsOf(space)).find(({ check }) => check === 'clean')).toMatchObject({
        verdict: 'note',
        detail: '1 uncommitted files in the account folders',
      });
    },
  );
});

describe('a newest commit of the future', () => {
  it('dates-future-foreign-commit: is reported by verify and doctor, with what to do', { tags: 'slow' }, async () => {
    const { space } = await mirror();
    writeFileSync(join(space.mirror, 'README.md'), 'by a machine with another clock\n');
    space.git('add', 'README.md');
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '-m', 'readme'], {
      cwd: space.mirror,
      env: { ...ENV, GIT_COMMITTER_DATE: '2093-05-05T12:00:00Z' },
    });

    const said = /dated in the future: 2093-05-05T12:00:00Z\n.*Set the clock/;
    expect(await space.run('verify')).toMatchObject({ code: 0, out: expect.stringMatching(said) });
    expect(JSON.parse((await space.run('verify', '--json')).out)).toMatchObject({
      head: { commit: space.git('rev-parse', 'HEAD').trim(), time: '2093-05-05T12:00:00Z' },
    });
    expect(await space.run('doctor', '--offline')).toMatchObject({ code: 0, out: expect.stringMatching(said) });
  });
});
