import { spawnSync } from 'node:child_process';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { manPage, roff } from '../../src/cli/actions/man.ts';
import { cli } from '../support/workspace.ts';

/** A page as `man` shows it; `undefined` where groff is not installed. */
function shown(page: string): string | undefined {
  const groff = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-P-cbou', '-rLL=200n'], {
    input: page,
    encoding: 'utf8',
  });
  if (groff.error) return undefined;
  expect(groff.stderr).toBe('');
  return groff.stdout.replaceAll('\u00a0', ' ');
}

const page = async (): Promise<string> => (await cli(['__man', '--date', '2026-11-28'], '/')).out;

describe('the manual page', () => {
  it('has every command with its options, examples and exit codes, as the help has them', async () => {
    const text = shown(await page());
    if (text === undefined) return;
    const plain = text.replace(/\s+/g, ' ');
    const { out } = await cli(['--help'], '/');
    const commands = [...out.slice(out.indexOf('Commands:')).matchAll(/^ {2}([a-z]+) /gm)].map(
      ([, name]) => name ?? '',
    );
    expect(commands.length).toBeGreaterThan(20);
    for (const command of commands.filter((name) => name !== 'help')) {
      const help = (await cli([command, '--help'], '/')).out;
      expect(plain).toContain(`celigo-mirror ${command} [options]`);
      const options = [...help.matchAll(/^ {2}(-\S.*?)(?: {2,}|$)/gm)].map(([, term = '']) => term);
      for (const option of options.filter((term) => !term.includes('--help'))) expect(plain).toContain(option);
      const added = help.slice(Math.max(0, help.search(/^(Examples|Exit codes):/m))).split('\n');
      for (const line of added) expect(plain, command).toContain(line.trim().replace(/\s+/g, ' '));
    }
    expect(plain).not.toContain('__');
  });

  it('has no fault that mandoc or man knows', async () => {
    const source = await page();
    expect(source).toMatch(/^\.TH CELIGO\\-MIRROR 1 2026-11-28 "celigo\\-mirror 0\.0\.0\\-test"$/m);
    const mandoc = spawnSync('mandoc', ['-Tlint', '-Wwarning'], { input: source, encoding: 'utf8' });
    if (!mandoc.error) expect(mandoc.stdout).toBe('');
  });

  it.each([
    '.SH not a heading',
    "'br not a break",
    String.raw`\fBnot bold\fP \n[x] \\`,
    '--option "quoted" `code` ^~ a-b',
    '… “quoted” – é 😀',
    "it's",
  ])('shows %j as it is', (text) => {
    const program = new Command('x').version('1').description(text);
    program
      .command('do')
      .description(text)
      .option('--with <value>', text)
      .addHelpText('after', `\nExamples:\n  ${text}`);
    const found = shown(manPage(program, '2026-11-28'));
    // NAME, DESCRIPTION, the command twice, the option, the example.
    if (found !== undefined) expect(found.split(text).length - 1).toBe(6);
    expect(roff(text)).not.toMatch(/^[.']/);
  });
});
