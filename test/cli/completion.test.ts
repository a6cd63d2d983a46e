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
