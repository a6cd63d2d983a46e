import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ENV, tempDir } from '../support/workspace.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

function run(command: string, args: readonly string[], cwd: string): string {
  const env = { ...ENV, HOME: cwd, npm_config_cache: join(cwd, '.npm'), npm_config_offline: 'true' };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  expect(stderr, `${command} ${args.join(' ')}`).not.toMatch(/npm error/);
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

it('is installed as one package, without a network, and runs with its licences beside it', {
  tags: 'slow',
}, async () => {
  const dir = tempDir();
  // Built already: a build would take the program away from the tests beside this one.
  const [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir, ROOT], dir),
  ) as [{ filename: string }];
  run('npm', ['install', '--global', '--prefix', dir, join(dir, packed.filename)], dir);

  expect(existsSync(join(dir, 'share', 'man', 'man1', 'celigo-mirror.1'))).toBe(true);
  const installed = join(dir, 'lib', 'node_modules');
  expect(readdirSync(installed)).toEqual(['celigo-mirror']);
  expect(existsSync(join(installed, 'celigo-mirror', 'node_modules'))).toBe(false);
  const terms = readFileSync(join(installed, 'celigo-mirror', 'dist', 'THIRD_PARTY_LICENSES'), 'utf8');
  for (const bundled of ['undici', 'simple-git', 'yaml', 'pino', 'zod']) expect(terms).toMatch(named(bundled));
  // Only tests and builds load these.
  for (const other of ['vitest', 'typescript', 'esbuild']) expect(terms).not.toMatch(named(other));
  expect(run(join(dir, 'bin', 'celigo-mirror'), ['demo'], dir)).toContain('restore');
});

// A package that imports zod as an object would bring them into every command: a fifth of the time of a short one.
it('holds no messages in languages that it does not speak', () => {
  const dist = join(ROOT, 'dist');
  const files = readdirSync(dist).filter((name) => name.endsWith('.js'));
  expect(files.filter((name) => readFileSync(join(dist, name), 'utf8').includes('Ugyldig'))).toEqual([]);
});

function named(name: string): RegExp {
  return new RegExp(`^${name}@\\d\\S* \\(`, 'm');
}
