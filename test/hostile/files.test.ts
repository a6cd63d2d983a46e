import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { Workspace } from '../support/workspace.ts';

const ID = '64f0c0ffee64f0c0ffee64f0';

/** A mirror of one script, and what its document says. */
async function mirror(): Promise<{ space: Workspace; file: string; text: string }> {
  const seed = emptyAccount();
  const script = { _id: ID, name: 'Hooks', content: 'function f() {}\n', lastModified: '2026-01-01T00:00:00.000Z' };
  const account = await sample({ seed: { ...seed, resources: { scripts: [script] } } });
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['scripts'] } });
  await space.mirrored();
  const file = join(space.mirror, 'prod', 'scripts', `hooks.${ID}.yaml`);
  return { space, file, text: readFileSync(file, 'utf8') };
}

/** Files that somebody put into the mirror to harm who reads them. */
const EVIL: Record<string, string> = {
  'a bomb of aliases': `_id: ${ID}\na: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefghi'[i]}`).join(',')}]`)
    .join('\n')}\n`,
  'a tag that wants an object': `_id: ${ID}\nname: !!js/function 'function () { process.exit(7) }'\n`,
  'a tag of a language': `_id: ${ID}\nname: !!python/object/apply:os.system ['touch /tmp/x']\n`,
  'a key that is there twice': `_id: ${ID}\nname: a\nname: b\n`,
  'merge keys': `_id: ${ID}\nbase: &base {a: 1}\n<<: *base\n`,
  'several documents': `_id: ${ID}\n---\n_id: ${ID}\n`,
  'a directive': `%YAML 9.9\n---\n_id: ${ID}\n`,
  'very deep nesting': `_id: ${ID}\nx: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`,
  'bytes by a tag that YAML knows': `_id: ${ID}\nname: !!binary SGVsbG8=\n`,
  'a number that JSON does not have': `_id: ${ID}\nname: Hooks\nx: 1e999\n`,
  'nothing at all': '',
  'bytes that are no text': '\u0000\u0001\u0002',
  'another id than its name': '_id: 000000000000000000000000\nname: x\n',
  'a side file outside its folder': `_id: ${ID}\ncontent:\n  $file: ../../../../etc/passwd\nname: Hooks\n`,
  'a side file by an absolute path': `_id: ${ID}\ncontent:\n  $file: /etc/passwd\nname: Hooks\n`,
};

describe('a file of the mirror that holds', () => {
  eachOf(Object.entries(EVIL), { quick: 0 })('%s is named by every reader, and harms none', async (_, text) => {
    const { space, file } = await mirror();
    writeFileSync(file, text);
    space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qam', 'evil');

    const verify = await space.run('verify');
    expect(verify.code).toBe(1);
    expect(verify.out).toContain(`prod/scripts/hooks.${ID}.yaml`);
    for (const args of [
      ['show', `scripts/${ID}`],
      ['restore', `scripts/${ID}`, '--dry-run'],
      ['lint'],
      ['impact', `scripts/${ID}`],
    ]) {
      const outcome = await space.run(...args);
      expect(outcome.code, `${args[0]}: ${outcome.err}`).not.toBe(0);
      expect(`${outcome.out}${outcome.err}`).not.toMatch(/internal error|root:x:0|\n\s+at .+:\d+:\d+/);
    }
    for (const args of [['log', '--patch'], ['report'], ['blame', `scripts/${ID}`]]) {
      const outcome = await space.run(...args);
      expect(outcome.code, `${args[0]}: ${outcome.err}`).toBe(0);
      expect(outcome.out).not.toContain('root:x:0');
    }
    // The next run puts it right.
    expect((await space.sync('--full')).code).toBe(0);
    expect((await space.run('verify')).code).toBe(0);
  });

  it('keys of the prototype keeps them, and nothing inherits them', async () => {
    const { space, file, text } = await mirror();
    writeFileSync(file, `__proto__:\n  polluted: true\n${text}constructor:\n  prototype:\n    polluted: true\n`);

    for (const args of [['verify'], ['lint'], ['show', `scripts/${ID}`]]) await space.run(...args);

    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('words of the command line', () => {
  it.each([
    ['show', `scripts/${ID}`, '--at', '--output=pwned'],
    ['show', `scripts/${ID}`, '--at=--exec=touch pwned'],
    ['restore', 'all', '--at', '-n1', '--dry-run'],
    ['diff', '--from', '--output=pwned', '--to', 'HEAD'],
    ['diff', '--from', 'HEAD', '--to=--ext-diff'],
    ['verify', '--signatures', '--allowed-signers', '/dev/null', '--signed-after=--output=pwned'],
    ['log', '--since', '--output=pwned'],
    ['report', '--from', '$(touch pwned)'],
    ['log', '../../../etc/passwd'],
    ['show', '/etc/passwd'],
    ['impact', 'scripts/--upload-pack=touch pwned'],
  ])('are no options of git, no paths and no commands: %j', async (...args) => {
    const { space } = await mirror();

    const outcome = await space.run(...args);

    expect(outcome.code, outcome.out).toBe(64);
    expect(outcome.err).not.toMatch(/internal error|root:x:0/);
    for (const folder of [space.dir, space.mirror]) expect(existsSync(join(folder, 'pwned'))).toBe(false);
  });
});
