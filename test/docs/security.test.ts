import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

it('docs/security.md names a test that exists for everything that is tried', () => {
  const [, section = ''] = readFileSync(join(ROOT, 'docs/security.md'), 'utf8').split(/^## Who may do what$/m);
  const rows = section
    .slice(0, section.search(/^## /m))
    .split('\n')
    .filter((line) => line.split('|').length === 5 && !/what is tried|---/.test(line));
  const missing = rows.filter((row) => {
    const tests = [...(row.split('|')[3] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => `test/${name}.test.ts`);
    return tests.length === 0 || tests.some((path) => !existsSync(join(ROOT, path)));
  });

  expect(rows.length).toBeGreaterThan(15);
  expect(missing).toEqual([]);
});
