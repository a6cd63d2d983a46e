import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { sample } from '../support/account.ts';
import { CANNOT_SIGN, cli, ENV, git, tempDir, Workspace } from '../support/workspace.ts';

/** Temporary files can be made nowhere in this test. */
function withoutTemporaryFolder(): string {
  const file = join(tempDir(), 'no-folder');
  writeFileSync(file, '');
  vi.stubEnv('TMPDIR', file);
  onTestFinished(() => void vi.unstubAllEnvs());
  return file;
}

describe('what the machine refuses is reported as such', () => {
  it('drill-without-tmp: a command that needs a temporary folder says what to set', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const keys = tempDir();
    writeFileSync(join(keys, 'key.pub'), 'ssh-ed25519 AAAA');
    const settings = { prod: { baseUrl: account.url, token: account.owner.token } };
    space.configure(settings, CANNOT_SIGN ? {} : { repository: { signingKeyFile: join(keys, 'key') } });
    const place = withoutTemporaryFolder();

    for (const args of [['drill'], ['demo'], ...(CANNOT_SIGN ? [] : [['verify', '--signatures']])]) {
      const { code, err } = await cli(args, space.dir, { ...ENV, TMPDIR: place });
      expect(code, args[0]).toBe(1);
      expect(err, args[0]).toMatch(
        /^error: no temporary folder can be made in .*no-folder: .*\n→ Set the variable TMPDIR/,
      );
      expect(err).not.toMatch(/internal error|\n +at /);
    }
    for (const args of [['sync'], ['log'], ['verify']]) expect((await cli(args, space.dir)).code, args[0]).toBe(0);
  });

  it('a machine without git is named by every command, and none takes it for a missing mirror', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const env = { PATH: tempDir() };

    const commands = [['sync'], ['log'], ['show', 'flows'], ['verify'], ['drill'], ['restore', 'all', '--dry-run']];
    for (const args of commands) {
      const { code, out, err } = await cli(args, space.dir, env);
      expect([code, out + err], args[0]).toEqual([
        1,
        expect.stringContaining('git cannot be run: there is none on the PATH'),
      ]);
      expect(out + err).toContain('→ Install git');
      expect(out + err).not.toMatch(/internal error|\n +at /);
    }
    const doctor = await cli(['doctor'], space.dir, env);
    expect([doctor.code, doctor.out]).toEqual([1, expect.stringMatching(/fault +installed +git cannot be run/)]);
  });

  it('a git that fails is named with what it said, by every command', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    git(space.mirror, 'config', 'core.bigFileThreshold', 'no number');

    for (const args of [['log'], ['show', 'flows/678df75fc3a91b7e41300001'], ['diff', '--from', 'HEAD']]) {
      const { code, err } = await cli(args, space.dir);
      expect(code, `${args[0]}: ${err}`).not.toBe(0);
      expect(err, args[0]).toMatch(/^error: /);
      expect(err).not.toMatch(/internal error|\n +at /);
    }
  });
});
