import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { cli, Workspace } from '../support/workspace.ts';

const FORMS: readonly (readonly [string, (token: string) => string | Buffer, number])[] = [
  ['LF', (token) => `${token}\n`, 0],
  ['CR LF', (token) => `${token}\r\n`, 0],
  ['a byte order mark', (token) => `\ufeff${token}`, 0],
  ['blanks', (token) => `  ${token}\t \n\n`, 0],
  ['no-break spaces', (token) => `\u00a0${token}\u00a0`, 0],
  ['UTF-16', (token) => Buffer.from(`\ufeff${token}`, 'utf16le'), 64],
  ['two lines', (token) => `${token}\n${token}\n`, 64],
  ['the word Bearer', (token) => `Bearer ${token}`, 64],
  ['nothing', () => '', 64],
  ['blanks alone', () => ' \n', 64],
  ['another token', (token) => `${token}x`, 1],
];

it('right-token-file-forms: a file with what editors add works; any other is refused, and never shown', {
  tags: 'slow',
}, async () => {
  const account = await sample();
  const { token } = account.owner;
  const space = new Workspace({ prod: { baseUrl: account.url, token: 'replaced' } });
  const file = join(space.dir, 'token');
  writeFileSync(
    join(space.dir, 'celigo-mirror.yaml'),
    [
      'repository: { path: mirror }',
      `accounts: { prod: { baseUrl: "${account.url}", tokenFile: token, include: [tags] } }\n`,
    ].join('\n'),
  );

  for (const [form, content, code] of FORMS) {
    writeFileSync(file, content(token), { mode: 0o600 });
    const outcome = await cli(['sync', '--dry-run'], space.dir);
    expect(outcome.code, `${form}: ${outcome.out}${outcome.err}`).toBe(code);
    expect(outcome.out + outcome.err, form).not.toContain(token);
  }
});
