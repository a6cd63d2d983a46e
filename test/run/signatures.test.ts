import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { CANNOT_SIGN, type Outcome, tempDir, Workspace } from '../support/workspace.ts';

function key(name: string): string {
  const file = join(tempDir(), name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
  return file;
}

interface Signed {
  readonly account: TestAccount;
  readonly space: Workspace;
  readonly file: string;
  /** Edits a flow and mirrors it. */
  readonly edit: () => Promise<void>;
}

async function begin(signed = true): Promise<Signed> {
  const account = await sample();
  const file = key('mirror');
  const settings = { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } };
  const space = new Workspace(settings, { repository: signed ? { signingKeyFile: file } : {} });
  await space.mirrored();
  const flow = String(account.emulator.state.all('flows')[0]?._id);
  let round = 0;
  return {
    account,
    space,
    file,
    async edit() {
      round += 1;
      account.emulator.act(account.owner.token).set('flows', flow, { description: `round ${round}` });
      await space.sync();
    },
  };
}

interface Signatures {
  readonly commits: number;
  readonly good: number;
  readonly signers: readonly string[];
  readonly faults: readonly { readonly commit: string; readonly problem: string }[];
  readonly cut: { readonly commit: string } | null;
  readonly uncommitted: readonly string[];
}

async function check(space: Workspace, ...args: string[]): Promise<Signatures & { code: number }> {
  const outcome: Outcome = await space.run('verify', '--signatures', '--json', ...args);
  expect(outcome.err).toBe('');
  return { ...(JSON.parse(outcome.out) as { signatures: Signatures }).signatures, code: outcome.code };
}

describe.skipIf(CANNOT_SIGN)('verify --signatures', () => {
  it('finds every commit signed by the configured key, or by one of a file', { tags: 'slow' }, async () => {
    const { space, file, edit } = await begin();
    await edit();

    expect(await check(space)).toMatchObject({ commits: 2, good: 2, faults: [], code: 0 });
    const signers = join(space.dir, 'allowed_signers');
    writeFileSync(signers, `mirror@x.test namespaces="git" ${readFileSync(`${file}.pub`, 'utf8')}`);
    expect(await check(space, '--allowed-signers', signers)).toMatchObject({ good: 2, signers: ['mirror@x.test'] });
    expect((await space.run('verify', space.mirror, '--signatures', '--allowed-signers', signers)).out).toMatch(
      /signatures: 2 of 2 commits signed by mirror@x\.test\n {2}all signed/,
    );
  });

  it('names commits that are unsigned, signed by someone else, or changed afterwards', { tags: 'slow' }, async () => {
    const { space, edit } = await begin();
    const other = key('other');
    const flow = space.git('ls-files', 'prod/flows').split('\n')[0] ?? '';
    const commit = (...args: string[]): string => {
      writeFileSync(join(space.mirror, flow), `${readFileSync(join(space.mirror, flow), 'utf8')}# ${args.length}\n`);
      space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', ...args, 'commit', '-qam', 'nothing to see');
      return space.git('rev-parse', 'HEAD').trim();
    };
    const unsigned = commit();
    const foreign = commit('-c', 'gpg.format=ssh', '-c', `user.signingKey=${other}`, '-c', 'commit.gpgSign=true');
    await edit();
    // A signed commit whose author was rewritten, put in the place of the original.
    const forged = space.git('cat-file', 'commit', 'HEAD').replace(/^author .*? </m, 'author Somebody Else <');
    const id = execFileSync('git', ['hash-object', '-t', 'commit', '-w', '--stdin'], {
      cwd: space.mirror,
      input: forged,
    })
      .toString()
      .trim();
    space.git('update-ref', 'refs/heads/main', id);

    const result = await check(space);

    expect(result.code).toBe(1);
    expect(Object.fromEntries(result.faults.map(({ commit: at, problem }) => [at, problem]))).toEqual({
      [unsigned]: 'it is not signed',
      [foreign]: 'it is signed by a key that is not trusted',
      [id]: 'the signature is bad: the commit was changed after it was signed',
    });
  });

  it('asks for signatures from a commit on, where signing began later', { tags: 'slow' }, async () => {
    const { account, space, file, edit } = await begin(false);
    await edit();
    space.git('tag', 'signing-begins');
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
      { repository: { signingKeyFile: file } },
    );
    await edit();

    expect(await check(space)).toMatchObject({ commits: 3, good: 1, code: 1 });
    expect(await check(space, '--signed-after', 'signing-begins')).toMatchObject({ commits: 1, good: 1, code: 0 });
    const unknown = await space.run('verify', '--signatures', '--signed-after', 'no-such-tag');
    expect(unknown.code).toBe(64);
    expect(unknown.err).toMatch(/--signed-after: no-such-tag is not a commit/);
  });

  it('trusts no one by default, and no program that the repository names', { tags: 'slow' }, async () => {
    const { space, edit } = await begin(false);
    const without = await space.run('verify', '--signatures');
    expect(without.code).toBe(64);
    expect(without.err).toMatch(/no trusted keys were given/);

    const liar = join(space.dir, 'liar.sh');
    writeFileSync(
      liar,
      `#!/bin/sh\ntouch ${join(space.dir, 'ran')}\necho 'Good "git" signature for x with ED25519 key SHA256:x'\n`,
    );
    chmodSync(liar, 0o755);
    space.git('config', 'gpg.ssh.program', liar);
    await edit();
    const signers = join(space.dir, 'allowed_signers');
    writeFileSync(signers, `* namespaces="git" ${readFileSync(`${key('trusted')}.pub`, 'utf8')}`);
    space.git(
      ...['-c', 'gpg.format=ssh', '-c', 'gpg.ssh.program=ssh-keygen', '-c', `user.signingKey=${key('other')}`],
      ...['-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-q', '-S', '--amend', '--no-edit'],
    );

    expect(await check(space, '--allowed-signers', signers)).toMatchObject({ good: 0, code: 1 });
    expect(() => readFileSync(join(space.dir, 'ran'))).toThrow();
  });

  it('refuses a shallow clone, which cannot show what came before its cut', { tags: 'slow' }, async () => {
    const { account, space, file, edit } = await begin(false);
    space.configure(
      { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
      { repository: { signingKeyFile: file } },
    );
    await edit();
    space.git('tag', 'signing-begins');
    await edit();
    const signers = join(space.dir, 'allowed_signers');
    writeFileSync(signers, `* namespaces="git" ${readFileSync(`${file}.pub`, 'utf8')}`);
    const shallow = join(space.dir, 'shallow');
    space.git('clone', '-q', '--depth', '2', `file://${space.mirror}`, shallow);
    const args = [shallow, '--allowed-signers', signers];

    const refused = await space.run('verify', '--signatures', ...args);

    expect(refused.code).toBe(1);
    expect(refused.out).not.toContain('all signed');
    expect(refused.out).toMatch(
      /shallow, its history begins with commit [0-9a-f]{12} of .*\n.*git fetch --unshallow\n/,
    );
    expect(await check(space, ...args)).toMatchObject({
      good: 2,
      faults: [],
      cut: { commit: space.git('rev-parse', 'HEAD~1').trim() },
      code: 1,
    });
    // What was asked for is all there.
    expect(await check(space, ...args, '--signed-after', 'HEAD~1')).toMatchObject({ cut: null, code: 0 });
    execFileSync('git', ['fetch', '-q', '--unshallow'], { cwd: shallow });
    expect(await check(space, ...args)).toMatchObject({ commits: 3, good: 2, cut: null, code: 1 });
    expect(await check(space, ...args, '--signed-after', 'signing-begins')).toMatchObject({ code: 0 });
  });

  it('names files that were changed, added or removed after the last commit', { tags: 'slow' }, async () => {
    const { space } = await begin();
    const [first = '', second = ''] = space.git('ls-files', 'prod/flows').split('\n');
    writeFileSync(join(space.mirror, first), `${readFileSync(join(space.mirror, first), 'utf8')}\n`);
    rmSync(join(space.mirror, second));
    mkdirSync(join(space.mirror, '.git', 'info'), { recursive: true });
    writeFileSync(join(space.mirror, '.git', 'info', 'exclude'), '*.js\n');
    mkdirSync(join(space.mirror, 'prod', 'scripts'));
    writeFileSync(join(space.mirror, 'prod', 'scripts', 'evil.js'), 'evil()');
    // Not the mirror's, and none of its business.
    writeFileSync(join(space.mirror, 'README.md'), 'ours');

    const { uncommitted, code, faults } = await check(space);

    expect(uncommitted).toEqual([first, second, 'prod/scripts/evil.js'].sort());
    expect(faults).toEqual([]);
    expect(code).toBe(1);
    const { out } = await space.run('verify', '--signatures');
    expect(out).toContain(`fault ${first}: differs from the last commit`);
    expect(out).not.toContain('all signed');
  });
});
