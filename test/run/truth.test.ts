import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, ENV, git, type SyncJson, start, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = String(sampleAccount().resources.flows?.find((flow) => !flow._connectorId)?._id);

async function pushed(): Promise<{ account: TestAccount; space: Workspace; remote: string }> {
  const account = await sample();
  const remote = bareRemote();
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows', 'scripts'] } },
    { repository: { remote } },
  );
  expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
  return { account, space, remote };
}

let edits = 0;
function edit({ emulator, owner }: TestAccount): void {
  edits += 1;
  emulator.act(owner.email).set('flows', FLOW, { description: `edit ${edits}` });
}

function makeAnew(remote: string): void {
  rmSync(remote, { recursive: true });
  mkdirSync(remote);
  git(remote, 'init', '--quiet', '--bare', '--initial-branch=main');
}

const SAID = 'the branch main was missing on the remote: its complete history was pushed again';

describe('a remote is current when it holds what HEAD does', () => {
  eachOf<[string, (remote: string) => void]>(
    [
      ['was made anew and is empty', makeAnew],
      ['lost its branch', (remote) => git(remote, 'update-ref', '-d', 'refs/heads/main')],
    ],
    { quick: 0 },
  )('remote-emptied: one that %s gets everything again, with a notice', async (_, happens) => {
    const { space, remote } = await pushed();
    happens(remote);

    const report = await space.sync('--json');

    expect(report).toMatchObject({ code: 0, verdict: 'unchanged', remote: { state: 'current' }, notices: [SAID] });
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    expect(await space.sync()).toMatchObject({ code: 0, notices: [], remote: { state: 'current' } });
  });

  it('remote-emptied: a run that was not to push says nothing of it, the next one pushes', {
    tags: 'slow',
  }, async () => {
    const { account, space, remote } = await pushed();
    makeAnew(remote);
    edit(account);

    expect(await space.sync('--no-push')).toMatchObject({ code: 0, notices: [], remote: { state: 'skipped' } });
    expect(await space.sync()).toMatchObject({ code: 0, notices: [SAID], remote: { state: 'current' } });
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
  });

  it('remote-emptied: a restore pushes everything again, too', { tags: 'slow' }, async () => {
    const { account, space, remote } = await pushed();
    const good = space.git('rev-parse', 'HEAD').trim();
    edit(account);
    await space.sync();
    makeAnew(remote);

    const outcome = await space.run('restore', `flows/${FLOW}`, '--at', good, '--yes', '--json');

    expect(outcome.code, outcome.out).toBe(0);
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
  });

  eachOf<[string, string, string]>(
    [
      ['drops the branch', 'git update-ref -d refs/heads/main', 'it has no branch main'],
      ['puts the old commit back', 'read old new ref; git update-ref refs/heads/main $old', 'is at '],
    ],
    { quick: 0 },
  )('one that takes a push and %s is behind', async (_, hook, reason) => {
    const { account, space, remote } = await pushed();
    edit(account);
    writeFileSync(join(remote, 'hooks', 'post-receive'), `#!/bin/sh\n${hook}\n`, { mode: 0o755 });

    expect(await space.sync()).toMatchObject({
      code: 3,
      commits: [expect.anything()],
      remote: { state: 'behind', reason: expect.stringContaining(reason) },
    });
    rmSync(join(remote, 'hooks', 'post-receive'));
    expect(await space.sync()).toMatchObject({ code: 0, remote: { state: 'current' } });
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
  });

  it('doctor reports what the remote lacks', { tags: 'slow' }, async () => {
    const { account, space, remote } = await pushed();
    const history = async (): Promise<string> => {
      const { findings } = JSON.parse((await space.run('doctor', '--json')).out) as {
        findings: { area: string; check: string; verdict: string; detail: string }[];
      };
      const found = findings.find(({ area, check }) => area === 'remote' && check === 'history');
      return `${found?.verdict} ${found?.detail}`;
    };

    expect(await history()).toBe('ok has every commit of the clone');
    edit(account);
    await space.sync('--no-push');
    expect(await history()).toBe('note 1 commit of the clone is not pushed yet');
    git(remote, 'update-ref', 'refs/heads/feature/main', 'main');
    git(remote, 'update-ref', '-d', 'refs/heads/main');
    expect(await history()).toBe('note the branch main is gone from the remote');
  });
});

/** A git that a script stands before, on a PATH of its own. `$real` is git itself. */
function gitBehind(script: string): Record<string, string> {
  const bin = tempDir();
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  writeFileSync(join(bin, 'git'), `#!/bin/sh\nreal=${real}\n${script}\nexec $real "$@"\n`);
  chmodSync(join(bin, 'git'), 0o755);
  return { PATH: `${bin}:${ENV.PATH}` };
}

async function syncWith(space: Workspace, env: Record<string, string>): Promise<SyncJson & { code: number }> {
  const { code, out, err } = await start(['sync', '--json'], space.dir, env).done;
  const [report] = out === '' ? [] : (JSON.parse(out) as { accounts: SyncJson[] }).accounts;
  if (!report) throw new Error(err);
  return { ...report, code };
}

describe('a run commits what it says', () => {
  const space = async (): Promise<{ account: TestAccount; home: Workspace }> => {
    const account = await sample();
    const home = new Workspace({
      prod: { baseUrl: account.url, token: account.owner.token, include: ['flows', 'scripts'] },
    });
    await home.mirrored();
    return { account, home };
  };

  eachOf<[string, string]>(
    [
      ['loses a file', '/^M 100644 [0-9a-f]* "prod.flows/d'],
      ['files it elsewhere', 's|^\\(M 100644 [0-9a-f]* "prod/flows/\\)|\\1x|'],
      [
        'takes another with it',
        's|^\\(M 100644 \\([0-9a-f]*\\) "prod/flows/.*\\)|\\1\\nM 100644 \\2 "prod/mirror.yaml"|',
      ],
    ],
    { quick: 1 },
  )('or fails, and leaves HEAD as it was: a git that %s', async (_, edits) => {
    const { account, home } = await space();
    const head = home.git('rev-parse', 'HEAD');
    edit(account);
    const script = `case "$*" in *fast-import*) sed -u '${edits}' | $real "$@"; exit;; esac`;

    expect(await syncWith(home, gitBehind(script))).toMatchObject({
      code: 1,
      verdict: 'failed',
      commits: [],
      error: { code: 'REPOSITORY', message: expect.stringContaining('prod/') },
    });
    expect(home.git('rev-parse', 'HEAD')).toBe(head);
    expect(await home.sync()).toMatchObject({ code: 0, verdict: 'changed', commits: [expect.anything()] });
    expect((await home.run('verify')).code).toBe(0);
  });

  it('and says no change where the cache alone is of an older state', { tags: 'slow' }, async () => {
    const { account, home } = await space();
    const cache = join(home.mirror, '.git', 'celigo-mirror', 'prod.cache');
    const old = join(home.dir, 'old');
    edit(account);
    await home.sync();
    renameSync(cache, old);
    cpSync(old, cache, { recursive: true });
    edit(account);
    await home.sync();
    const tree = home.git('rev-parse', 'HEAD:prod').trim();
    rmSync(cache, { recursive: true });
    cpSync(old, cache, { recursive: true });
    const index = join(cache, 'index.json');
    writeFileSync(index, JSON.stringify({ ...JSON.parse(readFileSync(index, 'utf8')), tree }));

    expect(await home.sync()).toMatchObject({ code: 0, verdict: 'unchanged', changes: [], commits: [] });
    expect(await home.sync()).toMatchObject({ code: 0, verdict: 'unchanged', changes: [], commits: [] });
  });
});
