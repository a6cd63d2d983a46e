import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { cli, ENV, tempDir, Workspace } from '../support/workspace.ts';

/**
 * A PATH on which git says that it is of this version, and ends as an old one does on a command that it does not know.
 * Real old versions are brought by `npm run compat`; this shows the same where there is none.
 */
function oldGit(version: string, unknown: { readonly words: readonly string[]; readonly says: string }): string {
  const real = execFileSync('sh', ['-c', 'command -v git'], { env: ENV, encoding: 'utf8' }).trim();
  const dir = tempDir();
  const lines = [
    '#!/bin/sh',
    'case " $* " in',
    `  *" --version "*) echo "git version ${version}"; exit 0 ;;`,
    ...unknown.words.map((pattern) => `  ${pattern}) echo "${unknown.says}" >&2; exit 129 ;;`),
    'esac',
    `exec ${real} "$@"`,
  ];
  writeFileSync(join(dir, 'git'), `${lines.join('\n')}\n`);
  chmodSync(join(dir, 'git'), 0o755);
  return `${dir}:${ENV.PATH}`;
}

const signing = {
  words: ['*gpg.format=ssh*" commit-tree "*', '*gpg.format=ssh*" log "*'],
  says: 'error: unsupported value for gpg.format: ssh',
};

function doctor(PATH: string, cwd: string) {
  return cli(['doctor'], cwd, { PATH });
}

describe('an old git', () => {
  it('is a fault for doctor before 2.30, and with a signing key before 2.34', async () => {
    const account = await sample();
    const settings = { prod: { baseUrl: account.url, token: account.owner.token } };
    const plain = new Workspace(settings);
    const signed = new Workspace(settings, { repository: { signingKeyFile: '/nonexistent/key' } });

    expect(await doctor(oldGit('2.29.3', signing), plain.dir)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/fault +version +git version 2\.29\.3\n +→ Install git 2\.30 or later\n/),
    });
    expect((await doctor(oldGit('2.30.0', signing), plain.dir)).code).toBe(0);
    expect(await doctor(oldGit('2.33.8', signing), signed.dir)).toMatchObject({
      code: 1,
      out: expect.stringContaining('Install git 2.34 or later, which can sign with SSH keys'),
    });
  });

  it('that cannot sign is reported as such, not as a fault of the program', async () => {
    const account = await sample();
    const settings = { prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } };
    const space = new Workspace(settings);
    await space.mirrored();
    const key = join(tempDir(), 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    space.configure(settings, { repository: { signingKeyFile: key } });
    account.emulator.act(account.owner.token).set('flows', '678df75fc3a91b7e41300001', { description: 'edited' });

    for (const words of [['sync'], ['verify', '--signatures']]) {
      const { code, out, err } = await cli(words, space.dir, { PATH: oldGit('2.30.2', signing) });

      expect(code).toBe(1);
      expect(out + err).toContain('this version of git cannot create or verify SSH signatures');
      expect(out + err).toContain('Install git 2.34 or later');
      expect(out + err).not.toContain('internal error');
    }
    expect(space.log()).toHaveLength(1);
  });
});
