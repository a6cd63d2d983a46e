import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../support/workspace.ts';

/** Folders whose files import nothing of Node's beyond hashes. */
const PURE = ['core', 'catalogue', 'plan', 'graph', 'lint', 'compare', 'credentials', 'overview', 'audit', 'history'];

/** The diagram of CONTRIBUTING.md: folder → folders that it may import. */
function diagram(): Map<string, readonly string[]> {
  const lines = readFileSync('CONTRIBUTING.md', 'utf8').matchAll(/^([a-z/]+) +→ ?(.*)$/gm);
  return new Map([...lines].map(([, folder = '', names = '']) => [folder, names.split(', ').filter(Boolean)]));
}

/** Folders of `src` that hold files of their own, as the diagram names them. */
function folders(): string[] {
  const inside = (name: string): string[] => {
    const entries = readdirSync(join('src', name), { withFileTypes: true });
    const nested = entries.filter((entry) => entry.isDirectory()).map((entry) => `${name}/${entry.name}`);
    // Only these two have folders with rules of their own.
    if (name !== 'run' && name !== 'emulator') return [name];
    return [...(entries.some((entry) => entry.isFile()) ? [name] : []), ...nested];
  };
  return readdirSync('src', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => inside(name));
}

/** What Biome reports of a tree with these files: `<file>:<line>` by rule. */
function lint(files: ReadonlyMap<string, string>): Map<string, string[]> {
  const root = tempDir();
  const { $schema: _, vcs: __, ...config } = JSON.parse(readFileSync('biome.json', 'utf8'));
  writeFileSync(join(root, 'biome.json'), JSON.stringify(config));
  for (const [path, text] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  cpSync('package.json', join(root, 'package.json'));
  const words = ['lint', '--reporter=json', '--max-diagnostics=none', '.'];
  const biome = join(process.cwd(), 'node_modules/.bin/biome');
  let out: string;
  try {
    out = execFileSync(biome, words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    out = (error as { stdout: string }).stdout;
  }
  const found = new Map<string, string[]>();
  for (const { category, location } of JSON.parse(out).diagnostics as Diagnostic[]) {
    const place = `${location.path}:${location.start.line}`;
    found.set(category, [...(found.get(category) ?? []), place]);
  }
  return found;
}

interface Diagnostic {
  readonly category: string;
  readonly location: { readonly path: string; readonly start: { readonly line: number } };
}

it('the diagram names every folder', () => {
  expect([...diagram().keys()].sort()).toEqual(folders().sort());
});

it('the linter allows exactly the imports of the diagram', () => {
  const allowed = diagram();
  const names = folders();
  const files = new Map<string, string>();
  const expected: string[] = [];
  for (const folder of names) {
    const path = `src/${folder}/probe.ts`;
    const rule = allowed.get(folder) ?? [];
    const imports = names.filter((name) => name !== folder).map((name) => [name, `src/${name}/thing.ts`] as const);
    const lines = imports.map(([, file]) => {
      const from = relative(dirname(path), file);
      return `import '${from.startsWith('.') ? from : `./${from}`}';`;
    });
    files.set(path, `${lines.join('\n')}\nimport 'node:fs';\n`);
    for (const [i, [name]] of imports.entries())
      if (!rule.includes('all') && !rule.includes(name)) expected.push(`${path}:${i + 1}`);
    if (PURE.includes(folder)) expected.push(`${path}:${imports.length + 1}`);
  }
  expect(lint(files).get('lint/style/noRestrictedImports')?.sort()).toEqual(expected.sort());
});

it('two files that import each other are an error, also when only types go back', () => {
  const found = lint(
    new Map([
      ['src/core/one.ts', "import { two } from './two.ts';\nexport const one = two;\nexport type One = string;\n"],
      ['src/core/two.ts', "import type { One } from './one.ts';\nexport const two: One = '';\n"],
    ]),
  );
  expect(found.get('lint/suspicious/noImportCycles')).toEqual(['src/core/one.ts:1', 'src/core/two.ts:1']);
});
