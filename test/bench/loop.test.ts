import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { benchAccount } from '../../bench/account.ts';
import { listings } from '../../bench/listings.ts';
import { missingTools } from '../../bench/tools.ts';
import { sample } from '../support/account.ts';
import { ENV, tempDir, Workspace } from '../support/workspace.ts';

const LOOP = join(import.meta.dirname, '..', '..', 'bench', 'loop.sh');

/** Files of each type with this ending; types without any are left out. */
function counts(dir: string, ending: string): Record<string, number> {
  const types = Object.keys(listings()).map((type): [string, number] => {
    const files = readdirSync(dir, { recursive: true, encoding: 'utf8' });
    return [type, files.filter((path) => path.startsWith(`${type}/`) && path.endsWith(ending)).length];
  });
  return Object.fromEntries(types.filter(([, count]) => count > 0));
}

it.skipIf(missingTools().length > 0)(
  'the shell loop that is measured mirrors what the program does',
  { tags: 'slow' },
  async () => {
    const account = await sample({ seed: benchAccount(200) });
    const space = new Workspace({ bench: { baseUrl: account.url, token: account.owner.token } });
    await space.sync();
    const target = tempDir();
    // Small pages, so that there are several; one script at once, so that the other keeps to the rate.
    const pages = Object.entries(listings()).map(([type, path]) => `${type}=${path.replace('limit=1000', 'limit=30')}`);
    const env = { ...ENV, TOKEN: account.owner.token, RATE: '100', BURST: '1' };
    await promisify(execFile)('bash', [LOOP, account.url, target, ...pages], { env });
    expect(counts(target, '.json')).toEqual(counts(join(space.mirror, 'bench'), '.yaml'));
    const { stdout } = await promisify(execFile)('git', ['-C', target, 'status', '--porcelain'], { env });
    expect(stdout).toBe('');
    const [script] = readdirSync(join(target, 'scripts'));
    expect(readFileSync(join(target, 'scripts', script ?? ''), 'utf8')).toMatch(/"content": "function hook/);
  },
);
