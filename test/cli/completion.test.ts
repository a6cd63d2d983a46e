import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { cli, ENV, PROGRAM, tempDir, Workspace } from '../support/workspace.ts';

/** What the last of the words may become. */
async function candidates(cwd: string, ...words: string[]): Promise<string[]> {
  const { code, out, err } = await cli(['__complete', '--', ...words], cwd);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0] ?? '');
}

describe('completion', () => {
  it('knows commands, options, their choices and types, without a mirror', async () => {
    const dir = tempDir();

    expect(await candidates(dir, 're')).toEqual(['restore', 'report']);
    expect(await candidates(dir, '--config', 'x.yaml', 'und')).toEqual(['undo']);
    expect(await candidates(dir, 'restore', '--allow')).toEqual(['--allow-target-change']);
    expect(await candidates(dir, 'compare', '--format', '')).toEqual(['text', 'md', 'json']);
    expect(await candidates(dir, 'completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(await candidates(dir, 'log', 'script')).toEqual(['scripts/']);
    expect(await candidates(dir, 'types', 'flo')).toEqual(['flows']);
    expect(await candidates(dir, 'show', 'flows/')).toEqual([]);
    expect(await candidates(dir, 'verify', '')).toEqual([]);
    expect(await candidates(dir, 'help', 'dri')).toEqual(['drill']);
    expect(await candidates(dir, '__')).toEqual([]);
  });

  it('completes resources and accounts, and what it completes is understood', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();

    const flows = await candidates(space.dir, 'show', 'flows/');
    expect(flows.length).toBeGreaterThan(1);
    for (const flow of flows.slice(0, 3)) expect(await cli(['show', flow], space.dir)).toMatchObject({ code: 0 });
    expect(await candidates(space.dir, 'restore', 'all', 'integration/')).not.toEqual([]);
    expect(await candidates(space.dir, 'log', '--account', '')).toEqual(['prod']);
    expect(await candidates(space.dir, 'compare', 'p')).toEqual(['prod']);
    const { mirror } = space;
    const config = join(space.dir, 'celigo-mirror.yaml');
    const elsewhere = tempDir();
    expect(await candidates(elsewhere, 'show', '--mirror', mirror, 'flows/')).toEqual(flows);
    expect(await candidates(elsewhere, 'show', `--mirror=${mirror}`, 'flows/')).toEqual(flows);
    expect(await candidates(elsewhere, '-c', config, 'show', 'flows/')).toEqual(flows);
    expect(await candidates(elsewhere, 'sync', '--config', config, '--account', '')).toEqual(['prod']);
  });

  it.each(['zsh', 'fish'])('has a script for %s', async (shell) => {
    const dir = tempDir();
    const { code, out } = await cli(['completion', shell], dir);

    expect(code).toBe(0);
    expect(out).toContain('__complete');
    writeFileSync(join(dir, 'script'), out);
    const known = spawnSync(shell, ['-n', join(dir, 'script')], { encoding: 'utf8', env: { ...ENV, HOME: dir } });
    if (known.error === undefined) expect(known).toMatchObject({ status: 0, stderr: '' });
  });

  /** What a shell prints that does `first`, reads the script and does `then`; `undefined` where it is missing. */
  async function inShell(shell: string, then: readonly string[], first = ''): Promise<string[] | undefined> {
    const dir = tempDir();
    const bin = tempDir();
    const { out } = await cli(['completion', shell], dir);
    writeFileSync(join(bin, 'celigo-mirror'), `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`, { mode: 0o755 });
    writeFileSync(join(dir, 'a-file.txt'), '');
    const env = { ...ENV, HOME: dir, PATH: `${bin}:${ENV.PATH}` };
    const { stdout, stderr, error } = spawnSync(shell, ['-c', [first, out, ...then].join('\n')], {
      encoding: 'utf8',
      env,
      cwd: dir,
    });
    if (error !== undefined) return undefined;
    expect(stderr).toBe('');
    return stdout.split('\n').filter((line) => line !== '');
  }

  it.each([
    ['show flow', ['-l', '-S', '', '-d', 'shown', '-a', 'texts']],
    ['completion z', ['-l', '-d', 'shown', '-a', 'texts']],
  ])('zsh adds no space behind what goes on: %s', async (line, added) => {
    const words = ['celigo-mirror', ...line.split(' ')];
    const then = [
      'compadd() { printf "%s|" "$@" }',
      `words=(${words.join(' ')}) CURRENT=${words.length}`,
      '_celigo_mirror',
    ];
    const found = await inShell('zsh', then, 'compdef() { : }');

    if (found !== undefined) expect(found).toEqual([`${added.join('|')}|`]);
  });

  it.each([
    ['completion ', ['bash', 'fish', 'zsh']],
    ['verify a-f', ['a-file.txt']],
    ['show flow', ['flows/']],
  ])('fish offers files only where nothing else is known: %s', async (line, offered) => {
    const found = await inShell('fish', [`complete --do-complete 'celigo-mirror ${line}'`]);

    if (found !== undefined) expect(found.map((one) => one.split('\t')[0])).toEqual(offered);
  });

  describe('in bash', () => {
    let script = '';
    beforeAll(async () => {
      script = (await cli(['completion', 'bash'], '/')).out;
    });

    it.each([
      [['res'], ['restore']],
      [['log', 'connecti'], ['connections/']],
      [['impact', '--format', 'me'], ['mermaid']],
    ])('%j becomes %j', (words, expected) => {
      const typed = ['celigo-mirror', ...words];
      const ask = [
        'compopt() { :; }',
        `celigo-mirror() { ${process.execPath} ${PROGRAM} "$@"; }`,
        script,
        `COMP_WORDS=(${typed.join(' ')}) COMP_CWORD=${typed.length - 1}`,
        '_celigo_mirror',
        `printf '%s\\n' "\${COMPREPLY[@]}"`,
      ].join('\n');
      const { stdout, stderr } = spawnSync('bash', ['-c', ask], { encoding: 'utf8', env: ENV, cwd: tempDir() });

      expect(stderr).toBe('');
      expect(stdout.trim().split('\n')).toEqual(expected);
    });
  });
});
