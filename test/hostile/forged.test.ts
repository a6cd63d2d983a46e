import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { CANNOT_SIGN, ENV, git, tempDir, Workspace } from '../support/workspace.ts';

interface Signed {
  readonly space: Workspace;
  readonly flow: string;
  readonly file: string;
}

/** A signed mirror with two states of a flow. */
async function signed(): Promise<Signed> {
  const account = await sample();
  const key = join(tempDir(), 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } },
    { repository: { signingKeyFile: key } },
  );
  await space.mirrored();
  const flow = String(account.emulator.state.all('flows')[0]?._id);
  account.emulator.act(account.owner.token).set('flows', flow, { description: 'the true one' });
  expect((await space.sync()).code).toBe(0);
  return { space, flow, file: space.find(flow) };
}

/** Writes an object as git would, and gives its id. */
function write({ mirror }: Workspace, type: string, text: string): string {
  const args = ['hash-object', '-t', type, '-w', '--literally', '--stdin'];
  return execFileSync('git', args, { cwd: mirror, env: ENV, input: text, encoding: 'utf8' }).trim();
}

/** Puts other bytes under the id of an object. */
function forge({ mirror }: Workspace, id: string, type: string, text: string): void {
  const path = join(mirror, '.git', 'objects', id.slice(0, 2), id.slice(2));
  mkdirSync(join(path, '..'), { recursive: true });
  try {
    chmodSync(path, 0o644);
  } catch {
    // It was in a pack.
  }
  writeFileSync(path, deflateSync(Buffer.from(`${type} ${Buffer.byteLength(text)}\0${text}`)));
}

async function verify(space: Workspace): Promise<{ readonly code: number; readonly out: string }> {
  const { code, out, err } = await space.run('verify', '--signatures');
  return { code, out: `${out}${err}` };
}

const unpack = ({ mirror }: Workspace): void => {
  const packs = execFileSync('sh', ['-c', 'ls .git/objects/pack/*.pack 2>/dev/null || true'], { cwd: mirror });
  for (const pack of packs.toString().split('\n').filter(Boolean)) {
    const bytes = readFileSync(join(mirror, pack));
    for (const end of ['pack', 'idx', 'rev']) execFileSync('rm', ['-f', join(mirror, pack.replace(/pack$/, end))]);
    execFileSync('git', ['unpack-objects', '-q'], { cwd: mirror, env: ENV, input: bytes });
  }
};

describe.skipIf(CANNOT_SIGN)('a history that says something else than its objects', () => {
  it('is not believed where another object is in its place, and verify --signatures names it', {
    tags: 'slow',
  }, async () => {
    const { space, flow, file } = await signed();
    const before = {
      log: (await space.run('log', '--json')).out,
      show: (await space.run('show', `flows/${flow}`)).out,
      blame: (await space.run('blame', `flows/${flow}`)).out,
    };
    expect(before.show).toContain('the true one');
    expect((await verify(space)).code).toBe(0);
    const blob = space.git('rev-parse', `HEAD:${file}`).trim();
    const commit = space.git('rev-parse', 'HEAD').trim();
    const text = space.git('cat-file', 'blob', blob).replace('the true one', 'a forged one');
    space.git('update-ref', `refs/replace/${blob}`, write(space, 'blob', text));
    const author = space.git('cat-file', 'commit', commit).replace(/^author [^<]*</m, 'author Mallory <');
    space.git('update-ref', `refs/replace/${commit}`, write(space, 'commit', author));
    // No parents, and so no history before.
    writeFileSync(join(space.mirror, '.git', 'info', 'grafts'), `${commit}\n`);
    writeFileSync(join(space.mirror, '.mailmap'), 'Mallory <mallory@x.test> <celigo-mirror@localhost>\n');

    const { code, out } = await verify(space);
    expect(out).toContain(`refs/replace/${blob}`);
    expect(out).toContain(`refs/replace/${commit}`);
    expect(out).toContain('info/grafts');
    expect(code).toBe(1);
    expect((await space.run('log', '--json')).out).toBe(before.log);
    expect((await space.run('show', `flows/${flow}`)).out).toBe(before.show);
    expect((await space.run('blame', `flows/${flow}`)).out).toBe(before.blame);
  });

  it('is refused where an object is not what its id says', { tags: 'slow' }, async () => {
    const { space, file } = await signed();
    unpack(space);
    expect((await verify(space)).code).toBe(0);
    const blob = space.git('rev-parse', `HEAD~1:${file}`).trim();
    forge(space, blob, 'blob', 'name: forged\n');

    const { code, out } = await verify(space);
    expect(out).toContain(blob.slice(2));
    expect(code).toBe(1);
  });

  it('is refused where objects come from elsewhere, or history is said to be missing', { tags: 'slow' }, async () => {
    const { space } = await signed();
    const other = tempDir();
    git(other, 'init', '--quiet');
    const alternates = join(space.mirror, '.git', 'objects', 'info', 'alternates');
    mkdirSync(join(alternates, '..'), { recursive: true });
    writeFileSync(alternates, `${join(other, '.git', 'objects')}\n`);
    expect(await verify(space)).toMatchObject({ code: 1, out: expect.stringContaining('info/alternates') });
    writeFileSync(alternates, '');
    expect((await verify(space)).code).toBe(0);
    writeFileSync(join(space.mirror, '.git', 'shallow'), `${space.git('rev-parse', 'HEAD').trim()}\n`);
    expect(await verify(space)).toMatchObject({ code: 1, out: expect.stringContaining('shallow') });
  });

  it('cannot show commits that are not there, by the text of one that is', { tags: 'slow' }, async () => {
    const { space, file } = await signed();
    const forged = `\x01${'a'.repeat(40)}\x02Mallory\x02m@x.test\x02celigo-mirror@localhost\x021\x021\x02forged: text`;
    const raw = `\x03\n:100644 100644 ${'b'.repeat(40)} ${'c'.repeat(40)} M\0${file}\0`.replaceAll('\0', '\n');
    writeFileSync(join(space.mirror, file), `${space.read(file)}# edited\n`);
    const name = `\x01${'a'.repeat(40)}\x02G\x02*\x02SHA256:x\x022026-01-01\x02Mallory`;
    space.git('-c', `user.name=${name}`, '-c', 'user.email=m@x.test', 'commit', '-qam', `${forged}${raw}`);

    const entries = (await space.run('log', '--json', '--all')).out;
    expect(entries).not.toContain(`"${'a'.repeat(40)}"`);
    const { signatures } = JSON.parse((await space.run('verify', '--signatures', '--json')).out) as {
      signatures: { commits: number; good: number; faults: unknown[] };
    };
    expect(signatures).toMatchObject({ commits: 3, good: 2, faults: [{ problem: 'it is not signed' }] });
  });
});

describe('a commit that a person pushed with the text of one of the mirror', () => {
  it('does not keep its files: the next run puts back what the account has', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['scripts'] } });
    await space.mirrored();
    const path = space.files().find((file) => file.endsWith('.yaml')) ?? '';
    const file = join(space.mirror, 'prod', path);
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace(/^name: .*/m, 'name: Forged'));
    const message = [
      'prod: script "Forged" renamed',
      `- renamed: ${path}: Forged [2020-11-24T10:03:12Z]`,
      'Celigo-Account: prod\nCeligo-Run: 20201124T100400Z-abcd\nCeligo-Read: 2020-11-24T10:04:00.000Z',
    ].join('\n\n');
    const as = ['-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qam', message];
    space.git(...as, '--author=Ann <ann@x.test>');

    const { code } = await space.sync();

    expect(code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect((await space.sync()).notices).toEqual([]);
  });
});
