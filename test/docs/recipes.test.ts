import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withKey } from '../../src/core/paths.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample } from '../support/account.ts';
import { cli, ENV, PROGRAM, tempDir, Workspace } from '../support/workspace.ts';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const DAY_MS = 86_400_000;

/** Recipes of more than one account; the others have `production` alone. */
const OF_TWO_ACCOUNTS: ReadonlySet<string> = new Set([
  'What differs between sandbox and production',
  'Promote sandbox to production',
  'Several accounts',
]);

/** The recipe that needs an empty account, besides. */
const OF_A_REHEARSAL = 'Rehearse in a real account';

/** A fenced block of the recipes. */
interface Block {
  readonly recipe: string;
  readonly language: string;
  readonly text: string;
}

function recipeBlocks(readme: string): Block[] {
  const [, recipes = ''] = /^## Recipes\n(.*?)^## /ms.exec(readme) ?? [];
  return recipes.split(/^### /m).flatMap((section) => {
    const recipe = section.slice(0, section.indexOf('\n'));
    return [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
      recipe,
      language,
      text,
    }));
  });
}

/** The commands of a block, each with the exit code that it announces: `# exits with 1: …`, otherwise 0. */
function commandsOf({ text }: Block): { command: string; code: number }[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((command) => ({ command, code: Number(/# exits with (\d+)\b/.exec(command)?.[1] ?? 0) }));
}

/** Folders with a configuration and a mirror of ten days: edits two days ago, and an edit and a deletion just now. */
async function workspaces(): Promise<{ one: string; two: string; rehearsal: string }> {
  let ago = 10 * DAY_MS;
  const now = () => new Date(Date.now() - ago);
  const production = await sample({ now });
  const target = await sample({ now });
  const sandbox = await sample({ now });
  const token = production.owner.token;
  const one = new Workspace({ production: { baseUrl: production.url, token } });
  const two = new Workspace({
    production: { baseUrl: target.url, token },
    sandbox: { baseUrl: sandbox.url, token: sandbox.owner.token },
  });
  const sync = async (space: Workspace) => {
    const { code, err } = await cli(['sync'], space.dir, {}, now());
    expect(code, err).toBe(0);
  };
  const idOf = (type: string, name: string): string => {
    const found = production.emulator.state.all(type).find((doc) => doc.name === name);
    if (!found) throw new Error(`no ${type} ${name}`);
    return String(found._id);
  };

  await sync(one);
  ago = 2 * DAY_MS;
  const notices = idOf('flows', 'Ship notices 856');
  const mateo = production.person('administrator', 1);
  await production.update(mateo, 'flows', notices, (doc) => withKey(doc, 'schedule', '? 10 5 ? * *'));
  await sync(one);
  ago = 60_000;
  const priya = production.person('administrator');
  await production.update(priya, 'scripts', idOf('scripts', 'Order router'), (doc) =>
    withKey(doc, 'content', `// bergen\n${doc.content}`),
  );
  await production.call(priya, 'DELETE', `/v1/flows/${notices}`);
  await sync(one);
  ago = 0;
  // Names of tools are unique, and the promotion creates one of this name.
  const tool = idOf('tools', 'Availability in stores');
  await target.update(target.owner, 'tools', tool, (doc) => withKey(doc, 'name', 'Availability (before)'));
  await sync(two);
  const empty = await sample({ seed: emptyAccount(), legacyRest: 'accept' });
  const rehearsal = new Workspace({
    production: { baseUrl: production.url, token },
    rehearsal: { baseUrl: empty.url, token: empty.owner.token, drill: true },
  });
  await sync(rehearsal);
  // From now on it signs.
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(one.dir, 'signing')]);
  one.configure({ production: { baseUrl: production.url, token } }, { repository: { signingKeyFile: 'signing' } });
  return { one: one.dir, two: two.dir, rehearsal: rehearsal.dir };
}

/** A folder with the built program under the name that the README uses. */
function binFolder(): string {
  const bin = join(tempDir(), 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'celigo-mirror'), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  chmodSync(join(bin, 'celigo-mirror'), 0o755);
  return bin;
}

function shell(command: string, cwd: string, env: Record<string, string>): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile('bash', ['-c', command], { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, output: stdout + stderr });
    });
  });
}

describe('the recipes of the README', () => {
  const blocks = recipeBlocks(readFileSync(README, 'utf8'));

  it('are nearly all runnable', () => {
    const count = (language: string) => blocks.filter((block) => block.language === language).length;

    expect(count('sh')).toBeGreaterThan(10);
    expect(count('console')).toBeLessThan(5);
    expect(
      blocks.map(({ language }) => language).filter((it) => !['sh', 'console', 'yaml', 'json'].includes(it)),
    ).toEqual([]);
  });

  it('run as written against the sample account', { tags: 'slow', timeout: 480_000 }, async () => {
    const { one, two, rehearsal } = await workspaces();
    const env = { ...ENV, PATH: `${binFolder()}:${ENV.PATH}`, HOOK_PASSWORD: 'a-password', HOOK_TOKEN: 'a-token' };

    for (const block of blocks) {
      const dir = block.recipe === OF_A_REHEARSAL ? rehearsal : OF_TWO_ACCOUNTS.has(block.recipe) ? two : one;
      const [, file] = /^# (\S+\.yaml)\b/.exec(block.text) ?? [];
      if (block.language === 'yaml' && file) writeFileSync(join(dir, file), block.text);
      if (block.language !== 'sh') continue;
      for (const { command, code } of commandsOf(block)) {
        const outcome = await shell(command, dir, env);
        expect(outcome.code, `${block.recipe}: ${command}\n${outcome.output}`).toBe(code);
      }
    }
  });
});
