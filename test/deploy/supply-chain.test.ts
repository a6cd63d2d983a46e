import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/workspace.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Lock {
  readonly packages: Record<string, Record<string, unknown>>;
}

/** `npm run audit` without the checks that need a network, on this project with its lock file changed. */
function audit(only: string, change: (lock: Lock) => void = () => {}) {
  const dir = tempDir();
  for (const name of ['package.json', 'package-lock.json']) {
    const content = JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
    if (name === 'package-lock.json') change(content as Lock);
    writeFileSync(join(dir, name), JSON.stringify(content));
  }
  const script = join(ROOT, 'scripts/audit.mjs');
  const { status, stdout } = spawnSync(process.execPath, [script, '--only', only, '--folder', dir], {
    encoding: 'utf8',
  });
  return { dir, status, stdout };
}

function entry(lock: Lock, path: string): Record<string, unknown> {
  const found = lock.packages[path];
  if (!found) throw new Error(`no ${path}`);
  return found;
}

describe('the lock file', () => {
  it('names every package by its hash, none from elsewhere', { tags: 'slow' }, () => {
    expect(audit('lock')).toMatchObject({ status: 0, stdout: expect.stringContaining('All is well.') });
  });

  it.each<[string, (lock: Lock) => void, string]>([
    ['without a hash', (lock) => delete entry(lock, 'node_modules/zod').integrity, 'zod: has no SHA-512 hash'],
    [
      'with a weak hash',
      (lock) => Object.assign(entry(lock, 'node_modules/zod'), { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }),
      'zod: has no SHA-512 hash',
    ],
    [
      'from elsewhere',
      (lock) => Object.assign(entry(lock, 'node_modules/zod'), { resolved: 'https://x.test/zod.tgz' }),
      'zod: comes from https://x.test/zod.tgz',
    ],
    ['without a package', (lock) => delete lock.packages['node_modules/zod'], 'missing: zod@'],
  ])('%s is found', (_what, change, words) => {
    const { status, stdout } = audit('lock', change);

    expect(status).toBe(1);
    expect(stdout).toContain(words);
    expect(stdout).toContain('Found something: lock.');
  });
});

describe('the bill of materials', () => {
  it('names the program and every package with its hash', () => {
    const { dir, status } = audit('sbom');

    expect(status).toBe(0);
    const { metadata, components } = JSON.parse(readFileSync(join(dir, 'sbom.cdx.json'), 'utf8')) as {
      metadata: { component: { name: string } };
      components: { name: string; hashes?: unknown[] }[];
    };
    expect(metadata.component.name).toBe('celigo-mirror');
    expect(components.map(({ name }) => name)).toContain('simple-git');
    expect(components.filter(({ hashes }) => !hashes?.length)).toEqual([]);
  });
});
