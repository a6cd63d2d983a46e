import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, cli, ENV, git, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';
const OTHER_FLOW = '6794c3e8c3a91b7e41300002';
const BOB = ['-c', 'user.name=Bob Roe', '-c', 'user.email=bob@example.test'];

function workspace(account: TestAccount, remote?: string): Workspace {
  const repository = remote === undefined ? {} : { repository: { remote } };
  return new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } }, repository);
}

async function begin(): Promise<{ account: TestAccount; space: Workspace }> {
  const account = await sample();
  const space = workspace(account);
  await space.mirrored();
  return { account, space };
}

/** Bob commits what is in the work tree. Gives the id of the commit. */
function commit(dir: string, message = 'By hand'): string {
  git(dir, 'add', '--all');
  git(dir, ...BOB, 'commit', '--quiet', '-m', message);
  return git(dir, 'rev-parse', 'HEAD').trim();
}

/** Replaces the name of a flow in a clone. */
function editFlow(dir: string, name: string, id = FLOW): string {
  const path = git(dir, 'ls-files', `*${id}.yaml`).trim();
  const file = join(dir, path);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^name: .*$/m, `name: ${name}`));
  return path;
}

function tree({ mirror }: { mirror: string }, rev = 'HEAD'): string {
  return git(mirror, 'rev-parse', `${rev}:prod`).trim();
}

/** What `log`, `report` and `blame` make of the history besides the first listing. */
async function reported(space: Workspace): Promise<{ log: string[]; report: number; blamed: string[] }> {
  const json = async <T>(...args: string[]): Promise<T> => {
    const outcome = await space.run(...args);
    expect(outcome.code, outcome.err).toBe(0);
    return JSON.parse(outcome.out) as T;
  };
  const { entries } = await json<{ entries: { id: string; what: string; by: { name: string }; baseline: boolean }[] }>(
    'log',
    '--json',
  );
  const { changes } = await json<{ changes: unknown[] }>('report', '--format', 'json');
  const { fields } = await json<{ fields: { by: { name: string }; baseline: boolean }[] }>(
    'blame',
    `flows/${FLOW}`,
    '--json',
  );
  return {
    log: entries.filter(({ baseline }) => !baseline).map(({ by, what, id }) => `${by.name} ${what} ${id}`),
    report: changes.length,
    blamed: [...new Set(fields.filter(({ baseline }) => !baseline).map(({ by }) => by.name))],
  };
}

const NOTHING = { log: [], report: 0, blamed: [] };

/** Amends the commit of the mirror on a branch of its own, with another subject, and merges that. */
function amendBeside(space: Workspace, date: string): void {
  space.git('checkout', '--quiet', '-b', 'theirs');
  editFlow(space.mirror, 'And more', OTHER_FLOW);
  const message = space.git('log', '-1', '--format=%B').replace(/^.*\n/, 'Another subject\n');
  const env = { ...ENV, GIT_COMMITTER_DATE: date };
  execFileSync('git', [...BOB, 'commit', '--quiet', '--all', '--amend', '-m', message], { cwd: space.mirror, env });
  space.git('checkout', '--quiet', 'main');
  space.git(...BOB, 'merge', '--quiet', '--no-edit', 'theirs');
}

describe('an edit that a person commits in an account folder', () => {
  it('is put back by the mirror alone, with a notice of what to do (history-hand-edit-charged)', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, remote);
    account.emulator.act(account.person('administrator').token).set('flows', FLOW, { description: 'long ago' });
    await space.sync();
    const before = tree(space);
    const other = join(tempDir(), 'other');
    git('/', 'clone', '--quiet', remote, other);
    const path = editFlow(other, 'By hand');
    const first = commit(other);
    const gone = git(other, 'ls-files', 'prod/scripts/*.yaml').split('\n')[0] ?? '';
    git(other, 'rm', '--quiet', gone);
    const second = commit(other, 'Remove a script');
    git(other, 'push', '--quiet');

    const report = await space.sync();

    expect(report).toMatchObject({ code: 0, verdict: 'changed', changes: [] });
    expect(report.commits).toMatchObject([{ subject: 'prod: put back 1 flow, 1 script' }]);
    expect(report.notices.join()).toMatch(/2 files .* prod\/ were put back: .*Bob Roe.*celigo-mirror apply <commit>/);
    expect(report.notices.join()).toContain(first.slice(0, 12));
    expect(tree(space)).toBe(before);
    expect(space.git('log', '-1', '--format=%an %ae')).toBe(space.git('log', '-1', '--format=%cn %ce'));
    expect(space.git('log', '-1', '--format=%(trailers:key=Celigo-Put-Back,valueonly)').trim()).toBe(
      `${first}, ${second}`,
    );
    expect(space.git('log', '-1', '--format=%b')).toContain(`- ${path.slice('prod/'.length)}`);
    expect(git(remote, 'rev-parse', 'main')).toBe(space.git('rev-parse', 'HEAD'));
    expect(await reported(space)).toEqual(NOTHING);
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged', commits: [], notices: [] });
  });

  it('does not enter the commit of a person who edited the same resource in the account', {
    tags: 'slow',
  }, async () => {
    const { account, space } = await begin();
    const jane = account.person('administrator');
    editFlow(space.mirror, 'By hand');
    const byHand = commit(space.mirror);
    account.emulator.act(jane.token).set('flows', FLOW, { description: 'by Jane' });

    const report = await space.sync();

    expect(report.commits.map(({ subject }) => subject)).toEqual([
      'prod: put back 1 flow',
      expect.stringMatching(/^prod: (?!put back)/),
    ]);
    expect(report.notices.join()).toContain(`celigo-mirror apply ${byHand.slice(0, 12)}`);
    expect(report.changes).toMatchObject([{ id: FLOW, what: 'changed' }]);
    const lines = space.git('show', '--format=%an', 'HEAD').split('\n');
    expect(lines[0]).toBe(jane.name);
    expect(lines.filter((line) => /^[-+](?![-+])/.test(line))).toEqual([
      expect.stringMatching(/^-description: /),
      '+description: by Jane',
    ]);
    expect(await reported(space)).toEqual({ log: [`${jane.name} changed ${FLOW}`], report: 1, blamed: [jane.name] });
  });

  it('that the account has meanwhile become is not put back, and the change is reported once', {
    tags: 'slow',
  }, async () => {
    const { account, space } = await begin();
    const jane = account.person('administrator');
    editFlow(space.mirror, 'By both');
    const path = git(space.mirror, 'ls-files', `*${FLOW}.yaml`).trim();
    account.emulator.act(jane.token).set('flows', FLOW, { name: 'By both' });
    const draft = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await draft.sync();
    // The file as it will be, under its new name.
    space.git('mv', path, git(draft.mirror, 'ls-files', `*${FLOW}.yaml`).trim());
    commit(space.mirror);
    const before = tree(space);

    const report = await space.sync();

    expect(report.notices).toEqual([]);
    expect(tree(space)).toBe(before);
    expect(space.log('%s').join('\n')).not.toMatch(/put back/i);
    expect(await reported(space)).toEqual({ log: [`${jane.name} renamed ${FLOW}`], report: 1, blamed: [jane.name] });
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged', commits: [] });
  });

  it('is only reported by --dry-run', async () => {
    const { space } = await begin();
    editFlow(space.mirror, 'By hand');
    const byHand = commit(space.mirror);

    const report = await space.sync('--dry-run');

    expect(report).toMatchObject({ code: 0, verdict: 'changed', changes: [], commits: [] });
    expect(report.notices.join()).toContain('would be put back');
    expect(space.git('rev-parse', 'HEAD').trim()).toBe(byHand);
  });

  it('neither counts as a deletion nor trips the guards', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    for (const type of ['flows', 'exports', 'imports', 'scripts']) space.git('rm', '--quiet', '-r', `prod/${type}`);
    commit(space.mirror, 'Clear');
    for (let n = 0; n < 60; n++) {
      writeFileSync(join(space.mirror, 'prod', 'connections', `none.${n}f00000000000000000000.yaml`), 'name: none\n');
    }
    commit(space.mirror, 'Fill');
    const requests = account.emulator.requests.length;

    expect(await space.sync()).toMatchObject({ code: 0, changes: [], commits: [{ author: expect.any(String) }] });
    const single = account.emulator.requests.slice(requests).filter(({ path }) => path.includes('f0000000'));
    expect(single).toEqual([]);
    expect(await reported(space)).toEqual(NOTHING);
  });

  eachOf<[string, (space: Workspace) => void]>(
    [
      ['an edit', ({ mirror }) => void editFlow(mirror, 'By hand')],
      ['a folder that is gone', ({ mirror }) => void git(mirror, 'rm', '--quiet', '-r', 'prod')],
      [
        'a renamed file',
        ({ mirror }) =>
          void git(mirror, 'mv', git(mirror, 'ls-files', `*${FLOW}.yaml`).trim(), `prod/flows/x.${FLOW}.yaml`),
      ],
      [
        'a new document',
        ({ mirror }) => writeFileSync(join(mirror, 'prod/flows/new.64f0000000000000000000aa.yaml'), 'name: new\n'),
      ],
      ['a new file without an id', ({ mirror }) => writeFileSync(join(mirror, 'prod/flows/new.yaml'), 'name: new\n')],
      ['an edit of mirror.yaml', ({ mirror }) => writeFileSync(join(mirror, 'prod/mirror.yaml'), 'account: none\n')],
      ['a lost .gitattributes', ({ mirror }) => void git(mirror, 'rm', '--quiet', 'prod/.gitattributes')],
      [
        'a file that may be executed',
        ({ mirror }) => chmodSync(join(mirror, git(mirror, 'ls-files', `*${FLOW}.yaml`).trim()), 0o755),
      ],
      [
        'a link in place of a file',
        ({ mirror }) => {
          const file = join(mirror, git(mirror, 'ls-files', `*${FLOW}.yaml`).trim());
          rmSync(file);
          symlinkSync('/etc/hostname', file);
        },
      ],
    ],
    { quick: 1 },
  )('is put back: %s', async (_, change) => {
    const { space } = await begin();
    const before = tree(space);
    change(space);
    commit(space.mirror);

    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed', changes: [], commits: [{}] });

    expect(tree(space)).toBe(before);
    expect(space.git('status', '--porcelain')).toBe('');
    expect(await reported(space)).toEqual(NOTHING);
    expect((await space.run('verify')).code).toBe(0);
  });

  eachOf<[string, (space: Workspace, base: string) => void]>(
    [
      [
        'a merge whose first parent is a person’s',
        (space, base) => {
          space.git('checkout', '--quiet', '-B', 'theirs', base);
          editFlow(space.mirror, 'On a branch');
          commit(space.mirror);
          space.git(...BOB, 'merge', '--quiet', '--no-edit', 'main');
          space.git('checkout', '--quiet', '-B', 'main', 'theirs');
        },
      ],
      [
        'a branch that is merged',
        (space, base) => {
          space.git('checkout', '--quiet', '-B', 'theirs', base);
          editFlow(space.mirror, 'On a branch');
          commit(space.mirror);
          space.git('checkout', '--quiet', 'main');
          space.git(...BOB, 'merge', '--quiet', '--no-edit', 'theirs');
        },
      ],
      ['a revert of a commit of the mirror', (space) => void space.git(...BOB, 'revert', '--no-edit', 'HEAD')],
      [
        'a copy of a commit of the mirror',
        (space) => {
          const own = space.git('rev-parse', 'HEAD').trim();
          space.git(...BOB, 'revert', '--no-edit', 'HEAD');
          space.git(...BOB, 'cherry-pick', own);
          editFlow(space.mirror, 'And more');
          commit(space.mirror);
        },
      ],
      [
        'a copy of a commit of the mirror that says where it is from',
        (space, base) => {
          const own = space.git('rev-parse', 'HEAD').trim();
          space.git('rm', '--quiet', '-r', 'prod');
          space.git('checkout', '--quiet', base, '--', 'prod');
          editFlow(space.mirror, 'And more', OTHER_FLOW);
          commit(space.mirror);
          space.git(...BOB, 'cherry-pick', '-x', own);
        },
      ],
      ['a commit of the mirror that was amended, beside it', (space) => amendBeside(space, '2099-01-01T00:00:00Z')],
      [
        'a commit of the mirror that was amended, beside it and in the same second',
        (space) => amendBeside(space, space.git('log', '-1', '--format=%cI').trim()),
      ],
      [
        'a file in the place of the folder, when it is out of the work tree',
        (space) => {
          rmSync(join(space.mirror, 'prod'), { recursive: true });
          writeFileSync(join(space.mirror, 'prod'), '');
          commit(space.mirror);
          rmSync(join(space.mirror, 'prod'));
        },
      ],
    ],
    { quick: 0 },
  )('is put back: %s', async (_, change) => {
    const { account, space } = await begin();
    const base = space.git('rev-parse', 'HEAD').trim();
    const jane = account.person('administrator');
    account.emulator.act(jane.token).set('flows', FLOW, { description: 'by Jane' });
    await space.sync();
    const before = tree(space);
    change(space, base);

    expect(await space.sync()).toMatchObject({ code: 0, changes: [], commits: [{}] });

    expect(tree(space)).toBe(before);
    expect(await reported(space)).toEqual({ log: [`${jane.name} changed ${FLOW}`], report: 1, blamed: [jane.name] });
  });

  it('is put back with a lost cache, and in a new clone', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, remote);
    await space.sync();
    const before = tree(space);
    for (const name of ['By hand', 'By hand again']) {
      editFlow(space.mirror, name);
      commit(space.mirror);
      space.git('push', '--quiet', remote, 'main');
      rmSync(name === 'By hand' ? join(space.mirror, '.git', 'celigo-mirror') : space.mirror, { recursive: true });
      expect(await space.sync()).toMatchObject({
        code: 0,
        changes: [],
        commits: [{ subject: 'prod: put back 1 flow' }],
      });
      expect(tree(space)).toBe(before);
    }
  });

  it('is put back by a run that keeps nothing', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    git(remote, 'config', 'uploadpack.allowFilter', 'true');
    const space = workspace(account, remote);
    await space.sync();
    const before = tree(space);
    editFlow(space.mirror, 'By hand');
    const byHand = commit(space.mirror);
    writeFileSync(join(space.mirror, 'README.md'), 'ours\n');
    commit(space.mirror, 'Readme');
    space.git('push', '--quiet', remote, 'main');

    const outcome = await cli(['sync', '--stateless', '--json'], tempDir(), {
      CELIGO_BASE_URL: account.url,
      CELIGO_API_TOKEN: account.owner.token,
      MIRROR_REMOTE: `file://${remote}`,
      MIRROR_PATH: join(tempDir(), 'mirror'),
      MIRROR_ACCOUNT: 'prod',
    });

    expect(outcome.code, outcome.err).toBe(0);
    expect(git(remote, 'rev-parse', 'main:prod').trim()).toBe(before);
    expect(git(remote, 'log', '-1', '--format=%s%n%b', 'main')).toContain(`Celigo-Put-Back: ${byHand}`);
  });

  it('that is pushed before commits of a run that could not push is put back before them', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, remote);
    await space.sync();
    const other = join(tempDir(), 'other');
    git('/', 'clone', '--quiet', remote, other);
    const jane = account.person('administrator');
    account.emulator.act(jane.token).set('flows', FLOW, { description: 'by Jane' });
    await space.sync('--no-push');
    const after = tree(space);
    editFlow(other, 'By hand');
    const byHand = commit(other);
    git(other, 'push', '--quiet');

    const report = await space.sync();

    expect(report.notices.join()).toContain(`celigo-mirror apply ${byHand.slice(0, 12)}`);
    expect(tree(space)).toBe(after);
    expect(space.log('%an %s').slice(0, 3)).toEqual([
      expect.stringMatching(new RegExp(`^${jane.name} prod: (?!put back)`)),
      expect.stringMatching(/ prod: put back 1 flow$/),
      'Bob Roe By hand',
    ]);
    expect(await reported(space)).toEqual({ log: [`${jane.name} changed ${FLOW}`], report: 1, blamed: [jane.name] });
  });

  it('in the clone does not take back what others pushed', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, remote);
    await space.sync();
    const before = tree(space);
    const other = join(tempDir(), 'other');
    git('/', 'clone', '--quiet', remote, other);
    editFlow(other, 'Pushed', OTHER_FLOW);
    const pushed = commit(other);
    git(other, 'push', '--quiet');
    const path = editFlow(space.mirror, 'In the clone');
    chmodSync(join(space.mirror, path), 0o755);
    commit(space.mirror, 'In the clone');

    const { changes, notices, remote: state } = await space.sync();

    expect({ changes, state }).toEqual({ changes: [], state: { state: 'current' } });
    const [, byHand = ''] = space.git('log', '-2', '--format=%H').split('\n');
    expect(space.git('show', '--format=%an %s', '--name-only', byHand).trim()).toBe(`Bob Roe In the clone\n\n${path}`);
    expect(space.git('ls-tree', byHand, path)).toMatch(/^100755 /);
    for (const id of [pushed, byHand]) expect(notices.join()).toContain(id.slice(0, 12));
    expect(tree(space)).toBe(before);
  });

  it('is put back where it was added to a commit of the mirror (git commit --amend)', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const jane = account.person('administrator');
    account.emulator.act(jane.token).set('flows', FLOW, { description: 'by Jane' });
    await space.sync();
    const before = tree(space);
    editFlow(space.mirror, 'By hand');
    editFlow(space.mirror, 'By hand', OTHER_FLOW);
    space.git(...BOB, 'commit', '--quiet', '--all', '--amend', '--no-edit');
    const amended = space.git('rev-parse', 'HEAD').trim();

    const { changes, commits, notices } = await space.sync();

    expect({ changes, subjects: commits.map(({ subject }) => subject) }).toEqual({
      changes: [],
      subjects: ['prod: put back 2 flows'],
    });
    expect(notices.join()).toContain(`apply ${amended.slice(0, 12)}`);
    expect(tree(space)).toBe(before);
    expect(await reported(space)).toEqual({ log: [`${jane.name} changed ${FLOW}`], report: 1, blamed: [jane.name] });
  });

  eachOf<[string, (space: Workspace) => void]>(
    [
      ['git rebase', (space) => void space.git(...BOB, 'rebase', '--quiet', 'theirs')],
      [
        'git cherry-pick on another branch',
        (space) => {
          space.git('checkout', '--quiet', 'theirs');
          space.git(...BOB, 'cherry-pick', 'theirs..main');
          space.git('checkout', '--quiet', '-B', 'main');
        },
      ],
    ],
    { quick: 0 },
  )('is put back where commits of the mirror were put on top of it: %s', async (_, putOnTop) => {
    const { account, space } = await begin();
    const base = space.git('rev-parse', 'HEAD').trim();
    for (const { token } of [account.person('administrator'), account.owner]) {
      account.emulator.act(token).set('flows', FLOW, { description: `by ${token}` });
      await space.sync();
    }
    const before = tree(space);
    const told = await reported(space);
    space.git('checkout', '--quiet', '-b', 'theirs', base);
    const path = editFlow(space.mirror, 'By hand', OTHER_FLOW);
    const copy = join(space.mirror, path.replace(OTHER_FLOW, 'e06d5ee06d5ee06d5ee06d5e'));
    writeFileSync(copy, readFileSync(join(space.mirror, path)));
    const gone = git(space.mirror, 'ls-files', 'prod/scripts/*.yaml').split('\n')[0] ?? '';
    space.git('rm', '--quiet', gone);
    const byHand = commit(space.mirror);
    space.git('checkout', '--quiet', 'main');
    putOnTop(space);

    const report = await space.sync();

    expect(report).toMatchObject({ code: 0, changes: [] });
    expect(report.commits).toMatchObject([{ subject: 'prod: put back 2 flows, 1 script' }]);
    expect(report.notices.join()).toContain(`apply ${byHand.slice(0, 12)}`);
    expect(tree(space)).toBe(before);
    expect(await reported(space)).toEqual(told);
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged', commits: [], notices: [] });
  });

  it('is none where a person put commits of the mirror on top of another commit', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const base = space.git('rev-parse', 'HEAD').trim();
    account.emulator.act(account.person('administrator').token).set('flows', FLOW, { description: 'by Jane' });
    await space.sync();
    space.git('checkout', '--quiet', '-b', 'theirs', base);
    writeFileSync(join(space.mirror, 'README.md'), '');
    commit(space.mirror);
    space.git('checkout', '--quiet', 'main');
    space.git(...BOB, 'rebase', '--quiet', 'theirs');

    expect(await space.sync()).toMatchObject({ code: 0, commits: [], notices: [] });
  });

  it('is named whatever its files are called, and left where git cannot be given the name', {
    tags: 'slow',
  }, async () => {
    const { space } = await begin();
    const flows = join(space.mirror, 'prod', 'flows');
    const before = tree(space);
    for (const name of ['a.yaml ', 'a\nb.yaml', 'a\x01\x02\x03.yaml']) {
      writeFileSync(join(flows, name), '');
      const id = commit(space.mirror);
      expect((await space.sync()).notices.join(), JSON.stringify(name)).toContain(`apply ${id.slice(0, 12)}`);
      expect(tree(space)).toBe(before);
    }
    writeFileSync(Buffer.concat([Buffer.from(`${flows}/`), Buffer.of(0xff)]), '');
    const id = commit(space.mirror);

    expect(await space.sync()).toMatchObject({ verdict: 'unchanged', notices: [] });
    expect(space.git('rev-parse', 'HEAD').trim()).toBe(id);
  });

  it('is what a restore sees that the account does not have', async () => {
    const { space } = await begin();
    editFlow(space.mirror, 'By hand');
    commit(space.mirror);

    const plan = await space.run('restore', `flows/${FLOW}`, '--dry-run');

    expect(plan.out).toContain('By hand');
    expect(plan.out).toMatch(/update/i);
  });

  it('in a folder that was another account’s starts over', async () => {
    const { account, space } = await begin();
    space.git('rm', '--quiet', '-r', 'prod');
    commit(space.mirror, 'Another account from now on');
    space.configure({ prod: { baseUrl: account.url, token: account.person('administrator').token } });

    const report = await space.sync();

    expect(report.code, JSON.stringify(report.error)).toBeOneOf([0, 3]);
    expect(report.commits[0]?.subject).not.toContain('put back');
  });
});
