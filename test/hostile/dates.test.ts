import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { CANNOT_SIGN, ENV, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';
const HOUR = 3_600_000;

interface World {
  readonly account: TestAccount;
  readonly space: Workspace;
  /** Sets the clock of the server. */
  readonly setClock: (time: number) => void;
  /** An edit of the flow, a minute after the clock of the server was set, and a run another minute later. */
  readonly edit: (by: number, description: string) => Promise<void>;
}

/** An account whose server has a clock of its own, and its mirror. */
async function world(repository: Record<string, Json> = {}): Promise<World> {
  let clock = Date.now() - 6 * HOUR;
  const account = await sample({ now: () => new Date(clock) });
  const settings = { baseUrl: account.url, token: account.owner.token, include: ['flows'] };
  const space = new Workspace({ prod: settings }, { repository });
  await space.sync();
  const minute = (): void => {
    clock += 60_000;
  };
  return {
    account,
    space,
    setClock: (time) => {
      clock = time;
    },
    async edit(by, description) {
      minute();
      account.emulator.act(account.person('administrator', by).email).set('flows', FLOW, { description });
      minute();
      expect(await space.sync()).toMatchObject({ code: 0 });
    },
  };
}

/** A commit on top of HEAD as `make` has it from the text of HEAD's own: the branch names it. */
function commitAs(space: Workspace, make: (head: string) => string): string {
  const text = make(space.git('cat-file', 'commit', 'HEAD'));
  const options = { cwd: space.mirror, input: text, env: ENV };
  const id = execFileSync('git', ['hash-object', '-t', 'commit', '-w', '--stdin'], options).toString().trim();
  space.git('update-ref', 'refs/heads/main', id);
  return id;
}

const YEARS: [string, number][] = [
  ['2099', Date.parse('2099-01-01T00:00:00Z')],
  ['1970', Date.parse('1970-01-02T00:00:00Z')],
];

describe('one run with a wrong clock', () => {
  eachOf(YEARS, { quick: 0 })('in %s changes nothing for the commits after it', async (_, wrong) => {
    const { account, space, edit, setClock } = await world();
    const [ann, bob] = [0, 1].map((n) => account.person('administrator', n).email);
    setClock(wrong);
    await edit(0, 'by ann, at an odd time');
    const right = Date.now() - 3 * HOUR;
    setClock(right);
    await edit(1, 'by bob');
    setClock(right + HOUR);
    await edit(0, 'by ann again');

    expect(space.log('%ae').slice(0, 2)).toEqual([ann, bob]);
    expect(space.git('log', '-2', '--format=%B')).not.toMatch(/Co-authored-by|last modifier/);
    const committed = space
      .log('%ct')
      .slice(0, 2)
      .map((seconds) => Number(seconds) * 1000);
    expect(committed.map((time) => Math.round((time - right) / HOUR))).toEqual([1, 0]);
    const at = async (time: number): Promise<string> =>
      (await space.run('show', `flows/${FLOW}`, '--at', new Date(time).toISOString())).out;
    expect(await at(right + HOUR / 2)).toContain('description: by bob');
    expect(await at(right + 2 * HOUR)).toContain('description: by ann again');
    expect((await space.run('show', `flows/${FLOW}`, '--at', 'now')).out).toContain('description: by ann again');
    const log = await space.run('log', '--json', '--since', new Date(right).toISOString(), '--until', 'now');
    const { entries } = JSON.parse(log.out) as { entries: { by: { email: string } }[] };
    expect(entries.filter(({ by }) => by.email === ann || by.email === bob)).toHaveLength(2);
  });

  it('which is the newest is reported with what to do', { tags: 'slow' }, async () => {
    const { space, edit, setClock } = await world();
    setClock(Date.parse('2099-01-01T00:00:00Z'));
    await edit(0, 'from the future');

    const { out } = await space.run('verify');

    expect(out).toMatch(/is dated in the future: 2099-01-01.*\n?.*Set the clock/s);
  });

  it('in the past is still the newest state', { tags: 'slow' }, async () => {
    const { space, edit, setClock } = await world();
    setClock(Date.parse('1970-01-02T00:00:00Z'));
    await edit(0, 'by ann, at an odd time');

    expect((await space.run('show', `flows/${FLOW}`, '--at', 'now')).out).toContain('by ann, at an odd time');
  });
});

describe('a pushed commit', () => {
  /** A copy of the newest commit, as `git cherry-pick` and `git rebase` make it, or a forger. */
  const copied =
    (seconds: number, read: string, text: string) =>
    (head: string): string => {
      const [top = '', ...rest] = head.split('\n\n');
      const message = rest.join('\n\n').replace(/^Celigo-Read: .*$/m, `Celigo-Read: ${read}`);
      return `${top.replace(/^(author|committer) .*$/gm, `$1 Eve <eve@x.test> ${seconds} +0000`)}\n\n${text}${message}`;
    };

  eachOf(
    [
      ['2099', 4_070_908_800, '2099-01-01T00:00:00.000Z'],
      ['1970', 86_400, '1970-01-02T00:00:00.000Z'],
    ] as const,
    { quick: 1 },
  )('that poses as one of the mirror of %s names no author of later edits', async (_, seconds, read) => {
    const { account, space, edit, setClock } = await world();
    const right = Date.now() - 3 * HOUR;
    setClock(right);
    await edit(0, 'by ann');
    const text = space.git('cat-file', 'commit', 'HEAD');
    const parented = (head: string): string =>
      copied(seconds, read, '')(head).replace(/^parent .*$/m, `parent ${space.git('rev-parse', 'HEAD').trim()}`);
    expect(text).toContain('parent ');
    commitAs(space, parented);
    setClock(right + HOUR);
    await edit(1, 'by bob');

    expect(space.log('%ae')[0]).toBe(account.person('administrator', 1).email);
    expect(space.git('log', '-1', '--format=%B')).not.toContain('Co-authored-by');
    expect(Math.abs(Number(space.log('%ct')[0]) * 1000 - right - HOUR)).toBeLessThan(5 * 60_000);
    expect((await space.run('show', `flows/${FLOW}`, '--at', 'now')).out).toContain('description: by bob');
  });
});

describe.skipIf(CANNOT_SIGN)('a key that is valid for a time', () => {
  it('does not sign commits that are dated before those they follow', { tags: 'slow' }, async () => {
    const file = join(tempDir(), 'mirror');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    const { space, edit, setClock } = await world({ signingKeyFile: file });
    setClock(Date.now() - 3 * HOUR);
    await edit(0, 'signed');
    const signers = join(space.dir, 'allowed_signers');
    const pub = readFileSync(`${file}.pub`, 'utf8');
    const verify = async (line: string) => {
      writeFileSync(signers, `mirror@x.test namespaces="git"${line} ${pub}`);
      const { out } = await space.run('verify', '--signatures', '--json', '--allowed-signers', signers);
      return (JSON.parse(out) as { signatures: { faults: { problem: string }[] } }).signatures.faults;
    };
    // The key is valid until yesterday's tomorrow: what is dated after it is refused, and what is dated before it,
    // but follows a commit of a later date, too.
    const stop = ',valid-before="20300101"';
    expect(await verify(stop)).toEqual([]);
    const head = space.git('rev-parse', 'HEAD').trim();
    const [tree] = space.git('log', '-1', '--format=%T', `${head}~1`).split('\n');
    const env = {
      ...ENV,
      GIT_AUTHOR_NAME: 'mirror',
      GIT_AUTHOR_EMAIL: 'm@x.test',
      GIT_COMMITTER_NAME: 'mirror',
      GIT_COMMITTER_EMAIL: 'm@x.test',
      GIT_AUTHOR_DATE: '@86400 +0000',
      GIT_COMMITTER_DATE: '@86400 +0000',
    };
    const settings = ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${file}`];
    const args = [...settings, 'commit-tree', '-S', '-p', head, '-m', 'backdated', tree ?? ''];
    const id = execFileSync('git', args, { cwd: space.mirror, env }).toString().trim();
    space.git('update-ref', 'refs/heads/main', id);

    expect(await verify(stop)).toMatchObject([{ commit: id, problem: expect.stringMatching(/dated before/) }]);
    // Where no key has a time, dates decide nothing.
    expect(await verify('')).toEqual([]);
  });
});
