import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { renderYaml } from '../../src/core/yaml.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { writeHistory } from '../support/history.ts';
import { cli, ENV, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';

async function begin(): Promise<{ account: TestAccount; space: Workspace }> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  return { account, space };
}

/** A commit of a person, by a clock that is wrong. */
function commitAt(space: Workspace, date: string): void {
  writeFileSync(join(space.mirror, 'README.md'), date);
  space.git('add', 'README.md');
  execFileSync('git', ['-c', 'user.name=P', '-c', 'user.email=p@x.test', 'commit', '-qm', 'readme'], {
    cwd: space.mirror,
    env: { ...ENV, GIT_COMMITTER_DATE: date, GIT_AUTHOR_DATE: date },
  });
}

describe('the state at a time', () => {
  it('dates-future-foreign-commit: is found by when the account was read', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    commitAt(space, '2031-05-05T12:00:00Z');
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'new state' });
    await space.sync();

    expect((await space.run('show', `flows/${FLOW}`, '--at', 'now')).out).toContain('description: new state');
    const plan = await space.run('restore', 'all', '--at', 'now', '--dry-run');
    expect([plan.code, plan.out]).toEqual([0, expect.stringContaining('Nothing to do.')]);
    expect(plan.err).toMatch(/^--at now: .*\n(?:.*\n)*The last change of prod: \d{4}-.* UTC, commit [0-9a-f]{10}\n$/);
    const diff = await space.run('diff', '--from', 'now', '--exit-code');
    expect([diff.code, diff.out]).toEqual([0, expect.stringContaining('no differences')]);
  });

  it('history-pull-merge: is found on whichever side of a merge the mirror committed', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const gone = '6794c3e8c3a91b7e41300002';
    space.git('checkout', '-q', '-b', 'person');
    commitAt(space, '2026-01-01T00:00:00Z');
    space.git('checkout', '-q', 'main');
    const owner = account.emulator.act(account.owner.token);
    owner.set('flows', FLOW, { description: 'first' });
    await space.sync();
    owner.remove('flows', gone);
    await space.sync();
    const deletion = (await space.run('show', `flows/${gone}`)).out;
    expect(deletion).toContain(gone);
    space.git('checkout', '-q', 'person');
    space.git('-c', 'user.name=P', '-c', 'user.email=p@x.test', 'merge', '-q', '--no-edit', 'main');
    space.git('checkout', '-q', '-B', 'main', 'person');

    expect((await space.run('show', `flows/${gone}`)).out).toBe(deletion);
    expect((await space.run('show', `flows/${FLOW}`, '--at', 'now')).out).toContain('description: first');
    expect((await space.run('restore', 'all', '--at', 'now', '--dry-run')).out).toContain('Nothing to do.');
  });

  it('before a commit is that of its parent, and before the first there is none', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const before = space.read(space.find(FLOW));
    account.emulator.act(account.owner.token).set('flows', FLOW, { description: 'new state' });
    await space.sync();

    expect((await space.run('show', FLOW, '--before', 'HEAD')).out).toBe(
      (await space.run('show', FLOW, '--at', 'HEAD~1')).out,
    );
    const plan = await space.run('restore', `flows/${FLOW}`, '--before', 'HEAD', '--yes');
    expect(plan.code, plan.err).toBe(0);
    expect(space.read(space.find(FLOW))).toBe(before);
    for (const [args, words] of [
      [['show', FLOW, '--before', 'HEAD~3'], /--before: HEAD~3/],
      [['show', FLOW, '--before', space.git('rev-list', '--max-parents=0', 'HEAD').trim()], /is the first commit/],
      [['show', FLOW, '--before', '2020-01-01'], /--before: the mirror has no commit before 2020-01-01/],
      [['show', FLOW, '--before', 'HEAD', '--at', 'HEAD'], /--at and --before exclude each other/],
      [['log', '--since', 'today', '--from', 'today'], /--from and --since exclude each other/],
      [['log', '--since', 'today', '--timezone', 'Mars/Olympus'], /--timezone: unknown time zone Mars/],
    ] as const) {
      const { code, err } = await space.run(...args);
      expect([code, err], args.join(' ')).toEqual([64, expect.stringMatching(words)]);
    }
  });
});

describe('a whole day', () => {
  const NOW = new Date('2026-11-24T15:30:00Z');
  /** Edits of a flow: the evening before yesterday, yesterday, and this morning. */
  const TIMES = ['2026-11-22T22:30:00Z', '2026-11-23T12:00:00Z', '2026-11-23T23:30:00Z', '2026-11-24T09:00:00Z'];
  let dir = '';
  beforeEach(() => {
    dir = tempDir();
    const path = `flows/f.${FLOW}.yaml`;
    writeHistory(
      dir,
      'prod',
      ['2026-11-01T00:00:00Z', ...TIMES].map((time, round) => ({
        author: { name: 'P', email: 'p@example.test' },
        time: new Date(time),
        first: round === 0,
        files: { [path]: renderYaml({ _id: FLOW, name: 'F', description: `round ${round}` }) },
        changes: [{ kind: round === 0 ? 'added' : 'changed', type: 'flows', id: FLOW, path, title: 'F' } as const],
      })),
    );
  });
  const run = (...args: string[]) => cli([...args, '--mirror', dir], dir, {}, NOW);

  it.each([
    [['--at', 'yesterday'], 3, '--at yesterday: 2026-11-23T23:59:59Z\n'],
    [['--before', 'yesterday'], 1, '--before yesterday: 2026-11-23T00:00:00Z\n'],
    [['--before', 'today'], 3, '--before today: 2026-11-24T00:00:00Z\n'],
    [['--before', '2026-11-24T09:00:00Z'], 3, ''],
    [['--at', '2026-11-24T09:00:00Z'], 4, ''],
    [['--at', '2 hours ago'], 4, '--at 2 hours ago: 2026-11-24T13:30:00Z\n'],
    [['--before', 'yesterday', '--timezone', 'Europe/Berlin'], 1, '--before yesterday: 2026-11-22T23:00:00Z\n'],
    [['--at', 'yesterday', '--timezone', 'Europe/Berlin'], 2, '--at yesterday: 2026-11-23T22:59:59Z\n'],
    [['--at', 'yesterday', '--timezone', 'America/New_York'], 3, '--at yesterday: 2026-11-24T04:59:59Z\n'],
  ])('is meant by the words of an option: %j', async (options, round, said) => {
    const { out, err } = await run('show', `flows/${FLOW}`, '--json', ...options);
    expect((JSON.parse(out) as { description: string }).description).toBe(`round ${round}`);
    expect(err.startsWith(`${said}# prod/flows/`), err).toBe(true);
  });

  it('is the same for log, report and diff, by either name', { tags: 'slow' }, async () => {
    for (const names of [
      ['--since', '--until'],
      ['--from', '--to'],
    ] as const) {
      const period = [names[0], 'yesterday', names[1], 'yesterday'];
      const log = JSON.parse((await run('log', ...period, '--json')).out) as { entries: { time: string }[] };
      const report = JSON.parse((await run('report', ...period, '--json')).out) as { changes: { time: string }[] };
      const expected = [TIMES[2], TIMES[1]].map((time) => time?.replace('Z', '.000Z'));
      expect(log.entries.map(({ time }) => time)).toEqual(expected);
      expect(
        report.changes
          .map(({ time }) => time)
          .sort()
          .reverse(),
      ).toEqual(expected);
      const diff = await run('diff', ...period, '--json');
      expect(diff.err).toBe(
        `${names[0]} yesterday: 2026-11-23T00:00:00Z\n${names[1]} yesterday: 2026-11-23T23:59:59Z\n`,
      );
      expect(JSON.parse(diff.out)).toMatchObject({
        differences: [{ changes: [{ place: 'description', before: 'round 1', after: 'round 3' }] }],
      });
    }
  });

  it('in which nothing changed leads to the last change', { tags: 'slow' }, async () => {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: dir, encoding: 'utf8', env: ENV }).trim();
    const changed = git('rev-parse', '--short=10', 'HEAD');
    // What people committed and the mirror put back is no change of the account.
    const message = 'prod: put back 1 flow\n\nCeligo-Account: prod\nCeligo-Put-Back: 0123\n';
    const mirror = ['-c', 'user.name=celigo-mirror', '-c', 'user.email=celigo-mirror@localhost'];
    for (let i = 0; i < 20; i += 1) git(...mirror, 'commit', '-q', '--allow-empty', '-m', message);
    const last = new RegExp(`The last change of prod: 2026-11-24 09:00 UTC, commit ${changed}\n$`);
    for (const args of [['log'], ['report'], ['diff']]) {
      const { code, err } = await run(...args, '--since', '2026-11-10', '--until', '2026-11-11');
      expect([code, err], args.join(' ')).toEqual([0, expect.stringMatching(last)]);
    }
  });
});
