import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const CLI = fileURLToPath(new URL('../../src/cli/', import.meta.url));

function importsOf(file: string): { readonly late: string[]; readonly early: string[] } {
  const text = readFileSync(join(CLI, file), 'utf8');
  return {
    late: [...text.matchAll(/\bimport\('([^']+)'\)/g)].map(([, path = '']) => path),
    early: [...text.matchAll(/^import (?!type\b).*'(\.[^']+)';$/gm)].map(([, path = '']) => path),
  };
}

// `demo-steps.ts` is a part of `demo.ts`.
const actions = readdirSync(join(CLI, 'actions')).filter((file) => !file.includes('-'));
/** Commands that are a restore of other documents. */
const RESTORES = ['undo.ts', 'apply.ts'];

it.each([...actions, ...RESTORES])('the command %s loads its work when it runs, and nothing else before', (file) => {
  const { late, early } = importsOf(file);

  expect([...new Set(late)]).toEqual([`./actions/${RESTORES.includes(file) ? 'restore.ts' : file}`]);
  // Otherwise the help of every command, and every other command, would load it too.
  expect(early.filter((path) => path !== './options.ts')).toEqual([]);
});

/** What a flag asks for. */
const FLAGS = ['actions/restore.ts', 'actions/sync.ts'];

it('only commands load something late, flags what is large, and the program what explains a failure', () => {
  const files = readdirSync(CLI, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const late = files.filter((file) => importsOf(file).late.length > 0);

  expect(late.sort()).toEqual([...actions, ...RESTORES, ...FLAGS, 'program.ts'].sort());
});
